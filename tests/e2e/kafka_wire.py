"""Just enough of Kafka's protocol to send what no client would: raw frames, requests in old plain versions, and record batches
whose every field can be wrong. Answers are taken apart only as far as the tests look."""

import socket
import struct
import time
from dataclasses import dataclass, field

PRODUCE, FETCH, METADATA, API_VERSIONS, CREATE_TOPICS, DELETE_TOPICS, INIT_PRODUCER_ID = 0, 1, 3, 18, 19, 20, 22
CODEC_IDS = {"none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}


class Closed(Exception):
    """The service closed the connection."""


def _crc_table() -> list[int]:
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


_CRC_TABLE = _crc_table()


def crc32c(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ _CRC_TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def text(value: str | bytes | None) -> bytes:
    if value is None:
        return struct.pack(">h", -1)
    raw = value.encode() if isinstance(value, str) else value
    return struct.pack(">h", len(raw)) + raw


def blob(value: bytes) -> bytes:
    return struct.pack(">i", len(value)) + value


def array(items: list[bytes]) -> bytes:
    return struct.pack(">i", len(items)) + b"".join(items)


def varint(value: int) -> bytes:
    value = (value << 1) ^ (value >> 63)
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def record(delta: int = 0, key: bytes | None = b"k", value: bytes = b"v", headers: int = 0, timestamp_delta: int = 0) -> bytes:
    body = b"\0" + varint(timestamp_delta) + varint(delta)
    body += varint(-1) if key is None else varint(len(key)) + key
    body += varint(len(value)) + value + varint(headers) + (varint(1) + b"h" + varint(0)) * headers
    return varint(len(body)) + body


@dataclass
class Batch:
    """A record batch of magic 2. What is None is computed from the records."""
    records: bytes = field(default_factory=record)
    base_offset: int = 0
    magic: int = 2
    attributes: int = 0
    count: int = 1
    last_offset_delta: int | None = None
    timestamp_ms: int = field(default_factory=lambda: int(time.time() * 1000))
    producer_id: int = -1
    producer_epoch: int = -1
    base_sequence: int = -1
    crc: int | None = None
    length: int | None = None

    def encode(self) -> bytes:
        delta = self.count - 1 if self.last_offset_delta is None else self.last_offset_delta
        checked = struct.pack(">hiqqqhii", self.attributes, delta, self.timestamp_ms, self.timestamp_ms, self.producer_id,
                              self.producer_epoch, self.base_sequence, self.count) + self.records
        crc = crc32c(checked) if self.crc is None else self.crc
        length = len(checked) + 9 if self.length is None else self.length
        return struct.pack(">qiibI", self.base_offset, length, -1, self.magic, crc) + checked


class Wire:
    """One connection."""

    def __init__(self, port: int, seconds_max: float = 20, host: str = "127.0.0.1"):
        self.socket = socket.create_connection((host, port), timeout=seconds_max)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.correlation = 0

    def __enter__(self) -> "Wire":
        return self

    def __exit__(self, *_) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        try:
            self.socket.sendall(data)
        except (ConnectionResetError, BrokenPipeError) as gone:
            raise Closed from gone

    def receive(self, count: int) -> bytes:
        data = bytearray()
        while len(data) < count:
            try:
                got = self.socket.recv(min(count - len(data), 1 << 20))
            except ConnectionResetError as gone:
                raise Closed from gone
            if not got:
                raise Closed
            data += got
        return bytes(data)

    def answer(self) -> bytes:
        """The next answer behind its correlation id."""
        frame = self.receive(struct.unpack(">i", self.receive(4))[0])
        assert struct.unpack(">i", frame[:4])[0] == self.correlation, "the answer to another request"
        return frame[4:]

    def header(self, api: int, version: int) -> bytes:
        self.correlation += 1
        return struct.pack(">hhi", api, version, self.correlation) + text("bad-input")

    def ask(self, api: int, version: int, body: bytes) -> bytes:
        self.send(blob(self.header(api, version) + body))
        return self.answer()

    def is_closed_within(self, seconds: float) -> bool:
        self.socket.settimeout(seconds)
        try:
            return self.socket.recv(1) == b""
        except ConnectionResetError:
            return True
        except TimeoutError:
            return False

    # --- requests, in their last version without tagged fields ---

    def create(self, topic: str | bytes, partitions: int = 1, **settings: object) -> int:
        configs = array([text(name.replace("_", ".")) + text(str(value)) for name, value in settings.items()])
        body = array([text(topic) + struct.pack(">ih", partitions, 1) + array([]) + configs]) + struct.pack(">ib", 10000, 0)
        answer = self.ask(CREATE_TOPICS, 4, body)
        at = 4 + 4  # throttle, count
        name_bytes = struct.unpack_from(">h", answer, at)[0]
        return struct.unpack_from(">h", answer, at + 2 + name_bytes)[0]

    def produce_request(self, topic: str, batch: bytes, partition: int = 0, acks: int = -1) -> bytes:
        return text(None) + struct.pack(">hi", acks, 10000) + array(
            [text(topic) + array([struct.pack(">i", partition) + blob(batch)])])

    def produce(self, topic: str, batch: Batch | bytes, partition: int = 0) -> tuple[int, int]:
        """Error code and base offset."""
        raw = batch.encode() if isinstance(batch, Batch) else batch
        answer = self.ask(PRODUCE, 7, self.produce_request(topic, raw, partition))
        return struct.unpack_from(">hq", answer, 4 + 2 + len(topic.encode()) + 4 + 4)

    def refusal(self, topic: str, batch: Batch | bytes) -> tuple[int, str]:
        """Error code and message (from v8 on there is one) of a batch for partition 0."""
        raw = batch.encode() if isinstance(batch, Batch) else batch
        answer = self.ask(PRODUCE, 8, self.produce_request(topic, raw))
        at = 4 + 2 + len(topic.encode()) + 4 + 4
        error, _, _, _, faults = struct.unpack_from(">hqqqi", answer, at)
        assert faults == 0, "records are named: not the whole batch is at fault"
        at += 30
        size = struct.unpack_from(">h", answer, at)[0]
        return error, answer[at + 2:at + 2 + size].decode() if size >= 0 else ""

    def fetch(self, partitions: list[tuple[str, int, int, int]], max_bytes: int = 1 << 20, max_wait_ms: int = 0,
              min_bytes: int = 0) -> bytes:
        """partitions: topic, partition, offset, bytes of it at most. The answer of v7, from behind the session id."""
        topics = [text(topic) + array([struct.pack(">iqqi", number, offset, -1, limit)])
                  for topic, number, offset, limit in partitions]
        head = struct.pack(">iiiibii", -1, max_wait_ms, min_bytes, max_bytes, 0, 0, -1)
        return self.ask(FETCH, 7, head + array(topics) + array([]))[10:]

    def fetch_error(self, topic: str, partition: int, offset: int, **more: int) -> int:
        answer = self.fetch([(topic, partition, offset, 1 << 20)], **more)
        return struct.unpack_from(">h", answer, 4 + 2 + len(topic.encode()) + 4 + 4)[0]

    def init_producer_id(self) -> tuple[int, int]:
        _, error, producer_id, epoch = struct.unpack(">ihqh", self.ask(INIT_PRODUCER_ID, 1, text(None) + struct.pack(">i", 1)))
        assert error == 0, error
        return producer_id, epoch

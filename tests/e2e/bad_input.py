#!/usr/bin/env python3
"""Bad requests and batches over raw sockets, each answered as Kafka would, while an honest client goes on and the service's
resident memory stays within its budget."""

import contextlib
import re
import struct
import threading
import time
from typing import Iterator

import bombs
from harness import Service, grown_kib, is_sanitized, run_cases, service
from kafka_wire import API_VERSIONS, CODEC_IDS, CREATE_TOPICS, FETCH, METADATA, PRODUCE, Batch, Closed, Wire, array, blob
from kafka_wire import crc32c, record, text

BUDGET_KIB = 256 << 10
NONE, OFFSET_OUT_OF_RANGE, CORRUPT, TOO_LARGE, INVALID_TOPIC = 0, 1, 2, 10, 17
INVALID_TIMESTAMP, UNSUPPORTED_VERSION, INVALID_REQUEST, OUT_OF_ORDER, STALE_EPOCH = 32, 35, 42, 45, 47
UNSUPPORTED_CODEC, INVALID_RECORD, FENCED = 76, 87, 90


class HonestClient:
    """Produces and fetches all the time; whatever others do, it gets its answers."""

    def __init__(self, steled: Service):
        self.wire = Wire(steled.kafka_port, 90)
        assert self.wire.create("honest") == NONE
        self.took: list[float] = []
        self.problem: Exception | None = None
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self) -> None:
        try:
            while not self.stopping.is_set():
                began = time.monotonic()
                error, offset = self.wire.produce("honest", Batch())
                assert (error, offset) == (NONE, len(self.took)), (error, offset)
                assert self.wire.fetch_error("honest", 0, offset) == NONE
                self.took.append(time.monotonic() - began)
                self.stopping.wait(0.01)
        except Exception as problem:  # noqa: BLE001 - told by finish()
            self.problem = problem

    def finish(self, worst_seconds: float) -> str:
        deadline = time.monotonic() + 10
        while len(self.took) < 10 and self.thread.is_alive() and time.monotonic() < deadline:
            time.sleep(0.01)
        self.stopping.set()
        self.thread.join(100)
        assert self.problem is None, repr(self.problem)
        slowest = max(self.took)
        assert len(self.took) > 5 and slowest < worst_seconds, f"{len(self.took)} answers, the slowest {slowest:.1f} s"
        p99 = sorted(self.took)[int(len(self.took) * 0.99)]
        return f"beside it {len(self.took)} honest answers, p99 {p99 * 1000:.0f} ms, slowest {slowest * 1000:.0f} ms"


@contextlib.contextmanager
def attacked(*flags: str, worst_seconds: float = 5.0, honest: bool = True) -> Iterator[tuple[Service, list[str]]]:
    """A service with an honest client; afterwards it is alive, its memory within the budget. Adds to the told list."""
    with service("bad", *flags) as steled:
        told: list[str] = []
        client = HonestClient(steled) if honest else None
        yield steled, told
        if client:
            told.append(client.finish(worst_seconds))
        assert steled.running(), "it ended"
        most = steled.memory_kib()
        assert most <= BUDGET_KIB or is_sanitized(), f"{most} KiB were resident, the budget is {BUDGET_KIB}"
        told.append(f"at most {most >> 10} MiB resident")
        assert steled.stop() == 0


def is_refused(steled: Service, data: bytes) -> bool:
    with Wire(steled.kafka_port) as wire:
        with contextlib.suppress(Closed):
            wire.send(data)
        return wire.is_closed_within(20)


def impossible_lengths() -> str:
    lengths = [-1, -2**31, 0, 1, 7, (100 << 20) + 1, 2**31 - 1]
    with attacked() as (steled, told):
        for length in lengths:
            assert is_refused(steled, struct.pack(">i", length) + b"x" * 8), length
        assert is_refused(steled, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"), "HTTP"
        assert is_refused(steled, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500)), "TLS"
    return f"{len(lengths) + 2} closed; {'; '.join(told)}"


def promised_but_never_sent() -> str:
    """100 MiB declared, 10 bytes sent, by a hundred clients: no memory for what has not come; closed at the deadline."""
    count = 100
    with attacked() as (steled, told):
        idle: list[Wire] = []

        def attack() -> None:
            for _ in range(count):
                idle.append(Wire(steled.kafka_port))
                idle[-1].send(struct.pack(">i", 100 << 20) + b"\0\0\0\7\0\0\0\1\0\0")
            time.sleep(1)

        grown = grown_kib(steled, attack) / count
        assert grown < 64 or is_sanitized(), f"{grown} KiB for each"
        began = time.monotonic()
        assert all(wire.is_closed_within(45) for wire in idle)
        told.append(f"{grown:.1f} KiB for each, closed after {time.monotonic() - began:.0f} s")
    return "; ".join(told)


def slow_and_half_open() -> str:
    """A byte now and then from 300 clients, 300 that never say anything, and 300 that leave in the middle."""
    count = 300
    with attacked() as (steled, told):
        slow = [Wire(steled.kafka_port) for _ in range(count)]
        for wire in slow:
            wire.send(struct.pack(">i", 60000))
        silent = [Wire(steled.kafka_port) for _ in range(count)]
        for _ in range(count):
            with Wire(steled.kafka_port) as wire:
                wire.send(struct.pack(">ihh", 1000, PRODUCE, 7) + b"half")
        began, closed = time.monotonic(), 0
        while slow and time.monotonic() - began < 60:
            time.sleep(3)
            closed_now = []
            for wire in slow:
                try:
                    wire.send(b"\0")
                    if wire.is_closed_within(0.001):
                        closed_now.append(wire)
                except Closed:
                    closed_now.append(wire)
            slow = [wire for wire in slow if wire not in closed_now]
            closed += len(closed_now)
        assert closed == count, f"only {closed} of {count} slow ones were closed"
        connections = steled.metric("stele_kafka_connections")
        assert connections <= count + 5, f"{connections} connections: those that left are still there"
        told.append(f"slow ones closed after {time.monotonic() - began:.0f} s")
        for wire in silent:
            wire.socket.close()
    return "; ".join(told)


def too_many_connections() -> str:
    """More connections than one address may have: refused at once, others go on; room again when they leave."""
    with attacked("--connections-per-ip-max", "50") as (steled, told):
        flood = []
        for _ in range(400):
            with contextlib.suppress(OSError):
                flood.append(Wire(steled.kafka_port, 5))
        served = [wire for wire in flood if not wire.is_closed_within(0.01)]
        assert 40 <= len(served) <= 50, len(served)
        assert steled.metric("stele_kafka_connections_refused_total") >= 350
        for wire in flood:
            wire.socket.close()
        time.sleep(0.2)
        with Wire(steled.kafka_port) as wire:
            assert wire.ask(API_VERSIONS, 0, b"")[:2] == b"\0\0"
        told.append(f"{len(served)} of 400 served")
    return "; ".join(told)


def counts_that_lie() -> str:
    huge = struct.pack(">i", 2**31 - 1)
    rows = [
        (METADATA, 4, huge),
        (METADATA, 9, b"\xff\xff\xff\xff\x07" + bytes(4)),
        (PRODUCE, 7, text(None) + struct.pack(">hi", -1, 1000) + huge),
        (PRODUCE, 7, text(None) + struct.pack(">hi", -1, 1000) + array([text("t") + huge])),
        (PRODUCE, 7, text(None) + struct.pack(">hi", -1, 1000) + array([text("t") + array([bytes(4) + huge])])),
        (FETCH, 7, struct.pack(">iiiibii", -1, 0, 0, 1 << 20, 0, 0, -1) + huge),
        (CREATE_TOPICS, 4, huge),
        (CREATE_TOPICS, 5, b"\xff\xff\xff\xff\x0f"),
        (METADATA, 4, struct.pack(">i", 1) + struct.pack(">h", 32767)),
        (API_VERSIONS, 3, b"\xff\xff\xff\xff\x0fx"),
    ]
    with attacked() as (steled, told):
        def attack() -> None:
            for api, version, body in rows:
                flexible = (api, version) in ((METADATA, 9), (CREATE_TOPICS, 5), (API_VERSIONS, 3))
                with Wire(steled.kafka_port) as wire:
                    wire.send(blob(wire.header(api, version) + (b"\0" if flexible else b"") + body))
                    with contextlib.suppress(Closed):
                        answer = wire.answer()
                        assert struct.pack(">h", INVALID_REQUEST) in answer[:12], (api, version, answer[:40])

        grown = grown_kib(steled, attack)
        assert grown < 4096 or is_sanitized(), f"{grown} KiB"
        told.append(f"{len(rows)} refused for {grown} KiB")
    return "; ".join(told)


def unknown_apis_and_versions() -> str:
    with attacked() as (steled, told):
        # 17 and 36 are SASL's: nobody has to prove who they are, so nobody is asked to.
        for api, version in ((9999, 0), (-1, 0), (17, 1), (36, 0), (PRODUCE, 2), (PRODUCE, 99), (FETCH, 3), (METADATA, -1), (METADATA, 99)):
            with Wire(steled.kafka_port) as wire:
                wire.send(blob(wire.header(api, version) + bytes(16)))
                assert wire.is_closed_within(10), (api, version)
        for version in (5, 99, 32767):
            with Wire(steled.kafka_port) as wire:
                answer = wire.ask(API_VERSIONS, version, b"\0" + b"\5name\0021\0")
                error, count = struct.unpack_from(">hi", answer)
                assert error == UNSUPPORTED_VERSION and count >= 1 and len(answer) == 6 + 6 * count, answer
                # The connection goes on, in a version that both know.
                assert wire.ask(API_VERSIONS, 0, b"")[:2] == b"\0\0"
    return "; ".join(told)


def topic_names() -> str:
    names = ["", ".", "..", "a/b", "../../etc", "a\0b", "x" * 250, "grüße", "a b", "a\nb", b"\xff\xfe", "__stele_catalogue",
             "__consumer_offsets"]
    with attacked() as (steled, told), Wire(steled.kafka_port) as wire:
        for name in names:
            try:
                error = wire.create(name)
            except Closed:
                assert isinstance(name, bytes), name  # not text at all: not a request
                wire = Wire(steled.kafka_port)
                continue
            assert error == INVALID_TOPIC or str(name).startswith("__") and error in (INVALID_TOPIC, 36), (name, error)
            if name:
                # Metadata v4 that would create it: the error of the topic behind brokers, controller and count.
                answer = wire.ask(METADATA, 4, array([text(name)]) + b"\1")
                assert struct.pack(">h", INVALID_TOPIC) + text(name) in answer or str(name).startswith("__"), (name, answer)
            assert wire.produce(str(name), Batch())[0] in (3, INVALID_TOPIC), name
        assert wire.create("x" * 249) == NONE and wire.create("A.b_c-9") == NONE
        folders = [path.name for path in (steled.data / "topics").iterdir()]
        assert all(re.fullmatch(r"[A-Za-z0-9_-]{22}", name) for name in folders), folders
    return f"{len(names)} names; {'; '.join(told)}"


def batches_that_lie() -> str:
    good = Batch()
    two = record(0) + record(1)
    rows = [
        ("wrong checksum", Batch(crc=1), CORRUPT),
        ("a bit flipped", good.encode()[:-1] + b"\xff", CORRUPT),
        ("magic 0", Batch(magic=0), INVALID_RECORD),
        ("magic 1", Batch(magic=1), INVALID_RECORD),
        ("magic 3", Batch(magic=3), INVALID_RECORD),
        ("count is not delta + 1", Batch(two, count=2, last_offset_delta=5), INVALID_RECORD),
        ("count above the records", Batch(two, count=3), INVALID_RECORD),
        ("count below the records", Batch(two, count=1), INVALID_RECORD),
        ("count 0", Batch(b"", count=0, last_offset_delta=0), INVALID_RECORD),
        ("count 2^31-1", Batch(count=2**31 - 1, last_offset_delta=2**31 - 2), INVALID_RECORD),
        ("negative count", Batch(count=-1, last_offset_delta=-2), INVALID_RECORD),
        ("base offset 7", Batch(base_offset=7), INVALID_RECORD),
        ("negative base offset", Batch(base_offset=-1), INVALID_RECORD),
        ("control bit", Batch(attributes=0x20), INVALID_RECORD),
        ("offset deltas 0, 0", Batch(record(0) + record(0), count=2), INVALID_RECORD),
        ("length below the header", Batch(length=10), CORRUPT),
        ("length beyond the bytes", Batch(length=100000), INVALID_RECORD),
        ("negative length", Batch(length=-5), CORRUPT),
        ("two batches", good.encode() + good.encode(), INVALID_RECORD),
        ("sequence without producer", Batch(producer_id=5, producer_epoch=0, base_sequence=-1), INVALID_RECORD),
        ("unknown codec 5", Batch(attributes=5), UNSUPPORTED_CODEC),
        ("unknown codec 7", Batch(attributes=7), UNSUPPORTED_CODEC),
        ("not gzip", Batch(b"this is not gzip", attributes=1), INVALID_RECORD),
        ("not zstd", Batch(b"this is not zstd", attributes=4), INVALID_RECORD),
        ("LogAppendTime by a client", Batch(attributes=8), INVALID_TIMESTAMP),
        ("time 2^63-1", Batch(timestamp_ms=2**63 - 1), INVALID_TIMESTAMP),
        ("year 9999", Batch(timestamp_ms=253370764800000), INVALID_TIMESTAMP),
        ("nothing", b"", INVALID_RECORD),
        ("half a header", good.encode()[:30], INVALID_RECORD),
    ]
    with attacked() as (steled, told), Wire(steled.kafka_port) as wire:
        assert wire.create("t") == NONE
        wrong = []
        for name, batch, wanted in rows:
            error, offset = wire.produce("t", batch)
            if (error, offset) != (wanted, -1):
                wrong.append(f"{name}: answered {error} at {offset}, wanted {wanted}")
        assert not wrong, wrong
        assert wire.produce("t", good) == (NONE, 0), "something refused was kept"
    return f"{len(rows)} batches; {'; '.join(told)}"


def batches_that_are_too_much() -> str:
    with attacked() as (steled, told), Wire(steled.kafka_port) as wire:
        assert wire.create("t") == NONE and wire.create("large", max_message_bytes=8 << 20) == NONE
        assert wire.create("keyed", cleanup_policy="compact") == NONE
        assert wire.produce("keyed", Batch(record(key=None))) == (INVALID_RECORD, -1), "no key, and yet to be compacted"
        assert wire.produce("t", Batch(record(value=bytes(1 << 20)))) == (TOO_LARGE, -1)
        assert wire.produce("large", Batch(record(headers=1_000_000))) == (INVALID_RECORD, -1)
        assert wire.produce("large", Batch(record(key=bytes(1 << 20)))) == (INVALID_RECORD, -1)
        assert wire.produce("large", Batch(record(value=bytes(2 << 20)))) == (NONE, 0)
    return "; ".join(told)


def decompression_bombs() -> str:
    rows = {
        "gzip": bombs.gzip_bomb(900 << 20), "zstd": bombs.zstd_bomb(24 << 30), "lz4": bombs.lz4_bomb(200 << 20),
        "snappy": bombs.snappy_bomb(20 << 20),
    }
    lies = {"zstd": bombs.zstd_bomb(1 << 20, window_log=31), "lz4": bombs.lz4_bomb(64 << 20, declared_bytes=1 << 60),
            "snappy": bombs.snappy_lie(2**32 - 1)}
    with attacked() as (steled, told), Wire(steled.kafka_port, 60) as wire:
        assert wire.create("t") == NONE
        # What honest batches of this size take is not the bombs' doing.
        for _ in range(4):
            assert wire.produce("t", Batch(record(value=bytes(1_000_000))))[0] == NONE
        for kind, payloads in (("bomb", rows), ("lie", lies)):
            for codec, payload in payloads.items():
                batch = Batch(payload, attributes=CODEC_IDS[codec]).encode()
                assert len(batch) <= 1048588, f"{codec}: {len(batch)}"

                def attack() -> None:
                    error, message = wire.refusal("t", batch)
                    assert error == INVALID_RECORD, f"{codec} {kind}: {error}"
                    assert kind == "lie" or "16777216" in message, f"{codec}: not for its size: {message}"

                grown = grown_kib(steled, attack)
                assert grown < 20 << 10 or is_sanitized(), f"{codec} {kind}: {grown} KiB"
                told.append(f"{codec} {kind} of {len(batch) >> 10} KiB for {grown} KiB")
        assert wire.produce("t", Batch())[0] == NONE
    return "; ".join(told)


def sequences_and_epochs() -> str:
    with attacked(honest=False) as (steled, told), Wire(steled.kafka_port) as wire:
        assert wire.create("t") == NONE
        producer, epoch = wire.init_producer_id()

        def send(sequence: int, at_epoch: int = epoch) -> tuple[int, int]:
            return wire.produce("t", Batch(producer_id=producer, producer_epoch=at_epoch, base_sequence=sequence))

        assert [send(number) for number in range(7)] == [(NONE, number) for number in range(7)]
        assert send(6) == (NONE, 6) and send(2) == (NONE, 2), "a retry gets the first answer"
        assert send(9)[0] == OUT_OF_ORDER, "a gap"
        assert send(0)[0] in (OUT_OF_ORDER, 46), "older than the five that are remembered"
        assert send(0, epoch + 1) == (NONE, 7), "a new epoch starts at 0"
        assert send(7)[0] in (STALE_EPOCH, FENCED), "an old epoch"
        assert send(5, epoch + 2)[0] == OUT_OF_ORDER, "a new epoch that does not start at 0"
        assert wire.produce("t", Batch()) == (NONE, 8), "something refused was kept"
        steled.kill()
        steled.start()
        with Wire(steled.kafka_port) as again:
            batch = Batch(producer_id=producer, producer_epoch=epoch + 1, base_sequence=0)
            assert again.produce("t", batch) == (NONE, 7), "remembered over kill -9"
            assert again.init_producer_id()[0] != producer, "an id given twice"
        told.append("retries, gaps, epochs")
    return "; ".join(told)


def greedy_fetch(steled: Service, count: int) -> str:
    """So many partitions in one request: an answer of limited size, or a refusal."""
    partition = struct.pack(">iqqi", 0, 0, -1, 2**31 - 1)
    body = struct.pack(">iiiibii", -1, 0, 0, 2**31 - 1, 0, 0, -1)
    body += array([text("t") + struct.pack(">i", count) + partition * count]) + array([])
    with Wire(steled.kafka_port, 60) as wire:
        try:
            answer = wire.ask(FETCH, 7, body)
        except Closed:
            assert count > 100_000, "closed"
            return "closed"
    error = struct.unpack_from(">h", answer, 4)[0]
    assert len(answer) < 16 << 20 and error in (NONE, INVALID_REQUEST), (len(answer), error)
    return f"error {error}, {len(answer)} bytes"


def greedy_fetches() -> str:
    with attacked() as (steled, told), Wire(steled.kafka_port, 60) as wire:
        assert wire.create("t", 10, max_message_bytes=2 << 20) == NONE
        for at in range(60):
            assert wire.produce("t", Batch(record(value=bytes(1_000_000))), at % 10)[0] == NONE
        for offset in (-1, -(2**63), 7, 2**63 - 1):
            assert wire.fetch_error("t", 0, offset) == OFFSET_OUT_OF_RANGE, offset
        everything = [("t", number, 0, 2**31 - 1) for number in range(10)]
        for _ in range(5):
            answer = wire.fetch(everything, max_bytes=2**31 - 1)
            assert 1_000_000 < len(answer) < 6 << 20, f"{len(answer)} bytes"
        assert wire.fetch_error("t", 0, 6, max_wait_ms=1, min_bytes=2**31 - 1) == NONE
        for count in (1000, 100_000, 1_000_000):
            told.append(f"{count} partitions: {greedy_fetch(steled, count)}")
    return "; ".join(told)


def memory_taken_by_unfinished_requests() -> str:
    """Eight clients send 90 of 100 MiB each and stop: more than all memory that requests may have. Others get through, at the
    latest when these are closed for not going on."""
    with attacked(worst_seconds=60) as (steled, told):
        chunk = bytes(1 << 20)

        def hog() -> None:
            wire = Wire(steled.kafka_port, 40)
            hogs.append(wire)
            with contextlib.suppress(Closed, TimeoutError, OSError):
                wire.send(struct.pack(">ihhi", 100 << 20, PRODUCE, 7, 1) + text("hog"))
                for _ in range(90):
                    wire.send(chunk)

        hogs: list[Wire] = []
        threads = [threading.Thread(target=hog, daemon=True) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        time.sleep(5)
        with Wire(steled.kafka_port, 60) as wire:
            began = time.monotonic()
            assert wire.ask(API_VERSIONS, 0, b"")[:2] == b"\0\0"
            told.append(f"a new client was answered after {time.monotonic() - began:.1f} s")
        for wire in hogs:
            wire.socket.close()
    return "; ".join(told)


if __name__ == "__main__":
    assert crc32c(b"123456789") == 0xE3069283
    run_cases(impossible_lengths, counts_that_lie, unknown_apis_and_versions, topic_names, batches_that_lie,
              batches_that_are_too_much, decompression_bombs, sequences_and_epochs, greedy_fetches, too_many_connections,
              promised_but_never_sent, slow_and_half_open, memory_taken_by_unfinished_requests)

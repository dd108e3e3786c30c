#!/usr/bin/env python3
"""Clients of HTTP, WebSocket and gRPC that flood, stall, smuggle and send nonsense: each is refused, nothing of it is stored,
memory stays in its bounds, and an honest client beside them goes on. Runs alone: it measures memory."""

import base64
import contextlib
import http.client
import json
import random
import socket
import struct
import threading
import time
from typing import Iterator

import grpc

from harness import Service, eventually, grown_kib, is_sanitized, run_cases, service

# Bodies of all clients may take an eighth of this, gRPC's buffers 64 MiB more.
MEMORY_BYTES_MAX = 128 << 20
BUDGET_KIB = 200 << 10
REQUEST_MS_MAX = 3000
FLAGS = ("--memory-bytes-max", str(MEMORY_BYTES_MAX), "--http-request-ms-max", str(REQUEST_MS_MAX))
SMUGGLED = b"POST /v1/topics/smuggled/events HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nce-type: Smuggled\r\n" \
           b"Content-Length: 2\r\n\r\n{}"
HEAD = b"Host: a\r\n"
POST = b"POST /v1/topics/t/events HTTP/1.1\r\n" + HEAD + b"Content-Type: application/cloudevents+json\r\n"


class HonestClient(threading.Thread):
    """Appends at an exact version and reads back, all the time; whatever others do, it gets its answers."""

    def __init__(self, steled: Service):
        super().__init__(daemon=True)
        self.connection = http.client.HTTPConnection("localhost", steled.http_port, timeout=30)
        self.took: list[float] = []
        self.problem: Exception | None = None
        self.stopping = threading.Event()
        self.start()

    def ask(self, method: str, body: bytes | None, wanted: int, **headers: str) -> bytes:
        self.connection.request(method, "/v1/topics/honest/streams/s", body, headers)
        answer = self.connection.getresponse()
        text = answer.read()
        assert answer.status == wanted, (answer.status, text)
        return text

    def run(self) -> None:
        condition = {"If-None-Match": "*"}
        try:
            while not self.stopping.is_set():
                began = time.monotonic()
                self.ask("POST", b"{}", 201, **{"content-type": "application/json", "ce-type": "Honest"}, **condition)
                condition = {"If-Match": f'"{len(self.took)}"'}
                self.ask("HEAD", None, 200)
                self.took.append(time.monotonic() - began)
                self.stopping.wait(0.005)
        except Exception as problem:  # noqa: BLE001 - told by finish()
            self.problem = problem

    def finish(self, worst_seconds: float) -> str:
        time.sleep(0.2)
        self.stopping.set()
        self.join(60)
        assert self.problem is None, repr(self.problem)
        assert len(self.took) > 5 and max(self.took) < worst_seconds, (len(self.took), max(self.took, default=0))
        return f"{len(self.took)} honest answers, the slowest {max(self.took) * 1000:.0f} ms"


@contextlib.contextmanager
def attacked(*flags: str, worst_seconds: float = 3) -> Iterator[tuple[Service, list[str]]]:
    with service("hostile", *FLAGS, *flags, with_grpc=True) as steled:
        told: list[str] = []
        honest = HonestClient(steled)
        eventually(lambda: len(honest.took) > 2 or honest.problem)
        yield steled, told
        told.append(honest.finish(worst_seconds))
        assert steled.running(), "it ended"
        most = steled.memory_kib()
        assert most <= BUDGET_KIB or is_sanitized(), f"{most} KiB were resident, the budget is {BUDGET_KIB}"
        told.append(f"at most {most >> 10} MiB resident")
        topics = [topic["name"] for topic in json.loads(steled.get("/v1/topics")[1])["topics"]]
        assert "smuggled" not in topics, "a request within a request was served"
        assert steled.stop() == 0


def connect(steled: Service) -> socket.socket:
    return socket.create_connection(("localhost", steled.http_port), timeout=30)


def receive_all(client: socket.socket) -> bytes:
    got = b""
    with contextlib.suppress(ConnectionError):
        while more := client.recv(1 << 16):
            got += more
    return got


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else 0


# --- one request ---

def chunked(body: bytes, *headers: bytes) -> bytes:
    return POST + b"".join(headers) + b"Transfer-Encoding: chunked\r\n\r\n" + body


SMUGGLING = [
    (400, POST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    (400, POST + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n"),
    (400, POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}"),
    (400, POST + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}"),
    (400, POST + b"Content-Length: +2\r\n\r\n{}"), (400, POST + b"Content-Length: 0x2\r\n\r\n{}"),
    (400, POST + b"Content-Length: 2 2\r\n\r\n{}"), (400, POST + b"Content-Length: -2\r\n\r\n{}"),
    (400, POST + b"Content-Length:\r\n\r\n{}"), (400, POST + b"Content-Length : 2\r\n\r\n{}"),
    (400, POST + b"Content\x00-Length: 2\r\n\r\n{}"), (400, POST + b"Content-Length: 18446744073709551618\r\n\r\n{}"),
    (413, POST + b"Content-Length: 18446744073709551615\r\n\r\n{}"),
    (501, POST + b"Transfer-Encoding: gzip\r\n\r\n{}"), (501, POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
    (400, chunked(b"0\r\n\r\n", b"Transfer-Encoding: chunked\r\n")),
    (400, POST + b"Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n"),
    (400, chunked(b"10000000000000002\r\n{}\r\n0\r\n\r\n")), (400, chunked(b"-2\r\n{}\r\n0\r\n\r\n")),
    (400, chunked(b"0x2\r\n{}\r\n0\r\n\r\n")), (400, chunked(b"2\n{}\r\n0\r\n\r\n")), (400, chunked(b"2\r\n{}0\r\n\r\n")),
    (400, chunked(b"\r\n")), (400, chunked(b"2;" + b"x" * 70000 + b"\r\n{}\r\n0\r\n\r\n")),
    (400, b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    (400, b"GET / HTTP/1.1\nHost: a\n\n"), (400, b"GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n"),
    (400, b"GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n"), (400, b"GET / HTTP/1.1\r\nHost: a\rX: y\r\n\r\n"),
    (400, b"GET / HTTP/1.1\r\n\r\n"), (400, b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
    (400, b"GET /\x00 HTTP/1.1\r\n" + HEAD + b"\r\n"), (505, b"GET / HTTP/1.1 x\r\n" + HEAD + b"\r\n"),
    (400, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200) + b"\r\n\r\n"),
    (505, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    (431, b"GET / HTTP/1.1\r\n" + HEAD + b"X: " + b"x" * 9000), (431, b"GET /" + b"x" * 9000),
    (431, b"GET / HTTP/1.1\r\n" + HEAD + b"a:\r\n" * 5000),
    (400, b"GET /v1/events?" + b"type=x&" * 200 + b" HTTP/1.1\r\n" + HEAD + b"Connection: close\r\n\r\n"),
]


def smuggling_and_floods_of_headers() -> str:
    """What two readers could cut differently is refused, the connection closed, and what stands behind it not served."""
    with attacked() as (steled, told):
        for wanted, attack in SMUGGLING:
            with connect(steled) as client:
                client.sendall(attack + SMUGGLED)
                answer = receive_all(client)
                assert status_of(answer) == wanted and answer.count(b"HTTP/1.1 ") == 1, (attack[:200], answer[:300])
    return f"{len(SMUGGLING)} refused; {'; '.join(told)}"


EVENT, BATCH, LINES = "application/cloudevents+json", "application/cloudevents-batch+json", "application/x-ndjson"
TO_TOPIC, TO_ALL, QUERY, LIMITS = "/v1/topics/t/events", "/v1/events", "/v1/events/query", "/v1/topics/t/streams/s/limits"
NOT_JSON = [b"[" * 100_000, b'{"data":' * 100_000, b'{"data":' + b"[" * 65 + b"]" * 65 + b"}", b'{"data":1e999}',
            b'{"type":"a","type":"b"}', b'{"type":"\xff"}', b'{"type":"\xed\xa0\x80"}', b'{"type":"\\ud800"}', b'{"type":"\\u0000"}',
            b'{"type":"a"', b'{"type":"a"}x', b'\xef\xbb\xbf{"type":"a"}', b"{'type':1}", b'{"type":NaN}', b'{"data":01}', b"", b"null"]


def append_with(more: str) -> bytes:
    return b'{"topic":"t","events":[{"type":"X","stream":"s"}],' + more.encode() + b"}"


BODIES = [
    *[(400, TO_TOPIC, EVENT, body) for body in NOT_JSON],
    *[(400, TO_TOPIC, BATCH, b"[" + body + b"]") for body in NOT_JSON[:11]],
    *[(400, TO_TOPIC, LINES, body) for body in NOT_JSON[:11]],
    *[(400, path, "application/json", body) for path in (TO_ALL, QUERY) for body in NOT_JSON],
    *[(400, TO_ALL, "application/json", append_with(f'"expectations":[{{"stream":"s","expectedVersion":{version}}}]'))
      for version in ("-3", "9223372036854775808", '"-1"', "1.5", "null", '"sometime"', "[]")],
    (400, TO_ALL, "application/json", append_with('"expectations":[{"stream":"s","expectedVersion":"any"},'
                                                  '{"stream":"s","expectedVersion":"no_stream"}]')),
    (400, TO_ALL, "application/json", append_with('"condition":[]')),
    (400, TO_ALL, "application/json", append_with('"conditions":[{"failIfEventsMatch":{"items":[{"tags":[]}]},"after":-1}]')),
    (400, QUERY, "application/json", b'{"query":{"items":[' + b",".join([b'{"types":["x"]}'] * 65) + b"]}}"),
    (400, QUERY, "application/json", b'{"query":{"items":[{"types":[' + b",".join([b'"x"'] * 300) + b"]}]}}"),
    (400, QUERY, "application/json", b'{"from":{"token":"' + base64.urlsafe_b64encode(bytes(33)) + b'"}}'),
    (400, TO_TOPIC, EVENT, b'{"tags":["' + b"x" * 257 + b'"]}'), (400, TO_TOPIC, EVENT, b'{"data_base64":"%%%"}'),
    (400, TO_TOPIC, EVENT, b'{"type":"' + b"x" * 1025 + b'"}'), (400, TO_TOPIC, EVENT, b'{"time":"yesterday"}'),
    (413, TO_TOPIC, LINES, b'{"data":"' + b"x" * (1 << 20) + b'"}'), (413, TO_TOPIC, EVENT, b" " * ((8 << 20) + 1)),
    (413, TO_TOPIC, EVENT, b'{"data":"' + b"x" * (5 << 20) + b'"}'),
]


def bodies_that_are_nonsense() -> str:
    """Each is refused with a problem that says so, on a connection that goes on where it can."""
    with attacked() as (steled, told):
        for wanted, path, kind, body in BODIES:
            connection = http.client.HTTPConnection("localhost", steled.http_port, timeout=30)
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.request("POST", path, body, {"Content-Type": kind})
            answer = connection.getresponse()
            problem = answer.read()
            assert answer.status == wanted and json.loads(problem)["status"] == wanted, (path, kind, body[:80], problem[:300])
            connection.close()
        assert steled.get("/v1/topics/t/events")[0] in (200, 404)
        page = json.loads(steled.get("/v1/events?limit=10000&streamPrefix=s")[1])
        assert all(event["type"] == "Honest" for event in page["events"]), "something of it was appended"
    return f"{len(BODIES)} refused; {'; '.join(told)}"


# --- many clients ---

def memory_is_for_what_has_come() -> str:
    """Huge bodies declared and not sent cost next to nothing; sent all at a time, those are refused that don't fit."""
    declared, sent = 300, 24
    with attacked(worst_seconds=5) as (steled, told):
        clients: list[socket.socket] = []

        def declare() -> None:
            for _ in range(declared):
                clients.append(connect(steled))
                clients[-1].sendall(POST + b"Content-Length: 8000000\r\n\r\n" + b"x" * 100)
            time.sleep(0.5)

        each = grown_kib(steled, declare) / declared
        assert each < 64 or is_sanitized(), f"{each:.0f} KiB for each that declared 8 MB"
        statuses = [status_of(receive_all(client)) for client in clients]
        assert set(statuses) <= {408, 503} and 408 in statuses, statuses

        clients = [connect(steled) for _ in range(sent)]
        for client in clients:
            with contextlib.suppress(ConnectionError):
                client.sendall(POST + b"Content-Length: 4000000\r\n\r\n" + b" " * 3_999_000)
        statuses = [status_of(receive_all(client)) for client in clients]
        # 16 MiB hold four of them.
        assert statuses.count(503) >= sent - 5 and set(statuses) <= {408, 503}, statuses
        with connect(steled) as client:
            body = b'{"type":"A","data":1}'.ljust(4_000_000)
            client.sendall(POST + b"Connection: close\r\nContent-Length: 4000000\r\n\r\n" + body)
            assert status_of(receive_all(client)) == 201, "what the others took was not given back"
        told.append(f"{each:.0f} KiB for each of {declared} that declared 8 MB; {statuses.count(503)} of {sent} told to come back")
    return "; ".join(told)


def slow_clients() -> str:
    """Heads, bodies and lines that come a byte at a time: all closed in time, however many."""
    count = 200
    heads = [b"GET / HTTP/1.1\r\nX: ", POST + b"Content-Length: 1000\r\n\r\n", chunked(b"3e8\r\n"),
             POST.replace(EVENT.encode(), LINES.encode()) + b"Transfer-Encoding: chunked\r\n\r\n"]
    with attacked(worst_seconds=5) as (steled, told):
        began = time.monotonic()
        clients = [connect(steled) for _ in range(count * len(heads))]
        for number, client in enumerate(clients):
            client.sendall(heads[number % len(heads)])
        for _ in range(8):
            time.sleep(REQUEST_MS_MAX / 8000)
            for client in clients:
                with contextlib.suppress(ConnectionError):
                    client.sendall(b"1\r\n{\r\n" if client in clients[3::4] else b"x")
        for number, client in enumerate(clients):
            answer = receive_all(client)
            assert status_of(answer) in (0, 408), answer
        took = time.monotonic() - began
        assert took < 4 * REQUEST_MS_MAX / 1000, took
        told.append(f"{len(clients)} closed after {took:.1f} s")
    return "; ".join(told)


def takers_of_nothing() -> str:
    """Clients who ask for everything, again and again, and read nothing of it: a read of the log and a page each, no more."""
    count = 100
    line = json.dumps({"type": "Big", "data": "x" * 10_000}).encode() + b"\n"
    with attacked(worst_seconds=5) as (steled, told):
        connection = http.client.HTTPConnection("localhost", steled.http_port, timeout=30)
        connection.request("POST", "/v1/topics/big/events", line * 2000, {"Content-Type": LINES})
        assert connection.getresponse().status == 201
        asks = [b"GET /v1/topics/big/events HTTP/1.1\r\nHost: a\r\nAccept: application/x-ndjson\r\n\r\n" * 100,
                b"GET /v1/topics/big/events?follow HTTP/1.1\r\nHost: a\r\n\r\n", upgrade("/v1/topics/big/events")]
        clients: list[socket.socket] = []

        def ask() -> None:
            for number in range(count):
                clients.append(connect(steled))
                clients[-1].sendall(asks[number % len(asks)])
            time.sleep(2)

        each = grown_kib(steled, ask) / count
        assert each < 2000 or is_sanitized(), f"{each:.0f} KiB for each"
        for client in clients:
            client.close()
        told.append(f"{each:.0f} KiB for each of {count} who take nothing of 20 MB")
    return "; ".join(told)


# --- WebSocket ---

def upgrade(path: str, *headers: bytes) -> bytes:
    return b"GET " + path.encode() + b" HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" \
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" + b"".join(headers) + b"\r\n"


def frame(opcode: int, data: bytes = b"", last: bool = True, masked: bool = True, reserved: int = 0) -> bytes:
    size = len(data)
    length = bytes([size]) if size < 126 else b"\x7e" + struct.pack(">H", size)
    first = bytes([(0x80 if last else 0) | reserved << 4 | opcode])
    return first + bytes([length[0] | (0x80 if masked else 0)]) + length[1:] + (b"\0\0\0\0" if masked else b"") + data


TEXT, MORE, CLOSE, PING = 1, 0, 8, 9
FRAMES = [
    (1002, frame(TEXT, b"hi", masked=False)), (1002, frame(3, b"hi")), (1002, frame(11, b"")), (1002, frame(TEXT, b"hi", reserved=4)),
    (1002, frame(TEXT, b"hi", reserved=1)), (1002, frame(MORE, b"hi")), (1002, frame(PING, b"x", last=False)),
    (1002, frame(PING, b"x" * 126)), (1002, frame(TEXT, b"a", last=False) + frame(TEXT, b"b")),
    (1002, frame(CLOSE, b"\x03")), (1002, frame(CLOSE, struct.pack(">H", 1005))), (1007, frame(TEXT, b"\xff\xfe")),
    (1009, frame(TEXT, b"x" * 5000)), (1009, frame(TEXT, b"x" * 3000, last=False) + frame(MORE, b"x" * 3000, last=False)),
    (1009, b"\x81\xff" + struct.pack(">Q", 1 << 40) + bytes(4)), (1009, b"\x81\xff" + struct.pack(">Q", 1 << 63) + bytes(4)),
]


def close_code(got: bytes) -> int:
    """Of the server's last frame, which must be a close."""
    at = 0
    while at + 2 <= len(got):
        opcode, size = got[at] & 15, got[at + 1] & 127
        at += 2
        if size >= 126:
            width = 2 if size == 126 else 8
            size, at = int.from_bytes(got[at:at + width], "big"), at + width
        if opcode == CLOSE:
            return struct.unpack(">H", got[at:at + 2])[0] if size >= 2 else 0
        at += size
    return -1


def web_sockets() -> str:
    """Frames that break the rules end the connection with the code of the rule; a page of another host gets none."""
    with attacked() as (steled, told):
        for wanted, attack in FRAMES:
            with connect(steled) as client:
                client.sendall(upgrade("/v1/topics/honest/events?from=0&limit=1000000"))
                head = b""
                while b"\r\n\r\n" not in head:
                    head += client.recv(4096)
                assert status_of(head) == 101, head
                client.sendall(attack)
                code = close_code(head.split(b"\r\n\r\n", 1)[1] + receive_all(client))
                assert code == wanted, (wanted, code, attack[:20])
        with connect(steled) as client:
            client.sendall(upgrade("/v1/events", b"Origin: http://evil.example\r\n", b"Connection: close\r\n"))
            assert status_of(receive_all(client)) == 403
    return f"{len(FRAMES)} closed by their rule; {'; '.join(told)}"


# --- gRPC ---

def answer_of(channel: grpc.Channel, method: str, request: bytes, **more) -> grpc.StatusCode:
    """A call with any bytes as its message."""
    same = dict(request_serializer=lambda data: data, response_deserializer=lambda data: data)
    try:
        channel.unary_unary(f"/stele.v1.{method}", **same)(request, timeout=20, **more)
        return grpc.StatusCode.OK
    except grpc.RpcError as error:
        return error.code()


def field(number: int, data: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(data)) + data


def make_topic(steled: Service, name: str) -> None:
    connection = http.client.HTTPConnection("localhost", steled.http_port, timeout=30)
    connection.request("POST", "/v1/topics", json.dumps({"name": name}), {"Content-Type": "application/json"})
    assert connection.getresponse().status == 201


def varint(number: int) -> bytes:
    coded = bytearray()
    while number > 127:
        coded.append(number & 127 | 128)
        number >>= 7
    return bytes(coded + bytes([number]))


def deep(levels: int) -> bytes:
    """A google.protobuf.Any-like nest of groups in an unknown field: begun and never ended."""
    return b"\xa3\x06" * levels


def grpc_messages() -> str:
    """Bytes that are no message, nests, lies about lengths, too much, and compressed bombs."""
    bad, invalid = grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.INVALID_ARGUMENT
    event = field(1, b"t") + field(2, field(4, b"X"))
    rows = [
        (invalid, b"\xff" * 100, {}), (invalid, b"\x12\xff\xff\xff\xff\x0f", {}), (invalid, b"\x12\x05ab", {}),
        (invalid, deep(100_000), {}), (invalid, field(2, deep(100_000)), {}), (invalid, field(1, b"\xff\xfe"), {}),
        (invalid, event + field(3, field(2, b"s") + field(3, b"")), {}),
        (invalid, event + field(3, field(2, b"s") + field(3, b"\x20" + varint(1 << 63))), {}),
        (invalid, event + field(4, field(1, b"") + b"\x10" + varint((1 << 64) - 1)), {}),
        (invalid, event + field(4, field(1, b"".join(field(1, field(1, b"x")) for _ in range(65)))), {}),
        (invalid, event + field(3, b"") * 10_000, {}), (bad, event + field(2, field(5, bytes(6 << 20))), {}),
        (bad, event + field(2, field(5, bytes(60 << 20))), {"compression": grpc.Compression.Gzip}),
    ]
    with attacked() as (steled, told):
        make_topic(steled, "t")
        with grpc.insecure_channel(steled.grpc) as channel:
            for number, (wanted, request, more) in enumerate(rows):
                got = answer_of(channel, "EventStore/Append", request, **more)
                assert got == wanted, f"row {number}: {got}, wanted {wanted}: {request[:40]}"
            assert answer_of(channel, "EventStore/Nonsense", b"") == grpc.StatusCode.UNIMPLEMENTED
            made = random.Random(7)
            for _ in range(500):
                cut = bytearray(event * 3)
                for _ in range(made.randrange(1, 6)):
                    cut[made.randrange(len(cut))] = made.randrange(256)
                answer_of(channel, "EventStore/Append", bytes(cut))
            assert answer_of(channel, "EventStore/Append", event) == grpc.StatusCode.OK
    return f"{len(rows)} refused, 500 made up; {'; '.join(told)}"


PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + struct.pack(">I", 0)[1:] + b"\x04\0\0\0\0\0"


def http2_frame(kind: int, flags: int, stream: int, data: bytes) -> bytes:
    return struct.pack(">I", len(data))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + data


def made_up_frame(made: random.Random) -> bytes:
    return http2_frame(made.randrange(12), made.randrange(256), made.randrange(4), made.randbytes(made.randrange(60)))


def literal(name: bytes, value: bytes) -> bytes:
    return b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value


CALL = literal(b":method", b"POST") + literal(b":scheme", b"http") + literal(b":authority", b"a") + literal(
    b":path", b"/stele.v1.EventStore/AppendStream") + literal(b"te", b"trailers") + literal(b"content-type", b"application/grpc")


def grpc_frames() -> str:
    """Not HTTP/2; frames that lie or never end; streams opened and reset by the thousand; messages declared and never sent."""
    made = random.Random(11)
    resets = b"".join(http2_frame(1, 4, 2 * n + 1, CALL) + http2_frame(3, 0, 2 * n + 1, b"\0\0\0\x08") for n in range(5000))
    attacks = [
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"\x16\x03\x01" + bytes(300), PREFACE[:10], PREFACE + b"\xff" * 5000,
        PREFACE + http2_frame(0, 0, 1, b"x" * 100),
        PREFACE + http2_frame(1, 4, 2, CALL), PREFACE + http2_frame(1, 4, 1, b"\xff" * 50),
        PREFACE + http2_frame(1, 0, 1, CALL) + http2_frame(9, 0, 1, literal(b"x", b"y" * 120)) * 20_000,
        PREFACE + http2_frame(4, 0, 0, b"\0\3\0\0\0\0") * 20_000, PREFACE + http2_frame(6, 0, 0, bytes(8)) * 20_000,
        PREFACE + http2_frame(8, 0, 0, b"\x7f\xff\xff\xff") * 3, PREFACE + resets,
        PREFACE + http2_frame(1, 4, 1, CALL) + http2_frame(0, 0, 1, b"\0" + struct.pack(">I", 1 << 31) + b"x"),
        PREFACE + b"".join(http2_frame(1, 4, 2 * n + 1, CALL) + http2_frame(0, 0, 2 * n + 1, b"\0\0\x4c\0\0x")
                           for n in range(900)),
        *[PREFACE + made.randbytes(4000) for _ in range(50)],
        *[PREFACE + b"".join(made_up_frame(made) for _ in range(60)) for _ in range(50)],
    ]
    with attacked(worst_seconds=5) as (steled, told):
        make_topic(steled, "t")
        clients = []
        for attack in attacks:
            clients.append(socket.create_connection(("localhost", steled.grpc_port), timeout=10))
            with contextlib.suppress(ConnectionError):
                clients[-1].sendall(attack)
        with grpc.insecure_channel(steled.grpc) as channel:
            event = field(1, b"t") + field(2, field(4, b"X"))
            assert answer_of(channel, "EventStore/Append", event) == grpc.StatusCode.OK
        for client in clients:
            client.close()
    return f"{len(attacks)} connections; {'; '.join(told)}"


if __name__ == "__main__":
    run_cases(smuggling_and_floods_of_headers, bodies_that_are_nonsense, memory_is_for_what_has_come, slow_clients,
              takers_of_nothing, web_sockets, grpc_messages, grpc_frames)

#!/usr/bin/env python3
"""Quotas against clients that we did not write: confluent-kafka and kcat get their rate, not more, and lose nothing; other
clients beside them go on. Rates are measured over seconds, after the burst that a window allows. Runs alone."""

import contextlib
import socket
import struct
import subprocess
import threading
import time

from harness import Service, eventually, run_cases, service
from kafka_wire import API_VERSIONS, FETCH, METADATA, Batch, Closed, Wire, array, record, text

ALTER_CLIENT_QUOTAS = 49
RATE = 200_000  # bytes a second
SECONDS = 9     # three windows of three samples: what a window allows at once comes back with each
WINDOW = ("--quota-samples", "3")


def set_quota(steled: Service, entity: dict[str, str | None], **values: float) -> None:
    who = array([text(kind) + text(name) for kind, name in entity.items()])
    what = array([text(key) + struct.pack(">db", value, value < 0) for key, value in values.items()])
    with Wire(steled.kafka_port) as wire:
        answer = wire.ask(ALTER_CLIENT_QUOTAS, 0, array([who + what]) + b"\0")
        assert struct.unpack_from(">h", answer, 8)[0] == 0, answer


def rate_of(count, seconds: float) -> float:
    """How fast `count` rises."""
    began, before = time.monotonic(), count()
    time.sleep(seconds)
    return (count() - before) / (time.monotonic() - began)


def is_near(rate: float, wanted: float) -> bool:
    """Generous: a busy machine, batches of some size. Wrong enforcement is off by far more."""
    return wanted * 0.7 < rate < wanted * 1.3


def producers_get_their_rate() -> str:
    from confluent_kafka import Producer
    with service("quotas", *WINDOW) as steled:
        with Wire(steled.kafka_port) as wire:
            assert wire.create("t") == 0
        set_quota(steled, {"client-id": "slow"}, producer_byte_rate=RATE)
        stopping = threading.Event()
        failed: list[object] = []
        sent = 0

        def produce() -> None:
            nonlocal sent
            producer = Producer({"bootstrap.servers": steled.kafka, "client.id": "slow", "linger.ms": 5,
                                 "batch.size": 20_000, "queue.buffering.max.kbytes": 1000, "message.timeout.ms": 120_000,
                                 "log_level": 0})
            while not stopping.is_set():
                try:
                    producer.produce("t", bytes(1000), on_delivery=lambda error, _: error and failed.append(error))
                    sent += 1
                except BufferError:
                    producer.poll(0.05)
                producer.poll(0)
            assert producer.flush(60) == 0

        def produced() -> float:
            return steled.metric("stele_kafka_produced_bytes_total")

        thread = threading.Thread(target=produce, daemon=True)
        thread.start()
        eventually(lambda: produced() > RATE * 2, 60)
        rate = rate_of(produced, SECONDS)
        assert is_near(rate, RATE), f"{rate:.0f} bytes a second"
        with Wire(steled.kafka_port) as other:
            began = time.monotonic()
            for _ in range(100):
                assert other.produce("t", Batch(record(value=bytes(10_000))))[0] == 0
            beside = time.monotonic() - began
            assert beside < 5, f"others took {beside:.1f} s"
        set_quota(steled, {"client-id": "slow"}, producer_byte_rate=-1)
        stopping.set()
        thread.join(90)
        assert not failed, failed[:3]
        return f"{rate / RATE:.2f} of {RATE} B/s over {SECONDS} s, {sent} records and none failed; others at once"


def consumers_get_their_rate() -> str:
    with service("quotas", *WINDOW) as steled:
        with Wire(steled.kafka_port) as wire:
            assert wire.create("t") == 0
            for _ in range(2000):
                assert wire.produce("t", Batch(record(value=bytes(5000))))[0] == 0
        set_quota(steled, {"client-id": "slow"}, consumer_byte_rate=RATE)
        reader = subprocess.Popen(["kcat", "-C", "-u", "-b", steled.kafka, "-t", "t", "-o", "beginning", "-e", "-q", "-f", "%o\n",
                                   "-X", "client.id=slow", "-X", "fetch.message.max.bytes=50000"],
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        lines = 0
        in_order: list[bool] = []

        def read() -> None:
            nonlocal lines
            for line in reader.stdout:
                in_order.append(line == b"%d\n" % lines)
                lines += 1

        thread = threading.Thread(target=read, daemon=True)
        thread.start()
        try:
            eventually(lambda: lines * 5000 > RATE * 2, 60)
            rate = rate_of(lambda: lines * 5000, SECONDS)
            assert is_near(rate, RATE), f"{rate:.0f} bytes a second"
            muted = steled.metric('stele_kafka_throttled_milliseconds_total{api="Fetch"}')
            assert muted > 1000, muted
            set_quota(steled, {"client-id": "slow"}, consumer_byte_rate=-1)
            eventually(lambda: lines == 2000, 60)
            assert all(in_order), in_order.index(False)
        finally:
            reader.kill()
            reader.wait()
        return f"{rate / RATE:.2f} of {RATE} B/s over {SECONDS} s, all {lines} records in order"


def an_answer_over_the_quota_leaves_at_once() -> str:
    with service("quotas") as steled, Wire(steled.kafka_port, 60) as wire:
        assert wire.create("t") == 0
        set_quota(steled, {"client-id": "bad-input"}, producer_byte_rate=1000, consumer_byte_rate=1000)
        began = time.monotonic()
        assert wire.produce("t", Batch(record(value=bytes(13_000)))) == (0, 0)
        assert time.monotonic() - began < 1, "the answer waited"
        began = time.monotonic()
        assert wire.ask(API_VERSIONS, 0, b"")[:2] == b"\0\0"
        muted = time.monotonic() - began
        assert 2 < muted < 6, f"muted for {muted:.1f} s, 3 were due"
        # The first fetch is larger than the window and gets through; the second is answered empty, and the next muted.
        partition = struct.pack(">iqqi", 0, 0, -1, 1 << 20)
        body = struct.pack(">iiiibii", -1, 0, 0, 1 << 20, 0, 0, -1) + array([text("t") + array([partition])]) + array([])
        first = wire.ask(FETCH, 7, body)
        assert len(first) > 13_000 and struct.unpack_from(">i", first)[0] > 1000
        return f"muted for {muted:.1f} s; a fetch of {len(first)} bytes, then {struct.unpack_from('>i', first)[0]} ms"


def time_of_the_thread_is_shared() -> str:
    with service("quotas") as steled:
        with Wire(steled.kafka_port) as wire:
            assert wire.create("wide", 5000) == 0
            request = array([text("wide")]) + b"\0"
            wire.ask(METADATA, 4, request)
        stopping = threading.Event()
        answered = 0

        def ask() -> None:
            nonlocal answered
            with Wire(steled.kafka_port, 60) as wire:
                while not stopping.is_set():
                    with contextlib.suppress(TimeoutError):
                        wire.ask(METADATA, 4, request)
                        answered += 1

        thread = threading.Thread(target=ask, daemon=True)
        thread.start()
        before = rate_of(lambda: answered, 3)
        set_quota(steled, {"client-id": "bad-input"}, request_percentage=1)
        time.sleep(3)
        after = rate_of(lambda: answered, SECONDS)
        set_quota(steled, {"client-id": "bad-input"}, request_percentage=-1)
        stopping.set()
        thread.join(60)
        assert after < before / 3, f"{before:.0f} answers a second before, {after:.0f} with 1 percent"
        return f"{before:.0f} answers a second, {after:.0f} with 1 percent of the thread"


def connections_that_come_too_fast() -> str:
    """Over connection_creation_rate: accepted, kept silent, closed after a while."""
    with service("quotas") as steled:
        set_quota(steled, {"ip": "127.0.0.1"}, connection_creation_rate=3)
        wires, refused = [], 0
        for _ in range(60):
            wires.append(Wire(steled.kafka_port, 20))
        for wire in wires:
            try:
                wire.ask(API_VERSIONS, 0, b"")
            except (Closed, BrokenPipeError):
                refused += 1
            wire.socket.close()
        assert 20 <= refused <= 35, f"{refused} of 60 were refused, 30 fit the window"
        assert steled.metric("stele_kafka_connections_throttled_total") == refused
        with contextlib.suppress(OSError), socket.create_connection(("::1", steled.kafka_port), 10) as other:
            other.sendall(struct.pack(">ihhih", 10, API_VERSIONS, 0, 1, -1))
            assert other.recv(4), "another address"
        return f"{60 - refused} of 60 served at 3 a second"


if __name__ == "__main__":
    run_cases(producers_get_their_rate, consumers_get_their_rate, an_answer_over_the_quota_leaves_at_once,
              time_of_the_thread_is_shared, connections_that_come_too_fast)

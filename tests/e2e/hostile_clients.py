#!/usr/bin/env python3
"""Clients that flood, stall, or ask for more than they may: what each costs the service, and what others notice of it.
Runs alone: it measures memory and how fast others are answered."""

import contextlib
import os
import socket
import struct
import threading
import time

from bad_input import NONE, HonestClient, attacked
from harness import Service, eventually, grown_kib, is_sanitized, run_cases
from kafka_wire import API_VERSIONS, FETCH, METADATA, PRODUCE, Batch, Closed, Wire, array, blob, record, text

IDLE_KIB_MAX = 20
FIND_COORDINATOR, JOIN_GROUP = 10, 11
COORDINATOR_NOT_AVAILABLE = 15
MEMBER_ID_REQUIRED, GROUP_MAX_SIZE_REACHED = 79, 81


def settled_kib(steled: Service) -> int:
    time.sleep(1)
    return steled.memory_kib("VmRSS")


def api_versions(wire: Wire) -> bytes:
    return blob(wire.header(API_VERSIONS, 0))


def metadata(wire: Wire, *topics: str) -> bytes:
    return blob(wire.header(METADATA, 4) + array([text(topic) for topic in topics]) + b"\0")


def fetch_request(wire: Wire, topic: str, wait_ms: int, session_id: int = 0, session_epoch: int = -1) -> bytes:
    head = struct.pack(">iiiibii", -1, wait_ms, 1, 1 << 20, 0, session_id, session_epoch)
    partition = struct.pack(">iqqi", 0, 0, -1, 1 << 20)
    return blob(wire.header(FETCH, 7) + head + array([text(topic) + array([partition])]) + array([]))


@contextlib.contextmanager
def many(steled: Service, count: int, seconds_max: float = 60):
    wires = [Wire(steled.kafka_port, seconds_max) for _ in range(count)]
    try:
        yield wires
    finally:
        for wire in wires:
            wire.socket.close()


def idle_connections() -> str:
    """2,000 clients that have asked once and go on waiting: at most 20 KiB each."""
    count = 2000
    with attacked("--connections-per-ip-max", "4000") as (steled, told):
        with many(steled, 50) as warm:
            for wire in warm:
                wire.ask(API_VERSIONS, 0, b"")
        before = settled_kib(steled)
        with many(steled, count) as wires:
            for wire in wires:
                wire.ask(API_VERSIONS, 0, b"")
            each = (settled_kib(steled) - before) / count
            assert each < IDLE_KIB_MAX or is_sanitized(), f"{each:.1f} KiB for each"
            assert steled.metric("stele_kafka_connections") >= count
        told.append(f"{each:.1f} KiB for each of {count}")
    return "; ".join(told)


def waiting_consumers() -> str:
    """2,000 clients in a long poll, each with a fetch session: at most 20 KiB each, too."""
    count = 2000
    with attacked("--connections-per-ip-max", "4000", "--fetch-sessions-max", "3000") as (steled, told):
        with Wire(steled.kafka_port) as wire:
            assert wire.create("t") == NONE
        before = settled_kib(steled)
        with many(steled, count) as wires:
            for wire in wires:
                wire.send(fetch_request(wire, "t", 0, 0, 0))
                error, session = struct.unpack_from(">hi", wire.answer(), 4)
                assert error == NONE and session != 0, (error, session)
                wire.send(fetch_request(wire, "t", 30000, session, 1))
            each = (settled_kib(steled) - before) / count
            assert steled.metric("stele_kafka_waiting_fetches") >= count
            assert steled.metric("stele_kafka_fetch_sessions") >= count
            assert each < IDLE_KIB_MAX or is_sanitized(), f"{each:.1f} KiB for each"
            with Wire(steled.kafka_port) as producer:
                began = time.monotonic()
                assert producer.produce("t", Batch())[0] == NONE
            for wire in wires:
                assert len(wire.answer()) > 60, "no records"
            told.append(f"{each:.1f} KiB for each of {count}, all woken within {time.monotonic() - began:.2f} s")
    return "; ".join(told)


def slow_clients() -> str:
    """1,000 clients that send a byte every 5 s: closed at the deadline, next to nothing while they last."""
    count = 1000
    with attacked("--connections-per-ip-max", "1100") as (steled, told):
        before = settled_kib(steled)
        with many(steled, count) as slow:
            for wire in slow:
                wire.send(struct.pack(">ihh", 60000, PRODUCE, 7))
            began, most = time.monotonic(), 0
            while steled.metric("stele_kafka_connections") > 5 and time.monotonic() - began < 60:
                most = max(most, steled.memory_kib("VmRSS") - before)
                time.sleep(5)
                for wire in slow:
                    with contextlib.suppress(Closed, OSError):
                        wire.send(b"\0")
            assert steled.metric("stele_kafka_connections") <= 5, "slow ones are still there"
            assert most < count * 90 or is_sanitized(), f"{most / count:.1f} KiB for each"
            told.append(f"{most / count:.1f} KiB for each of {count}, closed after {time.monotonic() - began:.0f} s")
    return "; ".join(told)


def half_closed_sockets() -> str:
    """Clients that say they send nothing more: what they asked is answered, then they are closed; also in a long poll."""
    with attacked() as (steled, told):
        with Wire(steled.kafka_port) as wire:
            assert wire.create("t") == NONE
        with many(steled, 100) as wires:
            for at, wire in enumerate(wires):
                wire.send(api_versions(wire) if at % 2 else fetch_request(wire, "t", 500))
                wire.socket.shutdown(socket.SHUT_WR)
            for wire in wires:
                assert len(wire.answer()) > 10
                assert wire.is_closed_within(10)
        with many(steled, 100) as wires:  # and in the middle of a request
            for wire in wires:
                wire.send(struct.pack(">ihh", 1000, PRODUCE, 7))
                wire.socket.shutdown(socket.SHUT_WR)
                assert wire.is_closed_within(10)
    return "; ".join(told)


def clients_that_never_read() -> str:
    """Requests without end, answers never read: muted, closed soon under pressure, and memory stays bounded."""
    with attacked(worst_seconds=20) as (steled, told):
        with Wire(steled.kafka_port) as wire:
            assert wire.create("wide", 10000) == NONE  # an answer of over half a MiB
        closed = []

        def attack() -> None:
            def flood() -> None:
                with Wire(steled.kafka_port, 90) as wire:
                    request = metadata(wire, "wide")
                    try:
                        while True:
                            wire.send(request * 100)
                    except (Closed, TimeoutError, OSError):
                        closed.append(time.monotonic())

            began = time.monotonic()
            threads = [threading.Thread(target=flood, daemon=True) for _ in range(60)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(100)
            assert len(closed) == 60, f"{len(closed)} of 60 were closed"
            told.append(f"60 closed between {min(closed) - began:.0f} and {max(closed) - began:.0f} s")

        grown = grown_kib(steled, attack)
        assert grown < 200 << 10 or is_sanitized(), f"{grown} KiB"
        assert steled.metric("stele_kafka_unsent_bytes") == 0
        told.append(f"{grown >> 10} MiB")
    return "; ".join(told)


def pipelining() -> str:
    """10,000 requests in one go, answers read only afterwards: all answered, in order, in little memory."""
    count = 10000
    with attacked() as (steled, told), Wire(steled.kafka_port, 60) as wire:
        def attack() -> None:
            first = wire.correlation + 1
            requests = b"".join(api_versions(wire) for _ in range(count))
            sender = threading.Thread(target=wire.send, args=(requests,), daemon=True)
            sender.start()
            time.sleep(2)
            for number in range(first, first + count):
                size = struct.unpack(">i", wire.receive(4))[0]
                assert struct.unpack(">i", wire.receive(size)[:4])[0] == number
            sender.join(60)

        grown = grown_kib(steled, attack)
        assert grown < 16 << 10 or is_sanitized(), f"{grown} KiB"
        told.append(f"{count} answers for {grown} KiB")
    return "; ".join(told)


def floods_beside_a_producer() -> str:
    """100 connections ask for metadata and versions as fast as they get answers; a producer beside them goes on."""
    with attacked(honest=False) as (steled, told):
        alone = HonestClient(steled)
        time.sleep(3)
        told.append("alone: " + alone.finish(5))
        assert alone.wire.create("others") == NONE
        stopping = threading.Event()
        answered = [0] * 4

        def flood(at: int) -> None:
            with many(steled, 25) as wires:
                while not stopping.is_set():
                    for wire in wires:
                        wire.send(api_versions(wire) + metadata(wire, "others"))
                    for wire in wires:
                        wire.correlation -= 1
                        wire.answer()
                        wire.correlation += 1
                        wire.answer()
                        answered[at] += 2

        threads = [threading.Thread(target=flood, args=(at,), daemon=True) for at in range(4)]
        for thread in threads:
            thread.start()
        time.sleep(0.5)
        wire = Wire(steled.kafka_port, 30)
        took = []
        while len(took) < 200:
            began = time.monotonic()
            assert wire.produce("others", Batch())[0] == NONE
            took.append(time.monotonic() - began)
            time.sleep(0.01)
        stopping.set()
        for thread in threads:
            thread.join(30)
        took.sort()
        assert took[-1] < 5, f"{took[-1]:.1f} s"
        told.append(f"beside {sum(answered)} other answers: median {took[100] * 1000:.1f} ms, p99 {took[198] * 1000:.1f} ms")
    return "; ".join(told)


def sessions_without_end() -> str:
    """20,000 fetch sessions, each of a client that never comes back: the cache keeps its size."""
    count = 20000
    with attacked() as (steled, told), Wire(steled.kafka_port, 60) as wire:
        assert wire.create("t") == NONE

        def attack() -> None:
            for _ in range(count // 100):
                first = wire.correlation + 1
                wire.send(b"".join(fetch_request(wire, "t", 0, 0, 0) for _ in range(100)))
                for number in range(first, first + 100):
                    wire.correlation = number
                    assert struct.unpack_from(">h", wire.answer(), 4)[0] == NONE

        grown = grown_kib(steled, attack)
        kept = steled.metric("stele_kafka_fetch_sessions")
        assert 0 < kept <= 1000, kept
        assert grown < 8 << 10 or is_sanitized(), f"{grown} KiB"
        told.append(f"{count} asked for, {kept:.0f} kept, {grown} KiB")
    return "; ".join(told)


def waiting_fetches_without_end() -> str:
    """Fetches of all partitions that there may be, waiting, on many connections: those that are too many are answered at once."""
    with attacked("--connections-per-ip-max", "200", worst_seconds=20) as (steled, told):
        with Wire(steled.kafka_port) as wire:
            assert wire.create("wide", 5000) == NONE
        head = struct.pack(">iiiibii", -1, 20000, 1, 1 << 20, 0, 0, -1)
        partitions = array([struct.pack(">iqqi", number, 0, -1, 1 << 20) for number in range(5000)])
        body = head + array([text("wide") + partitions]) + array([])

        def attack() -> None:
            with many(steled, 100) as wires:
                for wire in wires:
                    for _ in range(5):
                        wire.send(blob(wire.header(FETCH, 7) + body))
                waiting = steled.metric("stele_kafka_waiting_fetches")
                assert 0 < waiting <= 30, waiting
                told.append(f"{waiting:.0f} of 500 wait")

        grown = grown_kib(steled, attack)
        assert grown < 160 << 10 or is_sanitized(), f"{grown} KiB"
        told.append(f"{grown >> 10} MiB")
    return "; ".join(told)


def connections_that_come_and_go() -> str:
    """A client that connects in a loop, faster than it may: held and closed, and the others are served."""
    with attacked("--connection-rate-max", "100000", "--connections-per-ip-overrides", "127.0.0.1:20,[::1]:5") as (steled, told):
        with many(steled, 40) as wires:
            served = 0
            for wire in wires:
                with contextlib.suppress(Closed, OSError):
                    wire.ask(API_VERSIONS, 0, b"")
                    served += 1
        assert 15 <= served <= 20, f"{served} served, the override says 20"
        for _ in range(2000):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", steled.kafka_port), 10):
                pass
        time.sleep(0.5)
        assert steled.metric("stele_kafka_connections") <= 5
        told.append(f"{served} of 40 served")
    return "; ".join(told)


def join_request(wire: Wire, group: str, version: int, metadata_bytes: int) -> bytes:
    body = text(group) + struct.pack(">ii", 10000, 60000) + text("") + text("consumer")
    return blob(wire.header(JOIN_GROUP, version) + body + array([text("range") + blob(bytes(metadata_bytes))]))


def find_coordinator(steled: Service, group: str) -> None:
    """Until the groups are served: the first who asks has the offsets topic made."""
    def is_there() -> bool:
        with Wire(steled.kafka_port) as wire:
            return struct.unpack_from(">h", wire.ask(FIND_COORDINATOR, 1, text(group) + b"\0"), 4)[0] == NONE

    eventually(is_there)
    time.sleep(1)


def members_without_end() -> str:
    """100,000 who ask for a member id and never come back: each is told its id or that the group is full."""
    count = 100_000
    with attacked("--group-members-max", "5000", worst_seconds=20) as (steled, told), Wire(steled.kafka_port, 60) as wire:
        find_coordinator(steled, "g")
        errors: dict[int, int] = {}

        def attack() -> None:
            for _ in range(count // 200):
                first = wire.correlation + 1
                wire.send(b"".join(join_request(wire, "g", 4, 100) for _ in range(200)))
                for number in range(first, first + 200):
                    wire.correlation = number
                    error = struct.unpack_from(">h", wire.answer(), 4)[0]
                    errors[error] = errors.get(error, 0) + 1

        grown = grown_kib(steled, attack)
        assert set(errors) <= {MEMBER_ID_REQUIRED, GROUP_MAX_SIZE_REACHED}, errors
        assert grown < 64 << 10 or is_sanitized(), f"{grown} KiB"
        told.append(f"answers {errors}, {grown >> 10} MiB")
    return "; ".join(told)


def members_with_a_mib_of_metadata() -> str:
    """400 members with a MiB of metadata each, who wait for their group: the memory of groups has a limit."""
    count = 400
    with attacked("--group-initial-delay-ms", "30000", honest=False) as (steled, told), many(steled, count) as wires:
        find_coordinator(steled, "g")
        answered: dict[int, int] = {}

        def attack() -> None:
            for wire in wires:
                wire.send(join_request(wire, "g", 2, 1_000_000))
            time.sleep(3)
            for wire in wires:
                wire.socket.settimeout(0.01)
                with contextlib.suppress(TimeoutError, Closed):
                    error = struct.unpack_from(">h", wire.answer(), 4)[0]
                    answered[error] = answered.get(error, 0) + 1

        grown = grown_kib(steled, attack)
        assert sum(answered.values()) >= count // 2, f"only {answered} were refused"
        assert NONE not in answered and COORDINATOR_NOT_AVAILABLE not in answered, answered
        assert grown < 200 << 10 or is_sanitized(), f"{grown} KiB"
        with Wire(steled.kafka_port) as wire:
            wire.send(join_request(wire, "other", 2, 3_000_000))
            error = struct.unpack_from(">h", wire.answer(), 4)[0]
            assert error != NONE, "3 MiB of one member"
        told.append(f"refused {answered}, {grown >> 10} MiB")
    return "; ".join(told)


def a_batch_of_everything() -> str:
    """Headers, keys and times at their ends, in batches that are small enough to be looked at."""
    with attacked() as (steled, told), Wire(steled.kafka_port) as wire:
        assert wire.create("t", max_message_bytes=4 << 20) == NONE
        rows = {
            "300,000 headers": (Batch(record(headers=300_000)), 87),
            "a timestamp of 2^63-1": (Batch(timestamp_ms=2**63 - 1), 32),
            "a timestamp delta of 2^62": (Batch(record(timestamp_delta=2**62)), 32),
            "a batch in a batch": (Batch(Batch().encode()), 87),
            "100,000 empty records": (Batch(b"".join(record(at, None, b"") for at in range(100_000)), count=100_000), NONE),
        }
        for name, (batch, wanted) in rows.items():
            error = wire.produce("t", batch)[0]
            assert error == wanted, f"{name}: {error}"
    return f"{len(rows)} batches; {'; '.join(told)}"


if __name__ == "__main__":
    assert os.name == "posix"
    run_cases(idle_connections, waiting_consumers, slow_clients, half_closed_sockets, clients_that_never_read, pipelining,
              floods_beside_a_producer, sessions_without_end, waiting_fetches_without_end, connections_that_come_and_go,
              members_without_end, members_with_a_mib_of_metadata, a_batch_of_everything)

#!/usr/bin/env python3
"""A full disk, a disk that fails a flush, no descriptors left: what clients see, that reads go on or the service stops and says
so, and that nothing acknowledged is lost. Needs root, for a small tmpfs and for strace."""

import contextlib
import os
import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import Iterator

from harness import Service, could_not_run, eventually, run, run_cases, temp_folder, verify, verify_nothing_lost
from kafka_wire import DELETE_TOPICS, Batch, Closed, Wire, array, record, text

NONE, STORAGE_ERROR = 0, 56
RETRIABLE = {5, 6, 7, 56}  # what Java clients and librdkafka both try again
DISK_FAILED = 74


@contextlib.contextmanager
def small_disk(folder: Path, mib: int) -> Iterator[Path]:
    disk = folder / "disk"
    disk.mkdir()
    done = run("mount", "-t", "tmpfs", "-o", f"size={mib}m", "stele-test", disk, code=None)
    if done.returncode != 0:
        could_not_run(f"cannot mount a tmpfs: {done.stderr.strip()}")
    try:
        yield disk
    finally:
        run("umount", "-l", disk)


def grow(disk: Path, mib: int) -> None:
    run("mount", "-o", f"remount,size={mib}m", "stele-test", disk)


def value_of(number: int) -> bytes:
    return b"%08d" % number + os.urandom(400_000)


def produce_until_refused(wire: Wire, topic: str, kept: dict[int, bytes]) -> int:
    """Adds what was acknowledged, offset and value; the error code that ended it."""
    for _ in range(2000):
        value = value_of(len(kept))
        error, offset = wire.produce(topic, Batch(record(value=value)))
        if error != NONE:
            return error
        assert offset not in kept, f"offset {offset} twice"
        kept[offset] = value
    raise AssertionError("the disk does not get full")


def check_kept(wire: Wire, topic: str, kept: dict[int, bytes]) -> None:
    for offset, value in kept.items():
        assert value in wire.fetch([(topic, 0, offset, 1 << 20)]), f"{topic}/{offset} is not what was acknowledged"


def delete(wire: Wire, topic: str) -> None:
    answer = wire.ask(DELETE_TOPICS, 1, array([text(topic)]) + b"\0\0\x27\x10")
    assert answer.endswith(text(topic) + b"\0\0"), answer


def full_disk() -> str:
    with temp_folder("full") as folder, small_disk(folder, 96) as disk:
        steled = Service(disk / "data")
        steled.log_path = folder / "steled.log"
        steled.start()
        first: dict[int, bytes] = {}
        second: dict[int, bytes] = {}
        with Wire(steled.kafka_port, 60) as wire:
            assert wire.create("first") == NONE and wire.create("second") == NONE
            assert wire.produce("second", Batch(record(value=b"x")))[0] == NONE
            error = produce_until_refused(wire, "first", first)
            assert error in RETRIABLE, f"error {error} is not one that clients try again"
            check_kept(wire, "first", first)
            assert steled.running() and wire.produce("first", Batch(record(value=value_of(0))))[0] in RETRIABLE
            free_mib = shutil.disk_usage(disk).free >> 20
            told = [f"{len(first)} x 400 KB, then error {error} with {free_mib} MiB free; all readable"]
            # Whoever tries again gets through as soon as there is room.
            patient = subprocess.Popen(["kcat", "-b", steled.kafka, "-P", "-t", "second", "-X", "enable.idempotence=true"],
                                       stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
            patient.stdin.write(value_of(0).hex().encode() + b"\n")
            patient.stdin.close()
            time.sleep(1)
            grow(disk, 160)
            assert patient.wait(60) == 0, "the producer that tried again got no answer"
            eventually(lambda: wire.produce("second", Batch(record(value=b"room again")))[0] == NONE)
            told.append("heals when the disk grows")
            _, offset = wire.produce("second", Batch(record(value=b"after")))
            second = {offset: b"after"}
            assert produce_until_refused(wire, "second", second) in RETRIABLE
            delete(wire, "second")
            eventually(lambda: wire.produce("first", Batch(record(value=b"deleted")))[0] == NONE, 30)
            told.append("heals when a topic is deleted")
            produce_until_refused(wire, "first", first)
        # kill -9 with the disk full: it may refuse to start, but the log is untouched.
        steled.kill()
        try:
            steled.start()
            told.append("starts on a full disk")
        except AssertionError:
            assert steled.process.returncode == 1, steled.process.returncode
            told.append(f"needs room to start ({steled.log().splitlines()[-1]})")
            grow(disk, 256)
            steled.start()
        with Wire(steled.kafka_port, 60) as wire:
            check_kept(wire, "first", first)
        grow(disk, 256)
        assert steled.stop() == 0
        verify(steled.data)
    return "; ".join(told)


def failing_flush(call: str, nth: int) -> str:
    """From the nth on, every such call of the service fails. What was acknowledged before is there after the next start."""
    with temp_folder("eio") as folder:
        steled = Service(folder / "data", "--flush", "thread").start()
        kept: dict[int, bytes] = {}
        with Wire(steled.kafka_port, 60) as wire:
            assert wire.create("t") == NONE
            for number in range(20):
                kept[number] = b"%08d" % number
                assert wire.produce("t", Batch(record(value=kept[number]))) == (NONE, number)
            tracer = subprocess.Popen(["strace", "-f", "-q", "-p", str(steled.pid()), "-o", folder / "trace", "-e",
                                       f"trace={call}", "-e", f"inject={call}:error=EIO:when={nth}+"],
                                      stderr=subprocess.PIPE)
            time.sleep(1)
            if tracer.poll() is not None:
                could_not_run(f"strace cannot attach: {tracer.stderr.read().decode()[-200:]}")
            error, problem = NONE, ""
            with contextlib.suppress(Closed):
                while error == NONE and len(kept) < 5000:
                    value = b"%08d" % len(kept)
                    error, offset = wire.produce("t", Batch(record(value=value)))
                    if error == NONE:
                        assert offset == len(kept)
                        kept[offset] = value
            assert len(kept) < 5000, f"{call} was never called"
            assert error in RETRIABLE or error == NONE, error
            with contextlib.suppress(Closed):
                again, _ = wire.produce("t", Batch())
                assert again != NONE, "it went on after a failed flush"
            with contextlib.suppress(OSError):
                code, problem = steled.get("/-/healthy")
                assert code == 503, (code, problem)
        exit_code = steled.wait(40)
        tracer.wait(20)
        tracer.stderr.close()
        assert exit_code == DISK_FAILED, exit_code
        assert re.search(r"error store_stopped reason=.*(EIO|Input/output error)", steled.log()), steled.log()
        steled.start()
        with Wire(steled.kafka_port) as wire:
            check_kept(wire, "t", kept)
            assert wire.produce("t", Batch())[0] == NONE
        assert steled.stop() == 0
        verify(steled.data)
    return f"{call}: error {error} after {len(kept)} acknowledged, exit code {exit_code}, all there; {problem.strip()}"


def disk_fails_a_flush() -> str:
    if not shutil.which("strace"):
        could_not_run("strace is missing: apt-get install strace")
    return "; ".join(failing_flush("pwritev2", nth) for nth in (1, 7))


def no_descriptors_left() -> str:
    limit, topics = 256, 300
    with temp_folder("descriptors") as folder:
        steled = Service(folder / "data", prefix=("prlimit", f"--nofile={limit}:{limit}")).start()
        flood = []
        with Wire(steled.kafka_port, 60) as wire:
            assert wire.create("t") == NONE and wire.produce("t", Batch())[0] == NONE
            for _ in range(300):
                with contextlib.suppress(OSError):
                    flood.append(Wire(steled.kafka_port, 2))
            for number in range(50):
                assert wire.produce("t", Batch()) == (NONE, number + 1), "a client that was there is served"
            assert wire.fetch_error("t", 0, 0) == NONE
            for other in flood:
                other.socket.close()
        eventually(lambda: Wire(steled.kafka_port, 2).produce("t", Batch())[0] == NONE)
        acknowledged, refused = many_files(steled, topics)
        assert steled.running()
        assert steled.stop() == 0
        verify_nothing_lost(steled.data)  # a block of `.batches` that wanted for a descriptor is rebuilt when it is read
        unlimited = Service(steled.data).start()
        with Wire(unlimited.kafka_port) as wire:
            for topic in acknowledged:
                assert wire.fetch_error(topic, 0, 0) == NONE and b"mine" in wire.fetch([(topic, 0, 0, 1 << 20)]), topic
        assert unlimited.stop() == 0
    return f"{len(flood)} connections beside, {len(acknowledged)} topics written, {refused} refused, none lost"


def many_files(steled: Service, topics: int) -> tuple[list[str], int]:
    """More segments than descriptors: each append succeeds or is to be tried again."""
    acknowledged, refused = [], 0
    with Wire(steled.kafka_port, 60) as wire:
        for number in range(topics):
            topic = f"t{number}"
            error = wire.create(topic) or wire.produce(topic, Batch(record(value=b"mine")))[0]
            assert error in RETRIABLE or error == NONE, f"{topic}: error {error}"
            if error == NONE:
                acknowledged.append(topic)
            else:
                refused += 1
    return acknowledged, refused


if __name__ == "__main__":
    run_cases(full_disk, disk_fails_a_flush, no_descriptors_left)

"""What the jvm-… folders share: the jars, out of Maven in one go; a Java process; an Apache Kafka to copy from and to compare
with. STELE_COMPAT_PEER=kafka runs a folder's cases against that Kafka instead of steled: what fails there is the case's fault."""

import contextlib
import fcntl
import os
import shutil
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Iterator

from harness import ROOT, Service, free_port, run, temp_folder

HERE = Path(__file__).resolve().parent
WORK = ROOT / "build" / "java" / "jvm"
AGAINST_KAFKA = os.environ.get("STELE_COMPAT_PEER") == "kafka"
SMALL = ("-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto", "-Djava.awt.headless=true")
# The levels Kafka ships; without it: errors only.
KAFKA_LOG = f"-Dlog4j2.configurationFile={ROOT}/bench/peers/kafka/log4j2.properties"


@contextlib.contextmanager
def locked() -> Iterator[None]:
    """One build at a time, also between scripts, and one Maven: they share ~/.m2."""
    WORK.mkdir(parents=True, exist_ok=True)
    with open(WORK.parent / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def jars(name: str) -> str:
    """The class path of peers or clients-VERSION."""
    poms = b"".join((folder / "pom.xml").read_bytes() for folder in (HERE, ROOT / "bench" / "peers" / "kafka"))
    made = WORK / "jars.pom"
    with locked():
        if not made.exists() or made.read_bytes() != poms:
            shutil.rmtree(WORK / "jars", ignore_errors=True)
            made.unlink(missing_ok=True)
            done = subprocess.run(["mvn", "-q", "-B", "dependency:copy", "dependency:copy-dependencies",
                                   f"-Djars.to={WORK / 'jars'}"], cwd=HERE, capture_output=True, text=True)
            assert done.returncode == 0, f"mvn: {done.stdout[-3000:]} {done.stderr[-1000:]}"
            made.write_bytes(poms)
    return f"{WORK / 'jars' / name}/*"


def compiled(name: str, against: str, *folders: Path) -> str:
    """The class path of the sources below the folders, compiled against some jars, and of those jars."""
    path = jars(against)
    sources = [source for folder in folders for source in sorted(folder.rglob("*.java"))]
    content = b"".join(str(source).encode() + source.read_bytes() for source in sources)
    classes, made = WORK / "classes" / name, WORK / f"{name}.sources"
    with locked():
        if not made.exists() or made.read_bytes() != content:
            shutil.rmtree(classes, ignore_errors=True)
            classes.mkdir(parents=True)
            done = subprocess.run(["javac", "-nowarn", "--release", "17", "-d", classes, "-cp", path, *sources],
                                  capture_output=True, text=True)
            assert done.returncode == 0, f"javac: {done.stdout[-3000:]} {done.stderr[-3000:]}"
            made.write_bytes(content)
    return f"{classes}:{path}"


def java(classpath: str, main: str, *words: object, flags: tuple[str, ...] = ()) -> list[str]:
    return ["java", *SMALL, *flags, "-cp", classpath, main, *(str(word) for word in words)]


class Kafka(Service):
    """An Apache Kafka in place of a steled: same life, same ways to end it."""

    def __init__(self, data: Path, *_: str):
        super().__init__(data)
        self.controller_port = free_port()
        self.properties = data.parent / f"{data.name}.kafka.properties"

    def start(self) -> "Kafka":
        self.data.mkdir(exist_ok=True)
        self.properties.write_text("\n".join((
            "process.roles=broker,controller", "node.id=1", f"controller.quorum.bootstrap.servers=127.0.0.1:{self.controller_port}",
            f"listeners=PLAINTEXT://127.0.0.1:{self.kafka_port},CONTROLLER://127.0.0.1:{self.controller_port}",
            f"advertised.listeners=PLAINTEXT://127.0.0.1:{self.kafka_port},CONTROLLER://127.0.0.1:{self.controller_port}",
            "controller.listener.names=CONTROLLER", "inter.broker.listener.name=PLAINTEXT", f"log.dirs={self.data}",
            "auto.create.topics.enable=false", "offsets.topic.replication.factor=1", "offsets.topic.num.partitions=2",
            "transaction.state.log.replication.factor=1", "transaction.state.log.min.isr=1",
            "transaction.state.log.num.partitions=2", "share.coordinator.state.topic.replication.factor=1",
            "share.coordinator.state.topic.min.isr=1", "group.initial.rebalance.delay.ms=0",
            # A killed broker may come back before its session is over only where that is short.
            "broker.session.timeout.ms=3000", "broker.heartbeat.interval.ms=500", "initial.broker.registration.timeout.ms=60000",
            "log.retention.ms=-1", "log.cleaner.dedupe.buffer.size=8000000", "log.index.size.max.bytes=1048576", "")))
        if not (self.data / "meta.properties").exists():
            self._ended(java(jars("peers"), "kafka.tools.StorageTool", "format", "--standalone", "-t",
                             "c3RlbGUtcGVlci1rYWZrYQ", "-c", self.properties))
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(java(jars("peers"), "kafka.Kafka", self.properties, flags=("-Xmx512m", KAFKA_LOG)),
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + 120
        while not self._answers():
            assert self.process.poll() is None, f"kafka ended with {self.process.returncode}: {self.log()}"
            assert time.monotonic() < deadline, "kafka does not answer"
            time.sleep(0.05)
        return self

    def _ended(self, command: list[str]) -> None:
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr

    def _answers(self) -> bool:
        """It has a broker and a controller: Metadata v1 of no topic, which ends with the controller and the topics."""
        try:
            answer = call(self.kafka_port, 3, 1, struct.pack(">i", 0))
        except OSError:
            return False
        return struct.unpack_from(">i", answer)[0] == 1 and struct.unpack(">ii", answer[-8:]) == (1, 0)

    def _wait(self, seconds_max: float) -> int:
        return self.process.wait(max(seconds_max, 60))


@contextlib.contextmanager
def broker(name: str, *flags: str) -> Iterator[Service]:
    """A running steled with these flags, or the Kafka to compare with."""
    with temp_folder(name) as folder:
        started = (Kafka if AGAINST_KAFKA else Service)(folder / "data", *flags).start()
        try:
            yield started
        finally:
            if started.running():
                started.kill()


def call(port: int, key: int, version: int, body: bytes) -> bytes:
    """One request with a header of version 1; what follows the answer's correlation id."""
    message = struct.pack(">hhih", key, version, 7, 3) + b"jvm" + body
    with socket.create_connection(("127.0.0.1", port), 5) as connection:
        connection.sendall(struct.pack(">i", len(message)) + message)
        answer = connection.makefile("rb")
        size = struct.unpack(">i", answer.read(4) or b"\0\0\0\0")[0]
        return answer.read(size)[4:]


def codecs_of(port: int, topic: str, partition: int) -> set[str]:
    """The codecs of the batches that lie in a partition: a plain Fetch, version 10, looked at from outside."""
    name = topic.encode()
    body = struct.pack(">iiiibiii", -1, 100, 1, 1 << 26, 0, 0, -1, 1) + struct.pack(">h", len(name)) + name
    body += struct.pack(">iiiqqii", 1, partition, -1, 0, -1, 1 << 26, 0)
    answer = call(port, 1, 10, body)
    at = 4 + 2 + 4 + 4 + 2 + len(name) + 4
    _, error, _, _, _, aborted = struct.unpack_from(">ihqqqi", answer, at)
    assert error == 0 and aborted <= 0, f"fetch of {topic}/{partition}: error {error}"
    at += struct.calcsize(">ihqqqi")
    end = at + 4 + struct.unpack_from(">i", answer, at)[0]
    found, at = set(), at + 4
    while at < end:
        length, attributes = struct.unpack_from(">i", answer, at + 8)[0], struct.unpack_from(">h", answer, at + 21)[0]
        found.add(("none", "gzip", "snappy", "lz4", "zstd")[attributes & 7])
        at += 12 + length
    return found


def matrix_file(client: str, version: str, found: dict[str, str]) -> Path:
    """Writes a client's outcomes, "STATE REASON" each, in the format of tests/compat/README.md."""
    path = ROOT / "build" / "compat" / "matrix" / f"{client}.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"client {client}", f"version {version}"]
    for name, outcome in found.items():
        state, _, reason = outcome.partition(" ")
        lines.append(f"{state} {name}" + (f" {reason}" if state != "ok" else ""))
    path.write_text("\n".join(lines) + "\n")
    return path


def judged(files: list[Path]) -> str:
    """Against Kafka nothing may fail; against steled it must be what is committed."""
    failed = [f"{file.stem} {line}" for file in files for line in file.read_text().splitlines() if line.startswith("fail ")]
    if AGAINST_KAFKA:
        assert not failed, "\n".join(failed)
    else:
        run(sys.executable, ROOT / "tests" / "compat" / "matrix.py", "check", *files)
    return f"{len(failed)} known to fail"

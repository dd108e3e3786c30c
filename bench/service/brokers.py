"""The two brokers under test, started and stopped alike, with what the kernel says they used."""
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import time

HERE = pathlib.Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
BUILD = pathlib.Path(os.environ.get("STELE_BUILD", REPOSITORY / "build/release"))
PEERS = pathlib.Path(os.environ.get("STELE_PEERS", "/tmp/stele-peers"))
WORK = pathlib.Path(os.environ.get("STELE_BENCH_DIR", "/tmp/stele-bench"))
TICKS = os.sysconf("SC_CLK_TCK")
KAFKA_PROPERTIES = """
process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
broker.session.timeout.ms={session_ms}
broker.heartbeat.interval.ms={heartbeat_ms}
group.initial.rebalance.delay.ms={group_delay_ms}
max.connections.per.ip=100000
log.cleaner.backoff.ms=1000
"""


class Broker:
    """A broker process on loopback. `address` is what clients are told."""

    def __init__(self, name, port):
        self.name, self.port, self.process = name, port, None
        self.group_delay_ms = 3000
        self.address = f"127.0.0.1:{port}"
        self.data = WORK / name
        self.output = WORK / f"{name}.log"

    def start(self, fresh=False, topic=None, timeout=120):
        """Milliseconds from exec until it answers Metadata and, with `topic`, the ends of all its partitions."""
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                raise RuntimeError(f"port {self.port} is taken: is another bench running?")
        if fresh:
            shutil.rmtree(self.data, ignore_errors=True)
        self.data.mkdir(parents=True, exist_ok=True)
        self.prepare()
        began = time.monotonic()
        with open(self.output, "ab") as out:
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        while True:
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.name} ended at start, see {self.output}")
            if time.monotonic() - began > timeout:
                raise RuntimeError(f"{self.name} does not answer")
            try:
                if answers(self.port, topic) is not None:
                    return (time.monotonic() - began) * 1000
            except (OSError, struct.error):
                pass
            time.sleep(0.005)

    def prepare(self):
        pass

    def stop(self, how=signal.SIGTERM):
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(120)
            self.process = None

    def cpu(self):
        """(user, system) seconds so far."""
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return int(fields[11]) / TICKS, int(fields[12]) / TICKS

    def resident_mb(self):
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1]) / 1024
        return 0.0


class Stele(Broker):
    def __init__(self):
        super().__init__("stele", 19192)

    def command(self):
        return [BUILD / "bin/steled", "--data", self.data, "--kafka-listen", self.address,
                "--http-listen", "127.0.0.1:19193", "--grpc-listen", "none", "--auto-create-topics", "false", "--log-level", "warn",
                "--connections-per-ip-max", "100000", "--compaction-interval-ms", "1000",
                "--group-initial-delay-ms",
                str(self.group_delay_ms)]


class Kafka(Broker):
    """Kafka's own defaults but for what a single node on loopback needs; JVM flags of its start script."""

    def __init__(self, session_ms=9000):
        super().__init__("kafka", 19092)
        self.session_ms = session_ms
        self.properties = WORK / "kafka.properties"

    def java(self, *arguments, memory=()):
        return ["java", *memory, f"-Dlog4j2.configurationFile={HERE.parent}/peers/kafka/log4j2.properties", "-cp",
                f"{PEERS}/kafka/*", *arguments]

    def prepare(self):
        self.properties.write_text(KAFKA_PROPERTIES.format(
            port=self.port, controller=self.port + 1, data=self.data, session_ms=self.session_ms,
            heartbeat_ms=min(2000, self.session_ms // 5), group_delay_ms=self.group_delay_ms))
        if not (self.data / "meta.properties").exists():
            subprocess.run(self.java("kafka.tools.StorageTool", "format", "--standalone", "-t",
                                     "c3RlbGUtYmVuY2gta2Fma2", "-c", self.properties),
                           check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def command(self):
        return self.java("kafka.Kafka", self.properties, memory=(
            "-Xmx1G", "-Xms1G", "-server", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20",
            "-XX:InitiatingHeapOccupancyPercent=35", "-XX:+ExplicitGCInvokesConcurrent", "-Djava.awt.headless=true"))


def call(connection, key, version, body):
    """One request of Kafka's protocol with an old, simple header; the answer's body."""
    message = struct.pack(">hhih", key, version, 7, 5) + b"bench" + body
    connection.sendall(struct.pack(">i", len(message)) + message)
    answer = b""
    while len(answer) < 4 or len(answer) < 4 + struct.unpack(">i", answer[:4])[0]:
        more = connection.recv(1 << 16)
        if not more:
            raise OSError("closed")
        answer += more
    return Reader(answer[8:])


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, code):
        value = struct.unpack_from(">" + code, self.data, self.at)[0]
        self.at += struct.calcsize(">" + code)
        return value

    def text(self):
        size = self.take("h")
        self.at += max(size, 0)

    def numbers(self):
        for _ in range(self.take("i")):
            self.take("i")


def answers(port, topic):
    """None until the broker has a controller and, with `topic`, tells every end; then the sum of these ends."""
    with socket.create_connection(("127.0.0.1", port), 1) as connection:
        connection.settimeout(10)
        name = b"" if topic is None else struct.pack(">h", len(topic)) + topic.encode()
        answer = call(connection, 3, 1, struct.pack(">i", 0 if topic is None else 1) + name)
        for _ in range(answer.take("i")):
            answer.take("i"), answer.text(), answer.take("i"), answer.text()
        if answer.take("i") < 0:
            return None
        partitions = []
        for _ in range(answer.take("i")):
            if answer.take("h"):
                return None
            answer.text(), answer.take("b")
            for _ in range(answer.take("i")):
                error, partition, leader = answer.take("h"), answer.take("i"), answer.take("i")
                answer.numbers(), answer.numbers()
                if error or leader < 0:
                    return None
                partitions.append(partition)
        if topic is None:
            return 0
        wanted = b"".join(struct.pack(">iq", partition, -1) for partition in partitions)
        answer = call(connection, 2, 1, struct.pack(">ii", -1, 1) + name + struct.pack(">i", len(partitions)) + wanted)
        total = 0
        for _ in range(answer.take("i")):
            answer.text()
            for _ in range(answer.take("i")):
                answer.take("i")
                if answer.take("h"):
                    return None
                answer.take("q")
                total += answer.take("q")
        return total if partitions else None

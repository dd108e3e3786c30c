"""Kafka's Java clients 2.1, 3.9 and newest against steled, side by side: every capability of the matrix, from one source (each
has a Version.java for what it says in other words or cannot say). Then the matrix is compared with what is committed."""

import queue
import subprocess
import threading
import time
from pathlib import Path

from harness import run_cases
from jvm import broker, codecs_of, compiled, java, judged, matrix_file

HERE = Path(__file__).resolve().parent
# What a client is called -> its sources beside the shared ones.
CLIENTS = {"kafka-clients-2.1": "only-2.1", "kafka-clients-3.9": "since-3.9", "kafka-clients-4": "since-3.9"}
CODECS = [f"codec-{name}" for name in ("none", "gzip", "snappy", "lz4", "zstd")]
# What may run at the same time does.
WAITING = ["group-rebalance", "group-protocol-new", "list-groups", "describe-group", "delete-offsets", "delete-group",
           "cooperative-rebalance", "static-member", "alter-offsets", "remove-members", "transactions-refused"]
WORKING = [*CODECS, "headers", "null-key", "null-value", "assign", "time-lookup", "earliest-latest", "max-timestamp",
           "delete-records", "create-topic", "describe-configs", "alter-configs", "create-partitions", "delete-topic",
           "describe-cluster", "describe-log-dirs", "describe-producers", "elect-leaders", "client-quotas", "reassignments",
           "describe-features"]
AFTER_CRASH = ["idempotent", "group-restart"]
SECONDS_MAX = 150


class Client:
    """One Java client in a process of its own: names of capabilities in, outcomes out."""

    def __init__(self, name: str, bootstrap: str):
        self.name = name
        self.found: dict[str, str] = {}
        self.answers: queue.Queue[str] = queue.Queue()
        classpath = compiled(name, name.removeprefix("kafka-"), HERE / "shared", HERE / CLIENTS[name])
        self.version = next(Path(path).name for part in classpath.split(":") if part.endswith("*")
                            for path in Path(part[:-1]).glob("kafka-clients-*.jar"))
        self.version = self.version.removeprefix("kafka-clients-").removesuffix(".jar")
        self.process = subprocess.Popen(java(classpath, "stele.clients.Main", bootstrap, name), stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, bufsize=1)
        threading.Thread(target=lambda: [self.answers.put(line) for line in self.process.stdout], daemon=True).start()

    def ask(self, names: list[str]) -> None:
        self.process.stdin.write("".join(name + "\n" for name in names))

    def wait(self, names: list[str]) -> None:
        """Until all of them are answered; what is not within the time has failed."""
        deadline = time.monotonic() + SECONDS_MAX
        while any(name not in self.found for name in names):
            try:
                line = self.answers.get(timeout=max(0.01, deadline - time.monotonic()))
            except queue.Empty:
                self.found.update({name: f"fail no answer within {SECONDS_MAX} s" for name in names if name not in self.found})
                return
            name, _, outcome = line.rstrip("\n").partition(" ")
            print(f"      {self.name} {line}" if self.process.poll() is None else line, end="")
            self.found[name] = outcome

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait(20)


def check_codecs(client: Client, port: int) -> None:
    """What was sent with a codec lies there in that codec."""
    for name in CODECS:
        codec = name.removeprefix("codec-")
        if client.found[name].startswith("ok"):
            found = set().union(*(codecs_of(port, f"{client.name}.codec.{codec}", partition) for partition in range(3)))
            if found != {codec}:
                client.found[name] = f"fail batches are {sorted(found)}"


def every_capability() -> str:
    capabilities = [*WORKING, *WAITING, *AFTER_CRASH]
    with broker("jvm-clients", "--default-partitions", "3") as service:
        clients = [Client(name, f"127.0.0.1:{service.kafka_port}") for name in CLIENTS]
        # The groups mostly wait, the rest mostly computes.
        for client in clients:
            client.ask(WAITING)
        for client in clients:
            client.ask(WORKING)
        for client in clients:
            client.wait([*WAITING, *WORKING])
            check_codecs(client, service.kafka_port)
        assert service.running(), f"the service ended: {service.log()}"
        for client in clients:
            client.ask(["crash-begin"])
        for client in clients:
            client.wait(["crash-begin"])
        service.kill()
        service.start()
        for client in clients:
            client.ask(AFTER_CRASH)
        for client in clients:
            client.wait(AFTER_CRASH)
            client.close()
    files = [matrix_file(client.name, client.version, {name: client.found[name] for name in capabilities}) for client in clients]
    return f"{len(clients)} clients x {len(capabilities)} capabilities, {judged(files)}"


if __name__ == "__main__":
    run_cases(every_capability)

"""Kafka's own command-line tools against steled: what calls.py lists, in one process; groups of VerifiableConsumers through a
rebalance, in both protocols; one of them and a ConsoleProducer through a kill -9; LogCompactionTester; DumpLogSegments on our
__consumer_offsets. Then the matrix is compared with what is committed."""

import base64
import json
import re
import subprocess
import threading
import time
from pathlib import Path

from confluent_kafka import Producer

from calls import CALLS, FILES, Call
from harness import Service, eventually, run_cases, temp_folder
from jvm import broker, codecs_of, compiled, jars, java, judged, matrix_file

HERE = Path(__file__).resolve().parent
CLIENT = "kafka-tools"
PARTITIONS = 6
EARLY = [str(number) for number in range(600)]


class Failed(Exception):
    """A capability does not hold; the text is its reason in the matrix."""


class Tools:
    """Tools, one after the other in a process that stays."""

    def __init__(self, bootstrap: str):
        self.bootstrap = bootstrap
        self.process = subprocess.Popen(java(compiled(CLIENT, "peers", HERE / "src"), "stele.tools.Runner"), text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=1)

    def call(self, tool: str, words: list[str], reads: str = "") -> tuple[int, str]:
        """Its exit code and all it wrote."""
        main = tool if tool.startswith("kafka.") else f"org.apache.kafka.tools.{tool}"
        where = [] if tool == "DumpLogSegments" else ["--bootstrap-server", self.bootstrap]
        at = 1 if tool == "ClusterTool" else 0
        line = [main, reads, *words[:at], *where, *words[at:]]
        self.process.stdin.write(" ".join("=" + base64.b64encode(word.encode()).decode() for word in line) + "\n")
        answer = self.process.stdout.readline().split(" ")
        if len(answer) < 3:
            raise Failed(f"{tool} ended the process")
        return int(answer[0]), "".join(base64.b64decode(part[1:]).decode() for part in answer[1:])

    def check(self, call: Call, names: dict[str, object]) -> str:
        def filled(text: str) -> str:
            for name, value in names.items():
                text = text.replace("{" + name + "}", str(value))
            return text

        code, text = self.call(call.tool, filled(call.words).split(), call.reads)
        problem = f"exit code {code}" if code != call.code else ""
        for wanted in call.shows:
            if not re.search(filled(wanted), text):
                problem = problem or f"does not say {filled(wanted)[:120]!r}"
        if call.hides and re.search(filled(call.hides), text):
            problem = problem or f"says {call.hides!r}"
        if problem:
            print(f"--- {call.tool} {filled(call.words)}: {problem}\n{text[:3000]}\n---")
            raise Failed(f"{call.tool.split('.')[-1]} {call.words.split(' {')[0]}: {problem}")
        return text

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait(20)


class Member:
    """A VerifiableConsumer: it tells what it does in JSON."""

    def __init__(self, service: Service, folder: Path, group: str, *words: str):
        settings = folder / f"{group}.properties"
        settings.write_text("" if "consumer" in words else "heartbeat.interval.ms=200\n")
        self.events: list[dict] = []
        self.process = subprocess.Popen(
            java(jars("peers"), "org.apache.kafka.tools.VerifiableConsumer", "--bootstrap-server", f"127.0.0.1:{service.kafka_port}",
                 "--topic", "live", "--group-id", group, "--reset-policy", "earliest", "--verbose", "--command-config", settings,
                 *words), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in self.process.stdout:
            if line.startswith("{"):
                self.events.append(json.loads(line))

    def owned(self) -> set[int]:
        owned: set[int] = set()
        for event in list(self.events):
            of = {one["partition"] for one in event.get("partitions", [])}
            if event["name"] == "partitions_assigned":
                owned |= of
            elif event["name"] == "partitions_revoked":
                owned -= of
        return owned

    def values(self) -> list[str]:
        return [event["value"] for event in list(self.events) if event["name"] == "record_data"]

    def check_goes_on(self) -> int:
        """No record comes that lies before an offset it had committed. How many commits there were."""
        committed: dict[int, int] = {}
        commits = 0
        for event in list(self.events):
            if event["name"] == "record_data" and event["offset"] < committed.get(event["partition"], 0):
                raise Failed(f"record {event['partition']}/{event['offset']} again after {committed}")
            if event["name"] == "offsets_committed" and event["success"]:
                commits += 1
                committed.update({one["partition"]: one["offset"] for one in event["offsets"]})
        return commits

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(30)


class Run:
    """One run over all capabilities; what was found, in the words of the matrix."""

    def __init__(self, service: Service, folder: Path):
        self.service, self.folder = service, folder
        self.found: dict[str, str] = {}
        self.tools = Tools(f"127.0.0.1:{service.kafka_port}")
        self.members: list[Member] = []
        self.classic: Member | None = None
        _, versions = self.tools.call("BrokerApiVersionsCommand", [])
        self.names: dict[str, object] = {"folder": folder, "group": "classic", "node": re.search(r"\(id: (\d+)", versions)[1]}
        for name, content in FILES.items():
            (folder / name).write_text(content.replace("%d", str(self.names["node"])))

    def note(self, capability: str, doing, *words) -> None:
        began = time.monotonic()
        try:
            doing(*words)
            self.found[capability] = "ok"
        except (Failed, AssertionError) as why:
            self.found[capability] = f"fail {' '.join(str(why).split())}"
        print(f"      {capability} {self.found[capability]} ({time.monotonic() - began:.1f} s)")

    def calls(self, capability: str) -> None:
        for call in CALLS[capability]:
            now = int(time.time() * 1000)
            # Times that lie between what the calls before and after this one produce.
            if "{now}" in call.words:
                self.names["before"] = now
            self.tools.check(call, {**self.names, "now": now})
        if capability.startswith("codec-"):
            codec = capability.removeprefix("codec-")
            found = codecs_of(self.service.kafka_port, f"codec.{codec}", 0)
            if found != {codec}:
                raise Failed(f"batches are {sorted(found)}")

    def send(self, *values: str) -> None:
        producer = Producer({"bootstrap.servers": self.service.kafka})
        for number, value in enumerate(values):
            producer.produce("live", value, partition=number % PARTITIONS)
        assert producer.flush(30) == 0, "not all sent"

    def join(self, group: str, *words: str) -> Member:
        member = Member(self.service, self.folder, group, *words)
        self.members.append(member)
        return member

    def rebalance(self, group: str, *words: str) -> None:
        """A member reads all; a second gets half; both read what comes then; the first leaves, the second has all."""
        first = self.join(group, *words)
        eventually(lambda: len(first.owned()) == PARTITIONS and set(EARLY) <= set(first.values()), 60)
        second = self.join(group, *words)
        eventually(lambda: len(first.owned()) == len(second.owned()) == PARTITIONS / 2, 60)
        assert not first.owned() & second.owned(), "a partition has two owners"
        read, later = len(first.values()), [f"{group}-{number}" for number in range(300)]
        self.send(*later)
        eventually(lambda: set(later) <= {*first.values(), *second.values()}, 60)
        assert len(first.values()) > read and second.values(), "only one of the members read"
        if group == "classic":
            self.classic = second
        first.stop()
        eventually(lambda: len(second.owned()) == PARTITIONS, 60)
        first.check_goes_on()
        second.check_goes_on()

    def crash(self) -> None:
        """A ConsoleProducer sends and the classic group's last member reads while the service is killed and comes back."""
        sender = subprocess.Popen(
            java(jars("peers"), "org.apache.kafka.tools.ConsoleProducer", "--bootstrap-server", self.tools.bootstrap, "--topic",
                 "live", "--reader-property", "parse.key=true", "--message-send-max-retries", "1000000", "--request-timeout-ms",
                 "5000"), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True, bufsize=1)
        member, sent = self.classic, []

        def feed(count: int) -> None:
            for _ in range(count):
                sent.append(f"crash-{len(sent)}")
                sender.stdin.write(f"k\t{sent[-1]}\n")
                time.sleep(0.002)

        feed(300)
        eventually(lambda: "crash-100" in member.values(), 60)
        feed(200)
        self.service.kill()
        feed(100)
        self.service.start()
        feed(300)
        sender.stdin.close()
        assert sender.wait(60) == 0, "the producer failed"
        self.note("group-restart", self.went_on, member, sent)
        self.note("idempotent", self.all_once, sent)

    def went_on(self, member: Member, sent: list[str]) -> None:
        eventually(lambda: set(sent) <= set(member.values()), 60)
        assert member.check_goes_on() > 1, "it did not commit"
        eventually(lambda: self.lag("classic") == 0, 30, 0.3)

    def lag(self, group: str) -> int:
        _, text = self.tools.call("consumer.group.ConsumerGroupCommand", ["--describe", "--group", group])
        lags = re.findall(rf"(?m)^{group} +live +\d+ +\d+ +\d+ +(\d+) ", text)
        assert len(lags) == PARTITIONS, text
        return sum(int(lag) for lag in lags)

    def all_once(self, sent: list[str]) -> None:
        _, ends = self.tools.call("GetOffsetShell", ["--topic", "live"])
        count = sum(int(line.rsplit(":", 1)[1]) for line in ends.splitlines())
        words = f"--topic live --from-beginning --timeout-ms 20000 --max-messages {count}"
        _, text = self.tools.call("consumer.ConsoleConsumer", words.split())
        assert [line for line in text.splitlines() if line.startswith("crash-")] == sent, "not once each, in order"

    def dump_offsets(self) -> None:
        """What the group committed stands in our segments as Kafka's own reader wants it."""
        _, text = self.tools.call("TopicCommand", ["--describe", "--topic", "__consumer_offsets"])
        # Kafka's folders are named after topic and partition, ours after the topic's id.
        folders = ("__consumer_offsets", re.search(r"TopicId: (\S+)", text)[1])
        files = [path for path in self.service.data.rglob("*.log") if path.stat().st_size and any(
            folder in str(path.parent) for folder in folders)]
        assert files, "no segments of __consumer_offsets"
        code, text = self.tools.call("DumpLogSegments", ["--offsets-decoder", "--files", ",".join(str(file) for file in files)])
        assert code == 0 and "isvalid: false" not in text and "invalid bytes" not in text, text[:500]
        assert re.search(r'"group":"classic","topic":"live","partition":\d', text), "no offset of the group"
        assert re.search(r'"protocolType":"consumer","generation":\d+', text), "no group"

    def compaction_tester(self) -> None:
        tester = Tools(self.tools.bootstrap)
        try:
            tester.check(Call("LogCompactionTester", "--messages 5000 --topics 1 --percent-deletes 20 --sleep 1",
                              ("Data verification is completed",)), {})
        finally:
            tester.close()

    def all(self) -> None:
        for topic in ("live", "compatibility"):
            self.tools.call("TopicCommand", ["--create", "--topic", topic, "--partitions", str(PARTITIONS if topic == "live" else 1)])
        self.send(*EARLY)
        beside = [threading.Thread(target=self.note, args=words) for words in (
            ("group-protocol-new", self.rebalance, "new", "--group-protocol", "consumer"), ("compaction", self.compaction_tester))]
        classic = threading.Thread(target=self.note, args=("group-rebalance", self.rebalance, "classic"))
        for thread in (classic, *beside):
            thread.start()
        waiting = [name for name in CALLS if "{group}" in str(CALLS[name])]
        for name in CALLS:
            if name not in waiting:
                self.note(name, self.calls, name)
        classic.join()
        for name in waiting:
            self.note(name, self.calls, name)
        for thread in beside:
            thread.join()
        self.crash()
        self.note("dump-offsets", self.dump_offsets)


def every_capability() -> str:
    with broker("jvm-tools", "--replication", "clamp") as service, temp_folder("jvm-tools-files") as folder:
        running = Run(service, folder)
        try:
            running.all()
        finally:
            for member in running.members:
                member.process.kill()
            running.tools.close()
        version = next(Path(jars("peers")[:-1]).glob("kafka-tools-4*.jar")).stem.removeprefix("kafka-tools-")
        path = matrix_file(CLIENT, version, running.found)
    return f"{len(running.found)} capabilities, {judged([path])}"


if __name__ == "__main__":
    run_cases(every_capability)

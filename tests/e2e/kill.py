#!/usr/bin/env python3
"""kill -9 of the real service, again and again, under librdkafka and Java producers (acks=all, idempotent), on one folder.

Afterwards: what was acknowledged is where the acknowledgement said; all that was sent is in the log once; the records of a
producer in a partition are in the order sent; `stele verify` calls the folder whole, right after a kill as well.

STELE_COUNT kills (50 unless told), STELE_SEED replays their moments. Runs long.
"""

import subprocess
import sys
import time
from pathlib import Path

from harness import Service, count_wanted, eventually, run, run_cases, seeded, temp_folder, verify
from history import read_with_confluent, read_with_kcat
from java import java

TOPIC = "ledger"
PARTITIONS = 3
KILLS = count_wanted(50)
# name -> client, codec
PRODUCERS = {"rdkafka-a": ("librdkafka", "none"), "rdkafka-b": ("librdkafka", "lz4"), "java-a": ("java", "zstd")}


class Steady:
    """A producer in a process of its own that goes on through every kill."""

    def __init__(self, steled: Service, name: str, client: str, codec: str, folder: Path, topic: str = TOPIC,
                 partitions: int = PARTITIONS):
        self.name = name
        self.acks_file = folder / f"{name}.acks"
        words = [steled.kafka, topic, name, str(partitions), codec, str(self.acks_file)]
        command = java("java-client", "stele.SteadyProducer", *words) if client == "java" else [
            sys.executable, str(Path(__file__).parent / "steady_producer.py"), *words]
        self.errors = open(folder / f"{name}.err", "w+")
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, text=True)

    def acked_bytes(self) -> int:
        assert self.process.poll() is None, f"{self.name} ended: {self.told()}"
        return self.acks_file.stat().st_size if self.acks_file.exists() else 0

    def told(self) -> str:
        self.errors.seek(0)
        return self.errors.read()[-2000:]

    def finish(self) -> int:
        """Lets it send what is left; the count of all that it sent."""
        try:
            out, _ = self.process.communicate("stop\n", timeout=150)
        finally:
            self.process.kill()
        words = out.split()
        assert words[:1] == ["sent"] and words[2:] == ["failed", "0"], f"{self.name}: {out} {self.told()}"
        self.errors.close()
        return int(words[1])

    def acks(self) -> list[tuple[int, int, int]]:
        return [tuple(map(int, line.split("\t"))) for line in self.acks_file.read_text().splitlines()]


def kill_and_restart(steled: Service, producers: list[Steady], random) -> None:
    """Waits until every producer has got answers from this process, then kills it at a random moment. Now and then the next
    one is killed too, while it starts."""
    before = [steady.acked_bytes() for steady in producers]
    eventually(lambda: all(steady.acked_bytes() > was for steady, was in zip(producers, before)), 60, 0.005)
    time.sleep(random.random() * 0.2)
    steled.kill()
    if random.random() < 0.2:
        steled.spawn()
        time.sleep(random.random() * 0.1)
        steled.kill()
    if random.random() < 0.1:
        verify(steled.data)
    steled.start()


def check_log(values: dict[int, list[str]], sent: dict[str, int], acks: dict[str, list[tuple[int, int, int]]]) -> None:
    for name, answered in acks.items():
        assert len(answered) == sent[name], f"{name}: sent {sent[name]}, acknowledged {len(answered)}"
        for partition, offset, number in answered:
            there = values[partition][offset] if offset < len(values[partition]) else "nothing"
            assert there == f"{name}:{number}", f"acknowledged {name}:{number} at {partition}/{offset}, there is {there}"
    for partition, inside in values.items():
        for name, count in sent.items():
            mine = [int(value.split(":")[1]) for value in inside if value.startswith(name + ":")]
            wanted = list(range(partition, count, PARTITIONS))
            if mine == wanted:
                continue
            at = next(i for i, pair in enumerate(zip([*mine, -1], [*wanted, -1])) if pair[0] != pair[1])
            raise AssertionError(f"{name} in partition {partition}: record {at} is {mine[at:at + 3]}, "
                                 f"wanted {wanted[at:at + 3]}")
    assert sum(map(len, values.values())) == sum(sent.values()), "records that nobody sent"


def nothing_acknowledged_is_lost() -> str:
    random = seeded()
    with temp_folder("kill") as folder:
        steled = Service(folder / "data", "--default-partitions", str(PARTITIONS)).start()
        # Created before: so that all partitions are there for the first record.
        run("kcat", "-b", steled.kafka, "-t", TOPIC, "-L")
        run("kcat", "-b", steled.kafka, "-t", TOPIC, "-C", "-e", "-o", "beginning")
        producers = [Steady(steled, name, *about, folder) for name, about in PRODUCERS.items()]
        try:
            first_acks = [steady.acked_bytes() for steady in producers]
            assert first_acks
            for _ in range(KILLS):
                kill_and_restart(steled, producers, random)
            sent = {steady.name: steady.finish() for steady in producers}
        finally:
            for steady in producers:
                steady.process.kill()
                steady.process.wait()
        steled.kill()
        verify(steled.data)
        steled.start()
        values: dict[int, list[str]] = {number: [] for number in range(PARTITIONS)}
        for record in read_with_confluent(steled.kafka, TOPIC, 120):
            assert record.offset == len(values[record.partition]), f"a gap at {record.partition}/{record.offset}"
            values[record.partition].append(record.event.value)
        check_log(values, sent, {steady.name: steady.acks() for steady in producers})
        by_kcat = read_with_kcat(steled.kafka, TOPIC)
        assert {(r.partition, r.offset, r.event.value) for r in by_kcat} == {
            (number, offset, value) for number, inside in values.items() for offset, value in enumerate(inside)}
        assert steled.stop() == 0
        report = verify(steled.data)
    return f"{KILLS} kills, {sent} records, each acknowledged and in the log once, in order; {report.splitlines()[-1]}"


if __name__ == "__main__":
    run_cases(nothing_acknowledged_is_lost)

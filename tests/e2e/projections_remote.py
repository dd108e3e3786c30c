#!/usr/bin/env python3
"""Three instances of a fold share twelve partitions by consumer group, with range, roundrobin and cooperative-sticky, while
events are produced; instances are killed (kill -9) again and again and come back.

Afterwards every key's state is right: no event lost, none folded twice, none out of order; and what moved was not folded
anew, but taken out of a snapshot.

STELE_COUNT kills of each group (3 unless told), STELE_SEED replays their moments.
"""

import subprocess
import time
from pathlib import Path

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from harness import BUILD, Service, could_not_run, count_wanted, eventually, run_cases, seeded, temp_folder

FOLD_MEMBER = BUILD / "bin" / "fold_member"
TOPIC = "numbers"
PARTITIONS = 12
MEMBERS = 3
KEYS = 500
KILLS = count_wanted(3)
EVENTS_PER_TURN = 20_000


class Numbers:
    """Produces to every key 0, 1, 2, …"""

    def __init__(self, steled: Service):
        self.producer = Producer({"bootstrap.servers": steled.kafka, "enable.idempotence": True, "linger.ms": 5,
                                  "partitioner": "murmur2_random", "log_level": 0})
        self.counts = [0] * KEYS
        self.sent = 0
        self.refused: list[str] = []

    def send(self, count: int) -> None:
        for _ in range(count):
            key = self.sent * 7919 % KEYS
            self.producer.produce(TOPIC, str(self.counts[key]), f"k-{key}", on_delivery=self._delivered)
            self.counts[key] += 1
            self.sent += 1
            if self.sent % 1000 == 0:
                self.producer.poll(0)

    def flush(self) -> None:
        assert self.producer.flush(60) == 0
        assert not self.refused, self.refused[:3]

    def _delivered(self, error, _message) -> None:
        if error is not None:
            self.refused.append(str(error))


class Member:
    def __init__(self, steled: Service, folder: Path, group: str, number: int):
        self.lines = folder / f"{group}-{number}.lines"
        self.output = open(self.lines, "w")
        self.process = subprocess.Popen([FOLD_MEMBER, "share", steled.kafka, TOPIC, folder / group, group, group],
                                        stdin=subprocess.PIPE, stdout=self.output, stderr=self.output)

    def words(self, first: str) -> list[list[str]]:
        text = self.lines.read_text()
        return [line.split() for line in text[:text.rfind("\n") + 1].splitlines() if line.startswith(first + " ")]

    def held(self) -> int:
        live = self.words("live")
        return int(live[-1][1]) if live and self.process.poll() is None else 0

    def lag(self) -> int:
        return int(self.words("live")[-1][2])

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        self.process.stdin.close()
        assert self.process.wait(30) == 0, self.lines.read_text()[-2000:]


class Group:
    """`name` is its strategy, its consumer group, and the folder of its states."""

    def __init__(self, steled: Service, folder: Path, name: str):
        self.steled, self.folder, self.name = steled, folder, name
        self.all: list[Member] = []
        self.members = [self.add() for _ in range(MEMBERS)]

    def add(self) -> Member:
        self.all.append(Member(self.steled, self.folder, self.name, len(self.all)))
        return self.all[-1]

    def shared_out(self) -> bool:
        held = [member.held() for member in self.members]
        return sum(held) == PARTITIONS and min(held) > 0

    def replace(self, number: int) -> None:
        self.members[number].kill()
        self.members[number] = self.add()

    def takeovers(self) -> tuple[int, int]:
        """How often a partition was opened with a snapshot, and how many events that spared."""
        restored = [int(words[3]) for member in self.all for words in member.words("task")]
        return sum(1 for count in restored if count > 0), sum(restored)

    def dump(self) -> dict[str, tuple[int, int]]:
        done = subprocess.run([FOLD_MEMBER, "dump", self.steled.kafka, TOPIC, self.folder / self.name], text=True,
                              capture_output=True, timeout=60)
        assert done.returncode == 0, done.stderr
        lines = [line.split() for line in done.stdout.splitlines()]
        return {words[1]: (int(words[2]), int(words[3])) for words in lines if words[0] == "key"}


def has_committed(steled: Service, group: str) -> bool:
    """What tools that show lag see: every partition has an offset, and it is the partition's end."""
    asking = Consumer({"bootstrap.servers": steled.kafka, "group.id": group, "log_level": 0})
    try:
        places = asking.committed([TopicPartition(TOPIC, number) for number in range(PARTITIONS)], timeout=10)
        return all(place.offset == asking.get_watermark_offsets(TopicPartition(TOPIC, place.partition), timeout=10)[1]
                   for place in places)
    finally:
        asking.close()


def instances_come_and_go_and_nothing_is_lost_or_folded_twice() -> str:
    if not FOLD_MEMBER.exists():
        could_not_run(f"{FOLD_MEMBER} was not built")
    random = seeded()
    with temp_folder("projections-remote") as folder:
        steled = Service(folder / "data", "--group-session-ms-min", "1000", "--group-initial-delay-ms", "200").start()
        admin = AdminClient({"bootstrap.servers": steled.kafka})
        admin.create_topics([NewTopic(TOPIC, PARTITIONS, 1)])[TOPIC].result(10)
        numbers = Numbers(steled)
        numbers.send(EVENTS_PER_TURN)
        groups: list[Group] = []
        try:
            groups = [Group(steled, folder, strategy) for strategy in ("range", "roundrobin", "cooperative-sticky")]
            for _ in range(KILLS):
                eventually(lambda: all(group.shared_out() for group in groups), 30)
                numbers.send(EVENTS_PER_TURN)
                time.sleep(random.random() * 0.3)
                for group in groups:
                    group.replace(random.randrange(MEMBERS))
                numbers.send(EVENTS_PER_TURN)
            numbers.flush()
            eventually(lambda: all(group.shared_out() for group in groups), 30)
            eventually(lambda: all(sum(m.lag() for m in group.members) == 0 for group in groups), 30)
            for group in groups:
                eventually(lambda group=group: has_committed(steled, group.name), 30)
                for member in group.members:
                    member.stop()
        finally:
            for group in groups:
                for member in group.all:
                    member.kill()
        told = []
        for group in groups:
            states = group.dump()
            wanted = {f"k-{key}": (count, 0) for key, count in enumerate(numbers.counts) if count}
            assert states == wanted, f"{group.name}: {[(k, states.get(k), v) for k, v in wanted.items() if states.get(k) != v][:5]}"
            with_snapshot, spared = group.takeovers()
            assert with_snapshot > 0 and spared > 0, f"{group.name}: no partition moved with its snapshot"
            told.append(f"{group.name}: {with_snapshot} partitions taken over by snapshot, {spared} events spared")
    return f"{KILLS} kills of each group, {numbers.sent} events, {len(wanted)} keys; {'; '.join(told)}"


if __name__ == "__main__":
    run_cases(instances_come_and_go_and_nothing_is_lost_or_folded_twice)

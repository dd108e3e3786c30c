#!/usr/bin/env python3
"""kill -9 of the real service, again and again, under consumer groups that consume and commit: an eager one, a cooperative one
and one of the KIP-848 protocol, two members each; now and then a member is killed too, and a new one takes over.

Afterwards: every record was delivered to every group at least once, and what a group had committed when the service was
killed is what it finds after the restart, or more.

STELE_COUNT kills (50 unless told), STELE_SEED replays their moments. Runs long.
"""

import subprocess
import sys
import time
from pathlib import Path

from confluent_kafka import Consumer, TopicPartition

from harness import Service, count_wanted, eventually, run_cases, seeded, temp_folder, verify
from kill import Steady

TOPIC = "orders"
PARTITIONS = 4
KILLS = count_wanted(50)
GROUPS = {"eager": "range", "cooperative": "cooperative-sticky", "broker-side": "consumer"}


class Member:
    def __init__(self, steled: Service, group: str, number: int, folder: Path):
        self.lines_file = folder / f"{group}-{number}.lines"
        self.at = 0
        self.process = subprocess.Popen(
            [sys.executable, str(Path(__file__).parent / "steady_consumer.py"), steled.kafka, TOPIC, group, GROUPS[group],
             str(self.lines_file)], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)

    def new_lines(self) -> list[list[str]]:
        """What it wrote since the last call, whole lines only."""
        if not self.lines_file.exists():
            return []
        with open(self.lines_file) as lines:
            lines.seek(self.at)
            text = lines.read()
        whole = text[:text.rfind("\n") + 1]
        self.at += len(whole)
        return [line.split() for line in whole.splitlines()]


class Group:
    """Two members, and what all of its members, the killed ones too, have written."""

    def __init__(self, steled: Service, name: str, folder: Path):
        self.steled, self.name, self.folder = steled, name, folder
        self.members: list[Member] = []
        self.all: list[Member] = []
        self.seen: dict[int, set[int]] = {number: set() for number in range(PARTITIONS)}
        self.committed = {number: 0 for number in range(PARTITIONS)}
        self.deliveries = self.commits = 0
        for _ in range(2):
            self.add_member()

    def add_member(self) -> None:
        self.members.append(Member(self.steled, self.name, len(self.all), self.folder))
        self.all.append(self.members[-1])

    def replace_member(self) -> None:
        gone = self.members.pop(0)
        gone.process.kill()
        gone.process.wait()
        self.add_member()

    def read(self) -> None:
        for member in self.all:
            for what, partition, offset in member.new_lines():
                if what == "saw":
                    self.seen[int(partition)].add(int(offset))
                    self.deliveries += 1
                else:
                    self.committed[int(partition)] = max(self.committed[int(partition)], int(offset))
                    self.commits += 1

    def check_committed(self) -> None:
        """What the restarted service knows is at least what it had acknowledged."""
        known = dict(self.committed)
        asking = Consumer({"bootstrap.servers": self.steled.kafka, "group.id": self.name, "log_level": 0})
        try:
            places = eventually(lambda: asking.committed([TopicPartition(TOPIC, p) for p in known], timeout=10), 30)
        finally:
            asking.close()
        for place in places:
            assert place.error is None, place.error
            assert max(place.offset, 0) >= known[place.partition], \
                f"{self.name} had committed {known[place.partition]} of partition {place.partition}, finds {place.offset}"

    def has_seen(self, ends: list[int]) -> bool:
        self.read()
        return all(len(self.seen[number]) == end for number, end in enumerate(ends))

    def stop(self) -> None:
        for member in self.all:
            member.process.kill()
            member.process.wait()


def committed_offsets_never_go_back() -> str:
    random = seeded()
    with temp_folder("group-kill") as folder:
        steled = Service(folder / "data", "--default-partitions", str(PARTITIONS),
                         "--group-initial-delay-ms", "200").start()
        producer = Steady(steled, "producer", "librdkafka", "none", folder, TOPIC, PARTITIONS)
        groups: list[Group] = []
        try:
            eventually(lambda: producer.acked_bytes() > 0, 30)
            groups = [Group(steled, name, folder) for name in GROUPS]
            for turn in range(KILLS):
                # Until every group has moved on, so that each life of the service sees commits of all of them; but not for
                # ever: a group may wait for a killed member's session to end.
                before = [group.commits for group in groups]
                deadline = time.monotonic() + (60 if turn == 0 else 8)
                while time.monotonic() < deadline:
                    for group in groups:
                        group.read()
                    if all(group.commits > was for group, was in zip(groups, before)):
                        break
                    time.sleep(0.02)
                if turn % 10 == 5:
                    random.choice(groups).replace_member()
                time.sleep(random.random() * 0.3)
                for group in groups:
                    group.read()  # acknowledged before the kill
                steled.kill()
                steled.start()
                for group in groups:
                    group.check_committed()
            sent = producer.finish()
            ends = [len(range(number, sent, PARTITIONS)) for number in range(PARTITIONS)]
            for group in groups:
                eventually(lambda group=group: group.has_seen(ends), 90)
                assert group.commits >= KILLS, f"{group.name} committed {group.commits} times only"
        finally:
            producer.process.kill()
            for group in groups:
                group.stop()
        assert steled.stop() == 0
        verify(steled.data)
    told = ", ".join(f"{g.name} {g.deliveries} deliveries and {g.commits} commits" for g in groups)
    return f"{KILLS} kills, {sent} records: {told}; none missed, no committed offset went back"


if __name__ == "__main__":
    run_cases(committed_offsets_never_go_back)

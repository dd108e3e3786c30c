"""What every client is asked to do, one function a capability. tests/compat/README.md has the list; matrix.py its order.

Each function gets the client program and the broker; it asserts, and may return a remark for the table.
"""

import re
import time
from functools import partial
from typing import Callable

from broker import Broker
from conversation import Conversation, NotThere, Record, Refused, record
from harness import eventually

BASE_MS = 1_700_000_000_000
WAIT_SECONDS_MAX = 40
CODECS = ("none", "gzip", "snappy", "lz4", "zstd")


def sample(count: int, partition: int = 0) -> list[Record]:
    """Every byte value, sizes to 100 kB; each alone becomes smaller in every codec: librdkafka sends what does not as it is."""
    everything = bytes(range(256))
    records = []
    for number in range(count):
        value = f"event {number} ".encode() * (20 + number % 40) + everything[number % 256:]
        value = everything * 400 if number == count // 2 else value
        records.append(Record(f"key-{number}".encode(), value, [], BASE_MS + number * 1000, partition))
    return records


def numbered(first: int, count: int, partitions: int) -> list[Record]:
    return [Record(f"{n}".encode(), f"{n}".encode(), [], BASE_MS + n, n % partitions) for n in range(first, first + count)]


def read_assigned(client: Conversation, topic: str, start: dict[int, int], count: int) -> list[Record]:
    answer = client.ask("assign", topic=topic, start=[[partition, at] for partition, at in start.items()], count=count)
    return sorted((record(one) for one in answer), key=lambda one: (one.partition, one.offset))


def same(wanted: list[Record], found: list[Record], times: bool = True) -> None:
    assert len(found) == len(wanted), f"{len(found)} records, not {len(wanted)}"
    for at, (one, other) in enumerate(zip(wanted, found)):
        for field in ("key", "value", "headers", "partition") + (("at",) if times else ()):
            left, right = getattr(one, field), getattr(other, field)
            assert left == right, f"record {at}: {field}: {str(right)[:80]}, wanted {str(left)[:80]}"


def lacks(client: Conversation) -> dict[str, str]:
    return client.ask("hello")["lacks"]


def refused(what: Callable[[], object], pattern: str) -> None:
    try:
        what()
    except Refused as error:
        assert re.search(pattern, str(error), re.IGNORECASE), f"refused with another error: {error}"
        return
    raise AssertionError(f"not refused ({pattern})")


# --- records ---

def codec(client: Conversation, broker: Broker, name: str) -> str:
    records, lack = sample(120), lacks(client)
    times = "timestamps" not in lack
    topic = broker.new_topic(f"codec-{name}")
    client.ask("produce", topic=topic, codec=name, records=[one.encode() for one in records])
    found = {batch[0] for batch in broker.batches(topic)}
    assert found == {name}, f"the batches are {found}"
    same(records, broker.read(topic), times)
    same(records, read_assigned(client, topic, {0: 0}, len(records)), times)
    given = broker.new_topic(f"given-{name}")
    broker.send(given, records, name)
    same(records, read_assigned(client, given, {0: 0}, len(records)))
    return lack.get("timestamps", "") if name == "none" else ""


def headers(client: Conversation, broker: Broker) -> str:
    lack = lacks(client)
    wanted = [("a", b"1"), ("c", b"\xff\x80\x01"), ("a", b"2")]
    if "empty-header" not in lack:
        wanted.append(("b", b""))
    if "null-header" not in lack:
        wanted.append(("n", None))
    if "repeated-header" in lack:
        wanted = [one for one in wanted if one != ("a", b"2")]
    records = [Record(b"k", b"v", wanted, BASE_MS), Record(b"k", b"v", [], BASE_MS)]
    topic = broker.new_topic("headers")
    client.ask("produce", topic=topic, codec="none", records=[one.encode() for one in records])
    for found in (broker.read(topic), read_assigned(client, topic, {0: 0}, 2)):
        if "header-order" in lack:
            for one in [*found, *records]:
                one.headers = sorted(one.headers, key=lambda header: (header[0], header[1] or b""))
        same(records, found, False)
    return "; ".join(text for name, text in lack.items() if "header" in name)


def null_field(client: Conversation, broker: Broker, field: str) -> str:
    records = []
    for number, text in enumerate((b"x", None, b"", None, b"y")):
        one = Record(b"k%d" % number, b"v%d" % number, [], BASE_MS + number)
        setattr(one, field, text)
        records.append(one)
    lack = lacks(client)
    if f"empty-{field}" in lack:
        records = [one for one in records if getattr(one, field) != b""]
    topic = broker.new_topic(f"null-{field}")
    client.ask("produce", topic=topic, codec="none", records=[one.encode() for one in records])
    same(records, broker.read(topic), False)
    same(records, read_assigned(client, topic, {0: 0}, len(records)), False)
    return lack.get(f"empty-{field}", "")


def assign(client: Conversation, broker: Broker) -> None:
    if why := lacks(client).get("assign"):
        raise NotThere(why)
    topic = broker.new_topic("assign", 3)
    records = numbered(0, 90, 3)
    broker.send(topic, records)
    found = read_assigned(client, topic, {0: 0, 2: 10}, 50)
    assert [(one.partition, one.offset) for one in found] == [(0, n) for n in range(30)] + [(2, n) for n in range(10, 30)]
    same([one for one in records if one.partition == 0] + [one for one in records if one.partition == 2][10:], found)


def idempotent(client: Conversation, broker: Broker) -> None:
    for count in (1500, 6000, 24000):  # more, if a slow machine was not quick enough to kill in between
        topic = broker.new_topic("idempotent")
        client.ask("start_producer", topic=topic, count=count, pause_ms=1)
        eventually(lambda: broker.ends(topic)[1] > 20, WAIT_SECONDS_MAX)
        if broker.ends(topic)[1] < count:
            break
        client.ask("end_producer")
    broker.restart()
    client.ask("end_producer")
    values = [int(one.value) for one in broker.read(topic)]
    assert values == list(range(count)), f"{len(values)} records, {len(set(values))} different, {count} sent"
    assert all(producer_id >= 0 for _, producer_id in broker.batches(topic)), "batches without a producer id"


# --- offsets ---

def time_lookup(client: Conversation, broker: Broker) -> None:
    topic = broker.new_topic("times")
    broker.send(topic, [Record(b"k", b"v", [], BASE_MS + number * 1000) for number in range(50)])
    for at, wanted in ((BASE_MS - 1, 0), (BASE_MS + 10_000, 10), (BASE_MS + 10_500, 11), (BASE_MS + 49_001, None)):
        found = client.ask("offset_at", topic=topic, partition=0, at=at)
        assert found == wanted, f"at {at - BASE_MS} ms: {found}, wanted {wanted}"


def earliest_latest(client: Conversation, broker: Broker) -> None:
    topic = broker.new_topic("ends")
    broker.send(topic, numbered(0, 20, 1))
    broker.delete_records(topic, 7)
    found = [client.ask("offset_at", topic=topic, partition=0, at=at) for at in ("earliest", "latest")]
    assert found == [7, 20], found


def max_timestamp(client: Conversation, broker: Broker) -> None:
    topic = broker.new_topic("max")
    broker.send(topic, [Record(b"k", b"v", [], BASE_MS + (number * 7 % 20)) for number in range(20)])
    wanted = max(range(20), key=lambda number: number * 7 % 20)
    found = client.ask("offset_at", topic=topic, partition=0, at="max")
    assert found == wanted, f"{found}, wanted {wanted}"


# --- groups ---

class Members:
    """The members of a group that the client program runs, and what they have read."""

    def __init__(self, client: Conversation, group: str, topic: str, protocol: str):
        self.client, self.group, self.topic, self.protocol = client, group, topic, protocol
        self.read: dict[str, list[int]] = {}
        self.partitions: dict[str, list[int]] = {}

    def join(self, name: str) -> None:
        self.client.ask("join", member=name, group=self.group, topic=self.topic, protocol=self.protocol)
        self.read[name], self.partitions[name] = [], []

    def leave(self, name: str) -> None:
        self.look()
        self.client.ask("leave", member=name)
        del self.partitions[name]

    def look(self) -> None:
        for name in self.partitions:
            state = self.client.ask("member", member=name)
            self.partitions[name] = sorted(state["partitions"])
            self.read[name] += [int(value) for value in state["read"]]

    def until(self, what: Callable[[], bool], text: str) -> None:
        deadline = time.monotonic() + WAIT_SECONDS_MAX
        while True:
            self.look()
            if what():
                return
            assert time.monotonic() < deadline, f"{text}: never so; partitions {self.partitions}, read " + \
                str({name: len(set(numbers)) for name, numbers in self.read.items()})
            time.sleep(0.05)

    def have_read(self, numbers: range) -> bool:
        return set(numbers) <= {number for read in self.read.values() for number in read}


def group_rebalance(client: Conversation, broker: Broker, protocol: str = "classic") -> None:
    topic = broker.new_topic("group", 4)
    group = f"g-{topic}-{protocol}"
    members = Members(client, group, topic, protocol)
    broker.send(topic, numbered(0, 40, 4))
    members.join("first")
    members.until(lambda: members.have_read(range(40)), "one member reads all")
    members.join("second")
    members.until(lambda: len(members.partitions["first"]) == len(members.partitions["second"]) == 2
                  and sorted(sum(members.partitions.values(), [])) == [0, 1, 2, 3], "two members have two partitions each")
    before = {name: len(read) for name, read in members.read.items()}
    broker.send(topic, numbered(40, 40, 4))
    members.until(lambda: members.have_read(range(80)), "two members read all")
    for name, count in before.items():
        assert set(members.read[name][count:]) & set(range(40, 80)), f"{name} read nothing of what came then"
    members.leave("first")
    members.until(lambda: members.partitions["second"] == [0, 1, 2, 3], "the other member has all partitions")
    broker.send(topic, numbered(80, 40, 4))
    members.until(lambda: members.have_read(range(120)), "the member that stayed reads all")
    eventually(lambda: broker.committed(group, topic) == {number: 30 for number in range(4)}, WAIT_SECONDS_MAX)
    members.leave("second")


def group_restart(client: Conversation, broker: Broker) -> None:
    topic = broker.new_topic("restart", 4)
    group = f"g-{topic}"
    members = Members(client, group, topic, "classic")
    members.join("first")
    broker.send(topic, numbered(0, 40, 4))
    members.until(lambda: members.have_read(range(40)), "all is read before the restart")
    eventually(lambda: broker.committed(group, topic) == {number: 10 for number in range(4)}, WAIT_SECONDS_MAX)
    broker.restart()
    assert broker.committed(group, topic) == {number: 10 for number in range(4)}, "committed offsets after the restart"
    broker.send(topic, numbered(40, 40, 4))
    members.until(lambda: members.have_read(range(80)), "all is read after the restart")
    eventually(lambda: broker.committed(group, topic) == {number: 20 for number in range(4)}, WAIT_SECONDS_MAX)
    members.leave("first")
    broker.restart()
    broker.send(topic, numbered(80, 8, 4))
    members.join("second")
    members.until(lambda: members.have_read(range(88)), "a new member reads what came since")
    assert sorted(members.read["second"]) == list(range(80, 88)), f"read again: {sorted(members.read['second'])[:20]}"
    members.leave("second")


def group_protocol_new(client: Conversation, broker: Broker) -> None:
    group_rebalance(client, broker, "consumer")


# --- administration ---

def create_topic(client: Conversation, broker: Broker) -> None:
    configs = {"retention.ms": "86400000", "max.message.bytes": "2000000"}
    create = partial(client.ask, "create_topic", topic="created", partitions=3, configs=configs)
    create()
    eventually(lambda: broker.partitions("created") == [0, 1, 2])
    found = broker.settings("created")
    assert {name: found[name] for name in configs} == configs, found
    refused(create, r"already.?exists|topic.?exists|\b36\b")


def describe_configs(client: Conversation, broker: Broker) -> None:
    topic = broker.new_topic("described", retention_ms=86400000, max_message_bytes=2000000)
    found = client.ask("describe_configs", topic=topic)
    wanted = {"retention.ms": "86400000", "max.message.bytes": "2000000", "segment.bytes": "1073741824",
              "cleanup.policy": "delete"}
    assert {name: found.get(name) for name in wanted} == wanted, found


def alter_configs(client: Conversation, broker: Broker) -> str:
    topic = broker.new_topic("altered", max_message_bytes=2000000, retention_ms=86400000)
    how = client.ask("alter_config", topic=topic, name="retention.ms", value="3600000")
    # AlterConfigs takes all settings; IncrementalAlterConfigs leaves alone what is not named.
    wanted = {"retention.ms": "3600000", "max.message.bytes": {"incremental": "2000000", "whole": "1048588"}[how]}
    eventually(lambda: {name: broker.settings(topic)[name] for name in wanted} == wanted)
    return "" if how == "incremental" else "with AlterConfigs, which is all that the client has"


def create_partitions(client: Conversation, broker: Broker) -> None:
    topic = broker.new_topic("grows", 2)
    client.ask("create_partitions", topic=topic, total=4)
    eventually(lambda: broker.partitions(topic) == [0, 1, 2, 3])
    broker.send(topic, numbered(0, 4, 4))
    found = read_assigned(client, topic, {number: 0 for number in range(4)}, 4)
    same(numbered(0, 4, 4), found)


def delete_records(client: Conversation, broker: Broker) -> None:
    topic = broker.new_topic("shrinks")
    broker.send(topic, numbered(0, 20, 1))
    client.ask("delete_records", topic=topic, partition=0, before=5)
    assert broker.ends(topic) == (5, 20), broker.ends(topic)


def list_groups(client: Conversation, broker: Broker) -> None:
    topic = broker.new_topic("listed")
    group = f"g-{topic}"
    member = broker.member(group, topic, 1)
    try:
        found = client.ask("list_groups")
        assert group in found, found
    finally:
        member.close()


def describe_group(client: Conversation, broker: Broker) -> str:
    topic = broker.new_topic("group-described", 3)
    group = f"g-{topic}"
    remark = lacks(client).get("foreign-members", "")
    if remark:
        members = Members(client, group, topic, "classic")
        members.join("own")
        members.until(lambda: members.partitions["own"] == [0, 1, 2], "the member has all partitions")
        found, name = client.ask("describe_group", group=group), "stele-matrix"
        members.leave("own")
    else:
        member = broker.member(group, topic, 3)
        try:
            found, name = client.ask("describe_group", group=group), "driver"
        finally:
            member.close()
    assert found["state"].lower() == "stable", found
    assert [one["client"] for one in found["members"]] == [name], found
    assert found["members"][0]["partitions"] == [[topic, number] for number in range(3)], found
    return remark


def delete_offsets(client: Conversation, broker: Broker) -> None:
    topic = broker.new_topic("offsets", 2)
    group = f"g-{topic}"
    broker.commit(group, topic, {0: 5, 1: 7})
    assert broker.committed(group, topic) == {0: 5, 1: 7}
    client.ask("delete_offsets", group=group, topic=topic, partition=1)
    assert broker.committed(group, topic) == {0: 5}, broker.committed(group, topic)


def delete_group(client: Conversation, broker: Broker) -> None:
    topic = broker.new_topic("deleted")
    group = f"g-{topic}"
    member = broker.member(group, topic, 1)
    try:
        refused(partial(client.ask, "delete_group", group=group), r"non.?empty|not empty|\b68\b")
    finally:
        member.close()
    client.ask("delete_group", group=group)
    assert group not in broker.groups(), broker.groups()


def delete_topic(client: Conversation, broker: Broker) -> None:
    topic = broker.new_topic("gone", 2)
    client.ask("delete_topic", topic=topic)
    eventually(lambda: broker.partitions(topic) == [])


CHECKS: dict[str, Callable[[Conversation, Broker], str | None]] = {
    **{f"codec-{name}": partial(codec, name=name) for name in CODECS},
    "headers": headers,
    "null-value": partial(null_field, field="value"),
    "null-key": partial(null_field, field="key"),
    "assign": assign,
    "idempotent": idempotent,
    "time-lookup": time_lookup,
    "earliest-latest": earliest_latest,
    "max-timestamp": max_timestamp,
    "group-rebalance": group_rebalance,
    "group-restart": group_restart,
    "group-protocol-new": group_protocol_new,
    "create-topic": create_topic,
    "describe-configs": describe_configs,
    "alter-configs": alter_configs,
    "create-partitions": create_partitions,
    "delete-records": delete_records,
    "list-groups": list_groups,
    "describe-group": describe_group,
    "delete-offsets": delete_offsets,
    "delete-group": delete_group,
    "delete-topic": delete_topic,
}

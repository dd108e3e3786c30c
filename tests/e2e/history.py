"""The flight history of January 2013 (examples/flights) as records, and three ways to read a topic back.

A record is (partition, offset, timestamp in ms, key, headers, value), all text; headers are (name, value) pairs. Records
are CloudEvents in Kafka's binary binding: the attributes are headers, the key is the subject, the value is the data.
"""

import json
import subprocess
import time
from datetime import datetime
from typing import NamedTuple

from harness import ROOT, run

HISTORY = ROOT / "examples" / "flights" / "flights-2013-01.jsonl.zst"
CODECS = ("none", "gzip", "snappy", "lz4", "zstd")


class Event(NamedTuple):
    timestamp_ms: int
    key: str
    headers: tuple[tuple[str, str], ...]
    value: str


class Record(NamedTuple):
    partition: int
    offset: int
    event: Event


def history_lines() -> list[str]:
    """The file's lines: structured CloudEvents."""
    return subprocess.run(["zstd", "-dc", str(HISTORY)], check=True, capture_output=True).stdout.decode().splitlines()


def history() -> list[Event]:
    events = []
    for line in history_lines():
        told = json.loads(line)
        headers = tuple((f"ce_{name}", told[name]) for name in ("specversion", "id", "source", "type", "time"))
        at = datetime.fromisoformat(told["time"].replace("Z", "+00:00"))
        events.append(Event(int(at.timestamp() * 1000), told["subject"],
                            headers + (("content-type", told["datacontenttype"]),),
                            json.dumps(told["data"], separators=(",", ":"))))
    assert len(events) == 55111, len(events)
    return events


def as_line(event: Event) -> str:
    """timestamp, key, headers, value with tabs between them: what kcat prints and the Java client reads and prints."""
    return "\t".join((str(event.timestamp_ms), event.key, ",".join(f"{n}={v}" for n, v in event.headers), event.value))


def parse_record(line: str) -> Record:
    """partition, offset, and then as_line()."""
    partition, offset, timestamp, key, headers, value = line.split("\t", 5)
    pairs = tuple(tuple(pair.split("=", 1)) for pair in headers.split(",")) if headers else ()
    return Record(int(partition), int(offset), Event(int(timestamp), key, pairs, value))


def read_with_kcat(bootstrap: str, topic: str, *more: str) -> list[Record]:
    # Text as bytes: kcat prints values as they are.
    done = run("kcat", "-b", bootstrap, "-t", topic, "-C", "-o", "beginning", "-e", "-q", "-X", "check.crcs=true",
               "-f", r"%p\t%o\t%T\t%k\t%h\t%s\n", *more)
    return [parse_record(line) for line in done.stdout.splitlines()]


def read_with_confluent(bootstrap: str, topic: str, seconds_max: float = 60) -> list[Record]:
    from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, TopicPartition

    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "unused", "enable.auto.commit": False,
                         "enable.partition.eof": True, "check.crcs": True,
                         "fetch.wait.max.ms": 50})
    try:
        partitions = consumer.list_topics(topic, timeout=20).topics[topic].partitions
        consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in partitions])
        records, ended = [], set()
        deadline = time.monotonic() + seconds_max
        while len(ended) < len(partitions):
            assert time.monotonic() < deadline, f"{len(records)} records in {seconds_max} s"
            # It waits for the full number, or for the timeout.
            for message in consumer.consume(1000, timeout=0.05):
                if message.error():
                    assert message.error().code() == KafkaError._PARTITION_EOF, message.error()
                    ended.add(message.partition())
                    continue
                headers = tuple((name, value.decode()) for name, value in message.headers() or ())
                records.append(Record(message.partition(), message.offset(), Event(
                    message.timestamp()[1], (message.key() or b"").decode(), headers, message.value().decode())))
        return records
    finally:
        consumer.close()


def check_same(sent: list[Event], got: list[Record], partition_count: int) -> None:
    """Every event is there once, byte for byte; offsets are dense; each key in one partition, in the order sent."""
    assert len(got) == len(sent), f"sent {len(sent)}, got {len(got)}"
    of_partition: dict[int, list[Event]] = {}
    for record in got:
        inside = of_partition.setdefault(record.partition, [])
        assert record.offset == len(inside), f"{record.partition}: offset {record.offset} after {len(inside)} records"
        inside.append(record.event)
    partition_of_key = {event.key: number for number, inside in of_partition.items() for event in inside}
    assert len(of_partition) == partition_count, sorted(of_partition)
    for number, inside in of_partition.items():
        wanted = [event for event in sent if partition_of_key[event.key] == number]
        if wanted == inside:
            continue
        differs = next(i for i, pair in enumerate(zip(wanted, inside)) if pair[0] != pair[1])
        raise AssertionError(f"partition {number} differs at {differs}: sent {wanted[differs]}, got {inside[differs]}")


def send_with_confluent(bootstrap: str, topic: str, events: list[Event], **settings) -> None:
    """Sends all and waits for every acknowledgement."""
    from confluent_kafka import Producer

    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 5, "queue.buffering.max.messages": 1000000,
                         "queue.buffering.max.kbytes": 1 << 20,
                         **{name.replace("_", "."): value for name, value in settings.items()}})
    problems: list[object] = []
    acknowledged = [0]

    def on_delivery(error: object, _message: object) -> None:
        acknowledged[0] += 1
        if error:
            problems.append(error)

    for event in events:
        producer.produce(topic, event.value, event.key, timestamp=event.timestamp_ms, headers=list(event.headers),
                         on_delivery=on_delivery)
        producer.poll(0)
    assert producer.flush(60) == 0, "not all was answered within 60 s"
    assert not problems, problems[:3]
    assert acknowledged[0] == len(events), acknowledged


def as_sent_by_kcat(lines: list[str]) -> list[Event]:
    """kcat sends a line as it is, with one fixed header: the structured binding, key = subject."""
    headers = (("content-type", "application/cloudevents+json"),)
    return [Event(0, json.loads(line)["subject"], headers, line) for line in lines]


def send_with_kcat(bootstrap: str, topic: str, events: list[Event], *more: str) -> None:
    lines = "".join(f"{event.key}\t{event.value}\n" for event in events)
    run("kcat", "-b", bootstrap, "-t", topic, "-P", "-K", "\t", "-H", "content-type=application/cloudevents+json",
        *more, stdin=lines)


def without_time(records: list[Record]) -> list[Record]:
    """kcat gives a record the time of sending."""
    return [record._replace(event=record.event._replace(timestamp_ms=0)) for record in records]

#!/usr/bin/env python3
"""The same bytes on two doors: what HTTP appends, kcat consumes, every attribute a header; what Kafka producers send, whatever
their partitioner and codec, with or without CloudEvents' headers, reads as streams over HTTP. docs/events.md is the mapping."""

import base64
import json
import urllib.request
from collections import Counter
from urllib.parse import quote

from harness import Service, run, run_cases, service, verify
from history import CODECS

PARTITIONS = 5
# librdkafka's partitioners: hashed in three ways, with and without a random place for what has no key, and random for all.
PARTITIONERS = ("random", "consistent", "consistent_random", "murmur2", "murmur2_random", "fnv1a", "fnv1a_random")
STREAMS, ROUNDS = 7, 40


def post(steled: Service, path: str, body: object, kind: str, **headers: str) -> dict:
    named = {"Content-Type": kind, **{name.replace("_", "-"): value for name, value in headers.items()}}
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(steled.http + path, data, named, method="POST")
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)


def events_of(steled: Service, path: str) -> list[dict]:
    """All pages of a read."""
    status, text = steled.get(path)
    assert status == 200, text
    return json.loads(text)["events"]


def consumed(steled: Service, topic: str) -> list[dict]:
    """What kcat prints as JSON: key, payload, headers as a flat list, ts, partition, offset."""
    done = run("kcat", "-C", "-b", steled.kafka, "-t", topic, "-o", "beginning", "-e", "-q", "-J", "-X", "check.crcs=true")
    return [json.loads(line) for line in done.stdout.splitlines()]


def headers_of(record: dict) -> list[tuple[str, str | None]]:
    flat = record.get("headers", [])
    return list(zip(flat[::2], flat[1::2]))


WHOLE = {"specversion": "1.0", "id": "8f0c", "source": "/shop", "type": "OrderPlaced", "subject": "größe",
         "time": "2013-01-01T05:17:00.123456Z", "dataschema": "https://example.com/order", "datacontenttype": "application/json",
         "tags": ["order:17", "customer:c,1"], "region": "eu", "attempt": 3, "headers": {"retry": "1", "nothing": None},
         "data": {"total": 12.1}}
WHOLE_HEADERS = [("ce_specversion", "1.0"), ("ce_id", "8f0c"), ("ce_type", "OrderPlaced"), ("ce_source", "/shop"),
                 ("ce_subject", "größe"), ("ce_time", "2013-01-01T05:17:00.123456Z"),
                 ("ce_dataschema", "https://example.com/order"), ("content-type", "application/json"),
                 ("ce_tags", "order:17,customer:c%2C1"), ("ce_region", "eu"), ("ce_attempt", "3"), ("retry", "1"),
                 ("nothing", None)]


def http_then_kcat() -> str:
    with service("beside") as steled:
        path = "/v1/topics/orders/streams/order%2F17"
        told = json.dumps(WHOLE).replace("12.1", "12.10").encode()
        structured = post(steled, path, told, "application/cloudevents+json")["events"][0]
        post(steled, path, b"<total>12</total>", "text/xml", ce_type="Printed", ce_id="x1", ce_source="/in%20binary%20mode",
             ce_region="us")
        post(steled, "/v1/topics/orders/events", {"type": "NoStream"}, "application/cloudevents+json")
        first, second, third = consumed(steled, "orders")
        assert (first["key"], first["offset"]) == ("order/17", int(structured["offset"])), first
        assert json.loads(first["payload"]) == WHOLE["data"] and "12.10" in first["payload"], first
        assert headers_of(first) == WHOLE_HEADERS, headers_of(first)
        assert first["ts"] == 1357017420123, first
        assert (second["key"], second["payload"]) == ("order/17", "<total>12</total>"), second
        assert {("ce_type", "Printed"), ("ce_id", "x1"), ("ce_source", "/in binary mode"), ("ce_region", "us"), ("content-type", "text/xml")} <= set(
            headers_of(second)), second
        assert (third["key"], third["payload"], headers_of(third)) == (None, None, [("ce_type", "NoStream")]), third
        assert steled.stop() == 0
    return f"{len(WHOLE_HEADERS)} headers in their order, key = stream, null key = no stream"


def bytes_are_kept() -> str:
    """Keys and data that are no text: over HTTP in base64, on the Kafka side as they are, both ways."""
    from confluent_kafka import Consumer, Producer, TopicPartition

    key, value = bytes(range(256)), bytes(range(255, -1, -1))
    coded = base64.urlsafe_b64encode(key).decode().rstrip("=")
    with service("beside") as steled:
        event = {"type": "Raw", "data_base64": base64.b64encode(value).decode(), "datacontenttype": "application/octet-stream"}
        post(steled, f"/v1/topics/raw/streams/{coded}?encoding=base64url", event, "application/cloudevents+json")
        producer = Producer({"bootstrap.servers": steled.kafka})
        producer.produce("raw", value, key, headers=[("ce_type", b"Raw"), ("odd", b"\xff\x00")])
        assert producer.flush(20) == 0
        consumer = Consumer({"bootstrap.servers": steled.kafka, "group.id": "unused"})
        consumer.assign([TopicPartition("raw", 0, 0)])
        records = consumer.consume(2, 20)
        consumer.close()
        assert [(record.key(), record.value()) for record in records] == [(key, value)] * 2, records
        read = events_of(steled, f"/v1/topics/raw/streams/{quote(key, safe='')}")
        assert [event["version"] for event in read] == ["0", "1"], read
        assert all(base64.b64decode(event["data_base64"]) == value for event in read), read
        assert all(base64.b64decode(event["streambase64"]) == key for event in read), read
        assert read[1]["type"] == "Raw" and read[1]["headers"] == "odd=%FF%00", read[1]
    return "256 byte values in key and data, both ways"


def produce(steled: Service, partitioner: str, codec: str, with_headers: bool) -> None:
    """Every round has a record of every stream, and one without key."""
    lines = [f"s-{stream}\t{partitioner} {number}" for number in range(ROUNDS) for stream in range(STREAMS)]
    lines += [f"\t{partitioner} keyless {number}" for number in range(ROUNDS)]
    headers = ("-H", "ce_type=Moved", "-H", "ce_source=/kcat", "-H", "ce_tags=fast, red%2Cgreen") if with_headers else ()
    run("kcat", "-P", "-b", steled.kafka, "-t", "plain", "-K", "\t", "-Z", "-z", codec, "-X", f"topic.partitioner={partitioner}",
        "-X", "batch.num.messages=37", *headers, stdin="\n".join(lines) + "\n")


def check_stream(steled: Service, number: int, runs: list[tuple[str, str, bool]]) -> set[int]:
    """Versions without gaps, in the order of positions; every record once; no run's before an earlier one's, and none out of order
    in its partition. The partitions it lies in."""
    events = events_of(steled, f"/v1/topics/plain/streams/s-{number}")
    assert [event["version"] for event in events] == [str(version) for version in range(len(runs) * ROUNDS)]
    positions = [int(event["position"]) for event in events]
    assert positions == sorted(set(positions))
    values = [event["data"] for event in events]
    assert Counter(values) == Counter(f"{name} {n}" for name, _, _ in runs for n in range(ROUNDS)), values
    order = [name for name, _, _ in runs]
    assert [value.split()[0] for value in values] == [name for name in order for _ in range(ROUNDS)]
    for partition in range(PARTITIONS):
        inside = [event for event in events if event["partition"] == partition]
        assert [int(event["offset"]) for event in inside] == sorted(int(event["offset"]) for event in inside)
        for name in order:
            told = [int(event["data"].split()[1]) for event in inside if event["data"].startswith(name + " ")]
            assert told == sorted(told), (name, told)
    for event, (_, _, with_headers) in zip(events[::ROUNDS], runs):
        check_attributes(event, with_headers)
    backward = events_of(steled, f"/v1/topics/plain/streams/s-{number}?direction=backward")
    assert backward == events[::-1]
    return {event["partition"] for event in events}


def check_attributes(event: dict, with_headers: bool) -> None:
    if with_headers:
        assert (event["type"], event["source"], event["tags"]) == ("Moved", "/kcat", "fast,red%2Cgreen"), event
    else:
        assert (event["type"], event["source"]) == ("", "/topics/plain") and "tags" not in event, event
    assert event["id"] == f"plain/{event['partition']}/{event['offset']}", event


def every_partitioner() -> str:
    runs = [(name, CODECS[number % len(CODECS)], number % 2 == 1) for number, name in enumerate(PARTITIONERS)]
    with service("beside", "--default-partitions", str(PARTITIONS)) as steled:
        for partitioner, codec, with_headers in runs:
            produce(steled, partitioner, codec, with_headers)
        spread = [check_stream(steled, number, runs) for number in range(STREAMS)]
        assert max(map(len, spread)) > 1, "no stream lies in several partitions: nothing was tried"
        everything = events_of(steled, "/v1/topics/plain/events?limit=10000")
        assert len(everything) == len(runs) * ROUNDS * (STREAMS + 1)
        assert sum("stream" not in event for event in everything) == len(runs) * ROUNDS
        tagged = events_of(steled, "/v1/topics/plain/events?limit=10000&tag=red%2Cgreen&streamPrefix=s-")
        assert len(tagged) == sum(with_headers for _, _, with_headers in runs) * ROUNDS * STREAMS
        # A native append goes on where the producers left off: its version, and beside the newest event.
        last = len(runs) * ROUNDS - 1
        path = "/v1/topics/plain/streams/s-0"
        newest, = events_of(steled, f"{path}?direction=backward&limit=1")
        appended = post(steled, path, {"type": "Native"}, "application/cloudevents+json", If_Match=f'"{last}"')["events"][0]
        assert (appended["version"], appended["partition"]) == (str(last + 1), newest["partition"]), appended
        before = events_of(steled, path)
        steled.kill()
        steled.start()
        assert events_of(steled, path) == before
        assert steled.stop() == 0
        verify(steled.data)
    return f"{len(runs)} partitioners, {len(everything)} records, up to {max(map(len, spread))} partitions a stream"


if __name__ == "__main__":
    run_cases(http_then_kcat, bytes_are_kept, every_partitioner)

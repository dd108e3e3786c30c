#!/usr/bin/env python3
"""The flight history goes in and comes out byte for byte: kcat (Debian's librdkafka 2.0.2) and confluent-kafka (a current
librdkafka), each producing in every codec, each read by both; and by one curl, read back as streams. The Java client:
tests/compat/java-client."""

import http.client
import json
import re
from functools import cache

from harness import ROOT, Service, run, run_cases, service, verify
from history import (CODECS, as_sent_by_kcat, check_same, history, history_lines, read_with_confluent, read_with_kcat,
                     send_with_confluent, send_with_kcat, without_time)

PARTITIONS = 3
# What each codec's producer is set to besides: (name, kcat's words, confluent-kafka's settings).
ACKS = {
    "none": ("acks=0", ("-X", "acks=0"), {"acks": 0}),
    "gzip": ("acks=1", ("-X", "acks=1"), {"acks": 1}),
    "snappy": ("acks=all", ("-X", "acks=all"), {"acks": "all"}),
    "lz4": ("idempotent", ("-X", "enable.idempotence=true"), {"enable_idempotence": True}),
    "zstd": ("idempotent, acks=all", ("-X", "enable.idempotence=true"), {"enable_idempotence": True, "acks": "all"}),
}


@cache
def events():
    return history()


def kcat_in_every_codec() -> str:
    sent = as_sent_by_kcat(history_lines())
    told = []
    with service("flights", "--default-partitions", str(PARTITIONS)) as steled:
        for codec in CODECS:
            name, words, _ = ACKS[codec]
            topic = f"kcat.{codec}"
            send_with_kcat(steled.kafka, topic, sent, "-z", codec, *words)
            if codec == "none":
                wait_for_records(steled, topic, len(sent))
            check_same(sent, without_time(read_with_kcat(steled.kafka, topic)), PARTITIONS)
            check_same(sent, without_time(read_with_confluent(steled.kafka, topic)), PARTITIONS)
            told.append(f"{codec} ({name})")
        bytes_stored = int(steled.metric("stele_log_bytes"))
        assert steled.stop() == 0
        verify(steled.data)
    return f"{len(sent)} events x {', '.join(told)}: equal in kcat and confluent-kafka, {bytes_stored} bytes, whole"


def confluent_in_every_codec() -> str:
    told = []
    with service("flights", "--default-partitions", str(PARTITIONS)) as steled:
        for codec in CODECS:
            name, _, settings = ACKS[codec]
            topic = f"confluent.{codec}"
            send_with_confluent(steled.kafka, topic, events(), compression_type=codec, **settings)
            if codec == "none":
                wait_for_records(steled, topic, len(events()))
            check_same(events(), read_with_confluent(steled.kafka, topic), PARTITIONS)
            check_same(events(), read_with_kcat(steled.kafka, topic), PARTITIONS)
            told.append(f"{codec} ({name})")
        assert steled.stop() == 0
        # Once more from a service that has just opened the folder.
        steled.start()
        check_same(events(), read_with_confluent(steled.kafka, "confluent.zstd"), PARTITIONS)
        assert steled.stop() == 0
        verify(steled.data)
    return f"{len(events())} events x {', '.join(told)}: equal in confluent-kafka and kcat, whole after a restart"


def wait_for_records(steled, topic: str, count: int) -> None:
    """acks=0 says nothing: the last records may still be under way when the producer is gone."""
    from confluent_kafka import Consumer, TopicPartition
    from harness import eventually

    consumer = Consumer({"bootstrap.servers": steled.kafka, "group.id": "unused"})
    ends = [TopicPartition(topic, number) for number in range(PARTITIONS)]
    eventually(lambda: sum(consumer.get_watermark_offsets(end, timeout=10)[1] for end in ends) >= count)
    consumer.close()


def compressed_is_stored_compressed() -> str:
    """Batches are kept as they came: a codec is smaller on disk, none is not."""
    sizes = {}
    for codec in ("none", "zstd"):
        with service("flights") as steled:
            send_with_confluent(steled.kafka, "t", events(), compression_type=codec, linger_ms=50)
            sizes[codec] = int(steled.metric("stele_log_bytes"))
    assert sizes["none"] > 3 * sizes["zstd"], sizes
    return f"{sizes['none']} bytes without, {sizes['zstd']} with zstd"


# What an independent program found: events, streams, and of some aircraft at the month's end events, flights, miles, where it is,
# and whether it flies.
EVENTS, STREAMS = 55111, 3154
AIRCRAFT = {
    "N609MQ": (4, 2, 879, "ORF", False), "N840UA": (21, 11, 15509, "EWR", True), "N522AA": (6, 3, 3494, "DFW", False),
    "N3768": (30, 15, 29941, "LAS", False), "N209FR": (6, 3, 4860, "DEN", False), "N628SW": (2, 1, 738, "MKE", False),
    "N13903": (8, 4, 1790, "BNA", False), "N533AS": (4, 2, 4804, "SEA", False),
}


def readme_command(*words: str) -> str:
    """The one command of README.md with all these words in it, without its continuation marks."""
    blocks = re.findall(r"```\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    commands = [command for block in blocks for command in re.sub(r"\\\n\s*", "", block).split("$ ")]
    found = [command for command in commands if all(word in command for word in words)]
    assert len(found) == 1, found
    return found[0]


def folded(events: list[dict]) -> tuple[int, int, int, str | None, bool]:
    flights, miles, where, airborne = 0, 0, None, False
    for event in events:
        if event["type"] == "FlightDeparted":
            flights, where, airborne = flights + 1, event["data"]["origin"], True
        elif event["type"] == "FlightLanded":
            miles, where, airborne = miles + event["data"]["distance_miles"], event["data"]["destination"], False
    return len(events), flights, miles, where, airborne


def streams_of(steled: Service) -> dict[str, list[dict]]:
    """Every stream that the topic names, each read by a request of its own over one connection."""
    connection = http.client.HTTPConnection("localhost", steled.http_port, timeout=20)

    def get(path: str) -> dict:
        connection.request("GET", path)
        answer = connection.getresponse()
        text = answer.read()
        assert answer.status == 200, text
        return json.loads(text)

    names = [told["stream"] for told in get("/v1/topics/flights/streams?limit=10000")["streams"]]
    read = {name: get(f"/v1/topics/flights/streams/{name}") for name in names}
    assert len(read) == len(names) and all(page["end"] for page in read.values())
    return {name: page["events"] for name, page in read.items()}


def one_curl_and_every_stream() -> str:
    """README's curl, once more for nothing, and again after a kill: each stream is the file's lines of its subject."""
    of_subject: dict[str, list[dict]] = {}
    for line in history_lines():
        told = json.loads(line)
        of_subject.setdefault(told["subject"], []).append(told)
    command = readme_command("x-ndjson", "-T -")
    with service("flights", "--default-partitions", str(PARTITIONS)) as steled:
        command = command.replace("localhost:8092", f"localhost:{steled.http_port}")
        told = json.loads(run("bash", "-c", "set -o pipefail; " + command, cwd=ROOT).stdout)
        assert told["appended"] == str(EVENTS), told
        again = json.loads(run("bash", "-c", command, cwd=ROOT).stdout)
        assert again["duplicates"] == str(EVENTS) and again.get("appended", "0") == "0", again
        for _ in range(2):
            found = streams_of(steled)
            assert len(found) == STREAMS and sum(map(len, found.values())) == EVENTS
            for name, events in found.items():
                assert [event["version"] for event in events] == [str(version) for version in range(len(events))], name
                kept = [{member: event[member] for member in sent} for sent, event in zip(of_subject[name], events)]
                assert kept == of_subject[name], name
            for tail, figures in AIRCRAFT.items():
                assert folded(found[f"aircraft-{tail}"]) == figures, tail
            steled.kill()
            steled.start()
        assert steled.stop() == 0
        verify(steled.data)
    return f"{EVENTS} events, {STREAMS} streams, {len(AIRCRAFT)} aircraft where they should be, also after a kill"


if __name__ == "__main__":
    run_cases(kcat_in_every_codec, confluent_in_every_codec, compressed_is_stored_compressed, one_curl_and_every_stream)

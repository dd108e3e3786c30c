#!/usr/bin/env python3
"""The flight history goes in and comes out byte for byte: kcat (Debian's librdkafka 2.0.2) and confluent-kafka (a current
librdkafka), each producing in every codec, each read by both. The Java client: tests/compat/java-client."""

from functools import cache

from harness import run_cases, service, verify
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


if __name__ == "__main__":
    run_cases(kcat_in_every_codec, confluent_in_every_codec, compressed_is_stored_compressed)

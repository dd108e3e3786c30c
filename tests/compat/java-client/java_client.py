"""Kafka's newest Java client against steled: the flight history in every codec, both ways with librdkafka; looking up by time;
topics and settings."""

import re

from harness import run_cases, service, temp_folder, verify
from history import CODECS, as_line, check_same, history, parse_record, read_with_confluent, read_with_kcat
from history import send_with_confluent
from java import Session

PARTITIONS = 3
# codec -> acks, idempotent
SETTINGS = {"none": ("0", "false"), "gzip": ("1", "false"), "snappy": ("all", "false"), "lz4": ("all", "true"),
            "zstd": ("all", "true")}


def read_with_java(client: Session, topic: str, folder) -> list:
    out = folder / "read.tsv"
    client.ask("consume", topic, out)
    return [parse_record(line) for line in out.read_text().splitlines()]


def history_in_every_codec() -> str:
    events = history()
    with temp_folder("java") as folder, service("java", "--default-partitions", str(PARTITIONS)) as steled:
        (folder / "history.tsv").write_text("".join(as_line(event) + "\n" for event in events))
        with Session(steled.kafka) as client:
            for codec in CODECS:
                topic = f"java.{codec}"
                sent = client.ask("produce", topic, codec, *SETTINGS[codec], folder / "history.tsv")
                assert sent == str(len(events)), sent
                check_same(events, read_with_java(client, topic, folder), PARTITIONS)
                check_same(events, read_with_confluent(steled.kafka, topic), PARTITIONS)
                other = f"confluent.{codec}"
                send_with_confluent(steled.kafka, other, events, compression_type=codec, acks="all")
                check_same(events, read_with_java(client, other, folder), PARTITIONS)
            check_same(events, read_with_kcat(steled.kafka, "java.zstd"), PARTITIONS)
        assert steled.stop() == 0
        verify(steled.data)
    return f"{len(events)} events x {', '.join(CODECS)}: equal in Java, confluent-kafka and kcat, whole"


def looks_up_by_time() -> str:
    events = history()
    asked = [events[0].timestamp_ms - 1, *(events[at].timestamp_ms for at in range(0, len(events), 5001)),
             events[27000].timestamp_ms + 1, events[-1].timestamp_ms, events[-1].timestamp_ms + 1]
    with service("java") as steled:
        send_with_confluent(steled.kafka, "t", events, compression_type="lz4")
        with Session(steled.kafka) as client:
            for at in asked:
                wanted = next((f"{offset}:{event.timestamp_ms}" for offset, event in enumerate(events)
                               if event.timestamp_ms >= at), "none")
                found = client.ask("times", "t", at)
                assert found == f"{{0={wanted}}}", f"{at}: {found}, wanted {wanted}"
    return f"{len(asked)} times"


def topics_and_settings() -> str:
    with service("java") as steled, Session(steled.kafka) as client:
        created = client.ask("create", "orders", 5, "retention.ms=86400000", "max.message.bytes=2000000")
        topic_id, partitions = created.split()
        assert partitions == "5" and len(topic_id) == 22, created
        assert client.ask("describe", "orders") == f"{topic_id} 5"
        assert client.ask("config", "orders", "retention.ms") == "86400000 DYNAMIC_TOPIC_CONFIG"
        assert client.ask("config", "orders", "retention.bytes") == "-1 DEFAULT_CONFIG"
        assert client.ask("config", "orders", "no.such.setting") == "none"
        refusals = [
            (("create", "orders", 1), "TopicExistsException"),
            (("create", "a/b", 1), "InvalidTopicException"),
            (("create", "x" * 250, 1), "InvalidTopicException"),
            (("create", "zero", 0), "InvalidPartitionsException"),
            (("create", "odd", 1, "retention.ms=soon"), "InvalidConfigurationException|InvalidConfigException"),
            (("create", "odd", 1, "colour=blue"), "InvalidConfigurationException|InvalidConfigException"),
            (("describe", "odd"), "UnknownTopicOrPartitionException"),
            (("delete", "odd"), "UnknownTopicOrPartitionException"),
        ]
        for words, name in refusals:
            answer = client.raw(*words)
            assert re.match(f"error ({name}) ", answer), f"{words}: {answer}"
        assert client.ask("topics") == "orders"
        client.ask("delete", "orders")
        assert client.ask("topics") == ""
        # The name is free again, and what was there is not.
        again = client.ask("create", "orders", 1).split()[0]
        assert again != topic_id
        assert f"localhost:{steled.kafka_port}" in client.ask("cluster")
        steled.stop()
        steled.start()
        assert client.ask("describe", "orders") == f"{again} 1"
    return f"created, described, deleted, kept over a restart; {len(refusals)} refusals"


if __name__ == "__main__":
    run_cases(history_in_every_codec, looks_up_by_time, topics_and_settings)

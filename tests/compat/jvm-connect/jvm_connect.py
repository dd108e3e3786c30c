"""Kafka Connect on steled: the file source and the file sink, in its standalone and its distributed mode, through a kill -9 of
the service; MirrorMaker 2 copies a topic from an Apache Kafka to steled and another one back, with keys, headers and times, and
a group's offsets."""

import contextlib
import json
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import Iterator

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, ResourceType

from harness import Service, eventually, free_port, run_cases, temp_folder
from jvm import AGAINST_KAFKA, Kafka, broker, jars, java

STRINGS = {"key.converter": "org.apache.kafka.connect.storage.StringConverter",
           "value.converter": "org.apache.kafka.connect.storage.StringConverter"}
NOW_MS = int(time.time() * 1000)
# One node of Kafka cannot have 3 replicas; steled takes Connect's defaults with --replication clamp.
REPLICAS = ("config.storage", "offset.storage", "status.storage")


def properties(path: Path, settings: dict[str, object]) -> Path:
    path.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    return path


@contextlib.contextmanager
def worker(folder: Path, main: str, *files: Path) -> Iterator[subprocess.Popen]:
    """A running process of Connect; what it says is printed if the case fails."""
    log = folder / f"{main}.log"
    with open(log, "ab") as out:
        process = subprocess.Popen(java(jars("peers"), f"org.apache.kafka.connect.{main}", *files), stdin=subprocess.DEVNULL,
                                   stdout=out, stderr=out)
    try:
        yield process
        assert process.poll() is None, f"{main} ended with {process.returncode}"
    except BaseException:
        print(f"--- {main}, its end\n{log.read_text()[-3000:]}\n---")
        raise
    finally:
        # Leaves its groups; a killed one would be waited for.
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(20)
        process.kill()
        process.wait()


def connectors(folder: Path, topic: str) -> tuple[dict[str, object], dict[str, object]]:
    """A file into a topic, and that topic into another file."""
    return ({"name": f"{topic}-source", "connector.class": "org.apache.kafka.connect.file.FileStreamSourceConnector", "tasks.max": 1,
             "file": folder / "in.txt", "topic": topic},
            {"name": f"{topic}-sink", "connector.class": "org.apache.kafka.connect.file.FileStreamSinkConnector", "tasks.max": 1,
             "file": folder / "out.txt", "topics": topic})


def add_lines(folder: Path, first: int, last: int) -> None:
    with open(folder / "in.txt", "a") as file:
        file.writelines(f"line {number}\n" for number in range(first, last))


def lines_arrived(folder: Path, count: int) -> bool:
    """All lines, each at least once, their first appearances in order."""
    out = folder / "out.txt"
    came = list(dict.fromkeys(out.read_text().splitlines())) if out.exists() else []
    return came == [f"line {number}" for number in range(count)]


def admin(service: Service) -> AdminClient:
    """The same one for a service all the time."""
    return service.__dict__.setdefault("admin", AdminClient({"bootstrap.servers": service.kafka, "log_level": 0}))


def create(service: Service, *topics: NewTopic) -> None:
    for done in admin(service).create_topics(list(topics)).values():
        done.result(20)


def through_a_crash(service: Service, folder: Path, count: int) -> None:
    eventually(lambda: lines_arrived(folder, count), 60)
    if not AGAINST_KAFKA:  # Without its broker for the seconds that Kafka takes to start, a worker goes astray for minutes.
        service.kill()
    add_lines(folder, count, 2 * count)
    if not service.running():
        service.start()
    eventually(lambda: lines_arrived(folder, 2 * count), 60)


def standalone() -> str:
    with broker("connect") as service, temp_folder("connect-files") as folder:
        create(service, NewTopic("lines", 1, 1))
        add_lines(folder, 0, 500)
        settings = properties(folder / "worker.properties", {
            "bootstrap.servers": service.kafka, "listeners": f"http://127.0.0.1:{free_port()}", "offset.flush.interval.ms": 500,
            "offset.storage.file.filename": folder / "offsets", "plugin.discovery": "service_load", **STRINGS})
        files = [properties(folder / f"{one['name']}.properties", one) for one in connectors(folder, "lines")]
        with worker(folder, "cli.ConnectStandalone", settings, *files):
            through_a_crash(service, folder, 500)
    return "1000 lines from file to file, through a kill -9"


def distributed() -> str:
    with broker("connect-distributed", "--replication", "clamp") as service, temp_folder("connect-files") as folder:
        create(service, NewTopic("lines", 1, 1))
        add_lines(folder, 0, 500)
        port = free_port()
        settings = properties(folder / "worker.properties", {
            "bootstrap.servers": service.kafka, "listeners": f"http://127.0.0.1:{port}", "offset.flush.interval.ms": 500,
            "group.id": "connect-cluster", "config.storage.topic": "connect-configs", "offset.storage.topic": "connect-offsets",
            "status.storage.topic": "connect-status", "plugin.discovery": "service_load", "scheduled.rebalance.max.delay.ms": 0,
            **STRINGS, **{f"{name}.replication.factor": 1 for name in REPLICAS if AGAINST_KAFKA}})
        with worker(folder, "cli.ConnectDistributed", settings):
            eventually(lambda: ask(port, "/connectors") == [], 60)
            for one in connectors(folder, "lines"):
                name = one.pop("name")
                eventually(lambda: ask(port, f"/connectors/{name}/config", one)["name"] == name, 30)
            through_a_crash(service, folder, 500)
            assert states(port, "lines-source") == states(port, "lines-sink") == ["RUNNING", "RUNNING"]
            assert policies(service, "connect-configs", "connect-offsets", "connect-status") == {"compact"}
        # Another worker takes over from what the topics of the first one hold. (Lines are ASCII: the file source counts
        # characters for bytes when it starts again.)
        add_lines(folder, 1000, 1100)
        with worker(folder, "cli.ConnectDistributed", settings):
            eventually(lambda: lines_arrived(folder, 1100), 60)
    return "1100 lines, connectors over REST, internal topics compacted, through a kill -9 and a second worker"


def ask(port: int, path: str, content: dict | None = None) -> object:
    body = None if content is None else json.dumps({name: str(value) for name, value in content.items()}).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", body, {"Content-Type": "application/json"},
                                     method="GET" if content is None else "PUT")
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)


def states(port: int, connector: str) -> list[str]:
    told = ask(port, f"/connectors/{connector}/status")
    return [told["connector"]["state"], *(task["state"] for task in told["tasks"])]


def policies(service: Service, *topics: str) -> set[str]:
    asked = admin(service).describe_configs([ConfigResource(ResourceType.TOPIC, topic) for topic in topics])
    return {told.result(20)["cleanup.policy"].value for told in asked.values()}


def records(count: int, partitions: int) -> list[tuple]:
    """Partition, time, key, value, headers: also null ones."""
    return [(i % partitions, NOW_MS + i, None if i % 5 == 0 else f"key {i}".encode(),
             None if i % 7 == 3 else f"value {i} ".encode() * (i % 9),
             [("h", b"1"), ("h", bytes([i % 256, 0, 255])), ("empty", b"")][: i % 4]) for i in range(count)]


def send(service: Service, topic: str, wanted: list[tuple]) -> None:
    producer = Producer({"bootstrap.servers": service.kafka, "compression.type": "zstd", "enable.idempotence": True})
    for partition, time_ms, key, value, headers in wanted:
        producer.produce(topic, value, key, partition, timestamp=time_ms, headers=headers)
        producer.poll(0)
    assert producer.flush(30) == 0


def read(service: Service, topic: str, count: int, partitions: int) -> list[tuple]:
    consumer = Consumer({"bootstrap.servers": service.kafka, "group.id": "reads", "enable.auto.commit": False})
    consumer.assign([TopicPartition(topic, partition, 0) for partition in range(partitions)])
    came: list[tuple] = []

    def all_there() -> bool:
        for message in consumer.consume(1000, 0.5):
            assert message.error() is None, message.error()
            came.append((message.partition(), message.timestamp()[1], message.key(), message.value(), message.headers() or []))
        return len(came) >= count

    eventually(all_there, 60)
    consumer.close()
    return came


def same(came: list[tuple], wanted: list[tuple]) -> None:
    for partition in {one[0] for one in wanted}:
        assert [one for one in came if one[0] == partition] == [one for one in wanted if one[0] == partition], \
            f"partition {partition} differs"


def committed(service: Service, group: str) -> dict[tuple[str, int], int]:
    told = admin(service).list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])[group].result(20)
    return {(one.topic, one.partition): one.offset for one in told.topic_partitions}


def mirror_maker() -> str:
    there, back = records(700, 3), records(500, 2)
    with broker("mirror") as stele, temp_folder("mirror-kafka") as folder:
        kafka = Kafka(folder / "kafka").start()
        try:
            create(kafka, NewTopic("orders", 3, 1, config={"max.message.bytes": "1500000"}))
            create(stele, NewTopic("events", 2, 1))
            send(kafka, "orders", there)
            send(stele, "events", back)
            settings = {"clusters": "kafka,stele", "kafka.bootstrap.servers": kafka.kafka, "stele.bootstrap.servers": stele.kafka,
                        "kafka->stele.enabled": "true", "kafka->stele.topics": "orders", "kafka->stele.groups": "readers",
                        "stele->kafka.enabled": "true", "stele->kafka.topics": "events", "replication.factor": 1,
                        "refresh.topics.interval.seconds": 1, "refresh.groups.interval.seconds": 1,
                        "sync.topic.configs.interval.seconds": 1, "emit.checkpoints.interval.seconds": 1,
                        "kafka->stele.sync.group.offsets.enabled": "true", "sync.group.offsets.interval.seconds": 1,
                        "offset.lag.max": 0, "plugin.discovery": "service_load",
                        **{f"{name}.replication.factor": 1 for name in (*REPLICAS, "checkpoints.topic", "heartbeats.topic",
                                                                        "offset-syncs.topic")}}
            with worker(folder, "mirror.MirrorMaker", properties(folder / "mm2.properties", settings)):
                eventually(lambda: "kafka.orders" in topics(stele) and "stele.events" in topics(kafka), 90, 0.2)
                same(read(stele, "kafka.orders", len(there), 3), there)
                same(read(kafka, "stele.events", len(back), 2), back)
                send(kafka, "orders", there)
                same(read(stele, "kafka.orders", 2 * len(there), 3), there + there)
                # A group that has read all of it there has read all of it here.
                ends = {p: 2 * sum(one[0] == p for one in there) for p in range(3)}
                at = [TopicPartition("orders", p, end) for p, end in ends.items()]
                admin(kafka).alter_consumer_group_offsets([ConsumerGroupTopicPartitions("readers", at)])["readers"].result(20)
                eventually(lambda: committed(stele, "readers") == {("kafka.orders", p): end for p, end in ends.items()}, 60, 0.3)
                eventually(lambda: setting(stele, "kafka.orders", "max.message.bytes") == "1500000", 30, 0.3)
        finally:
            kafka.kill()
    return f"{2 * len(there)} records to steled, {len(back)} from it, a group's offsets, a topic's settings"


def topics(service: Service) -> set[str]:
    return set(admin(service).list_topics(timeout=10).topics)


def setting(service: Service, topic: str, name: str) -> str:
    resource = ConfigResource(ResourceType.TOPIC, topic)
    return admin(service).describe_configs([resource])[resource].result(20)[name].value


if __name__ == "__main__":
    run_cases(standalone, distributed, mirror_maker)

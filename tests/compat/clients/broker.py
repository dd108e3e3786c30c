"""The service that a client talks to, and what the driver itself asks of it: with confluent-kafka, and with plain frames where
a client would hide what lies there."""

import contextlib
import socket
import struct
import subprocess
import time
from pathlib import Path
from typing import Iterator

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, OffsetSpec

from conversation import Record
from harness import Service, eventually, free_port
from kafka_wire import CODEC_IDS, FETCH, Wire, array, text

ANSWER_SECONDS_MAX = 40
CODEC_NAMES = {number: name for name, number in CODEC_IDS.items()}
QUIET = {"log_level": 0, "topic.metadata.refresh.interval.ms": 1000}


class ApacheKafka:
    """One node of Apache Kafka from a folder of its jars, where steled would be: the programs are proven on it."""

    def __init__(self, folder: Path, jars: Path):
        self.folder, self.jars = folder, jars
        self.kafka_port, self.controller_port = free_port(), free_port()
        self.process: subprocess.Popen | None = None
        self.settings = folder / "server.properties"
        listeners = f"PLAINTEXT://127.0.0.1:{self.kafka_port},CONTROLLER://127.0.0.1:{self.controller_port}"
        self.settings.write_text("\n".join([
            "process.roles=broker,controller", "node.id=1", f"log.dirs={folder}/data",
            f"controller.quorum.bootstrap.servers=127.0.0.1:{self.controller_port}", f"listeners={listeners}",
            f"advertised.listeners={listeners}", "controller.listener.names=CONTROLLER", "broker.session.timeout.ms=1000",
            "broker.heartbeat.interval.ms=200", "inter.broker.listener.name=PLAINTEXT", "auto.create.topics.enable=false",
            "offsets.topic.replication.factor=1", "offsets.topic.num.partitions=4", "group.initial.rebalance.delay.ms=0",
            "transaction.state.log.replication.factor=1", "transaction.state.log.min.isr=1",
            "group.consumer.min.heartbeat.interval.ms=500", "group.consumer.heartbeat.interval.ms=500", ""]))
        self._java("kafka.tools.StorageTool", "format", "--standalone", "-t", "MkU3OEVBNTcwNTJENDM2Qg", "-c",
                   str(self.settings)).wait()

    @property
    def kafka(self) -> str:
        return f"127.0.0.1:{self.kafka_port}"

    def _java(self, *words: str) -> subprocess.Popen:
        with open(self.folder / "kafka.log", "ab") as log:
            return subprocess.Popen(["java", "-Xmx512M", "-XX:TieredStopAtLevel=1", "-cp", f"{self.jars}/*", *words],
                                    stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def start(self) -> "ApacheKafka":
        self.process = self._java("kafka.Kafka", str(self.settings))
        eventually(lambda: AdminClient({"bootstrap.servers": self.kafka, **QUIET}).list_topics(timeout=2).brokers, 90, 0.2)
        return self

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        self.kill()
        return 0


class Broker:
    """A running service and the driver's own clients of it."""

    def __init__(self, service: Service | ApacheKafka):
        self.service = service
        self.admin = AdminClient({"bootstrap.servers": service.kafka, **QUIET})
        self.topics_made = 0

    @property
    def bootstrap(self) -> str:
        return self.service.kafka

    def restart(self) -> None:
        """kill -9, and serving again."""
        self.service.kill()
        time.sleep(0.3)
        self.service.start()
        eventually(lambda: self.admin.list_topics(timeout=2).brokers, 60)

    def new_topic(self, name: str, partitions: int = 1, **settings: object) -> str:
        self.topics_made += 1
        topic = f"{name}-{self.topics_made}"
        configs = {name.replace("_", "."): str(value) for name, value in settings.items()}
        self._done(self.admin.create_topics([NewTopic(topic, partitions, 1, config=configs)]))
        eventually(lambda: len(self.partitions(topic)) == partitions)
        return topic

    @staticmethod
    def _done(futures: dict) -> None:
        for future in futures.values():
            future.result(ANSWER_SECONDS_MAX)

    def partitions(self, topic: str) -> list[int]:
        """None if there is no such topic."""
        found = self.admin.list_topics(timeout=5).topics.get(topic)
        return sorted(found.partitions) if found and not found.error else []

    def settings(self, topic: str) -> dict[str, str]:
        future, = self.admin.describe_configs([ConfigResource("topic", topic)]).values()
        return {name: entry.value for name, entry in future.result(ANSWER_SECONDS_MAX).items()}

    def ends(self, topic: str, partition: int = 0) -> tuple[int, int]:
        """Earliest and latest; asked again where the service is just coming back."""
        return eventually(lambda: self._ends(topic, partition), ANSWER_SECONDS_MAX)

    def _ends(self, topic: str, partition: int) -> tuple[int, int]:
        where = TopicPartition(topic, partition)
        found = [self.admin.list_offsets({where: spec})[where].result(10).offset
                 for spec in (OffsetSpec.earliest(), OffsetSpec.latest())]
        return found[0], found[1]

    def delete_records(self, topic: str, before: int) -> None:
        self._done(self.admin.delete_records([TopicPartition(topic, 0, before)]))

    def send(self, topic: str, records: list[Record], codec: str = "none") -> None:
        producer = Producer({"bootstrap.servers": self.bootstrap, "compression.type": codec, "linger.ms": 50,
                             "enable.idempotence": True, **QUIET})
        failed = []
        for one in records:
            producer.produce(topic, one.value, one.key, one.partition, timestamp=one.at, headers=one.headers,
                             on_delivery=lambda error, _: error and failed.append(error))
        assert producer.flush(60) == 0 and not failed, failed

    def read(self, topic: str) -> list[Record]:
        """All there is, partition by partition."""
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": "none", "enable.auto.commit": False,
                             "enable.partition.eof": False, "fetch.wait.max.ms": 20, **QUIET})
        found = []
        for partition in self.partitions(topic):
            first, end = self.ends(topic, partition)
            consumer.assign([TopicPartition(topic, partition, first)])
            deadline, at = time.monotonic() + ANSWER_SECONDS_MAX, first
            while at < end:
                assert time.monotonic() < deadline, f"{topic}/{partition}: read to {at} of {end}"
                for message in consumer.consume(1000, 0.2):
                    assert not message.error(), message.error()
                    found.append(Record(message.key(), message.value(), message.headers() or [], message.timestamp()[1],
                                        partition, message.offset()))
                    at = message.offset() + 1
        consumer.close()
        return found

    def batches(self, topic: str, partition: int = 0) -> list[tuple[str, int]]:
        """Codec and producer id of every batch as it lies there."""
        found, (at, end) = [], self.ends(topic, partition)
        with Wire(self.service.kafka_port, host=self._host()) as wire:
            while at < end:
                for base, last, codec, producer_id in self._fetch(wire, topic, partition, at):
                    if last >= at:
                        found.append((CODEC_NAMES[codec], producer_id))
                        at = last + 1
        return found

    def _host(self) -> str:
        for *_, (host, *_) in socket.getaddrinfo("localhost", self.service.kafka_port, type=socket.SOCK_STREAM):
            try:
                socket.create_connection((host, self.service.kafka_port), timeout=1).close()
                return host
            except OSError:
                continue
        raise AssertionError("nobody listens")

    @staticmethod
    def _fetch(wire: Wire, topic: str, partition: int, at: int) -> list[tuple[int, int, int, int]]:
        """The batches of one answer: base and last offset, codec, producer id. Version 10: the first that may bring zstd."""
        asked = struct.pack(">iiqqi", partition, -1, at, -1, 1 << 20)
        body = struct.pack(">iiiibii", -1, 500, 1, 1 << 24, 0, 0, -1) + array([text(topic) + array([asked])]) + array([])
        answer = wire.ask(FETCH, 10, body)
        start = 4 + 2 + 4 + 4 + 2 + len(topic) + 4
        _, error, _, _, _, aborted = struct.unpack_from(">ihqqqi", answer, start)
        assert error == 0 and aborted <= 0, f"fetch: error {error}"
        size, = struct.unpack_from(">i", answer, start + 34)
        data, place, found = answer[start + 38:start + 38 + size], 0, []
        while place + 61 <= len(data):
            base, length = struct.unpack_from(">qi", data, place)
            attributes, delta, _, _, producer_id = struct.unpack_from(">hiqqq", data, place + 21)
            if place + 12 + length <= len(data):
                found.append((base, base + delta, attributes & 7, producer_id))
            place += 12 + length
        return found

    # --- groups ---

    @contextlib.contextmanager
    def _of_group(self, group: str) -> Iterator[Consumer]:
        """A consumer that only asks and tells offsets. (librdkafka's admin call crashes when the coordinator still loads.)"""
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": group, **QUIET})
        try:
            yield consumer
        finally:
            consumer.close()

    def committed(self, group: str, topic: str) -> dict[int, int]:
        """Partition and offset, where there is one; asked again where the coordinator is just coming back."""
        asked = [TopicPartition(topic, number) for number in self.partitions(topic)]
        with self._of_group(group) as consumer:
            found = eventually(lambda: consumer.committed(asked, 5), ANSWER_SECONDS_MAX, 0.1)
        return {one.partition: one.offset for one in found if one.offset >= 0}

    def commit(self, group: str, topic: str, offsets: dict[int, int]) -> None:
        places = [TopicPartition(topic, partition, offset) for partition, offset in offsets.items()]
        with self._of_group(group) as consumer:
            consumer.commit(offsets=places, asynchronous=False)

    def groups(self) -> list[str]:
        answer = self.admin.list_consumer_groups().result(ANSWER_SECONDS_MAX)
        assert not answer.errors, answer.errors
        return [one.group_id for one in answer.valid]

    def member(self, group: str, topic: str, partitions: int) -> Consumer:
        """A member of its own that has all partitions."""
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": group, "client.id": "driver",
                             "session.timeout.ms": 6000, "heartbeat.interval.ms": 500, "auto.offset.reset": "earliest",
                             **QUIET})
        consumer.subscribe([topic])
        eventually(lambda: consumer.consume(1, 0.1) is not None and len(consumer.assignment()) == partitions, 30)
        return consumer

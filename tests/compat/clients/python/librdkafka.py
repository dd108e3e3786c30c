"""librdkafka through confluent-kafka: PyPI's newest, or 2.0.2 built on Debian's librdkafka 2.0.2."""

import importlib.metadata

import confluent_kafka
from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, NewPartitions, NewTopic

import librdkafka_c
from speak import BOOTSTRAP, Adapter, Member, NotThere, decode, record, speak, until_read

OLD = confluent_kafka.libversion()[0].startswith("2.0.")
ENDS = {"earliest": "earliest", "latest": "latest", "max": "max_timestamp"}


def settings(**more) -> dict:
    return {"bootstrap.servers": BOOTSTRAP, "client.id": "stele-matrix", "reconnect.backoff.max.ms": 500,
            **{name.replace("_", "."): value for name, value in more.items()}}


def result(futures, seconds: float = 40):
    future, = futures.values()
    return future.result(seconds)


class Librdkafka(Adapter):
    def __init__(self):
        super().__init__()
        self.admin = AdminClient(settings())

    def version(self) -> str:
        through = f"through confluent-kafka {importlib.metadata.version('confluent-kafka')}"
        return f"{confluent_kafka.libversion()[0]}{' (Debian)' if OLD else ''} {through}"

    # --- records ---

    def produce(self, topic: str, codec: str, records: list) -> None:
        failed = []
        producer = Producer(settings(compression_type=codec, linger_ms=1000))
        for one in records:
            headers = [(name, decode(raw)) for name, raw in one["headers"]]
            producer.produce(topic, decode(one["value"]), decode(one["key"]), one["partition"], timestamp=one["at"],
                             headers=headers, on_delivery=lambda error, _: error and failed.append(error))
        if producer.flush(40) or failed:
            raise RuntimeError(f"not delivered: {failed[:3]}")

    def start_producer(self, topic: str, count: int, pause_ms: int) -> None:
        self.failed = []
        self.producer = Producer(settings(enable_idempotence=True, linger_ms=0))

        def run(_) -> None:
            for number in range(count):
                self.producer.produce(topic, str(number).encode(), on_delivery=self._delivered)
                self.producer.poll(pause_ms / 1000)
        self.sender = Member(run)

    def _delivered(self, error, _) -> None:
        if error:
            self.failed.append(str(error))

    def end_producer(self) -> None:
        self.sender.thread.join(60)
        if self.producer.flush(60) or self.failed or self.sender.failure:
            raise RuntimeError(f"not delivered: {self.failed[:3]} {self.sender.failure}")

    def assign(self, topic: str, start: list, count: int) -> list:
        consumer = Consumer(settings(group_id="unused", enable_auto_commit=False))
        consumer.assign([TopicPartition(topic, partition, at) for partition, at in start])
        found = []

        def poll() -> None:
            for one in consumer.consume(500, 0.2):
                if one.error():
                    raise RuntimeError(str(one.error()))
                found.append(record(one.partition(), one.offset(), one.timestamp()[1], one.key(), one.value(), one.headers()))
        until_read(found, count, poll)
        consumer.close()
        return found

    # --- offsets ---

    def offset_at(self, topic: str, partition: int, at) -> int | None:
        if OLD:
            return self._offset_at_old(topic, partition, at)
        from confluent_kafka.admin import OffsetSpec
        spec = getattr(OffsetSpec, ENDS[at])() if at in ENDS else OffsetSpec.for_timestamp(at)
        found = result(self.admin.list_offsets({TopicPartition(topic, partition): spec}))
        return None if found.offset < 0 else found.offset

    def _offset_at_old(self, topic: str, partition: int, at) -> int | None:
        if at == "max":
            raise NotThere("librdkafka 2.0.2 has no ListOffsets call: two ends and lookup by time only")
        consumer = Consumer(settings(group_id="unused"))
        try:
            if at in ENDS:
                return consumer.get_watermark_offsets(TopicPartition(topic, partition), 20)[at == "latest"]
            found, = consumer.offsets_for_times([TopicPartition(topic, partition, at)], 20)
            return None if found.offset < 0 else found.offset
        finally:
            consumer.close()

    # --- groups ---

    def join(self, member: str, group: str, topic: str, protocol: str) -> None:
        timing = {"session_timeout_ms": 6000, "heartbeat_interval_ms": 300}
        if protocol == "consumer":
            if OLD:
                raise NotThere("librdkafka 2.0.2 is older than KIP-848")
            timing = {"group_protocol": "consumer"}
        chosen = settings(group_id=group, auto_offset_reset="earliest", enable_auto_commit=False, fetch_wait_max_ms=50, **timing)

        def commit(consumer) -> None:
            try:
                consumer.commit(asynchronous=False)
            except confluent_kafka.KafkaException as error:  # a rebalance: what was read comes again
                print(f"{member}: commit: {error}", flush=True)

        def run(self: Member) -> None:
            consumer = Consumer(chosen)
            consumer.subscribe([topic])
            while not self.ended.is_set():
                values = []
                for one in consumer.consume(500, 0.05):
                    if one.error():
                        print(f"{member}: {one.error()}", flush=True)
                    else:
                        values.append(one.value())
                self.assigned([one.partition for one in consumer.assignment()])
                if values:
                    self.add(values)
                    commit(consumer)
            consumer.close()
        self.members[member] = Member(run)

    # --- administration ---

    def create_topic(self, topic: str, partitions: int, configs: dict) -> None:
        result(self.admin.create_topics([NewTopic(topic, partitions, 1, config=configs)]))

    def describe_configs(self, topic: str) -> dict:
        found = result(self.admin.describe_configs([ConfigResource("topic", topic)]))
        return {name: entry.value for name, entry in found.items()}

    def alter_config(self, topic: str, name: str, value: str) -> str:
        if OLD:
            result(self.admin.alter_configs([ConfigResource("topic", topic, set_config={name: value})]))
            return "whole"
        from confluent_kafka.admin import AlterConfigOpType, ConfigEntry
        entry = ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
        result(self.admin.incremental_alter_configs([ConfigResource("topic", topic, incremental_configs=[entry])]))
        return "incremental"

    def create_partitions(self, topic: str, total: int) -> None:
        result(self.admin.create_partitions([NewPartitions(topic, total)]))

    def delete_records(self, topic: str, partition: int, before: int) -> None:
        if OLD:
            librdkafka_c.delete_records(BOOTSTRAP, topic, partition, before)
            return
        result(self.admin.delete_records([TopicPartition(topic, partition, before)]))

    def list_groups(self) -> list:
        return [one.group_id for one in self.admin.list_consumer_groups().result(40).valid]

    def describe_group(self, group: str) -> dict:
        found = result(self.admin.describe_consumer_groups([group]))
        return {"state": found.state.name, "members": [
            {"client": one.client_id, "partitions": sorted([place.topic, place.partition] for place in
                                                           one.assignment.topic_partitions)} for one in found.members]}

    def delete_offsets(self, group: str, topic: str, partition: int) -> None:
        librdkafka_c.delete_offsets(BOOTSTRAP, group, topic, partition)

    def delete_group(self, group: str) -> None:
        result(self.admin.delete_consumer_groups([group]))

    def delete_topic(self, topic: str) -> None:
        result(self.admin.delete_topics([topic]))


if __name__ == "__main__":
    speak(Librdkafka())

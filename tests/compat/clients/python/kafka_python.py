"""kafka-python, its newest and 2.0."""

import time

import kafka
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient, NewPartitions, NewTopic

from speak import BOOTSTRAP, Adapter, Member, NotThere, decode, record, speak, until_read

OLD = kafka.__version__.startswith("2.0.")
NO_CALL = "kafka-python 2.0 has no call for it"
SETTINGS = {"bootstrap_servers": BOOTSTRAP, "client_id": "stele-matrix", "reconnect_backoff_max_ms": 500}
TOPIC = ConfigResourceType.TOPIC


class KafkaPython(Adapter):
    lacks = {"null-header": "kafka-python refuses to send a header that is null"}
    lacks_methods = {name: NO_CALL for name in ("delete_records", "delete_offsets", "start_producer")} if OLD else {}

    def __init__(self):
        super().__init__()
        self.admin_: KafkaAdminClient | None = None

    @property
    def admin(self) -> KafkaAdminClient:
        self.admin_ = self.admin_ or KafkaAdminClient(**SETTINGS)
        return self.admin_

    def version(self) -> str:
        return kafka.__version__

    # --- records ---

    def produce(self, topic: str, codec: str, records: list) -> None:
        producer = KafkaProducer(**SETTINGS, compression_type=None if codec == "none" else codec, linger_ms=50, acks="all")
        sent = [producer.send(topic, decode(one["value"]), decode(one["key"]), [(name, decode(raw)) for name, raw in
                                                                                one["headers"]],
                              one["partition"], one["at"]) for one in records]
        for future in sent:
            future.get(40)
        producer.close()

    def start_producer(self, topic: str, count: int, pause_ms: int) -> None:
        self.producer = KafkaProducer(**SETTINGS, enable_idempotence=True, acks="all", delivery_timeout_ms=60_000)
        self.sent = []

        def run(_) -> None:
            for number in range(count):
                self.sent.append(self.producer.send(topic, str(number).encode()))
                time.sleep(pause_ms / 1000)
        self.sender = Member(run)

    def end_producer(self) -> None:
        self.sender.thread.join(60)
        if self.sender.failure:
            raise RuntimeError(self.sender.failure)
        for future in self.sent:
            future.get(60)
        self.producer.close()

    def assign(self, topic: str, start: list, count: int) -> list:
        consumer = KafkaConsumer(**SETTINGS, enable_auto_commit=False)
        consumer.assign([TopicPartition(topic, partition) for partition, _ in start])
        for partition, at in start:
            consumer.seek(TopicPartition(topic, partition), at)
        found = []

        def poll() -> None:
            for records in consumer.poll(200).values():
                found.extend(record(one.partition, one.offset, one.timestamp, one.key, one.value, one.headers) for one in records)
        until_read(found, count, poll)
        consumer.close()
        return found

    # --- offsets ---

    def offset_at(self, topic: str, partition: int, at) -> int | None:
        place = TopicPartition(topic, partition)
        if at == "max":
            if OLD:
                raise NotThere(NO_CALL)
            from kafka.protocol.consumer.offsets import OffsetSpec
            return self.admin.list_partition_offsets({place: OffsetSpec.MAX_TIMESTAMP})[place].offset
        consumer = KafkaConsumer(**SETTINGS)
        try:
            if at == "earliest":
                return consumer.beginning_offsets([place])[place]
            if at == "latest":
                return consumer.end_offsets([place])[place]
            found = consumer.offsets_for_times({place: at})[place]
            return found and found.offset
        finally:
            consumer.close()

    # --- groups ---

    def join(self, member: str, group: str, topic: str, protocol: str) -> None:
        if protocol == "consumer":
            raise NotThere("kafka-python has the classic group protocol only")

        def run(self: Member) -> None:
            consumer = KafkaConsumer(topic, **SETTINGS, group_id=group, auto_offset_reset="earliest",
                                     enable_auto_commit=False, session_timeout_ms=6000, heartbeat_interval_ms=300,
                                     fetch_max_wait_ms=50)
            # Before it joins: 3.0.12, as leader, may hang for good when the topic's metadata come while it assigns.
            consumer.partitions_for_topic(topic)
            while not self.ended.is_set():
                values = [one.value for records in consumer.poll(50).values() for one in records]
                self.assigned([one.partition for one in consumer.assignment()])
                if values:
                    self.add(values)
                    commit(consumer)
            consumer.close()

        def commit(consumer) -> None:
            try:
                consumer.commit()
            except Exception as error:  # a rebalance: what was read comes again
                print(f"{member}: commit: {error!r}", flush=True)
        self.members[member] = Member(run)

    # --- administration ---

    def create_topic(self, topic: str, partitions: int, configs: dict) -> None:
        self.admin.create_topics([NewTopic(topic, partitions, 1, topic_configs=configs)])

    def describe_configs(self, topic: str) -> dict:
        if OLD:
            answer, = self.admin.describe_configs([ConfigResource(TOPIC, topic)])
            (_, _, _, _, entries), = answer.resources
            return {entry[0]: entry[1] for entry in entries}
        found = self.admin.describe_configs([ConfigResource(TOPIC, topic)], config_filter="all")
        return {name: entry["value"] for name, entry in found["topic"][topic].items()}

    def alter_config(self, topic: str, name: str, value: str) -> str:
        answer = self.admin.alter_configs([ConfigResource(TOPIC, topic, configs={name: value})])
        if OLD:
            assert answer.resources[0][0] == 0, answer
            return "whole"
        assert answer["topic"][topic] == "OK", answer
        return "incremental"

    def create_partitions(self, topic: str, total: int) -> None:
        self.admin.create_partitions({topic: NewPartitions(total)})

    def delete_records(self, topic: str, partition: int, before: int) -> None:
        self.admin.delete_records({TopicPartition(topic, partition): before})

    def list_groups(self) -> list:
        if OLD:
            return [name for name, _ in self.admin.list_consumer_groups()]
        return [one["group_id"] for one in self.admin.list_groups()]

    def describe_group(self, group: str) -> dict:
        if OLD:
            found, = self.admin.describe_consumer_groups([group])
            members = [(one.client_id, one.member_assignment.assignment) for one in found.members]
            state = found.state
        else:
            found = self.admin.describe_groups([group])[group]
            members = [(one["client_id"], [(part["topic"], part["partitions"]) for part in
                                           one["member_assignment"]["assigned_partitions"]]) for one in found["members"]]
            state = found["group_state"]
        return {"state": state, "members": [
            {"client": client, "partitions": sorted([topic, number] for topic, numbers in parts for number in numbers)}
            for client, parts in members]}

    def delete_offsets(self, group: str, topic: str, partition: int) -> None:
        place = TopicPartition(topic, partition)
        found = self.admin.delete_group_offsets(group, [place])
        assert found[place].errno == 0, found

    def delete_group(self, group: str) -> None:
        if OLD:
            (_, error), = self.admin.delete_consumer_groups([group])
            found = "OK" if error.errno == 0 else error.__name__
        else:
            found = self.admin.delete_groups([group])[group]
        if found != "OK":
            raise RuntimeError(found)

    def delete_topic(self, topic: str) -> None:
        self.admin.delete_topics([topic])


if __name__ == "__main__":
    speak(KafkaPython())

"""aiokafka: an event loop of its own runs everything; requests are handed to it."""

import asyncio
import threading

import aiokafka
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic, RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment
from aiokafka.errors import for_code

from speak import BOOTSTRAP, READ_SECONDS_MAX, Adapter, NotThere, decode, record, speak

SETTINGS = {"bootstrap_servers": BOOTSTRAP, "client_id": "stele-matrix"}
NO_CALL = "aiokafka's admin client has no call for it"


def check(code: int) -> None:
    if code:
        raise for_code(code)()


class AsyncMember:
    """A task that joins a group, reads and commits."""

    def __init__(self, group: str, topic: str):
        self.group, self.topic = group, topic
        self.read: list[str] = []
        self.partitions: list[int] = []
        self.task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        self.consumer = AIOKafkaConsumer(self.topic, **SETTINGS, group_id=self.group, auto_offset_reset="earliest",
                                         enable_auto_commit=False, session_timeout_ms=6000, heartbeat_interval_ms=300,
                                         fetch_max_wait_ms=50, retry_backoff_ms=100)
        await self.consumer.start()
        try:
            while True:
                found = await self.consumer.getmany(timeout_ms=50)
                values = [one.value.decode() for records in found.values() for one in records]
                if values:
                    self.read += values
                    await self._commit()
        finally:
            await self.consumer.stop()

    async def _commit(self) -> None:
        try:
            await self.consumer.commit()
        except Exception as error:  # a rebalance: what was read comes again
            print(f"commit: {error!r}", flush=True)

    async def look(self) -> dict:
        if self.task.done():
            await self.task
        read, self.read = self.read, []
        assignment = self.consumer.assignment() if hasattr(self, "consumer") else []
        return {"partitions": sorted(one.partition for one in assignment), "read": read}

    async def leave(self) -> None:
        self.task.cancel()
        await asyncio.wait([self.task])


class Aiokafka(Adapter):
    lacks_methods = {"delete_offsets": NO_CALL, "delete_group": NO_CALL}

    def __init__(self):
        super().__init__()
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        self.admin_: AIOKafkaAdminClient | None = None

    def __getattribute__(self, name: str):
        """A coroutine of this class becomes a call that waits for it."""
        found = super().__getattribute__(name)
        if not asyncio.iscoroutinefunction(found) or name.startswith("_"):
            return found
        return lambda **more: asyncio.run_coroutine_threadsafe(found(**more), self.loop).result(85)

    def version(self) -> str:
        return aiokafka.__version__

    async def _admin(self) -> AIOKafkaAdminClient:
        if not self.admin_:
            self.admin_ = AIOKafkaAdminClient(**SETTINGS)
            await self.admin_.start()
        return self.admin_

    # --- records ---

    async def produce(self, topic: str, codec: str, records: list) -> None:
        producer = AIOKafkaProducer(**SETTINGS, compression_type=None if codec == "none" else codec, linger_ms=50, acks="all")
        await producer.start()
        sent = [await producer.send(topic, decode(one["value"]), decode(one["key"]), one["partition"], one["at"],
                                    [(name, decode(raw)) for name, raw in one["headers"]]) for one in records]
        await asyncio.wait_for(asyncio.gather(*sent), 40)
        await producer.stop()

    async def start_producer(self, topic: str, count: int, pause_ms: int) -> None:
        producer = AIOKafkaProducer(**SETTINGS, enable_idempotence=True)
        await producer.start()

        async def run() -> None:
            sent = []
            for number in range(count):
                sent.append(await producer.send(topic, str(number).encode()))
                await asyncio.sleep(pause_ms / 1000)
            await asyncio.gather(*sent)
            await producer.stop()
        self.sender = asyncio.create_task(run())

    async def end_producer(self) -> None:
        await asyncio.wait_for(self.sender, 80)

    async def assign(self, topic: str, start: list, count: int) -> list:
        consumer = AIOKafkaConsumer(**SETTINGS, enable_auto_commit=False)
        await consumer.start()
        consumer.assign([TopicPartition(topic, partition) for partition, _ in start])
        for partition, at in start:
            consumer.seek(TopicPartition(topic, partition), at)
        found = []
        async with asyncio.timeout(READ_SECONDS_MAX):
            while len(found) < count:
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    found += [record(one.partition, one.offset, one.timestamp, one.key, one.value, one.headers)
                              for one in records]
        await consumer.stop()
        return found

    # --- offsets ---

    async def offset_at(self, topic: str, partition: int, at) -> int | None:
        if at == "max":
            raise NotThere("aiokafka looks up the two ends and by time only")
        place = TopicPartition(topic, partition)
        consumer = AIOKafkaConsumer(**SETTINGS)
        await consumer.start()
        try:
            if at == "earliest":
                return (await consumer.beginning_offsets([place]))[place]
            if at == "latest":
                return (await consumer.end_offsets([place]))[place]
            found = (await consumer.offsets_for_times({place: at}))[place]
            return found and found.offset
        finally:
            await consumer.stop()

    # --- groups ---

    async def join(self, member: str, group: str, topic: str, protocol: str) -> None:
        if protocol == "consumer":
            raise NotThere("aiokafka has the classic group protocol only")
        self.members[member] = AsyncMember(group, topic)

    async def member(self, member: str) -> dict:
        return await self.members[member].look()

    async def leave(self, member: str) -> None:
        await self.members.pop(member).leave()

    # --- administration ---

    async def create_topic(self, topic: str, partitions: int, configs: dict) -> None:
        admin = await self._admin()
        answer = await admin.create_topics([NewTopic(topic, partitions, 1, topic_configs=configs)])
        for one in answer.topic_errors:
            check(one[1])

    async def describe_configs(self, topic: str) -> dict:
        admin = await self._admin()
        answer, = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
        (code, _, _, _, entries), = answer.resources
        check(code)
        return {entry[0]: entry[1] for entry in entries}

    async def alter_config(self, topic: str, name: str, value: str) -> str:
        admin = await self._admin()
        answer, = await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, configs={name: value})])
        check(answer.resources[0][0])
        return "whole"

    async def create_partitions(self, topic: str, total: int) -> None:
        await (await self._admin()).create_partitions({topic: NewPartitions(total)})

    async def delete_records(self, topic: str, partition: int, before: int) -> None:
        await (await self._admin()).delete_records({TopicPartition(topic, partition): RecordsToDelete(before)})

    async def list_groups(self) -> list:
        return [one[0] for one in await (await self._admin()).list_consumer_groups()]

    async def describe_group(self, group: str) -> dict:
        answer, = await (await self._admin()).describe_consumer_groups([group])
        code, _, state, _, _, members, *_ = answer.groups[0]
        check(code)
        described = []
        for one in members:
            client, assignment = one[-4], ConsumerProtocolMemberAssignment.decode(one[-1])
            described.append({"client": client, "partitions": sorted(
                [topic, number] for topic, numbers in assignment.assignment for number in numbers)})
        return {"state": state, "members": described}

    async def delete_topic(self, topic: str) -> None:
        answer = await (await self._admin()).delete_topics([topic])
        for one in answer.topic_error_codes:
            check(one[1])


if __name__ == "__main__":
    speak(Aiokafka())

"""The event store through stubs that grpcio-tools made: client.py ADDRESS TOPIC. Each step that holds is a line `ok STEP`."""

import sys
from typing import Callable, Iterator

import grpc
from google.protobuf.empty_pb2 import Empty
from google.rpc.error_details_pb2 import BadRequest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from grpc_status import rpc_status

from stele.v1 import admin_pb2, admin_pb2_grpc
from stele.v1 import event_store_pb2 as api
from stele.v1 import event_store_pb2_grpc, events_pb2, refusal_pb2

ADDRESS, TOPIC = sys.argv[1:3]
SECONDS_MAX = 20
PIPELINED, REFUSED = 500, 250

channel = grpc.insecure_channel(ADDRESS)
store = event_store_pb2_grpc.EventStoreStub(channel)
admin = admin_pb2_grpc.AdminStub(channel)

NO_STREAM = events_pb2.ExpectedVersion(no_stream=Empty())


def exact(version: int) -> events_pb2.ExpectedVersion:
    return events_pb2.ExpectedVersion(exact=version)


def append_of(stream: bytes, expected: events_pb2.ExpectedVersion | None, *types: str, tags: tuple[str, ...] = (),
              **more) -> api.AppendRequest:
    expectations = [api.StreamExpectation(stream=stream, expected=expected)] if expected else []
    events = [events_pb2.NewEvent(stream=stream, type=name, data=b'{"n":1}', content_type="application/json", tags=tags)
              for name in types]
    return api.AppendRequest(topic=TOPIC, events=events, expectations=expectations, **more)


def append(*words, **more) -> api.Appended:
    return store.Append(append_of(*words, **more), timeout=SECONDS_MAX).appended


def refused(call: Callable[[], object], status: grpc.StatusCode) -> tuple[refusal_pb2.Refusal, list]:
    """The Refusal among the details of google.rpc.Status, and the other details."""
    try:
        answer = call()
    except grpc.RpcError as error:
        assert error.code() == status, error
        told = rpc_status.from_call(error)
        refusal = refusal_pb2.Refusal()
        assert told.code == status.value[0] and told.details[0].Unpack(refusal), told
        assert refusal.message == error.details() == told.message, told
        return refusal, list(told.details[1:])
    raise AssertionError(f"was not refused: {answer}")


def health() -> None:
    stub = health_pb2_grpc.HealthStub(channel)
    for service in ("", "stele.v1.EventStore", "stele.v1.Admin"):
        answer = stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=SECONDS_MAX)
        assert answer.status == health_pb2.HealthCheckResponse.SERVING, (service, answer)


def reflection() -> None:
    """The server's own description is that of proto/."""
    told = ProtoReflectionDescriptorDatabase(channel)
    assert {"stele.v1.EventStore", "stele.v1.Admin", "grpc.health.v1.Health"} <= set(told.get_services())
    file = told.FindFileContainingSymbol("stele.v1.EventStore")
    methods = {one.name for service in file.service for one in service.method}
    assert methods == set(api.DESCRIPTOR.services_by_name["EventStore"].methods_by_name), methods


def create_topic() -> None:
    asked = admin_pb2.CreateTopicRequest(name=TOPIC, partition_count=3)
    assert admin.CreateTopic(asked, timeout=SECONDS_MAX).topic.partition_count == 3
    refusal, _ = refused(lambda: admin.CreateTopic(asked, timeout=SECONDS_MAX), grpc.StatusCode.ALREADY_EXISTS)
    assert refusal.reason == refusal_pb2.REASON_ALREADY_EXISTS
    assert TOPIC in [topic.name for topic in admin.ListTopics(admin_pb2.ListTopicsRequest()).topics]


def expected_version() -> None:
    first = append(b"order/1", NO_STREAM, "Placed", "Paid", tags=("shop:1", "größe"))
    assert list(first.versions) == [0, 1] and len(first.ids) == 2 and first.token, first
    assert list(append(b"order/1", exact(1), "Shipped").versions) == [2]
    refusal, _ = refused(lambda: append(b"order/1", exact(1), "Shipped"), grpc.StatusCode.ABORTED)
    failed, = refusal.expectations
    assert refusal.reason == refusal_pb2.REASON_WRONG_VERSION and failed.actual == 2 and failed.stream == b"order/1", refusal
    refusal, _ = refused(lambda: append(b"nobody", exact(0), "X"), grpc.StatusCode.ABORTED)
    assert not refusal.expectations[0].HasField("actual"), refusal


def condition() -> None:
    """Refused with the position of the conflict; with the events, if asked for; appended behind them."""
    query = events_pb2.Query(items=[events_pb2.QueryItem(types=["Paid"], tags=["größe"], topics=[TOPIC])])
    only = events_pb2.AppendCondition(fail_if_events_match=query)
    refusal, _ = refused(lambda: append(b"c", None, "X", conditions=[only]), grpc.StatusCode.ABORTED)
    assert refusal.reason == refusal_pb2.REASON_CONDITION_FAILED, refusal
    position = refusal.conditions[0].conflict_position
    answer = store.Append(append_of(b"c", None, "X", conditions=[only], return_conflicts=True), timeout=SECONDS_MAX)
    conflict, = answer.refusal.conflicts.events
    assert (conflict.type, conflict.position, list(conflict.tags)) == ("Paid", position, ["shop:1", "größe"]), answer
    behind = events_pb2.AppendCondition(fail_if_events_match=query, after=position)
    assert list(append(b"c", None, "X", conditions=[behind]).versions) == [0]


def malformed() -> None:
    asked = append_of(b"s", None, "X", tags=("fine", ""))
    refusal, others = refused(lambda: store.Append(asked, timeout=SECONDS_MAX), grpc.StatusCode.INVALID_ARGUMENT)
    assert refusal.reason == refusal_pb2.REASON_INVALID and refusal.field == "events[0].tags[1]", refusal
    bad = BadRequest()
    assert others[0].Unpack(bad) and bad.field_violations[0].field == refusal.field, others


def pipelined() -> None:
    """All are sent before the first answer is read; the one that is refused does not end the stream."""
    asked = []
    for number in range(PIPELINED):
        expected = exact(7_000_000) if number == REFUSED else None
        asked.append(api.PipelinedAppend(correlation_id=number + 10, append=append_of(b"pipe", expected, "Step")))
    packed = [api.AppendStreamRequest(appends=asked[start:start + 7]) for start in range(0, len(asked), 7)]
    answers = [answer for message in store.AppendStream(iter(packed), timeout=SECONDS_MAX) for answer in message.answers]
    assert [answer.correlation_id for answer in answers] == [one.correlation_id for one in asked]
    assert [number for number, answer in enumerate(answers) if answer.HasField("refusal")] == [REFUSED]
    failed = answers[REFUSED].refusal
    assert failed.reason == refusal_pb2.REASON_WRONG_VERSION and failed.expectations[0].actual == REFUSED - 1, failed
    versions = [answer.appended.versions[0] for answer in answers if answer.HasField("appended")]
    assert versions == list(range(PIPELINED - 1)), versions


def read(**more) -> list[events_pb2.RecordedEvent]:
    parts = list(store.Read(api.ReadRequest(**more), timeout=SECONDS_MAX))
    assert parts[-1].end != ("events_max" in more)
    return [event for part in parts for event in part.batch.events]


def read_backward() -> None:
    name = events_pb2.StreamName(topic=TOPIC, stream=b"pipe")
    events = read(selection=events_pb2.Selection(stream=name), direction=api.DIRECTION_BACKWARD)
    assert [event.version for event in events] == list(range(PIPELINED - 2, -1, -1))
    assert all(event.stream == b"pipe" and event.data == b'{"n":1}' for event in events)
    newest = read(selection=events_pb2.Selection(stream=name), direction=api.DIRECTION_BACKWARD, events_max=2)
    assert newest == events[:2], newest


def query() -> None:
    items = [events_pb2.QueryItem(tags=["größe", "shop:1"], topics=[TOPIC])]
    events = read(selection=events_pb2.Selection(query=events_pb2.Query(items=items)), versions=True)
    assert [(event.type, event.stream, event.version) for event in events] == [
        ("Placed", b"order/1", 0), ("Paid", b"order/1", 1)], events
    assert read(selection=events_pb2.Selection(tag="no such tag")) == []


def messages(subscription) -> Iterator[tuple[str, object, str]]:
    for one in subscription:
        kind = one.WhichOneof("message")
        yield kind, getattr(one, kind), one.token


def subscription() -> None:
    """History, caught up, live; another one goes on behind the token."""
    name = events_pb2.StreamName(topic=TOPIC, stream=b"order/1")
    asked = api.SubscribeRequest(selection=events_pb2.Selection(stream=name))
    live = store.Subscribe(asked, timeout=SECONDS_MAX)
    got, token = [], ""
    for kind, what, behind in messages(live):
        if kind == "batch":
            got += what.events
            token = token or (behind if len(got) >= 3 else "")
        if kind == "caught_up":
            append(b"order/1", exact(2), "Live")
        if len(got) == 4:
            break
    live.cancel()
    assert [event.version for event in got] == [0, 1, 2, 3] and got[3].type == "Live", got
    resumed = store.Subscribe(api.SubscribeRequest(selection=asked.selection, **{"from": events_pb2.ReadFrom(token=token)}),
                              timeout=SECONDS_MAX)
    kind, what, _ = next(messages(resumed))
    resumed.cancel()
    assert kind == "batch" and [event.version for event in what.events] == [3], what


def limits_and_tombstone() -> None:
    stream = dict(topic=TOPIC, stream=b"pipe")
    limits = api.StreamLimits(truncate_before=PIPELINED - 10)
    store.SetStreamLimits(api.SetStreamLimitsRequest(**stream, limits=limits), timeout=SECONDS_MAX)
    told = store.GetStream(api.GetStreamRequest(**stream), timeout=SECONDS_MAX)
    assert (told.first_version, told.last_version, told.limits) == (PIPELINED - 10, PIPELINED - 2, limits), told
    store.Tombstone(api.TombstoneRequest(**stream, expected=exact(PIPELINED - 2)), timeout=SECONDS_MAX)
    refusal, _ = refused(lambda: append(b"pipe", None, "X"), grpc.StatusCode.FAILED_PRECONDITION)
    assert refusal.reason == refusal_pb2.REASON_TOMBSTONED, refusal


print(f"version grpcio {grpc.__version__}")
for step in (health, reflection, create_topic, expected_version, condition, malformed, pipelined, read_backward, query,
             subscription, limits_and_tombstone):
    step()
    print(f"ok {step.__name__}", flush=True)

"""The two calls of librdkafka's C interface that confluent-kafka (or its 2.0.2) does not pass on."""

import ctypes
from ctypes import byref, c_char_p, c_int, c_int32, c_int64, c_size_t, c_void_p

import confluent_kafka  # noqa: F401 - brings the library into the process

PRODUCER, ANSWER_MS = 0, 40_000


def _loaded() -> ctypes.CDLL:
    with open("/proc/self/maps") as maps:
        path = next(line.split()[-1] for line in maps if "librdkafka" in line)
    library = ctypes.CDLL(path)
    for name in ("conf_new", "new", "queue_new", "topic_partition_list_new", "topic_partition_list_add", "DeleteRecords_new",
                 "DeleteConsumerGroupOffsets_new", "queue_poll", "event_error_string", "err2str",
                 "event_DeleteRecords_result", "event_DeleteConsumerGroupOffsets_result",
                 "DeleteRecords_result_offsets", "DeleteConsumerGroupOffsets_result_groups", "group_result_error",
                 "group_result_partitions", "error_string"):
        getattr(library, f"rd_kafka_{name}").restype = c_void_p
    library.rd_kafka_event_error_string.restype = library.rd_kafka_err2str.restype = c_char_p
    library.rd_kafka_error_string.restype = c_char_p
    return library


C = _loaded()


class _Place(ctypes.Structure):
    """rd_kafka_topic_partition_t"""
    _fields_ = [("topic", c_char_p), ("partition", c_int32), ("offset", c_int64), ("metadata", c_void_p),
                ("metadata_size", c_size_t), ("opaque", c_void_p), ("error", c_int), ("private", c_void_p)]


class _Places(ctypes.Structure):
    """rd_kafka_topic_partition_list_t"""
    _fields_ = [("count", c_int), ("size", c_int), ("elements", ctypes.POINTER(_Place))]


def _places(topic: str, partition: int, offset: int) -> c_void_p:
    places = C.rd_kafka_topic_partition_list_new(1)
    added = C.rd_kafka_topic_partition_list_add(c_void_p(places), topic.encode(), c_int32(partition))
    _Place.from_address(added).offset = offset
    return c_void_p(places)


def _check(places: int) -> None:
    for at in range(_Places.from_address(places).count):
        if error := _Places.from_address(places).elements[at].error:
            raise RuntimeError(C.rd_kafka_err2str(error).decode())


def _ask(bootstrap: str, call, argument: c_void_p) -> c_void_p:
    """The event that answers the call."""
    text = ctypes.create_string_buffer(512)
    conf = c_void_p(C.rd_kafka_conf_new())
    C.rd_kafka_conf_set(conf, b"bootstrap.servers", bootstrap.encode(), text, c_size_t(512))
    client = c_void_p(C.rd_kafka_new(PRODUCER, conf, text, c_size_t(512)))
    assert client.value, text.value
    queue = c_void_p(C.rd_kafka_queue_new(client))
    call(client, byref(argument), c_size_t(1), None, queue)
    event = C.rd_kafka_queue_poll(queue, ANSWER_MS)
    assert event, "no answer"
    if C.rd_kafka_event_error(c_void_p(event)):
        raise RuntimeError(C.rd_kafka_event_error_string(c_void_p(event)).decode())
    return c_void_p(event)


def delete_records(bootstrap: str, topic: str, partition: int, before: int) -> None:
    wanted = c_void_p(C.rd_kafka_DeleteRecords_new(_places(topic, partition, before)))
    event = _ask(bootstrap, C.rd_kafka_DeleteRecords, wanted)
    result = c_void_p(C.rd_kafka_event_DeleteRecords_result(event))
    _check(C.rd_kafka_DeleteRecords_result_offsets(result))


def delete_offsets(bootstrap: str, group: str, topic: str, partition: int) -> None:
    wanted = c_void_p(C.rd_kafka_DeleteConsumerGroupOffsets_new(group.encode(), _places(topic, partition, -1001)))
    event = _ask(bootstrap, C.rd_kafka_DeleteConsumerGroupOffsets, wanted)
    result = c_void_p(C.rd_kafka_event_DeleteConsumerGroupOffsets_result(event))
    count = c_size_t()
    groups = C.rd_kafka_DeleteConsumerGroupOffsets_result_groups(result, byref(count))
    one = c_void_p.from_address(groups)
    if error := C.rd_kafka_group_result_error(one):
        raise RuntimeError(C.rd_kafka_error_string(c_void_p(error)).decode())
    _check(C.rd_kafka_group_result_partitions(one))

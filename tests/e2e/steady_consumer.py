"""A member of a consumer group that goes on whatever happens to the broker: consumes, writes down what it saw, commits, writes
down what was acknowledged. Ends when its standard input does.

Lines: "saw PARTITION OFFSET", before its commit; "committed PARTITION OFFSET", when the broker has acknowledged it.

Arguments: BOOTSTRAP TOPIC GROUP PROTOCOL LINES_FILE     PROTOCOL: range, cooperative-sticky (classic) or consumer (KIP-848)
"""

import select
import sys
import time

from confluent_kafka import Consumer, KafkaException

COMMIT_EVERY_SECONDS = 0.1


def settings(bootstrap: str, group: str, protocol: str) -> dict:
    of_protocol = {"group.protocol": "consumer"} if protocol == "consumer" else {
        "partition.assignment.strategy": protocol, "session.timeout.ms": 6000, "heartbeat.interval.ms": 500}
    return {"bootstrap.servers": bootstrap, "group.id": group, "enable.auto.commit": False, "auto.offset.reset": "earliest",
            "socket.timeout.ms": 5000, "reconnect.backoff.ms": 10, "reconnect.backoff.max.ms": 100,
            "retry.backoff.ms": 20, "topic.metadata.refresh.interval.ms": 2000, "log_level": 0, **of_protocol}


def commit(consumer: Consumer, lines) -> None:
    """Where the broker refuses (it is down, the group rebalances), the next one says it again."""
    try:
        for place in consumer.commit(asynchronous=False) or []:
            if place.error is None:
                lines.write(f"committed {place.partition} {place.offset}\n")
    except KafkaException:
        pass


def main() -> None:
    bootstrap, topic, group, protocol, lines_file = sys.argv[1:]
    consumer = Consumer(settings(bootstrap, group, protocol))
    with open(lines_file, "w", buffering=1) as lines:
        consumer.subscribe([topic], on_revoke=lambda member, _: commit(member, lines))
        next_commit, seen_since = time.monotonic(), False
        while not select.select([sys.stdin], [], [], 0)[0]:
            for message in consumer.consume(500, 0.05):
                if message.error() is None:
                    lines.write(f"saw {message.partition()} {message.offset()}\n")
                    seen_since = True
            if seen_since and time.monotonic() >= next_commit:
                commit(consumer, lines)
                next_commit, seen_since = time.monotonic() + COMMIT_EVERY_SECONDS, False
        consumer.close()


main()

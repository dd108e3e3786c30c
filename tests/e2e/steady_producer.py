"""Sends "NAME:0", "NAME:1", … to the partitions of a topic in turn until its standard input ends, whatever happens to the
broker meanwhile: idempotent, acks=all, retried for ten minutes. Writes each acknowledgement to a file: partition, offset,
number. Its twin over the Java client: tests/compat/java-client, SteadyProducer.

Arguments: BOOTSTRAP TOPIC NAME PARTITIONS CODEC ACKS_FILE
"""

import select
import sys
import time

from confluent_kafka import Producer

IN_FLIGHT_MAX = 400
PER_MILLISECOND = 3


def main() -> None:
    bootstrap, topic, name, partitions, codec, acks_file = sys.argv[1:]
    producer = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True, "acks": "all",
                         "compression.type": codec, "linger.ms": 1, "message.timeout.ms": 600000,
                         "socket.timeout.ms": 5000, "reconnect.backoff.ms": 10, "reconnect.backoff.max.ms": 100,
                         "retry.backoff.ms": 20, "log_level": 0})
    with open(acks_file, "w", buffering=1) as acks:
        failed, answered, number = [], 0, 0

        def on_delivery(error, message) -> None:
            nonlocal answered
            answered += 1
            if error:
                failed.append(error)
                print(f"record {message.value()}: {error}", file=sys.stderr)
            else:
                acks.write(f"{message.partition()}\t{message.offset()}\t{message.value().decode().split(':')[1]}\n")

        while not select.select([sys.stdin], [], [], 0)[0]:
            if number - answered < IN_FLIGHT_MAX:
                for _ in range(PER_MILLISECOND):
                    producer.produce(topic, f"{name}:{number}", name, number % int(partitions), on_delivery=on_delivery)
                    number += 1
            producer.poll(0)
            time.sleep(0.001)
        left = producer.flush(120)
    print(f"sent {number} failed {len(failed) + left}")


main()

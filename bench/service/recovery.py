#!/usr/bin/env python3
"""recovery.py [rounds] [GB]   Start to first answer, fresh and after a clean stop; kill -9 with GB of log to serving
(every partition tells its end, and no acknowledged record is missing). Kafka with a session timeout of 1 s."""
import signal
import statistics
import sys

from brokers import Kafka, Stele, answers
from load import kload

PARTITIONS = 6
SIZE = 1024


def starts(broker, rounds):
    fresh, clean = [], []
    for _ in range(rounds):
        fresh.append(broker.start(fresh=True))
        broker.stop()
        clean.append(broker.start())
        broker.stop()
    return statistics.median(fresh), statistics.median(clean)


def kills(broker, rounds, gigabytes):
    times = []
    count = gigabytes * 1_000_000_000 // SIZE
    broker.start(fresh=True)
    kload(broker, "create", "recovery", "-p", PARTITIONS)
    kload(broker, "produce", "recovery", "-p", PARTITIONS, "-n", count, "-s", SIZE)
    for turn in range(rounds):
        broker.stop(signal.SIGKILL)
        times.append(broker.start(topic="recovery"))
        found = answers(broker.port, "recovery")
        if found != count:
            raise RuntimeError(f"{broker.name} acknowledged {count} records and has {found}")
        # Something new to recover each time.
        kload(broker, "produce", "recovery", "-p", PARTITIONS, "-n", 100_000, "-s", SIZE)
        count += 100_000
    broker.stop()
    return statistics.median(times)


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    gigabytes = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    ours, kafka = ((*starts(broker, rounds), kills(broker, rounds, gigabytes))
                   for broker in (Stele(), Kafka(session_ms=1000)))
    print("| start to first answer | ours ms | Kafka ms | ratio |\n|---|---|---|---|")
    for label, one, other in zip(("fresh", "after a clean stop", f"kill -9 with {gigabytes} GB"), ours, kafka):
        print(f"| {label} | {one:.0f} | {other:.0f} | {one / other:.3f} |")


main()

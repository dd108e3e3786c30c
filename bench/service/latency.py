#!/usr/bin/env python3
"""latency.py [rounds] [seconds]   End to end at a fixed rate, acks=all, linger 0, ours and Kafka in turn."""
import statistics
import sys

from brokers import Kafka, Stele
from load import latency, topic

SIZE = 1024


def measure(broker, rate, partitions, flush_each, seconds):
    with topic(broker, partitions, flush_each) as name:
        return latency(broker, name, partitions, SIZE, rate, seconds)


def show(label, rate, partitions, runs):
    def of(kind, part):
        return statistics.median(run[kind][part] for run in runs) / 1000
    print(f"| {label} | {rate} | {partitions} | {of('end_to_end_us', 'p50'):.2f} | {of('end_to_end_us', 'p99'):.2f}"
          f" | {of('end_to_end_us', 'p999'):.2f} | {of('acknowledged_us', 'p50'):.2f}"
          f" | {of('acknowledged_us', 'p99'):.2f}"
          f" | {statistics.median(run['cpu_s_per_million'] for run in runs):.0f} |", flush=True)


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    seconds = int(sys.argv[2]) if len(sys.argv) > 2 else 8
    brokers = stele, kafka = Stele(), Kafka()
    print("| broker | records/s | partitions | end to end p50 ms | p99 | p99.9 | acknowledged p50 ms | p99 "
          "| CPU s/M records |\n|" + "---|" * 9)
    try:
        for broker in brokers:
            broker.start(fresh=True)
            measure(broker, 5000, 1, False, 5)
        ways = [("ours, flushed", stele, False), ("Kafka", kafka, False), ("Kafka flush.messages=1", kafka, True)]
        for rate, partitions in ((5000, 1), (5000, 6), (1000, 1)):
            runs = {label: [] for label, _, _ in ways}
            for turn in range(rounds):
                for label, broker, flush_each in ways:
                    if flush_each and rate > 1000 and turn > 0:
                        continue  # it cannot hold this rate: once is enough
                    runs[label].append(measure(broker, rate, partitions, flush_each, seconds))
            for label, _, _ in ways:
                show(label, rate, partitions, runs[label])
    finally:
        for broker in brokers:
            broker.stop()


main()

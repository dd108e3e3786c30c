#!/usr/bin/env python3
"""throughput.py [rounds]   Produce and consume, ours and Kafka in turn with the same client; ours flushes before
every acknowledgement, Kafka does not, but in the rows that say flush.messages=1. Prints a table of medians."""
import collections
import statistics
import sys

from brokers import Kafka, Stele
from load import consume, produce, topic

BYTES = 600_000_000
CELLS = [(client, size, partitions, codec)
         for client in ("kload", "rdkafka_performance")
         for size in (100, 1024) for partitions in (1, 6) for codec in ("none", "lz4")
         # rdkafka_performance repeats one payload: its lz4 says nothing. Its 100 B are in kload's rows.
         if client == "kload" or (codec == "none" and size == 1024)]
FLUSHED = [("kload", 1024, 1, 200_000_000), ("kload", 100, 1, 200_000_000), ("java", 1024, 1, 60_000_000)]


def median(runs, key):
    return statistics.median(run[key] for run in runs)


def row(cells, ours, kafka):
    rate = median(ours, "mb_s") / median(kafka, "mb_s")
    user = median(ours, "user_s_gb") / max(median(kafka, "user_s_gb"), 1e-9)
    total = median(ours, "total_s_gb") / max(median(kafka, "total_s_gb"), 1e-9)
    print("| " + " | ".join(map(str, cells)) + f" | {median(ours, 'mb_s'):.0f} | {median(kafka, 'mb_s'):.0f} | {rate:.2f}"
          f" | {median(ours, 'user_s_gb'):.2f} | {median(kafka, 'user_s_gb'):.2f} | {user:.2f}"
          f" | {median(ours, 'total_s_gb'):.2f} | {median(kafka, 'total_s_gb'):.2f} | {total:.2f} |", flush=True)


def head(*names):
    columns = [*names, "MB/s ours", "Kafka", "ratio", "user CPU s/GB ours", "Kafka", "ratio", "total CPU s/GB ours",
               "Kafka", "ratio"]
    print("\n| " + " | ".join(columns) + " |\n|" + "---|" * len(columns))


def one_cell(brokers, cell, rounds):
    client, size, partitions, codec = cell
    count = BYTES // size
    runs = collections.defaultdict(list)
    for _ in range(rounds):
        for broker in brokers:
            with topic(broker, partitions) as name:
                runs["produce", broker.name].append(produce(broker, client, name, partitions, count, size, codec))
                runs["consume", broker.name].append(consume(broker, client, name, partitions, count, size))
    for phase in ("produce", "consume"):
        row([client, size, partitions, codec, phase], runs[phase, "stele"], runs[phase, "kafka"])


def flushed_cell(brokers, cell, rounds):
    client, size, partitions, total = cell
    runs = collections.defaultdict(list)
    for _ in range(rounds):
        for broker in brokers:
            with topic(broker, partitions, flush_each=broker.name == "kafka") as name:
                runs[broker.name].append(produce(broker, client, name, partitions, total // size, size))
    row([client, size, partitions], runs["stele"], runs["kafka"])


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    brokers = [Stele(), Kafka()]
    try:
        for broker in brokers:
            broker.start(fresh=True)
            with topic(broker, 6) as name:  # a warm JIT and warm pages
                produce(broker, "kload", name, 6, BYTES // 1024, 1024)
                consume(broker, "kload", name, 6, BYTES // 1024, 1024)
        head("client", "B", "partitions", "codec", "phase")
        for cell in CELLS:
            one_cell(brokers, cell, rounds)
        print("\nBoth flushing before every acknowledgement (Kafka: flush.messages=1), produce:")
        head("client", "B", "partitions")
        for cell in FLUSHED:
            flushed_cell(brokers, cell, rounds)
        ours, kafka = (broker.resident_mb() for broker in brokers)
        print(f"\nResident after all of it: ours {ours:.0f} MB, Kafka {kafka:.0f} MB, ratio {ours / kafka:.3f}")
    finally:
        for broker in brokers:
            broker.stop()


main()

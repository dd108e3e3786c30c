#!/usr/bin/env python3
"""streams.py [EVENTS [KEYS]]   Our folds beside Kafka Streams, in one run: count and sum by key of EVENTS (5,000,000) events of
100 bytes with KEYS (100,000) keys in 6 partitions of Apache Kafka, exactly once.

  Kafka Streams   in memory and RocksDB, exactly_once_v2 (and in memory, at_least_once): bench/peers/kafka/streams/Fold.java
  librdkafka      our engine, over librdkafka, from the same topic of the same broker
  in process      our engine, from a store in the same process, with the same events

Rates: from the first record (Kafka Streams) or from the start (ours) to the last. CPU: of the application alone, its closing
included. Restart: Kafka Streams' local state removed (in memory there is none), to RUNNING, which is a restore from the changelog;
ours from its snapshot, to all events served. RUNS (3) rounds in turn, medians.

Needs bench/peers/install.sh, a JDK 17, and a build with benches: STELE_BUILD, STELE_PEERS, STELE_BENCH_DIR as in bench/run.sh.
STELE_BENCH_PORT (19092): Kafka's, and the next one. Prints a table; the last line is JSON.
"""
import json
import os
import pathlib
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "service"))
from brokers import BUILD, PEERS, WORK, Kafka  # noqa: E402

STREAMS = HERE.parent / "peers" / "kafka" / "streams"
TOPIC = "fold"
PARTITIONS = 6
RUNS = int(os.environ.get("RUNS", 3))
STREAMS_ROWS = [("memory", "exactly_once_v2"), ("memory", "at_least_once"), ("rocksdb", "exactly_once_v2")]


def one_line(*command, seconds_max=1500):
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, text=True, timeout=seconds_max, check=True)
    return json.loads(done.stdout.splitlines()[-1]) if done.stdout else {}


def kload(broker, mode, topic, *arguments):
    return one_line(BUILD / "bin/kload", mode, "-b", broker.address, "-t", topic, *arguments)


def build_streams():
    classes = WORK / "streams-classes"
    subprocess.run(["javac", "-nowarn", "-cp", f"{PEERS}/kafka/*", "-d", classes, STREAMS / "Fold.java"], check=True)
    return classes


def kafka_streams(broker, classes, store, guarantee, events, keys, number):
    application = f"fold-{store}-{guarantee}-{number}"
    row = one_line("java", "-Xmx1G", "-cp", f"{classes}:{PEERS}/kafka/*",
                   f"-Dlog4j2.configurationFile={STREAMS / 'log4j2.properties'}", "Fold", broker.address, TOPIC, events, keys,
                   store, guarantee, 1, WORK / "streams-state", application, broker.process.pid)
    kload(broker, "delete", f"{application}-s-changelog")
    assert row["count_sum"] == events, row
    return {"events_s": row["events_s"], "app_cpu_s_per_m": row["app_cpu_s_per_m"],
            "restart_to_serving_s": row["restore_to_running_s"], "queries_s": row["queries_s"]}


def measure(broker, events, keys):
    """The rows by name, each a list of runs, taken in turn."""
    classes = build_streams()
    kload(broker, "create", TOPIC, "-p", PARTITIONS)
    kload(broker, "produce", TOPIC, "-p", PARTITIONS, "-n", events, "-s", 100, "-k", keys)
    fold = BUILD / "bin/streams_fold"
    store = WORK / "streams-store"
    one_line(fold, "copy", broker.address, TOPIC, store)
    rows = {}
    for number in range(RUNS):
        for kind, guarantee in STREAMS_ROWS:
            rows.setdefault(f"Kafka Streams, {kind}, {guarantee}", []).append(
                kafka_streams(broker, classes, kind, guarantee, events, keys, number))
        rows.setdefault("ours over librdkafka", []).append(
            one_line(fold, "kafka", broker.address, TOPIC, events, WORK / "streams-states"))
        rows.setdefault("ours in process", []).append(
            one_line(fold, "store", store, TOPIC, events, WORK / "streams-states"))
    return rows


def medians(runs):
    return {name: statistics.median(run[name] for run in runs)
            for name in ("events_s", "app_cpu_s_per_m", "restart_to_serving_s", "queries_s")}


def main():
    events = int(sys.argv[1]) if len(sys.argv) > 1 else 5_000_000
    keys = int(sys.argv[2]) if len(sys.argv) > 2 else 100_000
    WORK.mkdir(parents=True, exist_ok=True)
    broker = Kafka()
    broker.port = int(os.environ.get("STELE_BENCH_PORT", broker.port))
    broker.address = f"127.0.0.1:{broker.port}"
    broker.group_delay_ms = 0
    broker.start(fresh=True)
    try:
        rows = {name: medians(runs) for name, runs in measure(broker, events, keys).items()}
    finally:
        broker.stop()
    base = next(iter(rows.values()))  # Kafka Streams, in memory, exactly once
    print(f"{events:,} events of 100 B, {keys:,} keys, {PARTITIONS} partitions; median of {RUNS}")
    print("| fold | events/s | app CPU s per million | events per CPU second | × | restart to serving, s | reads/s |")
    print("|---|---|---|---|---|---|---|")
    for name, row in rows.items():
        row["times"] = base["app_cpu_s_per_m"] / row["app_cpu_s_per_m"]
        print(f"| {name} | {row['events_s']:,.0f} | {row['app_cpu_s_per_m']:.3f} | {1e6 / row['app_cpu_s_per_m']:,.0f} | "
              f"{row['times']:.1f} | {row['restart_to_serving_s']:.2f} | {row['queries_s']:,.0f} |")
    print(json.dumps({"events": events, "keys": keys, "runs": RUNS, "rows": rows}))


if __name__ == "__main__":
    main()

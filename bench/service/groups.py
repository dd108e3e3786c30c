#!/usr/bin/env python3
"""groups.py [rounds]   What groups and connections cost, ours and Kafka in turn: 1,000 consumers in 100 groups joining
at once, one more joining a stable group of 50, offset commits, 10,000 partitions (metadata, idle CPU, memory), 2,000
idle connections."""
import json
import statistics
import subprocess
import sys
import time

from brokers import BUILD, Kafka, Stele
from load import kload

GLOAD = BUILD / "bin/gload"
PARTITIONS = 10_000
TOPICS = 10
CONNECTIONS = 2000
IDLE_SECONDS = 20


def gload(broker, mode, *arguments):
    done = subprocess.run([GLOAD, mode, "-b", broker.address, *map(str, arguments)], capture_output=True, text=True,
                          timeout=400)
    if done.returncode:
        raise RuntimeError(f"gload {mode} against {broker.name}: {done.stderr.strip()}")
    return json.loads(done.stdout)


def median(broker, rounds, value, mode, *arguments):
    return statistics.median(gload(broker, mode, *arguments)[value] for _ in range(rounds))


def membership(broker, rounds):
    """With each broker's own first delay (3 s), then without; heartbeats as the clients' default, then quick ones."""
    broker.group_delay_ms = 3000
    broker.start(fresh=True)
    rows = {"1,000 consumers in 100 groups, initial delay 3 s, ms":
            median(broker, rounds, "stable_ms", "join", "-g", 100, "-m", 10)}
    broker.stop()
    broker.group_delay_ms = 0
    broker.start(fresh=True)
    rows["the same, initial delay 0, heartbeats every 100 ms, ms"] = median(
        broker, rounds, "stable_ms", "join", "-g", 100, "-m", 10, "-h", 100)
    rows["one more joins a group of 50, heartbeats every 20 ms, ms"] = median(
        broker, rounds, "stable_ms", "rebalance", "-m", 50, "-h", 20)
    broker.stop()
    return rows


def commits(broker, rounds):
    broker.start(fresh=True)
    kload(broker, "create", "bench", "-p", 1)
    gload(broker, "commit", "-c", 16, "-f", 4, "-d", 3)
    rows, times = {}, []
    rows["commits/s, 1 in flight"] = median(broker, rounds, "per_s", "commit", "-c", 1, "-d", 5)
    for _ in range(rounds):
        before = sum(broker.cpu())
        result = gload(broker, "commit", "-c", 64, "-f", 4, "-d", 5)
        times.append((result["per_s"], (sum(broker.cpu()) - before) / result["commits"] * 1e6))
    rows["commits/s, 64 connections, 4 in flight each"] = statistics.median(rate for rate, _ in times)
    rows["CPU s per million of them"] = statistics.median(cpu for _, cpu in times)
    broker.stop()
    return rows


def partitions(broker):
    broker.start(fresh=True)
    for topic in range(TOPICS):
        kload(broker, "create", f"wide-{topic}", "-p", PARTITIONS // TOPICS)
    deadline = time.monotonic() + 120
    while gload(broker, "metadata", "-n", 1)["partitions"] < PARTITIONS:
        if time.monotonic() > deadline:
            raise RuntimeError(f"{broker.name} does not tell {PARTITIONS} partitions")
        time.sleep(1)
    time.sleep(10)
    before = sum(broker.cpu())
    time.sleep(IDLE_SECONDS)
    idle = (sum(broker.cpu()) - before) / IDLE_SECONDS * 100
    answer = gload(broker, "metadata", "-n", 200)
    rows = {"10,000 partitions: idle CPU, % of a core": idle, "metadata of all p50, ms": answer["p50_ms"],
            "metadata of all p99, ms": answer["p99_ms"], "resident, MB": broker.resident_mb()}
    broker.stop()
    return rows


def connections(broker):
    broker.start(fresh=True)
    gload_once = [GLOAD, "idle", "-b", broker.address, "-c", str(CONNECTIONS)]
    before = broker.resident_mb()
    with subprocess.Popen(gload_once, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        process.stdout.readline()
        time.sleep(3)
        each = (broker.resident_mb() - before) * 1024 / CONNECTIONS
        process.stdin.close()
    broker.stop()
    return {"an idle connection, KiB": each}


def measure(broker, rounds):
    rows = {**membership(broker, rounds), **commits(broker, rounds), **partitions(broker), **connections(broker)}
    print(broker.name, rows, file=sys.stderr)
    return rows


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    ours, kafka = measure(Stele(), rounds), measure(Kafka(), rounds)
    print("| | ours | Kafka | ratio |\n|---|---|---|---|")
    for row, value in ours.items():
        print(f"| {row} | {value:,.2f} | {kafka[row]:,.2f} | {value / kafka[row]:.3f} |" if kafka[row] else
              f"| {row} | {value:,.2f} | {kafka[row]:,.2f} | |")


main()

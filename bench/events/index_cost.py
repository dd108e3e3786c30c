#!/usr/bin/env python3
"""index_cost.py [--quick]   What the index of streams costs a plain Kafka producer: topics with `stele.index` on and off in
turn, the same client (kload, records with keys); the server's CPU."""
import json
import statistics
import subprocess
import sys

from event_servers import BUILD, WORK, Stele

KLOAD = BUILD / "bin/kload"
# (bytes, keys, records)
CELLS = [(1024, 100_000, 600_000), (100, 5_000_000, 6_000_000)]


def kload(server, mode, topic, *arguments):
    done = subprocess.run([KLOAD, mode, "-b", server.kafka_address, "-t", topic, *map(str, arguments)], check=True,
                          capture_output=True, text=True, timeout=300)
    return json.loads(done.stdout) if done.stdout else {}


def produce(server, topic, indexed, size, keys, count):
    """CPU seconds of the server per million records, with what it does soon after."""
    kload(server, "create", topic, "-p", 1, "-c", f"stele.index={'true' if indexed else 'false'}")
    before = server.cpu()
    kload(server, "produce", topic, "-p", 1, "-n", count, "-s", size, "-k", keys)
    return (server.cpu() - before) / count * 1e6


def main():
    quick = "--quick" in sys.argv
    WORK.mkdir(parents=True, exist_ok=True)
    server = Stele()
    server.start()
    found = []
    print("\n### What the index costs a Kafka producer\n\n| record B | keys | CPU s/M records without | with | more | ns a record |\n"
          "|---|---|---|---|---|---|")
    try:
        for size, keys, count in CELLS:
            runs = {False: [], True: []}
            for turn in range(1 if quick else 4):
                for indexed in (False, True):
                    topic = f"cost-{size}-{turn}-{indexed}"
                    runs[indexed].append(produce(server, topic, indexed, size, keys, count // (20 if quick else 1)))
            without, with_index = statistics.median(runs[False]), statistics.median(runs[True])
            found.append({"bytes": size, "keys": keys, "without": without, "with": with_index, "runs": list(runs.values())})
            print(f"| {size} | {keys:,} | {without:.2f} | {with_index:.2f} | {(with_index / without - 1) * 100:.0f} % "
                  f"| {(with_index - without) * 1000:.0f} |", flush=True)
        (WORK / "index_cost.json").write_text(json.dumps(found, indent=1))
    finally:
        server.stop()


if __name__ == "__main__":
    main()

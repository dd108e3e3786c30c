#!/usr/bin/env python3
"""streams.py [--quick | --large]   What millions of streams cost, in process: by bench_streams, each step a process.
--large: 20 million streams, and the hundred events of a stream scattered over 5 GB."""
import json
import shutil
import subprocess
import sys

from event_servers import BUILD, WORK

PROGRAM = BUILD / "bin/bench_streams"
FOLDER = WORK / "streams"
HUNDRED_MILLION = 100_000_000


def step(name, streams, *more):
    done = subprocess.run([PROGRAM, name, FOLDER, str(streams), *map(str, more)], capture_output=True, text=True,
                          timeout=3600)
    if done.returncode != 0:
        raise RuntimeError(f"bench_streams {name}: {done.stderr[-400:]}")
    return json.loads(done.stdout)


def fill(streams, each, *more):
    shutil.rmtree(FOLDER, ignore_errors=True)
    return step("fill", streams, each, *more)


def scale(counts):
    """Scattered events of so many streams: the index's size and memory, and what appends read of it."""
    print("\n### Streams of five scattered events\n\n| streams | events/s in | index B an event | index files | anonymous MB "
          "| open, cold s | new: blocks, p50 µs | hot | cold |\n|" + "---|" * 9)
    rows = []
    for streams in counts:
        filled = fill(streams, 5)
        row = filled | {"streams": streams, "fill_mb": filled["anonymous_mb"]} | step("heads", streams)
        rows.append(row)
        heads = " | ".join(f"{row[kind + '_blocks']:.3f}, {row[kind + '_p50_us']:.0f}" for kind in ("new", "hot", "cold"))
        print(f"| {streams:,} | {row['events_s']:,.0f} | {row['index_bytes_event']:.1f} | {row['index_files']} "
              f"| {max(row['fill_mb'], row['anonymous_mb']):.0f} | {row['open_s']:.2f} | {heads} |", flush=True)
    first, last = rows[0], rows[-1]
    if first["index_files"] and first is not last:
        more = (HUNDRED_MILLION - last["streams"]) / (last["streams"] - first["streams"])
        for name, key in (("anonymous MB", "fill_mb"), ("open s", "open_s")):
            print(f"\nExtended to 100 million streams, {name}: {last[key] + more * (last[key] - first[key]):.1f}")
    return rows


def clustered(streams):
    row = fill(streams, 100, "clustered")
    print(f"\nClustered events (100 of a stream in a row): {row['index_bytes_event']:.1f} B an event in the index, "
          f"{row['events_s']:,.0f} events/s in", flush=True)
    return row


def conditions(streams):
    events = fill(streams, 5, "tags")["events"]
    row = step("conditions", streams)
    ratio = row["condition_p50_us"] / row["plain_p50_us"]
    print(f"\nA condition with two tags in {events:,.0f} events: p50 {row['condition_p50_us']:.0f} µs, without "
          f"{row['plain_p50_us']:.0f} µs: {ratio:.2f} ×", flush=True)
    return row


def hundred(streams, batch, *more):
    fill(streams, 100, batch, *more)
    row = step("read", streams)
    print(f"\nThe 100 events of a stream, in {row['log_mb']:,} MB of batches of {batch} events {' '.join(more)}: "
          f"p50 {row['read_p50_us']:.0f} µs, p99 {row['read_p99_us']:.0f} µs", flush=True)
    return row


def main():
    WORK.mkdir(parents=True, exist_ok=True)
    if "--large" in sys.argv:
        found = {"scale": scale([20_000_000]), "small": hundred(350_000, 110), "lz4": hundred(500_000, 10_000, "lz4")}
    elif "--quick" in sys.argv:
        found = {"scale": scale([20_000, 100_000]), "clustered": clustered(1_000), "conditions": conditions(20_000),
                 "small": hundred(1_000, 110), "lz4": hundred(1_000, 10_000, "lz4")}
    else:
        found = {"scale": scale([1_000_000, 5_000_000]), "clustered": clustered(50_000),
                 "conditions": conditions(2_000_000)}
    (WORK / "streams.json").write_text(json.dumps(found, indent=1))
    shutil.rmtree(FOLDER, ignore_errors=True)


main()

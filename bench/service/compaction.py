#!/usr/bin/env python3
"""compaction.py [GB] [million keys]   Compaction of one partition, ours and Kafka's in turn, both with 128 MiB for keys:
how long from "may compact" to "nothing is dirty", CPU, what is left on disk; and what it does to the latency of a producer
of 1,000 records/s on another topic."""
import os
import re
import struct
import sys
import threading
import time
import urllib.request

from brokers import Kafka, Stele, call
from load import kload, latency

RECORD = 1000
QUIET_SECONDS = 10  # without progress: it is done
NEVER_MS = 10**12
LATENCY_SECONDS = 10


def text(value):
    return struct.pack(">h", len(value)) + value.encode()


def set_topic(broker, topic, settings):
    """IncrementalAlterConfigs v0."""
    import socket
    body = struct.pack(">ib", 1, 2) + text(topic) + struct.pack(">i", len(settings))
    for name, value in settings.items():
        body += text(name) + struct.pack(">b", 0) + text(str(value))
    with socket.create_connection(("127.0.0.1", broker.port), 5) as connection:
        answer = call(connection, 44, 0, body + b"\0")
        answer.take("i"), answer.take("i")
        if error := answer.take("h"):
            raise RuntimeError(f"{broker.name}: error {error} for {settings}")


class OurProgress:
    """Read bytes so far, as the metrics tell."""

    def __init__(self, broker):
        self.url = "http://127.0.0.1:19193/metrics"

    def value(self):
        text = urllib.request.urlopen(self.url, timeout=30).read().decode()
        return float(re.search(r"^stele_compaction_read_bytes_total (\S+)", text, re.M).group(1))


class KafkaProgress:
    """Bytes of its log that tell of segments cleaned."""

    def __init__(self, broker):
        self.path = broker.output

    def value(self):
        return float(len(re.findall(r"leaner", self.path.read_text(errors="replace"))))


def compaction(broker, progress, began):
    """Seconds from `began` to the last sign of progress."""
    last, last_at = progress.value(), began
    while time.monotonic() - last_at < QUIET_SECONDS or last_at == began and time.monotonic() - began < 60:
        time.sleep(0.1)
        now = progress.value()
        if now != last:
            last, last_at = now, time.monotonic()
    return last_at - began


def disk_mb(broker):
    total = 0
    for folder, _, files in os.walk(broker.data):
        total += sum(os.path.getsize(os.path.join(folder, name)) for name in files if name.endswith(".log"))
    return total / 1e6


def measure(broker, progress_of, gigabytes, keys):
    count = int(gigabytes * 1e9 / RECORD)
    broker.start(fresh=True)
    kload(broker, "create", "keyed", "-p", 1, "-c", "cleanup.policy=compact", "-c", f"min.compaction.lag.ms={NEVER_MS}",
          "-c", "segment.bytes=268435456")
    kload(broker, "produce", "keyed", "-n", count, "-s", RECORD, "-k", keys)
    kload(broker, "produce", "keyed", "-n", 300_000, "-s", RECORD, "-k", keys)  # so that the rest is in sealed segments
    kload(broker, "create", "beside", "-p", 1)
    before = latency(broker, "beside", 1, 100, 1000, LATENCY_SECONDS)
    disk_before, cpu, progress = disk_mb(broker), sum(broker.cpu()), progress_of(broker)
    began = time.monotonic()
    set_topic(broker, "keyed", {"min.compaction.lag.ms": 0, "min.cleanable.dirty.ratio": 0.01})
    beside = []
    watcher = threading.Thread(target=lambda: beside.append(latency(broker, "beside", 1, 100, 1000, LATENCY_SECONDS)))
    watcher.start()
    seconds = compaction(broker, progress, began)
    watcher.join()
    used = sum(broker.cpu()) - cpu
    rows = {"seconds": seconds, "MB/s of log": disk_before / seconds, "CPU s": used, "MB on disk before": disk_before,
            "MB on disk after": disk_mb(broker), "produce p99 before, ms": before["acknowledged_us"]["p99"] / 1000,
            "produce p99 while compacting, ms": beside[0]["acknowledged_us"]["p99"] / 1000}
    broker.stop()
    return rows


def main():
    gigabytes = float(sys.argv[1]) if len(sys.argv) > 1 else 10
    keys = int(float(sys.argv[2]) * 1e6) if len(sys.argv) > 2 else 10_000_000
    ours = measure(Stele(), OurProgress, gigabytes, keys)
    kafka = measure(Kafka(), KafkaProgress, gigabytes, keys)
    print(f"| compaction of {gigabytes:g} GB, {keys:,} keys | ours | Kafka | ratio |\n|---|---|---|---|")
    for row, value in ours.items():
        print(f"| {row} | {value:,.2f} | {kafka[row]:,.2f} | {value / kafka[row]:.3f} |")


main()

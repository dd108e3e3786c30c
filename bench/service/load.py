"""Runs the load clients against a broker; every function gives what was measured, the broker's CPU included."""
import contextlib
import itertools
import json
import re
import subprocess
import threading

from brokers import BUILD, PEERS

KLOAD = BUILD / "bin/kload"
numbers = itertools.count(1)


def kload(broker, mode, topic, *arguments):
    done = subprocess.run([KLOAD, mode, "-b", broker.address, "-t", topic, *map(str, arguments)], check=True,
                          capture_output=True, text=True, timeout=300)
    return json.loads(done.stdout) if done.stdout else {}


@contextlib.contextmanager
def topic(broker, partitions, flush_each=False):
    """A topic for one run. Stele flushes whatever it is told; Kafka only if `flush_each`."""
    name = f"bench-{next(numbers)}"
    settings = ["-c", "flush.messages=1"] if flush_each else []
    kload(broker, "create", name, "-p", partitions, *settings)
    try:
        yield name
    finally:
        kload(broker, "delete", name)


def with_cpu(broker, run):
    user, system = broker.cpu()
    result = run()
    now_user, now_system = broker.cpu()
    gigabytes = result["bytes"] / 1e9
    result["user_s_gb"] = (now_user - user) / gigabytes
    result["total_s_gb"] = (now_user - user + now_system - system) / gigabytes
    return result


def rdkafka(broker, pattern, size, *arguments):
    done = subprocess.run([PEERS / "rdkafka_performance", "-b", broker.address, *map(str, arguments)], check=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300)
    found = re.findall(pattern, done.stdout)
    if not found:
        raise RuntimeError(f"rdkafka_performance against {broker.name}: {done.stdout[-400:]}")
    count, milliseconds = map(int, found[-1])
    return {"bytes": count * size, "mb_s": count * size / 1e3 / milliseconds}


def produce(broker, client, name, partitions, count, size, codec="none"):
    if client == "kload":
        return with_cpu(broker, lambda: kload(broker, "produce", name, "-p", partitions, "-n", count, "-s", size,
                                              "-X", f"compression.codec={codec}"))
    if client == "rdkafka_performance":
        one = ["-p", 0] if partitions == 1 else []
        return with_cpu(broker, lambda: rdkafka(
            broker, r"% (\d+) messages produced .*?in (\d+)ms", size, "-P", "-t", name, *one, "-c", count, "-s", size,
            "-a", -1, "-z", codec))
    return with_cpu(broker, lambda: java_produce(broker, name, count, size, codec))


def java_produce(broker, name, count, size, codec):
    tool = broker_java("org.apache.kafka.tools.ProducerPerformance", "--bootstrap-server", broker.address, "--topic",
                       name, "--num-records", count, "--record-size", size, "--throughput", -1, "--command-property",
                       "acks=all", f"compression.type={codec}")
    done = subprocess.run(tool, check=True, capture_output=True, text=True, timeout=300)
    rate = float(re.findall(r"([\d.]+) records/sec", done.stdout)[-1])
    return {"bytes": count * size, "mb_s": rate * size / 1e6}


def broker_java(*arguments):
    from brokers import Kafka
    return [str(part) for part in Kafka().java(*arguments, memory=("-Xmx512M",))]


def consume(broker, client, name, partitions, count, size):
    if client == "kload":
        return with_cpu(broker, lambda: kload(broker, "consume", name, "-p", partitions, "-n", count))
    places = [text for partition in range(partitions) for text in ("-p", partition)]
    return with_cpu(broker, lambda: rdkafka(
        broker, r"% (\d+) messages \(\d+ bytes\) consumed in (\d+)ms", size, "-C", "-t", name, *places, "-c", count,
        "-o", "beginning"))


def latency(broker, name, partitions, size, rate, seconds):
    """End-to-end and acknowledgement percentiles; the broker's CPU while it is measured."""
    process = subprocess.Popen(
        [KLOAD, "latency", "-b", broker.address, "-t", name, "-p", str(partitions), "-s", str(size), "-r", str(rate),
         "-d", str(seconds), "-w", "3", "-X", "linger.ms=0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    began = []

    def watch():
        for line in process.stderr:
            if line.startswith("measuring"):
                began.append(sum(broker.cpu()))

    watcher = threading.Thread(target=watch)
    watcher.start()
    text = process.stdout.read()
    process.wait()
    watcher.join()
    result = json.loads(text)
    result["cpu_s_per_million"] = (sum(broker.cpu()) - began[0]) / result["sent"] * 1e6
    return result

#!/usr/bin/env python3
"""Starting and stopping: what steled says when it cannot start, where settings come from, that the printed commands work,
draining, health, readiness and metrics."""

import math
import os
import re
import socket
import subprocess
import time
from pathlib import Path

from harness import STELE, STELED, Service, could_not_run, eventually, free_port, run, run_cases, service, temp_folder
from harness import verify
from history import history, read_with_confluent, send_with_confluent

CANNOT_START, USAGE = 1, 2
# A start that should have failed but did not would run for ever.
REFUSED_SECONDS_MAX = 60


def refused(code: int, *words: str | Path, says: str, prefix: tuple[str, ...] = (), **more) -> str:
    """steled ends at once with `code` and exactly one line on stderr, which matches `says`."""
    done = run(*prefix, STELED, *words, code=None, seconds_max=REFUSED_SECONDS_MAX, **more)
    lines = done.stderr.splitlines()
    assert done.returncode == code, f"exit code {done.returncode}, wanted {code}: {done.stderr}"
    assert len(lines) == 1, f"{len(lines)} lines: {done.stderr}"
    assert lines[0].startswith("steled: ") and re.search(says, lines[0]), f"{lines[0]!r} does not say {says!r}"
    assert done.stdout == "", done.stdout
    return lines[0]


def on_ports(kafka: int | None = None, http: int | None = None) -> tuple[str, ...]:
    return ("--kafka-listen", f"localhost:{kafka or free_port()}", "--http-listen", f"localhost:{http or free_port()}",
            "--grpc-listen", "none")


def port_in_use() -> str:
    with temp_folder("startup") as folder, socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        first = refused(CANNOT_START, "--data", folder / "a", *on_ports(kafka=port), says=rf"kafka-listen.*{port}.*in use")
        refused(CANNOT_START, "--data", folder / "a", *on_ports(http=port), says=rf"http-listen.*{port}.*in use")
    return first


def folder_in_use() -> str:
    with service("startup") as steled:
        line = refused(CANNOT_START, "--data", steled.data, *on_ports(), says=rf"\b{steled.pid()}\b")
        tool = run(STELE, "verify", steled.data, code=2)
        assert re.search(rf"\b{steled.pid()}\b", tool.stderr) and len(tool.stderr.splitlines()) == 1, tool.stderr
    return line


def folder_not_writable() -> str:
    if os.geteuid() != 0:
        could_not_run("needs root, to become another user")
    nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
    with temp_folder("startup") as folder:
        folder.chmod(0o755)
        first = refused(CANNOT_START, "--data", folder / "new", *on_ports(), says="[Pp]ermission denied", prefix=nobody)
        steled = Service(folder / "theirs").start()
        assert steled.stop() == 0
        before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
        refused(CANNOT_START, "--data", steled.data, *on_ports(), says="[Pp]ermission denied", prefix=nobody)
        assert before == {path: path.stat().st_mtime_ns for path in folder.rglob("*")}, "the folder was touched"
        (folder / "file").write_text("not a folder")
        refused(CANNOT_START, "--data", folder / "file", *on_ports(), says="file")
    return first


def strange_folder() -> str:
    """A folder of another version or of something else is refused, and left as it was."""
    with temp_folder("startup") as folder:
        steled = Service(folder / "data").start()
        assert steled.stop() == 0
        identity = steled.data / "STELE"
        whole = identity.read_bytes()
        identity.write_bytes(whole[:8] + b"\xff\x7f" + whole[10:])
        before = {path: path.read_bytes() for path in steled.data.rglob("*") if path.is_file()}
        line = refused(CANNOT_START, "--data", steled.data, *on_ports(), says="format version 32767")
        assert before == {path: path.read_bytes() for path in steled.data.rglob("*") if path.is_file()}, "it was touched"
        identity.write_bytes(whole)
        steled.start()
        assert steled.stop() == 0
    return line


def wrong_usage() -> str:
    with temp_folder("startup") as folder:
        config = folder / "steled.ini"
        rows = [
            (("--no-such-flag",), "no-such-flag"),
            (("--node-id", "many"), "node-id=many .from flag.: is not a whole number"),
            (("--node-id", "-1"), "node-id=-1"),
            (("--kafka-listen", "nowhere"), "kafka-listen=nowhere"),
            (("--kafka-listen", "localhost:99999"), "99999"),
            (("--flush", "never"), "flush=never"),
            (("--log-level", "loud"), "log-level=loud"),
            (("--insecure=maybe",), "insecure=maybe"),
            (("stray",), "stray|positional"),
            (("--config", folder / "missing.ini"), "missing.ini: cannot be read"),
            (("--config", config), "steled.ini.*colour"),
        ]
        config.write_text("colour = blue\n")
        for words, says in rows:
            refused(USAGE, "--data", folder / "data", *words, says=says)
        variables = {**os.environ, "STELE_NODE_ID": "x"}
        refused(USAGE, "--data", folder / "data", says="node-id=x .from variable", env=variables)
        assert not (folder / "data").exists(), "a refused start made the folder"
    return f"{len(rows) + 1} mistakes, one line each"


def open_to_others_needs_insecure() -> str:
    with temp_folder("startup") as folder:
        port = free_port()
        for flag in ("--kafka-listen", "--http-listen", "--grpc-listen"):
            # Said twice, the last one counts.
            line = refused(USAGE, "--data", folder / "a", *on_ports(), flag, f"0.0.0.0:{port}", says=f"{flag[2:]}.*--insecure")
        process = subprocess.Popen([STELED, "--data", folder / "b", "--kafka-listen", f"0.0.0.0:{port}", "--http-listen",
                                    f"localhost:{free_port()}", "--grpc-listen", "none", "--insecure"], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE)
        try:
            assert process.stdout.readline().startswith(b"steled ready ")
            warned = process.stderr.readline()
            assert b" insecure " in warned, warned
            run("kcat", "-b", f"127.0.0.1:{port}", "-L")
        finally:
            process.terminate()
            assert process.wait(20) == 0
            process.stdout.close()
            process.stderr.close()
    return line


def help_and_version() -> str:
    told = run(STELED, "--help").stdout
    for word in ("--data", "--kafka-listen", "--insecure", "--print-config", "Exit codes"):
        assert word in told, word
    version = run(STELED, "--version").stdout
    assert re.fullmatch(r"steled \d+\.\d+\.\d+\S*\n", version), version
    assert re.fullmatch(r"stele \d+\.\d+\.\d+\S*\n", run(STELE, "--version").stdout)
    return f"{len(told.splitlines())} lines of help, {version.strip()}"


def where_settings_come_from() -> str:
    with temp_folder("startup") as folder:
        config = folder / "steled.ini"
        config.write_text("node-id = 7\nidle-ms-max = 5000\nlog-level = debug\n# a comment\n")
        variables = {**os.environ, "STELE_NODE_ID": "8", "STELE_IDLE_MS_MAX": "6000"}
        told = run(STELED, "--print-config", "--config", config, "--node-id", "9", env=variables).stdout
        for line in ("node-id = 9  # flag", "idle-ms-max = 6000  # variable", "log-level = debug  # file",
                     "default-partitions = 1  # default"):
            assert line in told.splitlines(), f"no {line!r} in {told}"
        # What it prints is a file that it reads.
        again = folder / "again.ini"
        again.write_text(told)
        values = [line.split("  #")[0] for line in told.splitlines()]
        read = run(STELED, "--print-config", "--config", again).stdout
        assert values == [line.split("  #")[0] for line in read.splitlines()], read
    return f"{len(values)} settings"


def printed_commands_work() -> str:
    with service("startup") as steled:
        commands = dict(line.strip().split(":", 1) for line in steled.ready_text.splitlines()[1:4])
        assert list(commands) == ["produce", "consume", "look"], commands
        answers = {name: run("bash", "-c", command.strip()).stdout for name, command in commands.items()}
        assert answers["consume"] == "hello, stele\n", answers
        assert 'topic "first" with 1 partitions' in answers["look"], answers
    return "produce, consume, look"


def stops_and_starts_clean() -> str:
    events = history()[:20000]
    with service("startup") as steled:
        send_with_confluent(steled.kafka, "t", events)
        waiting = subprocess.Popen(["kcat", "-b", steled.kafka, "-t", "t", "-C", "-o", "end", "-X", "fetch.wait.max.ms=9000"],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        eventually(lambda: steled.metric("stele_kafka_waiting_fetches") >= 1)
        began = time.monotonic()
        assert steled.stop() == 0
        took = time.monotonic() - began
        waiting.kill()
        waiting.wait()
        assert took < 5, f"a waiting fetch held the stop up for {took:.1f} s"
        verify(steled.data)
        steled.start()
        assert steled.metric("stele_recovered_entries") == 0, "a clean stop left something to replay"
        assert [record.event for record in read_with_confluent(steled.kafka, "t")] == events
        with service("startup") as killed:
            send_with_confluent(killed.kafka, "t", events)
            killed.kill()
            killed.start()
            assert killed.metric("stele_recovered_entries") > 0, "nothing to replay after kill -9: the metric says nothing"
        for name in ("SIGTERM", "SIGINT"):
            steled.process.send_signal(getattr(__import__("signal"), name))
            assert steled.wait(20) == 0, name
            steled.start()
    return f"stopped in {took:.2f} s beside a waiting fetch, {len(events)} events"


METRIC = re.compile(r'^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*",?)*)\})? (\S+)$')


def check_exposition(text: str) -> int:
    """Prometheus' text format: HELP and TYPE before the samples of a name, together, once; numbers; histograms whole."""
    assert text.endswith("\n")
    types: dict[str, str] = {}
    buckets: dict[str, list[tuple[float, float]]] = {}
    seen: set[str] = set()
    current = ""
    for line in text.splitlines():
        if line.startswith("# HELP "):
            current = line.split(" ", 3)[2]
            assert current not in types, f"{current} twice"
            continue
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name == current and kind in ("counter", "gauge", "histogram", "summary"), line
            types[name] = kind
            continue
        found = METRIC.match(line)
        assert found, f"not a sample: {line!r}"
        name, labels, value = found[1], found[2] or "", float(found[3])
        family = re.sub(r"_(bucket|sum|count)$", "", name) if types.get(current) == "histogram" else name
        assert family == current, f"{name} under {current}"
        assert not math.isnan(value) and f"{name}{{{labels}}}" not in seen, line
        seen.add(f"{name}{{{labels}}}")
        if types[current] == "counter":
            assert name.endswith("_total") and value >= 0, line
        if name.endswith("_bucket"):
            bound = re.search(r'le="([^"]+)"', labels)[1]
            others = name + re.sub(r',?le="[^"]+"', "", labels)
            buckets.setdefault(others, []).append((float(bound.replace("+Inf", "inf")), value))
    for name, pairs in buckets.items():
        assert pairs == sorted(pairs) and pairs[-1][0] == math.inf, name
        assert [count for _, count in pairs] == sorted(count for _, count in pairs), name
    return len(seen)


def health_and_metrics() -> str:
    with service("startup") as steled:
        assert steled.get("/-/healthy")[0] == 200 and steled.get("/-/ready")[0] == 200
        assert steled.get("/nothing/here")[0] == 404
        send_with_confluent(steled.kafka, "t", history()[:100])
        read_with_confluent(steled.kafka, "t")
        code, text = steled.get("/metrics")
        assert code == 200
        samples = check_exposition(text)
        assert samples > 20, text
        # 100 events, and the topic's creation in the catalogue.
        assert steled.metric("stele_committed_records_total") >= 101
        assert steled.metric("stele_store_open") == 1
        run("curl", "-sf", steled.http + "/-/healthy")
        assert run("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-X", "POST", steled.http + "/metrics").stdout in (
            "404", "405")
    return f"{samples} samples"


if __name__ == "__main__":
    run_cases(port_in_use, folder_in_use, folder_not_writable, strange_folder, wrong_usage, open_to_others_needs_insecure,
              help_and_version, where_settings_come_from, printed_commands_work, stops_and_starts_clean,
              health_and_metrics)

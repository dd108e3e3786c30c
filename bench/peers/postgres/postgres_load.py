#!/usr/bin/env python3
"""postgres_load.py HOST:PORT MODE SECONDS IN_FLIGHT BATCH   One kind of load for PostgreSQL, by pgbench; one JSON line.
    append    one event of 100 B by append() of schema.sql, on a stream that must not exist yet
    batch     BATCH events of one stream in one transaction: a pipeline of prepared inserts
    fill      1,000 streams with 10 events each, scattered
    read-ten  the ten events of one of those streams
    read-all  everything by position: COPY to the client, in binary, at most a million events, once
IN_FLIGHT connections, each with one transaction at a time."""
import json
import pathlib
import subprocess
import sys
import tempfile
import time

DATA = "x" * 100
STREAMS = 1000
STREAM = "\\set s random(1, 1000000000000000)\n"
FILL = f"""insert into events (stream, version, type, data)
  select 'ten-' || s, v, 'OrderPlaced', '{DATA}' from generate_series(0, 9) v, generate_series(0, {STREAMS - 1}) s"""
COPY = """copy (select position, stream, version, type, id, time, data from events order by position limit 1000000)
  to stdout (format binary)"""


def append(_):
    return STREAM + f"select append('order-' || :s, -1, 'OrderPlaced', '{DATA}');\n"


def pipeline(batch):
    inserts = "".join("insert into events (stream, version, type, data) "
                      f"values ('batch-' || :s, {version}, 'OrderPlaced', :data);\n" for version in range(batch))
    return STREAM + "\\startpipeline\n" + inserts + "\\endpipeline\n"


def read_ten(_):
    return (f"\\set s random(0, {STREAMS - 1})\n"
            "select position, version, type, id, time, data from events where stream = 'ten-' || :s order by version;\n")


def report(times, events, seconds):
    times.sort()
    def at(part):
        return times[min(len(times) - 1, int(part * len(times)))]
    print(json.dumps({"operations": len(times), "events": events, "seconds": seconds, "p50_us": at(0.5),
                      "p99_us": at(0.99)}))


def psql(host, port, command):
    began = time.monotonic()
    done = subprocess.run(["psql", "-h", host, "-p", port, "-U", "postgres", "-qtAX", "-c", command], check=True,
                          stdout=subprocess.PIPE)
    return time.monotonic() - began, done.stdout


def pgbench(host, port, script, seconds, clients):
    """Microseconds of every transaction."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "script.sql"
        path.write_text(script)
        subprocess.run(["pgbench", "-h", host, "-p", port, "-U", "postgres", "-n", "-M", "prepared", "-T", seconds,
                        "-c", clients, "-j", str(min(2, int(clients))), "-D", f"data={DATA}", "-l",
                        f"--log-prefix={folder}/log", "-f", path, "postgres"], check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.PIPE, text=True)
        return [float(line.split()[2]) for log in pathlib.Path(folder).glob("log*")
                for line in log.read_text().splitlines()]


def main():
    address, mode, seconds, clients, batch = sys.argv[1:]
    host, port = address.rsplit(":", 1)
    if mode == "fill":
        took, _ = psql(host, port, FILL)
        psql(host, port, "vacuum analyze events")
        report([took * 1e6], STREAMS * 10, took)
    elif mode == "read-all":
        count = min(1_000_000, int(psql(host, port, "select count(*) from events")[1]))
        took, _ = psql(host, port, COPY)
        report([took * 1e6], count, took)
    else:
        scripts = {"append": append, "batch": pipeline, "read-ten": read_ten}
        times = pgbench(host, port, scripts[mode](int(batch)), seconds, clients)
        each = {"append": 1, "read-ten": 10}.get(mode, int(batch))
        report(times, len(times) * each, float(seconds))


main()

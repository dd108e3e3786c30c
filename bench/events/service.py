#!/usr/bin/env python3
"""service.py [--quick] [--rounds N] [--seconds N] [--only GROUP,…] [--without SERVER or CLIENT,…]
The event store over HTTP, gRPC and in process beside PostgreSQL, NATS JetStream and UmaDB, each over its own protocol.
All of them flush before they answer. A row is one run of a load client; all rows run in turn, ROUNDS times; medians.
Writes every figure to $STELE_BENCH_DIR/events/service.json and prints tables."""
import argparse
import json
import statistics
import subprocess
import sys

from event_servers import BUILD, HERE, PEERS, WORK, Echo, Nats, Postgres, Stele, Umadb

BIN = BUILD / "bin"
LOADS = {"http": BIN / "http_load", "grpc": BIN / "grpc_load", "C++": BIN / "event_store_load",
         "echo": BIN / "grpc_echo", "umadb": PEERS / "umadb/bin/umadb-load", "nats": PEERS / "nats/nats-load",
         "postgres": HERE.parent / "peers/postgres/postgres_load.py"}
SERVER_OF = {"http": "stele", "grpc": "stele"}
OURS = ("http", "grpc", "C++")
# (label, client, mode, in flight, events an operation)
ONE = [
    ("HTTP, expected version", "http", "append", 1, 1),
    ("HTTP, condition on a tag", "http", "append-tag", 1, 1),
    ("gRPC, expected version", "grpc", "append", 1, 1),
    ("gRPC, condition on a tag", "grpc", "append-tag", 1, 1),
    ("C++, expected version", "C++", "append", 1, 1),
    ("C++, condition on a tag", "C++", "append-tag", 1, 1),
    ("PostgreSQL, function with an expected version", "postgres", "append", 1, 1),
    ("NATS, expected last sequence of the subject", "nats", "append", 1, 1),
    ("UmaDB, condition on a tag", "umadb", "append", 1, 1),
]
MANY = [
    ("HTTP, 64 connections", "http", "append", 64, 1),
    ("HTTP, condition on a tag, 64 connections", "http", "append-tag", 64, 1),
    ("HTTP, 64 pipelined on 1 connection", "http", "pipelined", 64, 1),
    ("gRPC, 64 on one stream, packed", "grpc", "stream", 64, 1),
    ("gRPC, condition on a tag, 64 on one stream, packed", "grpc", "stream-tag", 64, 1),
    ("gRPC, 64 on one stream, a message each", "grpc", "stream-each", 64, 1),
    ("gRPC empty echo, 64 on one stream, a message each", "echo", "stream", 64, 1),
    ("C++, 64 submitted", "C++", "append", 64, 1),
    ("PostgreSQL, 32 connections", "postgres", "append", 32, 1),
    ("NATS, 64", "nats", "append", 64, 1),
    ("UmaDB, condition on a tag, 64", "umadb", "append", 64, 1),
]
BATCHES = [
    ("HTTP, CloudEvents batch", "http", "batch", 1, 1000),
    ("HTTP, CloudEvents batch, 4 in flight", "http", "batch", 4, 1000),
    ("HTTP, NDJSON, 4 in flight", "http", "ndjson", 4, 1000),
    ("gRPC", "grpc", "batch", 1, 1000),
    ("gRPC, 4 in flight", "grpc", "batch", 4, 1000),
    ("C++", "C++", "batch", 1, 1000),
    ("C++, 4 in flight", "C++", "batch", 4, 1000),
    ("PostgreSQL, a pipeline of 1,000 inserts", "postgres", "batch", 1, 1000),
    ("NATS, atomic batches of 500", "nats", "batch", 1, 500),
    ("UmaDB", "umadb", "append", 1, 1000),
    ("UmaDB, 4 in flight", "umadb", "append", 4, 1000),
]
TEN = [
    ("HTTP, by stream", "http", "read-ten", 1, 10),
    ("HTTP, by tag", "http", "read-tag", 1, 10),
    ("gRPC, by stream", "grpc", "read-ten", 1, 10),
    ("gRPC, by tag", "grpc", "read-tag", 1, 10),
    ("C++, by stream", "C++", "read-ten", 1, 10),
    ("C++, by tag", "C++", "read-tag", 1, 10),
    ("PostgreSQL, by stream", "postgres", "read-ten", 1, 10),
    ("NATS, by subject", "nats", "read-ten", 1, 10),
    ("UmaDB, by tag", "umadb", "read-ten", 1, 10),
    ("HTTP, by stream, 16 connections", "http", "read-ten", 16, 10),
    ("gRPC, by stream, 16 at once", "grpc", "read-ten", 16, 10),
    ("PostgreSQL, by stream, 16 connections", "postgres", "read-ten", 16, 10),
    ("UmaDB, by tag, 16 at once", "umadb", "read-ten", 16, 10),
]
EVERYTHING = [
    ("HTTP, NDJSON", "http", "read-all", 1, 1),
    ("gRPC", "grpc", "read-all", 1, 1),
    ("C++", "C++", "read-all", 1, 1),
    ("PostgreSQL, binary COPY", "postgres", "read-all", 1, 1),
    ("NATS, ordered consumer", "nats", "read-all", 1, 1),
    ("UmaDB", "umadb", "read-all", 1, 1),
]
# name: (title, what is counted, rows)
GROUPS = {
    "one": ("One conditional append of 100 B in flight", "operations", ONE),
    "many": ("Conditional appends of 100 B, many in flight", "operations", MANY),
    "batches": ("Batches of 1,000 × 100 B", "events", BATCHES),
    "ten": ("Reading the ten events of a stream or tag", "operations", TEN),
    "everything": ("Reading everything, at most a million events", "events", EVERYTHING),
}


def command(client, address, mode, seconds, in_flight, batch):
    if client == "echo":
        return [LOADS[client], mode, "-b", address, "-s", "100", "-d", str(seconds), "-f", str(in_flight)]
    return [LOADS[client], address, mode, str(seconds), str(in_flight), str(batch)]


def run_load(servers, client, mode, seconds, in_flight, batch):
    """What the client says, and `cpu_s` of the store: of its server, or of the client's own process."""
    server = servers.get(SERVER_OF.get(client, client))
    address = WORK / "embedded" if client == "C++" else server.grpc_address if client == "grpc" else server.address
    before = server.cpu() if server else 0
    done = subprocess.run(command(client, address, mode, seconds, in_flight, batch), capture_output=True, text=True,
                          timeout=seconds + 120)
    if done.returncode != 0:
        raise RuntimeError(f"{client} {mode}: {(done.stderr or done.stdout)[-400:]}")
    result = json.loads(done.stdout)
    if client == "echo":
        result = {"operations": result["count"], "events": result["count"],
                  "seconds": result["count"] / result["per_s"], "p50_us": result["us_p50"], "p99_us": result["us_p99"]}
    result.setdefault("cpu_s", server.cpu() - before if server else 0)
    return result


def measure_row(servers, row, seconds, counted):
    result = run_load(servers, *row[1:3], seconds, *row[3:])
    count = result[counted]
    return {"per_s": count / result["seconds"], "p50_us": result["p50_us"], "p99_us": result["p99_us"],
            "cpu_s_million": result["cpu_s"] / count * 1e6}


def measure(servers, clients, chosen, rounds, seconds):
    """group → label → medians; a row that fails says why."""
    found = {}
    for client in clients - {"grpc", "echo"}:
        run_load(servers, client, "fill", seconds, 1, 1)
    for group in chosen:
        title, counted, rows = GROUPS[group]
        runs = {row[0]: [] for row in rows}
        for _ in range(1 if group == "everything" else rounds):
            for row in rows:
                if row[1] not in clients:
                    continue
                try:
                    runs[row[0]].append(measure_row(servers, row, seconds, counted))
                except (RuntimeError, subprocess.TimeoutExpired, json.JSONDecodeError) as error:
                    print(f"{title}: {row[0]}: {error}", file=sys.stderr, flush=True)
        found[group] = {label: {key: statistics.median(run[key] for run in kept) for key in kept[0]}
                        for label, kept in runs.items() if kept}
        print_group(group, found[group])
    return found


def print_group(group, rows):
    title, counted, made = GROUPS[group]
    print(f"\n### {title}\n\n| | {counted}/s | p50 µs | p99 µs | server CPU s per million {counted} |\n|---|---|---|---|---|")
    for label, row in rows.items():
        print(f"| {label} | {row['per_s']:,.0f} | {row['p50_us']:,.0f} | {row['p99_us']:,.0f} "
              f"| {row['cpu_s_million']:,.2f} |")
    sys.stdout.flush()


def best(found, group, key, better, clients):
    """The best figure of the group's rows by these clients; None if there is none."""
    figures = [found[group][row[0]][key] for row in GROUPS[group][2]
               if row[1] in clients and row[0] in found.get(group, {})]
    return better(figures) if figures else None


PEER_CLIENTS = ("umadb", "nats", "postgres")
# (figure, group, our label, key, compared with, sense, factor); a peer is a row, or None: the best of the peers
FIGURES = [
    ("one in flight, HTTP p50 / PostgreSQL", "one", "HTTP, expected version", "p50_us",
     "PostgreSQL, function with an expected version", "≤", 1),
    ("one in flight, C++ p50 / PostgreSQL", "one", "C++, expected version", "p50_us",
     "PostgreSQL, function with an expected version", "≤", 1),
    ("one in flight, gRPC p50 / UmaDB", "one", "gRPC, condition on a tag", "p50_us", "UmaDB, condition on a tag", "≤", 0.6),
    ("64 in flight, HTTP / best peer", "many", "HTTP, 64 connections", "per_s", None, "≥", 3),
    ("64 in flight, HTTP pipelined / best peer", "many", "HTTP, 64 pipelined on 1 connection", "per_s", None, "≥", 3),
    ("64 in flight, gRPC stream / best peer", "many", "gRPC, 64 on one stream, packed", "per_s", None, "≥", 3),
    ("64 in flight, gRPC stream / empty echo", "many", "gRPC, 64 on one stream, packed", "per_s",
     "gRPC empty echo, 64 on one stream, a message each", "≥", 0.7),
    ("64 in flight, gRPC stream, a message each / empty echo", "many", "gRPC, 64 on one stream, a message each", "per_s",
     "gRPC empty echo, 64 on one stream, a message each", "≥", 0.7),
    ("batches of 1,000, HTTP / UmaDB", "batches", "HTTP, CloudEvents batch, 4 in flight", "per_s", "UmaDB, 4 in flight", "≥", 3),
    ("batches of 1,000, gRPC / UmaDB", "batches", "gRPC, 4 in flight", "per_s", "UmaDB, 4 in flight", "≥", 3),
    ("batches of 1,000, C++ / UmaDB", "batches", "C++, 4 in flight", "per_s", "UmaDB, 4 in flight", "≥", 3),
    ("ten events, HTTP by stream / best peer", "ten", "HTTP, by stream, 16 connections", "per_s", None, "≥", 2),
    ("ten events, gRPC by stream / best peer", "ten", "gRPC, by stream, 16 at once", "per_s", None, "≥", 2),
    ("ten events, C++ by stream / best peer", "ten", "C++, by stream", "per_s", None, "≥", 2),
    ("everything, gRPC / UmaDB", "everything", "gRPC", "per_s", "UmaDB", "≥", 5),
]


def print_figures(found):
    print("\n### Targets\n\n| | target | measured | |\n|---|---|---|---|")
    for name, group, label, key, peer, sense, factor in FIGURES:
        rows = found.get(group, {})
        other = rows.get(peer, {}).get(key) if peer else best(found, group, key, max, PEER_CLIENTS)
        if label in rows and other:
            ratio = rows[label][key] / other
            reached = ratio <= factor if sense == "≤" else ratio >= factor
            print(f"| {name} | {sense} {factor} × | {ratio:.2f} | {'' if reached else 'missed'} |")
    for group, (title, counted, rows) in GROUPS.items():
        lowest = best(found, group, "cpu_s_million", min, PEER_CLIENTS)
        for row in rows:
            if row[1] in OURS and lowest and row[0] in found.get(group, {}):
                ratio = found[group][row[0]]["cpu_s_million"] / lowest
                print(f"| CPU, {title[0].lower() + title[1:]}: {row[0]} / best peer | ≤ 0.5 × | {ratio:.2f} "
                      f"| {'' if ratio <= 0.5 else 'missed'} |")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a second a row, one round: does everything run?")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--only", default=",".join(GROUPS))
    parser.add_argument("--without", default="")
    given = parser.parse_args()
    if given.quick:
        given.rounds, given.seconds = 1, 1
    return given


def main():
    given = arguments()
    without = set(given.without.split(","))
    WORK.mkdir(parents=True, exist_ok=True)
    subprocess.run(["rm", "-rf", WORK / "embedded"], check=True)
    servers = {server.name: server for server in (Stele(), Echo(), Umadb(), Nats(), Postgres())
               if server.name not in without}
    try:
        for server in list(servers.values()):
            if server.command()[0].exists():
                server.start()
            else:
                print(f"left out: {server.name}, there is no {server.command()[0]}", file=sys.stderr)
                del servers[server.name]
        clients = {client for client, program in LOADS.items()
                   if SERVER_OF.get(client, client) in (*servers, "C++") and program.exists()}
        found = measure(servers, clients - without, given.only.split(","), given.rounds, given.seconds)
        (WORK / "service.json").write_text(json.dumps(found, indent=1, ensure_ascii=False))
        print_figures(found)
        memory = ", ".join(f"{server.name} {server.resident_mb():.0f} MB" for server in servers.values())
        print(f"\nResident after all of it: {memory}")
    finally:
        for server in servers.values():
            server.stop()


main()

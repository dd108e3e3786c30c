"""Every client of programs.py against a service of its own; what each could do is compared with tests/compat/matrix, or, with
--write, put there and into docs/kafka.md.

    run.sh [--write] [--apache-kafka FOLDER-OF-JARS] [--only CAPABILITY,…] [CLIENT…]

With --apache-kafka or --only nothing is compared or written: that is for proving the programs, and for looking closer.
"""

import argparse
import os
import sys
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import matrix  # noqa: E402
import programs  # noqa: E402
from broker import ApacheKafka, Broker  # noqa: E402
from capabilities import CHECKS  # noqa: E402
from conversation import Conversation, NotThere  # noqa: E402
from harness import COULD_NOT_RUN, ROOT, STELED, Service, temp_folder, verify_nothing_lost  # noqa: E402

OUT = ROOT / "build" / "compat"
# No wait for further members of a new group: the tests know when all are there.
FLAGS = ("--group-initial-delay-ms", "0", "--offsets-partitions", "4")
# steled, then Apache Kafka: as many services at a time.
PARALLEL, PARALLEL_APACHE = 4, 2


def tell(client: str, capability: str, state: str, reason: str, seconds: float) -> None:
    print(f"{state:4} {client} {capability} {reason} ({seconds:.1f} s)", flush=True)


def check_one(client: Conversation, broker: Broker, capability: str) -> tuple[str, str]:
    try:
        return "ok", CHECKS[capability](client, broker) or ""
    except NotThere as why:
        return "n/a", str(why)
    except Exception as error:  # noqa: BLE001 - the other capabilities still run
        traceback.print_exc(file=sys.stdout)
        client.start_again()
        return "fail", " ".join(str(error).split())[:300] or repr(error)


def run_client(program: programs.Program, asked: argparse.Namespace) -> matrix.Outcome:
    logs = OUT / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    outcome = matrix.Outcome(program.name)
    with temp_folder(f"client-{program.name}") as folder:
        service = ApacheKafka(folder, asked.apache_kafka) if asked.apache_kafka else Service(folder / "data", *FLAGS)
        service.start()
        broker = Broker(service)
        try:
            with Conversation(program.command, broker.bootstrap, logs / f"{program.name}.log", program.env) as client:
                outcome.version = client.ask("hello")["version"]
                for capability in asked.only or CHECKS:
                    began = time.monotonic()
                    found = check_one(client, broker, capability)
                    outcome.found[capability] = found
                    tell(program.name, capability, *found, time.monotonic() - began)
            assert service.stop() == 0, "the service did not stop well"
            if not asked.apache_kafka:
                verify_nothing_lost(service.data)
        finally:
            if service.process and service.process.poll() is None:
                service.kill()
    return outcome


def run_all(chosen: list[programs.Program], asked: argparse.Namespace) -> list[Path]:
    folder = OUT / ("matrix-apache-kafka" if asked.apache_kafka else "matrix")
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    with ThreadPoolExecutor(PARALLEL_APACHE if asked.apache_kafka else PARALLEL) as pool:
        for outcome in pool.map(lambda program: run_client(program, asked), chosen):
            path = folder / f"{outcome.client}.txt"
            path.write_text("\n".join(outcome.lines()) + "\n")
            files.append(path)
    return files


def asked_for() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--apache-kafka", type=Path)
    parser.add_argument("--only", type=lambda text: text.split(","))
    parser.add_argument("clients", nargs="*")
    return parser.parse_args()


def main() -> int:
    asked = asked_for()
    if not asked.apache_kafka and not STELED.exists():
        print(f"{STELED} is not built")
        return COULD_NOT_RUN
    chosen = [program for program in programs.all_of_them(ROOT, OUT)
              if not asked.clients or program.name in asked.clients]
    assert chosen, "no such client"
    began = time.monotonic()
    files = run_all(chosen, asked)
    print(f"{len(files)} clients, {time.monotonic() - began:.0f} s")
    if asked.apache_kafka or asked.only:
        return 1 if any("\nfail " in path.read_text() for path in files) else 0
    if asked.write:
        return matrix.write(files)
    problems = matrix.check(files)
    print("\n".join(problems) or "as committed")
    return 1 if problems else 0


if __name__ == "__main__":
    os.environ.setdefault("PYTHONDONTWRITEBYTECODE", "1")
    sys.exit(main())

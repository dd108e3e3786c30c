#!/usr/bin/env python3
"""Concurrent clients over gRPC and HTTP, both at once, on one service that is killed again and again; then every answer is checked.

histories/ is the program (Go): 56 clients decide on what they saw last, append with expected versions and conditions, read, send
again what broke or leave it open. porcupine looks for an order that explains what each stream and each tag showed; the log as it
stands at the end has to bear out every answer, and positions the order in which appends were over.

STELE_COUNT operations (100,000 unless told), STELE_SEED replays the clients' choices.
"""

import re
import subprocess
from pathlib import Path

from harness import BUILD, ROOT, STELED, could_not_run, count_wanted, free_port, run, run_cases, seeded, temp_folder

KILLS = 6
PROGRAM = Path(__file__).parent / "histories"


def program() -> str:
    return run("bash", PROGRAM / "build.sh", seconds_max=600).stdout.split()[-1]


def history(command: str, operations: int, kills: int, steled: Path = STELED, code: int = 0) -> str:
    """What the program printed."""
    seed = seeded().randrange(1 << 32)
    with temp_folder("histories") as folder:
        done = run(program(), command, "-steled", steled, "-data", folder / "data", "-kafka-port", str(free_port()),
                   "-http-port", str(free_port()), "-grpc-port", str(free_port()), "-operations", str(operations),
                   "-kills", str(kills), "-seed", str(seed), seconds_max=600, code=None)
    assert done.returncode == code, f"seed {seed}: {done.stdout[-6000:]} {done.stderr[-2000:]}"
    return done.stdout


def counted(told: str, what: str) -> int:
    return int(re.search(rf"\b{what}=(\d+)", told)[1])


def one_order_explains_every_answer() -> str:
    wanted = count_wanted(100_000)
    told = history("linearize", wanted, KILLS)
    assert counted(told, "operations") >= wanted and counted(told, "kills") == KILLS, told
    # A history in which nearly all is refused, or nothing is, says little.
    assert wanted // 10 < counted(told, "refused") < wanted * 9 // 10 and counted(told, "events") > wanted // 10, told
    return told.splitlines()[-1]


def expected_versions_that_are_not_checked_are_noticed() -> str:
    """The service is built with a bug (log/base/planted.h): the same checks find it, the log's and porcupine's."""
    planted = BUILD / "bin" / "steled_planted"
    if not planted.exists():
        could_not_run("this build has no steled_planted")
    told = history("linearize", 4_000, 0, planted, code=1)
    assert "which was not expected" in told and "is not linearizable" in told, told[-3000:]
    return "by both"


if __name__ == "__main__":
    run_cases(one_order_explains_every_answer, expected_versions_that_are_not_checked_are_noticed)

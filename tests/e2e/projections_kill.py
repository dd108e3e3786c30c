#!/usr/bin/env python3
"""The flights example is killed with -9 at random moments of its folding and started again, with states in memory and in SQLite:
at the end every state and every alert is, byte for byte, what a run that nobody disturbed has. STELE_COUNT: kills of each.

A run that ends before its kill has folded everything: its states are thrown away, and the next one begins at the beginning."""

import random
import shutil
import time

from flights_program import Flights
from harness import count_wanted, run_cases, seeded, temp_folder
from history import history_lines

KILLS = 50
SNAPSHOT_EVERY = {"memory": "2000", "sqlite": "500"}


def folding_seconds(flights: Flights, *flags: str) -> float:
    began = time.monotonic()
    flights.run("fold", *flags)
    return time.monotonic() - began


def forget_states(flights: Flights) -> None:
    shutil.rmtree(flights.data / "views", ignore_errors=True)


def kill_and_start_again(flights: Flights, chance: random.Random, seconds: float, *flags: str) -> tuple[int, int]:
    """How many kills found it folding, and how many runs were over before."""
    killed = ended = 0
    wanted = count_wanted(KILLS)
    while killed < wanted:
        assert ended < 4 * wanted, "it is never killed in time"
        folding = flights.start("fold", *flags)
        time.sleep(chance.uniform(0, seconds))
        over = folding.poll()
        folding.kill()
        _, told = folding.communicate()
        if over is None:
            killed += 1
            continue
        assert over == 0, told.decode()
        ended += 1
        forget_states(flights)
    return killed, ended


def killed_at_any_moment(store: str) -> str:
    chance = seeded()
    flags = ("--store", store, "--snapshot-every", SNAPSHOT_EVERY[store])
    with temp_folder(f"kill-{store}") as folder:
        quiet, killed = Flights(folder / "quiet"), Flights(folder / "killed")
        quiet.load(history_lines())
        shutil.copytree(quiet.data, killed.data)
        seconds = folding_seconds(quiet, *flags)
        wanted = quiet.dump(folder / "wanted", *flags)
        kills, ended = kill_and_start_again(killed, chance, seconds, *flags)
        found = killed.dump(folder / "found", *flags)
        assert found == wanted, first_difference(found, wanted)
    return f"{kills} kills, {ended} runs ended before theirs, {len(wanted)} bytes of states and alerts are equal"


def first_difference(found: str, wanted: str) -> str:
    for one, other in zip(found.splitlines(), wanted.splitlines()):
        if one != other:
            return f"found  {one}\nwanted {other}"
    return f"{len(found)} bytes, wanted {len(wanted)}"


def states_in_memory_are_exact_over_kills() -> str:
    return killed_at_any_moment("memory")


def states_in_sqlite_are_exact_over_kills() -> str:
    return killed_at_any_moment("sqlite")


if __name__ == "__main__":
    run_cases(states_in_memory_are_exact_over_kills, states_in_sqlite_are_exact_over_kills)

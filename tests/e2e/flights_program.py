"""The program of examples/flights, as the scripts beside this run it."""

import subprocess
from pathlib import Path

from harness import BUILD, ROOT, could_not_run, run

EXAMPLE = ROOT / "examples" / "flights"
PROGRAM = BUILD / "bin" / "flights"


class Flights:
    """A folder of the program's: its store, and the states that it folds."""

    def __init__(self, data: Path):
        if not PROGRAM.exists():
            could_not_run(f"{PROGRAM} is not built")
        self.data = data

    def run(self, *words: str | Path) -> str:
        return run(PROGRAM, "--data", self.data, *words).stdout

    def load(self, events: list[str]) -> None:
        told = run(PROGRAM, "--data", self.data, "load", "-", stdin="\n".join(events) + "\n").stdout
        assert told == f"{len(events)} events\n", told

    def dump(self, out: Path, *flags: str) -> str:
        """Every state of every projection, and the alerts."""
        self.run("dump", out, *flags)
        return out.read_text()

    def start(self, *words: str | Path) -> subprocess.Popen:
        return subprocess.Popen([PROGRAM, "--data", self.data, *words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

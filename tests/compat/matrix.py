#!/usr/bin/env python3
"""The client matrix: checks what runs found against what is committed, and shows it in docs/kafka.md. README.md beside this
has the format.

    matrix.py check FILE…    matrix.py write FILE…    matrix.py docs
"""

import sys
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
COMMITTED = HERE / "matrix"
DOCS = HERE.parents[1] / "docs" / "kafka.md"
BEGIN, END = "<!-- clients:begin -->\n", "<!-- clients:end -->\n"
CAPABILITIES = (
    "codec-none codec-gzip codec-snappy codec-lz4 codec-zstd headers null-value null-key assign idempotent "
    "time-lookup earliest-latest max-timestamp group-rebalance group-restart group-protocol-new create-topic "
    "describe-configs alter-configs create-partitions delete-records list-groups describe-group delete-offsets "
    "delete-group delete-topic").split()
SIGNS = {"ok": "✓", "fail": "**✗**", "n/a": "–"}


@dataclass
class Outcome:
    client: str = ""
    version: str = ""
    # capability -> state, reason or remark
    found: dict[str, tuple[str, str]] = field(default_factory=dict)

    def lines(self) -> list[str]:
        rows = sorted(self.found, key=rank)
        return [f"client {self.client}", f"version {self.version}",
                *(" ".join(word for word in (self.found[row][0], row, self.found[row][1]) if word) for row in rows)]


def rank(capability: str) -> tuple[int, str]:
    return CAPABILITIES.index(capability) if capability in CAPABILITIES else len(CAPABILITIES), capability


def parse(path: Path) -> Outcome:
    outcome = Outcome()
    for line in path.read_text().splitlines():
        word, _, rest = line.partition(" ")
        capability, _, reason = rest.partition(" ")
        if word == "client":
            outcome.client = rest
        elif word == "version":
            outcome.version = rest
        else:
            assert word in SIGNS, f"{path}: {line}"
            assert capability not in outcome.found, f"{path}: {capability} twice"
            assert word == "ok" or reason, f"{path}: {line}: no reason"
            outcome.found[capability] = (word, reason)
    assert outcome.client == path.stem and outcome.version, f"{path}: client and version"
    missing = [name for name in CAPABILITIES if name not in outcome.found]
    assert not missing, f"{path}: nothing about {missing}"
    return outcome


def committed() -> list[Outcome]:
    return [parse(path) for path in sorted(COMMITTED.glob("*.txt"))]


def sign(state: str, reason: str) -> str:
    return SIGNS[state] + (" *" if state == "ok" and reason else "")


def table(outcomes: list[Outcome]) -> str:
    rows = sorted({name for outcome in outcomes for name in outcome.found} | set(CAPABILITIES), key=rank)
    text = ["| | " + " | ".join(outcome.client for outcome in outcomes) + " |", "|---" * (len(outcomes) + 1) + "|",
            "| version | " + " | ".join(outcome.version for outcome in outcomes) + " |"]
    for row in rows:
        signs = [sign(*outcome.found.get(row, ("n/a", ""))) for outcome in outcomes]
        text.append(f"| {row} | " + " | ".join(signs) + " |")
    return "\n".join(text) + "\n"


def reasons(outcomes: list[Outcome], state: str) -> list[str]:
    """A line for each reason of a client, with all capabilities it stands for."""
    text = []
    for outcome in outcomes:
        grouped: dict[str, list[str]] = {}
        for row in sorted(outcome.found, key=rank):
            if outcome.found[row][0] == state and outcome.found[row][1]:
                grouped.setdefault(outcome.found[row][1], []).append(row)
        text += [f"- {outcome.client}, {', '.join(rows)}: {reason}" for reason, rows in grouped.items()]
    return text


def shown(outcomes: list[Outcome]) -> str:
    """What stands in docs/kafka.md between the markers."""
    text = "\n" + table(outcomes)
    for state, title in (("fail", "What does not work"), ("ok", "Remarks (*)"), ("n/a", "What the client has no way to ask for (–)")):
        if lines := reasons(outcomes, state):
            text += f"\n{title}:\n\n" + "\n".join(lines) + "\n"
    return text + "\n"


def in_docs(section: str) -> str:
    text = DOCS.read_text()
    assert text.count(BEGIN) == text.count(END) == 1, f"{DOCS}: the markers {BEGIN}{END}"
    before, rest = text.split(BEGIN)
    return before + BEGIN + section + END + rest.split(END)[1]


def differences(run: Path) -> list[str]:
    found = set(parse(run).lines())
    known = COMMITTED / run.name
    wanted = set(parse(known).lines()) if known.exists() else set()
    return [f"{run.stem}: found, not committed: {line}" for line in sorted(found - wanted)] + \
        [f"{run.stem}: committed, not found: {line}" for line in sorted(wanted - found)]


def check(runs: list[Path]) -> list[str]:
    problems = [problem for run in runs for problem in differences(run)]
    if DOCS.read_text() != in_docs(shown(committed())):
        problems.append(f"{DOCS.name} does not show tests/compat/matrix: tests/compat/matrix.py docs")
    return problems


def write(runs: list[Path]) -> int:
    COMMITTED.mkdir(exist_ok=True)
    for run in runs:
        (COMMITTED / run.name).write_text("\n".join(parse(run).lines()) + "\n")
    DOCS.write_text(in_docs(shown(committed())))
    return 0


def main() -> int:
    if len(sys.argv) < 2 or sys.argv[1] not in ("check", "write", "docs"):
        print(__doc__)
        return 2
    command, runs = sys.argv[1], [Path(name) for name in sys.argv[2:]]
    if command == "check":
        problems = check(runs)
        print("\n".join(problems) or f"{len(runs)} as committed")
        return 1 if problems else 0
    return write(runs)


if __name__ == "__main__":
    sys.exit(main())

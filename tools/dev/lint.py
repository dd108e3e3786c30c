#!/usr/bin/env python3
"""Runs a checker over many files, two at a time, and remembers what passed.

    tools/dev/lint.py headers build/release            each header compiles alone
    tools/dev/lint.py tidy build/release [--tests]     clang-tidy over our .cpp files, as .clang-tidy says

A file is checked again when it, a file of ours that it includes, the command or the rules have changed:
the stamp's name is the hash of all that (build/lint-cache). Prints what fails, then one line of counts.

clang-tidy spends most of its time on headers that files share, so files compiled with the same flags are checked as
one: ten cost a third more than one. A file that spoils such company is checked by itself, and that has the say.
"""

import argparse
import concurrent.futures
import functools
import hashlib
import json
import os
import re
import shlex
import subprocess
import sys
import time
from dataclasses import dataclass, field

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
CACHE = os.path.join(ROOT, "build", "lint-cache")
INCLUDE = re.compile(rb'^[ \t]*#[ \t]*include[ \t]*"([^"\n]+)"', re.MULTILINE)
ANY_INCLUDE = re.compile(rb'^[ \t]*#[ \t]*include[ \t]*([<"][^>"\n]+[>"])', re.MULTILINE)
HEADER_COMMAND = ["clang++-19", "-std=c++23", "-fsyntax-only", "-Wall", "-Wextra", "-Wpedantic", "-Wno-missing-designated-field-initializers", "-Werror",
                  "-D_GLIBCXX_ASSERTIONS", "-I.", "-xc++", "-"]
NOISE = re.compile(r"^\d+ warnings?( treated as errors?)?( and \d+ errors?)? generated\.\n", re.MULTILINE)
# What a file names at its outermost level and would be said twice if another one, in the same source, said it too.
NAMED = re.compile(rb"^(?!namespace\b|return\b|extern\b)[A-Za-z][^\n;={(]*?(?<!::)\b(\w+)\s*(?:[({=;\[]|:(?!:)|final\b)", re.MULTILINE)
CHECKED = r"(^|/)(log|projections|server|tools|examples|tests|bench)/[^:]*\.(h|cpp)$"
MACRO = re.compile(rb"[A-Z][A-Z0-9_]+")
FILES_MAX = 12
SECONDS_MAX = 600


@functools.cache
def read(path: str) -> bytes:
    try:
        with open(os.path.join(ROOT, path), "rb") as file:
            return file.read()
    except OSError:
        return b""


@functools.cache
def direct_includes(path: str) -> tuple[str, ...]:
    names = [name.decode() for name in INCLUDE.findall(read(path))]
    return tuple(name for name in names if read(name))


def closure(path: str) -> list[str]:
    """The file and every file of ours that it includes, directly or not, sorted."""
    seen, waiting = set(), [path]
    while waiting:
        current = waiting.pop()
        if current not in seen:
            seen.add(current)
            waiting += direct_includes(current)
    return sorted(seen)


def stamp(path: str, salt: str) -> str:
    digest = hashlib.sha256(salt.encode())
    for name in closure(path):
        digest.update(name.encode() + b"\0" + hashlib.sha256(read(name)).digest())
    return os.path.join(CACHE, digest.hexdigest())


def our_files(suffix: str) -> list[str]:
    listed = subprocess.run(["git", "-C", ROOT, "ls-files", "-coz", "--exclude-standard"], check=True,
                            capture_output=True).stdout.decode().split("\0")
    return sorted({name for name in listed if name.endswith(suffix) and read(name)})


def compiled_files(build: str) -> set[str]:
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as file:
        return {os.path.relpath(entry["file"], ROOT) for entry in json.load(file)}


def header_jobs(build: str) -> list[tuple[str, list[str], bytes]]:
    """Headers that are not the first include of their own .cpp: for those the build is the proof."""
    compiled = compiled_files(build)

    def shown_by_build(name: str) -> bool:
        own = name.removesuffix(".h") + ".cpp"
        first = ANY_INCLUDE.search(read(own))
        return own in compiled and first is not None and first.group(1) == f'"{name}"'.encode()

    command = [*HEADER_COMMAND[:-2], f"-I{build}/generated/stele_proto", *HEADER_COMMAND[-2:]]
    return [(name, command, f'#include "{name}"\n'.encode()) for name in our_files(".h")
            if not shown_by_build(name)]


@dataclass
class Batch:
    """Files that one source can include: the same flags, and no name twice."""
    flags: list[str]
    directory: str
    files: list[str] = field(default_factory=list)
    names: set[bytes] = field(default_factory=set)

    def take(self, name: str, names: set[bytes]) -> bool:
        if len(self.files) == FILES_MAX or names & self.names:
            return False
        self.files.append(name)
        self.names |= names
        return True

    def source(self) -> str:
        return "".join(f'#include "{ROOT}/{name}"  // NOLINT(bugprone-suspicious-include)\n' for name in self.files)


def names_in(content: bytes) -> set[bytes]:
    return {name for name in NAMED.findall(content) if not MACRO.fullmatch(name)}


def flags_of(entry: dict[str, str]) -> tuple[str, ...]:
    """What follows the compiler, without the file and what is made of it."""
    words = shlex.split(entry["command"])
    first = next(at for at, word in enumerate(words) if word.startswith("-"))
    made = words.index("-o")
    return tuple(word for word in words[first:made] + words[made + 2:] if word not in ("-c", entry["file"]))


def batches(build: str, names: list[str]) -> list[Batch]:
    """The dearest first, so that the last one to end is a small one."""
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as file:
        entries = {os.path.relpath(entry["file"], ROOT): entry for entry in json.load(file)}
    by_flags: dict[tuple[str, ...], list[Batch]] = {}
    for name in names:
        flags, said = flags_of(entries[name]), names_in(read(name))
        known = by_flags.setdefault(flags, [])
        if not any(batch.take(name, said) for batch in known):
            known.append(Batch(list(flags), entries[name]["directory"], [name], said))
    return sorted((batch for known in by_flags.values() for batch in known), key=lambda batch: -len(batch.files))


def tidy_command(build: str) -> list[str]:
    return ["clang-tidy-19", "--quiet", f"-p={build}"]


def tidy_jobs(build: str, with_tests: bool) -> list[tuple[str, list[str], bytes]]:
    compiled = compiled_files(build)
    return [(name, [*tidy_command(build), name], b"") for name in our_files(".cpp")
            if name in compiled and (with_tests or not name.startswith(("tests/", "bench/")))]


def not_clean(batch: Batch) -> str | None:
    """None if all of it is clean, else the file that spoils it, as far as that is told."""
    source = os.path.join(CACHE, hashlib.sha256(batch.source().encode()).hexdigest()[:16] + ".cpp")
    with open(source, "w", encoding="utf-8") as file:
        file.write(batch.source())
    command = ["clang-tidy-19", "--quiet", f"--config-file={ROOT}/.clang-tidy", f"--header-filter={CHECKED}", source, "--", *batch.flags]
    try:
        done = subprocess.run(command, cwd=batch.directory, capture_output=True, timeout=SECONDS_MAX)
        told = re.findall(rf"^{re.escape(ROOT)}/([^:\n]+):\d+:\d+: error:", done.stdout.decode("utf-8", "replace"), re.MULTILINE)
        return None if done.returncode == 0 else next((name for name in told if name in batch.files), "")
    except subprocess.TimeoutExpired:
        return ""
    finally:
        os.remove(source)


def clean_files(batch: Batch) -> list[str]:
    """Those that are clean together, without what spoils it: a finding, or a name that a header has too."""
    while len(batch.files) > 1:
        spoils = not_clean(batch)
        if spoils is None:
            return batch.files
        if not spoils:
            break
        batch.files.remove(spoils)
    return []


def pass_batches(build: str, waiting: list[tuple[tuple[str, list[str], bytes], str]], pool) -> None:
    """Sets the stamps of what is clean in company."""
    marks = {job[0]: mark for job, mark in waiting}
    for files in pool.map(clean_files, batches(build, list(marks))):
        for name in files:
            with open(marks[name], "w", encoding="utf-8"):
                pass


def run(job: tuple[str, list[str], bytes], mark: str) -> tuple[str, float, str]:
    """Checks one file; the text is empty if it passed, and then the stamp is set."""
    name, command, given = job
    started = time.monotonic()
    try:
        done = subprocess.run(command, input=given, cwd=ROOT, capture_output=True, timeout=SECONDS_MAX)
        failed, output = done.returncode != 0, done.stdout + done.stderr
    except subprocess.TimeoutExpired:
        failed, output = True, f"{name}: no answer in {SECONDS_MAX} s".encode()
    if not failed:
        with open(mark, "w", encoding="utf-8"):
            pass
    text = NOISE.sub("", output.decode("utf-8", "replace")) or f"exit code without a word: {command}"
    return name, time.monotonic() - started, text if failed else ""


def salt_of(kind: str, command: list[str]) -> str:
    version = subprocess.run([command[0], "--version"], capture_output=True, check=True).stdout.decode()
    rules = read(".clang-tidy").decode() if kind == "tidy" else ""
    flags = read("cmake/Toolchain.cmake").decode() + read("cmake/SteleTarget.cmake").decode()
    return "\n".join([kind, version, rules, flags, " ".join(HEADER_COMMAND)])


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=["headers", "tidy"])
    parser.add_argument("build")
    parser.add_argument("--tests", action="store_true")
    parser.add_argument("--slow", type=float, default=20.0, help="name the files that took longer, in seconds")
    options = parser.parse_args()

    jobs = header_jobs(options.build) if options.kind == "headers" else tidy_jobs(options.build, options.tests)
    if not jobs:
        print(f"{options.kind}: no file to check")
        return 1
    os.makedirs(CACHE, exist_ok=True)
    salt = salt_of(options.kind, jobs[0][1])
    marked = [(job, stamp(job[0], salt)) for job in jobs]
    waiting = [(job, mark) for job, mark in marked if not os.path.exists(mark)]

    failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        if options.kind == "tidy":
            pass_batches(options.build, waiting, pool)
        alone = [(job, mark) for job, mark in waiting if not os.path.exists(mark)]
        for name, seconds, text in pool.map(lambda one: run(*one), alone):
            if text:
                failed += 1
                print(f"--- {name}\n{text.strip()}", flush=True)
            if seconds > options.slow:
                print(f"slow: {name} took {seconds:.0f} s", flush=True)
    print(f"{options.kind}: {len(jobs)} files, {len(waiting)} checked now, {len(alone)} of them alone, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

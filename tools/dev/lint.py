#!/usr/bin/env python3
"""Runs a checker over many files, two at a time, and remembers what passed.

    tools/dev/lint.py headers build/release            each header compiles alone
    tools/dev/lint.py tidy build/release [--tests]     clang-tidy over our .cpp files, as .clang-tidy says

A file is checked again when it, a file of ours that it includes, the command or the rules have changed:
the stamp's name is the hash of all that (build/lint-cache). Prints what fails, then one line of counts.
"""

import argparse
import concurrent.futures
import functools
import hashlib
import json
import os
import re
import subprocess
import sys
import time

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
CACHE = os.path.join(ROOT, "build", "lint-cache")
INCLUDE = re.compile(rb'^[ \t]*#[ \t]*include[ \t]*"([^"\n]+)"', re.MULTILINE)
ANY_INCLUDE = re.compile(rb'^[ \t]*#[ \t]*include[ \t]*([<"][^>"\n]+[>"])', re.MULTILINE)
HEADER_COMMAND = ["clang++-19", "-std=c++23", "-fsyntax-only", "-Wall", "-Wextra", "-Wpedantic", "-Wno-missing-designated-field-initializers", "-Werror",
                  "-D_GLIBCXX_ASSERTIONS", "-I.", "-xc++", "-"]
NOISE = re.compile(r"^\d+ warnings?( treated as errors?)?( and \d+ errors?)? generated\.\n", re.MULTILINE)
SECONDS_MAX = 300


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


def tidy_jobs(build: str, with_tests: bool) -> list[tuple[str, list[str], bytes]]:
    compiled = compiled_files(build)
    command = ["clang-tidy-19", "--quiet", f"-p={build}"]
    return [(name, [*command, name], b"") for name in our_files(".cpp")
            if name in compiled and (with_tests or not name.startswith(("tests/", "bench/")))]


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
        for name, seconds, text in pool.map(lambda one: run(*one), waiting):
            if text:
                failed += 1
                print(f"--- {name}\n{text.strip()}", flush=True)
            if seconds > options.slow:
                print(f"slow: {name} took {seconds:.0f} s", flush=True)
    print(f"{options.kind}: {len(jobs)} files, {len(waiting)} checked now, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

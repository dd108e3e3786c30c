#!/usr/bin/env python3
"""Checks of the house that no compiler makes: lengths, arrows, the Env door, comments, documents.

    tools/dev/tidy.py            the work tree (what git tracks, and new files that it does not ignore)

Each finding is one line, path:line: what is wrong, and the fix. Exit code 1 if there is any.
The tables below are the rules; an exception is an entry with its reason, never a wider pattern.
Tests: tools/dev/tidy_test.py.
"""

import bisect
import os
import posixpath
import re
import subprocess
import sys
from typing import Iterator, NamedTuple

FILE_LINES_MAX = 500
TEST_FILE_LINES_MAX = 700
FUNCTION_LINES_MAX = 60
README_LINES_MAX = 60
FILE_BYTES_MAX = 1024 * 1024

CPP = (".h", ".cpp")
CODE = (*CPP, ".py", ".sh", ".cmake", ".java", ".sql", "CMakeLists.txt")

# --- arrows: who may include whom. A folder may always include itself. ---

LOG = ["base", "env", "format", "journal", "segment", "order", "index", "events", "streams", "partition", "compaction", "store",
       "event_store"]
PROJECTIONS = ["fold", "state", "sources", "process", "flow", "temporal", "engine", "testkit"]
# Within log a folder may include those to its left; base, env and format know base alone.
ARROWS: dict[str, list[str]] = {
    f"log/{folder}": ["log/base"] if folder in ("base", "env", "format") else
    [f"log/{left}" for left in LOG[:LOG.index(folder)]] for folder in LOG
}
# Within projections, too; remote, which knows the wire, stands behind sources.
ARROWS |= {
    f"projections/{folder}": ["log", *(f"projections/{left}" for left in PROJECTIONS[:PROJECTIONS.index(folder)])]
    for folder in PROJECTIONS
}
ARROWS |= {
    "projections/remote": ["log", "proto", "projections/fold", "projections/state", "projections/sources"],
    "log": [],
    "proto": [],
    "projections": ["log"],
    "server": ["log", "projections", "proto"],
    "tools": ["log", "projections", "proto"],
    "examples": ["log", "projections"],
    "bench": ["log", "projections", "proto", "server", "tools", "tests"],
    "tests": ["log", "projections", "proto", "server", "tools"],
}
# System headers that a folder must not see: log starts no thread and knows no network.
FORBIDDEN_HEADERS = {
    "log": re.compile(r"<(boost/(asio|beast)|google/protobuf|grpc|spdlog|librdkafka)"),
    **{f"projections/{folder}": re.compile(r"<(boost/|google/protobuf|grpc|librdkafka)") for folder in PROJECTIONS},
}

# --- the Env door: what log/, projections/, server/ and tools/ do not do by themselves ---

RAW_NAMES = "pread|pwrite|preadv2?|pwritev2?|fsync|fdatasync|fallocate|ftruncate|posix_fadvise|" \
    "fopen|mmap|flock|sync_file_range|io_uring_queue_init"
DOOR: dict[str, tuple[re.Pattern[str], str]] = {
    "clock": (re.compile(r"::now\s*\(|\b(clock_gettime|gettimeofday)\s*\("),
              "a clock; take the time from Env"),
    "chance": (re.compile(r"\brandom_device\b|(?<![\w.>])s?rand\s*\("),
               "randomness; take it from Env::random()"),
    "thread": (re.compile(r"\bstd::j?thread\b|\bpthread_create\b|\bstd::async\b"),
               "a thread; use Env::offload()"),
    "lock": (re.compile(r"\bstd::(shared_|recursive_|timed_)*mutex\b|\bstd::condition_variable|"
                        r"\bstd::(lock_guard|unique_lock|scoped_lock|shared_lock)\b|"
                        r"\bstd::(counting|binary)_semaphore\b|\bstd::(latch|barrier)\b"),
             "a lock; core state has one owner thread, messages go by value"),
    "getenv": (re.compile(r"\bgetenv\s*\("), "the environment; options come in through constructors"),
    "raw I/O": (re.compile(rf"(?<![\w.>])({RAW_NAMES})\s*\(|(?<![\w>])::(open|openat|read|write|close|"
                           rf"rename|unlink|mkdir)\s*\(|\bstd::(basic_)?[io]?fstream\b|"
                           rf"\bstd::filesystem\b|\bstd::remove\s*\("),
                "raw I/O; files go through Env"),
}
DOOR_FOLDERS = ("log/", "projections/", "server/", "tools/")
# (path prefix, rule): why it is allowed there.
DOOR_ALLOWED: dict[tuple[str, str], str] = {
    ("log/env/", "clock"): "the door itself",
    ("log/env/", "chance"): "the door itself",
    ("log/env/", "thread"): "the helper thread of offload()",
    ("log/env/", "lock"): "completions are handed over between the helper thread and the core",
    ("log/env/", "raw I/O"): "the door itself",
    ("log/segment/file_cache", "lock"): "readers on any thread share the open files, bounded in number",
    ("log/index/", "lock"): "readers on any thread share the tail with the core, and the cache of heads",
    ("log/event_store/batch_cache", "lock"): "readers on any thread share the decoded batches, bounded in bytes",
    ("log/streams/", "lock"): "rules of streams are read by any thread",
    ("log/store/", "lock"): "the embedded front is thread-safe: who finds the core idle runs it",
    ("projections/testkit/given_events", "lock"): "a test adds events while engines read them",
    ("projections/engine/", "thread"): "who starts an engine wants threads that fold",
    ("projections/engine/", "lock"): "readers and folding threads go on while versions are switched under them",
    ("projections/flow/lanes", "thread"): "lanes fold in parallel, one more thread reads ahead",
    ("projections/flow/lanes", "lock"): "lots are handed to the lanes, and lanes waited for",
    ("projections/flow/flow_", "lock"): "readers on any thread ask how far a flow has got, and wait for it",
    ("projections/remote/", "clock"): "how long a call over the wire may take; nothing folded depends on it",
    ("projections/remote/", "lock"): "calls of any thread share a client",
    ("projections/state/cached_shard", "lock"): "readers on any thread share the cached states with the lanes",
    ("projections/state/sqlite_store", "lock"): "the lanes and readers share the one connection",
    ("projections/state/past_states", "lock"): "readers on any thread share the one connection",
    ("server/core/buffer_pool", "lock"): "buffers come back from whichever thread drops the last reader",
    ("server/core/descriptor", "raw I/O"): "closes sockets, which are not files of the store",
    ("server/core/listener", "raw I/O"): "keeps a descriptor in reserve for when there are none left",
    ("server/grpc/", "thread"): "gRPC's queue is polled, and pages are read, off the event loop",
    ("server/grpc/", "lock"): "a call is shared by the poller, the readers and the loop",
    ("server/app/", "thread"): "main() starts the core and the edge threads",
    ("server/app/", "getenv"): "STELE_* variables are read once, at start",
    ("server/app/", "raw I/O"): "the configuration file is read before there is a store",
}

# --- files ---

# Folders whose CMakeLists.txt needs no README beside it.
NO_README = {"tests/": "mirrors the tree: tests/README.md speaks for all of it"}
BINARY_ALLOWED = {
    "tests/fuzz/corpus/": "inputs of the fuzzers, as bytes",
    "examples/flights/": "the real event history, compressed",
    "docs/img/": "pictures of the documents",
}

SOURCE_TOKEN = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"([^\s()\\]{0,16})\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|'
    r"(?<![0-9A-Za-z_])(?:u8|[uUL])?'(?:\\.|[^'\\\n])+'", re.DOTALL)
DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n\\]|\\.)*", re.MULTILINE | re.DOTALL)
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"][^>"\n]+[>"])', re.MULTILINE)
BLANK = re.compile(r"[^\n]")


class Finding(NamedTuple):
    path: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.text}"


class Source:
    """One text file: its lines, and for C++ its code without comments, strings and directives."""

    def __init__(self, path: str, text: str):
        self.path = path
        self.text = text
        self.lines = text.splitlines()
        self.starts = [0] + [m.end() for m in re.finditer("\n", text)]

    def line_of(self, at: int) -> int:
        return bisect.bisect_right(self.starts, at)

    def code(self) -> str:
        def blank(token: re.Match[str]) -> str:
            return BLANK.sub(" ", token.group())
        return DIRECTIVE.sub(blank, SOURCE_TOKEN.sub(blank, self.text))


def is_test(path: str) -> bool:
    return path.startswith("tests/") or re.search(r"_test\.\w+$", path) is not None


def check_length(source: Source) -> Iterator[Finding]:
    limit = TEST_FILE_LINES_MAX if is_test(source.path) else FILE_LINES_MAX
    if len(source.lines) > limit:
        yield Finding(source.path, limit + 1, f"{len(source.lines)} lines, over {limit}: move a piece of "
                      "state into a type and a file of its own")


# --- functions ---

CONTROL_SCOPE = re.compile(r"\s*(?:(?:inline|export|typedef)\s+)*(namespace|class|struct|union|extern)\b")
TEMPLATE = re.compile(r"\btemplate\s*<(?:[^<>]|<(?:[^<>]|<[^<>]*>)*>)*>")
BODY_AFTER = re.compile(r"(\)|\}|\b(const|noexcept|override|final|try|mutable)|&)\s*$")
RETURN_TYPE = re.compile(r"\)[^()]*(->|\brequires\b)[^;{}]*$")


def block_kind(head: str) -> str:
    """What a '{' opens: 'scope' (namespace, class), 'function', or 'data' (an initializer)."""
    head = TEMPLATE.sub("", head)
    if CONTROL_SCOPE.match(head) or not head.strip():
        return "scope"
    if "(" not in head or head.count("(") != head.count(")"):
        return "data"
    return "function" if BODY_AFTER.search(head) or RETURN_TYPE.search(head) else "data"


def functions(code: str) -> Iterator[tuple[int, int]]:
    """(start, end) of each outermost function, from its head to its closing brace."""
    stack: list[str] = []
    head_start, function_start = 0, 0
    for mark in re.finditer(r"[{};]|\b(?:public|protected|private):", code):
        symbol, at = mark.group(), mark.start()
        inside = "function" in stack
        if symbol == "{":
            kind = "inner" if inside else block_kind(code[head_start:at])
            if kind == "function":
                blank = len(code[head_start:at]) - len(code[head_start:at].lstrip())
                function_start = head_start + blank
            stack.append(kind)
            if kind == "scope":
                head_start = at + 1
        elif symbol == "}":
            kind = stack.pop() if stack else "scope"
            if kind == "function":
                yield function_start, at
            if kind != "data":
                head_start = at + 1
        elif "data" not in stack:
            head_start = mark.end()


def check_functions(source: Source, code: str) -> Iterator[Finding]:
    for start, end in functions(code):
        first, last = source.line_of(start), source.line_of(end)
        if last - first + 1 > FUNCTION_LINES_MAX:
            yield Finding(source.path, first, f"a function of {last - first + 1} lines, over "
                          f"{FUNCTION_LINES_MAX}: name its parts")


# --- arrows ---

def area(path: str) -> str:
    """The longest entry of ARROWS that holds the path; empty if there is none."""
    folder = posixpath.dirname(path)
    while folder and folder not in ARROWS:
        folder = posixpath.dirname(folder)
    return folder


def may_include(from_area: str, target: str) -> bool:
    allowed = [from_area, *ARROWS[from_area]]
    return any(target == folder or target.startswith(folder + "/") for folder in allowed)


def check_includes(source: Source) -> Iterator[Finding]:
    from_area = area(source.path)
    if not from_area:
        return
    forbidden = FORBIDDEN_HEADERS.get(from_area) or FORBIDDEN_HEADERS.get(from_area.split("/")[0])
    for include in INCLUDE.finditer(source.text):
        header, line = include.group(1), source.line_of(include.start(1))
        if header[0] == "<":
            if forbidden and forbidden.match(header):
                yield Finding(source.path, line, f"{from_area} must not know {header}: move this to server/")
            continue
        target = area(header[1:-1])
        if not target and source.path.startswith("examples/") and "/" not in header:
            continue  # a project of its own: its files stand beside each other
        if not target:
            yield Finding(source.path, line, f"{header} is not a path from the root: write \"log/…\"")
        elif not may_include(from_area, target):
            yield Finding(source.path, line, f"{from_area} must not include {target}: the arrow goes the "
                          "other way (ARROWS in tools/dev/tidy.py)")


def check_door(source: Source, code: str) -> Iterator[Finding]:
    if not source.path.startswith(DOOR_FOLDERS) or is_test(source.path):
        return
    for rule, (pattern, fix) in DOOR.items():
        if any(source.path.startswith(prefix) and rule == name for prefix, name in DOOR_ALLOWED):
            continue
        for hit in pattern.finditer(code):
            yield Finding(source.path, source.line_of(hit.start()), f"{hit.group().strip()} is {fix}")


# --- comments ---

LATER = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b(?!\s*\(?#\d+)")
SILENCED = re.compile(r"\bNO" r"LINT(NEXTLINE|BEGIN)?\b(?!\([\w.,\- ]+\)\W+\w{3,})")
# One space at most after the slashes: what is indented more is an example or a picture.
DEAD_CODE = re.compile(r"^\s*// ?(?:[\w:.<>*&]+(?:->\w+)*(?: [\w:.*&]+)?(?:\(.*\)| = .*);|"
                       r"(?:if|for|while|switch) \(.*\{|\} else.*|[{}]|#include [<\"].*|"
                       r"(?:return|break|continue)\b[^.,]*;)\s*$")


def check_comments(source: Source) -> Iterator[Finding]:
    for number, line in enumerate(source.lines, 1):
        if found := LATER.search(line):
            yield Finding(source.path, number, f"{found.group()} without an issue: do it, or write "
                          f"{found.group()}(#n)")
        if not source.path.endswith(CPP):
            continue
        if SILENCED.search(line):
            yield Finding(source.path, number, "a silenced check without its name and a reason: "
                          "NO" "LINT(name): why")
        if DEAD_CODE.match(line):
            yield Finding(source.path, number, "commented-out code: delete it (git remembers); an "
                          "example is indented by two spaces or more")


def check_header(source: Source) -> Iterator[Finding]:
    if source.path.endswith(".h") and "#pragma once" not in source.text:
        yield Finding(source.path, 1, "no #pragma once: add it below the opening comment")


# --- folders, documents, sizes ---

LINK = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)[^)\n]*\)")
FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)


def check_readmes(sources: dict[str, Source], paths: set[str]) -> Iterator[Finding]:
    for path in sorted(paths):
        folder, name = posixpath.split(path)
        if name != "CMakeLists.txt" or any(path.startswith(p) and folder + "/" != p for p in NO_README):
            continue
        readme = posixpath.join(folder, "README.md")
        if readme not in paths:
            yield Finding(path, 1, f"no {readme}: write purpose, picture, invariants, who may include it")
        elif folder and len(sources[readme].lines) > README_LINES_MAX:
            yield Finding(readme, README_LINES_MAX + 1, f"{len(sources[readme].lines)} lines, over "
                          f"{README_LINES_MAX}: move the detail into docs/")


def check_links(source: Source, known: set[str]) -> Iterator[Finding]:
    prose = FENCE.sub(lambda fence: BLANK.sub(" ", fence.group()), source.text)
    for link in LINK.finditer(prose):
        target = link.group(1).split("#")[0]
        if not target or re.match(r"[a-z]+:", target):
            continue
        place = posixpath.normpath(posixpath.join(posixpath.dirname(source.path), target))
        if place not in known:
            yield Finding(source.path, source.line_of(link.start()), f"the link {target} leads nowhere: "
                          "correct the path")


def check_bytes(path: str, content: bytes) -> Iterator[Finding]:
    if len(content) > FILE_BYTES_MAX:
        yield Finding(path, 1, f"{len(content)} bytes, over {FILE_BYTES_MAX}: make it at test time")
    if b"\0" in content[:8192] and not path.startswith(tuple(BINARY_ALLOWED)):
        yield Finding(path, 1, "a binary file: keep its source, or add it to BINARY_ALLOWED with a reason")


def check_source(source: Source) -> Iterator[Finding]:
    if source.path.endswith(CODE) or source.path in ("run", "test"):
        yield from check_length(source)
        yield from check_comments(source)
    if source.path.endswith(CPP):
        code = source.code()
        yield from check_functions(source, code)
        yield from check_includes(source)
        yield from check_door(source, code)
        yield from check_header(source)


def check_tree(files: dict[str, bytes]) -> list[Finding]:
    """All findings in a tree given as path -> content."""
    findings: list[Finding] = []
    sources: dict[str, Source] = {}
    for path, content in files.items():
        findings += check_bytes(path, content)
        if b"\0" not in content[:8192]:
            sources[path] = Source(path, content.decode("utf-8", "replace"))
    known = set(files) | {"."}
    for path in files:
        while path := posixpath.dirname(path):
            known.add(path)
    for source in sources.values():
        findings += check_source(source)
        if source.path.endswith(".md"):
            findings += check_links(source, known)
    findings += check_readmes(sources, set(files))
    return sorted(findings)


def read_tree(root: str) -> dict[str, bytes]:
    names = subprocess.run(["git", "-C", root, "ls-files", "-coz", "--exclude-standard"],
                           check=True, capture_output=True).stdout.decode().split("\0")
    files = {}
    for name in sorted(set(filter(None, names))):
        path = os.path.join(root, name)
        if os.path.isfile(path):
            with open(path, "rb") as file:
                files[name] = file.read()
    return files


def main() -> int:
    root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    findings = check_tree(read_tree(root))
    for finding in findings:
        print(finding)
    print(f"tidy: {len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())

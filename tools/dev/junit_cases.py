#!/usr/bin/env python3
"""Turns ctest's JUnit report into the case lines of ./test: pass, fail or skip, name and reason, tab separated.

A ctest test that is a GoogleTest program counts as the tests inside it, so that one which skipped itself is named.
"""

import re
import sys
import xml.etree.ElementTree as ElementTree
from typing import Iterator

GTEST_LINE = re.compile(r"^\[( +OK |  FAILED  |  SKIPPED )\] (\S+?),?(?: where .*)? \(\d+ ms\)$", re.MULTILINE)
GTEST_STATUS = {"OK": "pass", "FAILED": "fail", "SKIPPED": "skip"}
CTEST_STATUS = {"run": "pass", "fail": "fail", "notrun": "skip", "disabled": "skip"}

Case = tuple[str, str, str]


def cases_of(test: ElementTree.Element) -> Iterator[Case]:
    name = test.get("name", "")
    skipped = test.find("skipped")
    if skipped is not None:
        yield "skip", name, skipped.get("message", "")
        return
    status = CTEST_STATUS.get(test.get("status", ""), "fail")
    inside = [(GTEST_STATUS[line.group(1).strip()], line.group(2), "")
              for line in GTEST_LINE.finditer(test.findtext("system-out") or "")]
    yield from inside
    # The program itself is a case if it has none inside, or if it failed beside them (a crash, a leak).
    told = any(case[0] == "fail" for case in inside)
    if not inside or (status == "fail" and not told):
        yield status, name, ""


def cases(report: str) -> Iterator[Case]:
    for test in ElementTree.fromstring(report).iter("testcase"):
        yield from cases_of(test)


def main() -> int:
    step, path = sys.argv[1:]
    with open(path, encoding="utf-8", errors="replace") as file:
        for status, name, reason in cases(file.read()):
            print(status, f"{step}: {name}", reason, sep="\t")
    return 0


if __name__ == "__main__":
    sys.exit(main())

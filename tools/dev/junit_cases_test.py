#!/usr/bin/env python3
"""What ./test counts: each test of a GoogleTest program, and no failure is lost."""

import unittest

import junit_cases

GTEST = """[ RUN      ] Disk.Tears
[       OK ] Disk.Tears (3 ms)
[ RUN      ] Disk.Rings
[  SKIPPED ] Disk.Rings (0 ms)
"""


def counted(*tests: str) -> list[tuple[str, str, str]]:
    return list(junit_cases.cases(f"<testsuite>{''.join(tests)}</testsuite>"))


def test(status: str, output: str = "", inner: str = "") -> str:
    return f'<testcase name="t" status="{status}">{inner}<system-out>{output}</system-out></testcase>'


class Cases(unittest.TestCase):
    def test_a_plain_program_is_one_case(self):
        self.assertEqual(counted(test("run")), [("pass", "t", "")])
        self.assertEqual(counted(test("fail")), [("fail", "t", "")])
        self.assertEqual(counted(test("notrun", inner='<skipped message="SKIP_RETURN_CODE=77"/>')),
                         [("skip", "t", "SKIP_RETURN_CODE=77")])

    def test_each_test_inside_is_a_case_and_a_skipped_one_is_named(self):
        self.assertEqual(counted(test("run", GTEST)), [("pass", "Disk.Tears", ""), ("skip", "Disk.Rings", "")])

    def test_a_failed_test_is_told_once_with_its_parameter_cut_off(self):
        output = GTEST + "[  FAILED  ] All/Disk.Loses/3, where GetParam() = 3 (1 ms)\n[  FAILED  ] 1 test, listed below:\n"
        self.assertEqual([case for case in counted(test("fail", output)) if case[0] == "fail"],
                         [("fail", "All/Disk.Loses/3", "")])

    def test_a_crash_beside_passed_tests_is_a_failure(self):
        self.assertIn(("fail", "t", ""), counted(test("fail", GTEST)))

    def test_an_unknown_status_is_a_failure(self):
        self.assertEqual(counted(test("odd")), [("fail", "t", "")])


if __name__ == "__main__":
    unittest.main()

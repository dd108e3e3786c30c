#!/usr/bin/env python3
"""Each rule of tidy.py has a bad tree in which it finds exactly its line, and a good one in which it is silent."""

import unittest

import tidy

PRAGMA = "#pragma once\n"
LATER = "TO" "DO"
SILENCED = "NO" "LINT"


def texts(files: dict[str, str | bytes]) -> list[str]:
    tree = {path: text if isinstance(text, bytes) else text.encode() for path, text in files.items()}
    return [str(finding) for finding in tidy.check_tree(tree)]


def function(lines: int, head: str = "int f()") -> str:
    """A function of that many lines, head and closing brace included."""
    return f"{head} {{\n" + "  g();\n" * (lines - 2) + "}\n"


class Rules(unittest.TestCase):
    def bad(self, files: dict[str, str | bytes], *wanted: str) -> None:
        found = texts(files)
        self.assertEqual(len(found), 1, found)
        for piece in wanted:
            self.assertIn(piece, found[0])

    def good(self, files: dict[str, str | bytes]) -> None:
        self.assertEqual(texts(files), [])

    def test_a_long_file_is_found_and_tests_may_be_longer(self):
        self.bad({"log/base/a.cpp": "\n" * 501}, "log/base/a.cpp:501:", "501 lines")
        self.good({"log/base/a.cpp": "\n" * 500, "tests/log/a.cpp": "\n" * 700})
        self.bad({"tests/log/a.cpp": "\n" * 701}, "701 lines")

    def test_a_long_function_is_found_at_its_head(self):
        for head in ("int f()", "int A::f(int x) const noexcept", "A::A(int x) : a_{x}, b_(x)",
                     "template <class T>\nauto f(T t) -> T", "TEST(Suite, Name)",
                     "bool f(T t)\n    requires(sizeof(t) > 1)"):
            with self.subTest(head):
                extra = head.count("\n")
                self.bad({"log/base/a.cpp": "int x = 1;\n\n" + function(61 - extra, head)},
                         "log/base/a.cpp:3:", "61 lines")
                self.good({"log/base/a.cpp": "int x = 1;\n\n" + function(60 - extra, head)})

    def test_methods_in_classes_are_functions_and_what_holds_them_is_not(self):
        short = function(40)
        self.good({"log/base/a.cpp": f"namespace a {{\nclass B : public C<int> {{\npublic:\n{short}{short}}};\n}}\n"})
        self.bad({"log/base/a.cpp": f"namespace a {{\nclass B {{\npublic:\n{short}{function(61)}}};\n}}\n"},
                 "log/base/a.cpp:44:")

    def test_tables_and_enums_may_be_long_and_braces_in_text_do_not_count(self):
        rows = "  {1, f(2)},\n" * 80
        self.good({"log/base/a.cpp": f"constexpr std::array<R, 80> kRows{{{{\n{rows}}}}};\nenum class E {{\n"
                   + "kA,\n" * 80 + "};\n" + function(30) + function(40)})
        self.good({"log/base/a.cpp": 'auto a() {\n  return "{{{" + R"x({{)x" + \'{\' + 1\'000;  // {\n}\n'
                   + function(59)})

    def test_arrows_go_one_way(self):
        for path, header in (("log/base/a.h", "log/env/env.h"), ("log/format/a.h", "log/env/env.h"),
                             ("log/journal/a.h", "log/segment/s.h"), ("log/store/a.h", "server/app/a.h"),
                             ("log/store/a.h", "proto/a.h"), ("log/store/a.h", "projections/fold/a.h"),
                             ("projections/fold/a.h", "server/app/a.h"), ("tools/stele/a.h", "server/app/a.h"),
                             ("server/app/a.h", "tools/stele/a.h"), ("proto/a.h", "log/base/bytes.h")):
            with self.subTest(f"{path} -> {header}"):
                self.bad({path: f'{PRAGMA}#include "{header}"\n'}, f"{path}:2:", "must not include")
        for path, header in (("log/env/a.h", "log/base/b.h"), ("log/store/a.h", "log/partition/p.h"),
                             ("log/segment/a.h", "log/journal/j.h"), ("projections/fold/a.h", "log/store/s.h"),
                             ("server/kafka/a.h", "server/app/b.h"), ("tools/stele/a.h", "log/order/o.h"),
                             ("tests/log/a.h", "server/app/a.h")):
            with self.subTest(f"{path} -> {header}"):
                self.good({path: f'{PRAGMA}#include "{header}"\n'})

    def test_an_include_is_a_path_from_the_root(self):
        self.bad({"log/base/a.cpp": '#include "bytes.h"\n'}, "not a path from the root")

    def test_log_knows_no_asio(self):
        self.bad({"log/env/a.cpp": "#include <boost/asio.hpp>\n"}, "must not know")
        self.good({"server/app/a.cpp": "#include <boost/asio.hpp>\n"})

    def test_the_env_door(self):
        for line in ("auto t = std::chrono::steady_clock::now();", "clock_gettime(CLOCK_REALTIME, &t);",
                     "std::random_device d;", "int x = rand();", "std::thread t;", "std::jthread t;",
                     "std::mutex m;", "std::condition_variable c;", 'auto v = getenv("HOME");',
                     "int fd = ::open(path, 0);", "if (::write(fd, p, n) < 0) return;", "fsync(fd);",
                     "::pread(fd, p, n, 0);", "std::ofstream out;", "std::filesystem::path p;"):
            with self.subTest(line):
                self.bad({"log/journal/a.cpp": line + "\n"}, "log/journal/a.cpp:1:")
                self.good({"tests/log/a.cpp": line + "\n", "log/journal/a.cpp": f"//   {line}\n"})
        self.good({"log/env/a.cpp": "std::thread t;\nint fd = ::open(path, 0);\n"})
        self.good({"log/journal/a.cpp": "auto t = env_.now();\nfile->write(b, 0);\nResult<void> write(int x);\n"
                   "reader.read(x);\nauto operand(int);\nfile->sync();\n"})

    def test_later_needs_an_issue(self):
        self.bad({"log/base/a.cpp": f"int x;  // {LATER}: more\n"}, "without an issue")
        self.good({"log/base/a.cpp": f"int x;  // {LATER}(#12): more\n"})

    def test_a_silenced_check_needs_its_name_and_a_reason(self):
        for comment in (SILENCED, f"{SILENCED}(bugprone-x)", f"{SILENCED}NEXTLINE"):
            with self.subTest(comment):
                self.bad({"log/base/a.cpp": f"int x;  // {comment}\n"}, "silenced")
        self.good({"log/base/a.cpp": f"int x;  // {SILENCED}(bugprone-x): the C API wants it\n"})

    def test_commented_out_code(self):
        for comment in ("// x = 1;", "//foo(bar);", "// int a = b;", "// }", "// if (x) {", "// return x;",
                        "// file->sync();"):
            with self.subTest(comment):
                self.bad({"log/base/a.cpp": comment + "\n"}, "commented-out")
        self.good({"log/base/a.cpp": "// The end moves first;\n// what follows (the batch, its sum) waits;\n"
                   "//   Result<Offset> next = log.append(batch);\n/// Returns x; y stays.\n"
                   "// return to the caller, who waits;\n"})

    def test_a_header_has_pragma_once(self):
        self.bad({"log/base/a.h": "int x;\n"}, "log/base/a.h:1:", "#pragma once")
        self.good({"log/base/a.h": PRAGMA})

    def test_a_folder_has_a_short_readme(self):
        self.bad({"log/base/CMakeLists.txt": ""}, "no log/base/README.md")
        self.bad({"log/base/CMakeLists.txt": "", "log/base/README.md": "x\n" * 61}, "log/base/README.md:61:")
        self.good({"log/base/CMakeLists.txt": "", "log/base/README.md": "x\n" * 60})
        self.good({"tests/log/CMakeLists.txt": "", "CMakeLists.txt": "", "README.md": "x\n" * 200})

    def test_links_lead_somewhere(self):
        self.bad({"docs/a.md": "see\n[b](b.md)\n"}, "docs/a.md:2:", "b.md leads nowhere")
        self.bad({"docs/a.md": "[out](../../shared/x)\n"}, "leads nowhere")
        self.good({"docs/a.md": "[b](b.md#part) [up](../log/) [c](#here) [w](https://x.y)\n```\n[z](z.md)\n```\n",
                   "docs/b.md": "", "log/x.txt": ""})

    def test_large_and_binary_files(self):
        self.bad({"docs/a.txt": "x" * (1024 * 1024 + 1)}, "over 1048576")
        self.bad({"docs/a.o": b"\x7fELF\0\0"}, "binary")
        self.good({"tests/fuzz/corpus/a": b"\0\1", "docs/a.txt": "x" * 1024 * 1024})


class Tables(unittest.TestCase):
    def test_every_exception_has_a_reason(self):
        for place, reason in {**tidy.DOOR_ALLOWED, **tidy.BINARY_ALLOWED, **tidy.NO_README}.items():
            self.assertGreater(len(reason), 10, place)
        for _, rule in tidy.DOOR_ALLOWED:
            self.assertIn(rule, tidy.DOOR)


if __name__ == "__main__":
    unittest.main()

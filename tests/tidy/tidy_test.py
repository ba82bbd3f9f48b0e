#!/usr/bin/env python3
"""Tests of the checks in tidy.py: each rule is broken in a small tree and must be seen."""

import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import tidy  # noqa: E402  (the path above comes first)

GOOD_HEADER = "// What it owns.\n// Threading: immutable.\n#pragma once\n"


class TidyTest(unittest.TestCase):
    def problems(self, files):
        """What tidy says about a tree of just these files."""
        with tempfile.TemporaryDirectory() as root:
            for name, text in files.items():
                path = Path(root) / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
            return tidy.Checker(root).run()

    def assert_one(self, files, *parts):
        problems = self.problems(files)
        self.assertEqual(len(problems), 1, problems)
        for part in parts:
            self.assertIn(part, problems[0])

    def assert_clean(self, files):
        self.assertEqual(self.problems(files), [])

    def test_a_good_tree_is_clean(self):
        self.assert_clean({
            "protocol/qos.hpp": GOOD_HEADER,
            "server/core/shard.hpp":
                GOOD_HEADER + '#include <vector>\n#include "protocol/qos.hpp"\n',
            "server/app/application.cpp": '#include "server/core/shard.hpp"\n',
        })

    def test_lower_layers_do_not_include_upper_ones(self):
        for upper in ("server/core", "server/transport", "server/app"):
            self.assert_one({
                f"{upper}/x.hpp": GOOD_HEADER,
                "protocol/a.cpp": f'\n#include "{upper}/x.hpp"\n',
            }, "protocol/a.cpp:2: ", f'protocol may not include "{upper}/x.hpp"')
        self.assert_one({
            "server/app/x.hpp": GOOD_HEADER,
            "server/core/a.cpp": '#include "server/app/x.hpp"\n',
        }, "server/core/a.cpp:1: ", "server/core may not include")

    def test_adapters_do_not_include_one_another(self):
        adapters = ("store", "security", "transport", "admin", "cluster")
        for one in adapters:
            for other in adapters:
                files = {
                    f"server/{other}/x.hpp": GOOD_HEADER,
                    f"server/{one}/a.cpp": f'#include "server/{other}/x.hpp"\n',
                }
                if one == other:
                    self.assert_clean(files)
                else:
                    self.assert_one(files, f"server/{one} may not include")

    def test_the_conformance_suite_shares_no_code_with_the_server(self):
        self.assert_one({
            "protocol/x.hpp": GOOD_HEADER,
            "conformance/a.cpp": '#include "protocol/x.hpp"\n',
        }, "conformance may not include")

    def test_includes_are_written_from_the_root_and_exist(self):
        self.assert_one({"protocol/a.cpp": '#include "b.hpp"\n'}, '"b.hpp" is no file')
        self.assert_one({
            "protocol/b.hpp": GOOD_HEADER,
            "protocol/a.cpp": "#include <protocol/b.hpp>\n",
        }, "write it in quotes")

    def test_libraries_belong_to_layers(self):
        for layer, header in (
                ("protocol", "boost/asio.hpp"), ("protocol", "fmt/format.h"),
                ("protocol", "boost/container/small_vector.hpp"), ("protocol", "unistd.h"),
                ("server/core", "boost/asio/io_context.hpp"), ("server/core", "sqlite3.h"),
                ("server/core", "openssl/ssl.h"), ("server/core", "sys/socket.h"),
                ("server/store", "openssl/evp.h"), ("server/store", "boost/asio.hpp"),
                ("server/security", "sqlite3.h"), ("server/security", "boost/asio.hpp"),
                ("server/transport", "sqlite3.h"), ("server/admin", "openssl/ssl.h")):
            self.assert_one({f"{layer}/a.cpp": f"#include <{header}>\n"},
                            f"{layer} may not include <{header}>")
        for layer, header in (
                ("protocol", "boost/system/result.hpp"), ("server/core", "fmt/format.h"),
                ("server/core", "boost/unordered/unordered_flat_map.hpp"),
                ("server/store", "sqlite3.h"), ("server/store", "unistd.h"),
                ("server/security", "openssl/evp.h"), ("server/transport", "boost/asio.hpp"),
                ("server/transport", "openssl/ssl.h"), ("server/admin", "boost/beast/http.hpp"),
                ("server/app", "boost/asio/signal_set.hpp"), ("tests", "doctest/doctest.h")):
            self.assert_clean({f"{layer}/a.cpp": f"#include <{header}>\n"})

    def test_the_core_is_deterministic(self):
        for text, instead in (
                ("std::thread t;", "one thread"), ("std::jthread t;", "one thread"),
                ("std::mutex m;", "ShardLink"), ("std::lock_guard l{m};", "ShardLink"),
                ("std::atomic<int> a;", "reference count"),
                ("auto t = Clock::now();", "take the time"), ("int i = rand();", "randomness"),
                ("std::mt19937 g;", "randomness"), ("std::function<void()> f;", "port"),
                ("std::shared_ptr<int> p;", "intrusive_ptr"), ("std::ifstream f;", "files")):
            for layer in ("protocol", "server/core"):
                self.assert_one({f"{layer}/a.cpp": text + "\n"}, f"{layer}/a.cpp:1: ", instead)
            self.assert_clean({"server/app/a.cpp": text + "\n"})

    def test_only_messages_count_references_atomically(self):
        text = "#include <atomic>\nstd::atomic<int> references;\n"
        self.assert_clean({"server/core/message.cpp": text})
        self.assertEqual(len(self.problems({"server/core/session.cpp": text})), 2)

    def test_what_the_whole_product_does_not_say(self):
        for text in ("std::cout << 1;", "std::cerr << 1;", "#include <iostream>", "assert(true);",
                     "#include <cassert>", "friend class MainTest;", "using namespace std;"):
            self.assert_one({"server/app/a.cpp": text + "\n"}, "instead: ")
        self.assert_clean({"server/app/a.cpp": "static_assert(true);\nMARTLET_ASSERT(true);\n"})

    def test_bytes_are_reinterpreted_at_the_edges_only(self):
        text = "auto* p = reinterpret_cast<char*>(q);\n"
        for layer in ("protocol", "server/transport", "server/store"):
            self.assert_clean({f"{layer}/a.cpp": text})
        for layer in ("server/core", "server/security", "server/admin", "server/app"):
            self.assert_one({f"{layer}/a.cpp": text}, "reinterpret_cast")

    def test_tests_do_not_sleep(self):
        self.assert_one({"tests/a.cpp": "std::this_thread::sleep_for(1s);\n"}, "wait for")
        self.assert_one({"tests/a.cpp": "usleep(1000);\n"}, "wait for")

    def test_nothing_is_put_off_in_a_comment(self):
        for mark in ("TO" "DO", "FIX" "ME"):
            self.assert_one({"server/app/a.cpp": f"// {mark}: later\n"}, mark)

    def test_comments_and_strings_may_say_anything_else(self):
        self.assert_clean({"server/core/a.cpp": (
            "// std::thread, std::mutex, now() and rand() are not used here.\n"
            '/* #include "server/app/x.hpp"\n std::atomic<int> */\n'
            'const char* text = "std::cout << now()";\n'
            'const char* raw = R"x(std::mutex "quoted")x";\n'
            "const int million = 1'000'000;\n"
            "const char quote = '\"';\n")})
        # After all of these the scanner is still awake.
        self.assert_one({"server/core/a.cpp": (
            "const int million = 1'000'000;\nconst char quote = '\"';\n"
            "std::mutex m;\n")}, "server/core/a.cpp:3: ")

    def test_lines_and_files_have_a_limit(self):
        self.assert_clean({"protocol/a.cpp": "/" * 2 + "ü" * 98 + "\n"})
        self.assert_one({"protocol/a.cpp": "/" * 2 + "ü" * 99 + "\n"}, "101 columns")
        self.assert_clean({"protocol/a.cpp": "\n" * 600})
        self.assert_one({"protocol/a.cpp": "\n" * 601}, "601 lines")

    def test_headers_have_a_guard_and_speak_of_threads(self):
        self.assert_one({"protocol/a.hpp": "// Threading: immutable.\n"}, "#pragma once")
        self.assert_one({"protocol/a.hpp": "// What it owns.\n#pragma once\n"}, "Threading: ")
        self.assert_one({"protocol/a.hpp": "#pragma once\n// Threading: immutable.\n"},
                        "Threading: ")
        self.assert_one({"protocol/a.hpp": "// Threading:\n#pragma once\n"}, "Threading: ")

    def test_names_of_tests_have_no_comma(self):
        self.assert_one({"tests/a.cpp": '\nTEST_CASE("one, two") {}\n'}, "tests/a.cpp:2: ", "comma")
        self.assert_one({"tests/a.cpp": 'TEST_CASE(\n    "one, two") {}\n'}, "comma")
        self.assert_clean({"tests/a.cpp": 'TEST_CASE("one and two [v5 MQTT-3.1.2-1]") {}\n'})

    def test_the_program_says_what_it_found_and_fails(self):
        with tempfile.TemporaryDirectory() as root:
            (Path(root) / "protocol").mkdir()
            self.assertEqual(tidy.main([root]), 0)
            (Path(root) / "protocol/a.cpp").write_text("std::mutex m;\n", encoding="utf-8")
            self.assertEqual(tidy.main([root]), 1)


if __name__ == "__main__":
    unittest.main()

#!/usr/bin/env python3
"""Checks the layout rules that a compiler does not: who may include whom, what a layer may not
say, how long files and lines are, what a header must open with.

    tidy.py [ROOT]    prints FILE:LINE: what is wrong and what to do instead; exits 1 if anything is

Works on text only and takes a moment, so that it can run before everything else. tidy_test.py makes
trees that break each rule and sees it fail here.
"""

import re
import sys
from pathlib import Path

COLUMNS_MAX = 100
LINES_MAX = 600

# The picture in one table: a layer, and what its quoted includes may begin with. The adapters do
# not know one another, and nothing but the application knows the application.
CORE = ("protocol/", "server/core/")
LAYERS = {
    "protocol": ("protocol/",),
    "server/core": CORE,
    "server/store": (*CORE, "server/store/"),
    "server/security": (*CORE, "server/security/"),
    "server/transport": (*CORE, "server/transport/"),
    "server/admin": (*CORE, "server/admin/"),
    "server/cluster": (*CORE, "server/cluster/"),
    "server/app": ("protocol/", "server/"),
    "tests": ("protocol/", "server/", "tests/", "conformance/"),
    "conformance": ("conformance/",),  # judges any broker, and so cannot share code with this one
}

STANDARD = frozenset("""
    algorithm any array atomic barrier bit bitset charconv chrono compare complex concepts
    condition_variable coroutine deque exception filesystem forward_list fstream functional future
    initializer_list iomanip ios iosfwd iostream istream iterator latch limits list locale map
    memory memory_resource mutex new numbers numeric optional ostream queue random ranges ratio
    regex scoped_allocator semaphore set shared_mutex source_location span sstream stack stdexcept
    stop_token streambuf string string_view syncstream system_error thread tuple type_traits
    typeindex typeinfo unordered_map unordered_set utility valarray variant vector version
    cassert cctype cerrno cfenv cfloat cinttypes climits clocale cmath csetjmp csignal cstdarg
    cstddef cstdint cstdio cstdlib cstring ctime cuchar cwchar cwctype
""".split())

# Boost's containers and values, which hold no thread, socket or clock.
BOOST_VALUES = re.compile(
    r"boost/(assert|container|core|container_hash|endian|intrusive|smart_ptr|system|unordered)\b")
POSIX = re.compile(
    r"(arpa|linux|net|netinet|sys)/[\w./]+\.h$|"
    r"(dirent|dlfcn|errno|fcntl|fnmatch|glob|grp|ifaddrs|netdb|poll|pthread|pwd|sched|signal|spawn|"
    r"stdlib|string|syslog|termios|time|unistd|utime)\.h$")
ASIO = re.compile(r"boost/(asio|beast|asio\.hpp|beast\.hpp)\b")
FMT = re.compile(r"fmt/")

# What angle includes a layer may have beside the standard library.
SYSTEM_INCLUDES = {
    "protocol": (re.compile(r"boost/system/result\.hpp$"),),
    "server/core": (BOOST_VALUES, FMT),
    "server/store": (BOOST_VALUES, FMT, POSIX, re.compile(r"sqlite3\.h$")),
    "server/security": (BOOST_VALUES, FMT, POSIX,
                        re.compile(r"openssl/|argon2\.h$|boost/json(/src)?\.hpp$")),
    "server/transport": (BOOST_VALUES, FMT, POSIX, ASIO, re.compile(r"openssl/")),
    "server/admin": (BOOST_VALUES, FMT, POSIX, ASIO),
    "server/cluster": (BOOST_VALUES, FMT, POSIX, ASIO),
    "server/app": (re.compile(r"."),),
    "tests": (re.compile(r"."),),
    "conformance": (re.compile(r"."),),
}

# These used assert() before there was MARTLET_ASSERT. The list may only shrink.
ASSERT_RATCHET = (
    "server/core/chunk_pool.cpp",
    "server/core/compact_text.hpp",
    "server/core/hash_index.cpp",
    "server/core/outbox.cpp",
    "server/core/outbox.hpp",
    "server/core/retained_messages.cpp",
    "server/core/ring_queue.hpp",
    "server/core/slab.hpp",
    "server/core/subscriber.cpp",
    "server/core/subscriber.hpp",
    "server/core/subscription_tree.cpp",
    "server/core/timer_wheel.cpp",
    "server/core/timer_wheel.hpp",
    "server/core/topic_tree.hpp",
)

DETERMINISTIC = ("protocol/", "server/core/")
PRODUCT = ("protocol/", "server/")


class Ban:
    """Text that must not occur under some folders, with what to write instead."""

    def __init__(self, pattern, instead, folders, exempt=(), in_comments=False):
        self.pattern = re.compile(pattern)
        self.instead = instead
        self.folders = folders
        self.exempt = exempt
        self.in_comments = in_comments

    def concerns(self, path):
        return path.startswith(self.folders) and not path.startswith(self.exempt)


BANS = (
    Ban(r"\bstd::(jthread|thread)\b|<thread>",
        "a shard is one thread and does not know it; threads belong to the transport",
        DETERMINISTIC),
    Ban(r"\bstd::(\w*mutex|lock_guard|unique_lock|scoped_lock|shared_lock|condition_variable\w*)\b"
        r"|<(mutex|shared_mutex|condition_variable)>",
        "shards share no mutable state; what crosses goes through ShardLink", DETERMINISTIC),
    Ban(r"\bstd::atomic|<atomic>",
        "shards share no mutable state; only Message's reference count is atomic", DETERMINISTIC,
        exempt=("server/core/message.",)),
    Ban(r"\bnow\(\)", "take the time as an argument", DETERMINISTIC),
    Ban(r"\bs?rand\(|\bstd::(random_device|mt19937\w*|default_random_engine)\b|<random>",
        "take the randomness as an argument", DETERMINISTIC),
    Ban(r"\bstd::function\b", "a port (abstract class) or a template parameter", DETERMINISTIC),
    Ban(r"\bstd::(shared_ptr|make_shared|weak_ptr)\b",
        "a value, std::unique_ptr, an id, or boost::intrusive_ptr for a Message", DETERMINISTIC),
    Ban(r"\bstd::(ifstream|ofstream|fstream|filesystem)\b|<(fstream|filesystem)>",
        "files belong to the store and the app", DETERMINISTIC),
    Ban(r"\bstd::(cout|cerr|clog|cin)\b|<iostream>",
        "say it through the Logger (core: LogEvents); main uses std::fputs", PRODUCT),
    Ban(r"\breinterpret_cast\b", "bytes are reinterpreted in protocol/, transport/ and store/ only",
        PRODUCT, exempt=("protocol/", "server/transport/", "server/store/",
                         # Raw memory: one allocation with an array behind it, and the pool.
                         "server/core/message.", "server/core/subscriber.",
                         "server/core/chunk_pool.", "server/core/packed_publications.",
                         # OpenSSL's interface wants unsigned char.
                         "server/security/crypto.")),
    Ban(r"\bassert\(|<cassert>", "MARTLET_ASSERT (protocol/assert.hpp), which is always on",
        PRODUCT, exempt=ASSERT_RATCHET),
    Ban(r"\bsleep_(for|until)\b|\bu?sleep\(",
        "wait for what is meant (a condition, an event), or advance the simulated clock",
        ("tests/",)),
    Ban(r"\bfriend class \w*Test", "test through the public interface", PRODUCT),
    Ban(r"\busing namespace std;", "write std::", (*PRODUCT, "tests/", "conformance/")),
    # In two pieces, so as not to find itself.
    Ban(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b", "do it now, or write an issue",
        (*PRODUCT, "tests/", "conformance/", "certs/"), in_comments=True),
)

INCLUDE = re.compile(r'^\s*#\s*include\s*(<([^>]+)>|"([^"]+)")')
TEST_NAME = re.compile(r'\bTEST_CASE\(\s*"((?:[^"\\]|\\.)*)"')
# Comments, strings and character literals, in the order a scanner meets them.
TOKEN = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"([^(\s]*)\(.*?\)\1"|"(?:[^"\\\n]|\\.)*"|'
    r"(?<!\w)'(?:[^'\\\n]|\\.)+'",
    re.DOTALL)


def blanked(text, prefixes=("",)):
    """`text` with the tokens that begin with one of `prefixes` (all of them: comments, strings) as
    blanks, so that what is left keeps its line numbers."""
    return TOKEN.sub(
        lambda match: re.sub(r"[^\n]", " ", match.group(0))
        if match.group(0).startswith(prefixes) else match.group(0), text)


def layer_of(path):
    best = ""
    for layer in LAYERS:
        if path.startswith(layer + "/") and len(layer) > len(best):
            best = layer
    return best


class Checker:
    def __init__(self, root):
        self.root = Path(root).resolve()
        self.problems = []

    def run(self):
        for path in sorted(self.files()):
            text = (self.root / path).read_text(encoding="utf-8", errors="replace")
            self.check_lines(path, text)
            if path.endswith((".cpp", ".hpp")):
                self.check_includes(path, text)
                self.check_header(path, text)
                self.check_test_names(path, text)
            self.check_bans(path, text)
        return self.problems

    def files(self):
        for top in ("protocol", "server", "tests", "conformance", "certs"):
            for path in (self.root / top).rglob("*"):
                if path.is_file() and path.suffix in (".cpp", ".hpp", ".py", ".sh"):
                    yield path.relative_to(self.root).as_posix()

    def tell(self, path, line, problem):
        self.problems.append(f"{path}:{line}: {problem}")

    def check_lines(self, path, text):
        lines = text.splitlines()
        if len(lines) > LINES_MAX:
            self.tell(path, len(lines), f"{len(lines)} lines, at most {LINES_MAX}: what is the "
                                        "second thing it does?")
        for number, line in enumerate(lines, 1):
            if len(line) > COLUMNS_MAX:
                self.tell(path, number, f"{len(line)} columns, at most {COLUMNS_MAX}")
        if "\r" in text:
            self.tell(path, 1, "carriage returns, lines end with a line feed")

    def check_includes(self, path, text):
        layer = layer_of(path)
        if not layer:
            self.tell(path, 1, "belongs to no layer that tests/tidy/tidy.py knows")
            return
        for number, line in enumerate(blanked(text, ("//", "/*")).splitlines(), 1):
            match = INCLUDE.match(line)
            if match is None:
                continue
            if match.group(3):
                self.check_own_include(path, number, layer, match.group(3))
            else:
                self.check_system_include(path, number, layer, match.group(2))

    def check_own_include(self, path, number, layer, name):
        if not (self.root / name).is_file():
            self.tell(path, number, f'"{name}" is no file, includes are written from the root')
        elif not name.startswith(LAYERS[layer]):
            allowed = ", ".join(LAYERS[layer])
            self.tell(path, number, f'{layer} may not include "{name}", only {allowed}')

    def check_system_include(self, path, number, layer, name):
        if name in STANDARD or any(allowed.match(name) for allowed in SYSTEM_INCLUDES[layer]):
            return
        if name.startswith(("protocol/", "server/", "tests/")):
            self.tell(path, number, f"<{name}> is ours, write it in quotes")
        else:
            self.tell(path, number, f"{layer} may not include <{name}>, another layer owns it")

    def check_header(self, path, text):
        if not path.endswith(".hpp"):
            return
        if not re.search(r"^#pragma once$", text, re.MULTILINE):
            self.tell(path, 1, "no #pragma once")
        opening = re.match(r"(//[^\n]*\n)*", text).group(0)
        if not re.search(r"Threading:\s*(//\s*)?[^\s/]", opening):
            self.tell(path, 1, "the opening comment says nothing about threads, expected "
                               "'Threading: ...' in it")

    def check_test_names(self, path, text):
        for match in TEST_NAME.finditer(text):
            if "," in match.group(1):
                number = text.count("\n", 0, match.start()) + 1
                self.tell(path, number, "a comma in a test's name, where doctest's filters split")

    def check_bans(self, path, text):
        is_code = path.endswith((".cpp", ".hpp"))
        code = blanked(text)
        for ban in BANS:
            if not ban.concerns(path) or not (is_code or ban.in_comments):
                continue
            for number, line in enumerate((text if ban.in_comments else code).splitlines(), 1):
                match = ban.pattern.search(line)
                if match is not None:
                    self.tell(path, number, f"'{match.group(0)}' here; instead: {ban.instead}")


def main(arguments):
    root = arguments[0] if arguments else Path(__file__).parents[2]
    problems = Checker(root).run()
    for problem in problems:
        print(problem)
    if problems:
        print(f"tidy: {len(problems)} problems", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

#!/usr/bin/env python3
"""Runs clang-tidy over our sources, several at a time, and remembers which were clean.

    clang_tidy.py --build BUILD [--jobs N] [FILE...]     without FILE: all that BUILD compiles

A clean result is kept under BUILD/clean by a hash of all that it depends on: the source, every
header of ours that it reaches, the checks, the compile command, and clang-tidy itself. So a run
after the first looks only at what changed or includes what changed.
"""

import argparse
import concurrent.futures
import hashlib
import json
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OURS = ("protocol/", "server/", "tests/", "conformance/")
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.MULTILINE)


def find_program():
    for name in ("clang-tidy-14", "clang-tidy"):
        path = shutil.which(name)
        if path is not None:
            return path
    sys.exit("clang_tidy: no clang-tidy here (Debian: apt-get install clang-tidy-14)")


class Sources:
    """The files that BUILD compiles, and what each depends on."""

    def __init__(self, build):
        self.commands = {}
        for entry in json.loads((build / "compile_commands.json").read_text(encoding="utf-8")):
            path = (Path(entry["directory"]) / entry["file"]).resolve()
            if path.is_relative_to(ROOT):
                name = path.relative_to(ROOT).as_posix()
                if name.startswith(OURS):
                    self.commands[name] = entry.get("command") or " ".join(entry["arguments"])
        self.texts = {}

    def text(self, name):
        if name not in self.texts:
            path = ROOT / name
            self.texts[name] = path.read_bytes() if path.is_file() else b""
        return self.texts[name]

    def reached(self, name):
        """`name` and every file of ours it includes, directly or not."""
        seen = {name}
        waiting = [name]
        while waiting:
            text = self.text(waiting.pop()).decode("utf-8", errors="replace")
            for included in INCLUDE.findall(text):
                if included not in seen:
                    seen.add(included)
                    waiting.append(included)
        return sorted(seen)

    def digest(self, name, version):
        digest = hashlib.sha256()
        checks = [path.read_bytes() for path in sorted(ROOT.glob("**/.clang-tidy"))
                  if "build" not in path.parts]
        for part in (version, *checks, self.commands[name].encode()):
            digest.update(part + b"\0")
        for dependency in self.reached(name):
            digest.update(dependency.encode() + b"\0" + self.text(dependency) + b"\0")
        return digest.hexdigest()


def check(program, build, name):
    result = subprocess.run(
        [program, "-p", str(build), "--quiet", str(ROOT / name)],
        capture_output=True, text=True, errors="replace", check=False)
    return name, result.returncode, result.stdout, result.stderr


def run(program, build, names, jobs, clean):
    """Checks `names`; `clean` maps each to the file that remembers it. Answers with the failed."""
    failed = []
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        # The largest first, so that the last one to finish is a small one.
        order = sorted(names, key=lambda name: -(ROOT / name).stat().st_size)
        for done in concurrent.futures.as_completed(
                pool.submit(check, program, build, name) for name in order):
            name, code, output, errors = done.result()
            if code == 0:
                clean[name].touch()
            else:
                failed.append(name)
                # Of stderr only what is not a count of suppressed warnings.
                print(output or errors, flush=True)
    return sorted(failed)


def main():
    parser = argparse.ArgumentParser(description="Runs clang-tidy over our sources.")
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("files", nargs="*")
    options = parser.parse_args()

    started = time.monotonic()
    program = find_program()
    version = subprocess.run([program, "--version"], capture_output=True, check=True).stdout
    build = options.build.resolve()
    sources = Sources(build)
    names = sorted(sources.commands)
    if options.files:
        names = [Path(file).resolve().relative_to(ROOT).as_posix() for file in options.files]
        unknown = [name for name in names if name not in sources.commands]
        if unknown:
            sys.exit(f"clang_tidy: not compiled by {options.build}: {', '.join(unknown)}")

    memory = build / "clean"
    memory.mkdir(exist_ok=True)
    clean = {name: memory / sources.digest(name, version) for name in names}
    wanted = [name for name in names if not clean[name].exists()]
    failed = run(program, build, wanted, options.jobs, clean)

    seconds = time.monotonic() - started
    print(f"clang-tidy: {len(names)} files, {len(wanted)} looked at, {len(failed)} with problems "
          f"({seconds:.0f} s)")
    for name in failed:
        print(f"  {name}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

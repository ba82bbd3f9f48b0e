#!/usr/bin/env python3
"""Does the suite see what it should? Each mutation is a proxy in front of a broker that breaks one
rule; the tests that are about that rule have to fail, and must not fail without it.

    mutants_test.py --suite FILE --mutant FILE --broker FILE [--only NAME] [--jobs N]

Prints a line for each mutation and version; exits 1 when one survives.
"""

import argparse
import concurrent.futures
import contextlib
import dataclasses
import json
import subprocess
import sys

from broker_process import running_broker


@dataclasses.dataclass
class Mutation:
    name: str
    versions: list
    filters: list
    title: str


class Judge:
    def __init__(self, suite, mutant, port, patience_s):
        self.suite = suite
        self.mutant = mutant
        self.port = str(port)
        self.patience_s = str(patience_s)

    def mutations(self):
        text = subprocess.run(
            [self.mutant, "--list"], check=True, capture_output=True, text=True).stdout
        for line in text.splitlines():
            name, versions, filters, title = line.split("\t")
            yield Mutation(name, versions.split(","), [f for f in filters.split(",") if f], title)

    @contextlib.contextmanager
    def proxy(self, name):
        process = subprocess.Popen(
            [self.mutant, "127.0.0.1", self.port, name], stdout=subprocess.PIPE, text=True)
        try:
            yield process.stdout.readline().strip()
            if process.poll() is not None:
                raise RuntimeError(f"the proxy {name} ended with {process.returncode}")
        finally:
            process.kill()
            process.wait()
            process.stdout.close()

    def failed_tests(self, name, version, filters, *options):
        """The tests that fail with this mutation, and how many there were."""
        chosen = [word for one in filters for word in ("--filter", one)]
        with self.proxy(name) as port:
            run = subprocess.run(
                [self.suite, "127.0.0.1", port, "--version", version, "--json",
                 "--patience", self.patience_s, *chosen, *options],
                check=False, capture_output=True, text=True)
        try:
            tests = json.loads(run.stdout)["tests"]
        except ValueError:
            raise RuntimeError(f"{name}: {run.stdout}{run.stderr}") from None
        return {test["name"] for test in tests if test["outcome"] == "failed"}, len(tests)

    def judge(self, mutation, version, baseline):
        """What tells the mutation from a broker that keeps the rules."""
        failed, count = self.failed_tests(
            mutation.name, version, mutation.filters, "--until-failure")
        if failed and failed <= baseline:
            failed, count = self.failed_tests(mutation.name, version, mutation.filters)
        return mutation, version, failed - baseline, count


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("--suite", required=True)
    parser.add_argument("--mutant", required=True)
    parser.add_argument("--broker", required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", default="")
    parser.add_argument("--jobs", type=int, default=4)
    parser.add_argument("--patience", type=int, default=3)
    return parser.parse_args()


def main():
    arguments = parse()
    survived = caught = 0
    with running_broker(arguments.broker, arguments.threads) as port:
        judge = Judge(arguments.suite, arguments.mutant, port, arguments.patience)
        mutations = [m for m in judge.mutations() if m.filters and arguments.only in m.name]
        baseline = {}
        for version in ("3.1.1", "5.0"):
            baseline[version], count = judge.failed_tests("none", version, [])
            print(f"none {version}: {len(baseline[version])} of {count} tests fail "
                  f"{sorted(baseline[version])}")
        with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
            tasks = [pool.submit(judge.judge, mutation, version, baseline[version])
                     for mutation in mutations for version in mutation.versions]
            for task in tasks:
                mutation, version, seen_by, count = task.result()
                if not seen_by:
                    # A test that failed without a mutation too, for want of time, tells nothing:
                    # once more, against what fails now.
                    now, _ = judge.failed_tests("none", version, mutation.filters)
                    _, _, seen_by, count = judge.judge(mutation, version, now)
                if seen_by:
                    caught += 1
                    verdict = f"caught by {', '.join(sorted(seen_by)[:3])}"
                else:
                    survived += 1
                    verdict = f"SURVIVED {count} tests"
                print(f"{mutation.name} {version}: {verdict} -- {mutation.title}", flush=True)
    print(f"{len(mutations)} mutations, in both versions {caught} caught and {survived} survived")
    return 1 if survived or not caught else 0


if __name__ == "__main__":
    sys.exit(main())

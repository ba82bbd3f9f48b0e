#!/usr/bin/env python3
"""Starts a broker and has the suite judge it: the suite's exit status is this one's.

    run_test.py --suite FILE --broker FILE [--threads N] [--persistence true|false] [OPTIONS]

OPTIONS go to the suite.
"""

import argparse
import subprocess
import sys

from broker_process import PASSWORD, USER, running_broker


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--suite", required=True)
    parser.add_argument("--broker", required=True)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--persistence", default="true")
    arguments, options = parser.parse_known_args()
    with running_broker(arguments.broker, arguments.threads, arguments.persistence) as port:
        command = [arguments.suite, "127.0.0.1", str(port),
                   "--user", USER, "--password", PASSWORD, *options]
        return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())

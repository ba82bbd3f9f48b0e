"""What durability costs, measured on the real broker: a table beside what it should reach.

    durability_figures.py [--broker FILE] [--directory DIR] [--runs N] [--stored N] [--json]

The broker runs on the first core, the clients on the last, the store in DIR (here by default),
which should be on a real disk. CPU is the broker's, all of its threads, from /proc/PID/stat.
"""

import argparse
import os
import pathlib
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import bulk_clients as bulk  # noqa: E402
import medians  # noqa: E402
import process_figures as figures  # noqa: E402

_ROOT = pathlib.Path(__file__).resolve().parents[2]
_MESSAGES = 200_000
_SESSIONS = 200
_PORT = 18_830
_CORES = sorted(os.sched_getaffinity(0))


class Broker:
    """In a directory that is empty, unless it is one that another has left."""

    def __init__(self, binary, directory, persistence=True, threads=1):
        self._directory = directory
        config = directory / "broker.conf"
        config.write_text(
            f"listener {_PORT} 127.0.0.1\nallow_anonymous true\nthreads {threads}\n"
            f"max_queued_messages 0\nlog_type error\npersistence {str(persistence).lower()}\n"
        )
        self._began = time.monotonic()
        cores = _CORES[:1] if threads == 1 else _CORES
        self._process = subprocess.Popen(
            ["taskset", "-c", ",".join(map(str, cores)), binary, "-c", config], cwd=directory
        )
        self.connect_time = self._await_connack()

    def _await_connack(self):
        while True:
            try:
                bulk.Client(_PORT, "first").close()
                return time.monotonic() - self._began
            except OSError:
                assert self._process.poll() is None, "the broker has ended"
                time.sleep(0.002)

    def cpu_s(self):
        return figures.cpu_s(self._process.pid)

    def resident_bytes(self):
        return figures.resident_bytes(self._process.pid)

    def measure(self, count, *parties):
        """CPU microseconds and wall seconds for each of `count` messages."""
        cpu, wall = self.cpu_s(), time.monotonic()
        bulk.run(*parties)
        wall = time.monotonic() - wall
        return (self.cpu_s() - cpu) / count * 1e6, wall / count

    def stop(self):
        self._process.terminate()
        assert self._process.wait() == 0


def _topics(count, sessions):
    return [f"s/{place % sessions:04}" for place in range(count)]


def _publishers(topics, count, window, retain=False):
    """`topics` shared out, each topic to one publisher, so that its messages keep their order."""
    shares = [[] for _ in range(count)]
    for topic in topics:
        shares[int(topic[-4:]) % count].append(topic)
    return [
        bulk.Publisher(
            bulk.Client(_PORT, f"pub{number}"), bulk.publishes(share, retain=retain), window
        )
        for number, share in enumerate(shares)
        if share
    ]


def queue_and_drain(binary, directory):
    """200,000 messages to 200 sessions that are away, then their return."""
    broker = Broker(binary, directory)
    for number in range(_SESSIONS):
        client = bulk.Client(_PORT, f"sub{number}", clean=False)
        client.subscribe(f"s/{number:04}")
        client.close()
    before = broker.resident_bytes()
    publishers = _publishers(_topics(_MESSAGES, _SESSIONS), 50, 20)
    enqueue_us, enqueue_s = broker.measure(_MESSAGES, *publishers)
    memory = (broker.resident_bytes() - before) / _MESSAGES
    readers = [
        bulk.Subscriber(bulk.Client(_PORT, f"sub{number}", clean=False), 6, _MESSAGES // _SESSIONS)
        for number in range(_SESSIONS)
    ]
    drain_us, _ = broker.measure(_MESSAGES, *readers)
    duplicates = sum(reader.duplicates for reader in readers)
    broker.stop()
    return {
        "enqueue, CPU us each": enqueue_us,
        "enqueue, a second": 1 / enqueue_s,
        "queued, resident bytes each": memory,
        "drain, CPU us each": drain_us,
        "drained with DUP": duplicates,
    }


def rows_of_a_fan(binary, directory):
    """One message to 1,000 sessions that are away."""
    broker = Broker(binary, directory)
    for number in range(1000):
        client = bulk.Client(_PORT, f"sub{number}", clean=False)
        client.subscribe("s/0000")
        client.close()
    bulk.run(*_publishers(["s/0000"], 1, 1))
    broker.stop()
    command = [binary, "store", "info", directory / "martlet-data"]
    info = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return {"1 message to 1,000 sessions, rows": int(re.search(r"messages\s+(\d+)", info)[1])}


def live_traffic(binary, directory, persistence):
    """50 publishers to 50 subscribers at QoS 1, all with clean sessions."""
    broker = Broker(binary, directory, persistence)
    each = _MESSAGES // 50
    readers = []
    for number in range(50):
        client = bulk.Client(_PORT, f"sub{number}")
        client.subscribe(f"s/{number:04}")
        readers.append(bulk.Subscriber(client, 6, each))
    cpu_us, _ = broker.measure(_MESSAGES, *readers, *_publishers(_topics(_MESSAGES, 50), 50, 20))
    broker.stop()
    return cpu_us


def window_of_one(binary, directory, count=2000):
    """One publisher that waits for each PUBACK; beside a commit of one row by SQLite alone."""
    broker = Broker(binary, directory)
    client = bulk.Client(_PORT, "sub", clean=False)
    client.subscribe("s/0000")
    client.close()
    _, acknowledged_s = broker.measure(count, *_publishers(["s/0000"] * count, 1, 1))
    broker.stop()
    with sqlite3.connect(directory / "alone.db", isolation_level=None) as alone:
        alone.execute("PRAGMA journal_mode=WAL")
        alone.execute("PRAGMA synchronous=FULL")
        alone.execute("CREATE TABLE message(id INTEGER PRIMARY KEY, payload BLOB)")
        began = time.monotonic()
        for _ in range(count):
            alone.execute("INSERT INTO message(payload) VALUES(?)", (bytes(100),))
        committed_s = (time.monotonic() - began) / count
    return {
        "window 1, us to a PUBACK": acknowledged_s * 1e6,
        "the same, us for SQLite's commit alone": committed_s * 1e6,
    }


def cold_start(binary, directory, stored):
    """`stored` queued and `stored` retained messages, and nothing of them in the system's cache."""
    broker = Broker(binary, directory)
    for number in range(20):
        client = bulk.Client(_PORT, f"sub{number}", clean=False)
        client.subscribe(f"s/{number:04}")
        client.close()
    bulk.run(*_publishers(_topics(stored, 20), 20, 100))
    topics = [f"r/{n // 1000:04}/{n % 1000:04}" for n in range(stored)]
    packets = bulk.publishes(topics, retain=True)
    bulk.run(bulk.Publisher(bulk.Client(_PORT, "retainer"), packets, 1000))
    broker.stop()
    os.sync()
    try:
        pathlib.Path("/proc/sys/vm/drop_caches").write_text("3")
        state = "cold"
    except OSError:
        state = "not cold: only root can empty the system's cache"
    broker = Broker(binary, directory, threads=2)
    result = {
        f"{stored:,} queued and retained, s to the first CONNACK ({state})": broker.connect_time,
        "the same, resident MiB": broker.resident_bytes() / 2**20,
    }
    broker.stop()
    return result


def _in_own_directory(options, measure, *arguments):
    directory = pathlib.Path(tempfile.mkdtemp(prefix="durability-", dir=options.directory))
    try:
        return measure(options.broker, directory, *arguments)
    finally:
        shutil.rmtree(directory)


def measure_all(options):
    """Lists of figures by name; one for each run."""
    figures = {}

    def note(result):
        for name, value in result.items():
            figures.setdefault(name, []).append(value)

    for number in range(options.runs):
        print(f"run {number + 1} of {options.runs}", file=sys.stderr)
        note(_in_own_directory(options, queue_and_drain))
        with_store = _in_own_directory(options, live_traffic, True)
        without = _in_own_directory(options, live_traffic, False)
        note({
            "live QoS 1, CPU us each, with the store": with_store,
            "the same without": without,
            "the same, ratio": with_store / without,
        })
        note(_in_own_directory(options, window_of_one))
        note(_in_own_directory(options, cold_start, options.stored))
    note(_in_own_directory(options, rows_of_a_fan))
    return figures


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--broker", default=_ROOT / "build/release/martlet", type=pathlib.Path)
    parser.add_argument("--directory", default=".", type=pathlib.Path)
    parser.add_argument("--runs", default=3, type=int)
    parser.add_argument("--stored", default=1_000_000, type=int)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    options.broker = options.broker.resolve()
    options.directory = options.directory.resolve()
    os.sched_setaffinity(0, {_CORES[-1]})
    figures = measure_all(options)
    medians.print_figures(figures, options.json)


if __name__ == "__main__":
    main()

"""What a broker costs, measured from outside: CPU, memory, latency, and what was lost.

    broker_figures.py [--runs N] [--rows NAME,...] [--variations | --latency | --threads N] [--json]
    broker_figures.py --at HOST:PORT [--pid PID] [--tls [--cafile FILE]] [the same options]

Without --at: Martlet (one thread), the null broker (the floor) and mosquitto, each in its turn, on
the first core, with the load on the last; medians of N runs, and Martlet's ratio to the floor of
the same run. With --at: a broker that runs already, any broker; --pid, on the same machine, adds
the CPU and the memory of its process.

--variations measures around the usual rows, --latency at fixed rates, --threads Martlet alone with
one thread and with N, on any core. What the figures mean, and what they do not:
tests/bench/load/measure.hpp. The rows: tests/bench/broker_rows.py.
"""

import argparse
import dataclasses
import functools
import json
import pathlib
import shlex
import shutil
import subprocess
import sys
import tempfile

import broker_rows
import brokers
from medians import finish, median_of, number, print_table, say

_LOAD = brokers.ROOT / "build/release/tests/bench/load/martlet_load"
_PORT = 18_850
_FLOOR = "floor"
_LIMIT_S = 900


@dataclasses.dataclass(frozen=True)
class Place:
    """Where a broker listens; `pid` None if its process is not to be looked at."""

    host: str
    port: int
    pid: int | None = None
    options: tuple[str, ...] = ()


def measure(load, place):
    """The generator's report, or {"error": its last line}."""
    command = [_LOAD, *shlex.split(load), "--host", place.host, "--port", str(place.port)]
    command += place.options
    if place.pid is not None:
        command += ["--pid", str(place.pid)]
    try:
        result = subprocess.run(
            command, capture_output=True, text=True, timeout=_LIMIT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return {"error": f"not done after {_LIMIT_S} s"}
    if result.returncode != 0:
        return {"error": (result.stderr.strip() or "martlet_load failed").splitlines()[-1]}
    return json.loads(result.stdout)


def measure_latency(load, place):
    """At the fixed rate, and at half of what goes through without one."""
    capacity = measure(f"{load} --outstanding 1000", place)
    if "error" in capacity:
        return {"fixed": capacity, "half": capacity}
    rates = {"fixed": broker_rows.LATENCY_RATE, "half": capacity["per_s"] // 2}
    return {
        name: {"rate": rate, **measure(f"{load} --rate {rate}", place)}
        for name, rate in rates.items()
    }


# --- our own brokers ----------------------------------------------------------------------------


def _with_threads(count, options):
    def start(directory, setup):
        return brokers.martlet(
            options.broker, directory, dataclasses.replace(setup, threads=count)
        )

    return start


def starters(options):
    if options.threads:
        return {count: _with_threads(count, options) for count in (1, options.threads)}
    return {
        "martlet": functools.partial(brokers.martlet, options.broker),
        _FLOOR: functools.partial(brokers.null_broker, brokers.NULL_BROKER),
        "mosquitto": functools.partial(brokers.mosquitto, options.mosquitto),
    }


def measure_afresh(start, row, certificates, directory, measure_row):
    """With a broker that has done nothing before."""
    own = pathlib.Path(tempfile.mkdtemp(prefix="broker-figures-", dir=directory))
    setup = brokers.Setup(_PORT, certificates if row.over_tls else None, row.is_stored)
    tls = ("--tls", "--cafile", str(certificates / "ca.crt")) if row.over_tls else ()
    try:
        with start(own, setup) as broker:
            host = "localhost" if row.over_tls else "127.0.0.1"
            place = Place(host, _PORT, broker.pid, ("--leave", *tls))
            return measure_row(row.load, place)
    finally:
        shutil.rmtree(own)


def measure_brokers(options, rows, measure_row):
    """Reports by row and broker: {row: {broker: [report, ...]}}."""
    reports = {row.name: {} for row in rows}
    with tempfile.TemporaryDirectory(prefix="broker-figures-") as certificates:
        certificates = pathlib.Path(certificates)
        brokers.make_certificates(certificates)
        for run in range(options.runs):
            for row in rows:
                for name, start in starters(options).items():
                    if name == _FLOOR and not row.has_floor:
                        continue
                    say(f"run {run + 1} of {options.runs}: {row.name}, {name}")
                    report = measure_afresh(
                        start, row, certificates, options.directory, measure_row
                    )
                    reports[row.name].setdefault(name, []).append(report)
    return reports


# --- tables -------------------------------------------------------------------------------------


def values_of(figure, reports):
    return [None if "error" in report else figure.value(report) for report in reports]


def ratios(values, floors):
    return [
        value / floor if value is not None and floor else None
        for value, floor in zip(values, floors)
    ]


def lost_in(reports):
    """Over all runs."""
    if any("error" in report for report in reports):
        return "failed"
    return f"{sum(report['lost'] for report in reports):,}"


def lost_by(by_broker):
    """Who has lost how much."""
    lost = {name: lost_in(reports) for name, reports in by_broker.items()}
    return ", ".join(f"{name} {text}" for name, text in lost.items() if text != "0") or "0"


def figure_line(figure, by_broker):
    values = {name: values_of(figure, reports) for name, reports in by_broker.items()}
    medians = {name: median_of(each) for name, each in values.items()}
    ours = medians.get("martlet")
    ratio = median_of(ratios(values.get("martlet", []), values.get(_FLOOR, [])))
    return (
        figure.title,
        number(ours, figure.unit),
        number(medians.get(_FLOOR)),
        number(medians.get("mosquitto")),
        number(ratio),
        figure.goal(ours, ratio),
        lost_by(by_broker),
    )


def print_figures(rows, reports):
    print_table(
        ("", "martlet", _FLOOR, "mosquitto", "martlet/floor", "goal", "lost"),
        [figure_line(figure, reports[row.name]) for row in rows for figure in row.figures],
    )


def latency_line(title, reports):
    def median(key):
        return median_of(report.get(key) for report in reports)

    return (
        title,
        number(median("rate")),
        *(number(median(key)) for key in ("p50_us", "p99_us", "p999_us", "max_us")),
        lost_in(reports),
    )


def print_latencies(rows, reports):
    lines = []
    for row in rows:
        for at, text in (("fixed", "fixed rate"), ("half", "half of its capacity")):
            for name, each in reports[row.name].items():
                title = f"{row.figures[0].title}, {text}: {name}"
                lines.append(latency_line(title, [report[at] for report in each]))
    heads = ("us from when it was due", "a second", "p50", "p99", "p99.9", "max", "lost")
    print_table(heads, lines)


def threads_line(figure, by_count):
    """Which shard a client belongs to is drawn anew for each broker, so `least` and `most` too."""
    one, many = (
        [value for value in values_of(figure, reports) if value is not None]
        for reports in by_count.values()
    )
    pace = [median_of(report.get("per_s") for report in reports) for reports in by_count.values()]
    return (
        figure.title,
        number(median_of(one), figure.unit),
        *map(number, (median_of(many), min(many, default=None), max(many, default=None))),
        number(median_of(many) / median_of(one) if one and many else None),
        *(number(each) for each in pace),
        lost_by(by_count),
    )


def print_threads(rows, reports, count):
    heads = ("", "1 thread", count, "least", "most", f"{count} / 1", "a second, 1", count, "lost")
    print_table(heads, [threads_line(row.figures[0], reports[row.name]) for row in rows])


# --- a broker that runs already -----------------------------------------------------------------


def place_of(options):
    host, _, port = options.at.rpartition(":")
    if not host or not port.isdigit():
        sys.exit(f"broker_figures.py: --at {options.at}: expected HOST:PORT")
    tls = ["--tls"] if options.tls else []
    if options.cafile:
        tls += ["--cafile", str(options.cafile.resolve())]
    return Place(host.strip("[]"), int(port), options.pid, tuple(tls))


def measure_there(options, rows, measure_row):
    place = place_of(options)
    reports = {row.name: {} for row in rows}
    for run in range(options.runs):
        for row in rows:
            say(f"run {run + 1} of {options.runs}: {row.name}")
            reports[row.name].setdefault(options.at, []).append(measure_row(row.load, place))
    return reports


def line_there(figure, reports, has_pid):
    """Its pace, where it has one; its cost, where its process is known."""

    def median(key):
        return median_of(report.get(key) for report in reports)

    pace = figure.key.replace("cpu_us", "per_s")
    return (
        figure.title,
        number(median(pace)) if pace != figure.key else "-",
        number(median_of(values_of(figure, reports)), figure.unit) if has_pid else "-",
        number(median("p50_us")),
        number(median("p99_us")),
        lost_in(reports),
    )


def print_there(rows, reports, has_pid):
    print_table(
        ("", "a second", "CPU, memory", "p50 us", "p99 us", "lost"),
        [
            line_there(figure, each, has_pid)
            for row in rows
            for each in reports[row.name].values()
            for figure in row.figures
        ],
    )


# --- the whole ----------------------------------------------------------------------------------


def errors_in(reports):
    """A line for each."""
    lines = []
    for row, by_broker in reports.items():
        for name, each in by_broker.items():
            parts = [part for report in each for part in (report, *report.values())]
            errors = {part["error"] for part in parts if isinstance(part, dict) and "error" in part}
            lines += [f"{row}, {name}: {error}" for error in sorted(errors)]
    return lines


def chosen_rows(options):
    rows = broker_rows.ROWS
    if options.variations:
        rows = broker_rows.VARIATIONS
    elif options.latency:
        rows = broker_rows.LATENCIES
    elif options.threads:
        rows = tuple(row for row in rows if row.name in broker_rows.WITH_THREADS)
    if options.at:  # there, all rows are over TLS or none
        rows = tuple(row for row in rows if not row.over_tls)
    if not options.rows:
        return rows
    by_name = {row.name: row for row in rows}
    names = options.rows.split(",")
    unknown = [name for name in names if name not in by_name]
    if unknown:
        sys.exit(f"broker_figures.py: --rows {unknown[0]}: expected some of {', '.join(by_name)}")
    return tuple(by_name[name] for name in names)


def parse():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--at", metavar="HOST:PORT")
    parser.add_argument("--pid", type=int)
    parser.add_argument("--tls", action="store_true")
    parser.add_argument("--cafile", type=pathlib.Path)
    parser.add_argument("--runs", type=int, help="5, or 1 with --at")
    parser.add_argument("--rows", metavar="NAME,...")
    parser.add_argument("--json", action="store_true")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--variations", action="store_true")
    which.add_argument("--latency", action="store_true")
    which.add_argument("--threads", type=int, metavar="N")
    parser.add_argument("--broker", type=pathlib.Path, default=brokers.MARTLET)
    parser.add_argument("--mosquitto", type=pathlib.Path, default=brokers.MOSQUITTO)
    parser.add_argument("--directory", type=pathlib.Path, help="for what is stored; on a disk")
    options = parser.parse_args()
    if options.at and options.threads:
        parser.error("--threads: expected without --at")
    options.runs = options.runs or (1 if options.at else 5)
    options.broker = options.broker.resolve()
    return options


def main():
    options = parse()
    rows = chosen_rows(options)
    brokers.use_last_core()
    measure_row = measure_latency if options.latency else measure
    measure_all = measure_there if options.at else measure_brokers
    reports = measure_all(options, rows, measure_row)
    if options.json:
        print(json.dumps(reports, indent=2))
    elif options.latency:
        print_latencies(rows, reports)
    elif options.threads:
        print_threads(rows, reports, options.threads)
    elif options.at:
        print_there(rows, reports, options.pid is not None)
    else:
        print_figures(rows, reports)
    return finish(errors_in(reports))


if __name__ == "__main__":
    sys.exit(main())

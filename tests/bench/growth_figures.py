"""Cost per operation against N: whether what Martlet does gets dearer the more there is of it.

    growth_figures.py [--runs N] [--operations NAME,...] [--json] [--svg FILE]
    growth_figures.py --from FILE [--json] [--svg FILE]      draws what --json has printed

Medians of N runs (default 3), each of them a process of its own, on the last core. Time is CPU time
for each operation: of the benchmark, or of the broker's process for the connections. Bytes are what
the allocator has handed out for each thing that is kept, or what the process has grown by.
"""

import argparse
import dataclasses
import functools
import json
import os
import pathlib
import statistics
import subprocess
import sys

import broker_figures
import broker_rows
import brokers
import growth_plot
import medians

_BENCH = brokers.ROOT / "build/release/tests/bench/martlet_bench"
_MIN_TIME_S = 0.2
# As the broker sets up its own (server/app/host.cpp). With the usual 128 KiB, the end of a large
# fan-out would give back to the kernel what the next one asks for.
_ALLOCATOR = "glibc.malloc.trim_threshold=67108864:glibc.malloc.mmap_threshold=4194304"
_LIMIT_S = 900
_TITLE = "Martlet: cost per operation against N"

_CONNECTIONS = "connections"
# With the broker's end and the load's each within 20,000 open files, which is a usual limit.
_CONNECTION_COUNTS = (1_000, 5_000, 10_000, 19_000)
# The broker's CPU is counted in steps of 10 ms, so few clients are let in more than once.
_CONNECTIONS_A_RUN = 20_000

_NS = {"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9}


@dataclasses.dataclass(frozen=True)
class Operation:
    """`name` is the benchmark's. What is kept for each is `bytes_of`, if anything is."""

    name: str
    title: str
    bytes_of: str = ""


OPERATIONS = {
    operation.name: operation
    for operation in (
        Operation("match_mixed", "match a topic"),
        Operation("add_mixed", "add a subscription", "subscription"),
        Operation("match_deep", "match a topic"),
        Operation("find_retained", "find one"),
        Operation("set_new_retained", "set a new one", "retained message's entry"),
        Operation("route_qos0", "each delivery at QoS 0"),
        Operation("connect_clients", "CONNECT to CONNACK", "session, in process"),
        Operation(_CONNECTIONS, "connect over TCP", "idle TCP client"),
    )
}

# A panel: what it is about, what N is, what is drawn, of which operations.
PANELS = (
    ("Subscriptions", "subscriptions there are", "ns", ("match_mixed", "add_mixed")),
    (
        "Retained messages",
        "retained messages there are",
        "ns",
        ("find_retained", "set_new_retained"),
    ),
    ("Depth of a topic", "levels, a filter matching at each", "ns", ("match_deep",)),
    ("Fan-out, in process", "subscribers of the one topic", "ns", ("route_qos0",)),
    ("Sessions, in process", "clients let in one after the other", "ns", ("connect_clients",)),
    ("Connections to a running broker", "clients connected", "ns", (_CONNECTIONS,)),
    (
        "Memory for what is routed by",
        "how many there are",
        "bytes",
        ("add_mixed", "set_new_retained"),
    ),
    ("Memory for who is there", "how many there are", "bytes", ("connect_clients", _CONNECTIONS)),
)


# --- running ------------------------------------------------------------------------------------


def read_benchmarks(report):
    """{N: {"ns": ..., "bytes": ...}} from Google Benchmark's JSON; bytes only if it counts them."""
    figures = {}
    for each in json.loads(report)["benchmarks"]:
        if each["run_type"] != "iteration":  # what it makes of several: complexity, means
            continue
        assert not each.get("error_occurred"), each
        size = int(each["name"].split("/")[1])
        if "each" in each:
            ns = each["each"] * 1e9
        else:
            ns = each["cpu_time"] * _NS[each["time_unit"]]
        figures[size] = {"ns": ns}
        if "heap_bytes_each" in each:
            figures[size]["bytes"] = each["heap_bytes_each"]
    return figures


def run_benchmark(name):
    """All its sizes. A second argument is the size of a batch: only batches of one."""
    command = [
        _BENCH,
        f"--benchmark_filter=^{name}/[0-9]+(/1)?$",
        f"--benchmark_min_time={_MIN_TIME_S}",
        "--benchmark_format=json",
    ]
    result = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        env={**os.environ, "GLIBC_TUNABLES": _ALLOCATOR},
        timeout=_LIMIT_S,
        check=True,
    )
    figures = read_benchmarks(result.stdout)
    assert figures, f"martlet_bench knows no {name}"
    return figures


def connect_once(binary, count):
    """Each time to a broker that has done nothing before."""
    load = f"conns --clients {count} --concurrency 100 --hold 0.5"
    row = broker_rows.Row(_CONNECTIONS, load, ())
    start = functools.partial(brokers.martlet, binary)
    report = broker_figures.measure_afresh(start, row, None, None, broker_figures.measure)
    if "error" in report:
        sys.exit(f"growth_figures.py: {count} connections: {report['error']}")
    return report


def run_connections(binary):
    figures = {}
    for count in _CONNECTION_COUNTS:
        times = -(-_CONNECTIONS_A_RUN // count)
        reports = [connect_once(binary, count) for _ in range(times)]
        figures[count] = {
            "ns": 1e3 * statistics.fmean(report["cpu_us"] for report in reports),
            "bytes": statistics.fmean(report["bytes_each"] for report in reports),
        }
    return figures


def measure(options):
    """{operation: {N: {"ns" or "bytes": [a value of each run]}}}"""
    measured = {name: {} for name in options.operations}
    for run in range(options.runs):
        for name, sizes in measured.items():
            medians.say(f"run {run + 1} of {options.runs}: {name}")
            if name == _CONNECTIONS:
                figures = run_connections(options.broker)
            else:
                figures = run_benchmark(name)
            for size, values in figures.items():
                for kind, value in values.items():
                    sizes.setdefault(size, {}).setdefault(kind, []).append(value)
    return measured


def read_measured(file):
    """What --json has printed; there N is text, as JSON has no other keys."""
    measured = json.loads(file.read_text())
    return {
        name: {int(size): values for size, values in sizes.items()}
        for name, sizes in measured.items()
    }


# --- showing ------------------------------------------------------------------------------------


def time_text(ns):
    value, unit = (ns, "ns") if ns < 1000 else (ns / 1000, "us")
    return f"{float(f'{value:.3g}'):,g} {unit}"


def bytes_text(count):
    return f"{count:,.0f} B"


TEXTS = {"ns": time_text, "bytes": bytes_text}


def points(measured, name, kind):
    """((N, median), ...), by rising N."""
    return tuple(
        (size, statistics.median(values[kind]))
        for size, values in sorted(measured[name].items())
        if kind in values
    )


def table_lines(measured):
    """`times the first` is what the growth of N has done to the time."""
    for name in measured:
        times, kept = points(measured, name, "ns"), dict(points(measured, name, "bytes"))
        for size, ns in times:
            yield (
                name,
                f"{size:,}",
                time_text(ns),
                f"{ns / times[0][1]:.2f}",
                bytes_text(kept[size]) if size in kept else "-",
            )


def panel_of(measured, title, x_name, kind, names):
    """None if nothing of it has been measured."""
    lines = []
    for name in names:
        operation = OPERATIONS[name]
        line_name = operation.title if kind == "ns" else operation.bytes_of
        if name in measured:
            lines.append(growth_plot.Line(line_name, points(measured, name, kind)))
    return growth_plot.Panel(title, x_name, TEXTS[kind], tuple(lines)) if lines else None


def draw(measured):
    panels = [panel_of(measured, *panel) for panel in PANELS]
    return growth_plot.svg(_TITLE, [panel for panel in panels if panel is not None])


# --- the whole ----------------------------------------------------------------------------------


def parse():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--operations", metavar="NAME,...", help=", ".join(OPERATIONS))
    parser.add_argument("--from", dest="source", metavar="FILE", type=pathlib.Path)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--svg", metavar="FILE", type=pathlib.Path)
    parser.add_argument("--broker", type=pathlib.Path, default=brokers.MARTLET)
    options = parser.parse_args()
    options.operations = options.operations.split(",") if options.operations else list(OPERATIONS)
    unknown = [name for name in options.operations if name not in OPERATIONS]
    if unknown:
        parser.error(f"--operations {unknown[0]}: expected some of {', '.join(OPERATIONS)}")
    if options.runs < 1:
        parser.error(f"--runs {options.runs}: expected 1 or more")
    options.broker = options.broker.resolve()
    return options


def main():
    options = parse()
    if options.source:
        measured = read_measured(options.source)
    else:
        brokers.use_last_core()
        measured = measure(options)
    if options.json:
        print(json.dumps(measured, indent=2))
    else:
        heads = ("", "N", "each", "times the first", "kept for each")
        medians.print_table(heads, list(table_lines(measured)))
    if options.svg:
        options.svg.write_text(draw(measured))


if __name__ == "__main__":
    main()

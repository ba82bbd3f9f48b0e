"""Whether what others do to a broker hurts everybody's latency, beside mosquitto in the same run.

    disturbance_figures.py [--runs N] [--disturbances NAME,...] [--rate N] [--directory DIR]
                           [--broker FILE] [--mosquitto FILE] [--json]

A steady load (steady_load.py: 1 to 1, QoS 1, clean sessions, plain TCP) runs alone for a while and
then beside a disturbance (disturbances.py). Latency counts from when a message was due; each is
that of the messages that were due in the period. The broker has one thread (Martlet's store has one
more) and the first core; all clients have the last.

So that it is the broker that is measured, and not who gets the last core: the clients that disturb
have the policy SCHED_IDLE there, by which the steady load gets the core as soon as it wants it.
What they add to its latency all the same is measured: a witness, the same load at a lower rate,
goes through a null broker that has the last core as well, during the same time. What the witness
does not show is the broker's.

"CPU s" is what the disturbance costs the broker: its CPU time meanwhile, less what the steady load
costs it alone in as long a time. "waited" is how long its threads stood in line for their core
meanwhile: behind one another, which only the store's can, or behind strangers, and then the machine
is not quiet and the figures are not the broker's.
"""

import argparse
import contextlib
import dataclasses
import functools
import json
import multiprocessing
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import brokers  # noqa: E402
import disturbances  # noqa: E402
from medians import finish, median_of, number, print_table, say  # noqa: E402

_PORT = 18_860
_WITNESS_PORT = 18_870
_WITNESS_RATE = 500
_STEADY_LOAD = pathlib.Path(__file__).with_name("steady_load.py")
_WARM_UP_S = 1
_ALONE_S = 4
_LIMIT_S = 400
_QUANTILES = {"p50_us": 0.5, "p99_us": 0.99, "p999_us": 0.999, "max_us": 1}


@dataclasses.dataclass(frozen=True)
class Period:
    """Of the clock that never jumps, and what the broker's threads had and lacked in it."""

    from_ns: int
    to_ns: int
    cpu_s: float
    waited_s: float

    @property
    def seconds(self):
        return (self.to_ns - self.from_ns) / 1e9


class PeriodClock:
    def __init__(self, broker):
        self._broker = broker
        self._from_ns = time.monotonic_ns()
        self._cpu_s, self._waited_s = broker.cpu_s(), broker.waited_s()

    def stop(self):
        cpu_s = self._broker.cpu_s() - self._cpu_s
        waited_s = self._broker.waited_s() - self._waited_s
        return Period(self._from_ns, time.monotonic_ns(), cpu_s, waited_s)


class SteadyLoad:
    """A process of its own, until report()."""

    def __init__(self, port, rate):
        command = [sys.executable, "-B", _STEADY_LOAD, str(port), str(rate)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
        )
        self._report = None

    def report(self):
        output, _ = self._process.communicate(timeout=_LIMIT_S)
        if self._process.returncode != 0:
            raise RuntimeError("the steady load has failed")
        self._report = json.loads(output)

    def latencies(self, period):
        """Of the messages that were due in it and have come."""
        start_ns, interval_ns = self._report["start_ns"], self._report["interval_ns"]
        first = max(0, -(-(period.from_ns - start_ns) // interval_ns))
        end = max(first, -(-(period.to_ns - start_ns) // interval_ns))
        late_ns = sorted(each for each in self._report["late_ns"][first:end] if each is not None)
        return {
            key: late_ns[min(len(late_ns) - 1, int(share * len(late_ns)))] / 1000
            for key, share in _QUANTILES.items()
            if late_ns
        }

    def lost(self):
        return self._report["late_ns"].count(None)

    def end(self):
        self._process.kill()
        self._process.wait()


@contextlib.contextmanager
def running_load(port, rate):
    load = SteadyLoad(port, rate)
    try:
        yield load
    finally:
        load.end()


@contextlib.contextmanager
def running_witness(directory):
    """A null broker on the last core, and the load through it."""
    start = brokers.null_broker(brokers.NULL_BROKER, directory, brokers.Setup(_WITNESS_PORT))
    with start as broker:
        os.sched_setaffinity(broker.pid, {brokers.CORES[-1]})
        with running_load(_WITNESS_PORT, _WITNESS_RATE) as load:
            yield load


# --- the disturbance ----------------------------------------------------------------------------


def _act(result, disturbance, scene, prepared):
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    clock = PeriodClock(scene.broker)
    try:
        note = disturbance.act(scene, prepared)
    except Exception as error:  # whatever it is, it is for the report
        result.send((None, f"{type(error).__name__}: {error}"))
    else:
        result.send((clock.stop(), note))


def act(disturbance, scene, prepared):
    """In a process of its own, with all that it starts. Returns the period and its words."""
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(False)
    process = context.Process(target=_act, args=(sender, disturbance, scene, prepared))
    process.start()
    try:
        if not receiver.poll(_LIMIT_S):
            raise RuntimeError(f"not done after {_LIMIT_S} s")
        period, note = receiver.recv()
    finally:
        process.kill()
        process.join()
    if period is None:
        raise RuntimeError(note)
    return period, note


def setup_for(disturbance, directory, certificates):
    """Of the broker; its certificates are a copy, to be replaced."""
    if not disturbance.over_tls:
        return brokers.Setup(_PORT, persistence=disturbance.is_stored)
    own = directory / "certificates"
    shutil.copytree(certificates[0], own)
    return brokers.Setup(_PORT, own, disturbance.is_stored, plain_beside=True)


def measure(disturbance, start, rate, directory, certificates):
    setup = setup_for(disturbance, directory, certificates)
    plain_port = _PORT + 1 if setup.plain_beside else _PORT
    with start(directory, setup) as broker:
        scene = disturbances.Scene(
            broker,
            directory,
            plain_port,
            _PORT if disturbance.over_tls else None,
            setup.certificates,
            certificates[1:],
        )
        prepared = disturbance.prepare(scene)
        with running_witness(directory) as witness, running_load(plain_port, rate) as load:
            time.sleep(_WARM_UP_S)
            clock = PeriodClock(broker)
            time.sleep(_ALONE_S)
            alone = clock.stop()
            beside, note = act(disturbance, scene, prepared)
            load.report()
            witness.report()
    return {
        "alone": load.latencies(alone),
        "beside": load.latencies(beside),
        "witness_alone": witness.latencies(alone),
        "witness_beside": witness.latencies(beside),
        "seconds": beside.seconds,
        "cpu_s": beside.cpu_s - alone.cpu_s / alone.seconds * beside.seconds,
        "waited_s": beside.waited_s,
        "waited_alone_s": alone.waited_s,
        "lost": load.lost(),
        "note": note,
    }


def measure_afresh(disturbance, start, options, certificates):
    """With a broker that has done nothing before. What goes wrong is {"error": text}."""
    directory = pathlib.Path(
        tempfile.mkdtemp(prefix="disturbance-figures-", dir=options.directory)
    )
    try:
        return measure(disturbance, start, options.rate, directory, certificates)
    except (AssertionError, OSError, RuntimeError, subprocess.SubprocessError) as error:
        return {"error": f"{type(error).__name__}: {error}"}
    finally:
        shutil.rmtree(directory)


def measure_all(options, chosen):
    """Reports by disturbance and broker: {name: {broker: [report, ...]}}."""
    peers = {
        "martlet": functools.partial(brokers.martlet, options.broker),
        "mosquitto": functools.partial(brokers.mosquitto, options.mosquitto),
    }
    reports = {each.name: {name: [] for name in each.peers} for each in chosen}
    with tempfile.TemporaryDirectory(prefix="disturbance-figures-") as directory:
        certificates = [pathlib.Path(directory) / str(number) for number in range(3)]
        for each in certificates:
            brokers.make_certificates(each)
        for run in range(options.runs):
            for each in chosen:
                for name in each.peers:
                    say(f"run {run + 1} of {options.runs}: {each.name}, {name}")
                    report = measure_afresh(each, peers[name], options, certificates)
                    reports[each.name][name].append(report)
    return reports


# --- the table ----------------------------------------------------------------------------------


def line(title, reports):
    """Medians; what was lost over all runs; the words of the last."""
    good = [report for report in reports if "error" not in report]

    def median(key):
        return number(median_of(report[key] for report in good))

    def latency(period, key):
        return number(median_of(report[period].get(key) for report in good))

    return (
        title,
        latency("alone", "p50_us"),
        latency("alone", "p99_us"),
        *(latency("beside", key) for key in _QUANTILES),
        latency("witness_beside", "p99_us"),
        latency("witness_beside", "max_us"),
        median("seconds"),
        median("cpu_s"),
        median("waited_s"),
        f"{sum(report['lost'] for report in good):,}" if good else "-",
        good[-1]["note"] if len(good) == len(reports) else "failed",
    )


def print_figures(chosen, reports):
    heads = (
        "us from when it was due",
        *("p50 alone", "p99 alone", "p50", "p99", "p99.9", "max"),
        *("witness p99", "max", "s", "CPU s", "waited", "lost", "what was done"),
    )
    print_table(
        heads,
        [
            line(f"{each.title}: {name}", by_run)
            for each in chosen
            for name, by_run in reports[each.name].items()
        ],
    )


def errors_in(reports):
    return [
        f"{disturbance}, {name}: {report['error']}"
        for disturbance, by_broker in reports.items()
        for name, by_run in by_broker.items()
        for report in by_run
        if "error" in report
    ]


def parse():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = [each.name for each in disturbances.ALL]
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--disturbances", metavar="NAME,...", default=",".join(names))
    parser.add_argument("--rate", type=int, default=2000, help="of the steady load, a second")
    parser.add_argument("--directory", type=pathlib.Path, help="for what is stored; on a disk")
    parser.add_argument("--broker", type=pathlib.Path, default=brokers.MARTLET)
    parser.add_argument("--mosquitto", type=pathlib.Path, default=brokers.MOSQUITTO)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    options.broker = options.broker.resolve()
    for name in options.disturbances.split(","):
        if name not in names:
            parser.error(f"--disturbances {name}: expected some of {', '.join(names)}")
    return options


def main():
    options = parse()
    chosen = [each for each in disturbances.ALL if each.name in options.disturbances.split(",")]
    brokers.use_last_core()
    reports = measure_all(options, chosen)
    if options.json:
        print(json.dumps(reports, indent=2))
    else:
        print_figures(chosen, reports)
    return finish(errors_in(reports))


if __name__ == "__main__":
    sys.exit(main())

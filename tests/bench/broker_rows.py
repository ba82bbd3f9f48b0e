"""What broker_figures.py measures: a row is one run of the load generator and what is read from it.

CPU figures are microseconds of the broker's process for each message delivered (connection opened,
filter granted, message stored), memory is its resident bytes for each. Rows run long enough to
cost a broker that keeps its core busy two seconds.
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Figure:
    """`key` in the generator's report. The goal is `at_most`, or that many times the floor."""

    title: str
    key: str = "cpu_us"
    unit: str = "us"
    at_most: float | None = None
    times_floor: float | None = None

    def value(self, report):
        return report[self.key] / (1024 if self.unit == "KiB" else 1)

    def goal(self, value, ratio):
        """As text, with a word if `value`, or its `ratio` to the floor, is above it."""
        if self.times_floor is not None:
            text, is_above = f"{self.times_floor} x", ratio is not None and ratio > self.times_floor
        elif self.at_most is not None:
            text, is_above = f"{self.at_most:g}", value is not None and value > self.at_most
        else:
            return "-"
        return f"above {text}" if is_above else text


@dataclasses.dataclass(frozen=True)
class Row:
    """`has_floor`: the null broker can do it. `is_stored`: the brokers run with persistence."""

    name: str
    load: str
    figures: tuple[Figure, ...]
    over_tls: bool = False
    has_floor: bool = True
    is_stored: bool = False


def _stored(name, load, *figures):
    return Row(name, load, figures, has_floor=False, is_stored=True)


_CLOSED_LOOP = "pubsub --secs 4 --outstanding 2000"
_LARGE = "pubsub --secs 4 --outstanding 20 --payload 65536"
_CONNECTIONS = "conns --clients 9000 --concurrency 100"

ROWS = (
    Row("qos0-1-1", _CLOSED_LOOP, (Figure("QoS 0, 1 to 1", times_floor=1.25),)),
    Row(
        "qos0-100-1",
        f"{_CLOSED_LOOP} --pubs 100",
        (Figure("QoS 0, 100 to 1", times_floor=1.15),),
    ),
    Row(
        "qos0-1-1000",
        "pubsub --secs 4 --subs 1000 --outstanding 100000",
        (Figure("QoS 0, 1 to 1000, pipelined", times_floor=1.4),),
    ),
    Row(
        "qos0-1-1000-single",
        "pubsub --secs 4 --subs 1000 --one-at-a-time",
        (Figure("QoS 0, 1 to 1000, one at a time", times_floor=1.2),),
    ),
    Row(
        "qos1-50-50",
        "pubsub --secs 4 --qos 1 --pubs 50 --subs 50 --topics 50",
        (Figure("QoS 1, 50 to 50", times_floor=1.6),),
    ),
    Row(
        "qos1-1-1",
        "pubsub --secs 4 --qos 1 --window 20",
        (Figure("QoS 1, 1 to 1, window 20", times_floor=1.4),),
    ),
    Row("64k", _LARGE, (Figure("QoS 0, 64 KiB", times_floor=1.15),)),
    Row("tls-64b", _CLOSED_LOOP, (Figure("TLS, 64 B", at_most=0.6),), over_tls=True),
    Row("tls-64k", _LARGE, (Figure("TLS, 64 KiB", at_most=100),), over_tls=True),
    Row("flood", "pubsub --secs 4", (Figure("QoS 0 flood, 1 to 1, no pacing", at_most=0.6),)),
    Row(
        "connections",
        _CONNECTIONS,
        (
            Figure("connection, to its CONNACK"),
            Figure("connection, idle", "bytes_each", "KiB", at_most=1.0),
        ),
    ),
    Row(
        "tls-connections",
        _CONNECTIONS,
        (
            Figure("TLS connection, to its CONNACK", at_most=250),
            Figure("TLS connection, idle", "bytes_each", "KiB", at_most=14.5),
        ),
        over_tls=True,
    ),
    Row(
        "subscriptions",
        "subs --clients 100 --filters 1000000",
        (
            Figure("1 M subscriptions, each", "subscribe_cpu_us", at_most=2),
            Figure("1 M subscriptions, memory each", "bytes_each", "B", at_most=250),
            Figure("publish against 1 M filters", "publish_cpu_us", at_most=1.5),
        ),
        has_floor=False,
    ),
    _stored(
        "offline",
        "offline --clients 200 --msgs 400000 --window 100",
        Figure("offline queue, enqueue", "enqueue_cpu_us", at_most=6),
        Figure("offline queue, drain", "drain_cpu_us", at_most=3),
        Figure("offline queue, memory each", "bytes_each", "B", at_most=120),
    ),
    _stored(
        "retained",
        "retained --msgs 1000000 --qos 0",
        Figure("retained, set", "set_cpu_us", at_most=2),
        Figure("retained, drain", "drain_cpu_us", at_most=1),
        Figure("retained, memory each", "bytes_each", "B", at_most=300),
    ),
    _stored(
        "retained-qos1",
        "retained --msgs 200000 --qos 1 --window 100",
        Figure("retained, set and on disk", "set_cpu_us"),
    ),
)


# What is worth a look with several threads: what may cross from one to another.
WITH_THREADS = ("qos0-1-1", "qos0-100-1", "qos0-1-1000", "qos1-50-50", "qos1-1-1", "64k")


def _variation(name, load, title):
    return Row(name, load, (Figure(title),))


# Away from the rows above in one direction at a time, to see where it gets worse.
VARIATIONS = (
    *(
        _variation(f"payload-{size}", f"{_CLOSED_LOOP} --payload {size}", f"payload {size}")
        for size in (16, 256, 1024, 16384)
    ),
    *(
        _variation(f"topics-{count}", f"{_CLOSED_LOOP} --topics {count}", f"{count} topics")
        for count in (1, 100, 10_000)
    ),
    *(
        _variation(f"batch-{count}", f"{_CLOSED_LOOP} --batch {count}", f"batches of {count}")
        for count in (1, 8, 32)
    ),
    *(
        _variation(
            f"clients-{count}-qos{qos}",
            f"pubsub --secs 4 --qos {qos} --pubs {count} --subs {count} --topics {count}"
            " --outstanding 10000",
            f"QoS {qos}, {count} to {count}",
        )
        for qos in (0, 1)
        for count in (1, 10, 300)
    ),
)

# For latency: each at a fixed rate, and at half of what the broker does of it without one.
LATENCY_RATE = 2000
LATENCIES = (
    Row("latency-qos0", "pubsub --secs 5", (Figure("QoS 0, 1 to 1"),)),
    Row("latency-qos1", "pubsub --secs 5 --qos 1", (Figure("QoS 1, 1 to 1"),)),
    Row(
        "latency-qos1-50",
        "pubsub --secs 5 --qos 1 --pubs 50 --subs 50 --topics 50",
        (Figure("QoS 1, 50 to 50"),),
    ),
)

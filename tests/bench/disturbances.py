"""What some clients, or the operator, do to a broker while others have work for it.

A disturbance is prepared, then it acts, within a process of low priority: what its clients take of
their core is not to be mistaken for the broker's doing.
"""

import dataclasses
import itertools
import json
import os
import pathlib
import shlex
import shutil
import signal
import ssl
import struct
import subprocess
import time

import brokers
import bulk_clients as bulk

_LOAD = brokers.ROOT / "build/release/tests/bench/load/martlet_load"
_LIMIT_S = 300
_RETAINED = 1_000_000
_RELOADS = 10
_RELOAD_INTERVAL_S = 0.3


@dataclasses.dataclass(frozen=True)
class Scene:
    """The broker that is disturbed. `tls_port` None: it has no such listener; `new_certificates`
    are directories with others than those it started with."""

    broker: brokers.Broker
    directory: pathlib.Path
    port: int
    tls_port: int | None
    certificates: pathlib.Path | None
    new_certificates: tuple[pathlib.Path, ...]


def _load(port, text):
    """Runs martlet_load to its end. Returns its report, and its process id: what it names its
    topics by."""
    command = [_LOAD, *shlex.split(text), "--port", str(port)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8"
    )
    try:
        output, errors = process.communicate(timeout=_LIMIT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    if process.returncode != 0:
        raise RuntimeError((errors.strip() or "martlet_load failed").splitlines()[-1])
    return json.loads(output), process.pid


class Disturbance:
    """`title` is for the table. What prepare() returns goes to act(), which returns words on what
    it did."""

    name = title = None
    over_tls = False  # needs a listener with TLS beside the plain one
    is_stored = False
    peers = ("martlet", "mosquitto")

    def prepare(self, scene):
        return None

    def act(self, scene, prepared):
        raise NotImplementedError


class SlowSubscriber(Disturbance):
    """Stops reading what a publisher sends it as fast as it can. At QoS 0, which a broker may drop
    but not refuse."""

    name = "slow-subscriber"
    title = "a flooded subscriber that does not read"

    def prepare(self, scene):
        client = bulk.Client(scene.port, "slow")
        client.subscribe("+/t0/v")
        return client

    def act(self, scene, prepared):
        report, _ = _load(scene.port, "pubsub --subs 0 --secs 4 --warmup 0 --drain 0")
        return f"{report['sent_per_s']:,} a second"


class FanOut(Disturbance):
    """As much as subscribers that read as fast as they can let through."""

    name = "fan-out"
    title = "a publisher to 1,000 subscribers"

    def act(self, scene, prepared):
        report, _ = _load(scene.port, "pubsub --subs 1000 --outstanding 100000 --secs 4 --warmup 0")
        return f"{report['per_s']:,} a second"


class RetainedMessages(Disturbance):
    """They come to one new subscriber that reads as fast as it can."""

    name = "retained"
    title = "a subscription to 1,000,000 retained messages"

    def prepare(self, scene):
        _, pid = _load(scene.port, f"retained --msgs {_RETAINED} --qos 0 --leave")
        return f"load{pid}/r"

    def act(self, scene, prepared):
        # SUBACK, and for each message a header and a topic as martlet_load has named them.
        expected = 5 + sum(
            2 + 2 + len(f"{prepared}/{n // 1000}/d{n % 1000}") + bulk.PAYLOAD
            for n in range(_RETAINED)
        )
        client = bulk.Client(scene.port, "curious")
        client.socket.settimeout(3)
        client.ask_for(f"{prepared}/#")
        buffer = bytearray(1 << 18)
        came = 0
        while came < expected:
            try:
                size = client.socket.recv_into(buffer)
            except TimeoutError:
                return f"{came / expected:.1%} came"
            assert size, "closed by the broker"
            came += size
        client.close()
        return "all came"


class CertificateReload(Disturbance):
    """New files and SIGHUP, several times. Martlet also looks at files because they have changed,
    so it may read them twice each time."""

    name = "certificates"
    title = f"{_RELOADS} reloads of the certificate"
    over_tls = True

    def act(self, scene, prepared):
        for _, source in zip(range(_RELOADS), itertools.cycle(scene.new_certificates)):
            for file in ("server.key", "server.crt"):
                shutil.copy(source / file, scene.certificates / "new")
                os.replace(scene.certificates / "new", scene.certificates / file)
            os.kill(scene.broker.pid, signal.SIGHUP)
            time.sleep(_RELOAD_INTERVAL_S)
        served = ssl.get_server_certificate(("127.0.0.1", scene.tls_port))
        written = (scene.certificates / "server.crt").read_text()
        assert served.strip() == written.strip(), "the last certificate is not served"
        return "the last one is served"


class Checkpoints(Disturbance):
    """A load for persistent sessions that fills the store's log again and again: at 1,000 pages it
    is moved into the database, and begun anew by the next commit."""

    name = "checkpoints"
    title = "the store's log moves into its database"
    is_stored = True
    peers = ("martlet",)  # mosquitto writes its file every half hour

    def act(self, scene, prepared):
        before = _log_number(scene)
        _load(
            scene.port,
            "offline --clients 50 --msgs 60000 --payload 1024 --window 100 --warmup 0 --leave",
        )
        return f"{_log_number(scene) - before} times"


def _log_number(scene):
    """How often SQLite has begun the log anew, as its header counts it."""
    log = scene.directory / "martlet-data" / "martlet.db-wal"
    header = log.read_bytes()[:16] if log.exists() else b""
    return struct.unpack_from("!I", header, 12)[0] if len(header) == 16 else 0


class TlsClients(Disturbance):
    """All connect before the first of them is in. More at one time than this Martlet would keep
    waiting, and send some of them away, as it is configured unless told otherwise."""

    name = "tls-clients"
    title = "4,000 clients connect over TLS at once"
    over_tls = True

    def act(self, scene, prepared):
        report, _ = _load(
            scene.tls_port, "conns --clients 4000 --concurrency 4000 --hold 0 --tls"
        )
        return f"{report['secs']:.2g} s until all are in"


ALL = (
    SlowSubscriber(),
    FanOut(),
    RetainedMessages(),
    CertificateReload(),
    Checkpoints(),
    TlsClients(),
)

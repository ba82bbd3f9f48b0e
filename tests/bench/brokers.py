"""Starts the brokers that are measured, each pinned to the first core and alone in a directory.

    with martlet(BINARY, directory, Setup(port=18850)) as broker: ...

`directory` is the broker's own, and stays. What measures belongs on the last core: use_last_core().
"""

import contextlib
import dataclasses
import os
import pathlib
import resource
import socket
import subprocess
import time

import process_figures as figures

ROOT = pathlib.Path(__file__).resolve().parents[2]
MARTLET = ROOT / "build/release/martlet"
MOSQUITTO = pathlib.Path("/usr/sbin/mosquitto")
NULL_BROKER = ROOT / "build/release/tests/bench/load/martlet_null_broker"
CORES = sorted(os.sched_getaffinity(0))


@dataclasses.dataclass(frozen=True)
class Setup:
    """How a broker is to be; `certificates` is a directory made by certs/generate.sh, for TLS.

    With `plain_beside` there is another listener behind `port`, without TLS and WebSocket. Martlet
    has one thread, so that it has as much of the machine as the others, or with `threads` that
    many, on whatever cores there are.
    """

    port: int
    certificates: pathlib.Path | None = None
    persistence: bool = False
    websockets: bool = False
    plain_beside: bool = False
    threads: int | None = None


def use_last_core():
    """For this process and all that it starts, which may open as many files as is permitted."""
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    os.sched_setaffinity(0, {CORES[-1]})


def make_certificates(directory):
    subprocess.run([ROOT / "certs/generate.sh", directory], check=True)


class Broker:
    """A process on `cores`, the first alone by default, that takes connections at `port`."""

    def __init__(self, command, directory, port, cores=(CORES[0],)):
        self.port = port
        self._process = subprocess.Popen(
            ["taskset", "-c", ",".join(map(str, cores)), *map(str, command)],
            cwd=directory,
            stderr=subprocess.DEVNULL,
        )
        self._await_listener()

    def _await_listener(self):
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            except OSError:
                assert self._process.poll() is None, f"{self._process.args} has ended"
                time.sleep(0.01)

    @property
    def pid(self):
        return self._process.pid

    def cpu_s(self):
        return figures.cpu_s(self.pid)

    def waited_s(self):
        return figures.waited_s(self.pid)

    def resident_bytes(self):
        return figures.resident_bytes(self.pid)

    def stop(self):
        self._process.terminate()
        self._process.wait()


def _common_configuration(setup):
    lines = [
        f"listener {setup.port} 127.0.0.1",
        "allow_anonymous true",
        "log_type error",
        f"persistence {str(setup.persistence).lower()}",
        "max_queued_messages 0",
    ]
    # mosquitto ends at once if it has WebSocket listeners and no other.
    if setup.plain_beside or setup.websockets:
        lines = [f"listener {setup.port + 1} 127.0.0.1", *lines]
    if setup.websockets:
        lines.append("protocol websockets")
    if setup.certificates is not None:
        lines.append(f"certfile {setup.certificates / 'server.crt'}")
        lines.append(f"keyfile {setup.certificates / 'server.key'}")
    return lines


@contextlib.contextmanager
def _running(command, directory, port, cores=(CORES[0],)):
    broker = Broker(command, directory, port, cores)
    try:
        yield broker
    finally:
        broker.stop()


def _configured(binary, directory, lines, port, cores=(CORES[0],)):
    file = directory / "broker.conf"
    file.write_text("\n".join(lines) + "\n")
    return _running([binary, "-c", file], directory, port, cores)


def martlet(binary, directory, setup):
    lines = [*_common_configuration(setup), f"threads {setup.threads or 1}"]
    cores = CORES if setup.threads else CORES[:1]
    return _configured(binary, directory, lines, setup.port, cores)


def mosquitto(binary, directory, setup):
    """With Nagle's algorithm off, as the others have it, and without a limit to its queues.

    Its persistence writes a file every half hour and at the end; what it has acknowledged since is
    lost in a crash. It is here for what the work costs, not for the same promise.
    """
    lines = [
        *_common_configuration(setup),
        "set_tcp_nodelay true",
        f"persistence_location {directory}/",
        "user root",
    ]
    return _configured(binary, directory, lines, setup.port)


def null_broker(binary, directory, setup):
    """The floor: see null_broker.cpp. It does not speak WebSocket."""
    assert not setup.websockets
    command = [binary, setup.port]
    if setup.certificates is not None:
        command += [setup.certificates / "server.crt", setup.certificates / "server.key"]
    return _running(command, directory, setup.port)

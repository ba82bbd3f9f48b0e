"""The broker under test, as an operator runs it: a binary, a mosquitto.conf, ports, a log."""

import os
import pathlib
import random
import re
import signal
import socket

from support.process import Process
from support.waiting import PATIENCE_S, wait_until

_ROOT = pathlib.Path(__file__).resolve().parents[3]
# Absolute: each broker runs in a directory of its own.
BINARY = os.path.abspath(os.environ.get("MARTLET_BROKER", _ROOT / "build/release/martlet"))
THREADS = os.environ.get("MARTLET_THREADS", "2")
SANITIZE = os.environ.get("MARTLET_SANITIZE", "")
IS_MARTLET = "mosquitto" not in pathlib.Path(BINARY).name

READY = r"version \S+ running"
SANITIZER_REPORT = re.compile(
    r"ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error:|Sanitizer: CHECK failed"
)

# Below the ports that the system gives to outgoing connections, which would be in the way.
_PORTS = range(10_000, 32_000)


def free_port():
    """A port of 127.0.0.1 that nobody listens on."""
    while True:
        port = random.choice(_PORTS)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def common_lines(threads=THREADS):
    """What every configuration here begins with."""
    lines = [
        "allow_anonymous true",
        "sys_interval 1",
        "max_queued_messages 100000",
        "set_tcp_nodelay true",
        *(f"log_type {kind}" for kind in ("error", "warning", "notice", "information")),
        *(f"log_type {kind}" for kind in ("subscribe", "unsubscribe")),
    ]
    # Started by root, mosquitto becomes a user who may not read the test's directory.
    return lines + ([f"threads {threads}"] if IS_MARTLET else ["user root"])


class Broker:
    """A broker in a directory of its own. `lines` stand below its first listener."""

    def __init__(self, directory, lines=()):
        self.directory = pathlib.Path(directory)
        self.port = free_port()
        self.threads = THREADS  # of the next configure()
        self.config_path = self.directory / "broker.conf"
        self.configure(*lines)
        self.process = None

    def configure(self, *lines):
        """Writes the configuration; a running broker reads it on SIGHUP."""
        listener = f"listener {self.port} 127.0.0.1"
        text = "\n".join([*common_lines(self.threads), listener, *map(str, lines), ""])
        self.config_path.write_text(text, encoding="utf-8")

    @property
    def log(self):
        return self.process.err

    @property
    def pid(self):
        return self.process.pid

    def start(self, wrapper=(), log_file=None):
        """`wrapper` is a command that starts another one, as prlimit does. With a `log_file` the
        broker says nothing on stderr."""
        command = [*wrapper, BINARY, "-c", self.config_path]
        self.process = Process(command, directory=self.directory)
        if log_file is None:
            self.log.wait_for_line(READY)
        else:
            wait_until(
                lambda: log_file.exists() and re.search(READY, log_file.read_text()),
                f"a broker that is ready in {log_file}",
            )
        return self

    def crash(self):
        """Ends it with SIGKILL, and returns once its files and ports are free."""
        self.process.kill()
        self.check_output()
        self.clean_up()

    def reload(self):
        self.process.signal(signal.SIGHUP)

    def stop(self, timeout_s=PATIENCE_S):
        """Ends the broker as the init system does, which it must obey in good order."""
        self.process.signal(signal.SIGTERM)
        if not IS_MARTLET:
            wait_until(self._is_stopped_by_another, "the end of the broker", timeout_s)
        status = self.process.wait(timeout_s)
        self.check_output()
        self.clean_up()
        if status != 0:
            raise AssertionError(f"the broker ended with status {status} on SIGTERM")

    def _is_stopped_by_another(self):
        """mosquitto overlooks a signal that comes directly after it says that it runs."""
        self.process.signal(signal.SIGTERM)
        return not self.process.is_running()

    def check_output(self):
        for line in self.process.out.all() + self.process.err.all():
            if SANITIZER_REPORT.search(line):
                raise AssertionError(f"a sanitizer found something: {line}")

    def clean_up(self):
        if self.process is not None:
            self.process.clean_up()

    def open_files(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def wait_for_open_files(self, count):
        wait_until(
            lambda: self.open_files() <= count,
            lambda: f"{count} open files or fewer, there are {self.open_files()}",
        )

    def resident_bytes(self):
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        return int(re.search(r"VmRSS:\s+(\d+) kB", status).group(1)) * 1024

    def describe(self):
        """The end of the log, for whoever has to understand a failure."""
        if self.process is None:
            return "the broker was not started"
        lines = self.process.out.all()[-20:] + self.process.err.all()[-60:]
        state = "is running" if self.process.is_running() else "has ended"
        return f"{' '.join(self.process.arguments)} ({state})\n" + "\n".join(lines)

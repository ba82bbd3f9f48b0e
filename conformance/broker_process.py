"""A broker to judge: the binary with a configuration of three lines, on a port that was free."""

import contextlib
import pathlib
import random
import socket
import subprocess
import tempfile
import time

# Below the ports that the system gives to outgoing connections, which would be in the way.
_PORTS = range(10_000, 32_000)
_PATIENCE_S = 60


def _free_port():
    while True:
        port = random.choice(_PORTS)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return port


def _wait_until_it_answers(process, port, log):
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the broker ended at once:\n{log.read_text()}")
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.05)
    raise RuntimeError("the broker does not listen")


@contextlib.contextmanager
def running_broker(binary, threads):
    """Yields the port. A broker that has died by the end is an error, with its log."""
    with tempfile.TemporaryDirectory() as directory:
        port = _free_port()
        # Started by root, mosquitto becomes a user who may not read the directory.
        own = "user root" if "mosquitto" in pathlib.Path(binary).name else f"threads {threads}"
        config = pathlib.Path(directory) / "broker.conf"
        config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n{own}\n")
        log = pathlib.Path(directory) / "log"
        with log.open("w") as output:
            process = subprocess.Popen(
                [pathlib.Path(binary).resolve(), "-c", config],
                cwd=directory, stdout=output, stderr=output)
        try:
            _wait_until_it_answers(process, port, log)
            yield port
            if process.poll() is not None:
                text = "\n".join(log.read_text(errors="replace").splitlines()[-60:])
                raise RuntimeError(f"the broker ended with {process.returncode}:\n{text}")
        finally:
            process.kill()
            process.wait()

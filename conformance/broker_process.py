"""A broker to judge: the binary with a few lines of configuration, on a port that was free."""

import base64
import contextlib
import hashlib
import hmac
import pathlib
import random
import socket
import subprocess
import tempfile
import time

# Below the ports that the system gives to outgoing connections, which would be in the way.
_PORTS = range(10_000, 32_000)
_PATIENCE_S = 60

# The account that the broker knows, for the tests of enhanced authentication.
USER = "judge"
PASSWORD = "a secret of the tests"


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


def _scram_line():
    """The account as Martlet's scram_file has it, made as RFC 5802 says."""
    salt, iterations = b"salt of the tests", 4096
    salted = hashlib.pbkdf2_hmac("sha256", PASSWORD.encode(), salt, iterations)
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    keys = salt, hashlib.sha256(client_key).digest(), hmac.digest(salted, b"Server Key", "sha256")
    salt, stored_key, server_key = (base64.b64encode(each).decode() for each in keys)
    return f"{USER}:{iterations}:{salt}:{stored_key}:{server_key}\n"


def _own_lines(binary, threads, persistence, directory):
    # Started by root, mosquitto becomes a user who may not read the directory.
    if "mosquitto" in pathlib.Path(binary).name:
        return "user root\n"
    scram_file = directory / "scram"
    scram_file.write_text(_scram_line())
    scram_file.chmod(0o600)
    return f"threads {threads}\npersistence {persistence}\nscram_file {scram_file}\n"


@contextlib.contextmanager
def running_broker(binary, threads, persistence="true"):
    """Yields the port. A broker that has died by the end is an error, with its log."""
    with tempfile.TemporaryDirectory() as directory:
        port = _free_port()
        directory = pathlib.Path(directory)
        own = _own_lines(binary, threads, persistence, directory)
        config = directory / "broker.conf"
        config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n{own}")
        log = directory / "log"
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

"""What TLS costs, measured on the real broker and on mosquitto in the same run.

    tls_figures.py [--broker FILE] [--mosquitto FILE] [--runs N] [--clients N] [--json]

CPU of a whole TLS 1.3 connection up to its CONNACK, and resident memory of one that is idle. The
brokers take turns on the first core, the clients run on the last; CPU is the broker's, all of its
threads, from /proc/PID/stat. Both brokers show the same ECDSA P-256 certificate, made anew.
"""

import argparse
import json
import os
import pathlib
import resource
import shutil
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import process_figures as figures  # noqa: E402

_ROOT = pathlib.Path(__file__).resolve().parents[2]
_PORT = 18_840
_CORES = sorted(os.sched_getaffinity(0))
_WARM_UP = 100


class Broker:
    """Martlet or mosquitto, by the name of the binary, with one TLS listener."""

    def __init__(self, binary, directory, certificates):
        lines = [
            f"listener {_PORT} 127.0.0.1",
            "allow_anonymous true",
            "log_type error",
            "set_tcp_nodelay true",
            f"certfile {certificates / 'server.crt'}",
            f"keyfile {certificates / 'server.key'}",
        ]
        if "mosquitto" in binary.name:
            lines.append("user root")
        else:
            lines += ["persistence false", "threads 1"]
        config = directory / "broker.conf"
        config.write_text("\n".join(lines) + "\n")
        self._process = subprocess.Popen(
            ["taskset", "-c", str(_CORES[0]), binary, "-c", config],
            cwd=directory,
            stderr=subprocess.DEVNULL,
        )
        self._await_listener()

    def _await_listener(self):
        while True:
            try:
                socket.create_connection(("127.0.0.1", _PORT)).close()
                return
            except OSError:
                assert self._process.poll() is None, "the broker has ended"
                time.sleep(0.01)

    def cpu_s(self):
        return figures.cpu_s(self._process.pid)

    def resident_bytes(self):
        return figures.resident_bytes(self._process.pid)

    def stop(self):
        self._process.terminate()
        self._process.wait()


def tls_connector(certificates):
    """What connects a client, its MQTT session included; other transports have theirs."""
    context = ssl.create_default_context(cafile=certificates / "ca.crt")
    context.minimum_version = ssl.TLSVersion.TLSv1_3

    def connect(number):
        plain = socket.create_connection(("127.0.0.1", _PORT))
        client = context.wrap_socket(plain, server_hostname="localhost")
        name = f"c{number:06}".encode()
        body = b"\0\4MQTT\4\2\0\0" + len(name).to_bytes(2, "big") + name
        client.sendall(bytes([0x10, len(body)]) + body)
        assert client.recv(4) == b"\x20\x02\0\0"
        return client

    return connect


def idle_connections(broker, connect, count):
    """CPU microseconds to let each of `count` clients in, and KiB for each that stays."""
    held = [connect(number) for number in range(_WARM_UP)]
    memory, cpu = broker.resident_bytes(), broker.cpu_s()
    held += [connect(_WARM_UP + number) for number in range(count)]
    result = (
        (broker.cpu_s() - cpu) / count * 1e6,
        (broker.resident_bytes() - memory) / count / 1024,
    )
    for client in held:
        client.close()
    return result


def measure_all(options, certificates):
    figures = {}
    for number in range(options.runs):
        print(f"run {number + 1} of {options.runs}", file=sys.stderr)
        for binary in (options.broker, options.mosquitto):
            directory = pathlib.Path(tempfile.mkdtemp(prefix="tls-figures-"))
            broker = Broker(binary, directory, certificates)
            cpu_us, kib = idle_connections(broker, tls_connector(certificates), options.clients)
            broker.stop()
            shutil.rmtree(directory)
            figures.setdefault(f"{binary.name}: CPU us to a CONNACK", []).append(cpu_us)
            figures.setdefault(f"{binary.name}: KiB idle", []).append(kib)
    return figures


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--broker", default=_ROOT / "build/release/martlet", type=pathlib.Path)
    parser.add_argument("--mosquitto", default="/usr/sbin/mosquitto", type=pathlib.Path)
    parser.add_argument("--runs", default=5, type=int)
    parser.add_argument("--clients", default=3000, type=int)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    options.broker = options.broker.resolve()
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    os.sched_setaffinity(0, {_CORES[-1]})
    certificates = pathlib.Path(tempfile.mkdtemp(prefix="tls-figures-certs-"))
    try:
        subprocess.run([_ROOT / "certs/generate.sh", certificates], check=True)
        figures = measure_all(options, certificates)
    finally:
        shutil.rmtree(certificates)
    if options.json:
        print(json.dumps(figures, indent=2))
        return
    width = max(map(len, figures))
    print(f"{'':{width}}  {'median':>10}  {'least':>10}  {'most':>10}")
    for name, values in figures.items():
        columns = (statistics.median(values), min(values), max(values))
        print(f"{name:{width}}  " + "  ".join(f"{each:10,.2f}" for each in columns))


if __name__ == "__main__":
    main()

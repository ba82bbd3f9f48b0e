"""What TLS costs, measured on the real broker and on mosquitto in the same run.

    tls_figures.py [--broker FILE] [--mosquitto FILE] [--runs N] [--clients N] [--json]

CPU of a whole TLS 1.3 connection up to its CONNACK, and resident memory of one that is idle. The
brokers take turns on the first core, the clients run on the last; CPU is the broker's, all of its
threads, from /proc/PID/stat. Both brokers show the same ECDSA P-256 certificate, made anew.
"""

import argparse
import json
import pathlib
import shutil
import socket
import ssl
import statistics
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import brokers  # noqa: E402

_PORT = 18_840
_WARM_UP = 100


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
    setup = brokers.Setup(_PORT, certificates)
    peers = ((brokers.martlet, options.broker), (brokers.mosquitto, options.mosquitto))
    for number in range(options.runs):
        print(f"run {number + 1} of {options.runs}", file=sys.stderr)
        for start, binary in peers:
            directory = pathlib.Path(tempfile.mkdtemp(prefix="tls-figures-"))
            with start(binary, directory, setup) as broker:
                connect = tls_connector(certificates)
                cpu_us, kib = idle_connections(broker, connect, options.clients)
            shutil.rmtree(directory)
            figures.setdefault(f"{binary.name}: CPU us to a CONNACK", []).append(cpu_us)
            figures.setdefault(f"{binary.name}: KiB idle", []).append(kib)
    return figures


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--broker", default=brokers.MARTLET, type=pathlib.Path)
    parser.add_argument("--mosquitto", default=brokers.MOSQUITTO, type=pathlib.Path)
    parser.add_argument("--runs", default=5, type=int)
    parser.add_argument("--clients", default=3000, type=int)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    options.broker = options.broker.resolve()
    brokers.use_last_core()
    certificates = pathlib.Path(tempfile.mkdtemp(prefix="tls-figures-certs-"))
    try:
        brokers.make_certificates(certificates)
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

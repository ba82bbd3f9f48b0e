"""What a connection costs over each transport, on the real broker and on mosquitto in the same run.

    transport_figures.py [--transports tls ws wss] [--broker FILE] [--mosquitto FILE] [--runs N]
                         [--clients N] [--json]

CPU of a whole connection up to its CONNACK, and resident memory of one that is idle: over TLS 1.3
(tls), WebSocket (ws) and both (wss). The brokers take turns on the first core, the clients run on
the last; CPU is the broker's, all of its threads, from /proc/PID/stat. Both brokers show the same
ECDSA P-256 certificate, made anew.

TLS clients come one after another. WebSocket clients come many at once, to either broker:
mosquitto looks at its WebSocket connections only when its main loop turns, which is ten times a
second if nothing else happens. What comes at once is cheaper: compare brokers, not tls with wss.
"""

import argparse
import base64
import os
import pathlib
import shutil
import socket
import ssl
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import brokers  # noqa: E402
import medians  # noqa: E402

_PORT = 18_840
_WARM_UP = 200
_AT_ONCE = 50  # WebSocket clients


class Transport:
    """How clients reach a broker: over TLS, WebSocket or both, by its name."""

    def __init__(self, name, certificates):
        self._certificates = certificates
        self._is_websocket = name in ("ws", "wss")
        self._tls = None
        if name in ("tls", "wss"):
            self._tls = ssl.create_default_context(cafile=certificates / "ca.crt")
            self._tls.minimum_version = ssl.TLSVersion.TLSv1_3
        self.at_once = _AT_ONCE if self._is_websocket else 1

    def setup(self):
        certificates = self._certificates if self._tls else None
        return brokers.Setup(_PORT, certificates, websockets=self._is_websocket)

    def connect(self, number):
        """A client's connection once the broker has said yes to MQTT."""
        client = socket.create_connection(("127.0.0.1", _PORT), timeout=60)
        if self._tls:
            client = self._tls.wrap_socket(client, server_hostname="localhost")
        name = f"c{number:06}".encode()
        body = b"\0\4MQTT\4\2\0\0" + len(name).to_bytes(2, "big") + name
        connect, connack = bytes([0x10, len(body)]) + body, b"\x20\x02\0\0"
        if self._is_websocket:
            _upgrade(client)
            # Binary, whole; a mask of zeros masks and changes nothing.
            connect = bytes([0x82, 0x80 | len(connect), 0, 0, 0, 0]) + connect
            connack = bytes([0x82, len(connack)]) + connack
        client.sendall(connect)
        answer = b""
        while len(answer) < len(connack):
            answer += _receive(client)
        assert answer == connack, answer
        return client


def _upgrade(client):
    key = base64.b64encode(os.urandom(16)).decode()
    client.sendall(
        "GET /mqtt HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Protocol: mqtt\r\n\r\n".encode()
    )
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        answer += _receive(client)
    assert answer.startswith(b"HTTP/1.1 101 "), answer


def _receive(client):
    data = client.recv(4096)
    assert data, "closed by the broker"
    return data


def idle_connections(broker, transport, count):
    """CPU microseconds to let each of `count` clients in, and KiB for each that stays."""
    with ThreadPoolExecutor(transport.at_once) as pool:
        held = list(pool.map(transport.connect, range(_WARM_UP)))
        memory, cpu = broker.resident_bytes(), broker.cpu_s()
        held += pool.map(transport.connect, range(_WARM_UP, _WARM_UP + count))
        result = (
            (broker.cpu_s() - cpu) / count * 1e6,
            (broker.resident_bytes() - memory) / count / 1024,
        )
    for client in held:
        client.close()
    return result


def measure_all(options, certificates):
    figures = {}
    peers = ((brokers.martlet, options.broker), (brokers.mosquitto, options.mosquitto))
    for number in range(options.runs):
        print(f"run {number + 1} of {options.runs}", file=sys.stderr)
        for name in options.transports:
            for start, binary in peers:
                transport = Transport(name, certificates)
                directory = pathlib.Path(tempfile.mkdtemp(prefix="transport-figures-"))
                with start(binary, directory, transport.setup()) as broker:
                    cpu_us, kib = idle_connections(broker, transport, options.clients)
                shutil.rmtree(directory)
                what = f"{name}, {binary.name}"
                figures.setdefault(f"{what}: CPU us to a CONNACK", []).append(cpu_us)
                figures.setdefault(f"{what}: KiB idle", []).append(kib)
    return figures


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    names = ("tls", "ws", "wss")
    parser.add_argument("--transports", default=names, nargs="+", choices=names)
    parser.add_argument("--broker", default=brokers.MARTLET, type=pathlib.Path)
    parser.add_argument("--mosquitto", default=brokers.MOSQUITTO, type=pathlib.Path)
    parser.add_argument("--runs", default=5, type=int)
    parser.add_argument("--clients", default=3000, type=int)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    options.broker = options.broker.resolve()
    brokers.use_last_core()
    certificates = pathlib.Path(tempfile.mkdtemp(prefix="transport-figures-certs-"))
    try:
        brokers.make_certificates(certificates)
        figures = measure_all(options, certificates)
    finally:
        shutil.rmtree(certificates)
    medians.print_figures(figures, options.json)


if __name__ == "__main__":
    main()

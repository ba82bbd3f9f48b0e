"""Connections that do not come as they are: over a Unix socket, or through a proxy."""

import os
import socket
import stat
import struct
import unittest

from support import packets
from support.broker import IS_MARTLET, free_port
from support.case import BrokerCase
from support.command_line_clients import Subscriber
from support.process import run
from support.raw_client import RawClient

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def header_v2(source, port, extras=b""):
    body = socket.inet_aton(source) + socket.inet_aton("127.0.0.1")
    body += struct.pack("!HH", port, 1883) + extras
    return SIGNATURE + b"\x21\x11" + struct.pack("!H", len(body)) + body


class UnixSocketTest(BrokerCase):
    def start_unix_broker(self, *lines):
        path = self.directory / "broker.sock"
        return self.start_broker(f"listener 0 {path}", "allow_anonymous true", *lines), path

    def test_clients_of_a_unix_socket_and_of_tcp_hear_one_another(self):
        broker, path = self.start_unix_broker()
        subscriber = Subscriber(broker, "a/#", "-q", "1")
        self.addCleanup(subscriber.clean_up)
        run(["mosquitto_pub", "--unix", path, "-t", "a/b", "-m", "local", "-q", "1"])
        subscriber.expect("a/b local")
        if IS_MARTLET:
            broker.log.wait_for_line(f"Opening unix listen socket on path {path}")
            broker.log.wait_for_line(f"New client connected from unix:{path} as ")

    def test_the_socket_goes_with_the_broker_and_its_remains_are_cleared_away(self):
        broker, path = self.start_unix_broker()
        broker.crash()
        self.assertTrue(stat.S_ISSOCK(os.stat(path).st_mode))
        broker.start()
        run(["mosquitto_pub", "--unix", path, "-t", "a", "-m", "x"])
        broker.stop()
        self.assertFalse(path.exists())
        broker.start()

    @unittest.skipUnless(IS_MARTLET, "a key of Martlet's")
    def test_the_mode_of_the_socket_can_be_chosen(self):
        paths = {mode: self.directory / mode for mode in ("0600", "0660", "0777")}
        lines = [(f"listener 0 {path}", f"unix_socket_mode {mode}") for mode, path in paths.items()]
        self.start_broker(*(line for pair in lines for line in pair))
        for mode, path in paths.items():
            self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), int(mode, 8))

    @unittest.skipUnless(IS_MARTLET, "mosquitto takes the file away from under another")
    def test_a_socket_in_use_is_not_taken(self):
        _, path = self.start_unix_broker()
        second = self.make_broker(f"listener 0 {path}")
        with self.assertRaises(AssertionError):
            second.start()
        self.assertIn("Address already in use", second.process.text())
        run(["mosquitto_pub", "--unix", path, "-t", "a", "-m", "x"])


@unittest.skipUnless(IS_MARTLET, "Debian's mosquitto does not know the PROXY protocol")
class ProxyProtocolTest(BrokerCase):
    def check_known_as(self, broker, client, address):
        client.connect("behind")
        broker.log.wait_for_line(rf"New client connected from {address} as behind ")

    def test_the_log_has_the_address_that_the_proxy_tells(self):
        for version, header in (
            (1, b"PROXY TCP4 192.0.2.5 127.0.0.1 6275 1883\r\n"),
            (2, header_v2("192.0.2.5", 6275)),
        ):
            with self.subTest(version=version):
                broker = self.start_broker(f"enable_proxy_protocol {version}")
                client = self.raw(broker)
                client.send(header)
                self.check_known_as(broker, client, r"192\.0\.2\.5:6275")

    def test_a_connection_that_is_not_from_the_proxy_is_closed(self):
        broker = self.start_broker("enable_proxy_protocol 2")
        for data in (packets.connect("direct"), b"PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\n"):
            client = self.raw(broker)
            client.send(data)
            self.assertEqual(client.read_bytes_to_end(), b"")
        broker.log.wait_for_line(
            r"Connection from 127\.0\.0\.1:\d+ rejected, PROXY header: there is none of version 2"
        )

    def test_tls_up_to_the_proxy_can_be_required(self):
        broker = self.start_broker("enable_proxy_protocol 2", "proxy_protocol_v2_require_tls true")
        client = self.raw(broker)
        client.send(header_v2("192.0.2.5", 6275))
        self.assertEqual(client.read_bytes_to_end(), b"")
        broker.log.wait_for_line("the client did not connect using TLS")
        client = self.raw(broker)
        client.send(header_v2("192.0.2.5", 6275, b"\x20\0\x05\x01\0\0\0\0"))
        self.check_known_as(broker, client, r"192\.0\.2\.5:6275")

    def test_a_header_that_never_ends_has_the_time_of_every_connection(self):
        broker = self.start_broker("enable_proxy_protocol 1", "connect_timeout_s 1")
        client = self.raw(broker)
        client.send(b"PROXY TCP4 192.0.2.5")
        self.assertEqual(client.read_bytes_to_end(), b"")
        broker.log.wait_for_line("no CONNECT in time")

    def test_only_the_listener_that_asks_for_a_header_gets_one(self):
        direct_port = free_port()
        broker = self.start_broker(
            "enable_proxy_protocol 1", f"listener {direct_port} 127.0.0.1", "allow_anonymous true"
        )
        client = RawClient(direct_port)
        self.addCleanup(client.close)
        self.check_known_as(broker, client, r"127\.0\.0\.1:\d+")


if __name__ == "__main__":
    unittest.main()

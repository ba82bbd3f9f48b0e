"""WebSocket as browsers, libraries and those who mean ill speak it."""

import signal
import unittest

from support import packets
from support.broker import IS_MARTLET
from support.case import BrokerCase
from support.certificates import Certificates
from support.paho_client import V5, V311
from support.websocket_client import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    REQUEST,
    TEXT,
    WebSocketClient,
    frame,
)

CONNECT = packets.connect("me")
CONNACK = packets.packet(packets.CONNACK, b"\0\0")
PINGRESP = packets.packet(packets.PINGRESP)

# What is sent after CONNECT, and the code of the Close frame that answers it.
BROKEN_RULES = {
    "a text frame": (frame(TEXT, b"hi"), 1003),
    "a frame that is not masked": (frame(BINARY, packets.pingreq(), masked=False), 1002),
    "reserved bits": (bytes([0xC2]), 1002),
    "an unknown kind": (bytes([0x83]), 1002),
    "a ping in pieces": (frame(PING, final=False), 1002),
    "a ping that is too long": (frame(PING, b"x" * 126), 1002),
    "a continuation of nothing": (frame(CONTINUATION, b"x"), 1002),
    "a length with its highest bit set": (b"\x82\xff" + b"\xff" * 8, 1002),
    "a frame larger than any packet": (frame(BINARY, length=1 << 40)[:10], 1009),
    "a second CONNECT": (frame(BINARY, CONNECT), 1002),
}


@unittest.skipUnless(IS_MARTLET, "Debian's mosquitto has libwebsockets, with ways of its own")
class WebSocketTest(BrokerCase):
    @classmethod
    def setUpClass(cls):
        cls.certificates = Certificates()

    def start_websocket_broker(self, *lines):
        return self.start_broker("protocol websockets", *lines)

    def websocket(self, broker, **options):
        client = WebSocketClient(broker.port, **options)
        self.addCleanup(client.close)
        return client

    def connected(self, broker, connect=CONNECT, **options):
        client = self.websocket(broker, **options)
        client.upgrade()
        client.send(frame(BINARY, connect))
        self.assertEqual(client.read_frame(), (BINARY, CONNACK))
        return client

    def check_paho(self, broker, **options):
        for version in (V311, V5):
            with self.subTest(version=version):
                subscriber = self.paho(
                    broker, "sub", version=version, transport="websockets", **options
                )
                publisher = self.paho(
                    broker, "pub", version=version, transport="websockets", **options
                )
                subscriber.subscribe("t/#", 2)
                sizes = [0, 1, 100, 125, 126, 65_535, 65_536, 900_000] + [10] * 200
                expected = [bytes([number % 251]) * size for number, size in enumerate(sizes)]
                for number, payload in enumerate(expected):
                    publisher.publish("t/x", payload, number % 3)
                got = sorted(subscriber.payloads(len(expected)))
                self.assertTrue(got == sorted(expected), "payloads differ")
                subscriber.disconnect()
                publisher.disconnect()

    def test_paho_over_websocket(self):
        broker = self.start_websocket_broker()
        broker.log.wait_for_line(f"Opening websockets listen socket on port {broker.port}")
        self.check_paho(broker)

    def test_paho_over_secure_websocket(self):
        broker = self.start_websocket_broker(*self.certificates.server_lines())
        context = self.certificates.client_context()
        context.check_hostname = False
        self.check_paho(broker, tls=context)

    def test_packets_may_be_split_over_frames_and_bytes_may_drip(self):
        broker = self.start_websocket_broker()
        client = self.websocket(broker)
        data = frame(BINARY, CONNECT[:5], final=False) + frame(PING, b"between")
        data += frame(CONTINUATION, CONNECT[5:] + packets.pingreq()[:1])
        data += frame(BINARY, packets.pingreq()[1:])
        for byte in REQUEST:
            client.send(bytes([byte]))
        self.assertEqual(client.read_response()[0], 101)
        for byte in data:
            client.send(bytes([byte]))
        got, pongs = b"", []
        while len(got) < len(CONNACK + PINGRESP):
            kind, payload = client.read_frame()
            if kind == PONG:
                pongs.append(payload)
            else:
                got += payload
        self.assertEqual(got, CONNACK + PINGRESP)
        self.assertEqual(pongs, [b"between"])

    def test_an_upgrade_is_refused_in_words_that_help(self):
        broker = self.start_websocket_broker(
            "websockets_path /mqtt", "websockets_origin https://a.example"
        )
        request = REQUEST.replace(b"\r\n\r\n", b"\r\nOrigin: https://a.example\r\n\r\n")
        self.websocket(broker).upgrade(request)
        for what, wrong, expected in (
            ("no subprotocol", request.replace(b": mqtt", b": chat"), 400),
            ("no upgrade", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 400),
            ("another method", request.replace(b"GET", b"PUT"), 400),
            ("another version", request.replace(b": 13", b": 8"), 426),
            ("another path", request.replace(b"/mqtt", b"/"), 404),
            ("another origin", request.replace(b"a.example", b"b.example"), 403),
            ("no origin", REQUEST, 403),
            ("endless headers", b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 3000, 431),
            ("plain MQTT", CONNECT, 400),
        ):
            with self.within(what):
                client = self.websocket(broker)
                client.send(wrong)
                status, headers, body = client.read_response()
                self.assertEqual(status, expected)
                self.assertRegex(body, rb"^[^\n]+\n$")
                if expected == 426:
                    self.assertEqual(headers["sec-websocket-version"], "13")
                self.assertTrue(client.is_at_end())
        broker.log.wait_for_line(r"WebSocket connection from 127\.0\.0\.1:\d+ refused, 400 ")

    def test_the_old_name_of_the_subprotocol_is_understood(self):
        broker = self.start_websocket_broker()
        client = self.websocket(broker)
        headers = client.upgrade(REQUEST.replace(b": mqtt", b": mqttv3.1"))
        self.assertEqual(headers["sec-websocket-protocol"], "mqttv3.1")

    def test_a_slow_drip_has_the_time_of_every_connection(self):
        broker = self.start_websocket_broker("connect_timeout_s 1")
        upgrading = self.websocket(broker)
        upgrading.send(REQUEST[:30])
        upgraded = self.websocket(broker)
        upgraded.upgrade()
        upgraded.send(frame(BINARY, CONNECT)[:5])
        self.assertTrue(upgrading.is_at_end())
        self.assertTrue(upgraded.is_at_end())
        broker.log.wait_for_lines("closed before CONNECT: no CONNECT in time", 2)

    def test_a_broken_rule_ends_the_connection_with_its_code(self):
        broker = self.start_websocket_broker()
        for what, (data, code) in BROKEN_RULES.items():
            with self.within(what):
                client = self.connected(broker)
                client.send(data)
                self.assertEqual(client.read_close(), code)
                self.assertTrue(client.is_at_end())

    def test_an_announced_frame_costs_no_memory(self):
        broker = self.start_websocket_broker()
        before = broker.resident_bytes()
        for number in range(50):
            client = self.connected(broker, packets.connect(f"c{number}"))
            client.send(frame(BINARY, packets.pingreq(), length=200_000_000))
            self.assertEqual(client.read_frame(), (BINARY, PINGRESP))
        self.assertLess(broker.resident_bytes() - before, 32 << 20)

    def test_both_sides_may_say_goodbye_first(self):
        broker = self.start_websocket_broker()
        client = self.connected(broker)
        client.send(frame(CLOSE, b"\x03\xe8bye"))
        self.assertEqual(client.read_close(), 1000)
        self.assertTrue(client.is_at_end())
        polite = self.connected(broker)
        polite.send(frame(BINARY, packets.disconnect()))
        self.assertEqual(polite.read_close(), 1000)
        polite.send(frame(CLOSE, b"\x03\xe8"))
        self.assertTrue(polite.is_at_end())

    def test_the_end_of_the_broker_is_told(self):
        broker = self.make_broker("protocol websockets")
        broker.start()
        client = self.connected(broker)
        broker.process.signal(signal.SIGTERM)
        self.assertEqual(client.read_close(), 1001)
        client.close()
        self.assertEqual(broker.process.wait(), 0)


if __name__ == "__main__":
    unittest.main()

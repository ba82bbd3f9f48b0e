"""What no good client sends: the broker ends that one connection, says so once, and goes on."""

import os
import random
import select
import socket
import struct
import time
import unittest
from typing import NamedTuple

from support import packets
from support.broker import IS_MARTLET, THREADS
from support.case import BrokerCase, martlet_only
from support.packets import packet, text
from support.waiting import wait_until

SEED = int(os.environ.get("MARTLET_SEED", random.randrange(1 << 32)))
ORDINARY_LINE = r"New connection from|New client connected|: \S+ [012] \S+$"
ID = b"\0\1"


class Bad(NamedTuple):
    """Bytes, and the reason code of the answer before the end (None: nothing is answered)."""

    what: str
    data: bytes
    reason: int = None
    mosquitto_minds: bool = True


def connect_body(name=b"MQTT", level=4, flags=2, rest=text("bad")):
    return packets.binary(name) + bytes([level, flags]) + b"\0\x3c" + rest


# Before a CONNECT was accepted; the reason is that of a CONNACK.
INSTEAD_OF_CONNECT = (
    Bad("a PUBLISH first [v3.1.1 MQTT-3.1.0-1]", packets.publish("t", b"x")),
    Bad("a SUBSCRIBE first", packets.subscribe("t")),
    Bad("a PINGREQ first", packets.pingreq()),
    Bad("a DISCONNECT first", packets.disconnect()),
    Bad("an HTTP request", b"GET / HTTP/1.1\r\nHost: example.org\r\n" + b"A: b\r\n" * 20),
    Bad("a TLS handshake", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 600),
    Bad("zeros", b"\0" * 100),
    Bad("an empty CONNECT", b"\x10\x00"),
    Bad("a length of five bytes", b"\x10\xff\xff\xff\xff\x7f"),
    Bad("flags in the fixed header", b"\x11" + packets.connect("bad")[1:]),
    Bad("a reserved flag [v3.1.1 MQTT-3.1.2-3]", packet(1, connect_body(flags=3))),
    Bad("another protocol [v3.1.1 MQTT-3.1.2-1]", packet(1, connect_body(b"MQTX"))),
    Bad("a will of QoS 3 [v3.1.1 MQTT-3.1.2-14]", packet(1, connect_body(flags=0x1E))),
    Bad("will QoS without a will [v3.1.1 MQTT-3.1.2-13]", packet(1, connect_body(flags=0x0A))),
    Bad("a password without a name [v3.1.1 MQTT-3.1.2-22]", packet(1, connect_body(flags=0x42))),
    Bad("a will that is missing", packet(1, connect_body(flags=6))),
    Bad("a client id that is cut short", packet(1, connect_body(rest=b"\0\x10bad"))),
    Bad("a client id that is not UTF-8", packet(1, connect_body(rest=b"\0\2\xc3\x28"))),
    Bad("a NUL in the client id [v3.1.1 MQTT-1.5.3-2]", packet(1, connect_body(rest=b"\0\1\0"))),
    Bad("bytes behind the end", packet(1, connect_body(rest=text("bad") + b"x"))),
    Bad("protocol level 6 [v3.1.1 MQTT-3.1.2-2]", packet(1, connect_body(level=6)), 0x01),
    Bad("protocol level 0", packet(1, connect_body(level=0)), 0x01),
)

# From a client of version 3.1.1.
FROM_CLIENT = (
    Bad("a second CONNECT [v3.1.1 MQTT-3.1.0-2]", packets.connect("bad")),
    Bad("packet type 0", packet(0)),
    Bad("packet type 15", packet(15)),
    Bad("a length of five bytes", b"\x30\xff\xff\xff\xff\x7f"),
    Bad("a PUBLISH of QoS 3 [v3.1.1 MQTT-3.3.1-4]", packet(3, text("t") + ID, 6)),
    Bad(
        "a PUBLISH of QoS 0 with DUP [v3.1.1 MQTT-3.3.1-2]",
        packet(3, text("t"), 8),
        mosquitto_minds=False,
    ),
    Bad("packet identifier 0 [v3.1.1 MQTT-2.3.1-1]", packets.publish("t", qos=1, packet_id=0)),
    Bad("a topic that is cut short", packet(3, b"\0\x10t")),
    Bad("an empty topic [v3.1.1 MQTT-4.7.3-1]", packets.publish("", b"x")),
    Bad("a topic with + [v3.1.1 MQTT-3.3.2-2]", packets.publish("a/+", b"x")),
    Bad("a topic with #", packets.publish("a/#", b"x")),
    Bad("a topic with NUL [v3.1.1 MQTT-4.7.3-2]", packets.publish("a\0b", b"x")),
    Bad("a topic that is not UTF-8 [v3.1.1 MQTT-1.5.3-1]", packet(3, b"\0\2\xed\xa0x")),
    Bad("a SUBSCRIBE with wrong flags [v3.1.1 MQTT-3.8.1-1]", packet(8, ID + text("t") + b"\0")),
    Bad("a SUBSCRIBE without a filter [v3.1.1 MQTT-3.8.3-3]", packet(8, ID, 2)),
    Bad("a SUBSCRIBE of QoS 3", packets.subscribe("t", qos=3)),
    Bad("a SUBSCRIBE without QoS", packet(8, ID + text("t"), 2)),
    Bad("a SUBSCRIBE with identifier 0", packets.subscribe("t", packet_id=0)),
    Bad("an UNSUBSCRIBE with wrong flags [v3.1.1 MQTT-3.10.1-1]", packet(10, ID + text("t"))),
    Bad("an UNSUBSCRIBE without a filter [v3.1.1 MQTT-3.10.3-2]", packet(10, ID, 2)),
    Bad("a PUBREL with wrong flags [v3.1.1 MQTT-3.6.1-1]", packet(6, ID)),
    Bad("a PUBACK that is cut short", packet(4, b"\0")),
    Bad("a CONNACK", packet(2, b"\0\0")),
    Bad("a SUBACK", packet(9, ID + b"\0"), mosquitto_minds=False),
    Bad("a PINGRESP", packet(13), mosquitto_minds=False),
    Bad("a PINGREQ with flags", packet(12, flags=1), mosquitto_minds=False),
    Bad("a DISCONNECT with flags [v3.1.1 MQTT-3.14.1-1]", packet(14, flags=1)),
)

# [v3.1.1 MQTT-4.7.1-2 MQTT-4.7.1-3 MQTT-4.7.3-1 MQTT-4.7.3-2]
BAD_FILTERS = ("a/#/b", "#/a", "a#", "a/b#", "a+", "+a", "a/b+/c", "", "a\0b")

# From a client of version 5; the reason is that of a DISCONNECT.
FROM_V5_CLIENT = (
    Bad("a second CONNECT", packets.connect("bad", version=5), 0x82),
    Bad("packet type 0", packet(0), 0x81),
    Bad("a PUBLISH of QoS 3 [v5 MQTT-3.3.1-4]", packet(3, text("t") + ID + b"\0", 6), 0x81),
    Bad("a topic with + [v5 MQTT-3.3.2-2]", packets.publish("a/+", version=5), 0x90),
    Bad("no topic and no alias", packets.publish("", version=5), 0x82),
    Bad(
        "alias 0 [v5 MQTT-3.3.2-8]",
        packets.publish("t", version=5, properties=b"\x23\0\0"),
        0x82,
    ),
    Bad(
        "an alias beyond the maximum [v5 MQTT-3.3.2-9]",
        packets.publish("t", version=5, properties=b"\x23\xff\xff"),
        0x94,
    ),
    Bad(
        "an alias that stands for nothing",
        packets.publish("", version=5, properties=b"\x23\0\1"),
        0x82,
    ),
    Bad("an unknown property", packets.publish("t", version=5, properties=b"\x7f\0"), 0x81),
    Bad("a property twice", packets.publish("t", version=5, properties=b"\x01\0\x01\0"), 0x82),
    Bad(
        "a subscription identifier from a client [v5 MQTT-3.3.4-6]",
        packets.publish("t", version=5, properties=b"\x0b\x01"),
        0x82,
        mosquitto_minds=False,
    ),
    Bad("properties that are cut short", packet(3, text("t") + b"\x05\x01"), 0x81),
    Bad(
        "a response topic with # [v5 MQTT-3.3.2-14]",
        packets.publish("t", version=5, properties=b"\x08" + text("a/#")),
        0x82,
        mosquitto_minds=False,
    ),
    Bad("subscription identifier 0", packets.subscribe("t", version=5, properties=b"\x0b\0"), 0x82),
    Bad(
        "reserved subscription options [v5 MQTT-3.8.3-5]",
        packets.subscribe("t", qos=0xC0, version=5),
        0x81,
    ),
    Bad("retain handling 3", packets.subscribe("t", qos=0x30, version=5), 0x82),
    Bad(
        "no local on a shared subscription [v5 MQTT-3.8.3-4]",
        packets.subscribe("$share/g/t", qos=0x04, version=5),
        0x82,
        mosquitto_minds=False,
    ),
    Bad("an AUTH out of nowhere [v5 MQTT-4.12.0-6]", packet(15, b"\x18\0"), 0x82),
)


class BadPacketTest(BrokerCase):
    def setUp(self):
        super().setUp()
        self.broker = self.start_broker()
        self.bystander = self.raw(self.broker)
        self.bystander.connect("bystander")
        self.files = self.broker.open_files()

    def check_all(self, cases, version, is_connected):
        for case in cases:
            if not IS_MARTLET and not case.mosquitto_minds:
                continue
            with self.subTest(case.what, data=case.data[:40].hex(" ")):
                self.check(case, version, is_connected)
        self.check_works("afterwards")

    def check(self, case, version, is_connected):
        mark = len(self.broker.log)
        client = self.raw(self.broker)
        if is_connected:
            client.connect("bad", version=version)
        client.send(case.data)
        answer = client.read_to_end()
        client.close()
        if IS_MARTLET:
            self.check_answer(case, answer, is_connected)
            self.check_log(mark)
        self.bystander.send(packets.pingreq())
        self.assertEqual(self.bystander.read_packet()[0], packets.PINGRESP)
        self.broker.wait_for_open_files(self.files)

    def check_answer(self, case, answer, is_connected):
        if case.reason is None:
            self.assertEqual(answer, [])
            return
        kind = packets.DISCONNECT if is_connected else packets.CONNACK
        self.assertEqual([kind for kind, _, _ in answer], [kind])
        self.assertEqual(hex(answer[0][2][0 if is_connected else 1]), hex(case.reason))

    def check_log(self, mark):
        """One line says that the client is gone, and why."""
        self.broker.log.wait_for_line(rf"^(?!.*({ORDINARY_LINE}))", mark)
        lines = self.broker.log.all(mark)
        others = [line for line in lines if line not in self.broker.log.matches(ORDINARY_LINE)]
        self.assertEqual(len(others), 1, others)
        self.assertRegex(others[0], r"127\.0\.0\.1:\d+")

    def check_works(self, client_id):
        client = self.paho(self.broker, client_id)
        client.subscribe("works", 2)
        client.publish("works", "x", 2)
        self.assertEqual(client.payloads(1), [b"x"])

    def test_instead_of_connect(self):
        self.check_all(INSTEAD_OF_CONNECT, version=4, is_connected=False)

    def test_from_a_version_4_client(self):
        self.check_all(FROM_CLIENT, version=4, is_connected=True)

    def test_from_a_version_5_client(self):
        self.check_all(FROM_V5_CLIENT, version=5, is_connected=True)

    def test_a_bad_filter_is_refused(self):
        """With a code in SUBACK or with the end of the connection."""
        for version in (4, 5):
            for bad in BAD_FILTERS:
                with self.subTest(bad, version=version):
                    client = self.raw(self.broker)
                    client.connect("bad", version=version)
                    client.send(packets.subscribe(bad, version=version) + packets.disconnect())
                    for kind, _, body in client.read_to_end():
                        self.assertIn(kind, (packets.SUBACK, packets.DISCONNECT))
                        code = body[-1] if kind == packets.SUBACK else body[0]
                        self.assertGreaterEqual(code, 0x80)
                    client.close()
        self.broker.wait_for_open_files(self.files)
        self.check_works("afterwards")

    def test_a_good_packet_in_front_of_a_bad_one_still_counts(self):
        watcher = self.paho(self.broker, "watcher")
        watcher.subscribe("t", 1)
        client = self.raw(self.broker)
        client.connect("bad")
        client.send(packets.publish("t", b"good", qos=1) + packet(0))
        client.read_to_end()
        self.assertEqual(watcher.payloads(1), [b"good"])

    def test_a_packet_behind_a_bad_one_does_not_count(self):
        watcher = self.paho(self.broker, "watcher")
        watcher.subscribe("t", 1)
        client = self.raw(self.broker)
        client.connect("bad")
        client.send(packet(0) + packets.publish("t", b"bad", qos=1))
        client.read_to_end()
        watcher.publish("t", "end", 1)
        self.assertEqual(watcher.payloads(1), [b"end"])

    def test_random_bytes(self):
        generator = random.Random(SEED)
        with self.within(f"MARTLET_SEED={SEED}"):
            for number in range(150):
                client = self.raw(self.broker)
                if number % 3:
                    client.connect("random", version=4 + number % 2)
                client.send(generator.randbytes(generator.randrange(1, 2000)))
                client.close()
            self.check_works("afterwards")
            self.broker.wait_for_open_files(self.files + 1)

    def test_a_good_packet_with_one_byte_changed(self):
        generator = random.Random(SEED)
        good = packets.subscribe("a/b", "c/#", qos=1, version=5, properties=b"\x0b\x05")
        good += packets.publish("a/b", b"xyz", qos=1, version=5, properties=b"\x03\0\1a")
        with self.within(f"MARTLET_SEED={SEED}"):
            for index in range(len(good)):
                changed = bytearray(good)
                changed[index] ^= 1 << generator.randrange(8)
                client = self.raw(self.broker)
                client.connect("changed", version=5)
                client.send(bytes(changed))
                client.close()
            self.check_works("afterwards")
            self.broker.wait_for_open_files(self.files + 1)


class SizeTest(BrokerCase):
    def test_a_length_that_is_announced_takes_no_memory(self):
        broker = self.start_broker("max_packet_size 200000000")
        self.check_announcements(broker, is_refused=False)

    def test_a_length_beyond_the_limit_is_refused_at_once(self):
        broker = self.start_broker("max_packet_size 100000")
        self.check_announcements(broker, is_refused=True)

    def check_announcements(self, broker, is_refused):
        files = broker.open_files()
        before = broker.resident_bytes()
        clients = []
        for number in range(20):
            client = self.raw(broker)
            client.connect(f"greedy{number}")
            client.send(b"\x30" + packets.varint(190_000_000) + text("t") + b"x")
            clients.append(client)
        if is_refused:
            for client in clients:
                self.assertEqual(client.read_to_end(), [])
            broker.log.wait_for_lines(r"greedy\d+ disconnected due to oversize packet", 20)
        self.check_works(broker)
        self.assertLess(broker.resident_bytes() - before, 32 << 20)
        for client in clients:
            client.close()
        broker.wait_for_open_files(files)

    def check_works(self, broker):
        client = self.raw(broker)
        client.connect("good")
        client.subscribe("t")
        client.send(packets.publish("t", b"x"))
        self.assertEqual(client.read_packet()[0], packets.PUBLISH)
        client.close()

    @martlet_only("mosquitto has one limit for all")
    def test_before_connect_little_is_accepted(self):
        broker = self.start_broker()
        mark = len(broker.log)
        client = self.raw(broker)
        client.send(b"\x10" + packets.varint(100_000) + connect_body() + b"x" * 500)
        self.assertEqual(client.read_to_end(), [])
        broker.log.wait_for_line(r"oversize|too large|packet too large", mark)
        self.check_works(broker)


class SlowSenderTest(BrokerCase):
    def drip(self, client, data):
        """Sends a byte every tenth of a second until the broker closes; returns after how long."""
        began = time.monotonic()
        for index in range(len(data)):
            try:
                client.send(data[index : index + 1])
            except OSError:
                break
            if select.select([client.socket], [], [], 0.1)[0]:
                self.assertEqual(client.read_bytes_to_end(), b"")
                break
        return time.monotonic() - began

    @martlet_only("mosquitto waits for ever")
    def test_a_connect_that_never_ends_meets_its_deadline(self):
        broker = self.start_broker("connect_timeout_s 2")
        files = broker.open_files()
        mark = len(broker.log)
        half = self.raw(broker)
        half.send(packets.connect("half" * 100)[:200])
        dripping = self.raw(broker)
        duration_s = self.drip(dripping, packets.connect("x" * 500))
        self.assertTrue(1.5 < duration_s < 10, f"closed after {duration_s:.1f} s")
        self.assertEqual(half.read_to_end(), [])
        broker.log.wait_for_lines(r"127\.0\.0\.1:\d+", 2, mark)
        broker.wait_for_open_files(files)

    def test_a_publish_that_never_ends_meets_the_keep_alive(self):
        """[v3.1.1 MQTT-3.1.2-24]: a packet counts when it is whole."""
        broker = self.start_broker()
        files = broker.open_files()
        client = self.raw(broker)
        client.connect("half", keep_alive_s=1)
        client.send(packets.publish("t", b"x" * 1000)[:500])
        self.assertEqual(client.read_to_end(), [])
        broker.log.wait_for_line("Client half has exceeded timeout, disconnecting")
        broker.wait_for_open_files(files)

    def test_packets_in_single_bytes_are_packets(self):
        broker = self.start_broker()
        client = self.raw(broker)
        client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        whole = packets.connect("slow") + packets.subscribe("t", qos=1)
        for byte in whole + packets.publish("t", b"payload", qos=1):
            client.send(bytes([byte]))
        got = sorted(client.read_packet()[0] for _ in range(4))
        expected = [packets.CONNACK, packets.PUBLISH, packets.PUBACK, packets.SUBACK]
        self.assertEqual(got, expected)

    def test_everything_at_once_is_packets_too(self):
        client = self.raw(self.start_broker())
        whole = packets.connect("fast") + packets.subscribe("t", qos=0)
        client.send(whole + packets.publish("t", b"x") * 500 + packets.pingreq())
        kinds = [client.read_packet()[0] for _ in range(503)]
        self.assertEqual(kinds[:2], [packets.CONNACK, packets.SUBACK])
        self.assertEqual(sorted(kinds[2:]), [packets.PUBLISH] * 500 + [packets.PINGRESP])


class SilentCrowdTest(BrokerCase):
    def test_a_thousand_silent_connections_keep_nobody_out(self):
        lines = "unauthenticated_connections_per_thread_max 250" if IS_MARTLET else ""
        broker = self.start_broker(lines)
        files = broker.open_files()
        mark = len(broker.log)
        crowd = [self.raw(broker) for _ in range(1000)]
        began = time.monotonic()
        client = self.paho(broker, "real")
        client.subscribe("t", 1)
        client.publish("t", "x", 1)
        self.assertEqual(client.payloads(1), [b"x"])
        self.assertLess(time.monotonic() - began, 20)
        if IS_MARTLET and THREADS == "1":
            # One after the other had to make room, which is not 751 lines.
            broker.wait_for_open_files(files + 250 + 1)
            crowded = broker.log.matches(r"(?i)crowd|make room|too many", mark)
            self.assertTrue(1 <= len(crowded) <= 50, len(crowded))
        for silent in crowd:
            silent.close()
        broker.wait_for_open_files(files + 1)

    def test_connections_that_come_and_go_leave_nothing(self):
        broker = self.start_broker()
        files = broker.open_files()
        before = broker.resident_bytes()
        for number in range(1500):
            client = self.raw(broker)
            if number % 3 == 1:
                client.send(packets.connect(f"c{number}")[: number % 20])
            elif number % 3 == 2:
                client.send(packets.connect(f"c{number}"))
            if number % 5 == 0:
                # Closed with a reset.
                linger = struct.pack("ii", 1, 0)
                client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            client.close()
        broker.wait_for_open_files(files)
        self.assertLess(broker.resident_bytes() - before, 32 << 20)

    @martlet_only("mosquitto has no such limit by default")
    def test_max_connections_turns_the_next_one_away(self):
        broker = self.start_broker("max_connections 2")
        kept = [self.raw(broker) for _ in range(2)]
        for number, client in enumerate(kept):
            client.connect(f"kept{number}")
        refused = self.raw(broker)
        refused.send(packets.connect("refused"))
        self.assertEqual(refused.read_bytes_to_end(), b"")
        broker.log.wait_for_line(r"(?i)max_connections|too many|maximum")
        kept[0].close()
        wait_until(lambda: self.is_let_in(broker), "a place for the next client")

    def is_let_in(self, broker):
        client = self.raw(broker)
        client.send(packets.connect("next"))
        try:
            return client.read_packet()[0] == packets.CONNACK
        except (EOFError, OSError):
            return False


if __name__ == "__main__":
    unittest.main()

"""Many clients at once, and what is left of them. The size is load.LoadPlan's, by environment."""

import asyncio
import os
import sys
import time
import unittest

from load import Load, LoadPlan
from support import packets
from support.broker import SANITIZE
from support.case import BrokerCase
from support.waiting import wait_until

IS_VERBOSE = "MARTLET_LOAD_VERBOSE" in os.environ


class SoakTest(BrokerCase):
    lines = ("max_inflight_messages 50",)

    def test_nothing_is_lost_or_out_of_order_and_nothing_is_left_behind(self):
        """[v3.1.1 MQTT-4.3.2-1 MQTT-4.3.3-1 MQTT-4.6.0-6], at QoS 1 and 2."""
        broker = self.start_broker(*self.lines)
        plan = LoadPlan.from_environment()
        files = broker.open_files()
        # A few clients, for the code and the tables that are there only once they are used.
        self.soak(broker, LoadPlan(5, 10, 50, 2.0, 500.0), files)
        before = broker.resident_bytes()
        self.soak(broker, LoadPlan(**{**vars(plan), "seconds": plan.seconds / 4}), files)
        self.check_memory_is_back(broker, before)
        self.soak(broker, plan, files)
        self.check_memory_is_back(broker, before)

    def soak(self, broker, plan, files):
        load = Load(plan, broker.port)
        self.peak = 0
        asyncio.run(self.run_load(broker, load))
        self.report(load.summary())
        self.assertEqual(load.ledger.complaints, [])
        self.assertEqual(load.ledger.received, load.ledger.sent)
        self.assertGreater(load.ledger.sent, plan.seconds * plan.rate / 10)
        broker.wait_for_open_files(files)
        self.check_nothing_is_left(broker)

    async def run_load(self, broker, load):
        began = time.monotonic()
        await load.connect()
        self.report(f"connected in {time.monotonic() - began:.1f} s")
        await load.run()
        self.peak = broker.resident_bytes()
        await load.close()

    def check_nothing_is_left(self, broker):
        """Clean sessions: no session, subscription or message stays."""
        watcher = self.paho(broker, "watcher")
        watcher.subscribe("$SYS/broker/+/#", 0)

        def latest(name):
            topic = f"$SYS/broker/{name}"
            return [int(m.payload) for m in watcher.messages.all() if m.topic == topic][-1:]

        for name in ("clients/total", "subscriptions/count"):
            wait_until(
                lambda: latest(name) == [1],
                lambda: f"1 of {name}, the watcher's own; there are {latest(name)}",
            )
        watcher.clean_up()

    def check_memory_is_back(self, broker, before):
        """To within a tenth."""
        if SANITIZE:
            return  # which keeps freed memory, to watch it
        allowed = before * 11 // 10
        wait_until(
            lambda: broker.resident_bytes() <= allowed,
            lambda: f"{allowed >> 20} MiB or less; before {before >> 20}, at the peak "
            f"{self.peak >> 20}, now {broker.resident_bytes() >> 20}",
        )
        self.report(
            f"memory MiB: before {before >> 20}, peak {self.peak >> 20}, "
            f"after {broker.resident_bytes() >> 20}"
        )

    def report(self, text):
        if IS_VERBOSE:
            print(text, file=sys.stderr)


class StormTest(BrokerCase):
    def test_many_connections_of_one_client_id_end_in_one_session(self):
        """[v3.1.1 MQTT-3.1.4-2]"""
        broker = self.start_broker()
        files = broker.open_files()
        clients = [self.raw(broker) for _ in range(50)]
        for client in clients:
            client.send(packets.connect("same", clean=False, keep_alive_s=0))
        broker.log.wait_for_lines(r"New client connected from .* as same", 50, 0)
        last = self.paho(broker, "same", clean=False)
        last.subscribe("t", 1)
        for client in clients:
            client.read_to_end()
        last.publish("t", "x", 1)
        self.assertEqual(last.payloads(1), [b"x"])
        self.assertEqual(len(last.disconnects), 0)
        last.disconnect()
        broker.wait_for_open_files(files)

    def test_a_session_that_comes_and_goes_under_traffic_gets_everything_once(self):
        """[v3.1.1 MQTT-4.3.3-1 MQTT-4.4.0-1 MQTT-4.6.0-6], whatever breaks when."""
        broker = self.start_broker()
        wanderer = Wanderer(self, broker)
        wanderer.visit(0)
        publisher = self.paho(broker, "pub")
        expected = [str(number).encode() for number in range(600)]
        for payload in expected:
            publisher.publish("t/x", payload, 2)
        visit = 0
        while len(wanderer.got) < len(expected):
            visit += 1
            wanderer.visit(min(len(expected), len(wanderer.got) + 1 + visit * 7 % 60))
        publisher.publish("t/x", b"end", 2)
        wanderer.visit(len(expected) + 1)
        self.assertEqual(wanderer.got, [*expected, b"end"])


class Wanderer:
    """A client with a session at QoS 2 that remembers its part of it, and breaks off anywhere."""

    def __init__(self, case, broker):
        self._case = case
        self._broker = broker
        self._unreleased = set()
        self.got = []

    def visit(self, count):
        """Connects, reads until there are `count` messages in all, and is gone."""
        client = self._case.raw(self._broker)
        client.connect("wanderer", clean=False)
        if count == 0:
            client.subscribe("t/#", qos=2)
        while len(self.got) < count:
            self._handle(client, *client.read_packet())
        client.close()

    def _handle(self, client, kind, _flags, body):
        if kind == packets.PUBREL:
            packet_id = body[:2]
            self._unreleased.discard(packet_id)
            client.send(packets.packet(packets.PUBCOMP, packet_id))
            return
        assert kind == packets.PUBLISH, kind
        topic_end = 2 + body[1]
        packet_id = body[topic_end : topic_end + 2]
        if packet_id not in self._unreleased:
            self._unreleased.add(packet_id)
            self.got.append(body[topic_end + 2 :])
        client.send(packets.packet(packets.PUBREC, packet_id))


if __name__ == "__main__":
    unittest.main()

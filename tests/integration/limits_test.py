"""Limits that hold whatever a client tries: memory, its publish rate, the QoS of its listener."""

import unittest

from support.case import BrokerCase, martlet_only
from support.paho_client import V5, V311, PahoClient

QUOTA_EXCEEDED = 0x97


class LimitsTest(BrokerCase):
    @martlet_only("mosquitto's memory_limit is of its heap, and it drops without a word")
    def test_near_the_memory_limit_newcomers_are_refused_and_old_friends_served(self):
        broker = self.start_broker()
        friend = self.paho(broker, "friend")
        friend.subscribe("a", 1)
        broker.configure("memory_limit 1")
        broker.reload()
        broker.log.wait_for_line("Memory is tight: .* New sessions")
        newcomer = PahoClient(broker.port, "newcomer", version=V5)
        self.addCleanup(newcomer.clean_up)
        newcomer.start_connecting()
        code = newcomer.connacks.wait_for_count(1)[0][1]
        self.assertEqual(code.value, QUOTA_EXCEEDED)
        friend.publish("a", b"still here", 1)
        self.assertEqual(friend.messages.wait_for_count(1)[0].payload, b"still here")
        broker.configure("memory_limit 0")
        broker.reload()
        broker.log.wait_for_line("Memory is not tight any more")
        self.paho(broker, "newcomer")

    @martlet_only("a key of its own")
    def test_a_client_over_its_publish_rate_is_read_later_and_loses_nothing(self):
        broker = self.start_broker("publish_rate_max 200")
        reader = self.paho(broker, "reader")
        reader.subscribe("a", 0)
        publisher = self.paho(broker, "publisher")
        watcher = self.paho(broker, "watcher")
        watcher.subscribe("$SYS/broker/publish/publishers_throttled", 0)
        for number in range(500):
            publisher.client.publish("a", str(number))
        messages = reader.messages.wait_for_count(500)
        self.assertEqual([int(m.payload) for m in messages], list(range(500)))
        watcher.messages.wait_for(
            lambda messages: any(int(message.payload) > 0 for message in messages),
            "a throttled publisher",
        )

    def test_a_listener_grants_no_more_than_its_maximum_qos(self):
        broker = self.start_broker("max_qos 1")
        client = self.paho(broker, "client", version=V5)
        self.assertEqual(client.connack_properties.MaximumQoS, 1)
        self.assertEqual([code.value for code in client.subscribe("a", 2)], [1])
        old = self.paho(broker, "old", version=V311)
        old.client.publish("a", b"x", 2)
        old.disconnects.wait_for_count(1)

    def test_messages_at_qos_0_wait_for_who_is_away_if_they_are_to(self):
        broker = self.start_broker("queue_qos0_messages true")
        reader = self.paho(broker, "reader", clean=False)
        reader.subscribe("a", 1)
        reader.disconnect()
        publisher = self.paho(broker, "publisher")
        publisher.publish("a", b"0", 0)
        publisher.publish("a", b"1", 1)
        reader = self.paho(broker, "reader", clean=False)
        payloads = [message.payload for message in reader.messages.wait_for_count(2)]
        self.assertEqual(payloads, [b"0", b"1"])


if __name__ == "__main__":
    unittest.main()

"""MQTT 3.1.1 with paho: order, sessions, wills, sizes."""

import unittest

from support import packets
from support.case import BrokerCase, martlet_only
from support.command_line_clients import publish
from support.waiting import wait_until

MANY = 1000


class DeliveryTest(BrokerCase):
    def setUp(self):
        super().setUp()
        self.broker = self.start_broker()

    def check_many(self, qos):
        subscriber = self.paho(self.broker, "sub")
        subscriber.subscribe("many/#", qos)
        publisher = self.paho(self.broker, "pub")
        expected = [str(number).encode() for number in range(MANY)]
        for payload in expected:
            last = publisher.publish("many/t", payload, qos)
        last.wait_for_publish(20)
        self.assertEqual(subscriber.payloads(MANY), expected)
        publisher.publish_and_wait("many/end", "end", qos)
        self.assertEqual(subscriber.payloads(MANY + 1)[-1], b"end")
        self.assertEqual({message.qos for message in subscriber.messages.all()}, {qos})

    def test_many_messages_arrive_once_in_order_at_qos_0(self):
        """[v3.1.1 MQTT-4.6.0-6]"""
        self.check_many(0)

    def test_many_messages_arrive_once_in_order_at_qos_1(self):
        """[v3.1.1 MQTT-4.3.2-1 MQTT-4.6.0-5 MQTT-4.6.0-6]"""
        self.check_many(1)

    def test_many_messages_arrive_once_in_order_at_qos_2(self):
        """[v3.1.1 MQTT-4.3.3-1 MQTT-4.6.0-5 MQTT-4.6.0-6]"""
        self.check_many(2)

    def test_every_publisher_keeps_its_own_order(self):
        subscriber = self.paho(self.broker, "sub")
        subscriber.subscribe("from/+", 2)
        publishers = [self.paho(self.broker, f"pub{number}") for number in range(4)]
        for number in range(100):
            for index, publisher in enumerate(publishers):
                publisher.publish(f"from/{index}", str(number), 2)
        subscriber.messages.wait_for_count(400)
        for index in range(4):
            topic = f"from/{index}"
            got = [int(m.payload) for m in subscriber.messages.all() if m.topic == topic]
            self.assertEqual(got, list(range(100)))

    def test_every_subscriber_gets_every_message(self):
        subscribers = [self.paho(self.broker, f"sub{number}") for number in range(20)]
        for index, subscriber in enumerate(subscribers):
            subscriber.subscribe("fan/out", index % 3)
        publisher = self.paho(self.broker, "pub")
        for number in range(100):
            publisher.publish("fan/out", str(number), 2)
        for index, subscriber in enumerate(subscribers):
            with self.within(f"subscriber at QoS {index % 3}"):
                got = subscriber.payloads(100)
                self.assertEqual(got, [str(number).encode() for number in range(100)])

    @martlet_only("mosquitto sends one message for each unless it is told not to")
    def test_overlapping_subscriptions_bring_one_message_at_the_highest_qos(self):
        """[v3.1.1 MQTT-3.3.5-1]"""
        subscriber = self.paho(self.broker, "sub")
        subscriber.subscribe([("o/#", 0), ("o/a", 2), ("o/+", 1)])
        publisher = self.paho(self.broker, "pub")
        publisher.publish_and_wait("o/a", "once", 2)
        publisher.publish_and_wait("o/b", "end", 2)
        got = [(m.payload, m.qos) for m in subscriber.messages.wait_for_count(2)]
        # paho hands a QoS 2 message over when its exchange is complete, so either may be first.
        self.assertCountEqual(got, [(b"once", 2), (b"end", 1)])

    def test_a_second_subscription_to_the_same_filter_replaces_the_first(self):
        """[v3.1.1 MQTT-3.8.4-3]"""
        subscriber = self.paho(self.broker, "sub")
        publish(self.broker, "o/a", "kept", "-r")
        subscriber.subscribe("o/a", 0)
        subscriber.payloads(1)
        subscriber.subscribe("o/a", 1)
        publish(self.broker, "o/a", "live", "-q", "2")
        got = [(m.payload, m.qos, m.retain) for m in subscriber.messages.wait_for_count(3)]
        self.assertEqual(got, [(b"kept", 0, 1), (b"kept", 0, 1), (b"live", 1, 0)])

    def test_after_unsubscribing_nothing_comes(self):
        """[v3.1.1 MQTT-3.10.4-2 MQTT-3.10.4-4]"""
        subscriber = self.paho(self.broker, "sub")
        subscriber.subscribe([("u/a", 1), ("u/b", 1)])
        subscriber.unsubscribe("u/a")
        publish(self.broker, "u/a", "unseen", "-q", "1")
        publish(self.broker, "u/b", "seen", "-q", "1")
        self.assertEqual(subscriber.payloads(1), [b"seen"])

    def test_a_client_hears_itself(self):
        client = self.paho(self.broker, "me")
        client.subscribe("self", 2)
        client.publish("self", "x", 2)
        self.assertEqual(client.payloads(1), [b"x"])

    def test_one_suback_answers_every_filter(self):
        """[v3.1.1 MQTT-3.8.4-5]"""
        client = self.paho(self.broker, "me")
        granted = client.subscribe([(f"f/{number}", number % 3) for number in range(60)])
        self.assertEqual(list(granted), [number % 3 for number in range(60)])


class SessionTest(BrokerCase):
    def setUp(self):
        super().setUp()
        self.broker = self.start_broker()

    def test_a_session_is_resumed_with_its_subscriptions(self):
        """[v3.1.1 MQTT-3.1.2-4 MQTT-3.2.2-2]"""
        first = self.paho(self.broker, "me", clean=False)
        self.assertFalse(first.session_present)
        first.subscribe("s/#", 2)
        first.disconnect()
        publish(self.broker, "s/a", "kept", "-q", "2")
        second = self.paho(self.broker, "me", clean=False)
        self.assertTrue(second.session_present)
        publish(self.broker, "s/a", "live", "-q", "2")
        self.assertEqual(second.payloads(2), [b"kept", b"live"])

    def test_many_messages_wait_for_a_session(self):
        for qos in (1, 2):
            with self.subTest(qos=qos):
                client_id = f"me{qos}"
                first = self.paho(self.broker, client_id, clean=False)
                first.subscribe("s/#", qos)
                first.disconnect()
                publisher = self.paho(self.broker, "pub")
                for number in range(MANY):
                    last = publisher.publish("s/t", str(number), qos)
                last.wait_for_publish(20)
                publisher.disconnect()
                second = self.paho(self.broker, client_id, clean=False)
                expected = [str(number).encode() for number in range(MANY)]
                self.assertEqual(second.payloads(MANY), expected)
                second.disconnect()

    def test_a_second_client_of_the_same_name_takes_over(self):
        """[v3.1.1 MQTT-3.1.4-2]"""
        first = self.paho(self.broker, "me")
        second = self.paho(self.broker, "me")
        first.wait_for_disconnect()
        second.subscribe("t", 1)
        publish(self.broker, "t", "x")
        self.assertEqual(second.payloads(1), [b"x"])
        self.broker.log.wait_for_line("Client me already connected, closing old connection")

    def test_a_session_survives_a_takeover(self):
        first = self.paho(self.broker, "me", clean=False)
        first.subscribe("t", 2)
        second = self.paho(self.broker, "me", clean=False)
        self.assertTrue(second.session_present)
        publish(self.broker, "t", "x", "-q", "2")
        self.assertEqual(second.payloads(1), [b"x"])

    def test_what_a_lost_client_did_not_acknowledge_comes_again(self):
        """[v3.1.1 MQTT-4.4.0-1 MQTT-3.3.1-1]"""
        client = self.raw(self.broker)
        client.connect("me", clean=False)
        client.subscribe("t", qos=1)
        publish(self.broker, "t", "x", "-q", "1")
        kind, flags, body = client.read_packet()
        self.assertEqual((kind, flags), (packets.PUBLISH, 0x02))
        client.close()
        again = self.raw(self.broker)
        again.connect("me", clean=False)
        self.assertEqual(again.read_packet(), (kind, 0x0A, body), "the same, with DUP")

    def test_a_qos_2_message_sent_twice_arrives_once(self):
        """[v3.1.1 MQTT-4.3.3-2]"""
        subscriber = self.paho(self.broker, "sub")
        subscriber.subscribe("t", 2)
        client = self.raw(self.broker)
        client.connect("me", clean=False)
        message = packets.publish("t", b"once", qos=2, packet_id=7)
        client.send(message)
        self.assertEqual(client.read_packet()[0], packets.PUBREC)
        client.close()
        again = self.raw(self.broker)
        again.connect("me", clean=False)
        again.send(bytes([message[0] | 0x08]) + message[1:])
        self.assertEqual(again.read_packet()[0], packets.PUBREC)
        again.send(packets.acknowledge(packets.PUBREL, 7))
        self.assertEqual(again.read_packet()[0], packets.PUBCOMP)
        publish(self.broker, "t", "end", "-q", "2")
        self.assertEqual(subscriber.payloads(2), [b"once", b"end"])

    def test_an_empty_client_id_is_replaced_if_the_session_is_clean(self):
        """[v3.1.1 MQTT-3.1.3-6 MQTT-3.1.3-8]"""
        self.raw(self.broker).connect("")
        refused = self.raw(self.broker)
        refused.send(packets.connect("", clean=False))
        self.assertEqual(refused.read_to_end(), [(packets.CONNACK, 0, b"\0\2")])


class LivenessTest(BrokerCase):
    def setUp(self):
        super().setUp()
        self.broker = self.start_broker()

    def test_silence_past_one_and_a_half_keep_alives_ends_the_connection(self):
        """[v3.1.1 MQTT-3.1.2-24], and the will is published."""
        watcher = self.paho(self.broker, "watcher")
        watcher.subscribe("wills/#", 1)
        client = self.raw(self.broker)
        client.connect("silent", keep_alive_s=1, will=("wills/silent", b"gone"), will_qos=1)
        self.assertEqual(client.read_to_end(), [])
        self.assertEqual(watcher.payloads(1), [b"gone"])
        self.broker.log.wait_for_line("Client silent has exceeded timeout, disconnecting")

    def test_a_client_that_pings_stays(self):
        """[v3.1.1 MQTT-3.12.4-1]"""
        silent = self.raw(self.broker)
        pinging = self.raw(self.broker)
        for client, name in ((silent, "silent"), (pinging, "pinging")):
            client.connect(name, keep_alive_s=1)

        def is_silent_one_gone():
            pinging.send(packets.pingreq())
            self.assertEqual(pinging.read_packet()[0], packets.PINGRESP)
            return self.broker.log.matches("Client silent has exceeded timeout")

        wait_until(is_silent_one_gone, "the end of the silent client")
        self.assertEqual(self.broker.log.matches("Client pinging has"), [])

    def test_keep_alive_zero_is_for_ever(self):
        self.raw(self.broker).connect("silent", keep_alive_s=1)
        patient = self.raw(self.broker)
        patient.connect("patient", keep_alive_s=0)
        self.broker.log.wait_for_line("Client silent has exceeded timeout")
        patient.send(packets.pingreq())
        self.assertEqual(patient.read_packet()[0], packets.PINGRESP)

    def test_a_will_is_published_when_the_connection_breaks_and_not_on_disconnect(self):
        """[v3.1.1 MQTT-3.1.2-8 MQTT-3.1.2-10]"""
        watcher = self.paho(self.broker, "watcher")
        watcher.subscribe("wills/#", 2)
        for qos in range(3):
            client = self.raw(self.broker)
            client.connect(f"broken{qos}", will=(f"wills/{qos}", b"gone"), will_qos=qos)
            client.close()
            message = watcher.messages.wait_for_count(qos + 1)[-1]
            self.assertEqual((message.topic, message.qos), (f"wills/{qos}", qos))
        client = self.raw(self.broker)
        client.connect("polite", will=("wills/polite", b"gone"))
        client.send(packets.disconnect())
        self.assertEqual(client.read_to_end(), [])
        publish(self.broker, "wills/end", "x")
        self.assertEqual(watcher.messages.wait_for_count(4)[-1].topic, "wills/end")

    def test_a_will_is_published_on_a_protocol_error(self):
        watcher = self.paho(self.broker, "watcher")
        watcher.subscribe("wills/#", 2)
        client = self.raw(self.broker)
        client.connect("bad", will=("wills/bad", b"gone"))
        client.send(b"\xf1\0")
        self.assertEqual(client.read_to_end(), [])
        self.assertEqual(watcher.payloads(1), [b"gone"])


class SizeTest(BrokerCase):
    def check_sizes(self, broker, sizes):
        subscriber = self.paho(broker, "sub")
        subscriber.subscribe("big/#", 2)
        publisher = self.paho(broker, "pub")
        expected = []
        for index, size in enumerate(sizes):
            payload = bytes([index + 1]) * size
            expected.append(payload)
            publisher.publish("big/t", payload, index % 3)
        got = subscriber.payloads(len(sizes))
        self.assertEqual(sorted(map(len, got)), sorted(sizes))
        self.assertTrue(sorted(got) == sorted(expected), "payloads differ")

    def test_payloads_around_the_steps_of_the_length_field(self):
        self.check_sizes(self.start_broker(), [0, 1, 118, 119, 120, 121, 16_373, 16_374, 16_375])

    def test_big_payloads(self):
        self.check_sizes(self.start_broker(), [1024 * kib for kib in (256, 300, 512, 700, 900)])

    def test_a_packet_beyond_the_limit_is_refused_and_nobody_else_suffers(self):
        broker = self.start_broker("max_packet_size 20000")
        subscriber = self.paho(broker, "sub")
        subscriber.subscribe("t", 1)
        bystander = self.paho(broker, "bystander")
        publisher = self.paho(broker, "pub")
        publisher.publish("t", b"x" * 20_000, 1)
        publisher.wait_for_disconnect()
        broker.log.wait_for_line("Client pub disconnected due to oversize packet")
        bystander.publish_and_wait("t", "still served", 1)
        self.assertEqual(subscriber.payloads(1), [b"still served"])

    def test_the_limit_itself_is_allowed(self):
        broker = self.start_broker("max_packet_size 20000")
        client = self.raw(broker)
        client.connect("me")
        message = packets.publish("t", b"x" * 19_991, qos=1)
        self.assertEqual(len(message), 20_000)
        client.send(message)
        self.assertEqual(client.read_packet(), (packets.PUBACK, 0, b"\0\1"))

    @martlet_only("mosquitto counts otherwise")
    def test_one_byte_beyond_the_limit_is_not(self):
        client = self.raw(self.start_broker("max_packet_size 20000"))
        client.connect("me")
        client.send(packets.publish("t", b"x" * 19_992, qos=1))
        self.assertEqual(client.read_to_end(), [])


if __name__ == "__main__":
    unittest.main()

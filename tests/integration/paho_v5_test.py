"""MQTT 5 with paho: properties, expiry, subscription options, reason codes."""

import struct
import time
import unittest

from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from support import packets
from support.broker import IS_MARTLET, THREADS
from support.case import BrokerCase, martlet_only
from support.paho_client import V5
from support.waiting import wait_until

MAXIMUM_PACKET_SIZE = 0x27
SESSION_TAKEN_OVER = 0x8E


def properties(kind, **values):
    """E.g. properties(PacketTypes.PUBLISH, ContentType="text/plain")."""
    result = Properties(kind)
    for name, value in values.items():
        setattr(result, name, value)
    return result


def of_publish(**values):
    return properties(PacketTypes.PUBLISH, **values)


def of_connect(**values):
    return properties(PacketTypes.CONNECT, **values)


class V5Case(BrokerCase):
    lines = ()

    def setUp(self):
        super().setUp()
        self.broker = self.start_broker(*self.lines)

    def client(self, client_id="", **options):
        return self.paho(self.broker, client_id, version=V5, **options)

    def lasting_client(self, client_id, interval_s=1000, clean=False):
        return self.client(
            client_id, clean=clean, properties=of_connect(SessionExpiryInterval=interval_s)
        )


class PropertiesTest(V5Case):
    def test_a_message_carries_its_properties_unchanged_and_in_order(self):
        """[v5 MQTT-3.3.2-17 MQTT-3.3.2-18 MQTT-3.3.2-15 MQTT-3.3.2-16 MQTT-3.3.2-20]"""
        users = [("b", "2"), ("a", "1"), ("b", "1"), ("", ""), ("é", "ü" * 100)]
        subscriber = self.client("sub")
        subscriber.subscribe("p/#", 2)
        publisher = self.client("pub")
        sent = {
            "PayloadFormatIndicator": 1,
            "ContentType": "text/plain",
            "ResponseTopic": "reply/to",
            "CorrelationData": bytes(range(256)),
            "UserProperty": users,
        }
        for qos in range(3):
            with self.subTest(qos=qos):
                publisher.publish("p/t", "hi", qos, properties=of_publish(**sent))
                got = subscriber.messages.wait_for_count(qos + 1)[-1].properties
                for name, value in sent.items():
                    self.assertEqual(getattr(got, name), value)

    def test_a_retained_and_a_queued_message_keep_their_properties(self):
        sent = {"ContentType": "a/b", "UserProperty": [("k", "v"), ("k", "w")]}
        away = self.lasting_client("away")
        away.subscribe("p/t", 1)
        away.disconnect()
        publisher = self.client("pub")
        publisher.publish_and_wait("p/t", "x", 1, retain=True, properties=of_publish(**sent))
        late = self.client("late")
        late.subscribe("p/t")
        for client in (late, self.lasting_client("away")):
            got = client.messages.wait_for_count(1)[0].properties
            self.assertEqual(got.ContentType, "a/b")
            self.assertEqual(got.UserProperty, sent["UserProperty"])

    def test_a_will_carries_its_properties(self):
        watcher = self.client("watcher")
        watcher.subscribe("wills/#")
        dying = self.raw(self.broker)
        content_type = b"\x03" + packets.text("text/plain")
        users = b"".join(b"\x26" + packets.text(n) + packets.text("v") for n in "ba")
        dying.connect(
            "dying", version=5, will=("wills/a", b"gone"), will_properties=content_type + users
        )
        dying.close()
        got = watcher.messages.wait_for_count(1)[0].properties
        self.assertEqual(got.ContentType, "text/plain")
        self.assertEqual(got.UserProperty, [("b", "v"), ("a", "v")])

    def test_a_request_finds_its_response(self):
        responder = self.client("responder")
        responder.subscribe("service")
        asker = self.client("asker")
        asker.subscribe("replies/asker")
        request = of_publish(ResponseTopic="replies/asker", CorrelationData=b"42")
        asker.publish("service", "question", 1, properties=request)
        got = responder.messages.wait_for_count(1)[0].properties
        answer = of_publish(CorrelationData=got.CorrelationData)
        responder.publish(got.ResponseTopic, "answer", 1, properties=answer)
        reply = asker.messages.wait_for_count(1)[0]
        self.assertEqual((reply.payload, reply.properties.CorrelationData), (b"answer", b"42"))

    def test_a_version_4_subscriber_gets_the_message_without_properties(self):
        subscriber = self.paho(self.broker, "old")
        subscriber.subscribe("p/t", 1)
        publisher = self.client("pub")
        publisher.publish("p/t", "x", 1, properties=of_publish(ContentType="a/b"))
        self.assertEqual(subscriber.payloads(1), [b"x"])

    def test_an_alias_stands_for_its_topic(self):
        """[v5 MQTT-3.3.2-12]"""
        subscriber = self.client("sub")
        subscriber.subscribe("a/#")
        publisher = self.raw(self.broker)
        publisher.connect("pub", version=5)
        alias = b"\x23\x00\x01"
        for topic, payload in (("a/x", b"1"), ("", b"2"), ("a/y", b"3"), ("", b"4")):
            publisher.send(packets.publish(topic, payload, version=5, properties=alias))
        got = [(m.topic, m.payload) for m in subscriber.messages.wait_for_count(4)]
        self.assertEqual(got, [("a/x", b"1"), ("a/x", b"2"), ("a/y", b"3"), ("a/y", b"4")])


class ConnectTest(V5Case):
    def test_the_broker_assigns_a_client_id_and_tells_it(self):
        """[v5 MQTT-3.1.3-6 MQTT-3.1.3-7]"""
        first, second = self.client(), self.client()
        names = [c.connack_properties.AssignedClientIdentifier for c in (first, second)]
        self.assertNotEqual(*names)
        self.broker.log.wait_for_line(f" as {names[0]} ")

    def test_a_session_ends_with_its_interval(self):
        """[v5 MQTT-3.1.2-23]"""
        self.lasting_client("short", 1).disconnect()
        self.lasting_client("long", 1000).disconnect()
        let_pass(3)
        self.assertFalse(self.lasting_client("short").session_present)
        self.assertTrue(self.lasting_client("long").session_present)

    def test_without_an_interval_a_session_ends_with_its_connection(self):
        client = self.client("me", clean=False)
        client.subscribe("t", 1)
        client.disconnect()
        self.assertFalse(self.lasting_client("me").session_present)

    def test_disconnect_may_change_the_interval(self):
        client = self.lasting_client("me")
        client.disconnect(
            properties=properties(PacketTypes.DISCONNECT, SessionExpiryInterval=0)
        )
        self.assertFalse(self.lasting_client("me").session_present)

    def test_clean_start_forgets_a_session_and_may_begin_a_lasting_one(self):
        """[v5 MQTT-3.1.2-4]"""
        self.lasting_client("me").disconnect()
        client = self.lasting_client("me", clean=True)
        self.assertFalse(client.session_present)
        client.disconnect()
        self.assertTrue(self.lasting_client("me").session_present)

    @martlet_only("mosquitto 2.0 only closes the connection")
    def test_whoever_is_taken_over_is_told_so(self):
        """[v5 MQTT-3.1.4-3]"""
        first = self.raw(self.broker)
        first.connect("me", version=5)
        self.client("me")
        self.assertEqual(last_reason(first), SESSION_TAKEN_OVER)

    def test_a_will_with_a_delay_waits_and_a_return_in_time_cancels_it(self):
        """[v5 MQTT-3.1.3-9]"""
        watcher = self.client("watcher")
        watcher.subscribe("wills/#")
        session = b"\x11" + struct.pack("!I", 1000)
        for name, delay_s in (("returns", 600), ("stays away", 1)):
            dying = self.raw(self.broker)
            dying.connect(
                name,
                version=5,
                will=(f"wills/{name}", b"gone"),
                properties=session,
                will_properties=b"\x18" + struct.pack("!I", delay_s),
            )
            dying.close()
        began = time.monotonic()
        self.broker.log.wait_for_line("Client returns closed")
        self.assertTrue(self.lasting_client("returns").session_present)
        self.assertEqual(watcher.messages.wait_for_count(1)[0].topic, "wills/stays away")
        self.assertGreater(time.monotonic() - began, 0.5)
        self.assertEqual(len(watcher.messages), 1)

    def test_disconnect_with_will_message_publishes_it(self):
        watcher = self.client("watcher")
        watcher.subscribe("wills/#")
        client = self.raw(self.broker)
        client.connect("me", version=5, will=("wills/me", b"gone"))
        client.send(packets.packet(packets.DISCONNECT, b"\x04"))
        self.assertEqual(watcher.payloads(1), [b"gone"])


class ExpiryTest(V5Case):
    def test_a_message_that_waited_too_long_is_not_delivered(self):
        """[v5 MQTT-3.3.2-5 MQTT-3.3.2-6], and what is left of the time is told."""
        self.subscribe_and_leave("away")
        publisher = self.client("pub")
        for payload, interval_s in (("short", 1), ("long", 1000)):
            publisher.publish_and_wait(
                "t", payload, 1, properties=of_publish(MessageExpiryInterval=interval_s)
            )
        let_pass(3)
        message = self.lasting_client("away").messages.wait_for_count(1)[0]
        self.assertEqual(message.payload, b"long")
        self.assertTrue(990 <= message.properties.MessageExpiryInterval < 1000)

    def subscribe_and_leave(self, client_id):
        client = self.lasting_client(client_id)
        client.subscribe("t", 1)
        client.disconnect()

    def test_a_retained_message_expires(self):
        publisher = self.client("pub")
        for topic, interval_s in (("r/short", 1), ("r/long", 1000)):
            expiry = of_publish(MessageExpiryInterval=interval_s)
            publisher.publish_and_wait(topic, "x", 1, retain=True, properties=expiry)
        let_pass(3)
        late = self.client("late")
        late.subscribe("r/+", 1)
        publisher.publish("r/end", "end", 1)
        topics = [message.topic for message in late.messages.wait_for_count(2)]
        self.assertEqual(sorted(topics), ["r/end", "r/long"])


class SubscriptionTest(V5Case):
    def test_a_message_names_the_subscriptions_it_matched(self):
        """[v5 MQTT-3.3.4-3]"""
        subscriber = self.client("sub")
        for topic_filter, number in (("a/b", 1), ("c/#", 268_435_455)):
            subscriber.subscribe(
                topic_filter,
                properties=properties(PacketTypes.SUBSCRIBE, SubscriptionIdentifier=number),
            )
        subscriber.subscribe("d")
        publisher = self.client("pub")
        for topic in ("a/b", "c/x", "d"):
            publisher.publish(topic, "x")
        got = [
            getattr(message.properties, "SubscriptionIdentifier", None)
            for message in subscriber.messages.wait_for_count(3)
        ]
        self.assertEqual(got, [[1], [268_435_455], None])

    @martlet_only("mosquitto sends one message for each subscription")
    def test_overlapping_subscriptions_bring_one_message_with_all_identifiers(self):
        """[v5 MQTT-3.3.4-2 MQTT-3.3.4-4]"""
        subscriber = self.client("sub")
        for topic_filter, number in (("a/b", 1), ("a/+", 2), ("a/#", 3)):
            subscriber.subscribe(
                topic_filter,
                properties=properties(PacketTypes.SUBSCRIBE, SubscriptionIdentifier=number),
            )
        publisher = self.client("pub")
        for topic in ("a/b", "a/c"):
            publisher.publish_and_wait(topic, "x", 1)
        got = [
            (message.topic, sorted(message.properties.SubscriptionIdentifier))
            for message in subscriber.messages.wait_for_count(2)
        ]
        self.assertEqual(got, [("a/b", [1, 2, 3]), ("a/c", [2, 3])])

    def test_no_local_keeps_a_clients_own_messages_away(self):
        """[v5 MQTT-3.8.3-3]"""
        client = self.client("me")
        client.subscribe("t", options=SubscribeOptions(qos=1, noLocal=True))
        client.publish_and_wait("t", "own", 1)
        self.client("other").publish_and_wait("t", "other's", 1)
        self.assertEqual(client.payloads(1), [b"other's"])

    def test_retain_as_published_keeps_the_flag(self):
        """[v5 MQTT-3.3.1-12 MQTT-3.3.1-13]"""
        for keep in (False, True):
            with self.subTest(keep=keep):
                client = self.client(f"me{keep}")
                options = SubscribeOptions(qos=1, retainAsPublished=keep)
                client.subscribe(f"t/{keep}", options=options)
                self.client("other").publish_and_wait(f"t/{keep}", "x", 1, retain=True)
                self.assertEqual(client.messages.wait_for_count(1)[0].retain, keep)

    def test_retain_handling_decides_when_retained_messages_come(self):
        """[v5 MQTT-3.3.1-9 MQTT-3.3.1-10 MQTT-3.3.1-11]"""
        self.client("pub").publish_and_wait("t", "kept", 1, retain=True)
        # Handling, then whether the first and the second subscription bring the message.
        for handling, expected in ((0, [True, True]), (1, [True, False]), (2, [False, False])):
            with self.subTest(handling=handling):
                client = self.client(f"me{handling}")
                client.subscribe("marker", 1)
                for is_expected in expected:
                    before = len(client.messages)
                    client.subscribe("t", options=SubscribeOptions(qos=1, retainHandling=handling))
                    client.publish("marker", "m", 1)
                    # Whichever comes first: the order of different topics is not promised.
                    client.messages.wait_for_count(before + 1 + is_expected)
                    wanted = [b"kept", b"m"] if is_expected else [b"m"]
                    got = [message.payload for message in client.messages.all(before)]
                    self.assertEqual(sorted(got), wanted)

    def test_a_shared_subscription_gives_each_message_to_one_member(self):
        members = [self.client(f"member{number}") for number in range(3)]
        for member in members:
            member.subscribe("$share/g/s/#", 1)
        publisher = self.client("pub")
        for number in range(300):
            publisher.publish(f"s/{number % 7}", str(number), 1)

        def got():
            return [int(m.payload) for member in members for m in member.messages.all()]

        wait_until(lambda: len(got()) >= 300, lambda: f"300 messages, there are {len(got())}")
        self.assertEqual(sorted(got()), list(range(300)))

    @martlet_only("mosquitto loses them")
    def test_a_members_messages_go_to_the_others_when_it_leaves(self):
        staying = self.client("staying")
        staying.subscribe("$share/g/s", 1)
        leaving = self.raw(self.broker)
        leaving.connect("leaving", version=5)
        leaving.subscribe("$share/g/s", qos=1, version=5)
        publisher = self.client("pub")
        for number in range(10):
            publisher.publish("s", str(number), 1)
        wait_until(lambda: len(staying.messages) >= 5, "half of the messages")
        self.assertEqual(leaving.read_packet()[0], packets.PUBLISH)
        leaving.close()
        got = staying.messages.wait_for_count(10)
        self.assertEqual(sorted(int(m.payload) for m in got), list(range(10)))


class ReasonCodeTest(V5Case):
    lines = ("max_packet_size 20000",)

    def exchange(self, sent, client_id="me", **options):
        client = self.raw(self.broker)
        client.connect(client_id, version=5, **options)
        client.send(sent)
        return client

    def test_publishing_to_nobody_says_so(self):
        client = self.exchange(packets.publish("t", b"x", qos=1, version=5))
        kind, _, body = client.read_packet()
        # Several threads tell each other when they start whom they have; until then none says it.
        may_not_know = IS_MARTLET and THREADS != "1"
        self.assertEqual(kind, packets.PUBACK)
        self.assertIn(body, (b"\0\1\x10", b"\0\1") if may_not_know else (b"\0\1\x10",))

    def test_unsubscribing_from_nothing_says_so(self):
        """[v5 MQTT-3.11.3-2]"""
        body = struct.pack("!H", 1) + b"\0" + packets.text("t")
        client = self.exchange(packets.packet(packets.UNSUBSCRIBE, body, 2))
        kind, _, body = client.read_packet()
        self.assertEqual((kind, body), (packets.UNSUBACK, b"\0\1\0\x11"))

    def test_a_packet_beyond_the_limit_is_answered_with_0x95(self):
        """[v5 MQTT-3.2.2-15], the limit was told in CONNACK."""
        client = self.raw(self.broker)
        told = client.connect("me", version=5)
        self.assertIn(bytes([MAXIMUM_PACKET_SIZE]) + struct.pack("!I", 20_000), told)
        client.send(packets.publish("t", b"x" * 20_000, version=5))
        self.assertEqual(last_reason(client), 0x95)

    def test_a_message_too_big_for_a_subscriber_is_not_sent_to_it(self):
        """[v5 MQTT-3.1.2-24 MQTT-3.1.2-25]"""
        limit = bytes([MAXIMUM_PACKET_SIZE]) + struct.pack("!I", 100)
        small = self.raw(self.broker)
        small.connect("small", version=5, properties=limit)
        small.subscribe("t", qos=1, version=5)
        publisher = self.client("pub")
        publisher.publish_and_wait("t", b"x" * 200, 1)
        publisher.publish_and_wait("t", b"fits", 1)
        self.assertTrue(small.read_packet()[2].endswith(b"fits"))

    @martlet_only("mosquitto 2.0 sends more after the first acknowledgements")
    def test_the_receive_maximum_of_a_client_is_kept(self):
        """[v5 MQTT-3.3.4-9]"""
        client = self.raw(self.broker)
        client.connect("slow", version=5, properties=b"\x21\x00\x02")
        client.subscribe("t", qos=1, version=5)
        publisher = self.client("pub")
        for number in range(6):
            publisher.publish_and_wait("t", str(number), 1)
        for number in range(0, 6, 2):
            ids = []
            for expected in (number, number + 1):
                kind, _, body = client.read_packet()
                self.assertEqual(kind, packets.PUBLISH)
                self.assertEqual(body[-1:], str(expected).encode())
                ids.append(struct.unpack("!H", body[3:5])[0])
            client.send(packets.pingreq())
            self.assertEqual(client.read_packet()[0], packets.PINGRESP, "more than two in flight")
            for packet_id in ids:
                client.send(packets.acknowledge(packets.PUBACK, packet_id))

    def test_an_unknown_alias_is_answered_with_0x94(self):
        """[v5 MQTT-3.3.2-9]"""
        client = self.exchange(packets.publish("t", version=5, properties=b"\x23\xff\xff"))
        self.assertEqual(last_reason(client), 0x94)

    def test_a_malformed_packet_is_answered_with_0x81(self):
        client = self.exchange(b"\x30\x03\x00\x10x")
        self.assertEqual(last_reason(client), 0x81)


def let_pass(seconds):
    """For promises about time itself: an interval of a second or two is then over."""
    end = time.monotonic() + seconds
    wait_until(lambda: time.monotonic() >= end, f"{seconds} s", seconds + 1)


def last_reason(client):
    """The reason code of the DISCONNECT that must end the connection."""
    kind, _, body = client.read_to_end()[-1]
    assert kind == packets.DISCONNECT, kind
    return body[0]


if __name__ == "__main__":
    unittest.main()

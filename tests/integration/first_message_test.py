"""The first things that anybody types: mosquitto_pub and mosquitto_sub against the broker."""

import signal
import unittest

from support.case import BrokerCase
from support.command_line_clients import Subscriber, publish
from support.waiting import PATIENCE_S, wait_until

VERSIONS = ("mqttv31", "mqttv311", "mqttv5")


class FirstMessageTest(BrokerCase):
    def setUp(self):
        super().setUp()
        self.broker = self.start_broker()

    def subscriber(self, topic_filter, *options, **named):
        subscriber = Subscriber(self.broker, topic_filter, *options, **named)
        self.addCleanup(subscriber.clean_up)
        return subscriber

    def publish_lines(self, topic, payloads):
        """One mosquitto_pub, which reads a message a line."""
        publisher = self.start(
            ["mosquitto_pub", "-h", "127.0.0.1", "-p", self.broker.port]
            + ["-t", topic, "-l", "-q", "1"]
        )
        publisher.write_line("\n".join(map(str, payloads)))

    def test_a_message_arrives(self):
        subscriber = self.subscriber("a/#")
        publish(self.broker, "a/b", "hi")
        subscriber.expect("a/b hi")

    def test_a_message_arrives_at_every_qos_and_version(self):
        """[v3.1.1 MQTT-4.3.1-1 MQTT-4.3.2-1 MQTT-4.3.3-1], both sides alike."""
        for version in VERSIONS:
            for qos in ("0", "1", "2"):
                with self.subTest(version=version, qos=qos):
                    subscriber = self.subscriber("a/#", "-q", qos, "-V", version)
                    publish(self.broker, "a/b", "hi", "-q", qos, "-V", version)
                    subscriber.expect("a/b hi")  # order is kept for one publisher, not for two
                    publish(self.broker, "a/b", "again", "-q", qos, "-V", version)
                    subscriber.expect("a/b hi", "a/b again")
                    subscriber.clean_up()

    def test_every_version_talks_to_every_other(self):
        subscribers = [self.subscriber("a/+", "-q", "2", "-V", version) for version in VERSIONS]
        for version in VERSIONS:
            publish(self.broker, "a/b", version, "-q", "2", "-V", version)
        for subscriber in subscribers:
            subscriber.expect(*(f"a/b {version}" for version in VERSIONS))

    def test_the_lower_qos_of_publication_and_subscription_counts(self):
        """[v3.1.1 MQTT-3.8.4-6] [v5 MQTT-3.8.4-8]"""
        subscriber = self.subscriber("a/#", "-q", "1", "-F", "%q %t %p")
        came = []
        for qos, delivered in (("0", "0 a/b x"), ("1", "1 a/b x"), ("2", "1 a/b x")):
            publish(self.broker, "a/b", "x", "-q", qos)
            came.append(delivered)
            subscriber.expect(*came)

    def test_a_filter_keeps_other_topics_away(self):
        subscriber = self.subscriber("a/+/c")
        for topic in ("a/c", "a/b/c/d", "b/b/c", "a/b/c"):
            publish(self.broker, topic, "x")
        subscriber.expect("a/b/c x")

    def test_lines_of_a_pipe_keep_their_order(self):
        subscriber = self.subscriber("lines", "-q", "1")
        self.publish_lines("lines", range(500))
        subscriber.expect(*(f"lines {number}" for number in range(500)))

    def test_a_retained_message_waits_for_its_subscriber(self):
        """[v3.1.1 MQTT-3.3.1-5 MQTT-3.3.1-6 MQTT-3.3.1-8]"""
        publish(self.broker, "a/b", "old", "-r", "-q", "1")
        publish(self.broker, "a/b", "kept", "-r", "-q", "1")
        subscriber = self.subscriber("a/#", "-F", "%r %t %p")
        subscriber.expect("1 a/b kept")

    def test_a_live_subscriber_gets_a_retained_message_without_the_flag(self):
        """[v3.1.1 MQTT-3.3.1-9]"""
        subscriber = self.subscriber("a/#", "-F", "%r %t %p")
        publish(self.broker, "a/b", "now", "-r")
        subscriber.expect("0 a/b now")

    def test_an_empty_retained_message_deletes(self):
        """[v3.1.1 MQTT-3.3.1-10 MQTT-3.3.1-11]"""
        publish(self.broker, "a/b", "kept", "-r", "-q", "1")
        publish(self.broker, "a/c", "stays", "-r", "-q", "1")
        publish(self.broker, "a/b", None, "-r", "-n", "-q", "1")
        subscriber = self.subscriber("a/#")
        subscriber.expect("a/c stays")

    def test_retained_messages_of_a_large_tree_all_come(self):
        topics = [f"tree/{i % 10}/{i}" for i in range(300)]
        client = self.paho(self.broker)
        for topic in topics:
            last = client.publish(topic, topic, 1, retain=True)
        last.wait_for_publish(PATIENCE_S)
        subscriber = self.subscriber("tree/#", "-q", "1")
        got = subscriber.out.wait_for_count(len(topics))
        self.assertEqual(sorted(got), sorted(f"{topic} {topic}" for topic in topics))

    def test_the_will_of_a_killed_client_is_published(self):
        """[v3.1.1 MQTT-3.1.2-8]"""
        watcher = self.subscriber("wills/+", "-q", "1")
        dying = self.subscriber(
            "x", "--will-topic", "wills/a", "--will-payload", "gone", "--will-qos", "1"
        )
        dying.signal(signal.SIGKILL)
        watcher.expect("wills/a gone")

    def test_the_retained_will_of_a_killed_client_stays(self):
        """[v3.1.1 MQTT-3.1.2-17]"""
        watcher = self.subscriber("wills/+")
        will = ("--will-topic", "wills/a", "--will-payload", "gone", "--will-retain")
        dying = self.subscriber("x", *will)
        dying.signal(signal.SIGKILL)
        watcher.expect("wills/a gone")
        self.subscriber("wills/#", "-F", "%r %t %p").expect("1 wills/a gone")

    def test_a_client_that_disconnects_leaves_no_will(self):
        """[v3.1.1 MQTT-3.1.2-10] [v5 MQTT-3.14.4-3]"""
        for version in VERSIONS:
            with self.subTest(version=version):
                watcher = self.subscriber("wills/+")
                will = ("--will-topic", "wills/a", "--will-payload", "gone")
                publish(self.broker, "other", "x", *will, "-V", version)
                publish(self.broker, "wills/end", "x")
                watcher.expect("wills/end x")
                watcher.clean_up()

    def test_a_persistent_session_gets_what_came_while_it_was_away(self):
        """[v3.1.1 MQTT-3.1.2-4 MQTT-3.1.2-5]"""
        for version in VERSIONS:
            for qos in ("1", "2"):
                with self.subTest(version=version, qos=qos):
                    self.check_persistent_session(version, qos)

    def check_persistent_session(self, version, qos):
        client_id = f"away-{version}-{qos}"
        options = ("p/#", "-c", "-q", qos, "-V", version)
        # -E: leave once subscribed; -C 5: leave after five messages.
        self.subscriber(*options, "-E", client_id=client_id).wait()
        for number in range(5):
            publish(self.broker, "p/q", number, "-q", qos)
        second = self.subscriber(*options, "-C", "5", client_id=client_id)
        second.expect(*(f"p/q {number}" for number in range(5)))
        second.wait()
        self.subscriber("p/#", "-V", version, "-E", client_id=client_id).wait()

    def test_a_persistent_session_survives_a_killed_client(self):
        """[v3.1.1 MQTT-3.1.2-5]"""
        first = self.subscriber("p/#", "-c", "-q", "2", client_id="killed")
        first.kill()
        self.wait_for_broken("killed")
        publish(self.broker, "p/q", "kept", "-q", "2")
        self.subscriber("p/#", "-c", "-q", "2", client_id="killed").expect("p/q kept")

    def wait_for_broken(self, client_id):
        """What the kernel says of a killed client depends on what it had read."""
        self.broker.log.wait_for_line(
            f"Client {client_id} closed its connection|Socket error on client {client_id}"
        )

    def test_a_clean_session_forgets(self):
        """[v3.1.1 MQTT-3.1.2-6]"""
        self.subscriber("p/#", "-c", "-q", "1", client_id="me").kill()
        self.wait_for_broken("me")
        publish(self.broker, "p/q", "forgotten", "-q", "1")
        subscriber = self.subscriber("other", "-q", "1", client_id="me")
        publish(self.broker, "p/q", "unseen", "-q", "1")
        publish(self.broker, "other", "seen", "-q", "1")
        subscriber.expect("other seen")

    def test_a_shared_subscription_gives_each_message_to_one_member(self):
        for version in VERSIONS[1:]:
            with self.subTest(version=version):
                self.check_shared_subscription(version)

    def check_shared_subscription(self, version):
        members = [
            self.subscriber("$share/g/s/#", "-q", "1", "-V", version, client_id=f"m{number}")
            for number in range(3)
        ]
        watcher = self.subscriber("s/#", "-q", "1")
        self.publish_lines("s/t", range(60))
        numbers = [f"s/t {number}" for number in range(60)]
        watcher.expect(*numbers)
        publish(self.broker, "s/end", "x", "-q", "1")
        watcher.expect(*numbers, "s/end x")

        def got():
            return [line for member in members for line in member.out.all()]

        wait_until(lambda: len(got()) >= 61, "61 messages at the members")
        self.assertEqual(sorted(got()), sorted([*numbers, "s/end x"]))
        for member in members:
            self.assertGreater(len(member.out), 5, "nobody is left out")
            member.clean_up()


if __name__ == "__main__":
    unittest.main()

"""The paho clients for C, as Debian's paho.mqtt.c-examples has them, over TCP and TLS."""

import re
import signal
import unittest

from support.case import BrokerCase
from support.certificates import Certificates
from support.paho_client import V5
from support.process import Process, run

VERSIONS = ("31", "311", "5")
# Anything but the lines in which the subscribers tell what they do.
_MESSAGE = r"^(?!URL is |Connecting|Subscribing )(?:.*\t)?(.*)$"


class Subscriber(Process):
    """paho_c_sub or paho_cs_sub; its constructor returns once it is told that it is subscribed."""

    def __init__(self, program, client_id, topic_filter, *options):
        # Line by line: into a pipe it would be written when some kilobytes have gathered.
        super().__init__(
            ["stdbuf", "-oL", program, "-t", topic_filter, "-i", client_id]
            + ["--trace", "protocol", *options]
        )
        try:
            self.err.wait_for_line(r" <- SUBACK ")
        except AssertionError:
            self.clean_up()
            raise

    def expect(self, *payloads):
        """What came must be these messages, each on a line that may begin with its topic."""
        self.out.wait_for_lines(_MESSAGE, len(payloads))
        got = [re.search(_MESSAGE, line)[1] for line in self.out.matches(_MESSAGE)]
        if got != list(payloads):
            raise AssertionError(f"expected {list(payloads)}, got {got}")


class PahoCTest(BrokerCase):
    def where(self, broker):
        return ("-h", "127.0.0.1", "-p", str(broker.port))

    def subscriber(self, broker, client_id, *options, program="paho_c_sub", where=None):
        subscriber = Subscriber(
            program, client_id, "a/#", *(where or self.where(broker)), *options
        )
        self.addCleanup(subscriber.clean_up)
        return subscriber

    def publish(self, broker, payload, *options, program="paho_c_pub", where=None):
        run([program, "-t", "a/b", "-m", payload, *(where or self.where(broker)), *options])

    def check_each_way(self, broker, **peer):
        """Every version and QoS, with the asynchronous client and the synchronous one."""
        for version in VERSIONS:
            for qos in ("0", "1", "2"):
                with self.subTest(version=version, qos=qos):
                    options = ("-V", version, "-q", qos)
                    sub = self.subscriber(broker, "c", *options, **peer)
                    synchronous = self.subscriber(
                        broker, "cs", *options, program="paho_cs_sub", **peer
                    )
                    self.publish(broker, "hi", *options, **peer)
                    sub.expect("hi")
                    synchronous.expect("hi")
                    sub.clean_up()
                    synchronous.clean_up()

    def test_a_message_arrives_at_every_qos_and_version(self):
        self.check_each_way(self.start_broker())

    def test_a_message_arrives_over_tls(self):
        certificates = Certificates()
        broker = self.start_broker(*certificates.server_lines())
        where = ("-c", f"ssl://localhost:{broker.port}", "--cafile", certificates.path("ca.crt"))
        self.check_each_way(broker, where=where)

    def test_a_retained_message_waits_and_a_will_is_published(self):
        broker = self.start_broker()
        self.publish(broker, "kept", "-r", "-q", "1", "-V", "5")
        watcher = self.subscriber(broker, "watcher", "-V", "5")
        watcher.expect("kept")
        will = ("--will-topic", "a/will", "--will-payload", "gone", "--will-qos", "1")
        dying = self.subscriber(broker, "dying", "-V", "5", *will)
        dying.signal(signal.SIGKILL)
        watcher.expect("kept", "gone")

    def test_properties_arrive(self):
        """[v5 MQTT-3.3.2-17]"""
        broker = self.start_broker()
        subscriber = self.paho(broker, "reader", version=V5)
        subscriber.subscribe("a/#", 1)
        options = ("--message-expiry", "100", "--user-property", "unit", "°C")
        self.publish(broker, "21.5", "-V", "5", "-q", "1", *options)
        got = subscriber.messages.wait_for_count(1)[0]
        self.assertEqual(got.payload, b"21.5")
        self.assertEqual(got.properties.UserProperty, [("unit", "°C")])
        self.assertIn(got.properties.MessageExpiryInterval, (99, 100))


if __name__ == "__main__":
    unittest.main()

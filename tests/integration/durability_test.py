"""What outlives the broker's process, however it ends; and when it had better not start."""

import contextlib
import itertools
import os
import random
import signal
import struct
import time
import unittest

from crash import can_drop, crash
from support import packets
from support.broker import BINARY, IS_MARTLET
from support.case import BrokerCase, martlet_only
from support.waiting import wait_until

SEED = int(os.environ.get("MARTLET_SEED", random.randrange(1 << 32)))
VERSIONS = (4, 5)
CONTENT_TYPE, EXPIRY, IDENTIFIER, USER = 0x03, 0x02, 0x0B, 0x26


def expires_in(seconds):
    return bytes([EXPIRY]) + struct.pack("!I", seconds)


def wait_for_time(instant):
    """For what is about time itself."""
    wait_until(lambda: time.monotonic() >= instant, "the time")


class DurableCase(BrokerCase):
    def setUp(self):
        super().setUp()
        self.clients = []
        self.broker = self.start_broker()

    def end(self):
        self.broker.crash()

    def start_again(self):
        self.end()
        self.broker.start()

    def store_everything(self):
        """What nobody waits for as well: a shard stores that before the next SUBACK."""
        for number in range(24):  # some of them on each shard
            client = self.client(f"other{number}")
            client.subscribe("t", qos=1)
            client.close()

    def client(self, client_id, version=5, **options):
        client = self.lasting(self.broker, client_id, version, **options)
        self.clients.append(client)
        return client

    def resumed(self, client_id, version=5, **options):
        client = self.client(client_id, version, **options)
        self.assertTrue(client.has_session, f"the session of {client_id} is gone")
        return client

    def check_came(self, came, expected):
        """Both are (topic, payload, QoS); each QoS has an order of its own."""
        for qos in (1, 2):
            self.assertEqual(
                [each for each in came if each[2] == qos],
                [each for each in expected if each[2] == qos],
            )

    def check_no_more(self, client):
        """What comes next is what is sent now."""
        client.subscribe("marker", qos=1)
        self.client("marker", clean=True).publish("marker", b"now", 1)
        self.assertEqual(client.take(1)[0].content, ("marker", b"now"))
        client.unsubscribe("marker")


@martlet_only("nothing is lost when the broker is killed")
class KilledTest(DurableCase):
    def test_a_queue_survives_with_order_qos_and_properties(self):
        extra = bytes([CONTENT_TYPE]) + packets.text("text/x")
        extra += bytes([USER]) + packets.text("a") + packets.text("b")
        for version in VERSIONS:
            subscriber = self.client(f"sub{version}", version)
            subscriber.subscribe("q/#", qos=2)
            subscriber.leave()
        publisher = self.client("pub")
        expected = [(f"q/{number}", bytes([number]) * 20, 1 + number % 2) for number in range(8)]
        for topic, payload, qos in expected:
            publisher.publish(topic, payload, qos, properties=extra)
        self.start_again()
        for version in VERSIONS:
            with self.within(f"version {version}"):
                subscriber = self.resumed(f"sub{version}", version)
                came = subscriber.take(len(expected))
                self.check_came([(*each.content, each.qos) for each in came], expected)
                self.assertFalse(any(each.is_duplicate for each in came), "none was sent before")
                self.check_no_more(subscriber)
        self.assertEqual(
            came[0].properties,
            [(CONTENT_TYPE, packets.text("text/x")), (USER, packets.text("a") + packets.text("b"))],
        )

    def test_subscriptions_survive_with_their_options_and_so_does_their_end(self):
        no_local, as_published = 0x04, 0x08
        subscriber = self.client("sub")
        subscriber.subscribe("own", qos=2 | no_local)
        subscriber.subscribe("kept/#", qos=1 | as_published, properties=bytes([IDENTIFIER, 7]))
        subscriber.subscribe("ended", qos=1)
        subscriber.unsubscribe("ended")
        self.start_again()
        subscriber = self.resumed("sub")
        subscriber.publish("own", b"not to me", 1)
        publisher = self.client("pub")
        publisher.publish("ended", b"no", 1)
        publisher.publish("kept/x", b"yes", 2, retain=True)
        came = subscriber.take(1)[0]
        self.assertEqual((came.content, came.qos), (("kept/x", b"yes"), 1))
        self.assertTrue(came.is_retained)
        self.assertEqual(came.properties, [(IDENTIFIER, b"\x07")])
        self.check_no_more(subscriber)

    def test_the_last_retained_message_survives_and_so_does_its_removal(self):
        publisher = self.client("pub")
        for qos in (1, 2):
            publisher.publish(f"r/{qos}", b"old", qos, retain=True)
            publisher.publish(f"r/{qos}", b"new", qos, retain=True)
            publisher.publish(f"r/removed/{qos}", b"x", qos, retain=True)
            publisher.publish(f"r/removed/{qos}", b"", qos, retain=True)
        self.start_again()
        subscriber = self.client("sub", clean=True)
        subscriber.subscribe("r/#", qos=2)
        came = subscriber.take(2)
        self.assertEqual({each.content for each in came}, {("r/1", b"new"), ("r/2", b"new")})
        self.assertTrue(all(each.is_retained for each in came))
        self.check_no_more(subscriber)

    def test_what_is_in_flight_comes_again_as_the_same_packets(self):
        """[v3.1.1 MQTT-4.4.0-1 MQTT-3.3.1-1] [v5 MQTT-4.4.0-1 MQTT-3.3.1-1]"""
        for version in VERSIONS:
            with self.within(f"version {version}"):
                subscriber = self.client(f"sub{version}", version)
                subscriber.subscribe(f"f{version}/#", qos=2)
                publisher = self.client("pub")
                for number in range(6):
                    publisher.publish(f"f{version}/{number}", b"x", 1 + number % 2)
                before = [subscriber.read_publish() for _ in range(6)]
                # Has to be stored, and what came before it with it.
                publisher.publish("kept", b"x", 1, retain=True)
                self.start_again()
                subscriber = self.resumed(f"sub{version}", version)
                again = [subscriber.read_publish() for _ in range(6)]
                self.assertEqual(again, [each._replace(is_duplicate=True) for each in before])
                subscriber.close()

    def test_a_message_at_qos_2_keeps_its_identifier_whenever_the_broker_ends(self):
        """[v3.1.1 MQTT-4.3.3-1] [v5 MQTT-4.3.3-6]"""
        for version in VERSIONS:
            with self.within(f"version {version}"):
                subscriber = self.client(f"sub{version}", version)
                subscriber.subscribe(f"f{version}", qos=2)
                publisher = self.client("pub", clean=True)
                publisher.send_publish(f"f{version}", b"x", 2)
                # Sent, then, although the publisher has not released it.
                before = subscriber.read_publish()
                self.start_again()
                subscriber = self.resumed(f"sub{version}", version)
                again = subscriber.read_publish()
                self.assertEqual(again, before._replace(is_duplicate=True))
                subscriber.send(packets.acknowledge(packets.PUBREC, again.packet_id))
                subscriber.expect(packets.PUBREL, again.packet_id)
                self.start_again()
                subscriber = self.resumed(f"sub{version}", version)
                subscriber.expect(packets.PUBREL, again.packet_id)
                subscriber.send(packets.acknowledge(packets.PUBCOMP, again.packet_id))

    def test_what_may_have_been_sent_is_marked_as_a_duplicate(self):
        """[v3.1.1 MQTT-3.3.1-1] [v5 MQTT-3.3.1-1], at QoS 1 as well."""
        for version in VERSIONS:
            with self.within(f"version {version}"):
                subscriber = self.client(f"sub{version}", version)
                subscriber.subscribe(f"m{version}", qos=1)
                subscriber.leave()
                publisher = self.client("pub")
                for number in range(30):
                    publisher.publish(f"m{version}", b"%d" % number, 1)
                subscriber = self.resumed(f"sub{version}", version)
                before = [subscriber.read_publish().payload for _ in range(20)]
                self.start_again()
                subscriber = self.resumed(f"sub{version}", version)
                again = [subscriber.read_publish() for _ in range(20)]
                self.assertEqual([each.payload for each in again], before)
                self.assertTrue(all(each.is_duplicate for each in again))
                subscriber.close()

    def test_a_message_at_qos_2_that_comes_again_is_known_by_its_identifier(self):
        """[v3.1.1 MQTT-4.3.3-2] [v5 MQTT-4.3.3-10]"""
        for version in VERSIONS:
            with self.within(f"version {version}"):
                subscriber = self.client("sub")
                subscriber.subscribe("#", qos=2)
                publisher = self.client(f"pub{version}", version)
                publisher.send_publish("once", b"x", 2, 77)
                publisher.expect(packets.PUBREC, 77)
                self.start_again()
                publisher = self.resumed(f"pub{version}", version)
                publisher.send_publish("once", b"x", 2, 77, is_duplicate=True)
                publisher.expect(packets.PUBREC, 77)
                publisher.release(77)
                self.start_again()
                # Released before, so this is another one; to be on the safe side, twice.
                publisher = self.resumed(f"pub{version}", version)
                publisher.publish("another", b"x", 2, 77)
                publisher.publish("third", b"x", 2, 77)
                subscriber = self.resumed("sub")
                came = [each.topic for each in subscriber.take(3)]
                self.assertEqual(came, ["once", "another", "third"])
                self.check_no_more(subscriber)
                subscriber.leave()

    def test_a_delayed_will_is_published_after_the_start(self):
        """[v5 MQTT-3.1.3-9]: unless its client comes back in time."""
        subscriber = self.client("sub")
        subscriber.subscribe("#", qos=1)
        subscriber.leave()

        def with_will(client_id, delay_s):
            return self.client(
                client_id,
                will=(f"will/{client_id}", b"gone"),
                will_qos=1,
                will_properties=b"\x18" + struct.pack("!I", delay_s),
            )

        returning, staying = with_will("returning", 4), with_will("staying", 4)
        gone = with_will("gone", 1)
        gone.close()
        self.broker.log.wait_for_line("gone closed its connection")
        self.start_again()
        returning.close()
        staying.close()
        self.resumed("returning")
        subscriber = self.resumed("sub")
        came = [each.topic for each in subscriber.take(2)]
        if came == ["will/gone", "will/returning"]:
            self.fail("the will of a client that came back")
        self.assertEqual(came, ["will/gone", "will/staying"])
        self.check_no_more(subscriber)

    def test_sessions_and_messages_expire_while_the_broker_is_down(self):
        """[v5 MQTT-3.1.2-23 MQTT-3.3.2-5 MQTT-3.3.2-6]"""
        for name, expiry_s in (("short", 1), ("long", 1000)):
            client = self.client(name, expiry_s=expiry_s)
            client.subscribe("m", qos=1)
            client.leave()
        self.store_everything()
        publisher = self.client("pub", clean=True)
        publisher.publish("m", b"short", 1, properties=expires_in(1))
        publisher.publish("m", b"long", 1, properties=expires_in(100))
        publisher.publish("r/short", b"x", 1, retain=True, properties=expires_in(1))
        publisher.publish("r/long", b"x", 1, retain=True, properties=expires_in(100))
        self.end()
        wait_for_time(time.monotonic() + 1.5)
        self.broker.start()
        self.assertFalse(self.client("short").has_session)
        subscriber = self.resumed("long")
        came = subscriber.take(1)[0]
        self.assertEqual(came.payload, b"long")
        ((name, left),) = came.properties
        self.assertEqual(name, EXPIRY)
        self.assertIn(int.from_bytes(left, "big"), range(60, 100))
        self.check_no_more(subscriber)
        subscriber.subscribe("r/#", qos=1)
        self.assertEqual(subscriber.take(1)[0].topic, "r/long")
        self.check_no_more(subscriber)

    def test_a_session_that_has_ended_stays_so(self):
        """[v3.1.1 MQTT-3.1.2-6] [v5 MQTT-3.1.2-4]"""
        for version in VERSIONS:
            for _ in range(2):
                client = self.client("me", version)
                client.subscribe("t", qos=1)
                client.leave()
                self.client("pub").publish("t", b"x", 1)
                self.client("me", version, clean=True, expiry_s=0).leave()
                self.start_again()
                self.assertFalse(self.client("me", version).has_session)
                self.client("me", version, clean=True, expiry_s=0).leave()

    def test_the_number_of_threads_may_change(self):
        names = [f"client{number}" for number in range(9)]
        for name in names:
            client = self.client(name)
            client.subscribe(f"{name}/#", qos=2)
            client.leave()
        publisher = self.client("pub")
        expected = {name: [] for name in names}
        for threads, number in itertools.product((1, 4, 2, 1), range(3)):
            for name in names:
                message = (f"{name}/{number}", f"{threads} threads".encode(), 1 + number % 2)
                publisher.publish(*message)
                expected[name].append(message)
            publisher.publish(f"r/{number}", f"{threads}".encode(), 1, retain=True)
            if number == 2:
                self.broker.threads = threads
                self.broker.configure()
                self.start_again()
                publisher = self.resumed("pub")
        for name in names:
            client = self.resumed(name)
            came = client.take(len(expected[name]))
            self.check_came([(*each.content, each.qos) for each in came], expected[name])
            self.check_no_more(client)
        watcher = self.client("watcher", clean=True)
        watcher.subscribe("r/#")
        came = {watcher.read_publish().content for _ in range(3)}
        self.assertEqual(came, {(f"r/{number}", b"1") for number in range(3)})


class StoppedTest(KilledTest):
    """The same, after a SIGTERM."""

    def end(self):
        self.broker.process.signal(signal.SIGTERM)
        # It waits a while for clients that do not close their side.
        for client in self.clients:
            with contextlib.suppress(OSError):
                client.read_bytes_to_end()
                client.close()
        self.clients.clear()
        self.broker.stop()


@martlet_only("the crash test starts and kills it itself")
class CrashTest(unittest.TestCase):
    def check(self, mode):
        lines = []
        is_good = crash(4, SEED, mode, scale=0.5, report=lines.append)
        self.assertTrue(is_good, "\n".join(lines))

    def test_nothing_acknowledged_is_lost_when_the_broker_is_killed(self):
        self.check("kill")

    @unittest.skipUnless(can_drop(), f"there is no libmartlet_fault_vfs.so beside {BINARY}")
    def test_nothing_acknowledged_is_lost_when_the_power_fails(self):
        self.check("drop")


if __name__ == "__main__":
    assert IS_MARTLET
    unittest.main()

"""A subscriber that does not read is nobody's problem but its own."""

import socket
import threading
import unittest

from support import packets
from support.broker import SANITIZE
from support.case import BrokerCase, martlet_only
from support.waiting import wait_until

PAYLOAD = 1000
FLOOD = 60_000  # messages: more than any buffer on the way takes
MEMORY_BOUND = 48 << 20


def numbered(number):
    return number.to_bytes(4, "big") + bytes(PAYLOAD)


class SlowSubscriberTest(BrokerCase):
    lines = ("max_queued_messages 1000",)

    def setUp(self):
        super().setUp()
        self.broker = self.start_broker(*self.lines)

    def sleeper(self, client_id, topic_filter, qos=0, **options):
        """A subscriber that never reads again."""
        client = self.raw(self.broker, receive_buffer=4096)
        client.connect(client_id, keep_alive_s=0, **options)
        client.subscribe(topic_filter, qos=qos, version=options.get("version", 4))
        return client

    def flood(self, topic, count=FLOOD):
        """Publishes as fast as the broker takes it; returns once it has taken all."""
        publisher = self.raw(self.broker)
        publisher.connect(f"flood {topic}")
        for first in range(0, count, 200):
            numbers = range(first, first + 200)
            publisher.send(b"".join(packets.publish(topic, numbered(each)) for each in numbers))
        publisher.send(packets.pingreq())
        self.assertEqual(publisher.read_packet(60)[0], packets.PINGRESP)
        publisher.close()

    def reader(self, client_id, topic_filter):
        reader = FastReader(self.raw(self.broker), client_id, topic_filter)
        self.addCleanup(reader.stop)
        return reader

    def check_memory(self, before):
        if "address" not in SANITIZE:  # which keeps freed memory, to watch it
            self.assertLess(self.broker.resident_bytes() - before, MEMORY_BOUND)

    def wait_for_drops(self, count):
        client = self.paho(self.broker, "statistics")
        client.subscribe("$SYS/broker/publish/messages/dropped")

        def dropped():
            return max((int(m.payload) for m in client.messages.all()), default=0)

        wait_until(
            lambda: dropped() > count,
            lambda: f"more than {count} dropped messages in $SYS, there are {dropped()}",
        )
        client.clean_up()

    def test_memory_is_bounded_others_are_served_and_drops_are_counted(self):
        self.sleeper("sleeper", "flood/#")
        before = self.broker.resident_bytes()
        other = self.paho(self.broker, "other")
        other.subscribe("other", 1)
        flooding = threading.Thread(target=self.flood, args=("flood/t",))
        flooding.start()
        served = 0
        while flooding.is_alive():
            other.publish("other", str(served), 1)
            served += 1
            other.messages.wait_for_count(served, 10)
            self.check_memory(before)
        flooding.join()
        self.assertGreater(served, 3)
        self.wait_for_drops(1000)
        self.check_memory(before)
        self.broker.log.wait_for_line("Outgoing messages are being dropped for client sleeper")
        lines = self.broker.log.matches("being dropped")
        self.assertLess(len(lines), 20, "a run of drops is one line")

    @martlet_only("mosquitto drops for whoever reads behind, too")
    def test_a_subscriber_that_reads_gets_everything_beside_one_that_does_not(self):
        self.sleeper("sleeper", "flood/#")
        reader = self.reader("reader", "flood/#")
        self.flood("flood/t")
        reader.expect(FLOOD)

    def be_patient(self):
        """In a build that is many times slower, whoever reads shall not count as slow."""
        if SANITIZE:
            self.broker = self.start_broker("slow_subscriber_grace_ms 60000")

    @martlet_only("mosquitto drops for whoever reads behind")
    def test_a_subscriber_that_reads_gets_everything(self):
        self.be_patient()
        reader = self.reader("reader", "flood/#")
        self.flood("flood/t")
        reader.expect(FLOOD)

    @martlet_only("mosquitto drops for whoever reads behind")
    def test_several_readers_and_several_floods(self):
        self.be_patient()
        readers = [self.reader(f"reader{number}", "flood/+") for number in range(3)]
        floods = [
            threading.Thread(target=self.flood, args=(f"flood/{number}", 10_000))
            for number in range(3)
        ]
        for thread in floods:
            thread.start()
        for thread in floods:
            thread.join()
        for reader in readers:
            reader.expect(30_000)

    def test_a_queue_at_qos_1_is_bounded_and_its_rest_arrives_in_order(self):
        sleeper = self.sleeper("sleeper", "flood/#", qos=1, clean=False)
        before = self.broker.resident_bytes()
        publisher = self.paho(self.broker, "pub", inflight=200)
        for number in range(5000):
            last = publisher.publish("flood/t", numbered(number), 1)
        last.wait_for_publish(20)
        self.check_memory(before)
        self.wait_for_drops(1000)
        sleeper.close()
        back = self.paho(self.broker, "sleeper", clean=False)
        publisher.publish("flood/end", "end", 1)
        got = [
            int.from_bytes(message.payload[:4], "big")
            for message in back.messages.wait_for_count(1000)
            if message.topic == "flood/t"
        ]
        self.assertEqual(got, sorted(set(got)))

    def test_a_sleeper_that_leaves_gives_its_memory_back(self):
        files = self.broker.open_files()
        sleepers = [self.sleeper(f"sleeper{number}", "flood/#") for number in range(5)]
        self.flood("flood/t", 20_000)
        for sleeper in sleepers:
            sleeper.close()
        self.broker.wait_for_open_files(files)

    @martlet_only("mosquitto closes nobody for this")
    def test_a_sleeper_that_wakes_up_goes_on(self):
        sleeper = self.sleeper("sleeper", "flood/#")
        self.flood("flood/t", 40_000)
        # It reads what was kept for it, in order; what is published once it has caught up arrives.
        publisher = self.paho(self.broker, "waker")
        waker = threading.Thread(target=self.publish_until_stopped, args=(publisher, "flood/end"))
        self.is_awake = threading.Event()
        self.addCleanup(waker.join)
        self.addCleanup(self.is_awake.set)
        waker.start()
        last = -1
        while True:
            kind, _, body = sleeper.read_packet()
            self.assertEqual(kind, packets.PUBLISH)
            topic = body[2 : 2 + body[1]]
            if topic == b"flood/end":
                break
            number = int.from_bytes(body[2 + body[1] :][:4], "big")
            self.assertGreater(number, last, "order")
            last = number

    def publish_until_stopped(self, publisher, topic):
        while not self.is_awake.is_set():
            publisher.publish_and_wait(topic, "wake up", 1)


class FastReader:
    """Reads what comes on a thread of its own, and checks that every topic counts upwards."""

    def __init__(self, client, client_id, topic_filter):
        self._client = client
        client.connect(client_id, keep_alive_s=0)
        client.subscribe(topic_filter)
        self.count = 0
        self.disorder = 0
        self._next = {}
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        try:
            while True:
                kind, _, body = self._client.read_packet(60)
                if kind == packets.PUBLISH:
                    self._take(body)
        except (EOFError, OSError, AssertionError):
            return

    def _take(self, body):
        end = 2 + body[1]
        topic, number = body[2:end], int.from_bytes(body[end : end + 4], "big")
        if number != self._next.get(topic, 0):
            self.disorder += 1
        self._next[topic] = number + 1
        self.count += 1

    def expect(self, count):
        """All `count` messages must come, without a gap."""
        wait_until(
            lambda: self.count >= count or not self._thread.is_alive(),
            lambda: f"{count} messages, there are {self.count}",
            60,
        )
        if self.disorder or self.count != count:
            raise AssertionError(f"{self.count} of {count} messages, {self.disorder} out of order")

    def stop(self):
        self._client.socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(20)


if __name__ == "__main__":
    unittest.main()

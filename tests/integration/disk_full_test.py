"""A full disk: refusals that can be seen, everything else goes on, and so does storing later."""

import os
import unittest

from support import packets
from support.case import BrokerCase, martlet_only
from support.small_disk import SmallDisk
from support.waiting import PATIENCE_S, wait_until

QUOTA_EXCEEDED = 0x97
# Enough for every shard to have some: each refuses what it would have to store.
READERS = 24
PAYLOAD = 1000


@martlet_only("refuses what it cannot store")
class DiskFullTest(BrokerCase):
    size_kib = 1024
    ballast_kib = 256

    def setUp(self):
        super().setUp()
        mount_point = self.directory / "disk"
        mount_point.mkdir()
        try:
            self.disk = SmallDisk(mount_point, self.size_kib)
        except OSError as error:
            self.skipTest(str(error))
        self.addCleanup(self.disk.clean_up)
        self.disk.put_ballast(self.ballast_kib)
        self.broker = self.make_broker(f"persistence_location {mount_point}/data")
        self.start()
        self.addCleanup(self.broker.stop)
        for number in range(READERS):
            reader = self.lasting(self.broker, f"reader{number}", version=4 + number % 2)
            reader.subscribe("q/#", qos=1)
            reader.leave()

    def start(self):
        self.broker.start(self.disk.wrapper)

    def fill(self):
        """Returns a publisher some of whose messages are not answered: there was no room."""
        publisher = Publisher(self.lasting(self.broker, "filler", clean=True, expiry_s=0))
        while True:
            publisher.publish_until_silent()
            if not self.is_stored():
                break
        self.assertGreater(len(publisher.acknowledged), 20)
        return publisher

    def check_qos_0_is_served(self):
        subscriber = self.lasting(self.broker, "live", clean=True, expiry_s=0)
        subscriber.subscribe("live/#", qos=1)
        publisher = self.lasting(self.broker, "live publisher", version=4, clean=True)
        for number in range(20):
            publisher.publish(f"live/{number}", b"x", 0)
            self.assertEqual(subscriber.read_publish().content, (f"live/{number}", b"x"))
        # QoS 1 to a session that ends with its connection needs no disk.
        publisher.publish("live/qos1", b"x", 1)
        self.assertEqual(subscriber.take(1)[0].content, ("live/qos1", b"x"))

    def is_stored(self):
        """Whether a message for all readers is acknowledged."""
        client = self.lasting(self.broker, "prober", clean=True, expiry_s=0)
        client.send_publish("q/probe", b"probe", 1)
        kind, _, body = client.read_packet()
        client.close()
        if kind == packets.PUBACK and len(body) == 2:
            return True
        self.assertEqual((kind, body[2]), (packets.PUBACK, QUOTA_EXCEEDED))
        return False

    def check_delivered(self, publisher):
        """All that was acknowledged, once and in order, to every reader."""
        for number in range(READERS):
            reader = self.lasting(self.broker, f"reader{number}", version=4 + number % 2)
            self.assertTrue(reader.has_session)
            came = []
            while not came or came[-1] != ("q/end", b"end"):
                came.append(reader.take(1)[0].content)
            numbers = [int(payload[:8]) for topic, payload in came if topic == "q/filler"]
            self.assertEqual(numbers, sorted(set(numbers)))
            self.assertEqual(sorted(publisher.acknowledged - set(numbers)), [], "lost")
            self.assertEqual(sorted(publisher.refused & set(numbers)), [], "refused, but delivered")
            reader.leave()

    def test_refusals_are_seen_and_storing_goes_on_when_there_is_room(self):
        publisher = self.fill()
        self.broker.log.wait_for_line(r"martlet\.db: the disk is full")
        with self.within("QoS 0 while the disk is full"):
            self.check_qos_0_is_served()
        with self.within("QoS 2 while the disk is full"):
            client = self.lasting(self.broker, "other", clean=True, expiry_s=0)
            client.send_publish("q/refused", b"x", 2)
            kind, _, body = client.read_packet()
            self.assertEqual((kind, body[2]), (packets.PUBREC, QUOTA_EXCEEDED))
        with self.within("3.1.1 while the disk is full"):
            client = self.lasting(self.broker, "old", version=4, clean=True)
            client.send_publish("q/refused", b"x", 1)
            self.assertEqual(client.read_to_end(), [])
        self.disk.drop_ballast()
        wait_until(self.is_stored, "room again")
        self.broker.log.wait_for_line(r"martlet\.db: there is room again")
        publisher.read_the_rest()
        self.lasting(self.broker, "last", clean=True).publish("q/end", b"end", 1)
        self.check_delivered(publisher)

    def test_what_was_acknowledged_outlives_a_kill_while_the_disk_is_full(self):
        publisher = self.fill()
        self.broker.crash()
        self.disk.drop_ballast()
        self.start()
        self.lasting(self.broker, "last", clean=True).publish("q/end", b"end", 1)
        self.check_delivered(publisher)


class Publisher:
    """Keeps a few messages under way, and notes what has become of each."""

    _window = 8
    _silence_s = 0.3  # short: whether it means anything is asked then

    def __init__(self, client):
        self._client = client
        self._under_way = {}  # by identifier
        self._sent = 0
        self.acknowledged = set()
        self.refused = set()

    def publish_until_silent(self):
        """Until the broker leaves it without an answer for a moment."""
        try:
            while True:
                self._fill_window()
                self._read_answer(self._silence_s)
        except AssertionError:
            pass

    def _fill_window(self):
        for packet_id in range(1, self._window + 1):
            if packet_id not in self._under_way:
                payload = b"%08d" % self._sent + os.urandom(PAYLOAD)
                self._client.send_publish("q/filler", payload, 1, packet_id)
                self._under_way[packet_id] = self._sent
                self._sent += 1

    def _read_answer(self, timeout_s=PATIENCE_S):
        kind, _, body = self._client.read_packet(timeout_s)
        if kind == packets.DISCONNECT and body[0] == QUOTA_EXCEEDED:
            raise EOFError("it has waited long enough")
        reason = body[2] if len(body) > 2 else 0
        if kind != packets.PUBACK or reason not in (0, QUOTA_EXCEEDED):
            raise ValueError(f"packet type {kind}: {body.hex(' ')}")
        number = self._under_way.pop(int.from_bytes(body[:2], "big"))
        (self.refused if reason else self.acknowledged).add(number)

    def read_the_rest(self):
        """What the broker had taken before the disk was full is still answered, if in time."""
        try:
            while self._under_way:
                self._read_answer()
        except EOFError:
            pass


if __name__ == "__main__":
    unittest.main()

"""What was promised to whom, and what came: the book that a crashing broker is judged by.

Messages are numbered by topic, and a topic has one publisher and one QoS. Every event has a number
of its own, in the order in which the clients saw it; "before" is meant in that order.
"""

import collections
import struct
from dataclasses import dataclass, field

_NUMBER = struct.Struct("!Q")
_COMPLAINTS_SHOWN = 40


@dataclass(eq=False)
class Topic:
    name: str
    qos: int
    is_retained: bool = False
    messages: list = field(default_factory=list)
    acknowledged_to: int = -1  # the greatest number that the broker has acknowledged


@dataclass(eq=False, slots=True)
class Message:
    topic: Topic
    number: int
    sent_at: int = 0  # first
    was_sent_again: bool = False
    is_acknowledged: bool = False  # PUBACK or PUBREC was seen

    def payload(self, size):
        return _NUMBER.pack(self.number).ljust(size, b".")

    def __str__(self):
        again = ", sent twice" if self.was_sent_again else ""
        return f"{self.topic.name} number {self.number}{again}"


class Subscription:
    """`is_on` is None while the broker's answer is awaited, however many connections that takes."""

    def __init__(self, topic_filter, qos):
        self.filter = topic_filter
        self.qos = qos
        self.is_wanted = True
        self.is_on = False
        self.since = 0  # the event that made `is_on` what it is

    def matches(self, topic_name):
        levels, wanted = topic_name.split("/"), self.filter.split("/")
        if wanted[-1] == "#":
            levels, wanted = levels[: len(wanted) - 1], wanted[:-1]
        return len(levels) == len(wanted) and all(
            one in ("+", level) for one, level in zip(wanted, levels)
        )


class Reader:
    """One persistent session that subscribes."""

    def __init__(self, name):
        self.name = name
        self.subscriptions = {}
        self.owed = set()  # acknowledged to the publisher, not here yet
        self.got = {}  # message: the connection that first brought it
        self._unwanted = set()
        self._latest = collections.Counter()  # by topic: the greatest number that came, plus 1
        self._matching = {}

    def subscribe(self, topic_filter, qos):
        self.subscriptions[topic_filter] = Subscription(topic_filter, qos)
        self._matching.clear()

    def matching(self, topic):
        found = self._matching.get(topic)
        if found is None:
            found = [each for each in self.subscriptions.values() if each.matches(topic.name)]
            self._matching[topic] = found
        return found

    def on_acknowledged(self, message, ledger):
        matching = self.matching(message.topic)
        if any(each.is_on and each.since < message.sent_at for each in matching):
            if message not in self.got:
                self.owed.add(message)
        elif all(each.is_on is False and each.since < message.sent_at for each in matching):
            self._unwanted.add(message)
            self._check_wanted(message, ledger)

    def on_first(self, message, connection, ledger):
        number = message.number
        if number < self._latest[message.topic] and not self._came_as_it_was_sent_again(message):
            ledger.complain(
                "order", f"{self.name}: {message} came after {self._latest[message.topic] - 1}"
            )
        self._latest[message.topic] = max(number + 1, self._latest[message.topic])
        self.got[message] = connection
        self.owed.discard(message)
        self._check_wanted(message, ledger)

    def _came_as_it_was_sent_again(self, message):
        """It was sent before the reader subscribed, and later ones too, but those came in time."""
        return message.was_sent_again and not any(
            each.is_on and each.since < message.sent_at for each in self.matching(message.topic)
        )

    def _check_wanted(self, message, ledger):
        if message in self._unwanted and message in self.got:
            ledger.complain("unwanted", f"{self.name} got {message} after its UNSUBACK")


class Ledger:
    def __init__(self):
        self.topics = {}
        self.readers = {}
        self.counts = collections.Counter()  # what happened
        self.faults = collections.Counter()  # what must not happen, by kind
        self.complaints = []
        self.event = 0
        self._countdown = 0
        self._strike = None

    # --- the moment of a crash ---

    def strike_after(self, events, strike):
        """Calls `strike` in the middle of the event with this number from now."""
        self._countdown, self._strike = events, strike

    def disarm(self):
        self._strike = None

    def next_event(self):
        """Called for each packet that is sent or has come, after what it means was noted."""
        self.event += 1
        if self._strike is not None:
            self._countdown -= 1
            if self._countdown <= 0:
                strike, self._strike = self._strike, None
                strike()
        return self.event

    # --- what the clients report ---

    def complain(self, kind, text):
        self.faults[kind] += 1
        if len(self.complaints) < _COMPLAINTS_SHOWN:
            self.complaints.append(f"[event {self.event}] {kind}: {text}")

    def make_message(self, topic):
        message = Message(topic, len(topic.messages))
        topic.messages.append(message)
        return message

    def on_sent(self, message):
        self.counts["published"] += 1
        message.sent_at = self.next_event()

    def on_sent_again(self, message):
        self.counts["sent again"] += 1
        message.was_sent_again = True
        self.next_event()

    def on_acknowledged(self, message):
        self.counts["acknowledged"] += 1
        message.is_acknowledged = True
        message.topic.acknowledged_to = max(message.number, message.topic.acknowledged_to)
        for reader in self.readers.values():
            reader.on_acknowledged(message, self)

    def find(self, topic_name, payload):
        """The message that these bytes are, if anybody sent it."""
        topic = self.topics.get(topic_name)
        if topic is None or len(payload) < _NUMBER.size:
            return None
        (number,) = _NUMBER.unpack_from(payload)
        return topic.messages[number] if number < len(topic.messages) else None

    def on_first(self, reader, message, connection):
        self.counts["delivered"] += 1
        reader.on_first(message, connection, self)

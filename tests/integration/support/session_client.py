"""A client that keeps its part of a session over any number of connections, as MQTT demands.

What it sent and saw no acknowledgement for it sends again, with DUP and the same packet identifier,
in order; it knows a QoS 2 message by its identifier until PUBREL. And it notes everything that the
broker does against the rules.
"""

import asyncio
import collections
import struct
from dataclasses import dataclass

from support import packets
from support.delivery_ledger import Message

_WINDOW = 20  # messages under way from one publisher
_TICK_S = 0.005
_NOT_FOUND = 0x92  # what MQTT 5 says to a PUBREL that has been answered before


@dataclass(slots=True)
class _Outgoing:
    message: Message
    data: bytearray  # the PUBLISH
    releases: int = 0  # PUBRELs sent


@dataclass(slots=True)
class _Delivery:
    message: Message
    packet_id: int
    qos: int
    is_duplicate: bool
    is_retained: bool  # the answer to a SUBSCRIBE, whatever came before

    def __str__(self):
        flags = " with DUP" if self.is_duplicate else ""
        flags += " as retained" if self.is_retained else ""
        return f"{self.message} as packet {self.packet_id} at QoS {self.qos}{flags}"


class _Link(asyncio.Protocol):
    """One network connection of a session."""

    def __init__(self, session, is_clean):
        self._session = session
        self.is_clean = is_clean
        self.expects_session = None
        self._buffer = bytearray()
        self._transport = None
        self.lost = asyncio.get_running_loop().create_future()
        self.connack = asyncio.get_running_loop().create_future()
        self.is_ready = False  # CONNACK has come
        self.answers = collections.deque()  # (packet type, identifier) that a slow reader owes
        self.in_flight = set()  # identifiers that count for Receive Maximum

    def write(self, data):
        if not self._transport.is_closing():
            self._transport.write(data)

    def connection_made(self, transport):
        self._transport = transport

    def connection_lost(self, error):
        self.is_ready = False
        self.lost.set_result(None)
        if not self.connack.done():
            self.connack.set_exception(ConnectionError("closed before CONNACK"))

    def data_received(self, data):
        self._buffer += data
        start = 0
        while span := packets.body_span(self._buffer, start):
            first, body = self._buffer[start], bytes(self._buffer[span[0] : span[1]])
            self._session.handle(self, first, body)
            start = span[1]
        del self._buffer[:start]

    def abort(self):
        self._transport.abort()

    def close(self):
        """All that was written still goes out."""
        self._transport.close()


class SessionClient:
    """`reader` is None for one that only publishes; `receive_maximum` is said in MQTT 5 only."""

    def __init__(self, ledger, client_id, version, reader=None, receive_maximum=65535):
        self.client_id = client_id
        self.reader = reader
        self.choose = None  # for publishers: gives the next (topic, payload size)
        self.budget = 0  # messages that it may still publish
        self.answers_per_tick = None  # None: at once; a number makes it a slow reader
        self.expects_session = None  # at the next CONNACK; None: either is right
        self._ledger = ledger
        self._version = version
        self._receive_maximum = receive_maximum if version == 5 else 65535
        self._window = _WINDOW
        self._link = None
        self._connections = 0
        self._start_anew()

    def _start_anew(self):
        """Nothing is known of any session."""
        self._unacknowledged = {}  # identifier: _Outgoing, in order of sending
        self._free_ids = collections.deque(range(1, _WINDOW + 1))
        self._held = {}  # QoS 2, identifier: message, from PUBLISH to PUBREL
        self._unanswered = {}  # QoS 1, identifier: message that no PUBACK was sent for
        self._asked = {}  # identifier: subscription of a SUBSCRIBE or UNSUBSCRIBE on its way
        for each in self.reader.subscriptions.values() if self.reader else ():
            each.is_on, each.since = False, self._ledger.event

    # --- what the scenario asks for ---

    @property
    def is_connected(self):
        return self._link is not None and self._link.is_ready

    @property
    def has_published(self):
        """All it was to, and all of that is acknowledged to the end."""
        return not (self.budget or self._unacknowledged)

    @property
    def is_at_rest(self):
        """Nobody owes anybody anything."""
        return (
            self.is_connected
            and self.has_published
            and not (self._asked or self._link.answers)
            and not (self.reader and self.reader.owed)
        )

    def describe(self):
        """What it waits for."""
        if not self.is_connected:
            return f"{self.client_id} is not connected"
        waiting = {
            "to publish": self.budget,
            "not acknowledged": [
                f"{i}: {each.message}" for i, each in self._unacknowledged.items()
            ],
            "asked": [each.filter for each, _ in self._asked.values()],
            "to answer": len(self._link.answers),
            "owed": len(self.reader.owed) if self.reader else 0,
        }
        return f"{self.client_id}: {({what: each for what, each in waiting.items() if each})}"

    async def connect(self, port, is_clean=False):
        """Raises ConnectionError (or another OSError) if the broker goes away meanwhile."""
        link = _Link(self, is_clean)
        self._link = link
        self._connections += 1
        link.expects_session = False if is_clean else self.expects_session
        if is_clean or not self.expects_session:
            self.expects_session = None  # until CONNACK says what has come of it
        try:
            await asyncio.get_running_loop().create_connection(lambda: link, "127.0.0.1", port)
        except OSError:
            link.lost.set_result(None)
            raise
        properties = b"" if is_clean else b"\x11\xff\xff\xff\xff"
        properties += b"\x21" + struct.pack("!H", self._receive_maximum)
        link.write(
            packets.connect(
                self.client_id,
                version=self._version,
                clean=is_clean,
                keep_alive_s=600,
                properties=properties,
            )
        )
        self._ledger.next_event()
        await link.connack

    async def leave(self, politely):
        """Disconnects; the session stays."""
        if self._link is None:
            return
        if politely and self._link.is_ready:
            self._link.write(packets.disconnect())
            self._link.close()
        elif not self._link.lost.done():
            self._link.abort()
        await self._link.lost

    async def lost(self):
        """Waits until the broker is gone. What came before its end has been read then."""
        if self._link is not None:
            await self._link.lost

    async def end_session(self, port):
        """The broker forgets all of it, before CONNACK; so does the client."""
        await self.leave(politely=True)
        self._start_anew()
        await self.connect(port, is_clean=True)
        await self.leave(politely=True)

    def pump(self):
        """Publishes as much as the window has room for."""
        while self.is_connected and self.budget and len(self._unacknowledged) < self._window:
            self.budget -= 1
            topic, size = self.choose()
            message = self._ledger.make_message(topic)
            packet_id = self._free_ids.popleft()
            data = packets.publish(
                topic.name,
                message.payload(size),
                topic.qos,
                packet_id,
                topic.is_retained,
                version=self._version,
            )
            self._unacknowledged[packet_id] = _Outgoing(message, bytearray(data))
            self._link.write(data)
            self._ledger.on_sent(message)

    def sync_subscriptions(self):
        """Asks for what is wanted and not known to be so."""
        if not self.is_connected:
            return
        for number, each in enumerate(self.reader.subscriptions.values()):
            packet_id = 100 + number
            if packet_id in self._asked or each.is_on == each.is_wanted:
                continue
            make = packets.subscribe if each.is_wanted else packets.unsubscribe
            options = {"qos": each.qos} if each.is_wanted else {}
            self._asked[packet_id] = (each, each.is_wanted)
            each.is_on = None
            self._link.write(
                make(each.filter, packet_id=packet_id, version=self._version, **options)
            )
            each.since = self._ledger.next_event()

    # --- what the network brings ---

    def handle(self, link, first, body):
        kind = first >> 4
        packet_id = int.from_bytes(body[:2], "big")
        if kind == packets.CONNACK:
            self._on_connack(link, body)
        elif kind == packets.PUBLISH:
            self._on_publish(link, first, body)
        elif kind in (packets.PUBACK, packets.PUBREC):
            self._on_acknowledged(link, kind, packet_id, body[2:3])
        elif kind == packets.PUBCOMP:
            self._on_completed(packet_id, body[2:3])
        elif kind == packets.PUBREL:
            self._held.pop(packet_id, None)
            self._answer(link, packets.PUBCOMP, packet_id)
        elif kind in (packets.SUBACK, packets.UNSUBACK):
            self._on_subscribed(kind, packet_id, body)
        else:
            self._complain("protocol", f"packet type {kind}: {body.hex(' ')}")
        self._ledger.next_event()
        self.pump()

    def _complain(self, kind, text):
        self._ledger.complain(kind, f"{self.client_id} (v{self._version}): {text}")

    def _on_connack(self, link, body):
        if body[1] != 0:
            self._complain("protocol", f"CONNACK {body.hex(' ')}")
            link.abort()
            return
        is_present = bool(body[0] & 1)
        if link.expects_session not in (None, is_present):
            self._complain("session", f"session present is {is_present}")
        if not is_present:
            self._start_anew()
        self.expects_session = not link.is_clean
        if self._version == 5:
            quota = dict(packets.read_properties(body[2:])[0]).get(0x21, b"\xff\xff")
            self._window = min(_WINDOW, int.from_bytes(quota, "big"))
        link.is_ready = True
        link.connack.set_result(None)
        self._resume(link)

    def _resume(self, link):
        """[v3.1.1 MQTT-4.4.0-1 MQTT-4.6.0-1] [v5 MQTT-4.4.0-1 MQTT-4.6.0-1]"""
        self._asked.clear()
        for packet_id, outgoing in self._unacknowledged.items():
            if outgoing.releases:
                self._release(link, packet_id, outgoing)
                self._ledger.next_event()
            else:
                outgoing.data[0] |= 0x08
                link.write(bytes(outgoing.data))
                self._ledger.on_sent_again(outgoing.message)
        if self.reader:
            self.sync_subscriptions()
        self.pump()

    def _release(self, link, packet_id, outgoing):
        outgoing.releases += 1
        link.write(packets.acknowledge(packets.PUBREL, packet_id))

    def _on_acknowledged(self, link, kind, packet_id, reason):
        qos = 1 if kind == packets.PUBACK else 2
        waiting = [
            each
            for each in self._unacknowledged.values()
            if each.message.topic.qos == qos and not each.releases
        ]
        outgoing = self._unacknowledged.get(packet_id)
        if outgoing not in waiting:
            self._complain("protocol", f"packet type {kind} for {packet_id}, which waits for none")
            return
        if outgoing is not waiting[0]:
            self._complain(
                "order", f"{outgoing.message} acknowledged before {waiting[0].message}"
            )
        del self._unacknowledged[packet_id]
        if reason and reason[0] >= 0x80:
            self._complain("refused", f"{outgoing.message}: reason {reason[0]:#x}")
            self._free_ids.appendleft(packet_id)
            return
        self._ledger.on_acknowledged(outgoing.message)
        if qos == 1:
            # To the front, so that an identifier is soon used again: stale state would show.
            self._free_ids.appendleft(packet_id)
        else:
            # To the end: PUBRELs go out in the order of the PUBRECs.
            self._unacknowledged[packet_id] = outgoing
            self._release(link, packet_id, outgoing)

    def _on_completed(self, packet_id, reason):
        outgoing = self._unacknowledged.pop(packet_id, None)
        if outgoing is None or not outgoing.releases:
            self._complain("protocol", f"PUBCOMP for {packet_id}, which waits for none")
            return
        self._free_ids.appendleft(packet_id)
        if reason and reason[0] and not (reason[0] == _NOT_FOUND and outgoing.releases > 1):
            self._complain("protocol", f"PUBCOMP for {outgoing.message}: {reason[0]:#x}")

    def _on_subscribed(self, kind, packet_id, body):
        subscription, is_on = self._asked.pop(packet_id)
        # 0x11: nothing to end; it may have been ended by an UNSUBSCRIBE whose UNSUBACK was lost.
        code = body[-1] if is_on or self._version == 5 else 0
        if code not in ((subscription.qos,) if is_on else (0, 0x11)):
            self._complain("protocol", f"packet type {kind}: {body.hex(' ')}")
            return
        subscription.is_on = is_on
        subscription.since = self._ledger.next_event()
        self.sync_subscriptions()  # it may be wanted otherwise by now

    def _on_publish(self, link, first, body):
        qos, is_retained = first >> 1 & 3, bool(first & 0x01)
        end = 2 + int.from_bytes(body[:2], "big")
        packet_id = int.from_bytes(body[end : end + 2], "big")
        payload = body[end + 2 :]
        if self._version == 5:
            payload = packets.read_properties(payload)[1]
        message = self._ledger.find(body[2:end].decode(), payload)
        matching = self.reader.matching(message.topic) if message else []
        if qos not in {min(message.topic.qos, each.qos) for each in matching}:
            self._complain("protocol", f"not for it: {first:#x}, {body[:80]}")
            return
        if is_retained and not message.topic.is_retained:
            self._complain("protocol", f"never retained: {first:#x}, {body[:80]}")
        link.in_flight.add(packet_id)
        if len(link.in_flight) > self._receive_maximum:
            self._complain("protocol", f"more than its Receive Maximum {self._receive_maximum}")
        delivery = _Delivery(message, packet_id, qos, bool(first & 0x08), is_retained)
        if qos == 1:
            self._take_qos1(delivery)
            self._answer(link, packets.PUBACK, packet_id)
        else:
            self._take_qos2(delivery)
            self._answer(link, packets.PUBREC, packet_id)

    def _take_qos2(self, delivery):
        message = delivery.message
        held = self._held.get(delivery.packet_id)
        self._held[delivery.packet_id] = message
        if held is message:
            self._ledger.counts["held again"] += 1
            if not delivery.is_duplicate:
                self._complain("no DUP", f"{delivery}, which it holds")
        elif delivery.is_retained:
            self._ledger.counts["retained copies"] += 1
        elif message in self.reader.got:
            self._complain("twice", f"{delivery}")
        else:
            self._ledger.on_first(self.reader, message, self._connections)
        if held not in (None, message):
            self._complain("identifier", f"{delivery}, while it holds {held} under it")

    def _take_qos1(self, delivery):
        message = delivery.message
        before = self._unanswered.get(delivery.packet_id)
        self._unanswered[delivery.packet_id] = message
        if before not in (None, message) and self.reader.got[before] == self._connections:
            self._complain("identifier", f"{delivery}, while {before} is not answered")
        if delivery.is_retained:
            self._ledger.counts["retained copies"] += 1
        elif message in self.reader.got:
            self._take_duplicate(delivery)
        else:
            self._ledger.on_first(self.reader, message, self._connections)

    def _take_duplicate(self, delivery):
        message = delivery.message
        self._ledger.counts["with DUP" if delivery.is_duplicate else "without DUP"] += 1
        if message.was_sent_again:
            # It was not acknowledged when the broker was killed. At QoS 1 these are two messages;
            # one at QoS 2 that goes out at QoS 1 may have gone out before the broker had it safe.
            return
        if not delivery.is_duplicate:
            self._complain("no DUP", f"{delivery}, which came before")
        if self.reader.got[message] == self._connections:
            self._complain("protocol", f"{delivery}, twice on one connection")
        # To a reader at QoS 1 the identifier means nothing but where to send PUBACK: the broker
        # stores it late, and a crash may cost it. Not so at QoS 2.
        if sum(held is message for held in self._unanswered.values()) > 1:
            self._ledger.counts["renumbered"] += 1

    # --- answers ---

    def _answer(self, link, kind, packet_id):
        if self.answers_per_tick is None and not link.answers:
            self._send_answer(link, kind, packet_id)
            return
        link.answers.append((kind, packet_id))
        if len(link.answers) == 1:
            asyncio.get_running_loop().call_later(_TICK_S, self._answer_some, link)

    def _answer_some(self, link):
        if not link.is_ready:
            return
        for _ in range(min(len(link.answers), self.answers_per_tick or len(link.answers))):
            self._send_answer(link, *link.answers.popleft())
        if link.answers:
            asyncio.get_running_loop().call_later(_TICK_S, self._answer_some, link)

    def _send_answer(self, link, kind, packet_id):
        link.write(packets.acknowledge(kind, packet_id))
        if kind == packets.PUBACK:
            self._unanswered.pop(packet_id, None)
        if kind != packets.PUBREC:
            link.in_flight.discard(packet_id)
        self._ledger.next_event()

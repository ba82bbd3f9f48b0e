"""A bare connection to a session that stays, for tests that break both ends of it."""

import collections
import struct
from typing import NamedTuple

from support import packets
from support.raw_client import RawClient

FOREVER = 0xFFFFFFFF


class Publication(NamedTuple):
    topic: str
    payload: bytes
    qos: int
    packet_id: int
    is_duplicate: bool
    is_retained: bool
    properties: list

    @property
    def content(self):
        return self.topic, self.payload


class LastingClient(RawClient):
    """Connected when made. Answers nothing unless the test does."""

    def __init__(self, port, client_id, version=5, expiry_s=FOREVER, **options):
        super().__init__(port)
        self._early = collections.deque()  # came while something else was awaited
        self.version = version
        if version == 5:
            options["properties"] = b"\x11" + struct.pack("!I", expiry_s)
        options.setdefault("clean", False)
        connack = self.connect(client_id, version=version, **options)
        self.has_session = bool(connack[0] & 1)

    def subscribe(self, *filters, **options):
        """Messages may come before SUBACK."""
        self.send(packets.subscribe(*filters, version=self.version, **options))
        kind, flags, body = self.read_packet()
        while kind == packets.PUBLISH:
            self._early.append(self._decode_publish(flags, body))
            kind, flags, body = self.read_packet()
        if kind != packets.SUBACK or body[-1] > 2:
            raise AssertionError(f"not granted: packet type {kind}, {body.hex(' ')}")

    def unsubscribe(self, topic_filter):
        self.send(packets.unsubscribe(topic_filter, version=self.version))
        self.expect(packets.UNSUBACK, 1)

    def send_publish(self, topic, payload, qos, packet_id=1, is_duplicate=False, **options):
        data = packets.publish(topic, payload, qos, packet_id, version=self.version, **options)
        self.send(bytes([data[0] | (0x08 if is_duplicate else 0)]) + data[1:])

    def publish(self, topic, payload, qos=1, packet_id=1, **options):
        """Returns once it is acknowledged to the end."""
        self.send_publish(topic, payload, qos, packet_id, **options)
        if qos == 1:
            self.expect(packets.PUBACK, packet_id)
        elif qos == 2:
            self.expect(packets.PUBREC, packet_id)
            self.release(packet_id)

    def release(self, packet_id):
        self.send(packets.acknowledge(packets.PUBREL, packet_id))
        self.expect(packets.PUBCOMP, packet_id)

    def expect(self, kind, packet_id):
        """The next packet must be this one, and say yes. Returns its reason code."""
        got, _, body = self.read_packet()
        reason = body[-1] if len(body) > 2 else 0
        if got != kind or body[:2] != struct.pack("!H", packet_id) or reason >= 0x80:
            raise AssertionError(
                f"expected packet type {kind} for {packet_id}, got {got}: {body.hex(' ')}"
            )
        return reason

    def take(self, count):
        """Returns that many messages, acknowledged to the end."""
        taken, unreleased = [], set()
        while len(taken) < count or unreleased:
            if len(taken) < count and self._early:
                publication = self._early.popleft()
            else:
                publication = self._read_publish_or_release(unreleased)
            if publication and len(taken) < count:
                taken.append(publication)
                self._answer(publication, unreleased)
            elif publication:
                self._early.append(publication)
        return taken

    def _answer(self, publication, unreleased):
        kind = (None, packets.PUBACK, packets.PUBREC)[publication.qos]
        if kind:
            self.send(packets.acknowledge(kind, publication.packet_id))
        if kind == packets.PUBREC:
            unreleased.add(publication.packet_id)

    def _read_publish_or_release(self, unreleased):
        kind, flags, body = self.read_packet()
        if kind == packets.PUBLISH:
            return self._decode_publish(flags, body)
        packet_id = int.from_bytes(body[:2], "big")
        if kind != packets.PUBREL or packet_id not in unreleased:
            raise AssertionError(f"got packet type {kind}: {body.hex(' ')}")
        unreleased.discard(packet_id)
        self.send(packets.acknowledge(packets.PUBCOMP, packet_id))
        return None

    def read_publish(self):
        """Does not answer it."""
        if self._early:
            return self._early.popleft()
        kind, flags, body = self.read_packet()
        if kind != packets.PUBLISH:
            raise AssertionError(f"expected PUBLISH, got packet type {kind}: {body.hex(' ')}")
        return self._decode_publish(flags, body)

    def _decode_publish(self, flags, body):
        qos = flags >> 1 & 3
        end = 2 + int.from_bytes(body[:2], "big")
        rest = body[end + (2 if qos else 0) :]
        properties, payload = packets.read_properties(rest) if self.version == 5 else ([], rest)
        return Publication(
            topic=body[2:end].decode(),
            payload=payload,
            qos=qos,
            packet_id=int.from_bytes(body[end : end + 2], "big") if qos else None,
            is_duplicate=bool(flags & 0x08),
            is_retained=bool(flags & 0x01),
            properties=properties,
        )

    def leave(self):
        """Disconnects in good order; the broker has seen it when this returns."""
        self.send(packets.disconnect())
        self.read_to_end()
        self.close()

"""Clients that move many small messages with little work of their own: packets of one size, made
before the clock starts and cut apart by position. MQTT 3.1.1, QoS 1.
"""

import selectors
import socket
import struct

PAYLOAD = 64
_IDS = 60_000


def _text(text):
    data = text.encode()
    return struct.pack("!H", len(data)) + data


def _packet(first, body):
    length, rest = bytearray(), len(body)
    while True:
        rest, low = divmod(rest, 128)
        length.append(low | (0x80 if rest else 0))
        if not rest:
            return bytes([first]) + bytes(length) + body


def publishes(topics, first_number=0, retain=False):
    """One PUBLISH for each of `topics`, all of one length; the payload begins with a number."""
    first = 0x33 if retain else 0x32
    return [
        _packet(
            first,
            _text(topic)
            + struct.pack("!HI", place % _IDS + 1, first_number + place)
            + bytes(PAYLOAD - 4),
        )
        for place, topic in enumerate(topics)
    ]


class Client:
    """A connection; what it says here, it waits for."""

    def __init__(self, port, client_id, clean=True):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        flags = 2 if clean else 0
        connect = _text("MQTT") + bytes([4, flags, 0, 0]) + _text(client_id)
        self.socket.sendall(_packet(0x10, connect))
        assert self.read(4)[3] == 0, "CONNACK refuses"

    def ask_for(self, topic_filter):
        """Subscribes; the answer is the caller's to read."""
        self.socket.sendall(_packet(0x82, b"\0\1" + _text(topic_filter) + b"\1"))

    def subscribe(self, topic_filter):
        self.ask_for(topic_filter)
        assert self.read(5)[4] == 1, "SUBACK refuses"

    def read(self, size):
        data = self.socket.recv(size, socket.MSG_WAITALL)
        assert len(data) == size, "closed by the broker"
        return data

    def close(self):
        self.socket.sendall(b"\xe0\0")
        self.socket.close()


class Publisher:
    """Sends its packets with a window, as fast as they are acknowledged."""

    def __init__(self, client, packets, window):
        self._socket = client.socket
        self._packets = packets
        self._window = window
        self._sent = self._acknowledged = self._rest = 0
        self.pump()

    @property
    def is_done(self):
        return self._acknowledged == len(self._packets)

    def pump(self):
        end = min(self._acknowledged + self._window, len(self._packets))
        if end > self._sent:
            self._socket.sendall(b"".join(self._packets[self._sent : end]))
            self._sent = end

    def on_readable(self):
        came = len(self._socket.recv(1 << 16)) + self._rest
        assert came, "closed by the broker"
        done, self._rest = divmod(came, 4)  # PUBACKs, nothing else
        self._acknowledged += done
        self.pump()


class Subscriber:
    """Acknowledges what comes, `count` messages of one topic length, and checks their numbers."""

    def __init__(self, client, topic_length, count):
        self._socket = client.socket
        self._size = 2 + 2 + topic_length + 2 + PAYLOAD
        self._id_at = 2 + 2 + topic_length
        self._left = count
        self._buffer = b""
        self._last = -1
        self.duplicates = 0

    @property
    def is_done(self):
        return self._left == 0

    def on_readable(self):
        data = self._buffer + self._socket.recv(1 << 16)
        assert data, "closed by the broker"
        whole = len(data) - len(data) % self._size
        self._buffer = data[whole:]
        answers = []
        for start in range(0, whole, self._size):
            at = start + self._id_at
            answers.append(b"\x40\x02" + data[at : at + 2])
            self.duplicates += data[start] >> 3 & 1
            number = int.from_bytes(data[at + 2 : at + 6], "big")
            assert number > self._last, "out of order, or twice"
            self._last = number
        self._left -= len(answers)
        self._socket.sendall(b"".join(answers))


def run(*parties):
    """Until all of them are done."""
    selector = selectors.DefaultSelector()
    waiting = {party for party in parties if not party.is_done}
    for party in waiting:
        selector.register(party._socket, selectors.EVENT_READ, party)
    while waiting:
        events = selector.select(60)
        assert events, "nothing has come for a minute"
        for key, _ in events:
            key.data.on_readable()
            if key.data.is_done:
                selector.unregister(key.fileobj)
                waiting.discard(key.data)
    selector.close()

"""A load at a fixed rate that says of every message how late it came, and lets others have the rest
of its core.

    steady_load.py PORT RATE     until the end of its input; then JSON: SteadyLoad.report()

One publisher, one subscriber, QoS 1, clean sessions. Message n is due n intervals after the start,
whatever has become of those before it, and is late by the time from then until it has been read
here. Between two messages this sleeps, where martlet_load would spin: whoever shares its core would
then have to take turns with it, and what they take would look like the broker's latency. The price
is a floor of some 100 us.
"""

import ctypes
import gc
import json
import pathlib
import select
import struct
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import bulk_clients as bulk  # noqa: E402

_TOPIC = "steady/v"
_PACKET = struct.Struct(f"!BBH{len(_TOPIC)}sHI{bulk.PAYLOAD - 4}x")
_ID_AT = 2 + 2 + len(_TOPIC)
_IDS = 60_000
_SILENCE_S = 10  # after the end, until what is missing is lost
_PR_SET_TIMERSLACK = 29


class SteadyLoad:
    def __init__(self, port, rate):
        self._subscriber = bulk.Client(port, "steady-subscriber")
        self._subscriber.ask_for(_TOPIC)
        # The null broker grants QoS 0, and passes on what comes as it came.
        assert self._subscriber.read(5)[4] < 0x80, "SUBACK refuses"
        self._publisher = bulk.Client(port, "steady-publisher")
        self._interval_ns = 1_000_000_000 // rate
        self._late_ns = []  # by number; None: it has not come
        self._missing = 0
        self._buffer = b""
        self._start_ns = time.monotonic_ns()

    def report(self):
        return {
            "start_ns": self._start_ns,
            "interval_ns": self._interval_ns,
            "late_ns": self._late_ns,
        }

    def run(self, end):
        """Until the file `end` can be read, and all has come or nothing comes any more."""
        sockets = [self._publisher.socket, self._subscriber.socket]
        while True:
            readable, _, _ = select.select([*sockets, end], [], [], self._publish_due() / 1e9)
            if end in readable:
                break
            self._read(readable)
        while self._missing:
            readable, _, _ = select.select(sockets, [], [], _SILENCE_S)
            if not readable:
                break
            self._read(readable)

    def _publish_due(self):
        """Returns the nanoseconds until the next one is."""
        due = (time.monotonic_ns() - self._start_ns) // self._interval_ns + 1
        packets = [
            _PACKET.pack(0x32, _PACKET.size - 2, len(_TOPIC), _TOPIC.encode(), n % _IDS + 1, n)
            for n in range(len(self._late_ns), due)
        ]
        if packets:
            self._late_ns += [None] * len(packets)
            self._missing += len(packets)
            self._publisher.socket.sendall(b"".join(packets))
        next_ns = self._start_ns + len(self._late_ns) * self._interval_ns
        return max(0, next_ns - time.monotonic_ns())

    def _read(self, readable):
        if self._publisher.socket in readable:
            assert self._publisher.socket.recv(1 << 16), "the broker has closed the publisher"
        if self._subscriber.socket in readable:
            self._take()

    def _take(self):
        data = self._subscriber.socket.recv(1 << 16)
        now_ns = time.monotonic_ns()
        assert data, "the broker has closed the subscriber"
        data = self._buffer + data
        whole = len(data) - len(data) % _PACKET.size
        self._buffer = data[whole:]
        answers = []
        for start in range(0, whole, _PACKET.size):
            packet_id, number = struct.unpack_from("!HI", data, start + _ID_AT)
            answers.append(struct.pack("!BBH", 0x40, 2, packet_id))
            if self._late_ns[number] is None:
                self._missing -= 1
                due_ns = self._start_ns + number * self._interval_ns
                self._late_ns[number] = now_ns - due_ns
        if answers:
            self._subscriber.socket.sendall(b"".join(answers))


def main():
    # The kernel may wake a sleeper 50 us late, to wake others along with it, unless told otherwise.
    ctypes.CDLL(None).prctl(_PR_SET_TIMERSLACK, 1, 0, 0, 0)
    gc.disable()
    load = SteadyLoad(int(sys.argv[1]), int(sys.argv[2]))
    load.run(sys.stdin)
    json.dump(load.report(), sys.stdout)


if __name__ == "__main__":
    main()

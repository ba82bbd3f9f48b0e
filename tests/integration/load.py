"""Many clients at once: an asyncio MQTT client of its own, small and cheap, and what it checks.

Every publishing client publishes to topics of its own at QoS 1 and 2, and has subscriptions to
topics of the others, so that each message has one reader. Messages are numbered by topic: the
reader sees whether one is missing, comes twice or comes early. Others are connected and idle.

By hand, against any broker: python3 load.py PORT, with the environment of LoadPlan.
"""

import asyncio
import collections
import os
import resource
import struct
import sys
import time
from dataclasses import dataclass

from support import packets

_WINDOW = 20  # a client's messages under way
_CONNECTING_AT_ONCE = 32
_STAMP = struct.Struct("!Id")  # number, time of sending
_TICK_S = 0.01


@dataclass
class LoadPlan:
    """How much; each from the environment as MARTLET_LOAD_..., e.g. MARTLET_LOAD_IDLE=10000."""

    idle: int = 500
    publishers: int = 50
    subscriptions: int = 1000  # of all publishers together
    seconds: float = 5.0
    rate: float = 1000.0  # messages a second, of all publishers together
    payload: int = 64

    @classmethod
    def from_environment(cls):
        plan = cls()
        for name in vars(plan):
            value = os.environ.get(f"MARTLET_LOAD_{name.upper()}")
            if value is not None:
                setattr(plan, name, type(getattr(plan, name))(value))
        return plan

    @property
    def topics_each(self):
        return max(1, self.subscriptions // self.publishers)


class Ledger:
    """What was sent and what came, by topic."""

    def __init__(self):
        self.next_to_send = collections.Counter()
        self.next_to_come = collections.Counter()
        self.received = 0
        self.unacknowledged = 0
        self.latencies = []
        self.complaints = []

    @property
    def sent(self):
        return self.next_to_send.total()

    def complain(self, text):
        if len(self.complaints) < 20:
            self.complaints.append(text)

    def take(self, topic, payload):
        number, sent_at = _STAMP.unpack_from(payload)
        expected = self.next_to_come[topic]
        if number != expected:
            self.complain(f"{topic}: number {number} came where {expected} was due")
        self.next_to_come[topic] = number + 1
        self.received += 1
        self.latencies.append(time.monotonic() - sent_at)


class LoadClient(asyncio.Protocol):
    """One connection of MQTT 3.1.1 or 5, clean session. Answers all that wants an answer."""

    def __init__(self, ledger, client_id, version):
        self._ledger = ledger
        self._client_id = client_id
        self._version = version
        self._transport = None
        self._buffer = bytearray()
        self._waiting = collections.deque()  # for CONNACK and SUBACKs, in order
        self._free_ids = collections.deque(range(1, _WINDOW + 1))
        self._is_leaving = False

    # --- what the load asks for ---

    async def open(self, host, port):
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: self, host, port)
        connect = packets.connect(self._client_id, version=self._version, keep_alive_s=600)
        body = await self._ask(connect)
        if body[1] != 0:
            raise ConnectionError(f"{self._client_id}: CONNACK says {body[1]}")

    async def subscribe(self, subscriptions):
        """`subscriptions` are (filter, QoS)."""
        body = struct.pack("!H", 1) + (b"\0" if self._version == 5 else b"")
        body += b"".join(packets.text(each) + bytes([qos]) for each, qos in subscriptions)
        answer = await self._ask(packets.packet(packets.SUBSCRIBE, body, 2))
        granted = answer[-len(subscriptions) :]
        if list(granted) != [qos for _, qos in subscriptions]:
            raise ConnectionError(f"{self._client_id}: SUBACK says {granted.hex(' ')}")

    def has_room(self):
        return bool(self._free_ids)

    def publish(self, topic, payload, qos):
        self._ledger.unacknowledged += 1
        packet_id = self._free_ids.popleft()
        self._transport.write(
            packets.publish(topic, payload, qos, packet_id, version=self._version)
        )

    def close(self):
        self._is_leaving = True
        self._transport.write(packets.disconnect())
        self._transport.close()

    def _ask(self, data):
        answer = asyncio.get_running_loop().create_future()
        self._waiting.append(answer)
        self._transport.write(data)
        return answer

    # --- what the network brings ---

    def connection_made(self, transport):
        self._transport = transport

    def connection_lost(self, error):
        if not self._is_leaving:
            self._ledger.complain(f"{self._client_id} was disconnected: {error}")
        for answer in self._waiting:
            if not answer.done():
                answer.set_exception(ConnectionError(f"{self._client_id}: closed"))

    def data_received(self, data):
        buffer = self._buffer
        buffer += data
        start = 0
        answers = []
        while span := packets.body_span(buffer, start):
            self._handle(buffer[start], buffer[span[0] : span[1]], answers)
            start = span[1]
        del buffer[:start]
        if answers:
            self._transport.write(b"".join(answers))

    def _handle(self, first, body, answers):
        kind = first >> 4
        if kind == packets.PUBLISH:
            self._handle_publish(first, body, answers)
        elif kind in (packets.PUBACK, packets.PUBCOMP):
            self._ledger.unacknowledged -= 1
            self._free_ids.append(int.from_bytes(body[:2], "big"))
            self._check_reason(kind, body)
        elif kind == packets.PUBREC:
            self._check_reason(kind, body)
            answers.append(b"\x62\x02" + body[:2])
        elif kind == packets.PUBREL:
            answers.append(b"\x70\x02" + body[:2])
        elif kind in (packets.CONNACK, packets.SUBACK):
            self._waiting.popleft().set_result(bytes(body))
        else:
            self._ledger.complain(f"{self._client_id} got packet type {kind}: {body.hex(' ')}")

    def _check_reason(self, kind, body):
        if len(body) > 2 and body[2] >= 0x80:
            self._ledger.complain(f"{self._client_id}: packet type {kind}, reason {body[2]:#x}")

    def _handle_publish(self, first, body, answers):
        end = 2 + int.from_bytes(body[:2], "big")
        topic = bytes(body[2:end])
        qos = first >> 1 & 3
        if qos == 1:
            answers.append(b"\x40\x02" + body[end : end + 2])
        elif qos == 2:
            answers.append(b"\x50\x02" + body[end : end + 2])
        payload = end + (2 if qos else 0)
        if self._version == 5:
            payload += 1 + body[payload]  # short properties, if any
        if first & 0x08:
            self._ledger.complain(f"{self._client_id} got a duplicate of {topic}")
        self._ledger.take(topic, body[payload:])


class Load:
    """The clients of one plan against one broker. Use: connect, run, close, in this order."""

    def __init__(self, plan, port, host="127.0.0.1"):
        self.plan = plan
        self.ledger = Ledger()
        self.held_back = 0  # messages that found their client's window full
        self._address = (host, port)
        self._idle = [self._client(f"idle{number}", number) for number in range(plan.idle)]
        self._active = [self._client(f"load{number}", number) for number in range(plan.publishers)]
        self._topics = [
            (number, f"load/{number}/{each}", 1 + each % 2)
            for each in range(plan.topics_each)
            for number in range(plan.publishers)
        ]

    def _client(self, name, number):
        return LoadClient(self.ledger, name, 5 if number % 2 else 4)

    async def connect(self):
        _allow_files(len(self._idle) + len(self._active))
        gate = asyncio.Semaphore(_CONNECTING_AT_ONCE)

        async def connect_one(client, subscriptions):
            async with gate:
                await client.open(*self._address)
                if subscriptions:
                    await client.subscribe(subscriptions)

        wanted = self._subscriptions()
        await asyncio.gather(
            *(connect_one(client, ()) for client in self._idle),
            *(connect_one(client, wanted[index]) for index, client in enumerate(self._active)),
        )

    def _subscriptions(self):
        """By client: each topic is read by one of the others, through filters of several shapes."""
        wanted = [[] for _ in self._active]
        for index, (publisher, topic, qos) in enumerate(self._topics):
            reader = (publisher + 1 + index // len(self._active)) % len(self._active)
            shape = (topic, f"{topic}/#", f"+{topic[4:]}")[index % 3]
            wanted[reader].append((shape, qos))
        return wanted

    async def run(self):
        """Publishes at the plan's rate, and waits until everything has come."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        done = position = 0
        while (passed := loop.time() - began) < self.plan.seconds:
            due = int(passed * self.plan.rate)
            while done < due:
                client, topic, qos = self._topics[position]
                position = (position + 1) % len(self._topics)
                done += 1
                if self._active[client].has_room():
                    self._publish(self._active[client], topic, qos)
                else:
                    self.held_back += 1
            await asyncio.sleep(_TICK_S)
        await self._settle()

    def _publish(self, client, topic, qos):
        number = self.ledger.next_to_send[topic]
        self.ledger.next_to_send[topic] = number + 1
        stamp = _STAMP.pack(number, time.monotonic())
        client.publish(topic, stamp.ljust(self.plan.payload, b"."), qos)

    async def _settle(self, patience_s=20):
        ledger = self.ledger
        deadline = time.monotonic() + patience_s
        while ledger.unacknowledged or ledger.received < ledger.sent:
            if time.monotonic() > deadline:
                ledger.complain(
                    f"{ledger.sent} sent, {ledger.received} came, "
                    f"{ledger.unacknowledged} not acknowledged"
                )
                return
            await asyncio.sleep(_TICK_S)

    async def close(self):
        for client in (*self._idle, *self._active):
            client.close()
        # The transports close in the next turn of the loop.
        await asyncio.sleep(0)

    def summary(self):
        ledger = self.ledger
        times = sorted(ledger.latencies) or [0.0]

        def at(share):
            return times[min(len(times) - 1, int(len(times) * share))] * 1000

        return (
            f"{ledger.sent} sent, {ledger.received} came, {self.held_back} not sent in time; "
            f"latency ms: median {at(0.5):.1f}, 99 % {at(0.99):.1f}, most {at(1):.1f}"
        )


def _allow_files(count):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count + 100
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard), hard))


async def _main(port):
    load = Load(LoadPlan.from_environment(), port)
    await load.connect()
    await load.run()
    await load.close()
    print(load.summary())
    for complaint in load.ledger.complaints:
        print(complaint, file=sys.stderr)
    return 1 if load.ledger.complaints else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(_main(int(sys.argv[1]))))

"""Kills the broker again and again, in the middle of everything, and counts what that costs.

Publishers at QoS 1 and 2, retained or not, with full windows; persistent subscribers, of whom some
are connected, some offline and some slow; MQTT 3.1.1 and 5. In each round the broker is killed
with SIGKILL at least once (while clients publish, drain their queues or connect, or while it
starts), started again on what is on the disk, with another number of threads now and then, and
everybody goes on. Then each connected subscriber must have all that it is owed.

By hand: python3 crash.py --rounds 100 [--seed N] [--mode kill|drop]. With `drop` the broker runs
on a disk that has only what was synced: a power failure. The seed replays what the clients choose;
when a thread runs it does not.
"""

import argparse
import asyncio
import collections
import os
import pathlib
import random
import shutil
import signal
import sys
import tempfile
import time

from support import packets
from support.broker import BINARY, Broker
from support.delivery_ledger import Ledger, Reader, Topic
from support.raw_client import RawClient
from support.session_client import SessionClient
from support.waiting import PATIENCE_S

_FAULT_VFS = pathlib.Path(BINARY).parent / "tests" / "libmartlet_fault_vfs.so"
_MOMENTS = ("load", "load", "drain", "drain", "connect", "connect", "start")
_TICK_S = 0.005
_KINDS = "lost twice order retained session identifier".split() + ["no DUP"]


def can_drop():
    """Whether there is a disk that forgets; it is built with the tests."""
    return _FAULT_VFS.exists()


class CrashingBroker:
    """One directory, and one broker after the other on it."""

    def __init__(self, directory, mode, rng):
        self._broker = Broker(directory)
        self._mode = mode
        self._rng = rng
        self._was_killed = False
        self.start_times = []
        self.logs = collections.deque(maxlen=3)

    @property
    def port(self):
        return self._broker.port

    @property
    def threads(self):
        return self._broker.threads

    def start(self):
        """Another one, with what the last one has left."""
        if self._rng.random() < 0.3:
            self._broker.threads = self._rng.choice((1, 2, 4))
        self._broker.configure()
        self._was_killed = False
        began = time.monotonic()
        self._broker.start(self._wrapper())
        self.start_times.append(time.monotonic() - began)

    def _wrapper(self):
        if self._mode == "kill":
            return ()
        # Some of what is not synced reaches the disk all the same, whatever its order.
        leak_one_in = self._rng.choice((0, 2, 5))
        held = f"hold,{leak_one_in},{self._rng.randrange(1 << 32)}"
        options = os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
        return (
            "env",
            f"LD_PRELOAD={_FAULT_VFS}",
            f"MARTLET_FAULT_VFS={held}",
            f"ASAN_OPTIONS={options}",
        )

    def strike(self):
        """Nothing of it runs on after this."""
        if not self._broker.process.is_running():
            raise AssertionError(f"it has ended by itself\n{self._broker.describe()}")
        self._was_killed = True
        self._broker.process.signal(signal.SIGKILL)

    @property
    def was_killed(self):
        return self._was_killed

    def bury(self):
        """Returns once its files and ports are free."""
        self._broker.process.wait()
        self._broker.check_output()
        self.logs.append(self._broker.describe())
        self._broker.clean_up()
        for shared_memory in self._broker.directory.glob("*/*-shm"):
            shared_memory.unlink()  # no power failure leaves one

    async def kill_while_starting(self):
        """Starts one, but not to the end."""
        delay_s = self._rng.uniform(0, 1.2 * min(self.start_times))
        running = asyncio.create_task(asyncio.to_thread(self.start))
        await asyncio.sleep(delay_s)
        process = self._broker.process
        if process is not None and process.is_running():
            process.signal(signal.SIGKILL)
        try:
            await running
        except AssertionError:  # as it should be: it did not come to say that it runs
            pass
        self._broker.process.signal(signal.SIGKILL)
        self.bury()

    def describe(self):
        return self._broker.describe()

    def clean_up(self):
        self._broker.clean_up()

    def stop(self):
        self._broker.stop()


class Crash:
    """A broker, its clients and the rounds. Use: run()."""

    def __init__(self, directory, seed, mode="kill", scale=1.0):
        self._rng = random.Random(seed)
        self._scale = scale
        self.ledger = Ledger()
        self.broker = CrashingBroker(directory, mode, random.Random(self._rng.random()))
        self._publishers = [self._make_publisher(number) for number in range(4)]
        self._readers = []
        self._make_readers()
        self._guests = collections.deque()  # sessions that do not stay for ever
        self._guest_number = 0
        self._guest_clients = {}
        self._offline = set()
        self._kills = 0

    # --- who takes part ---

    def _make_publisher(self, number):
        client = SessionClient(self.ledger, f"pub{number}", 5 if number % 2 else 4)
        topics = [
            Topic(f"{kind}/{number}/{qos}", qos, is_retained=kind == "r")
            for kind in ("d", "r")
            for qos in (1, 2)
        ]
        self.ledger.topics |= {topic.name: topic for topic in topics}

        def choose():
            size = 5000 if self._rng.random() < 0.02 else self._rng.randrange(16, 100)
            return self._rng.choice(topics), size

        client.choose = choose
        return client

    def _make_readers(self):
        """Filters of several shapes and both QoS; the last of each is now wanted, now not."""
        for number, filters in enumerate(
            (
                (("d/#", 2), ("r/0/2", 2)),
                (("d/#", 1), ("r/1/1", 1)),
                (("d/+/2", 2), ("r/+/1", 2), ("d/0/1", 1)),
                (("d/+/1", 1), ("r/+/2", 1), ("d/1/2", 2)),
                (("d/0/#", 2), ("d/1/1", 1)),
                (("r/#", 2), ("d/2/2", 2)),
                (("d/3/2", 1), ("d/3/1", 2), ("d/2/1", 2)),
                (("#", 2), ("d/3/#", 1)),
            )
        ):
            self._readers.append(self._make_reader(f"sub{number}", 5 if number % 2 else 4, filters))

    def _make_reader(self, name, version, filters):
        reader = Reader(name)
        for topic_filter, qos in filters:
            reader.subscribe(topic_filter, qos)
        self.ledger.readers[name] = reader
        return SessionClient(
            self.ledger, name, version, reader, receive_maximum=self._rng.choice((3, 20, 65535))
        )

    def _everybody(self):
        return [*self._publishers, *self._readers, *self._guests]

    def _online(self):
        return [client for client in self._everybody() if client not in self._offline]

    def _welcome_guest(self):
        """A session that begins while others publish."""
        name = f"guest{self._guest_number % 3}"
        version = (4, 5, 4)[self._guest_number % 3]
        self._guest_number += 1
        guest = self._make_reader(name, version, (("d/#", 2), ("r/#", 2)))
        before = self._guest_clients.get(name)
        guest.expects_session = before.expects_session if before else None
        self._guest_clients[name] = guest
        self._guests.append(guest)

    async def _dismiss_guest(self):
        guest = self._guests.popleft()
        del self.ledger.readers[guest.client_id]
        await guest.end_session(self.broker.port)

    # --- a round ---

    async def run(self, rounds, report=print):
        """Returns whether nothing went wrong; `report` is called with lines of text."""
        await asyncio.to_thread(self.broker.start)
        began = time.monotonic()
        for number in range(1, rounds + 1):
            before = self._totals()
            moment = self._rng.choice(_MOMENTS)
            await self._round(moment, is_last=number == rounds)
            report(f"round {number} ({moment}): {self._describe(self._totals() - before)}")
        await asyncio.gather(*(each.leave(politely=True) for each in self._everybody()))
        await asyncio.to_thread(self.broker.stop)
        starts = sorted(self.broker.start_times)
        report(
            f"{rounds} rounds, {self._kills} kills in {time.monotonic() - began:.0f} s: "
            f"{self._describe(self._totals())}, "
            f"started in {starts[len(starts) // 2] * 1000:.0f} ms "
            f"(at most {starts[-1] * 1000:.0f})"
        )
        for complaint in self.ledger.complaints:
            report(complaint)
        return not self.ledger.faults

    def _totals(self):
        return self.ledger.counts + self.ledger.faults

    def _describe(self, counts):
        good = ("published", "acknowledged", "sent again", "delivered", "with DUP", "held again")
        good += ("without DUP", "retained copies")
        text = ", ".join(f"{counts[kind]} {kind}" for kind in good)
        faults = ", ".join(f"{kind} {counts[kind]}" for kind in _KINDS)
        others = set(counts) - {*good, *_KINDS}
        text += f"; {faults}" + "".join(f", {kind} {counts[kind]}" for kind in sorted(others))
        waiting = sum(len(client.reader.owed) for client in self._readers)
        return f"{text}; {waiting} wait for offline readers, threads {self.broker.threads}"

    async def _round(self, moment, is_last):
        self._choose_roles()
        await self._connect()
        self._offer()
        if moment == "load":
            await self._until_struck(is_by_count=self._rng.random() < 0.7)
        elif moment == "drain":
            await self._kill_while_draining()
        elif moment == "connect":
            await self._kill_while_connecting()
        else:
            await self._until_struck(is_by_count=True)
            await self._restart(and_kill_it=True)
        await self._restart()
        if is_last or self._rng.random() < 0.5:
            self._offline.clear()
        self._check_retained()
        await self._connect()
        self._offer(share=0.2)
        await self._settle()
        if len(self._guests) > 2:
            await self._dismiss_guest()
        self._check_retained(is_settled=True)

    def _choose_roles(self):
        self._offline = {each for each in self._readers if self._rng.random() < 0.35}
        for each in self._readers:
            each.answers_per_tick = self._rng.choice((None, None, 1, 5))
            flickering = list(each.reader.subscriptions.values())[-1]
            flickering.is_wanted = self._rng.random() < 0.7
        self._welcome_guest()

    async def _connect(self):
        """Whoever is not offline, at the same time. Without the broker everybody gives up."""
        for each in self._offline:
            await each.leave(politely=self._rng.random() < 0.5)
        waiting = [each for each in self._online() if not each.is_connected]
        self._rng.shuffle(waiting)
        results = await asyncio.gather(
            *(each.connect(self.broker.port) for each in waiting), return_exceptions=True
        )
        for error in results:
            if error and not (isinstance(error, OSError) and self.broker.was_killed):
                raise error
        for each in self._readers:
            each.sync_subscriptions()

    def _offer(self, share=1.0):
        for each in self._publishers:
            each.budget = int(self._rng.randrange(50, 300) * share * self._scale)
            each.pump()

    async def _until_struck(self, is_by_count, events=4000):
        """Kills the broker in the middle of one of the next events, or when all is quiet."""
        timer = None
        if is_by_count:
            count = self._rng.randrange(1, int(events * self._scale))
            self.ledger.strike_after(count, self.broker.strike)
        else:
            delay_s = self._rng.uniform(0, 0.6 * self._scale)
            timer = asyncio.get_running_loop().call_later(delay_s, self._strike_once)
        await self._watch(lambda: self.broker.was_killed or self._is_settled())
        if timer:
            timer.cancel()
        self.ledger.disarm()
        self._strike_once()
        await asyncio.gather(*(each.lost() for each in self._everybody()))
        await asyncio.to_thread(self.broker.bury)
        self._kills += 1

    def _strike_once(self):
        if not self.broker.was_killed:
            self.broker.strike()

    async def _kill_while_draining(self):
        """Queues have grown, and their readers come back."""
        await self._watch(lambda: all(each.has_published for each in self._publishers))
        self._offline.clear()
        self._offer(share=self._rng.choice((0, 0.5)))
        connecting = asyncio.create_task(self._connect())
        await self._until_struck(is_by_count=self._rng.random() < 0.7, events=1500)
        await connecting

    async def _kill_while_connecting(self):
        await asyncio.sleep(self._rng.uniform(0, 0.2))
        await asyncio.gather(
            *(each.leave(politely=self._rng.random() < 0.5) for each in self._everybody())
        )
        connecting = asyncio.create_task(self._connect())
        await self._until_struck(is_by_count=self._rng.random() < 0.5, events=120)
        await connecting

    async def _restart(self, and_kill_it=False):
        if and_kill_it:
            await self.broker.kill_while_starting()
            self._kills += 1
        else:
            await asyncio.to_thread(self.broker.start)

    # --- what must be true ---

    def _is_settled(self):
        return all(each.is_at_rest for each in self._online())

    async def _settle(self):
        """Everybody gets what is due, slow readers too."""
        for each in self._readers:
            each.answers_per_tick = None
        await self._watch(self._is_settled)
        for client in filter(lambda each: each.reader, self._online()):
            lost = sorted(client.reader.owed, key=lambda each: (each.topic.name, each.number))
            for message in lost:
                self.ledger.complain("lost", f"{client.client_id} did not get {message}")
            client.reader.owed.clear()

    async def _watch(self, condition):
        """Until it is true, or nothing has happened for long."""
        last, since = self.ledger.event, time.monotonic()
        while not condition():
            if self.ledger.event != last:
                last, since = self.ledger.event, time.monotonic()
            elif time.monotonic() - since > PATIENCE_S:
                self._complain_of_silence()
                return
            await asyncio.sleep(_TICK_S)

    def _complain_of_silence(self):
        for each in self._online():
            if not each.is_at_rest:
                self.ledger.complain("silence", each.describe())

    def _check_retained(self, is_settled=False):
        """Never older than the last one that was acknowledged; the very last one in the end."""
        wanted = {
            topic: topic.messages[-1].number if is_settled else topic.acknowledged_to
            for topic in self.ledger.topics.values()
            if topic.is_retained and topic.acknowledged_to >= 0
        }
        client = RawClient(self.broker.port)
        client.connect("retained")
        client.subscribe("r/#")
        while wanted:
            try:
                kind, first, body = client.read_packet()
            except AssertionError:
                break
            assert kind == packets.PUBLISH and first & 1, (kind, first, body)
            end = 2 + int.from_bytes(body[:2], "big")
            message = self.ledger.find(body[2:end].decode(), body[end:])
            oldest = wanted.pop(message.topic, 0)
            if message.number < oldest:
                self.ledger.complain("retained", f"{message} where number {oldest} was due")
        for topic in wanted:
            self.ledger.complain("retained", f"nothing on {topic.name}")
        client.close()


def crash(rounds, seed, mode="kill", scale=1.0, report=print):
    """Runs it in a directory of its own, which stays if something went wrong."""
    report(f"seed {seed}, mode {mode}")
    directory = tempfile.mkdtemp(prefix="martlet-crash-")
    run = Crash(directory, seed, mode, scale)
    is_good = False
    try:
        is_good = asyncio.run(run.run(rounds, report))
    finally:
        run.broker.clean_up()
        if is_good:
            shutil.rmtree(directory)
        else:
            report(f"failed with --seed {seed} --mode {mode}; its files: {directory}")
            for log in (*run.broker.logs, run.broker.describe()):
                report(log)
    return is_good


def _main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--mode", choices=("kill", "drop"), default="kill")
    parser.add_argument("--scale", type=float, default=1.0, help="messages in a round, 1 is usual")
    options = parser.parse_args()
    if options.mode == "drop" and not can_drop():
        parser.error(f"{_FAULT_VFS} is missing; `./dev build release martlet_fault_vfs` makes it")

    def report(line):
        print(line, flush=True)

    return 0 if crash(options.rounds, options.seed, options.mode, options.scale, report) else 1


if __name__ == "__main__":
    sys.exit(_main())

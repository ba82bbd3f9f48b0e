"""The directory of what is durable: whose it is, and when the broker had better not start on it."""

import os
import re
import stat
import unittest

from support.broker import BINARY, READY, common_lines, free_port
from support.case import BrokerCase, martlet_only
from support.process import Process
from support.waiting import wait_until

COMPLAINT = re.compile(r"\bError\b")


def data_directory(broker):
    return broker.directory / "martlet-data"


@martlet_only("its own store")
class DataDirectoryTest(BrokerCase):
    def fill(self, broker, count=200):
        subscriber = self.lasting(broker, "sub")
        subscriber.subscribe("t/#", qos=1)
        subscriber.leave()
        publisher = self.lasting(broker, "pub", clean=True)
        for number in range(count):
            publisher.publish(f"t/{number}", b"payload" * 20, 1, retain=number % 4 == 0)
        publisher.leave()

    def filled_broker(self):
        """With something in its files, and stopped."""
        broker = self.make_broker().start()
        self.fill(broker)
        broker.stop()
        return broker

    def check_refuses(self, broker, pattern, wrapper=(), path=None):
        """It ends soon, with a status that says so and one line that says why."""
        process = Process(
            [*wrapper, BINARY, "-c", path or broker.config_path], directory=broker.directory
        )
        self.addCleanup(process.clean_up)
        status = process.wait()
        lines = process.err.all() + process.out.all()
        self.assertEqual(status, 1, lines)
        complaints = [line for line in lines if COMPLAINT.search(line)]
        self.assertEqual(len(complaints), 1, lines)
        self.assertRegex(complaints[0], pattern)
        self.assertFalse([line for line in lines if re.search(READY, line)])

    def test_a_second_broker_does_not_start_and_the_first_is_not_disturbed(self):
        broker = self.start_broker()
        self.fill(broker)
        other = self.directory / "other.conf"
        lines = [*common_lines(), f"listener {free_port()} 127.0.0.1"]
        lines += [f"persistence_location {data_directory(broker)}"]
        other.write_text("\n".join([*lines, ""]))
        self.check_refuses(
            broker, rf"martlet-data.*process {broker.pid}\b.*persistence_location", path=other
        )
        self.assertEqual(len(self.lasting(broker, "sub").take(200)), 200)

    def test_the_files_are_for_nobody_else_whatever_the_umask(self):
        broker = self.make_broker()
        broker.start(("sh", "-c", 'umask 000; exec "$@"', "sh"))
        self.addCleanup(broker.stop)
        self.fill(broker)
        directory = data_directory(broker)
        files = sorted(directory.iterdir())
        self.assertIn(directory / "martlet.db", files)
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in files}
        self.assertEqual(modes, {path.name: 0o600 for path in files})
        self.assertEqual(stat.S_IMODE(directory.stat().st_mode), 0o700)

    def test_a_directory_that_cannot_be_written_is_named(self):
        broker = self.filled_broker()
        directory = data_directory(broker)
        for path in (*directory.iterdir(), directory):
            path.chmod(stat.S_IMODE(path.stat().st_mode) & 0o555)
        # Root may write everywhere, unless it is told otherwise.
        wrapper = ("setpriv", "--bounding-set", "-dac_override") if os.geteuid() == 0 else ()
        self.check_refuses(broker, r"martlet-data.*(Permission denied|readonly|read-only)", wrapper)
        for path in (directory, *directory.iterdir()):
            path.chmod(stat.S_IMODE(path.stat().st_mode) | 0o200)
        broker.start()
        self.assertEqual(len(self.lasting(broker, "sub").take(200)), 200)
        broker.stop()

    def test_a_damaged_file_is_not_used_and_the_way_out_is_named(self):
        broker = self.filled_broker()
        database = data_directory(broker) / "martlet.db"
        sound = database.read_bytes()
        pages = range(0, len(sound), 4096)
        self.assertGreater(len(pages), 10)
        flips = [("the magic", 3), ("the version of the schema", 43), ("page 1", 300)]
        flips += [("a client id", sound.rindex(b"sub"))]
        for what, offset in flips:
            with self.within(f"{what}, offset {offset}"):
                database.write_bytes(flipped(sound, offset))
                self.check_refuses(broker, r"martlet\.db.*`?martlet store check")
        for what, size in (("half of it", len(sound) // 8192 * 4096), ("not whole pages", 5000)):
            with self.within(what):
                database.write_bytes(sound[:size])
                self.check_refuses(broker, r"martlet\.db.*`?martlet store check")
        database.write_bytes(sound)
        broker.start()
        self.assertEqual(len(self.lasting(broker, "sub").take(200)), 200)
        broker.stop()

    def test_a_damaged_page_is_never_delivered(self):
        """Wherever the damage is: the broker does not start, or what it delivers is right."""
        broker = self.filled_broker()
        database = data_directory(broker) / "martlet.db"
        sound = database.read_bytes()
        refused = 0
        pages = range(4096, len(sound), 4096)
        for page in pages[:: max(1, len(pages) // 12)]:
            with self.within(f"page {page // 4096 + 1}"):
                database.write_bytes(flipped(sound, page + 2000))
                for leftover in data_directory(broker).glob("martlet.db-*"):
                    leftover.unlink()
                refused += not self.delivers_right_or_refuses(broker)
        self.assertGreater(refused, 0)

    def delivers_right_or_refuses(self, broker):
        process = Process([BINARY, "-c", broker.config_path], directory=broker.directory)
        self.addCleanup(process.clean_up)
        wait_until(
            lambda: process.err.matches(READY) or not process.is_running(), "a start or a refusal"
        )
        if not process.err.matches(READY):
            self.assertEqual(process.wait(), 1, process.text())
            return False
        try:
            client = self.lasting(broker, "sub")
            self.assertTrue(client.has_session)
            for number, each in enumerate(client.take(200)):
                self.assertEqual(each.content, (f"t/{number}", b"payload" * 20))
        except (EOFError, AssertionError) as end:
            # Damage that is found later ends the broker, which may still say so: DISCONNECT.
            if isinstance(end, AssertionError) and "packet type 14" not in str(end):
                raise
            self.assertEqual(process.wait(), 1, process.text())
            return False
        finally:
            process.kill()
        return True


def flipped(data, offset):
    changed = bytearray(data)
    changed[offset] ^= 0x55
    return bytes(changed)


if __name__ == "__main__":
    unittest.main()

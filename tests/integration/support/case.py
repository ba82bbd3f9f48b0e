"""The base of every integration test: brokers and clients that end with the test."""

import contextlib
import pathlib
import shutil
import sys
import tempfile
import unittest

from support.broker import IS_MARTLET, Broker
from support.lasting_client import LastingClient
from support.paho_client import PahoClient
from support.process import Process
from support.raw_client import RawClient


def martlet_only(why):
    """For what mosquitto does not do or says otherwise; the suite drives both."""
    return unittest.skipUnless(IS_MARTLET, f"Martlet only: {why}")


class BrokerCase(unittest.TestCase):
    """Ends what a test started, whatever came of it, and shows the broker's log if it failed."""

    maxDiff = 2000

    def run(self, result=None):
        self._brokers = []
        failures = _count_failures(result)
        super().run(result)
        if _count_failures(result) > failures:
            for broker in self._brokers:
                print(f"\n--- {self.id()}: {broker.describe()}\n---", file=sys.stderr)
        self._brokers.clear()
        return result

    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="martlet-test-"))
        self.addCleanup(shutil.rmtree, self.directory)

    def make_broker(self, *lines):
        """A broker with its configuration written, not yet started."""
        directory = pathlib.Path(tempfile.mkdtemp(prefix="broker-", dir=self.directory))
        broker = Broker(directory, lines)
        self._brokers.append(broker)
        self.addCleanup(broker.clean_up)
        return broker

    def start_broker(self, *lines):
        """A running broker, which must end in good order when the test is over."""
        broker = self.make_broker(*lines)
        broker.start()
        self.addCleanup(broker.stop)
        return broker

    def start(self, arguments, **options):
        """A program that ends with the test, in a directory that does too."""
        options.setdefault("directory", self.directory)
        process = Process(arguments, **options)
        self.addCleanup(process.clean_up)
        return process

    def paho(self, broker, client_id="", **options):
        """A connected paho client."""
        client = PahoClient(broker.port, client_id, **options)
        self.addCleanup(client.clean_up)
        client.connect()
        return client

    def raw(self, broker, **options):
        """A bare connection."""
        client = RawClient(broker.port, **options)
        self.addCleanup(client.close)
        return client

    def lasting(self, broker, client_id, version=5, **options):
        """A bare connection to a session that stays."""
        client = LastingClient(broker.port, client_id, version, **options)
        self.addCleanup(client.close)
        return client

    @contextlib.contextmanager
    def within(self, what):
        """Names the part of a test that fails."""
        try:
            yield
        except AssertionError as error:
            raise AssertionError(f"{what}: {error}") from error


def _count_failures(result):
    return len(result.failures) + len(result.errors) if result is not None else 0

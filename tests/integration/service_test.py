"""What a service manager hears of the broker."""

import os
import socket
import unittest
from unittest import mock

from support.case import BrokerCase, martlet_only
from support.waiting import PATIENCE_S


class ServiceTest(BrokerCase):
    def setUp(self):
        super().setUp()
        path = str(self.directory / "notify")
        self.manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.manager.close)
        self.manager.bind(path)
        self.manager.settimeout(PATIENCE_S)
        environment = {"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "200000"}
        patch = mock.patch.dict(os.environ, environment)
        patch.start()
        self.addCleanup(patch.stop)

    def wait_for(self, message):
        """Passes over what else is said until then."""
        while True:
            said = self.manager.recv(4096).decode()
            if message in said:
                return said

    @martlet_only("mosquitto says so with libsystemd, in other words")
    def test_the_manager_hears_of_start_reload_and_end_and_that_it_lives(self):
        broker = self.make_broker()
        broker.start()
        self.wait_for("READY=1")
        for _ in range(3):
            self.wait_for("WATCHDOG=1")
        broker.reload()
        self.wait_for("RELOADING=1\nMONOTONIC_USEC=")
        self.wait_for("READY=1")
        broker.stop()
        self.wait_for("STOPPING=1")


if __name__ == "__main__":
    unittest.main()

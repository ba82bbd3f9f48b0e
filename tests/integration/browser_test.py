"""MQTT.js in a browser: the same scenarios as in node, over WebSocket, plain and secure."""

import os
import pathlib
import shutil
import tempfile
import unittest

from support.broker import IS_MARTLET
from support.browser import Browser
from support.case import BrokerCase
from support.certificates import Certificates
from support.process import run

_FOLDER = pathlib.Path(__file__).parent
# Where Debian's node-mqtt and its company are.
_ENVIRONMENT = {**os.environ, "NODE_PATH": "/usr/share/nodejs"}


@unittest.skipUnless(IS_MARTLET, "Debian's mosquitto has libwebsockets, with ways of its own")
@unittest.skipUnless(shutil.which("chromium"), "needs chromium")
class BrowserTest(BrokerCase):
    @classmethod
    def setUpClass(cls):
        cls.certificates = Certificates()
        list_scenarios = ["node", _FOLDER / "mqttjs_scenarios.js", "--list"]
        cls.scenarios = run(list_scenarios, environment=_ENVIRONMENT).out.all()
        bundle = ["node", _FOLDER / "mqttjs_bundle.js", _FOLDER / "mqttjs_page.js"]
        script = "\n".join(run(bundle, environment=_ENVIRONMENT).out.all())
        directory = tempfile.mkdtemp(prefix="martlet-browser-")
        cls.addClassCleanup(shutil.rmtree, directory, ignore_errors=True)
        cls.browser = Browser(script, directory)
        cls.addClassCleanup(cls.browser.close)

    def check_scenarios(self, broker, **options):
        for scenario in self.scenarios:
            with self.subTest(scenario):
                job = {"scenario": scenario, "options": {**options, "port": broker.port}}
                self.assertEqual(self.browser.run(job), "")

    def check_websocket(self, version):
        broker = self.start_broker("protocol websockets")
        self.check_scenarios(broker, protocolVersion=version, protocol="ws", hostname="127.0.0.1")

    def check_secure_websocket(self, version):
        broker = self.start_broker("protocol websockets", *self.certificates.server_lines())
        self.check_scenarios(
            broker, protocolVersion=version, protocol="wss", hostname="localhost", path="/mqtt"
        )

    def test_version_4_over_websocket(self):
        self.check_websocket(4)

    def test_version_5_over_websocket(self):
        self.check_websocket(5)

    def test_version_4_over_secure_websocket(self):
        self.check_secure_websocket(4)

    def test_version_5_over_secure_websocket(self):
        self.check_secure_websocket(5)


if __name__ == "__main__":
    unittest.main()

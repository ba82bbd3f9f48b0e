"""MQTT.js over TCP, TLS and WebSocket, in versions 3.1.1 and 5; see mqttjs_scenarios.js."""

import json
import os
import pathlib
import unittest

from support.broker import IS_MARTLET
from support.case import BrokerCase, martlet_only
from support.certificates import Certificates
from support.process import run

_SCRIPT = pathlib.Path(__file__).with_name("mqttjs_scenarios.js")
# Where Debian's node-mqtt is.
_ENVIRONMENT = {**os.environ, "NODE_PATH": "/usr/share/nodejs"}

_without_libwebsockets = martlet_only("Debian's mosquitto needs IPv6 for WebSocket")


def run_script(*arguments):
    return run(["node", _SCRIPT, *arguments], environment=_ENVIRONMENT)


class MqttJsTest(BrokerCase):
    @classmethod
    def setUpClass(cls):
        cls.certificates = Certificates()
        cls.scenarios = run_script("--list").out.all()
        if not IS_MARTLET:
            # MQTT.js knows no receive maximum, and mosquitto drops what goes beyond its own.
            cls.scenarios.remove("unpaced_messages_arrive_in_order")

    def check_scenarios(self, broker, **options):
        for scenario in self.scenarios:
            with self.subTest(scenario):
                run_script(scenario, json.dumps({**options, "port": broker.port}))

    def check_tcp(self, version):
        broker = self.start_broker()
        self.check_scenarios(broker, protocolVersion=version, host="127.0.0.1")

    def check_tls(self, version):
        broker = self.start_broker(*self.certificates.server_lines())
        self.check_scenarios(
            broker,
            protocolVersion=version,
            protocol="mqtts",
            host="localhost",
            family=4,
            cafile=str(self.certificates.path("ca.crt")),
        )

    def check_websocket(self, version):
        broker = self.start_broker("protocol websockets")
        self.check_scenarios(broker, protocolVersion=version, protocol="ws", host="127.0.0.1")

    def check_secure_websocket(self, version):
        broker = self.start_broker("protocol websockets", *self.certificates.server_lines())
        self.check_scenarios(
            broker,
            protocolVersion=version,
            protocol="wss",
            host="localhost",
            path="/mqtt",
            cafile=str(self.certificates.path("ca.crt")),
        )

    def test_version_4_over_tcp(self):
        self.check_tcp(4)

    def test_version_5_over_tcp(self):
        self.check_tcp(5)

    def test_version_4_over_tls(self):
        self.check_tls(4)

    def test_version_5_over_tls(self):
        self.check_tls(5)

    @_without_libwebsockets
    def test_version_4_over_websocket(self):
        self.check_websocket(4)

    @_without_libwebsockets
    def test_version_5_over_websocket(self):
        self.check_websocket(5)

    @_without_libwebsockets
    def test_version_4_over_secure_websocket(self):
        self.check_secure_websocket(4)

    @_without_libwebsockets
    def test_version_5_over_secure_websocket(self):
        self.check_secure_websocket(5)


if __name__ == "__main__":
    unittest.main()

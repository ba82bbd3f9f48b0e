"""Configurations as mosquitto's manual, its Debian package and its users have them, run unchanged.

Only ports and directories are this test's: nobody may take 1883 or write below /etc here.
"""

import subprocess
import unittest

from support.broker import IS_MARTLET, Broker, free_port
from support.case import BrokerCase
from support.certificates import Certificates
from support.paho_client import PahoClient

# From /usr/share/doc/mosquitto/examples of Debian's package.
ACL_EXAMPLE = """\
# This affects access control for clients with no username.
topic read $SYS/#

# This only affects clients with username "roger".
user roger
topic foo/bar

# This affects all clients.
pattern write $SYS/broker/connection/%c/state
"""
# Users roger, sub_client and pub_client, whose passwords are "password".
PASSWORDS_EXAMPLE = "\n".join(
    [
        "roger:$6$clQ4Ocu312S0qWgl$Cv2wUxgEN73c6C6jlBkswqR4AkHsvDLWvtEXZZ8NpsBLgP1WAo/qA+WXcmEN/"
        "mjDNgdUwcxRAveqNMs2xUVQYA==",
        "sub_client:$6$U+qg0/32F0g2Fh+n$fBPSkq/rfNyEQ/TkEjRgwGTTVBpvNhKSyGShovH9KHewsvJ731tD5Zx26"
        "IHhR5RYCICt0L9qBW0/KK31UkCliw==",
        "pub_client:$6$vxQ89y+7WrsnL2yn$fSPMmEZn9TSrC8s/jaPmxJ9NijWpkP2e7bMJLz78JXR1vW2x8+T3FZ23b"
        "yJA6xs5Mt+LeOybAHwcUv0OCl40rA==",
        "",
    ]
)

PLAIN = """\
listener {port}
allow_anonymous true
"""

# Debian's /etc/mosquitto/mosquitto.conf, with a file of the user's in conf.d.
DEBIAN = """\
# Place your local configuration in /etc/mosquitto/conf.d/
#
# A full description of the configuration file is at
# /usr/share/doc/mosquitto/examples/mosquitto.conf.example

pid_file {directory}/mosquitto.pid

persistence true
persistence_location {directory}/lib/

log_dest file {directory}/mosquitto.log

include_dir {directory}/conf.d
"""
DEBIAN_LOCAL = """\
per_listener_settings true

listener {port} localhost
password_file {directory}/passwd
allow_anonymous false
acl_file {directory}/acl
"""

# "Authentication methods" of mosquitto's documentation.
PASSWORDS = """\
listener {port}
password_file {directory}/passwd
"""

# mosquitto-tls(7) and the TLS section of mosquitto.conf(5).
TLS = """\
listener {port}
allow_anonymous true
cafile {certificates}/ca.crt
certfile {certificates}/server.crt
keyfile {certificates}/server.key
tls_version tlsv1.2
"""
MUTUAL_TLS = """\
per_listener_settings true
listener {port}
cafile {certificates}/ca.crt
certfile {certificates}/server.crt
keyfile {certificates}/server.key
require_certificate true
use_identity_as_username true
acl_file {directory}/acl
"""
WEBSOCKETS = """\
user root
max_connections -1
persistence false
log_type all
log_dest stderr
connection_messages true
log_timestamp true
log_timestamp_format %Y-%m-%dT%H:%M:%S
allow_anonymous true
listener {second_port}
listener {port}
protocol websockets
"""


class Configured(Broker):
    """A broker whose whole configuration is the test's."""

    def __init__(self, directory, text, certificates):
        self._text = text
        self._certificates = certificates
        super().__init__(directory)

    def configure(self, *_lines):
        # Started by root, mosquitto becomes a user who may not read the test's directory.
        text = self._text if IS_MARTLET or "user root" in self._text else "user root\n" + self._text
        self.config_path.write_text(self.filled(text), encoding="utf-8")

    def filled(self, text):
        return text.format(
            port=self.port,
            second_port=free_port(),
            directory=self.directory,
            certificates=self._certificates.path(""),
        )


class MosquittoFilesTest(BrokerCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.certificates = Certificates()

    def run_with(self, text, files=None, log_file=None):
        broker = Configured(self.directory, text, self.certificates)
        self._brokers.append(broker)
        self.addCleanup(broker.clean_up)
        for name, content in (files or {}).items():
            path = self.directory / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(broker.filled(content) if name.endswith(".conf") else content)
            path.chmod(0o600)
        broker.start(log_file=log_file)
        self.addCleanup(broker.stop)
        return broker

    def client(self, broker, client_id="", **options):
        client = PahoClient(broker.port, client_id, **options)
        self.addCleanup(client.clean_up)
        return client

    def exchange(self, *clients, topic="foo/bar"):
        """What the last one sends, the first one gets."""
        for client in clients:
            client.connect()
        clients[0].subscribe(topic, 1)
        clients[-1].publish_and_wait(topic, b"hi", 1)
        self.assertEqual(clients[0].payloads(1), [b"hi"])

    def assert_refused(self, client, code=5):
        client.start_connecting()
        self.assertEqual(client.connacks.wait_for_count(1)[0][1], code)

    def test_plain(self):
        broker = self.run_with(PLAIN)
        self.exchange(self.client(broker))

    def test_password_file_of_the_package(self):
        broker = self.run_with(PASSWORDS, {"passwd": PASSWORDS_EXAMPLE})
        self.exchange(
            self.client(broker, login=("sub_client", "password")),
            self.client(broker, login=("pub_client", "password")),
        )
        self.assert_refused(self.client(broker, login=("roger", "wrong")))
        self.assert_refused(self.client(broker))

    def test_password_file_made_by_mosquitto_passwd(self):
        path = self.directory / "passwd"
        command = ["mosquitto_passwd", "-b", "-c", path, "anna", "gehe!m"]
        subprocess.run(command, check=True, capture_output=True)
        broker = self.run_with(PASSWORDS, {"passwd": path.read_text()})
        self.exchange(self.client(broker, login=("anna", "gehe!m")))
        self.assert_refused(self.client(broker, login=("anna", "geheim")))

    def test_configuration_of_the_package_with_passwords_and_access_list(self):
        files = {
            "conf.d/local.conf": DEBIAN_LOCAL,
            "passwd": PASSWORDS_EXAMPLE,
            "acl": ACL_EXAMPLE,
            "lib/.keep": "",
        }
        broker = self.run_with(DEBIAN, files, log_file=self.directory / "mosquitto.log")
        roger = self.client(broker, login=("roger", "password"))
        self.exchange(roger)
        other = self.client(broker, login=("sub_client", "password"))
        other.connect()
        other.subscribe("#", 1)
        roger.publish_and_wait("foo/bar", b"for roger alone", 1)
        other.publish_and_wait("foo/bar", b"not permitted", 1)
        roger.publish_and_wait("foo/bar", b"last", 1)
        self.assertEqual(roger.payloads(3), [b"hi", b"for roger alone", b"last"])
        self.assertEqual(len(other.messages), 0)

    def test_tls(self):
        broker = self.run_with(TLS)
        self.exchange(self.client(broker, tls=self.certificates.client_context()))

    def test_mutual_tls_with_an_access_list_for_names_in_certificates(self):
        acl = "user martlet-client\ntopic readwrite foo/#\n"
        broker = self.run_with(MUTUAL_TLS, {"acl": acl})
        self.exchange(self.client(broker, tls=self.certificates.client_context("client")))

    def test_websockets(self):
        broker = self.run_with(WEBSOCKETS)
        self.exchange(self.client(broker, transport="websockets"))


if __name__ == "__main__":
    unittest.main()

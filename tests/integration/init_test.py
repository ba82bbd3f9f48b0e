"""`martlet init`: a directory that makes a safe broker, and the lines it says to try."""

import os
import re
import ssl
import stat
import unittest

from support.broker import BINARY, free_port
from support.case import BrokerCase, martlet_only
from support.paho_client import PahoClient
from support.process import Process


@martlet_only("mosquitto has no such command")
class InitTest(BrokerCase):
    def init(self, *arguments, status=0):
        process = Process([BINARY, "init", *arguments], directory=self.directory)
        self.addCleanup(process.clean_up)
        self.assertEqual(process.wait(), status)
        return "\n".join(process.out.all()), "\n".join(process.err.all())

    def test_what_it_makes_runs_and_lets_in_its_user_alone(self):
        said, _ = self.init("broker", "--user", "anna")
        made = self.directory / "broker"
        password = re.search(r"The password of anna is (\S+)", said).group(1)
        self.assertIn(f"martlet -c {made}/martlet.conf", said)
        config = (made / "martlet.conf").read_text()
        broker = self.make_broker()
        secure = free_port()
        config = config.replace("listener 8883", f"listener {secure}")
        broker.config_path.write_text(config.replace("listener 1883", f"listener {broker.port}"))
        broker.start()
        self.addCleanup(broker.stop)

        context = ssl.create_default_context(cafile=made / "ca.crt")
        reader = self.paho(broker, login=("anna", password))
        reader.subscribe("a", 1)
        writer = PahoClient(secure, tls=context, login=("anna", password))
        self.addCleanup(writer.clean_up)
        writer.connect()
        writer.publish_and_wait("a", b"hi", 1)
        self.assertEqual(reader.payloads(1), [b"hi"])
        for login in (("anna", "wrong"), ("bert", password)):
            stranger = PahoClient(secure, tls=context, login=login)
            self.addCleanup(stranger.clean_up)
            stranger.start_connecting()
            self.assertEqual(stranger.connacks.wait_for_count(1)[0][1], 5)

    def test_secrets_are_for_their_owner_alone(self):
        self.init("broker")
        for name in ("ca.key", "server.key", "passwords", "acl", "martlet.conf"):
            mode = os.stat(self.directory / "broker" / name).st_mode
            self.assertEqual(stat.S_IMODE(mode) & 0o077, 0, name)

    def test_nothing_that_is_there_is_written_over(self):
        self.init("broker")
        key = (self.directory / "broker" / "ca.key").read_bytes()
        _, error = self.init("broker", status=1)
        self.assertIn("not empty", error)
        self.assertEqual((self.directory / "broker" / "ca.key").read_bytes(), key)

    def test_bad_arguments_are_said(self):
        wrong = [(), ("a", "b"), ("--host",), ("--user", "a:b", "x"), ("--data", "x", "y")]
        for arguments in (*wrong, ("--force", "x")):
            _, error = self.init(*arguments, status=1)
            self.assertRegex(error, "^Error: ")


if __name__ == "__main__":
    unittest.main()

"""Certificates, authorities and revocation lists that change while clients are connected."""

import os
import shutil
import unittest

from support import packets
from support.case import martlet_only
from support.waiting import wait_until
from tls_test import TlsCase

RELOADED = r"Certificate files have changed and were reloaded"
PINGREQ = b"\xc0\x00"


class ChangeCase(TlsCase):
    def install(self, name, target):
        """As most programs do it: the new file is whole when it gets the name."""
        new = target.with_suffix(".new")
        shutil.copy(self.certificates.path(name), new)
        os.replace(new, target)

    def start_with_copies(self, *lines):
        """`{files}` in a line is where the copies are."""
        broker = self.make_broker()
        files = broker.directory / "tls"
        files.mkdir()
        self.install("server.crt", files / "s.crt")
        self.install("server.key", files / "s.key")
        self.install("ca.crt", files / "ca.crt")
        self.install("ca-before.crl", files / "ca.crl")
        lines = [line.format(files=files) for line in lines]
        broker.configure(f"certfile {files / 's.crt'}", f"keyfile {files / 's.key'}", *lines)
        broker.start()
        self.addCleanup(broker.stop)
        return broker, files

    def check_shown(self, broker, name):
        wait_until(lambda: self.served_certificate(broker) == name, f"the certificate of {name}")


@martlet_only("mosquitto does not watch its files")
class FileChangeTest(ChangeCase):
    def test_files_replaced_by_rename_are_taken_over(self):
        broker, files = self.start_with_copies()
        client = self.raw(broker, tls=self.certificates.client_context())
        client.connect("stays")
        self.install("server-wrong-host.crt", files / "s.crt")
        self.install("server-wrong-host.key", files / "s.key")
        self.check_shown(broker, "elsewhere.example")
        client.send(PINGREQ)
        self.assertEqual(client.read_packet()[0], packets.PINGRESP)

    def test_a_pair_that_does_not_match_yet_is_tried_again(self):
        broker, files = self.start_with_copies()
        mark = len(broker.log)
        self.install("server-wrong-host.crt", files / "s.crt")
        broker.log.wait_for_line(r"Error: keyfile .*s\.key: .* the old certificates go on", mark)
        self.assertEqual(self.served_certificate(broker), "localhost")
        self.install("server-wrong-host.key", files / "s.key")
        self.check_shown(broker, "elsewhere.example")
        self.assertEqual(len(broker.log.matches("the old certificates go on")), 1)

    def test_a_file_written_in_place_is_taken_over(self):
        broker, files = self.start_with_copies()
        for kind in ("key", "crt"):
            content = self.certificates.path(f"server-wrong-host.{kind}").read_bytes()
            (files / f"s.{kind}").write_bytes(content)
        self.check_shown(broker, "elsewhere.example")

    def test_links_are_followed_where_they_lead(self):
        """Kubernetes: s.crt -> ..data/s.crt, ..data -> ..first, and ..data is what is replaced."""
        broker = self.make_broker()
        files = broker.directory / "secret"
        for version, name in (("first", "server"), ("second", "server-wrong-host")):
            (files / f"..{version}").mkdir(parents=True)
            for kind in ("crt", "key"):
                shutil.copy(
                    self.certificates.path(f"{name}.{kind}"), files / f"..{version}" / f"s.{kind}"
                )
        (files / "..data").symlink_to("..first")
        for kind in ("crt", "key"):
            (files / f"s.{kind}").symlink_to(f"..data/s.{kind}")
        broker.configure(f"certfile {files / 's.crt'}", f"keyfile {files / 's.key'}")
        broker.start()
        self.addCleanup(broker.stop)
        self.assertEqual(self.served_certificate(broker), "localhost")
        (files / "..new").symlink_to("..second")
        os.replace(files / "..new", files / "..data")
        shutil.rmtree(files / "..first")
        self.check_shown(broker, "elsewhere.example")
        # The directory that is watched now is the new one.
        shutil.copy(self.certificates.path("server.key"), files / "..second" / "s.key")
        shutil.copy(self.certificates.path("server.crt"), files / "..second" / "s.crt")
        self.check_shown(broker, "localhost")

    def test_other_files_beside_them_set_nothing_off(self):
        broker, files = self.start_with_copies()
        mark = len(broker.log)
        (files / "notes").write_text("nothing to see")
        self.install("ca.crl", files / "unrelated.crl")
        self.install("server-wrong-host.key", files / "s.key")  # an error, which comes later
        broker.log.wait_for_line("the old certificates go on", mark)
        self.assertEqual(broker.log.matches(RELOADED), [])

    def test_it_can_be_switched_off(self):
        broker, files = self.start_with_copies("tls_reload_on_change false")
        self.install("server-wrong-host.crt", files / "s.crt")
        self.install("server-wrong-host.key", files / "s.key")
        self.assertEqual(self.served_certificate(broker), "localhost")
        broker.reload()
        self.check_shown(broker, "elsewhere.example")
        self.assertEqual(broker.log.matches(RELOADED), [])


@martlet_only("mosquitto keeps whoever is in")
class RevocationTest(ChangeCase):
    ORDINARY = 800  # without a certificate
    NAMED = 100  # with a good one, and as many with one that is revoked

    def connect_all(self, broker, certificate, count, name):
        context = self.certificates.client_context(certificate)
        clients = []
        for number in range(count):
            clients.append(self.raw(broker, tls=context))
            clients[-1].connect(f"{name}{number}", version=5)
        return clients

    def test_a_thousand_clients_stay_and_the_revoked_go(self):
        broker, files = self.start_with_copies(
            "cafile {files}/ca.crt",
            "crlfile {files}/ca.crl",
            "request_certificate true",
        )
        ordinary = self.connect_all(broker, None, self.ORDINARY, "ordinary")
        good = self.connect_all(broker, "client", self.NAMED, "good")
        bad = self.connect_all(broker, "client-revoked", self.NAMED, "bad")
        self.install("server-wrong-host.crt", files / "s.crt")
        self.install("server-wrong-host.key", files / "s.key")
        self.install("ca.crl", files / "ca.crl")
        for client in bad:
            self.assertEqual(
                [(kind, body[:1]) for kind, _, body in client.read_to_end()],
                [(packets.DISCONNECT, b"\x87")],
            )
        self.check_shown(broker, "elsewhere.example")
        for client in ordinary + good:
            client.send(PINGREQ)
        for client in ordinary + good:
            self.assertEqual(client.read_packet()[0], packets.PINGRESP)
        reasons = broker.log.matches("certificate is no longer trusted: certificate revoked")
        self.assertEqual(len(reasons), self.NAMED)


if __name__ == "__main__":
    unittest.main()

"""TLS as operators set it up: who is let in, who is not, and what the log says about it."""

import re
import shutil
import socket
import ssl
import unittest

from support import packets
from support.broker import BINARY
from support.case import BrokerCase, martlet_only
from support.certificates import Certificates
from support.command_line_clients import Subscriber, publish
from support.half_open import client_hello
from support.process import run
from support.waiting import wait_until

TLS_ALERT = b"\x15"
HANDSHAKE_LINE = r"(?i)\b(tls|ssl|handshake|certificate)"


class TlsCase(BrokerCase):
    @classmethod
    def setUpClass(cls):
        cls.certificates = Certificates()

    def start_tls_broker(self, *lines, server="server"):
        return self.start_broker(*self.certificates.server_lines(server), *lines)

    def start_mutual_broker(self, *lines):
        return self.start_tls_broker(
            f"cafile {self.certificates.path('ca.crt')}", "require_certificate true", *lines
        )

    def check_served(self, broker, client=None):
        """A well-behaved client comes in and gets its message."""
        options = self.certificates.client_options(client)
        with_messages = Subscriber(broker, "served/#", "-q", "1", *options)
        self.addCleanup(with_messages.clean_up)
        publish(broker, "served/a", "x", "-q", "1", *options)
        with_messages.expect("served/a x")
        with_messages.clean_up()

    def check_refused(self, broker, client):
        """mosquitto_pub must fail; returns what the log says about it."""
        mark = len(broker.log)
        options = self.certificates.client_options(client)
        process = publish(broker, "a", "x", *options, expected_status=None)
        self.assertNotEqual(process.wait(), 0, process.text())
        return broker.log.wait_for_line(HANDSHAKE_LINE, mark).string

    def served_certificate(self, broker, name=None):
        context = ssl.create_default_context(cafile=self.certificates.path("ca.crt"))
        context.check_hostname = False
        with socket.create_connection(("127.0.0.1", broker.port)) as plain:
            with context.wrap_socket(plain, server_hostname=name) as secure:
                return dict(name for (name,) in secure.getpeercert()["subject"])["commonName"]


class ServerCertificateTest(TlsCase):
    def test_messages_arrive_over_tls(self):
        broker = self.start_tls_broker()
        for version in ("mqttv31", "mqttv311", "mqttv5"):
            with self.subTest(version=version):
                options = [*self.certificates.client_options(), "-V", version, "-q", "2"]
                subscriber = Subscriber(broker, "a/#", *options)
                self.addCleanup(subscriber.clean_up)
                publish(broker, "a/b", "hi", *options)
                subscriber.expect("a/b hi")
                subscriber.clean_up()

    def test_tls_1_2_and_1_3_are_spoken(self):
        broker = self.start_tls_broker()
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            with self.subTest(version=version.name):
                context = self.certificates.client_context()
                context.minimum_version = context.maximum_version = version
                self.raw(broker, tls=context).connect("me")

    def test_tls_1_3_alone_can_be_asked_for(self):
        broker = self.start_tls_broker("tls_version tlsv1.3")
        self.raw(broker, tls=self.certificates.client_context()).connect("me")
        context = self.certificates.client_context()
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        with self.assertRaises(ssl.SSLError):
            self.raw(broker, tls=context)

    def test_tls_1_1_is_refused(self):
        broker = self.start_tls_broker()
        mark = len(broker.log)
        # Security level 0, so that it is not the client that refuses.
        client = run(
            ["openssl", "s_client", "-connect", f"127.0.0.1:{broker.port}", "-tls1_1"]
            + ["-cipher", "DEFAULT@SECLEVEL=0"],
            expected_status=1,
        )
        self.assertIn("Cipher is (NONE)", client.text())
        broker.log.wait_for_line(HANDSHAKE_LINE, mark)
        self.check_served(broker)

    def test_big_and_many_small_messages_pass_whole(self):
        broker = self.start_tls_broker()
        context = self.certificates.client_context()
        subscriber = self.paho(broker, "sub", tls=context)
        subscriber.subscribe("t/#", 1)
        publisher = self.paho(broker, "pub", tls=context)
        sizes = [0, 1, 16_383, 16_384, 16_385, 300_000, 900_000] + [10] * 500
        expected = [bytes([number % 251]) * size for number, size in enumerate(sizes)]
        for payload in expected:
            publisher.publish("t/x", payload, 1)
        got = subscriber.payloads(len(expected))
        self.assertEqual(list(map(len, got)), sizes)
        self.assertTrue(got == expected, "payloads differ")

    def test_packets_may_be_split_over_records_in_any_way(self):
        broker = self.start_tls_broker()
        client = self.raw(broker, tls=self.certificates.client_context())
        for byte in packets.connect("slow"):
            client.send(bytes([byte]))
        self.assertEqual(client.read_packet(), (packets.CONNACK, 0, b"\0\0"))

    def test_a_client_refuses_a_certificate_for_another_host(self):
        broker = self.start_tls_broker(server="server-wrong-host")
        self.check_refused(broker, None)
        options = self.certificates.client_options()
        publish(broker, "a", "x", "--insecure", *options)

    def test_a_session_can_be_resumed(self):
        broker = self.start_tls_broker()
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            with self.subTest(version=version.name):
                context = self.certificates.client_context()
                context.minimum_version = context.maximum_version = version
                first = self.raw(broker, tls=context)
                first.connect("first")  # in 1.3 the ticket comes behind the handshake
                session = first.socket.session
                with socket.create_connection(("127.0.0.1", broker.port)) as plain:
                    with context.wrap_socket(
                        plain, server_hostname="localhost", session=session
                    ) as again:
                        self.assertTrue(again.session_reused)

    @martlet_only("mosquitto has one certificate for each listener")
    def test_the_certificate_is_chosen_by_the_name_asked_for(self):
        other = self.certificates.path("server-wrong-host")
        broker = self.start_tls_broker(f"sni_certificate {other}.crt {other}.key")
        for asked, shown in (
            ("elsewhere.example", "elsewhere.example"),
            ("localhost", "localhost"),
            ("unknown.example", "localhost"),
            (None, "localhost"),
        ):
            with self.subTest(asked=asked):
                self.assertEqual(self.served_certificate(broker, asked), shown)

    @martlet_only("mosquitto starts")
    def test_a_key_that_everybody_can_read_is_refused(self):
        broker = self.make_broker()
        key = broker.directory / "open.key"
        shutil.copy(self.certificates.path("server.key"), key)
        key.chmod(0o644)
        broker.configure(f"certfile {self.certificates.path('server.crt')}", f"keyfile {key}")
        process = self.start([BINARY, "-c", broker.config_path])
        self.assertEqual(process.wait(), 1)
        self.assertRegex(process.text(), r"keyfile .*open\.key: every user .*chmod 600")

    @martlet_only("mosquitto says nothing")
    def test_the_end_of_a_certificate_is_foretold(self):
        broker = self.start_tls_broker("certificate_expiry_warning_days 60")
        broker.log.wait_for_line(r"Warning: certfile .*server\.crt: .* runs out on .* in \d+ days")
        subscriber = Subscriber(
            broker, "$SYS/broker/listeners/#", *self.certificates.client_options()
        )
        self.addCleanup(subscriber.clean_up)
        topic = f"$SYS/broker/listeners/{broker.port}/certificate/days_left"
        line = subscriber.out.wait_for_line(rf"^{re.escape(topic)} (-?\d+)$")
        self.assertIn(int(line[1]), range(1, 31))


class ClientCertificateTest(TlsCase):
    def test_the_common_name_becomes_the_user_name(self):
        broker = self.start_mutual_broker("use_identity_as_username true")
        publish(broker, "a", "x", "-i", "me", *self.certificates.client_options("client"))
        broker.log.wait_for_line(
            r"New client connected from 127\.0\.0\.1:\d+ as me \(.*, u'martlet-client'\)"
        )

    def test_the_subject_becomes_the_user_name(self):
        broker = self.start_mutual_broker("use_subject_as_username true")
        publish(broker, "a", "x", "-i", "me", *self.certificates.client_options("client"))
        broker.log.wait_for_line(r"as me \(.*, u'O=Martlet tests,CN=martlet-client'\)")

    @martlet_only("mosquitto has no such key")
    def test_an_alternative_name_becomes_the_user_name(self):
        broker = self.start_mutual_broker("use_san_as_username true")
        publish(broker, "a", "x", "-i", "me", *self.certificates.client_options("client-uri"))
        broker.log.wait_for_line(r"as me \(.*, u'urn:martlet:7'\)")
        self.assertIn("alternative name", self.check_refused(broker, "client"))

    @martlet_only("mosquitto has no such key")
    def test_a_certificate_can_be_asked_for_and_left_out(self):
        broker = self.start_tls_broker(
            f"cafile {self.certificates.path('ca.crt')}",
            "request_certificate true",
            "use_identity_as_username true",
        )
        publish(broker, "a", "x", "-i", "with", *self.certificates.client_options("client"))
        broker.log.wait_for_line(r"as with \(.*, u'martlet-client'\)")
        publish(broker, "a", "x", "-i", "without", *self.certificates.client_options())
        broker.log.wait_for_line(r"as without \((?!.*u')")
        self.check_refused(broker, "client-foreign")

    def test_the_certificate_counts_and_not_the_user_name_given(self):
        broker = self.start_mutual_broker("use_identity_as_username true")
        options = self.certificates.client_options("client")
        publish(broker, "a", "x", "-i", "me", "-u", "root", "-P", "secret", *options)
        broker.log.wait_for_line(r"as me \(.*, u'martlet-client'\)")

    def test_whoever_has_no_good_certificate_stays_out(self):
        broker = self.start_mutual_broker()
        for client in (None, "client-expired", "client-foreign"):
            with self.subTest(client=client):
                self.check_refused(broker, client)
        self.check_served(broker, "client")

    @martlet_only("mosquitto leaves OpenSSL's words as they are")
    def test_the_log_says_what_is_wrong_with_a_certificate(self):
        broker = self.start_mutual_broker()
        for client, words in (
            (None, r"(?i)did not (return|send|present).*certificate|no certificate"),
            ("client-expired", r"(?i)expired"),
            ("client-foreign", r"(?i)issuer|unknown ca|self.signed|verif"),
        ):
            with self.subTest(client=client):
                line = self.check_refused(broker, client)
                self.assertRegex(line, words)
                self.assertRegex(line, r"127\.0\.0\.1:\d+")

    def test_a_revoked_certificate_stays_out(self):
        broker = self.start_mutual_broker(f"crlfile {self.certificates.path('ca.crl')}")
        self.check_refused(broker, "client-revoked")
        self.check_served(broker, "client")

    def test_with_a_stale_revocation_list_nobody_is_known_to_be_good(self):
        broker = self.start_mutual_broker(f"crlfile {self.certificates.path('ca-stale.crl')}")
        self.check_refused(broker, "client")


class BadHandshakeTest(TlsCase):
    def test_plain_mqtt_on_the_tls_port_is_closed(self):
        broker = self.start_tls_broker()
        files = broker.open_files()
        mark = len(broker.log)
        client = self.raw(broker)
        client.send(packets.connect("plain"))
        self.assertIn(client.read_bytes_to_end()[:1], (b"", TLS_ALERT))
        broker.log.wait_for_line(HANDSHAKE_LINE, mark)
        self.check_served(broker)
        client.close()
        broker.wait_for_open_files(files)

    @martlet_only("mosquitto has no deadline for handshakes")
    def test_half_handshakes_end_and_hold_nobody_up(self):
        broker = self.start_tls_broker("connect_timeout_s 2")
        files = broker.open_files()
        mark = len(broker.log)
        hello = client_hello()
        clients = [self.raw(broker) for _ in range(12)]
        for index, client in enumerate(clients):
            client.send(hello[: index * len(hello) // len(clients)])
        self.check_served(broker)
        for client in clients:
            client.read_to_end()
        broker.log.wait_for_lines(r"127\.0\.0\.1:\d+", len(clients), mark)
        self.check_served(broker)
        broker.wait_for_open_files(files)

    def test_clients_that_leave_in_the_middle_of_a_handshake_are_forgotten(self):
        broker = self.start_tls_broker()
        files = broker.open_files()
        hello = client_hello()
        for length in range(0, len(hello), 20):
            client = self.raw(broker)
            client.send(hello[:length])
            client.close()
        whole = self.raw(broker)
        whole.send(hello)
        whole.close()
        self.check_served(broker)
        broker.wait_for_open_files(files)

    def test_garbage_is_closed(self):
        broker = self.start_tls_broker()
        files = broker.open_files()
        endless_record = b"\x16\x03\x01\xff\xff" + b"x" * 500
        for garbage in (b"GET / HTTP/1.1\r\n\r\n", b"\0" * 500, endless_record):
            client = self.raw(broker)
            client.send(garbage)
            client.socket.shutdown(socket.SHUT_WR)
            client.read_bytes_to_end()
            client.close()
        self.check_served(broker)
        broker.wait_for_open_files(files)


class ReloadTest(TlsCase):
    def install(self, broker, name):
        for kind in ("crt", "key"):
            shutil.copy(self.certificates.path(f"{name}.{kind}"), broker.directory / f"s.{kind}")

    def start_with_copies(self):
        broker = self.make_broker()
        broker.configure(
            f"certfile {broker.directory / 's.crt'}", f"keyfile {broker.directory / 's.key'}"
        )
        self.install(broker, "server")
        broker.start()
        self.addCleanup(broker.stop)
        return broker

    def test_sighup_takes_a_new_certificate_and_keeps_the_clients(self):
        broker = self.start_with_copies()
        client = self.paho(broker, "stays", tls=self.certificates.client_context())
        client.subscribe("a/#", 1)
        self.assertEqual(self.served_certificate(broker), "localhost")
        self.install(broker, "server-wrong-host")
        broker.reload()
        wait_until(
            lambda: self.served_certificate(broker) == "elsewhere.example", "the new certificate"
        )
        client.publish("a/b", "still here", 1)
        self.assertEqual(client.payloads(1), [b"still here"])
        self.assertEqual(len(client.disconnects), 0)

    @martlet_only("mosquitto goes on without a certificate")
    def test_a_bad_new_certificate_leaves_the_old_one(self):
        broker = self.start_with_copies()
        for content in ("", "no certificate at all\n"):
            with self.subTest(content=content):
                (broker.directory / "s.crt").write_text(content)
                mark = len(broker.log)
                broker.reload()
                broker.log.wait_for_line(r"Error: .*s\.crt", mark)
                self.assertEqual(self.served_certificate(broker), "localhost")

    @martlet_only("mosquitto goes on without a certificate")
    def test_a_key_that_does_not_fit_leaves_the_old_one(self):
        broker = self.start_with_copies()
        shutil.copy(self.certificates.path("client.key"), broker.directory / "s.key")
        mark = len(broker.log)
        broker.reload()
        broker.log.wait_for_line(r"Error: .*s\.key", mark)
        self.check_served(broker)


if __name__ == "__main__":
    unittest.main()

"""The broker as a program: its arguments, its configuration, its signals, what it says of them."""

import json
import os
import pathlib
import re
import signal
import socket
import unittest

from support import packets
from support.broker import BINARY, IS_MARTLET, READY, common_lines, free_port
from support.case import BrokerCase, martlet_only
from support.certificates import Certificates
from support.paho_client import PahoClient
from support.process import run
from support.raw_client import RawClient
from support.waiting import wait_until

NOT_AUTHORISED = 5
SERVER_SHUTTING_DOWN = 0x8B


def listening_addresses(port):
    """The addresses that somebody listens on at this port, in the kernel's notation."""
    found = set()
    for table in ("tcp", "tcp6"):
        for line in pathlib.Path(f"/proc/net/{table}").read_text("ascii").splitlines()[1:]:
            _, local, _, state, *_ = line.split()
            address, _, local_port = local.partition(":")
            if int(local_port, 16) == port and state == "0A":
                found.add(address)
    return found


LOOPBACK = {"0100007F", "00000000000000000000000001000000"}


class ArgumentsTest(BrokerCase):
    def start_program(self, *arguments):
        """The broker with these arguments, running; it must end in good order."""
        process = self.start([BINARY, *arguments], directory=self.directory)
        process.err.wait_for_line(READY)
        self.addCleanup(self.terminate, process)
        return process

    def terminate(self, process):
        process.signal(signal.SIGTERM)
        self.assertEqual(process.wait(), 0)

    def test_without_a_configuration_this_machine_alone_is_served(self):
        port = free_port()
        process = self.start_program("-p", port)
        process.err.wait_for_line("Starting in local only mode")
        addresses = listening_addresses(port)
        self.assertTrue(addresses and addresses <= LOOPBACK, addresses)
        client = PahoClient(port, "me")
        self.addCleanup(client.clean_up)
        client.connect()
        client.subscribe("t", 2)
        client.publish("t", "x", 2)
        self.assertEqual(client.payloads(1), [b"x"])

    @martlet_only("its own words")
    def test_the_first_lines_say_who_may_connect_and_what_to_type(self):
        port = free_port()
        process = self.start_program("-p", port)
        lines = process.err.all()
        text = "\n".join(lines)
        self.assertLess(len(lines), 15, "a block that is read")
        self.assertRegex(text, rf"Port {port}: .*this machine only")
        self.assertRegex(text, r"anybody")
        self.assertRegex(text, r"Store martlet-data: 0 sessions, 0 queued and 0 retained messages")
        command = re.search(r"Try: (mosquitto_sub .*?) +and", text).group(1)
        self.assertIn(f"-p {port}", command)

    @martlet_only("mosquitto listens on the last port given")
    def test_several_ports(self):
        ports = [free_port(), free_port()]
        self.start_program("-p", ports[0], "-p", ports[1])
        for port in ports:
            RawClient(port).close()

    def test_verbose_logs_everything(self):
        config = self.write_config(f"listener {free_port()} 127.0.0.1", "allow_anonymous true")
        port = int(config.read_text().split()[1])
        process = self.start_program("-c", config, "-v")
        client = RawClient(port)
        self.addCleanup(client.close)
        client.connect("me", will=("a/will", b"x"))
        process.err.wait_for_line("Will message specified")

    def write_config(self, *lines):
        path = self.directory / "test.conf"
        path.write_text("\n".join([*map(str, lines), ""]))
        return path

    @martlet_only("mosquitto has no -q")
    def test_quiet_logs_nothing(self):
        port = free_port()
        process = self.start([BINARY, "-q", "-p", port], directory=self.directory)
        wait_until(lambda: listening_addresses(port), "the port to be open")
        RawClient(port).close()
        self.terminate(process)
        self.assertEqual(process.text(), "")

    def test_help_shows_the_options(self):
        text = run([BINARY, "-h"], expected_status=0 if IS_MARTLET else None).text()
        for option in ("-c", "-p", "-v", "-d"):
            self.assertIn(f"{option}", text)

    @martlet_only("mosquitto has no --version")
    def test_version_shows_the_version(self):
        self.assertRegex(run([BINARY, "--version"]).text(), r"^martlet version \d+\.\d+\.\d+$")

    def test_an_unknown_option_is_an_error(self):
        process = run([BINARY, "--prot", "1"], expected_status=None)
        self.assertNotEqual(process.wait(), 0)
        self.assertRegex(process.text(), r"[Uu]nknown option '?\"?--prot")

    @martlet_only("its own words")
    def test_an_unknown_option_brings_the_nearest_one(self):
        self.assertIn("--port", run([BINARY, "--prot", "1"], expected_status=1).err.all()[0])

    @martlet_only("mosquitto's -d closes the log too early to wait for it")
    def test_a_daemon_leaves_its_pid_and_serves(self):
        port = free_port()
        pid_file = self.directory / "broker.pid"
        log = self.directory / "broker.log"
        config = self.write_config(
            f"listener {port} 127.0.0.1", f"pid_file {pid_file}", f"log_dest file {log}"
        )
        run([BINARY, "-d", "-c", config], directory=self.directory)
        pid = int(wait_until(lambda: pid_file.exists() and pid_file.read_text(), "the pid file"))
        wait_until(lambda: re.search(READY, log.read_text()), "the line that it runs")
        RawClient(port).close()
        os.kill(pid, signal.SIGTERM)
        wait_until(lambda: has_ended(pid), "the end of the daemon")
        self.assertIn("terminated", log.read_text().splitlines()[-1])


def has_ended(pid):
    """A daemon's parent may be slow to collect it."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


class StartTest(BrokerCase):
    def fail_to_start(self, broker, *arguments):
        """Returns what a broker says that must not start."""
        process = run([BINARY, "-c", broker.config_path, *arguments], expected_status=None)
        self.assertNotEqual(process.wait(), 0, process.text())
        if IS_MARTLET:
            self.assertEqual(process.wait(), 1)
        return process.err.all()

    def test_a_port_in_use_is_one_clear_line(self):
        first = self.start_broker()
        second = self.make_broker()
        second.port = first.port
        second.configure()
        errors = [line for line in self.fail_to_start(second) if "Error" in line]
        self.assertEqual(len(errors), 1, errors)
        self.assertIn("ddress already in use", errors[0])
        if IS_MARTLET:
            self.assertIn(str(first.port), errors[0])

    @martlet_only("mosquitto stops at the first mistake")
    def test_every_mistake_is_told_at_once_with_its_place_and_the_nearest_key(self):
        broker = self.make_broker(
            "alow_anonymous true",
            "max_packet_size many",
            "sys_interval 10",
            "persistence yes please",
            "max_inflight_messages 70000",
            "certfile /does/not/exist.crt",
            "topic a/# out",
        )
        first = len(common_lines()) + 2
        errors = "\n".join(self.fail_to_start(broker))
        for line, words in (
            (first, r"alow_anonymous.*allow_anonymous"),
            (first + 1, r"max_packet_size.*many"),
            (first + 3, r"persistence.*please"),
            (first + 4, r"max_inflight_messages.*70000"),
            (first + 5, r"certfile"),
            (first + 6, r"topic"),
        ):
            self.assertRegex(errors, rf"(?m)^Error: {broker.config_path}:{line}: {words}")
        self.assertNotRegex(errors, rf":{first + 2}:")

    @martlet_only("mosquitto 2.0 has no --test-config")
    def test_test_config_says_whether_a_configuration_is_good_and_starts_nothing(self):
        broker = self.start_broker()
        # Its port is in use, which does not matter.
        good = run([BINARY, "--test-config", "-c", broker.config_path])
        self.assertRegex(good.text(), r"fine|OK|good")
        broker.configure("max_packet_size many")
        bad = run([BINARY, "--test-config", "-c", broker.config_path], expected_status=1)
        self.assertRegex(bad.text(), r"broker\.conf:\d+: max_packet_size")

    def test_a_configuration_that_is_not_there(self):
        path = self.directory / "missing.conf"
        process = run([BINARY, "-c", path], expected_status=None)
        self.assertNotEqual(process.wait(), 0)
        self.assertIn(str(path), process.text())

    def test_files_of_a_certificate_that_cannot_be_used(self):
        certificates = Certificates()
        broken = self.directory / "broken.crt"
        broken.write_text("-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n")
        server, client = certificates.path("server"), certificates.path("client")
        for what, lines, words in (
            ("missing", ["certfile /no/such.crt", f"keyfile {server}.key"], "/no/such.crt"),
            ("broken", [f"certfile {broken}", f"keyfile {server}.key"], "broken.crt"),
            ("foreign key", [f"certfile {server}.crt", f"keyfile {client}.key"], "client.key"),
            ("no CA", [*certificates.server_lines(), "cafile /no/ca.crt"], "/no/ca.crt"),
        ):
            with self.subTest(what):
                errors = self.fail_to_start(self.make_broker(*lines))
                self.assertIn(words, "\n".join(errors))

    @martlet_only("mosquitto says nothing")
    def test_an_expired_certificate_is_warned_of(self):
        """As with mosquitto it does not keep other listeners from starting."""
        broker = self.start_broker(*Certificates().server_lines("server-expired"))
        broker.log.wait_for_line(r"Warning: .*server-expired\.crt.*has run out")

    @martlet_only("mosquitto starts without")
    def test_a_listener_for_tls_never_speaks_plain_mqtt(self):
        for line in ("require_certificate true", "tls_version tlsv1.3", "ciphers HIGH"):
            with self.subTest(line):
                self.fail_to_start(self.make_broker(line))

    def test_a_configured_listener_lets_nobody_in_unless_told_to(self):
        port = free_port()
        config = self.directory / "closed.conf"
        config.write_text(f"listener {port} 127.0.0.1\n")
        process = self.start([BINARY, "-c", config])
        process.err.wait_for_line(READY)
        for version, reason in ((4, NOT_AUTHORISED), (5, 0x87)):
            client = RawClient(port)
            self.addCleanup(client.close)
            client.send(packets.connect("me", version=version))
            self.assertEqual(client.read_packet()[2][1], reason)
            self.assertEqual(client.read_to_end(), [])
        process.err.wait_for_lines(r"disconnected, not authorised", 2)

    def test_the_layout_of_debian(self):
        """A main file with pid_file, a log file and a directory of further files."""
        port, other_port = free_port(), free_port()
        included = self.directory / "conf.d"
        included.mkdir()
        (included / "b.conf").write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
        (included / "a.conf").write_text(f"# first\nlistener {other_port} 127.0.0.1\r\n")
        (included / "README").write_text("not a configuration\n")
        log, pid_file = self.directory / "broker.log", self.directory / "broker.pid"
        config = self.directory / "mosquitto.conf"
        config.write_text(
            "# Place your local configuration in conf.d\n#\n\n"
            f"pid_file {pid_file}\n\n"
            f"persistence false\npersistence_location {self.directory}/\n\n"
            f"log_dest file {log}\n\n"
            f"include_dir {included}\n" + ("" if IS_MARTLET else "user root\n")
        )
        process = self.start([BINARY, "-c", config])
        wait_until(lambda: log.exists() and re.search(READY, log.read_text()), "the log file")
        for each in (port, other_port):
            client = RawClient(each)
            self.addCleanup(client.close)
            client.connect(f"me{each}")
        if IS_MARTLET:
            self.assertEqual(pid_file.read_text().strip(), str(process.pid))
        process.signal(signal.SIGTERM)
        self.assertEqual(process.wait(), 0)
        if IS_MARTLET:
            self.assertEqual(process.text(), "")

    def test_several_listeners_are_one_broker(self):
        tls_port, other_port = free_port(), free_port()
        certificates = Certificates()
        broker = self.start_broker(
            f"listener {other_port} 127.0.0.1",
            f"listener {tls_port} 127.0.0.1",
            *certificates.server_lines(),
        )
        first = self.paho(broker, "first")
        first.subscribe("t/#", 1)
        other = PahoClient(other_port, "other")
        secure = PahoClient(tls_port, "secure", tls=certificates.client_context())
        for client in (other, secure):
            self.addCleanup(client.clean_up)
            client.connect()
            client.publish_and_wait("t/x", "hi", 1)
        self.assertEqual(first.payloads(2), [b"hi", b"hi"])

    def test_ipv6(self):
        port = free_port()
        self.start_broker(f"listener {port} ::1")
        with socket.create_connection(("::1", port)) as client:
            client.sendall(packets.connect("six"))
            self.assertEqual(client.recv(4), b"\x20\x02\0\0")


class LogTest(BrokerCase):
    def test_lines_begin_with_the_time(self):
        broker = self.start_broker("log_timestamp_format %Y-%m-%dT%H:%M:%S")
        for line in broker.log.all():
            if "as root" not in line:
                self.assertRegex(line, r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d: \S")

    def test_without_the_time(self):
        broker = self.start_broker("log_timestamp false")
        self.raw(broker).connect("me")
        broker.log.wait_for_line("^New client connected from .* as me")

    @martlet_only("its own key")
    def test_json(self):
        broker = self.start_broker("log_format json")
        self.raw(broker).connect('quo"ted\\')
        broker.log.wait_for_line("quo")
        events = [json.loads(line) for line in broker.log.all()]
        mine = [event for event in events if event.get("client_id") == 'quo"ted\\']
        self.assertEqual(len(mine), 1)
        self.assertEqual(mine[0]["level"], "notice")
        self.assertRegex(mine[0]["address"], r"^127\.0\.0\.1:\d+$")

    def test_a_client_cannot_forge_lines(self):
        broker = self.start_broker()
        client = self.raw(broker)
        client.send(packets.connect("evil\n1: New client connected from god"))
        client.send(packets.disconnect())
        client.read_bytes_to_end()
        self.raw(broker).connect("good")
        broker.log.wait_for_line("as good")
        self.assertEqual(broker.log.matches("^1: New client"), [])

    @martlet_only("mosquitto logs to the old file")
    def test_sighup_opens_a_log_file_anew(self):
        log = self.directory / "broker.log"
        broker = self.make_broker()
        broker.configure(f"log_dest file {log}", "log_dest stderr")
        broker.start()
        self.addCleanup(broker.stop)
        log.rename(self.directory / "broker.log.1")
        broker.reload()
        broker.log.wait_for_line("Config reloaded")
        self.raw(broker).connect("after")
        wait_until(lambda: log.exists() and "as after" in log.read_text(), "the new log file")


class SignalTest(BrokerCase):
    def test_sigterm_ends_the_broker_while_clients_are_connected(self):
        broker = self.start_broker()
        clients = [self.raw(broker) for _ in range(20)]
        for index, client in enumerate(clients):
            client.connect(f"c{index}", version=5)
            client.subscribe("t", version=5)
        # Says nothing, and never a CONNECT.
        self.raw(broker)
        broker.stop(10)
        for client in clients:
            answer = client.read_to_end()
            if IS_MARTLET:
                self.assertEqual(
                    [(kind, body[:1]) for kind, _, body in answer],
                    [(packets.DISCONNECT, bytes([SERVER_SHUTTING_DOWN]))],
                )

    def test_sigterm_waits_for_nobody_who_does_not_read(self):
        broker = self.start_broker()
        sleeper = self.raw(broker, receive_buffer=4096)
        sleeper.connect("sleeper")
        sleeper.subscribe("t")
        publisher = self.paho(broker, "pub")
        for _ in range(200):
            publisher.publish("t", b"x" * 50_000)
        publisher.publish_and_wait("other", "end", 1)
        broker.stop(15)

    @martlet_only("mosquitto drops what it has not written")
    def test_what_is_on_its_way_to_a_client_at_sigterm_arrives(self):
        broker = self.start_broker()
        subscriber = self.raw(broker, receive_buffer=4096)
        subscriber.connect("sub")
        subscriber.subscribe("t")
        publisher = self.paho(broker, "pub")
        for _ in range(300):
            publisher.publish("t", bytes(2000))
        # Acknowledged when every thread has handed on what came before.
        publisher.publish_and_wait("t", b"last", 1)
        broker.process.signal(signal.SIGTERM)
        broker.log.wait_for_line("terminating")
        kinds = [kind for kind, _, _ in subscriber.read_to_end()]
        self.assertEqual(kinds, [packets.PUBLISH] * 301)

    def test_sigint_ends_it_too(self):
        broker = self.start_broker()
        self.raw(broker).connect("me")
        broker.process.signal(signal.SIGINT)
        self.assertEqual(broker.process.wait(), 0)

    def test_sighup_changes_nothing_for_connected_clients(self):
        broker = self.start_broker()
        client = self.paho(broker, "stays")
        client.subscribe("t", 1)
        mark = len(broker.log)
        broker.reload()
        broker.log.wait_for_line("Reloading config", mark)
        client.publish_and_wait("t", "x", 1)
        self.assertEqual(client.payloads(1), [b"x"])

    @martlet_only("mosquitto takes over other keys than this one")
    def test_sighup_takes_over_what_has_changed(self):
        broker = self.start_broker()
        client = self.raw(broker)
        client.connect("before")
        broker.configure("max_packet_size 1000")
        broker.reload()
        broker.log.wait_for_line("Config reloaded")
        client.send(packets.publish("t", b"x" * 2000))
        self.assertEqual(client.read_to_end(), [])

    @martlet_only("mosquitto takes over what stands before the mistake")
    def test_sighup_with_a_mistake_leaves_everything_as_it_was(self):
        broker = self.start_broker()
        broker.configure("max_packet_size 1000", "max_pocket_size 1000")
        broker.reload()
        broker.log.wait_for_line(r"Error: .*broker\.conf:\d+: max_pocket_size.*max_packet_size")
        broker.log.wait_for_line(r"not reloaded")
        client = self.raw(broker)
        client.connect("me")
        client.send(packets.publish("t", b"x" * 2000, qos=1))
        self.assertEqual(client.read_packet()[0], packets.PUBACK)

    @martlet_only("mosquitto says nothing")
    def test_sighup_names_what_takes_a_restart(self):
        broker = self.start_broker()
        broker.configure("threads 7")
        broker.reload()
        broker.log.wait_for_line(r"Warning: threads .*restart")


class DescriptorsTest(BrokerCase):
    def test_running_out_of_file_descriptors_keeps_the_clients_and_recovers(self):
        broker = self.make_broker()
        broker.start(["prlimit", "--nofile=64:64"])
        self.addCleanup(broker.stop)
        client = self.paho(broker, "early")
        client.subscribe("t", 1)
        crowd = [self.raw(broker) for _ in range(100)]
        if IS_MARTLET:
            broker.log.wait_for_line("Unable to accept new connection.*")
        client.publish_and_wait("t", "x", 1)
        self.assertEqual(client.payloads(1), [b"x"])
        for silent in crowd:
            silent.close()
        wait_until(lambda: self.can_connect(broker), "a place for a new client")
        lines = broker.log.matches("Unable to accept")
        self.assertLess(len(lines), 30, "a flood is told in few lines")

    def can_connect(self, broker):
        client = self.raw(broker)
        try:
            client.send(packets.connect("late"))
            return client.read_packet()[0] == packets.CONNACK
        except (EOFError, OSError):
            return False
        finally:
            client.close()


if __name__ == "__main__":
    unittest.main()

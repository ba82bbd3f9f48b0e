"""Who is let in and what they may do: password files, access lists, tokens, bans, reloads."""

import re
import socket
import time
import unittest

from support.broker import BINARY, IS_MARTLET, free_port
from support.case import BrokerCase, martlet_only
from support.logins import (
    ACCEPTED,
    NOT_AUTHORISED,
    VERSIONS,
    Member,
    add_user,
    make_token,
    write_users,
)
from support.raw_client import RawClient

REFUSED = {4: 0x80, 5: 0x87}  # SUBACK's code
SECRET = "a secret of thirty-two bytes, or more"


class AccessCase(BrokerCase):
    """A broker with users joe and ann, and an access list."""

    def setUp(self):
        super().setUp()
        self.users = write_users(self.directory / "users", joe="joe's", ann="ann's")
        self.acl = self.directory / "acl"

    def start_with(self, *lines, acl=None):
        """`acl` is the text of an access list; without one every topic is permitted."""
        self.lines = ["allow_anonymous false", f"password_file {self.users}", *lines]
        if acl is not None:
            self.acl.write_text(acl, encoding="utf-8")
            self.lines.append(f"acl_file {self.acl}")
        self.broker = self.start_broker(*self.lines)

    def member(self, version=4):
        return Member(self.raw(self.broker), version)

    def log_in(self, user_name="joe", client_id="", version=4, **options):
        """A client that must be let in."""
        member = self.member(version)
        password = options.pop("password", f"{user_name}'s")
        code = member.log_in(user_name, password, client_id, **options)
        self.assertEqual(code, ACCEPTED)
        return member

    def code(self, user_name, password, version=4, **options):
        return self.member(version).log_in(user_name, password, **options)

    def reload(self, pattern="Config reloaded" if IS_MARTLET else "Reloading config"):
        since = len(self.broker.log)
        self.broker.reload()
        self.broker.log.wait_for_line(pattern, since)

    def assert_ended(self, member):
        """The broker closes the connection."""
        member.client.read_to_end()


class PasswordsTest(AccessCase):
    def test_who_knows_the_password_is_let_in(self):
        self.start_with()
        for version in VERSIONS:
            with self.within(f"version {version}"):
                self.assertEqual(self.code("joe", "joe's", version), ACCEPTED)
                self.assertEqual(self.code("joe", "joe's", version), ACCEPTED)
                self.assertEqual(self.code("ann", "ann's", version), ACCEPTED)

    def test_everybody_else_is_answered_alike(self):
        self.start_with()
        for version in VERSIONS:
            for user_name, password in (
                ("joe", "wrong"),
                ("joe", "ann's"),
                ("joe", ""),
                ("joe", None),
                ("nobody", "joe's"),
                ("", "joe's"),
                (None, None),
            ):
                with self.within(f"version {version}, {user_name!r} with {password!r}"):
                    self.assertEqual(
                        self.code(user_name, password, version), NOT_AUTHORISED[version]
                    )

    def test_a_wrong_password_is_refused_where_none_would_be_needed(self):
        self.start_with("allow_anonymous true")
        self.assertEqual(self.code(None, None), ACCEPTED)
        self.assertEqual(self.code("joe", "joe's"), ACCEPTED)
        self.assertEqual(self.code("joe", "wrong"), NOT_AUTHORISED[4])
        self.assertEqual(self.code("nobody", "x"), NOT_AUTHORISED[4])

    @martlet_only("mosquitto lets another user take a session over")
    def test_a_session_belongs_to_the_user_who_made_it(self):
        self.start_with()
        self.log_in("joe", "shared", clean=False)
        self.assertEqual(self.code("ann", "ann's", client_id="shared", clean=False), 2)

    @martlet_only("mosquitto speaks of a mistake in its log alone")
    def test_a_mistake_in_a_file_stops_the_start_with_its_place(self):
        with open(self.users, "a", encoding="utf-8") as users:
            users.write("bob:in the clear\n")
        self.acl.write_text("user joe\ntopic raed a/#\n", encoding="utf-8")
        broker = self.make_broker(f"password_file {self.users}", f"acl_file {self.acl}")
        process = self.start([*broker_command(broker), "--test-config"])
        self.assertEqual(process.wait(), 1)
        self.assertRegex(process.text(), rf"password_file: {self.users}:3: .*martlet passwd -U")
        self.assertRegex(process.text(), rf"acl_file: {self.acl}:2: \"raed\"")
        self.assertNotIn("in the clear\n", process.text())

    @martlet_only("its own variables")
    def test_a_path_may_begin_with_a_variable(self):
        broker = self.make_broker("password_file $CREDENTIALS_DIRECTORY/users")
        command = [*broker_command(broker), "--test-config"]
        environment = {"CREDENTIALS_DIRECTORY": str(self.directory)}
        self.assertEqual(self.start(command, environment=environment).wait(), 0)
        process = self.start(command, environment={})
        self.assertEqual(process.wait(), 1)
        self.assertIn("CREDENTIALS_DIRECTORY", process.text())


def broker_command(broker):
    return [BINARY, "-c", broker.config_path]


class AccessListTest(AccessCase):
    def test_a_publish_goes_where_it_may(self):
        self.start_with(acl="user joe\ntopic write in/#\nuser ann\ntopic read #\n")
        watcher = self.log_in("ann")
        watcher.subscribe("#")
        for version in VERSIONS:
            publisher = self.log_in("joe", version=version)
            self.assertEqual(publisher.publish("out/1"), 0x87 if version == 5 else 0)
            self.assertEqual(publisher.publish("in/1"), 0)
            self.assertEqual(watcher.next_topic(), "in/1")

    @martlet_only("mosquitto grants every subscription")
    def test_a_subscription_to_what_may_not_be_read_is_refused(self):
        self.start_with(acl="user joe\ntopic read a/+/t\ntopic deny a/9/#\ntopic write w\n")
        for version in VERSIONS:
            with self.within(f"version {version}"):
                member = self.log_in("joe", version=version)
                codes = member.subscribe("a/1/t", "b/#", "w", "a/9/t", "#", "$share/g/b", "$SYS/#")
                no = REFUSED[version]
                self.assertEqual(codes, [0, no, no, no, 0, no, no])

    def test_a_wide_subscription_brings_what_may_be_read(self):
        self.start_with(acl="user joe\ntopic read a/+/t\ntopic deny a/9/t\nuser ann\ntopic #\n")
        reader = self.log_in("joe")
        self.assertEqual(reader.subscribe("#"), [0])
        publisher = self.log_in("ann")
        for topic in ("a/9/t", "b", "a/1/u", "a/1/t"):
            publisher.publish(topic)
        self.assertEqual(reader.next_topic(), "a/1/t")

    def test_retained_messages_are_held_back_too(self):
        self.start_with(acl="user joe\ntopic read a\nuser ann\ntopic #\n")
        publisher = self.log_in("ann")
        for topic in ("b", "c", "a"):
            publisher.publish(topic, retain=True)
        reader = self.log_in("joe")
        reader.subscribe("#")
        self.assertEqual(reader.next_topic(), "a")

    @martlet_only("mosquitto lets the will be and does not publish it")
    def test_a_will_that_may_not_be_published_is_refused_at_once(self):
        self.start_with(acl="user joe\ntopic write a\n")
        for version in VERSIONS:
            code = self.code("joe", "joe's", version, will=("b", b"gone"))
            self.assertEqual(code, NOT_AUTHORISED[version])
            self.assertEqual(self.code("joe", "joe's", version, will=("a", b"gone")), ACCEPTED)

    def test_lines_above_the_first_user_are_for_anonymous_clients(self):
        self.start_with("allow_anonymous true", acl="topic read a\nuser ann\ntopic #\n")
        anonymous = self.member()
        self.assertEqual(anonymous.log_in(), ACCEPTED)
        anonymous.subscribe("#")
        known = self.log_in("joe")
        known.subscribe("#")
        publisher = self.log_in("ann")
        publisher.subscribe("b")
        publisher.publish("a")
        self.assertEqual(anonymous.next_topic(), "a")
        publisher.publish("b")
        self.assertEqual(publisher.next_topic(), "b")
        known.expect_nothing()

    def test_a_name_is_one_level_of_a_pattern_and_no_wildcard(self):
        for name in ("+", "j#e"):
            add_user(self.users, name, f"{name}'s")
        self.start_with(acl="pattern readwrite dev/%u/%c\nuser ann\ntopic #\n")
        publisher = self.log_in("ann")
        watcher = self.log_in("ann")
        watcher.subscribe("dev/#")
        good = self.log_in("joe", "c")
        good.subscribe("dev/#")
        readers = [self.log_in("+", "c1"), self.log_in("j#e", "c2")]
        readers += [self.log_in("joe", "+"), self.log_in("joe", "#")]
        for reader in readers:
            reader.subscribe("#")
            reader.publish("dev/joe/c", b"forged")
        publisher.publish("dev/joe/c")
        self.assertEqual(good.next_topic(), "dev/joe/c")
        self.assertEqual(watcher.next_topic(), "dev/joe/c")
        good.publish("dev/joe/other")
        good.publish("dev/joe/c")
        self.assertEqual(watcher.next_topic(), "dev/joe/c")
        for reader in readers:
            reader.expect_nothing()

    def test_a_shared_subscription_is_no_way_round(self):
        self.start_with(acl="user joe\ntopic read a\nuser ann\ntopic #\n")
        reader = self.log_in("joe", version=5)
        reader.subscribe("$share/g/#")
        publisher = self.log_in("ann")
        publisher.publish("b")
        publisher.publish("a")
        self.assertEqual(reader.next_topic(), "a")

    def test_the_broker_s_own_topics_want_a_rule_of_their_own(self):
        self.start_with(acl="user joe\ntopic read #\nuser ann\ntopic read $SYS/broker/uptime\n")
        self.assertEqual(self.log_in("joe").subscribe("#"), [0])
        reader = self.log_in("ann")
        reader.subscribe("$SYS/#")
        self.assertEqual(reader.next_topic(), "$SYS/broker/uptime")


class ReloadTest(AccessCase):
    def test_users_come_and_go(self):
        self.start_with()
        joe = self.log_in("joe")
        ann = self.log_in("ann")
        write_users(self.users, joe="new", bob="bob's")
        self.reload()
        self.assert_ended(joe)
        self.assert_ended(ann)
        self.assertEqual(self.code("joe", "joe's"), NOT_AUTHORISED[4])
        self.assertEqual(self.code("joe", "new"), ACCEPTED)
        self.assertEqual(self.code("bob", "bob's"), ACCEPTED)
        self.assertEqual(self.code("ann", "ann's"), NOT_AUTHORISED[4])

    def test_who_is_still_known_stays(self):
        self.start_with()
        joe = self.log_in("joe")
        add_user(self.users, "bob", "bob's")
        self.reload()
        self.assertEqual(self.code("bob", "bob's"), ACCEPTED)
        joe.expect_nothing()

    def test_rights_come_and_go_for_those_who_are_connected(self):
        self.start_with(acl="user joe\ntopic read a\ntopic read b\nuser ann\ntopic #\n")
        reader = self.log_in("joe")
        reader.subscribe("#")
        publisher = self.log_in("ann")
        publisher.publish("a")
        self.assertEqual(reader.next_topic(), "a")
        self.acl.write_text("user joe\ntopic read b\ntopic read c\nuser ann\ntopic #\n")
        self.reload()
        for topic in ("a", "c"):
            publisher.publish(topic)
        self.assertEqual(reader.next_topic(), "c")

    @martlet_only("mosquitto goes on without the list")
    def test_a_mistake_leaves_the_old_list_in_force(self):
        self.start_with(acl="user joe\ntopic a\n")
        joe = self.log_in("joe")
        joe.subscribe("#")
        self.acl.write_text("user joe\ntopic a\ntopic b\ntopic raed c\n")
        self.reload("the old one goes on")
        self.assertTrue(self.broker.log.matches(re.escape(f"acl_file: {self.acl}:4: ")))
        joe.publish("b")
        joe.publish("a")
        self.assertEqual(joe.next_topic(), "a")

    def test_anonymous_clients_go_when_they_are_not_permitted_any_more(self):
        self.start_with("allow_anonymous true")
        anonymous = self.member()
        self.assertEqual(anonymous.log_in(), ACCEPTED)
        joe = self.log_in("joe")
        self.broker.configure("allow_anonymous false", f"password_file {self.users}")
        self.reload()
        self.assert_ended(anonymous)
        joe.expect_nothing()


@martlet_only("mosquitto knows no tokens")
class TokenTest(AccessCase):
    def setUp(self):
        super().setUp()
        self.key = self.directory / "key"
        self.key.write_text(SECRET + "\n", encoding="utf-8")
        self.start_with(f"jwt_key_file {self.key}", "jwt_issuer me")

    def token(self, secret=SECRET, **claims):
        claims = {"sub": "meter", "iss": "me", "exp": int(time.time()) + 600} | claims
        return make_token(secret, **claims)

    def test_a_token_is_as_good_as_a_password(self):
        for version in VERSIONS:
            with self.within(f"version {version}"):
                no = NOT_AUTHORISED[version]
                self.assertEqual(self.code("meter", self.token(), version), ACCEPTED)
                self.assertEqual(self.code("", self.token(), version), ACCEPTED)
                self.assertEqual(self.code("joe", "joe's", version), ACCEPTED)
                self.assertEqual(self.code("joe", self.token(), version), no)
                self.assertEqual(self.code("meter", self.token("x" * 32), version), no)
                self.assertEqual(self.code("meter", self.token(exp=1), version), no)
                self.assertEqual(self.code("meter", self.token(iss="you"), version), no)

    def test_a_token_restricts_what_its_holder_may_do(self):
        token = self.token(publ=["out/#"], subs=["in/+"])
        meter = self.log_in("meter", version=5, password=token)
        self.assertEqual(meter.subscribe("in/1", "in/#", "out/1"), [0, 0, 0x87])
        self.assertEqual(meter.publish("in/1"), 0x87)
        self.assertLess(meter.publish("out/1"), 0x80)  # nobody wants it

    def test_another_key_ends_what_the_old_one_began(self):
        meter = self.log_in("meter", password=self.token())
        joe = self.log_in("joe")
        self.key.write_text("another secret, of more than thirty-two bytes")
        self.reload()
        self.assert_ended(meter)
        self.assertEqual(self.code("meter", self.token()), NOT_AUTHORISED[4])
        joe.expect_nothing()


def outward_address():
    """An address of this machine that is not a loopback one, or None."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing
        except OSError:
            return None
        address = probe.getsockname()[0]
    return None if address.startswith("127.") else address


@martlet_only("mosquitto bans nobody")
class BanTest(AccessCase):
    def setUp(self):
        super().setUp()
        self.address = outward_address()
        if self.address is None:
            self.skipTest("this machine has no address but its loopback one")
        self.port = free_port()
        self.start_with("auth_failures_max 3", f"listener {self.port}")

    def code_from_outside(self, user_name, password, version=5):
        client = RawClient(self.port, address=self.address)
        self.addCleanup(client.close)
        return Member(client, version).log_in(user_name, password)

    def test_who_guesses_is_banned_and_told_of_once(self):
        for _ in range(3):
            self.assertEqual(self.code_from_outside("joe", "wrong"), 0x87)
        for _ in range(5):
            self.assertEqual(self.code_from_outside("joe", "joe's"), 0x8A)
        self.assertEqual(self.code_from_outside("joe", "joe's", 4), 5)
        self.assertEqual(self.code("joe", "joe's"), ACCEPTED)  # from the loopback address
        self.broker.log.wait_for_line(rf"3 logins from {self.address}:\d+ failed")
        self.assertEqual(len(self.broker.log.matches("failed; that address is refused")), 1)
        self.assertFalse(self.broker.log.matches("joe's|wrong\\b(?! user)"))

    def test_this_machine_is_never_banned(self):
        for _ in range(8):
            self.assertEqual(self.code("joe", "wrong"), NOT_AUTHORISED[4])
        self.assertEqual(self.code("joe", "joe's"), ACCEPTED)

    def test_the_broker_counts_on_its_own_topics(self):
        for _ in range(4):
            self.code_from_outside("joe", "wrong")
        reader = self.log_in("joe")
        reader.subscribe("$SYS/broker/clients/refused/banned")
        self.assertEqual(reader.next_topic(), "$SYS/broker/clients/refused/banned")


if __name__ == "__main__":
    unittest.main()

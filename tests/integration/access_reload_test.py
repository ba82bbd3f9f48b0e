"""Rights that change while a thousand clients are connected: who may stay is not dropped, whoever
may not is sent away and told why, and whoever comes next is judged by the new rules.

Few users and many clients of each: the rights are looked up for every client, the passwords are
not what is tested here.
"""

import collections
import re
import unittest

from passwords_test import REFUSED, AccessCase
from support import packets
from support.case import martlet_only
from support.logins import ACCEPTED, NOT_AUTHORISED, VERSIONS, add_user, topic_of, write_users

NARROW = 700  # may read all that they have subscribed to, before and after
WIDE = 200  # have subscribed to more than they may read, and then may read even less
LOSERS = 100  # have subscribed to what they then may not read at all
REPORTERS = 20  # of the narrow ones: these publish

RULES = """\
pattern read own/%c
pattern write reports/%c
user narrow
topic read news/#
user wide
topic read news/#
topic readwrite secret/#
user loser
topic read news/#
topic read secret/#
user boss
topic #
"""
WITHOUT_SECRET = re.sub("topic .* secret/#\n", "", RULES)
WITH_FRESH = WITHOUT_SECRET.replace("user narrow\n", "user narrow\ntopic read fresh/#\n")
KEPT_SESSION = {"clean": False, "properties": b"\x11\xff\xff\xff\xff"}


class CrowdCase(AccessCase):
    """A thousand clients of three users, and a boss who publishes to them."""

    def setUp(self):
        super().setUp()
        names = ("narrow", "wide", "loser", "boss")
        write_users(self.users, **{name: f"{name}'s" for name in names})
        self.start_with(acl=RULES)
        self.boss = self.enter("boss", "boss", "reports/+")
        self.narrow = [
            self.enter("narrow", f"narrow{number}", "news/#", f"own/narrow{number}")
            for number in range(NARROW)
        ]
        self.wide = [self.enter("wide", f"wide{number}", "#") for number in range(WIDE)]
        self.losers = [self.enter_as_loser(number) for number in range(LOSERS)]

    def enter_as_loser(self, number, **options):
        return self.enter("loser", f"loser{number}", "news/#", "secret/#", **options)

    @property
    def stayers(self):
        return self.narrow + self.wide

    @property
    def everybody(self):
        return self.stayers + self.losers

    def enter(self, user_name, client_id, *filters, version=5, qos=0, **options):
        member = self.log_in(user_name, client_id, version, keep_alive_s=0, **options)
        self.assertEqual(member.subscribe(*filters, qos=qos), [qos] * len(filters))
        return member

    def publish(self, *topics):
        """Every client gets what it gets of these in this order."""
        for topic in topics:
            self.assertLess(self.boss.publish(topic), 0x80)

    def expect(self, members, *topics):
        """Their next messages."""
        for member in members:
            self.assertEqual([member.next_topic() for _ in topics], list(topics))

    def expect_nothing_more(self, members):
        """They are all connected, and no other message has come."""
        for member in members:
            member.expect_nothing()

    def assert_sent_away(self, members, may_come_before=()):
        for member in members:
            came = member.client.read_to_end()
            if member.version == 5:
                kind, _, body = came.pop()
                self.assertEqual((kind, body[:1]), (packets.DISCONNECT, b"\x87"))
            for kind, _, body in came:
                self.assertEqual(kind, packets.PUBLISH)
                self.assertIn(topic_of(body), may_come_before)

    def assert_number_sent_away(self, count):
        pattern = "not (permitted|valid) any more"
        self.broker.log.wait_for_lines(pattern, count)
        self.assertEqual(len(self.broker.log.matches(pattern)), count)


@martlet_only("mosquitto keeps whoever is in")
class AccessListReplacedTest(CrowdCase):
    def enter_as_loser(self, number):
        """What a loser has subscribed to, and what it has not acknowledged, outlasts its stay."""
        return super().enter_as_loser(number, qos=1, **KEPT_SESSION)

    def replace_rules(self, rules):
        self.acl.write_text(rules, encoding="utf-8")
        self.reload()

    def report(self, count):
        """Some of those who stay publish; everything is taken, and the boss gets it."""
        wanted = collections.Counter()
        for number in range(REPORTERS):
            for _ in range(count):
                self.assertEqual(self.narrow[number].publish(f"reports/narrow{number}"), 0)
                wanted[f"reports/narrow{number}"] += 1
        self.assertEqual(
            collections.Counter(self.boss.next_topic() for _ in range(wanted.total())), wanted
        )

    def test_who_lost_a_subscription_goes_and_all_others_stay(self):
        self.publish("news/before")
        self.expect(self.everybody, "news/before")
        self.assertEqual(self.wide[0].publish("secret/before"), 0)
        self.expect(self.wide + self.losers, "secret/before")
        self.acl.write_text(WITHOUT_SECRET, encoding="utf-8")
        since = len(self.broker.log)
        self.broker.reload()
        self.report(10)  # while the rules change
        self.broker.log.wait_for_line("Config reloaded", since)
        self.publish("secret/after", "news/after")
        self.assert_sent_away(self.losers, may_come_before=["news/after"])
        self.assertEqual(self.wide[0].publish("secret/after"), 0x87)
        self.report(1)
        self.expect(self.stayers, "news/after")
        self.expect_nothing_more(self.stayers)
        self.assert_number_sent_away(LOSERS)

    def test_who_comes_next_is_judged_by_the_new_rules(self):
        for version in VERSIONS:
            early = self.log_in("narrow", version=version)
            self.assertEqual(early.subscribe("fresh/#"), [REFUSED[version]])
        self.replace_rules(WITH_FRESH)
        self.assert_sent_away(self.losers)
        for version in VERSIONS:
            with self.within(f"version {version}"):
                late = self.log_in("loser", version=version)
                self.assertEqual(late.subscribe("secret/#", "news/#"), [REFUSED[version], 0])
                granted = self.log_in("narrow", version=version)
                self.assertEqual(granted.subscribe("fresh/#", "secret/#"), [0, REFUSED[version]])
                self.publish("secret/1", "fresh/1", "news/1")
                self.expect([late], "news/1")
                self.expect([granted], "fresh/1")
        self.expect(self.stayers, *["news/1"] * len(VERSIONS))
        # So is who was there before.
        for member in self.narrow:
            self.assertEqual(member.subscribe("fresh/#"), [0])
        self.publish("fresh/2")
        self.expect(self.narrow, "fresh/2")
        self.expect_nothing_more(self.stayers)

    def test_a_subscription_that_is_not_permitted_waits_in_its_session(self):
        absent, present = self.losers[: LOSERS // 2], self.losers[LOSERS // 2 :]
        for member in absent:
            member.client.send(packets.disconnect())
            self.assert_ended(member)
        self.publish("secret/0", "news/0")  # which waits for the absent
        self.expect(present, "secret/0", "news/0")  # and is not acknowledged
        self.replace_rules(WITHOUT_SECRET)
        self.assert_sent_away(present)
        self.publish("secret/1", "news/1")
        back = [
            self.log_in("loser", f"loser{number}", version=5, **KEPT_SESSION)
            for number in range(LOSERS)
        ]
        self.expect(back, "news/0", "news/1")
        self.publish("secret/2", "news/2")
        self.expect(back, "news/2")
        self.replace_rules(RULES)
        self.publish("secret/3")
        self.expect(back, "secret/3")
        self.expect_nothing_more(back)

    def test_a_mistake_leaves_everything_as_it_was(self):
        self.acl.write_text(WITHOUT_SECRET + "topic raed news/#\n", encoding="utf-8")
        remove_user(self.users, "wide")
        self.reload("the old one goes on")
        line = WITHOUT_SECRET.count("\n") + 1
        reason = rf'Error: .*acl_file: {re.escape(str(self.acl))}:{line}: "raed"'
        self.assertEqual(len(self.broker.log.matches(reason)), 1)
        self.publish("secret/1", "news/1")
        self.expect(self.narrow, "news/1")
        self.expect(self.wide + self.losers, "secret/1", "news/1")
        self.expect_nothing_more(self.everybody)
        self.assertEqual(self.code("wide", "wide's"), ACCEPTED)
        self.assertEqual(self.log_in("loser").subscribe("secret/#"), [0])
        self.assert_number_sent_away(0)


@martlet_only("mosquitto keeps whoever is in")
class PasswordFileReplacedTest(CrowdCase):
    def enter_as_loser(self, number):
        """In either version; MQTT 3.1.1 has no way to say why somebody must go."""
        return super().enter_as_loser(number, version=VERSIONS[number % 2])

    def check_losers_gone(self):
        self.assert_sent_away(self.losers)
        for version in VERSIONS:
            self.assertEqual(self.code("loser", "loser's", version), NOT_AUTHORISED[version])
        self.publish("news/after")
        self.expect(self.stayers, "news/after")
        self.expect_nothing_more(self.stayers)
        self.assert_number_sent_away(LOSERS)

    def test_clients_of_a_user_who_is_removed_go(self):
        remove_user(self.users, "loser")
        self.reload()
        self.check_losers_gone()

    def test_clients_of_a_user_with_another_password_go(self):
        add_user(self.users, "loser", "another")
        self.reload()
        self.check_losers_gone()
        self.assertEqual(self.code("loser", "another"), ACCEPTED)


def remove_user(path, name):
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(line for line in lines if not line.startswith(f"{name}:")))


if __name__ == "__main__":
    unittest.main()

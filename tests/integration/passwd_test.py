"""`martlet passwd`: the files it makes and changes, and who can log in with them."""

import os
import pty
import stat
import subprocess
import unittest

from support.broker import BINARY
from support.case import BrokerCase, martlet_only
from support.logins import ACCEPTED, NOT_AUTHORISED, Member, write_users
from support.process import run
from support.waiting import PATIENCE_S


@martlet_only("its own tool")
class PasswdTest(BrokerCase):
    def setUp(self):
        super().setUp()
        self.file = self.directory / "users"

    def passwd(self, *arguments, expected_status=0):
        return run([BINARY, "passwd", *arguments], expected_status=expected_status)

    def say(self, password, *arguments):
        """The tool with a password on its standard input, which is no terminal."""
        return subprocess.run(
            [BINARY, "passwd", *arguments],
            input=password,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )

    def text(self):
        return self.file.read_text(encoding="utf-8")

    def assert_let_in(self, **passwords):
        broker = self.start_broker("allow_anonymous false", f"password_file {self.file}")
        for user, password in passwords.items():
            member = Member(self.raw(broker))
            self.assertEqual(member.log_in(user, password), ACCEPTED)
            self.assertEqual(
                Member(self.raw(broker)).log_in(user, password + "x"), NOT_AUTHORISED[4]
            )

    def test_a_new_file_is_for_its_owner_and_for_nobody_else(self):
        self.passwd("-c", "-b", self.file, "joe", "joe's")
        self.assertEqual(stat.S_IMODE(self.file.stat().st_mode), 0o600)
        self.assertRegex(self.text(), r"^joe:\$argon2id\$v=19\$m=19456,t=2,p=1\$[^:\n]+\n$")
        self.assertEqual(os.listdir(self.directory), ["users"])
        self.assert_let_in(joe="joe's")

    def test_a_change_keeps_comments_and_others(self):
        write_users(self.file, ann="ann's")
        self.file.write_text("# people\n\n" + self.text() + "# end\n", encoding="utf-8")
        before = self.text()
        self.passwd("-b", self.file, "joe", "joe's")
        self.assertTrue(self.text().startswith(before))
        self.passwd("-b", self.file, "ann", "new")
        self.assertEqual(self.text().count("ann:"), 1)
        self.assertIn("# people\n\nann:$argon2id$", self.text())
        self.assert_let_in(joe="joe's", ann="new")
        self.passwd("-D", self.file, "joe")
        self.assertNotIn("joe", self.text())
        self.assertIn("# end\n", self.text())

    def test_a_file_keeps_its_group_and_loses_other_readers(self):
        self.passwd("-c", "-b", self.file, "joe", "x")
        self.file.chmod(0o644)
        link = self.directory / "link"
        link.symlink_to(self.file)
        self.passwd("-b", link, "joe", "y")
        self.assertEqual(stat.S_IMODE(self.file.stat().st_mode), 0o640)
        self.assertTrue(link.is_symlink())

    def test_passwords_in_the_clear_are_hashed(self):
        self.file.write_text("# old\njoe:joe's\nann:with: colon\n", encoding="utf-8")
        self.passwd("-U", self.file)
        self.assertNotIn("joe's", self.text())
        self.assertNotIn("colon", self.text())
        hashed = self.text()
        self.passwd("-U", self.file)
        self.assertEqual(self.text(), hashed)
        self.assert_let_in(joe="joe's", ann="with: colon")

    def test_mosquitto_s_hash(self):
        self.passwd("-c", "-H", "sha512-pbkdf2", "-b", self.file, "joe", "joe's")
        self.assertRegex(self.text(), r"^joe:\$7\$210000\$")
        self.assert_let_in(joe="joe's")

    def test_a_password_is_read_from_standard_input(self):
        self.assertEqual(self.say("joe's\n", "-c", self.file, "joe").returncode, 0)
        self.assert_let_in(joe="joe's")
        self.assertEqual(self.say("", self.file, "joe").returncode, 1)

    def ask(self, *answers):
        """Types the answers on a terminal; returns the status and what was shown."""
        pid, terminal = pty.fork()
        if pid == 0:
            os.execv(BINARY, [BINARY, "passwd", "-c", str(self.file), "joe"])
        shown = b""
        for answer in answers:
            prompts = shown.count(b"assword: ")
            while shown.count(b"assword: ") == prompts:
                shown += os.read(terminal, 1024)
            os.write(terminal, answer.encode() + b"\n")
        try:
            while chunk := os.read(terminal, 1024):
                shown += chunk
        except OSError:
            pass  # the other end is closed
        _, status = os.waitpid(pid, 0)
        os.close(terminal)
        return os.waitstatus_to_exitcode(status), shown.decode()

    def test_on_a_terminal_it_asks_twice_and_shows_nothing(self):
        status, shown = self.ask("joe's", "joe's")
        self.assertEqual(status, 0, shown)
        self.assertNotIn("joe's", shown)
        self.assert_let_in(joe="joe's")

    def test_passwords_that_differ_change_nothing(self):
        status, shown = self.ask("joe's", "joe")
        self.assertEqual(status, 1)
        self.assertIn("differ", shown)
        self.assertFalse(self.file.exists())

    def test_names_that_the_file_could_not_hold_are_refused(self):
        self.passwd("-c", "-b", self.file, "joe", "x")
        before = self.text()
        for name in ("a:b", "a\nb", "", "#a", " a", "a\x7f"):
            with self.within(repr(name)):
                self.passwd("-b", self.file, name, "x", expected_status=1)
        self.passwd("-D", self.file, "nobody", expected_status=1)
        self.passwd("-b", self.directory / "none", "joe", "x", expected_status=1)
        self.assertEqual(self.text(), before)

    def test_arguments_that_make_no_sense_bring_the_usage(self):
        for arguments in (
            (),
            (self.file,),
            ("-b", self.file, "joe"),
            ("-c", "-D", self.file, "joe"),
            ("-U", "-c", self.file),
            ("-H", "sha512", self.file, "joe"),
            ("-x", self.file, "joe"),
        ):
            with self.within(str(arguments)):
                process = self.passwd(*arguments, expected_status=2)
                self.assertIn("Usage: martlet passwd", process.text())

    def test_a_line_for_scram(self):
        self.passwd("-c", "--scram", "-b", self.file, "joe", "joe's")
        self.assertRegex(self.text(), r"^joe:15000:[^:]+:[^:]+:[^:]+\n$")
        broker = self.make_broker(f"scram_file {self.file}")
        run([BINARY, "--test-config", "-c", broker.config_path])


if __name__ == "__main__":
    unittest.main()

"""Programs under way: what they write, and how they end."""

import signal
import subprocess

from support.waiting import PATIENCE_S, LineLog


class Process:
    """A program that runs beside the test. Whoever starts one ends it (case.py sees to that).

    Lines of its output in which it tells what it does, those that match `chatter`, are kept apart.
    """

    def __init__(self, arguments, environment=None, directory=None, chatter=None):
        self.arguments = [str(argument) for argument in arguments]
        self._popen = subprocess.Popen(
            self.arguments,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            cwd=directory,
            encoding="utf-8",
            errors="replace",
        )
        self.out = LineLog()
        self.err = LineLog()
        self.chatter = LineLog()
        self._readers = [
            self.out.read_in_background(self._popen.stdout, chatter, self.chatter),
            self.err.read_in_background(self._popen.stderr),
        ]

    @property
    def pid(self):
        return self._popen.pid

    def is_running(self):
        return self._popen.poll() is None

    def write_line(self, line):
        """Says one line to the program's standard input."""
        self._popen.stdin.write(line + "\n")
        self._popen.stdin.flush()

    def signal(self, number):
        """Nothing happens if the program has ended."""
        self._popen.send_signal(number)

    def wait(self, timeout_s=PATIENCE_S):
        """Returns the exit status (negative: the signal) once all output has been read too."""
        try:
            status = self._popen.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(
                f"did not end within {timeout_s:g} s: {' '.join(self.arguments)}"
            ) from None
        for reader in self._readers:
            reader.join(timeout_s)
        return status

    def kill(self):
        """Ends the program as a power failure would: nothing is sent, nothing is said."""
        self._popen.kill()
        return self.wait()

    def clean_up(self):
        if self.is_running():
            self.kill()
        self._popen.stdin.close()

    def text(self):
        """All that the program wrote."""
        return "\n".join(self.chatter.all() + self.out.all() + self.err.all())


def run(arguments, expected_status=0, timeout_s=PATIENCE_S, **options):
    """Runs a program to its end, which must be `expected_status` (None: any)."""
    process = Process(arguments, **options)
    try:
        status = process.wait(timeout_s)
    finally:
        process.clean_up()
    if expected_status is not None and status != expected_status:
        name = signal.Signals(-status).name if status < 0 else f"status {status}"
        raise AssertionError(
            f"ended with {name}, expected {expected_status}: {' '.join(process.arguments)}\n"
            f"{process.text()}"
        )
    return process

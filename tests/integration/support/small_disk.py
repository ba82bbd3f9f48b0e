"""A disk of a size that a test can fill: a tmpfs that only this test's programs see."""

import os
import pathlib
import shutil

from support.process import Process


class SmallDisk:
    """Mounted in a namespace of its own, which a process holds as long as the test runs.

    Raises OSError where that is not permitted.
    """

    def __init__(self, directory, size_kib):
        self.path = pathlib.Path(directory)
        if os.geteuid() != 0 or not shutil.which("unshare") or not shutil.which("nsenter"):
            raise OSError("only root can mount a tmpfs in a namespace of its own")
        script = 'mount -t tmpfs -o "size=$1k" tmpfs "$2" && echo mounted && exec cat'
        self._holder = Process(
            ["unshare", "--mount", "sh", "-c", script, "sh", size_kib, self.path]
        )
        try:
            self._holder.out.wait_for_line("mounted")
        except AssertionError:
            self.clean_up()
            raise OSError(f"no tmpfs here: {self._holder.text()}") from None

    @property
    def wrapper(self):
        """Starts a command that sees the disk."""
        return ("nsenter", "-t", self._holder.pid, f"--mount=/proc/{self._holder.pid}/ns/mnt")

    @property
    def seen_from_here(self):
        return pathlib.Path(f"/proc/{self._holder.pid}/root{self.path}")

    def put_ballast(self, kib):
        (self.seen_from_here / "ballast").write_bytes(bytes(kib * 1024))

    def drop_ballast(self):
        (self.seen_from_here / "ballast").unlink()

    def free_bytes(self):
        state = os.statvfs(self.seen_from_here)
        return state.f_bavail * state.f_frsize

    def clean_up(self):
        """The disk goes with the last process on it."""
        self._holder.clean_up()

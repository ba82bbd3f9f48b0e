"""Waiting for conditions: never for a guessed time, always up to a deadline."""

import os
import re
import threading
import time

# How long anything may take that should happen soon. Generous, because only a failure waits for it.
PATIENCE_S = float(os.environ.get("MARTLET_PATIENCE_S", "20"))


def wait_until(condition, what, timeout_s=PATIENCE_S):
    """Returns the first true value of `condition()`; `what` says in words what was waited for."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            text = what() if callable(what) else what
            raise AssertionError(f"did not happen within {timeout_s:g} s: {text}")
        time.sleep(0.01)


class Collection:
    """Items that one thread adds and another waits for."""

    def __init__(self):
        self._items = []
        self._changed = threading.Condition()
        self._is_closed = False

    def add(self, item):
        with self._changed:
            self._items.append(item)
            self._changed.notify_all()

    def close(self):
        """Says that nothing more will come, so that nobody waits for it."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def __len__(self):
        with self._changed:
            return len(self._items)

    def all(self, since=0):
        with self._changed:
            return self._items[since:]

    def wait_for(self, predicate, what, timeout_s=PATIENCE_S):
        """Returns the first true value of `predicate(items)`."""

        def is_over():
            return predicate(self._items) or self._is_closed

        with self._changed:
            self._changed.wait_for(is_over, timeout_s)
            value = predicate(self._items)
            if value:
                return value
            why = "nothing more will come" if self._is_closed else f"waited {timeout_s:g} s"
            last = "".join(f"\n    {item}" for item in self._items[-15:])
            raise AssertionError(f"missing: {what} ({why}); the last of {len(self._items)}:{last}")

    def wait_for_count(self, count, timeout_s=PATIENCE_S):
        """Returns the first `count` items."""
        self.wait_for(lambda items: len(items) >= count, f"item number {count}", timeout_s)
        return self.all()[:count]


class LineLog(Collection):
    """The lines that a program writes, without their ends."""

    def read_in_background(self, stream, pattern=None, others=None):
        """Lines that match `pattern`, if there is one, are added to `others`."""
        thread = threading.Thread(target=self._read, args=(stream, pattern, others), daemon=True)
        thread.start()
        return thread

    def _read(self, stream, pattern, others):
        with stream:
            for line in stream:
                log = others if pattern and re.search(pattern, line) else self
                log.add(line.rstrip("\r\n"))
        self.close()
        if others is not None:
            others.close()

    def matches(self, pattern, since=0):
        return [line for line in self.all(since) if re.search(pattern, line)]

    def wait_for_line(self, pattern, since=0, timeout_s=PATIENCE_S):
        """Returns the match of the first line that has one, from line number `since` on."""
        expression = re.compile(pattern)

        def first(lines):
            return next(filter(None, map(expression.search, lines[since:])), None)

        return self.wait_for(first, f"a line like {pattern!r}", timeout_s)

    def wait_for_lines(self, pattern, count, since=0, timeout_s=PATIENCE_S):
        """Waits until `count` lines match."""
        expression = re.compile(pattern)

        def are_enough(lines):
            return sum(1 for line in lines[since:] if expression.search(line)) >= count

        self.wait_for(are_enough, f"{count} lines like {pattern!r}", timeout_s)

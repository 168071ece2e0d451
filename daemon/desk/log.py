"""The log, for people: each cause once a minute at most."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable

from daemon.errors import printable

MINUTE = 60.0
LOG = logging.getLogger("jamd")
_PRIORITIES = {logging.ERROR: 3, logging.WARNING: 4, logging.INFO: 6, logging.DEBUG: 7}  # syslog(3)


class Reporter:
    """Logs a cause at once, then suppresses it for a minute and counts the repeats."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._logged: dict[str, tuple[float, int]] = {}  # cause → time of its last line, repeats since

    def say(self, level: str, cause: str, text: str) -> None:
        """Log `text`, at `level` error, warning or info. A text with an empty cause is always logged."""
        now = self._clock()
        at, repeats = self._logged.get(cause, (-MINUTE, 0))
        if cause and now - at < MINUTE:
            self._logged[cause] = at, repeats + 1
            return
        if cause:
            self._logged = {c: (a, r) for c, (a, r) in self._logged.items() if now - a < MINUTE}
            self._logged[cause] = now, 0
        more = f" (repeated {repeats} times since last logged)" if repeats else ""
        LOG.log(logging.getLevelNamesMapping().get(level.upper(), logging.WARNING), "%s%s", text, more)


class _LineFormatter(logging.Formatter):
    """For journald a priority before each line (it adds the time itself); elsewhere the time."""

    def __init__(self, journald: bool) -> None:
        super().__init__()
        self._journald = journald

    def format(self, record: logging.LogRecord) -> str:
        lines = printable(record.getMessage()).split("\n")
        if self._journald:
            return "\n".join(f"<{_PRIORITIES.get(record.levelno, 6)}>{line}" for line in lines)
        when = time.strftime("%H:%M:%S", time.localtime(record.created))
        return f"\n{' ' * len(when)} ".join([f"{when} {lines[0]}", *lines[1:]])


class _Handler(logging.Handler):
    def __init__(self, write: Callable[[str], object]) -> None:
        super().__init__()
        self._write = write

    def emit(self, record: logging.LogRecord) -> None:
        self._write(self.format(record) + "\n")


def set_up(write: Callable[[str], object]) -> None:
    """Send every line of the log to `write`."""
    handler = _Handler(write)
    handler.setFormatter(_LineFormatter(journald="JOURNAL_STREAM" in os.environ))
    LOG.handlers[:] = [handler]
    LOG.setLevel(logging.INFO)
    LOG.propagate = False

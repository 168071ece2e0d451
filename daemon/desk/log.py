"""What is said to people: each cause once a minute at most."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable

MINUTE = 60.0
LOG = logging.getLogger("jamd")
_PRIORITIES = {logging.ERROR: 3, logging.WARNING: 4, logging.INFO: 6, logging.DEBUG: 7}  # syslog(3)


class Reporter:
    """Says a cause at once, then holds it back for a minute; what was held back is counted."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._said: dict[str, tuple[float, int]] = {}  # cause → said at, held back since

    def say(self, level: str, cause: str, text: str) -> None:
        """`level` is error, warning or info. An empty cause is always said."""
        now = self._clock()
        at, held = self._said.get(cause, (-MINUTE, 0))
        if cause and now - at < MINUTE:
            self._said[cause] = at, held + 1
            return
        if cause:
            self._said = {c: (a, h) for c, (a, h) in self._said.items() if now - a < MINUTE}
            self._said[cause] = now, 0
        more = f" ({held} more of this in the last minutes)" if held else ""
        LOG.log(logging.getLevelNamesMapping().get(level.upper(), logging.WARNING), "%s%s", text, more)


class _Lines(logging.Formatter):
    """Journald wants a priority before each line and has its own time; a terminal wants the time."""

    def __init__(self, journald: bool) -> None:
        super().__init__()
        self._journald = journald

    def format(self, record: logging.LogRecord) -> str:
        lines = record.getMessage().splitlines() or [""]
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
    """Every line of the log goes to `write`."""
    handler = _Handler(write)
    handler.setFormatter(_Lines(journald="JOURNAL_STREAM" in os.environ))
    LOG.handlers[:] = [handler]
    LOG.setLevel(logging.INFO)
    LOG.propagate = False

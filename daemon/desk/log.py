"""The log, for people: each cause once a minute at most, but for changes."""

from __future__ import annotations

import logging
import os
import textwrap
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from daemon.errors import printable

MINUTE = 60.0
MAX_CHANGES = 6  # lines a minute about one cause that changes its state: a port is lost and back three times
LOG = logging.getLogger("jamd")
_PRIORITIES = {logging.ERROR: 3, logging.WARNING: 4, logging.INFO: 6, logging.DEBUG: 7}  # syslog(3)


class Say(Protocol):
    """`Reporter.say`."""

    def __call__(self, level: str, cause: str, text: str, is_change: bool = False) -> None: ...


@dataclass(slots=True)
class _Cause:
    lines: list[float] = field(default_factory=list)  # when the last ones were logged
    suppressed: int = 0  # lines since
    pending: tuple[str, str] | None = None  # level and text of the last change, if that was not logged


class Reporter:
    """Logs a cause at once, then suppresses it for a minute and counts the repeats.

    A change (a port is lost, a port is back) is logged at once as well. Where more than MAX_CHANGES of a cause come
    within a minute, as from a loose plug, the last one is logged after a minute.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._causes: dict[str, _Cause] = {}

    def say(self, level: str, cause: str, text: str, is_change: bool = False) -> None:
        """Log `text`, at `level` error, warning or info. A text with an empty cause is always logged."""
        if not cause:
            _log(level, text)
            return
        found, now = self._causes.setdefault(cause, _Cause()), self._clock()
        found.lines = [at for at in found.lines if now - at < MINUTE]
        if found.pending is None and len(found.lines) < (MAX_CHANGES if is_change else 1):
            self._log(found, level, text)
            return
        found.suppressed += 1
        if is_change:
            found.pending = level, text

    def settle(self) -> None:
        """Log the changes that had to wait. To be called every second or so."""
        now = self._clock()
        for found in self._causes.values():
            found.lines = [at for at in found.lines if now - at < MINUTE]
            if found.pending is not None and not found.lines:
                self._log(found, *found.pending)

    def _log(self, cause: _Cause, level: str, text: str) -> None:
        _log(level, f"{text} (repeated {cause.suppressed} times since last logged)" if cause.suppressed else text)
        cause.lines.append(self._clock())
        cause.suppressed, cause.pending = 0, None
        self._causes = {name: c for name, c in self._causes.items() if c.lines or c.pending}


def _log(level: str, text: str) -> None:
    LOG.log(logging.getLevelNamesMapping().get(level.upper(), logging.WARNING), "%s", text)


class _LineFormatter(logging.Formatter):
    """For journald a priority before each line (it adds the time itself); elsewhere the time, on a terminal in lines
    that are wrapped at words."""

    def __init__(self, journald: bool, columns: Callable[[], int | None]) -> None:
        super().__init__()
        self._journald, self._columns = journald, columns

    def format(self, record: logging.LogRecord) -> str:
        lines = printable(record.getMessage()).split("\n")
        if self._journald:
            return "\n".join(f"<{_PRIORITIES.get(record.levelno, 6)}>{line}" for line in lines)
        when = time.strftime("%H:%M:%S", time.localtime(record.created))
        indent, columns = " " * (len(when) + 1), self._columns()
        lines = [f"{when} {lines[0]}", *(f"{indent}{line}" for line in lines[1:])]
        return "\n".join(part for line in lines for part in (_wrap(line, columns, indent) if columns else [line]))


def _wrap(line: str, columns: int, indent: str) -> list[str]:
    """`line` in lines of less than `columns`, but for longer words; those after the first begin with `indent`."""
    wrapped = textwrap.wrap(
        line,
        max(columns - 1, 2 * len(indent)),
        subsequent_indent=indent,
        replace_whitespace=False,
        expand_tabs=False,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return wrapped or [line]


class _Handler(logging.Handler):
    def __init__(self, write: Callable[[str], object]) -> None:
        super().__init__()
        self._write = write

    def emit(self, record: logging.LogRecord) -> None:
        self._write(self.format(record) + "\n")


def set_up(write: Callable[[str], object], columns: Callable[[], int | None] = lambda: None) -> None:
    """Send every line of the log to `write`, on a terminal of so many `columns`."""
    handler = _Handler(write)
    handler.setFormatter(_LineFormatter("JOURNAL_STREAM" in os.environ, columns))
    LOG.handlers[:] = [handler]
    LOG.setLevel(logging.INFO)
    LOG.propagate = False

"""The live view of `jamd run` on a terminal."""

from __future__ import annotations

import asyncio
import math
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TextIO

from daemon.desk.console import ConsoleWriter
from daemon.desk.control.keyboard import foreground
from daemon.desk.stage_state import StageState
from daemon.desk.view.block import Block, Terminal
from daemon.desk.view.layout import lay_out
from daemon.desk.view.picture import NOTICE_SHOWN, Painter, PlayerProcess
from daemon.desk.view.sounding import HIT_SHOWN, Sounding
from daemon.entries import Entry

UPDATE_INTERVAL = 0.1  # seconds between two updates, at least
FALLBACK_SIZE = 80, 24


class View:
    """Follows the journal's entries and keeps a block of lines on a terminal up to date, from `show` on.

    Without a terminal, nothing is shown.
    """

    def __init__(self, terminal: Terminal | None, clock: Callable[[], float] = time.perf_counter) -> None:
        self.live = terminal is not None
        self._terminal, self._clock = terminal, clock
        self._block = Block(terminal) if terminal is not None else None
        self._sounding = Sounding()
        self._painter: Painter | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._draw_at = math.inf  # loop time
        self._drawn_at = -math.inf

    def show(self, state: StageState, players: Mapping[str, PlayerProcess]) -> None:
        """Begin, within a running event loop."""
        if not self.live:
            return
        self._painter = Painter(self._sounding, state, players)
        loop = asyncio.get_running_loop()
        if sys.platform != "win32":
            loop.add_signal_handler(signal.SIGWINCH, self._draw_soon)
            signal.signal(signal.SIGCONT, lambda *_: self._continue(loop))
        self._draw_soon()

    def follow(self, entries: Iterable[Entry]) -> None:
        if self.live:
            self._sounding.follow(entries)
            self._draw_soon()

    def changed(self) -> None:
        """The state that is shown may be another one."""
        if self.live:
            self._draw_soon()

    def log(self, text: str, write: Callable[[str], object]) -> None:
        """Have `write` write lines of the log to this terminal."""
        if self._block is None or not self.live:
            write(text)
        else:
            self._block.add_log(text, write)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._block is not None:
            self._block.erase()
        if self._painter is not None and sys.platform != "win32":
            asyncio.get_running_loop().remove_signal_handler(signal.SIGWINCH)
            signal.signal(signal.SIGCONT, signal.SIG_DFL)
        self.live = False

    def _continue(self, loop: asyncio.AbstractEventLoop) -> None:
        """jamd goes on after Ctrl-Z, and the shell has written meanwhile: called before a timer draws again."""
        if self._block is not None:
            self._block.forget()
        loop.call_soon_threadsafe(self._draw_soon)

    def _draw_soon(self) -> None:
        self._draw_in(0.0)

    def _draw_in(self, seconds: float) -> None:
        """Draw after that time, or earlier; UPDATE_INTERVAL after the last drawing at the earliest."""
        if self._painter is None:
            return
        loop = asyncio.get_running_loop()
        at = max(loop.time() + seconds, self._drawn_at + UPDATE_INTERVAL)
        if self._timer is None or at < self._draw_at:
            if self._timer is not None:
                self._timer.cancel()
            self._draw_at, self._timer = at, loop.call_at(at, self._draw)

    def _draw(self) -> None:
        self._timer, self._drawn_at = None, asyncio.get_running_loop().time()
        if self._painter is None or self._block is None or self._terminal is None:
            return
        now = self._clock()
        picture = self._painter.picture(now)
        if picture is None:
            return
        self._block.draw(lay_out(picture, *self._terminal.size()))
        waits = [NOTICE_SHOWN] if picture.notice else []
        if picture.runs and self._sounding.tempo.bpm:
            beat = self._sounding.tempo.beat_at(now)
            waits.append(self._sounding.tempo.seconds_at(math.floor(beat + 1e-3) + 1) - now)
        if self._sounding.has_hits(now):
            waits.append(HIT_SHOWN)
        if waits:
            self._draw_in(min(waits))


def open_view(output: ConsoleWriter, stream: TextIO | None, environment: Mapping[str, str] = os.environ) -> View:
    """A view on `stream`, if that is a terminal that can move its cursor."""
    if stream is None or not stream.isatty() or not _can_move(environment):
        return View(None)
    number = stream.fileno()

    def size() -> tuple[int, int]:
        try:
            columns, rows = os.get_terminal_size(number)
        except OSError:  # the terminal is gone
            return FALLBACK_SIZE
        return (columns, rows) if columns > 0 and rows > 0 else FALLBACK_SIZE

    def is_free() -> bool:
        """A job in the background writes nothing into the shell's lines."""
        return output.idle and (sys.platform == "win32" or foreground(number) in (None, os.getpgrp()))

    styled = "NO_COLOR" not in environment
    return View(Terminal(lambda text: output.put(stream, text), is_free, size, styled))


def _can_move(environment: Mapping[str, str]) -> bool:
    if sys.platform == "win32":
        return "WT_SESSION" in environment
    return environment.get("TERM", "dumb") != "dumb"

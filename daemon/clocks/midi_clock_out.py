"""MIDI clock for one output: ticks, Start, Stop, Continue and Song Position Pointer.

Ticks are on the timeline at their beats, 24 to a quarter note, so they never drift from the notes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

from daemon.music.events import CLOCK_CONTINUE, CLOCK_START, CLOCK_STOP, CLOCK_TICK, TICKS_PER_BEAT, song_position
from daemon.music.tempo import SIXTEENTH

RANK_CLOCK = 1
BEFORE = 0.5 / TICKS_PER_BEAT  # beats from Start to the tick to which it refers: receivers need a millisecond


class Scheduled(Protocol):
    """An entry of a schedule."""

    cancelled: bool


class Schedule(Protocol):
    """Where the ticks are queued: the performance's `Timeline`."""

    def add(self, beat: float, rank: int, run: Callable[[float], None], offset: float = 0.0) -> Scheduled:
        """Call `run(due seconds)` `offset` seconds after `beat`; entries due together run in the order of `rank`."""


class MidiClockOut:
    """`send(message, due seconds)`; ticks and transport messages are due `delay` seconds after their beats.

    `count_in_ticks`: ticks before Start, too. MIDI 1.0 allows ticks at any time, so that receivers know the tempo; some
    (Ardour 7) start with the first one.
    """

    def __init__(
        self, timeline: Schedule, send: Callable[[bytes, float], None], delay: float, count_in_ticks: bool = True
    ) -> None:
        self._timeline, self._send, self._delay, self._count_in_ticks = timeline, send, delay, count_in_ticks
        self._entries: list[Scheduled] = []  # the next tick, and the Start or Continue that is still to come
        self._started = False
        self._is_new = True  # receivers may still run, started by a previous stage process that died

    def start(self, now: float, beat: float, origin: float) -> None:
        """Ticks from `beat` on; the transport starts at `origin`, which is later than `beat` if there is a count-in.

        A song position is a whole number of 16ths: from a beat between two, receivers start at the later one.
        """
        self.stop(now)
        position = math.ceil(origin / SIXTEENTH - 1e-6) * SIXTEENTH
        self._tick(math.ceil((beat if self._count_in_ticks else position) * TICKS_PER_BEAT - 1e-6))
        begin = lambda due: self._begin(position, due)  # noqa: E731
        self._entries.append(self._timeline.add(position - BEFORE, RANK_CLOCK, begin, offset=self._delay))

    def stop(self, now: float) -> None:
        """No more ticks; Stop, if the receivers were started."""
        for entry in self._entries:
            entry.cancelled = True
        self._entries.clear()
        if self._started:
            self._send(bytes((CLOCK_STOP,)), now)
        self._started = False

    def _begin(self, position: float, due: float) -> None:
        self._started, is_new, self._is_new = True, self._is_new, False
        if position <= 0:
            self._send(bytes((CLOCK_START,)), due)
        else:
            if is_new:
                self._send(bytes((CLOCK_STOP,)), due)  # a running receiver ignores song position and Continue
            self._send(song_position(position), due)
            self._send(bytes((CLOCK_CONTINUE,)), due)

    def _tick(self, number: int) -> None:
        def run(due: float) -> None:
            self._send(bytes((CLOCK_TICK,)), due)
            self._entries[:] = [entry for entry in self._entries if not entry.cancelled]
            self._tick(number + 1)

        self._entries.append(self._timeline.add(number / TICKS_PER_BEAT, RANK_CLOCK, run, offset=self._delay))

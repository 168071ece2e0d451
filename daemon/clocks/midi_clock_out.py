"""jamd as master: MIDI clock, Start, Stop, Continue and Song Position for one output.

Ticks stand on the timeline at their beats, 24 to a quarter, so they never drift from the notes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

from daemon.music.events import CONTINUE, START, STOP_CLOCK, TICK, TICKS_PER_BEAT, song_position
from daemon.music.tempo import SIXTEENTH

RANK_CLOCK = 1
BEFORE = 0.5 / TICKS_PER_BEAT  # beats between Start and the tick that it means: receivers need a millisecond


class Scheduled(Protocol):
    """What was added to a schedule."""

    cancelled: bool


class Schedule(Protocol):
    """Where the ticks are put: the performance's `Timeline`."""

    def add(self, beat: float, rank: int, run: Callable[[float], None], offset: float = 0.0) -> Scheduled:
        """Call `run(due seconds)` at `beat`, `offset` seconds later; at one moment, in the order of `rank`."""


class MidiClockOut:
    """`send(message, due seconds)`; ticks, and the Start before them, come `delay` seconds after their beats."""

    def __init__(self, timeline: Schedule, send: Callable[[bytes, float], None], delay: float) -> None:
        self._timeline, self._send, self._delay = timeline, send, delay
        self._entries: list[Scheduled] = []  # the next tick, and the Start that is still to come
        self._started = False
        self._is_new = True  # a stage before us may have died while the receivers ran

    def start(self, now: float, beat: float, origin: float) -> None:
        """Ticks from `beat` on, which is the transport's start at `origin` or in the count-in before it.

        A song position is a 16th: from another beat, the receivers go on at the next one.
        """
        self.stop(now)
        self._tick(math.ceil(beat * TICKS_PER_BEAT - 1e-6))
        place = math.ceil(origin / SIXTEENTH - 1e-6) * SIXTEENTH
        begin = lambda due: self._begin(place, due)  # noqa: E731
        self._entries.append(self._timeline.add(place - BEFORE, RANK_CLOCK, begin, offset=self._delay))

    def stop(self, now: float) -> None:
        for entry in self._entries:
            entry.cancelled = True
        self._entries.clear()
        if self._started:
            self._send(bytes((STOP_CLOCK,)), now)
        self._started = False

    def _begin(self, place: float, due: float) -> None:
        self._started, is_new, self._is_new = True, self._is_new, False
        if place <= 0:
            self._send(bytes((START,)), due)
        else:
            if is_new:
                self._send(bytes((STOP_CLOCK,)), due)  # who runs heeds neither a song position nor Continue
            self._send(song_position(place), due)
            self._send(bytes((CONTINUE,)), due)

    def _tick(self, number: int) -> None:
        def run(due: float) -> None:
            self._send(bytes((TICK,)), due)
            self._entries[:] = [entry for entry in self._entries if not entry.cancelled]
            self._tick(number + 1)

        self._entries.append(self._timeline.add(number / TICKS_PER_BEAT, RANK_CLOCK, run, offset=self._delay))

"""Between those who keep the time for us and the performance."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from daemon.music.events import SONG_POSITION, TICK
from daemon.music.tempo import Tempo
from daemon.stage.follower import Caution, Change, Follower, Transport
from daemon.stage.performance import Performance
from daemon.stage.spec import ClockSpec
from daemon.stage.transport import FOLLOWS

SIXTEENTH = 0.25  # beats
SOON = 0.2  # seconds that a new stage takes to go on where the one before it was

Say = Callable[[str, str, str], None]  # level, cause, text


class Timekeeper:
    """Tells `performance` what the clock's source says."""

    def __init__(self, performance: Performance, say: Say) -> None:
        self._performance, self._say = performance, say
        self._source: ClockSpec | None = None
        self._follower: Follower | None = None
        self.configure()

    def configure(self) -> None:
        """The performance has another configuration: follow whom it names."""
        clock, before = self._performance.spec.clock, self._source
        if before is None or (clock.source, clock.port) != (before.source, before.port):
            self._follower = Follower(self._performance.bpm) if clock.source == "midi" else None
        self._source = clock

    def begin(self, now: float, was: Sequence[float] = ()) -> None:
        """Start the clock, or go on where a stage before this one was: see `place`."""
        performance, clock = self._performance, self._performance.spec.clock
        if len(was) == 3:
            tempo = Tempo(*was)
            beat = max(math.ceil(tempo.beat_at(now + SOON) / SIXTEENTH) * SIXTEENTH, 0.0)
            if self._follower is not None:
                self._follower.resume(tempo)
            performance.follow(now, tempo)
            performance.start(now, beat, tempo.seconds_at(beat), beat)
        elif was or clock.source in FOLLOWS or clock.by_hand:
            performance.stop(now)
            performance.locate(now, *(was or (0.0,)))
        else:
            performance.start(now)

    def place(self) -> list[float]:
        """Where the song is, for a stage after this one: beat, seconds and bpm while it runs; else the beat."""
        performance = self._performance
        if performance.running:
            return [performance.tempo.beat, performance.tempo.seconds, performance.tempo.bpm]
        return [performance.position]

    def hear(self, now: float, source: str, message: bytes, stamp: float) -> bool:
        """Whether it was a message of our clock."""
        if self._follower is None or self._source is None or source != self._source.port:
            return False
        if not message or (message[0] < TICK and message[0] != SONG_POSITION):
            return False
        self._obey(now, self._follower.hear(message, stamp))
        return True

    def look(self, now: float) -> None:
        """Now and then."""
        if self._follower is not None:
            self._obey(now, self._follower.advance(now))

    def port_lost(self, now: float, name: str) -> None:
        if self._follower is not None and self._source is not None and name == self._source.port:
            self._obey(now, self._follower.lost(now))

    def figures(self) -> dict[str, Any]:
        return {} if self._follower is None else {"clock": self._follower.status()}

    def _obey(self, now: float, changes: Iterable[Change]) -> None:
        performance = self._performance
        for change in changes:
            match change:
                case Tempo():
                    performance.follow(now, change)
                case Transport("stop", _):
                    performance.stop(now)
                case Transport(_, line):
                    performance.follow(now, line)
                    performance.start(now, line.beat, line.seconds, line.beat)
                case Caution(cause, text):
                    self._say("warning", f"clock {cause}", f"clock: {text}")

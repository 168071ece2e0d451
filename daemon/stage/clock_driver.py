"""Applies the changes that the clock source reports to the performance."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from daemon.clocks.source import (
    Change,
    ClockSource,
    ClockWarning,
    CountIn,
    Log,
    Resume,
    SourceSetup,
    Standby,
    TransportChange,
)
from daemon.clocks.table import CLOCK_SOURCES
from daemon.commands import Command
from daemon.entries import Followed, Located, Started, Stopped
from daemon.music.tempo import Tempo
from daemon.performance.performance import Performance
from daemon.spec import ClockSpec


class ClockDriver:
    """Owns the clock source that the performance's configuration names."""

    def __init__(self, performance: Performance, log: Log, clock: Callable[[], float] = time.perf_counter) -> None:
        self._performance, self._log, self._clock = performance, log, clock
        self._spec = performance.spec.clock
        self._source = self._create(self._spec)
        self._has_begun = False

    @property
    def look_at(self) -> float:
        """When to call `look` next: seconds, or infinity."""
        return self._source.next_look

    def configure(self) -> None:
        """The performance has another configuration: replace the source, or give it its new options."""
        before, self._spec = self._spec, self._performance.spec.clock
        if (self._spec.source, self._spec.port) == (before.source, before.port):
            self._source.configure(self._spec, self._quantum)
            return
        self._source.close()
        self._source = self._create(self._spec)
        if self._has_begun:
            self._source.take_over()

    def close(self) -> None:
        self._source.close()

    def begin(self, now: float, place: Sequence[float] = ()) -> None:
        """Begin the session; `place` is that of the previous stage process, if there was one."""
        self._has_begun = True
        if len(place) == 3:
            changes = self._source.resume(now, Tempo(*place))
        elif place:
            changes = self._source.stand_by(now, place[0])
        else:
            changes = self._source.begin(now)
        self._apply(now, changes)

    def place(self) -> list[float]:
        """The song's place, for the next stage process.

        Beat, seconds and bpm if the transport runs; the beat if it stands; empty before the session began.
        """
        performance = self._performance
        if not performance.ready:
            return []
        if not performance.running:
            return [performance.position]
        tempo = self._source.without_slew(performance.tempo)
        return [tempo.beat, tempo.seconds, tempo.bpm]

    def hear(self, now: float, port: str, message: bytes, stamp: float) -> bool:
        """Pass on a message that came in at `port`. Returns whether it was one of the clock's."""
        if port != self._spec.port or not self._source.accepts(message):
            return False
        self._apply(now, self._source.hear(message, stamp))
        return True

    def look(self, now: float) -> None:
        """Advance the source; nothing happens before `look_at`."""
        if now >= self._source.next_look:
            self._apply(now, self._source.advance(now))

    def propose(self, now: float, command: Command, stamp: float) -> None:
        """Let the source decide on a command. See Sink.propose."""
        self._source.propose(now, command, stamp)

    def port_lost(self, now: float, name: str) -> None:
        if name == self._spec.port:
            self._apply(now, self._source.port_lost(now))

    def figures(self) -> dict[str, Any]:
        status = self._source.status()
        return {"clock": status} if status else {}

    @property
    def _quantum(self) -> float:
        """Beats per bar at the song's start."""
        return self._performance.spec.tempo_map.bar_at(0.0)[1]

    def _create(self, spec: ClockSpec) -> ClockSource:
        """Where a package is missing, a source that never reports anything."""
        performance, kind = self._performance, CLOCK_SOURCES[spec.source]
        position = lambda: performance.position  # noqa: E731
        try:
            return kind.create(SourceSetup(spec, performance.bpm, self._quantum, position, self._log, self._clock))
        except ImportError as error:
            self._log("error", spec.source, f"clock.source: {kind.missing() or error}")
            return ClockSource()

    def _apply(self, now: float, changes: Iterable[Change]) -> None:
        take = self._performance.take
        for change in changes:
            match change:
                case Tempo():
                    take(Followed.make(now, change))
                case TransportChange("stop", _):
                    take(Stopped(now))
                case TransportChange("stand", tempo):
                    take(Located(now, tempo.beat))
                case TransportChange(_, tempo):
                    take(Followed.make(now, tempo))
                    take(Started(now, tempo.beat, tempo.seconds))
                case Resume(tempo, beat):
                    take(Followed.make(now, tempo))
                    take(Started(now, beat, tempo.seconds_at(beat)))
                case Standby(beat):
                    take(Stopped(now))
                    take(Located(now, beat))
                case CountIn():
                    take(Started(now))
                case ClockWarning(cause, text):
                    self._log("warning", f"clock {cause}", f"clock: {text}")

"""Follows a MIDI clock: its ticks become a line of beats, its other messages the transport.

24 ticks to a beat. Start and Continue take effect at the next tick, which is beat 0 or the located beat. A Song
Position Pointer of n locates beat n/4; while the transport runs, at the next tick, with or without a Continue. Ticks
without a Start give the tempo only. What is heard is described in `tick_tracker.py`.

What is nonsense changes nothing and is said once, and again only after a minute without it: a Song Position Pointer
that is none, a Continue while the transport runs, a clock below 20 or above 400 bpm (the last tempo goes on), ticks of
two masters at one port (the one that was followed still is, as far as they can be told apart).

Pure: no clock of its own, no ports.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from daemon.clocks.slew import SlewedTempo
from daemon.clocks.tick_tracker import FASTEST, SLOWEST, STRAYS, TickTracker
from daemon.music.events import CONTINUE, SONG_POSITION, START, STOP_CLOCK, TICK, TICKS_PER_BEAT
from daemon.music.tempo import Tempo

SLEW, SLOW_SLEW = 0.1, 1.0  # seconds that a slew takes at least; the second one if only `advance` can end it
SILENCE = 60.0  # seconds without a cause until it may be said again
PATIENCE = 5.0  # seconds of ticks in which a line is found, or they are no clock
POSITIONS = 6  # ticks to a sixteenth, the unit of a Song Position Pointer


@dataclass(frozen=True, slots=True)
class TransportChange:
    """`kind` is start, locate (while it runs) or stop; `tempo.beat` falls at `tempo.seconds`."""

    kind: str
    tempo: Tempo


@dataclass(frozen=True, slots=True)
class Caution:
    """What was heard and not followed: a cause, and a sentence for the log."""

    cause: str
    text: str


Change = Tempo | TransportChange | Caution


class MidiClockIn:
    """Calls come in the order of their times (seconds); each returns what changed by it.

    `tempo` is the line that was given last, in a Tempo or a TransportChange. See SlewedTempo for when there is a new
    one.
    """

    def __init__(self, bpm: float) -> None:
        self._line = TickTracker(bpm)
        self._given = SlewedTempo(self.truth())
        self.running = False
        self._starting = False  # at the next tick
        self._position = 0  # the tick at which it starts
        self._target: int | None = None  # what the next tick is, while it runs
        self._now = -math.inf
        self._unlocked_since = math.inf  # ticks come, and no line was found
        self._causes: dict[str, float] = {}  # cause → when it was there last

    @property
    def tempo(self) -> Tempo:
        return self._given.tempo

    def resume(self, tempo: Tempo) -> None:
        """Somebody before us had got so far, and it runs: the ticks that come are counted on from there."""
        self._line.go_on(tempo)
        self._given.jump(tempo)
        self.running = True

    def stand(self, beat: float) -> None:
        """Somebody before us had got so far, and it stands: a Continue goes on there."""
        self._position = round(beat * TICKS_PER_BEAT)

    def hear(self, message: bytes, stamp: float) -> list[Change]:
        """A message of the clock's port; others than those of clock and transport are ignored."""
        now = self._now = max(stamp, self._now)
        kind = message[0] if message else 0
        if kind == TICK:
            return self._tick(now)
        if kind == START:
            return self._start()
        if kind == CONTINUE:
            return self._continue()
        if kind == STOP_CLOCK:
            return self._stop(now)
        if kind == SONG_POSITION:
            return self._locate(message[1:])
        return []

    def advance(self, now: float) -> list[Change]:
        """Now and then: notices that no more ticks come; ends a slew."""
        now = self._now = max(now, self._now)
        if self._line.following and self._line.ceased(now):
            self._line.let_go()
        return self._give_tempo(now)

    def lost(self, now: float) -> list[Change]:
        """The port is gone: go on at the last tempo."""
        self._line.let_go()
        return self.advance(now)

    def status(self) -> dict[str, Any]:
        line = self._line
        if line.following:
            state = "locked"
        elif line.heard and not line.ceased(self._now):
            state = "locking"
        else:
            state = "free-wheeling" if line.relocks else "waiting"
        return {
            "state": state,
            "running": self.running,
            "bpm": round(self.truth().bpm, 3),
            "jitter_ms": round(line.jitter * 1e3, 3),
            "phase_error_ms": line.errors.to_json(),
            "lost": line.lost,
            "doubled": line.doubled,
            "relocks": line.relocks,
        }

    def truth(self) -> Tempo:
        """The present line through the ticks, to which the one that is given may be on its way."""
        return Tempo(self._line.number / TICKS_PER_BEAT, self._line.seconds, 60 / TICKS_PER_BEAT / self._line.period)

    def _tick(self, now: float) -> list[Change]:
        line = self._line
        changes: list[Change] = []
        target = self._position if self._starting else self._target
        expected = line.tick(now, target)
        if self._starting or (target is not None and target != expected):
            self._given.jump(self.truth())
            changes.append(TransportChange("start" if self._starting else "locate", self.tempo))
            self.running = True
        else:
            changes += self._give_tempo(now)
        self._starting, self._target = False, None
        if line.strays >= STRAYS:
            changes += self._caution("masters", "Clock ticks of two masters come in at one port: connect only one.")
        if line.following or line.too_slow or line.too_fast:
            self._unlocked_since = math.inf
        else:
            self._unlocked_since = min(self._unlocked_since, now)
        if now - self._unlocked_since > PATIENCE:
            text = (
                "The MIDI clock's ticks come too unevenly to be followed. A shorter period of the JACK server may help."
            )
            changes += self._caution("uneven", text)
        if line.too_slow or line.too_fast:
            text = f"The MIDI clock is not within {SLOWEST:g}–{FASTEST:g} bpm and is not followed."
            changes += self._caution("range", text)
        return changes

    def _start(self) -> list[Change]:
        if self.running:
            self._target = 0
        else:
            self._position, self._starting = 0, True
        return []

    def _continue(self) -> list[Change]:
        if not self.running:
            self._starting = True
        elif self._target is None:
            return self._caution("continue", "MIDI Continue without a Stop before it: ignored.")
        return []

    def _stop(self, now: float) -> list[Change]:
        self._starting = False
        if not self.running:
            return []
        self.running = False
        if self._target is None:  # goes on with the tick after the last one; a Stop may stand in the next one's place
            self._position = max(self._line.number, math.floor(self._line.tick_at(now) - 0.25)) + 1
        else:
            self._position, self._target = self._target, None
        return [TransportChange("stop", Tempo(self.tempo.beat_at(now), now, self.tempo.bpm))]

    def _locate(self, data: bytes) -> list[Change]:
        if len(data) != 2 or max(data) > 127:
            return self._caution("position", f"Song Position Pointer with data {data.hex(' ')!r}: ignored.")
        position = (data[0] + 128 * data[1]) * POSITIONS
        if self.running:
            self._target = position
        else:
            self._position = position
        return []

    def _give_tempo(self, now: float) -> list[Change]:
        """The present line, if it is not the one that was given."""
        tempo = self._given.follow(now, self.truth(), SLEW if self._line.following else SLOW_SLEW)
        return [] if tempo is None else [tempo]

    def _caution(self, cause: str, text: str) -> list[Change]:
        silent = self._now - self._causes.get(cause, -math.inf) < SILENCE
        self._causes[cause] = self._now
        return [] if silent else [Caution(cause, text)]

"""MIDI clock as a source: its ticks give the tempo, its other messages the transport.

24 ticks to a beat. Start and Continue take effect at the next tick, which is beat 0 or the located beat. A Song
Position Pointer of n locates beat n/4; while the transport runs, at the next tick, with or without a Continue. Ticks
without a Start give the tempo only. `tick_tracker.py` describes how the tempo is found.

A Stop takes effect at once, although a position and Start or Continue may follow within milliseconds: so some masters
jump (Ardour at the turn of a loop). Some masters count ticks in a Song Position Pointer, not 16ths (Ardour 7): an
option. A position that fits the ticks counted so far only in the other unit is reported.

Invalid input is ignored; each cause is logged again only after a minute without it: a malformed Song Position Pointer;
a Continue while the transport runs; a clock below 20 or above 400 bpm (the last tempo is kept); many ticks off the
line, mostly of two masters at one port (the first one is followed, as far as the two can be told apart).

Pure: no clock of its own, no ports.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar, Self

from daemon.clocks.slew import SlewedTempo
from daemon.clocks.source import Change, ClockSource, ClockWarning, SourceSetup, TransportChange
from daemon.clocks.tick_tracker import TickTracker
from daemon.commands import Command, ContinueTransport, StartTransport, StopTransport
from daemon.music.events import (
    CLOCK_CONTINUE,
    CLOCK_START,
    CLOCK_STOP,
    CLOCK_TICK,
    SONG_POSITION,
    SYSTEM_RESET,
    TICKS_PER_BEAT,
)
from daemon.music.tempo import MAX_BPM, MIN_BPM, Tempo
from daemon.spec import ClockSpec

ADVANCE_INTERVAL = 0.2  # seconds between calls of `advance`
TICK_SLEW, ADVANCE_SLEW = 0.1, 1.0  # least durations of a slew, seconds: ended by a tick, or only by `advance`
WARNING_PAUSE = 60.0  # seconds without a cause until its warning is given again
LOCK_TIMEOUT = 5.0  # seconds of ticks without a lock until a warning
UNITS = {"sixteenths": 6, "clocks": 1}  # ticks, of a Song Position Pointer
AGREEMENT = TICKS_PER_BEAT  # ticks by which a position may differ from the count: masters round up to a beat

MESSAGES: Mapping[type[Command], int] = {
    StartTransport: CLOCK_START,
    ContinueTransport: CLOCK_CONTINUE,
    StopTransport: CLOCK_STOP,
}


class MidiClockIn(ClockSource):
    """Calls come in the order of their times (seconds). `tempo` is the one that was reported last.

    `bpm` is expected until the first lock; `beat` is where a Continue without a song position starts; `unit` is one of
    UNITS.
    """

    needs_port: ClassVar[bool] = True
    always_waits: ClassVar[bool] = True

    def __init__(self, bpm: float, beat: float = 0.0, unit: str = "sixteenths") -> None:
        self.next_look = 0.0
        self.running = False
        self._tracker = TickTracker(bpm)
        self._reported = SlewedTempo(self._tracker.tempo)
        self._starting = False  # at the next tick
        self._position = round(beat * TICKS_PER_BEAT)  # number of the tick at which the transport starts
        self._target: int | None = None  # number of the next tick after a jump, while the transport runs
        self._unit = unit
        self._pointer: int | None = 0  # the last song position as it came, in units; None: unknown
        self._now = -math.inf
        self._unlocked_since = math.inf  # when ticks without a lock began
        self._last_seen: dict[str, float] = {}  # cause of a warning → when it last occurred
        self._proposed: list[int] = []  # status bytes that the master might have sent as well

    @classmethod
    def create(cls, setup: SourceSetup) -> Self:
        return cls(setup.bpm, setup.position(), setup.spec.song_position)

    @property
    def tempo(self) -> Tempo:
        return self._reported.tempo

    def begin(self, now: float) -> list[Change]:
        self.next_look = 0.0
        return super().begin(now)

    def configure(self, spec: ClockSpec, quantum: float) -> None:
        if spec.song_position != self._unit:
            self._unit, self._pointer = spec.song_position, None
        self.next_look = 0.0

    def stand_by(self, now: float, beat: float) -> list[Change]:
        """Song position where the previous stage process stopped; Continue resumes from it."""
        self._position, self._pointer = round(beat * TICKS_PER_BEAT), None
        self.next_look = 0.0
        return super().stand_by(now, beat)

    def resume(self, now: float, tempo: Tempo) -> list[Change]:
        """The ticks that come are counted from the previous stage process's beat."""
        self._tracker.free_wheel(tempo)
        self._reported.jump(tempo)
        self.running, self._pointer = True, None
        self.next_look = 0.0
        return super().resume(now, tempo)

    def accepts(self, message: bytes) -> bool:
        return bool(message) and (CLOCK_TICK <= message[0] < SYSTEM_RESET or message[0] == SONG_POSITION)

    def hear(self, message: bytes, stamp: float) -> list[Change]:
        """Messages other than those of clock and transport are ignored."""
        now = self._now = max(stamp, self._now)
        status = message[0] if message else 0
        if status == CLOCK_TICK:
            return self._tick(now)
        if status == CLOCK_START:
            return self._start()
        if status == CLOCK_CONTINUE:
            return self._continue()
        if status == CLOCK_STOP:
            return self._stop(now)
        if status == SONG_POSITION:
            return self._locate(message[1:])
        return []

    def propose(self, now: float, command: Command, stamp: float) -> None:
        """Start, continue and stop count as if the master had sent them, so that both agree on the song position."""
        if (status := MESSAGES.get(type(command))) is not None:
            self._proposed.append(status)
            self.next_look = 0.0

    def advance(self, now: float) -> list[Change]:
        """Notice that ticks no longer come; end a slew."""
        changes: list[Change] = []
        proposed, self._proposed = self._proposed, []
        for status in proposed:
            changes += self.hear(bytes((status,)), now)
        self.next_look = now + ADVANCE_INTERVAL
        return changes + self._pass_time(now)

    def port_lost(self, now: float) -> list[Change]:
        """The last tempo is kept."""
        self._tracker.unlock()
        return self._pass_time(now)

    def without_slew(self, tempo: Tempo) -> Tempo:
        measured = self._tracker.tempo
        offset = tempo.beat_at(measured.seconds) - self.tempo.beat_at(measured.seconds)  # to the performance's beats
        return Tempo(measured.beat + offset, measured.seconds, measured.bpm)

    def status(self) -> dict[str, Any]:
        tracker = self._tracker
        if tracker.locked:
            state = "locked"
        elif tracker.has_ticks and not tracker.is_silent(self._now):
            state = "locking"
        else:
            state = "free-wheeling" if tracker.relocks else "waiting"
        return {
            "state": state,
            "running": self.running,
            "bpm": round(tracker.tempo.bpm, 3),
            "jitter_ms": round(tracker.jitter * 1e3, 3),
            "phase_error_ms": tracker.errors.to_json(),
            "lost": tracker.lost,
            "doubled": tracker.doubled,
            "relocks": tracker.relocks,
        }

    def _tick(self, now: float) -> list[Change]:
        changes: list[Change] = []
        target = self._position if self._starting else self._target
        expected = self._tracker.tick(now, target)
        if self._starting or (target is not None and target != expected):
            self._reported.jump(self._tracker.tempo)
            changes.append(TransportChange("start" if self._starting else "locate", self.tempo))
            self.running = True
        else:
            changes += self._report_tempo(now)
        self._starting, self._target = False, None
        return changes + self._check_ticks(now)

    def _check_ticks(self, now: float) -> list[Change]:
        tracker = self._tracker
        changes: list[Change] = []
        if tracker.has_two_masters:
            text = "many ticks of the MIDI clock are between the expected ones: one master may send uneven or doubled "
            text += "ticks, or two masters send to the same port: connect only one"
            changes += self._warn("masters", text)
        if tracker.locked or tracker.too_slow or tracker.too_fast:
            self._unlocked_since = math.inf
        else:
            self._unlocked_since = min(self._unlocked_since, now)
        if now - self._unlocked_since > LOCK_TIMEOUT:
            text = "the MIDI clock's ticks are too uneven to follow; a shorter period of the JACK server may help"
            changes += self._warn("uneven", text)
        if tracker.too_slow or tracker.too_fast:
            text = f"the MIDI clock is outside {MIN_BPM:g}–{MAX_BPM:g} bpm and is ignored; the last tempo is kept"
            changes += self._warn("range", text)
        return changes

    def _start(self) -> list[Change]:
        self._pointer = 0
        if self.running:
            self._target = 0
        else:
            self._position, self._starting = 0, True
        return []

    def _continue(self) -> list[Change]:
        if not self.running:
            self._starting = True
        elif self._target is None:
            return self._warn("continue", "a MIDI Continue without a Stop before it is ignored")
        return []

    def _stop(self, now: float) -> list[Change]:
        self._starting = False
        if not self.running:
            return []
        self.running = False
        if self._target is None:  # continue with the tick after the last one; a Stop may come in place of a tick
            self._position = max(self._tracker.number, math.floor(self._tracker.tick_at(now) - 0.25)) + 1
        else:
            self._position, self._target = self._target, None
        return [TransportChange("stop", Tempo(self.tempo.beat_at(now), now, self.tempo.bpm))]

    def _locate(self, data: bytes) -> list[Change]:
        if len(data) != 2 or max(data) > 127:
            return self._warn("position", f"a malformed Song Position Pointer (data {data.hex(' ')!r}) is ignored")
        pointer = data[0] + 128 * data[1]
        position = pointer * UNITS[self._unit]
        changes = self._check_unit(pointer)
        self._pointer = pointer
        if self.running:
            self._target = position
            return changes
        self._position = position
        tempo = Tempo(position / TICKS_PER_BEAT, self._now, self.tempo.bpm)
        return [*changes, TransportChange("stand", tempo)]

    def _check_unit(self, pointer: int) -> list[Change]:
        """A warning if the ticks between the last position and the stop fit `pointer` only in the other unit."""
        if self.running or self._pointer is None:
            return []
        unit = UNITS[self._unit]
        counted, moved = self._position - self._pointer * unit, pointer - self._pointer
        (other,) = UNITS.keys() - {self._unit}
        fits = [abs(moved * ticks - counted) < AGREEMENT for ticks in (unit, UNITS[other])]
        if fits != [False, True] or counted < AGREEMENT or (other == "clocks" and pointer % UNITS["sixteenths"]):
            return []
        text = f"song position {pointer} fits the ticks counted so far in {other}, not in {self._unit}: "
        text += f"try `song_position: {other}`"
        return self._warn("unit", text)

    def _pass_time(self, now: float) -> list[Change]:
        now = self._now = max(now, self._now)
        if self._tracker.locked and self._tracker.is_silent(now):
            self._tracker.unlock()
        return self._report_tempo(now)

    def _report_tempo(self, now: float) -> list[Change]:
        """The measured tempo, if the reported one differs from it."""
        tempo = self._reported.follow(now, self._tracker.tempo, TICK_SLEW if self._tracker.locked else ADVANCE_SLEW)
        return [] if tempo is None else [tempo]

    def _warn(self, cause: str, text: str) -> list[Change]:
        is_repeated = self._now - self._last_seen.get(cause, -math.inf) < WARNING_PAUSE
        self._last_seen[cause] = self._now
        return [] if is_repeated else [ClockWarning(cause, text)]

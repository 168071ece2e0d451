"""The protocol of clock sources, and the changes that they report.

A source never calls the performance: its methods return changes, in order, which the stage's `ClockDriver` applies.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from daemon.commands import Command
from daemon.music.tempo import SIXTEENTH, Tempo
from daemon.spec import ClockSpec

RESTART = 0.2  # seconds from the start of a replacement stage process to the first beat that it plays

Log = Callable[[str, str, str], None]  # level, cause, text for the log


@dataclass(frozen=True, slots=True)
class TransportChange:
    """`kind` is start, locate (a jump while the transport runs), stop, or stand (it stands, and has a new position).

    `tempo.beat` falls at `tempo.seconds`.
    """

    kind: str
    tempo: Tempo


@dataclass(frozen=True, slots=True)
class CountIn:
    """The transport starts from the beginning, after the configured count-in (which may be no bars)."""


@dataclass(frozen=True, slots=True)
class Standby:
    """The transport stands at `beat` and waits for its start."""

    beat: float


@dataclass(frozen=True, slots=True)
class Resume:
    """The transport goes on at `tempo`, where a previous stage process was; it plays from `beat` on."""

    tempo: Tempo
    beat: float


@dataclass(frozen=True, slots=True)
class ClockWarning:
    """Input that was ignored: a short name of the cause, and a sentence for the log."""

    cause: str
    text: str


Change = Tempo | TransportChange | CountIn | Standby | Resume | ClockWarning  # a Tempo replaces the last one


@dataclass(frozen=True, slots=True)
class SourceSetup:
    """What a source is created from. `quantum`: beats per bar; `position()`: the beat where a stopped transport
    continues; `clock()`: seconds on the stage's clock."""

    spec: ClockSpec
    bpm: float
    quantum: float
    position: Callable[[], float]
    log: Log
    clock: Callable[[], float]


class ClockSource:
    """A source of tempo, start and stop. The defaults are those of a source that never reports anything.

    The session begins with one of `begin`, `stand_by`, `resume`, or `take_over`. `next_look`: when `advance` is to be
    called next, in seconds; infinity: not at all.
    """

    needs_port: ClassVar[bool] = False  # reads MIDI messages from the input `clock.port`
    always_waits: ClassVar[bool] = False  # never starts by itself, so `clock.start` makes no difference

    next_look: float = math.inf

    @classmethod
    def create(cls, setup: SourceSetup) -> Self:
        """A source for `setup`. Raises ImportError if a package is missing: see `missing`."""
        return cls()

    @classmethod
    def missing(cls) -> str:
        """A sentence about what has to be installed first; empty: nothing."""
        return ""

    def begin(self, now: float) -> list[Change]:
        """The session begins, from beat 0."""
        return [Standby(0.0)]

    def stand_by(self, now: float, beat: float) -> list[Change]:
        """The session goes on after a previous stage process, whose transport stood at `beat`."""
        return [Standby(beat)]

    def resume(self, now: float, tempo: Tempo) -> list[Change]:
        """The session goes on after a previous stage process, whose transport ran at `tempo`."""
        beat = math.ceil(tempo.beat_at(now + RESTART) / SIXTEENTH) * SIXTEENTH
        return [Resume(tempo, max(beat, 0.0))]

    def take_over(self) -> None:
        """This source replaces another one during a session (a reload); the transport stands."""

    def configure(self, spec: ClockSpec, quantum: float) -> None:
        """Other options or another meter, for the same source and port."""

    def accepts(self, message: bytes) -> bool:
        """Whether `message`, from the clock's port, is for `hear` and for nothing else."""
        return False

    def hear(self, message: bytes, stamp: float) -> list[Change]:
        """A message that came in at the clock's port at `stamp` seconds."""
        return []

    def advance(self, now: float) -> list[Change]:
        """Report what has changed by itself, or by `propose`; called at `next_look`."""
        return []

    def propose(self, now: float, command: Command, stamp: float) -> None:
        """A transport command, a tempo, or a beat tapped at `stamp` seconds. Other commands are ignored.

        The result is reported by the next `advance`, because the performance is in the middle of another change.
        """

    def port_lost(self, now: float) -> list[Change]:
        """The clock's port vanished."""
        return []

    def without_slew(self, tempo: Tempo) -> Tempo:
        """The performance's present tempo, as it will be once a slew is over: what the next stage process resumes."""
        return tempo

    def status(self) -> dict[str, Any]:
        """Figures for the status line and the metrics; empty: none."""
        return {}

    def close(self) -> None:
        """Release what the source holds; no other call follows."""

"""What was played, and an answer to it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field

from daemon.engines.melody.top_line import Struck


@dataclass(slots=True)
class Phrase:
    """What `source` played from 16th number `start` on; its bars count from `bar`. Velocities by 16th, in order."""

    source: str
    start: int
    bar: int
    bars: int = 0  # that are over; -1 in an upbeat
    length: int = 0  # in 16ths, once it is over
    frames: list[int] = field(default_factory=list)
    velocities: list[int] = field(default_factory=list)

    def hear(self, struck: Struck, longest: int) -> None:
        """`longest` in 16ths."""
        self.frames.append(struck.frame)
        self.velocities.append(struck.velocity)
        self.start = max(self.start, struck.frame - longest)
        while self.frames[0] < self.start:
            del self.frames[0], self.velocities[0]

    def velocity(self, place: int) -> int:
        """That of the last note struck by `place`, in 16ths from the phrase's beginning."""
        return self.velocities[max(bisect_right(self.frames, self.start + place) - 1, 0)]


@dataclass(slots=True)
class Turn:
    """An answer as it is played from 16th number `start` on, for `length` 16ths; `source` is what it repeats.

    Events by 16ths since `start`. `old` and `new`: the last note of the source, and what became of it.
    """

    start: int
    length: int
    asked: bool = False  # for: by you, or by a bar line
    source: Mapping[int, int] | None = None
    events: dict[int, int] = field(default_factory=dict)
    old: int | None = None
    new: int | None = None

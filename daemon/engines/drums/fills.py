"""When the drummer plays a fill: at the end of every nth bar, or when asked; and where it lands."""

from __future__ import annotations

import numpy as np

from daemon.encodings.drums.hits import TICKS

LENGTHS = (0.25, 0.5, 0.5, 1.0)  # of a bar's, one of which is drawn
SHORTEST = TICKS  # ticks of a fill on demand


class Fills:
    """All in ticks of the drummer's time. A fill lasts until a bar line, where it lands on crash and kick."""

    def __init__(self, random: np.random.Generator) -> None:
        self._random = random
        self._asked = False
        self.begin()

    def begin(self) -> None:
        """The drummer's time begins anew."""
        self._planned = -1  # the last bar line from which a fill was planned
        self._start = self._end = -1
        self.landing: int | None = None  # where the fill that is coming or going on ends, until somebody lands

    def ask(self) -> None:
        """As soon as possible."""
        self._asked = True

    def plan(self, now: int, line: int, bar: int, number: int, every: int) -> bool:
        """What comes in the bar of `bar` ticks from `line` on, at `now` within it; it is the `number`th, from 0.

        `every` nth bar ends with a fill, none if 0. Whether a fill was asked for that begins now, or soon.
        """
        if self._asked:
            self._asked = False
            left = line + bar - now
            self._set(now, line + bar) if left >= min(SHORTEST, bar) else self._set(line + bar, line + 2 * bar)
            self._planned = line
            return True
        if every and (number + 1) % every == 0 and line > self._planned and now >= self._end:
            length = LENGTHS[int(self._random.integers(len(LENGTHS)))]
            beats = max(round(bar * length / TICKS), 1)
            self._set(max(line + bar - beats * TICKS, line), line + bar)
            self._planned = line
        return False

    def at(self, tick: int) -> bool:
        return self._start <= tick < self._end

    def _set(self, start: int, end: int) -> None:
        self._start, self._end, self.landing = start, end, end

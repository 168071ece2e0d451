"""When the drummer plays a fill: at the end of every nth bar, or on request; and the accent that ends the fill."""

from __future__ import annotations

import numpy as np

from daemon.encodings.drums.hits import TICKS

LENGTHS = (0.25, 0.5, 0.5, 1.0)  # of a bar; the length of a regular fill is drawn from these
SHORTEST = TICKS  # least length of a requested fill, in ticks


class Fills:
    """The schedule of fills, in ticks of the drummer's time. A fill lasts until a bar line, where crash and kick accent
    its end."""

    def __init__(self, random: np.random.Generator) -> None:
        self._random = random
        self._requested = False
        self.restart()

    def restart(self) -> None:
        """Forget the scheduled fill, as the drummer's time begins at 0 again; a request stays."""
        self._planned_line = -1  # the last bar line from which a fill was planned
        self._planned_change = -1  # the last change of section that was planned
        self._start = self._end = -1
        self.accent: int | None = None  # bar line at the end of the scheduled fill, until its accent is played

    def request(self) -> None:
        """Play a fill as soon as possible."""
        self._requested = True

    def plan(self, now: int, line: int, bar: int, number: int, every: int) -> bool:
        """Schedule the fill of the bar of `bar` ticks from `line` on, if any; `now` lies within this bar.

        `number`: of the bar, from 0; every `every`th bar ends with a fill, none if 0. Returns whether the fill was
        requested.
        """
        if self._requested:
            self._requested = False
            left = line + bar - now
            if left >= min(SHORTEST, bar):
                self._schedule(now, line + bar)
            else:
                self._schedule(line + bar, line + 2 * bar)
            self._planned_line = line
            return True
        if every and (number + 1) % every == 0 and line > self._planned_line and now >= self._end:
            length = LENGTHS[int(self._random.integers(len(LENGTHS)))]
            beats = max(round(bar * length / TICKS), 1)
            self._schedule(max(line + bar - beats * TICKS, line), line + bar)
            self._planned_line = line
        return False

    def plan_change(self, now: int, change: int | None, bar: int, fill: bool) -> None:
        """Another section begins at tick `change`, None: at none: with an accent and, if `fill`, a fill before that."""
        if self._planned_change > now and self._planned_change != change:  # another one is planned now
            self._start = self._end = self._planned_change = -1
            self.accent = None
        if change is None or change == self._planned_change or not now < change <= now + bar:
            return
        self._planned_change = change
        length = LENGTHS[int(self._random.integers(len(LENGTHS)))]
        beats = max(round(bar * length / TICKS), 1)
        self._schedule(change - beats * TICKS if fill else change, change)

    @property
    def accents_change(self) -> bool:
        """Whether the accent is that of another section."""
        return self._end == self._planned_change

    def covers(self, tick: int) -> bool:
        """Whether `tick` lies within the scheduled fill."""
        return self._start <= tick < self._end

    def _schedule(self, start: int, end: int) -> None:
        self._start, self._end, self.accent = start, end, end

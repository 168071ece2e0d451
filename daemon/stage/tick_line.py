"""The line through the ticks of a MIDI clock: which tick falls when.

A second-order (type 2) loop in the tick domain, that is, an α-β filter: the line is predicted one period on, and the
residual of the stamp corrects its phase by α and its period by β. The gains are those of the expanding-memory filter,
the recursive least-squares line through n ticks (E. Brookner, Tracking and Kalman Filtering Made Easy, Wiley 1998,
sections 1.2.10 and 6):

    α = 2 (2n + 1) / ((n + 1)(n + 2)),  β = 6 / ((n + 1)(n + 2)),  n = 0, 1, 2, …

so acquisition is the best possible for a steady tempo. Then n stays at SLOW = 96 ticks (four beats). There the loop
has the natural frequency √β = 0.025 rad per tick, the damping α / (2 √β) = 0.82 and the noise bandwidth (F. Gardner,
Phaselock Techniques, Wiley 2005, section 6: ω/2 (ζ + 1/(4ζ))) 0.014 per tick: 0.7 Hz at 120 BPM. When the residuals
lean to one side (a ramp), n shrinks down to FAST = 6 ticks: 0.33 rad per tick, 9 Hz. (T. Benedict and G. Bordner,
IRE Trans. Automatic Control 7, 1962, choose β = α²/(2 − α) for the damping 0.71; the expanding-memory gains were
taken at all bandwidths, so that there is one rule.)

Which tick it is: as long as the tempo is steady, a tick counts as the one that the line says, so lost, doubled and
late ticks need no repair. When the last intervals are alike, but not of the line's period, it is a new tempo: every
tick since the last undoubted one counted as one, and the line starts anew from the present tick. Intervals of k whole
periods may be k − 1 lost ticks each, so they are believed later; and much shorter ones may be a second master.
"""

from __future__ import annotations

import math
from collections import deque
from itertools import pairwise

from daemon.stage.metrics import Histogram

TICKS = 24  # to a beat
SLOWEST, FASTEST = 20.0, 400.0  # bpm that is followed
LONGEST, SHORTEST = 60 / TICKS / SLOWEST, 60 / TICKS / FASTEST  # periods, seconds
SLACK = 0.03  # by so much a period may be out of range because it is measured
SLOW, FAST = 96, 6  # ticks of memory
GAP = 0.5  # seconds without ticks (and four periods) after which the line goes on by itself
LEAN = 8  # ticks over which the residuals' mean is taken
LEANS = 0.9  # of the jitter: the mean's own σ is 0.26 of it
QUIET = 0.00025  # seconds: least jitter that is reckoned with (stamps are no better)
STRAYS = 24  # ticks beside the line, less good ones, that make it two masters
NOWHERE = 12  # ticks one after the other beside the line: it is not the line


class TickLine:
    """Tick `number` falls at `seconds`, and one more every `period` seconds."""

    def __init__(self, bpm: float) -> None:
        self.number = 0
        self.seconds = 0.0
        self.period = min(max(60 / TICKS / bpm, SHORTEST), LONGEST)
        self.following = False  # else it goes on by itself
        self.too_slow = self.too_fast = False  # for 20–400 bpm: not followed
        self.doubled = self.lost = self.relocks = 0
        self.errors = Histogram()  # of the ticks against the line, both without sign
        self.strays = 0  # ticks beside the line, less the good ones since
        self._memory = 0  # n
        self._lean = 0.0
        self._variance = 0.001**2  # of the stamps: the jitter squared
        self._measured = 8  # how many ticks it rests on
        self._residual: float | None = None  # of the tick before, if that was good
        self._beside = 0  # ticks beside the line since the last one on it
        self._slow_ticks = 0
        self._recent: deque[tuple[float, int]] = deque(maxlen=STRAYS + 1)  # stamp, number if each counts as one

    @property
    def heard(self) -> bool:
        return bool(self._recent)

    @property
    def jitter(self) -> float:
        """Seconds, σ."""
        return math.sqrt(self._variance)

    def tick_at(self, seconds: float) -> float:
        """The number of the tick at `seconds`, with its fraction."""
        return self.number + (seconds - self.seconds) / self.period

    def ceased(self, now: float) -> bool:
        """No tick for so long that the line goes on by itself."""
        return not self._recent or now - self._recent[-1][0] > max(GAP, 4 * self.period)

    def let_go(self) -> None:
        """Go on by itself until ticks are regular again."""
        self.following = False
        self._recent.clear()

    def tick(self, stamp: float, number: int | None = None) -> int:
        """A tick was heard at `stamp`, which is tick `number`, if given. Returns which it would have been."""
        if self.ceased(stamp):
            interval = math.inf if self._recent else 0.0
            self.let_go()
        else:
            interval = stamp - self._recent[-1][0]
        steps = round((stamp - self.seconds) / self.period)
        expected = self.number + steps
        residual = stamp - self.seconds - steps * self.period
        on_line = self.following and abs(residual) <= self._gate()
        if on_line:
            self._recent.append((stamp, self._on_line(steps, residual)))
        else:
            self._residual = None
            self._beside += 1
            self.strays += self.following
            self._recent.append((stamp, self._recent[-1][1] + 1 if self._recent else expected))
        if number is not None:
            self._renumber(number - expected if on_line else None, stamp, number)
        self._look_at_intervals(interval)
        return expected

    def _gate(self) -> float:
        """So far from the line a tick may be."""
        return min(max(0.12 * self.period, 5.5 * self.jitter), 0.35 * self.period)

    def _on_line(self, steps: int, residual: float) -> int:
        """Take a tick that is `steps` periods after the last one. Returns its number if each tick counts as one."""
        following = self._recent[-1][1] + 1
        if steps < 1:
            self.doubled += 1
            self.strays += 1
            self._beside += 1
            return following
        undoubted = steps == 1 and not self._beside
        self._beside = 0
        self.lost += steps - 1
        self.errors.add(abs(residual))
        n = self._memory
        alpha, beta = 2 * (2 * n + 1) / ((n + 1) * (n + 2)), 6 / ((n + 1) * (n + 2))
        self.number += steps
        self.seconds += steps * self.period + alpha * residual
        self.period = min(max(self.period + beta * residual, SHORTEST), LONGEST)
        self._adapt(residual)
        if not undoubted:
            self._residual = None
            return following
        self.strays = max(self.strays - 1, 0)
        return self.number

    def _adapt(self, residual: float) -> None:
        """Measure the jitter by what the residuals differ, where a ramp hardly shows; forget if they lean."""
        if self._residual is not None:
            self._measured = min(self._measured + 1, SLOW)
            difference = (residual - self._residual) ** 2 / 2
            self._variance = max(self._variance + (difference - self._variance) / self._measured, QUIET**2)
        self._residual = residual
        self._lean += (residual - self._lean) / LEAN
        if abs(self._lean) > LEANS * self.jitter:
            self._memory = max(self._memory * 3 // 4, FAST)
        else:
            self._memory = min(self._memory + 1, SLOW)

    def _renumber(self, shift: int | None, stamp: float, number: int) -> None:
        """The present tick is `number`: shift the line, or, if the tick is not on it, let it start there."""
        if shift is not None:
            self.number += shift
            self._recent = deque(((s, n + shift) for s, n in self._recent), self._recent.maxlen)
            return
        self.number, self.seconds = number, stamp
        self._memory = min(self._memory, FAST)
        self._beside, self._lean = 0, 0.0
        self._recent.clear()
        self._recent.append((stamp, number))

    def _look_at_intervals(self, interval: float) -> None:
        """Are they those of a new tempo, or of one that cannot be followed?"""
        self._slow_ticks = self._slow_ticks + 1 if interval > LONGEST * (1 + SLACK) else 0
        self.too_slow = self._slow_ticks >= 6
        count = len(self._recent) - 1
        last = self._recent[-1][0]
        self.too_fast = count == STRAYS and (last - self._recent[0][0]) / count < SHORTEST * (1 - SLACK)
        if self.too_slow or self.too_fast or self._beside >= NOWHERE:
            self.following = False
        if self.too_fast:
            return
        for m in (3, 6, 8):
            if m <= count and self._is_new_tempo(m):
                self._start_line(m)
                return

    def _is_new_tempo(self, m: int) -> bool:
        """The last `m` intervals are alike, and the line does not explain them."""
        stamps = [self._recent[i][0] for i in range(-m - 1, 0)]
        mean = (stamps[-1] - stamps[0]) / m
        if not SHORTEST * (1 - SLACK) <= mean <= LONGEST * (1 + SLACK):
            return False
        if self.following:
            if abs(mean - self.period) <= max(7 * self.jitter / m, 0.02 * self.period):
                return False
            ratio = mean / self.period
            lost_ticks = ratio > 1.5 and abs(ratio - round(ratio)) < 0.15
            if m < (8 if ratio < 0.6 else 6 if lost_ticks else 3) or self.strays >= STRAYS:
                return False
            tolerance = min(max(0.05 * mean, 5.6 * self.jitter), 0.3 * mean)
        else:
            tolerance = 0.3 * mean if m < 8 else 0.5 * mean
        intervals = [b - a for a, b in pairwise(stamps)]
        if max(abs(interval - mean) for interval in intervals) > tolerance:
            return False
        # Two masters' ticks by turns
        return m < 8 or abs(sum(intervals[::2]) - sum(intervals[1::2])) / 4 < 0.4 * mean

    def _start_line(self, m: int) -> None:
        """Least squares through the last `m` intervals; the count goes on."""
        stamps = [self._recent[i][0] for i in range(-m - 1, 0)]
        last = stamps[-1]
        slope = sum((i - m / 2) * (stamp - last) for i, stamp in enumerate(stamps)) * 12 / (m * (m + 1) * (m + 2))
        self.period = min(max(slope, SHORTEST), LONGEST)
        self.seconds = last + sum(stamp - last for stamp in stamps) / (m + 1) + self.period * m / 2
        self.number = self._recent[-1][1]
        self.relocks += 1
        self.following = True
        self._memory = m + 1
        self._beside, self._lean, self._residual, self.strays = 0, 0.0, None, 0

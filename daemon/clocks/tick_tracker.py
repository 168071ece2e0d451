"""The line through the ticks of a MIDI clock: which tick falls when.

A second-order (type 2) loop in the tick domain, that is, an α-β filter: the line is predicted one period on, and the
residual of the stamp corrects its phase by α and its period by β. The gains are those of the expanding-memory filter,
the recursive least-squares line through n ticks (E. Brookner, Tracking and Kalman Filtering Made Easy, Wiley 1998,
sections 1.2.10 and 6):

    α = 2 (2n + 1) / ((n + 1)(n + 2)),  β = 6 / ((n + 1)(n + 2)),  n = 0, 1, 2, …

so acquisition is the best possible for a steady tempo. Then n stays at SLOW = 96 ticks (four beats). There the loop
has the natural frequency √β = 0.025 rad per tick, the damping α / (2 √β) = 0.81 and the noise bandwidth (F. Gardner,
Phaselock Techniques, Wiley 2005: ω/2 (ζ + 1/(4ζ))) 0.014 per tick: 0.7 Hz at 120 BPM. When the residuals
lean to one side (a ramp), n shrinks down to FAST = 6 ticks: 0.33 rad per tick, 8 Hz. (T. Benedict and G. Bordner,
IRE Trans. Automatic Control 7, 1962, choose β = α²/(2 − α) for the damping 0.71; the expanding-memory gains were
taken at all bandwidths, so that there is one rule.)

Which tick it is: as long as the tempo is steady, a tick is the one that the line says, so lost, doubled and late ticks
need no repair. For a new tempo, two explanations of the last three to eight intervals are weighed by their likelihood:
ticks of the line, with their residuals, some lost and some doubled; or ticks of a line of their own, none lost. If the
second is clearly the better one, the line starts anew from the present tick, and every tick since the last one that was
sure counts as one: the count is repaired with hindsight. A tempo of half as much looks like every second tick lost: it
takes six ticks to be believed. One of twice as much looks like a second master: it takes eight. After a pause (GAP) the
first tick is the nearest of the line, which went on by itself.
"""

from __future__ import annotations

import math
from collections import deque
from itertools import pairwise
from typing import NamedTuple

from daemon.metrics import Histogram
from daemon.music.events import TICKS_PER_BEAT
from daemon.music.tempo import Tempo

SLOWEST, FASTEST = 20.0, 400.0  # bpm that is followed
LONGEST, SHORTEST = 60 / TICKS_PER_BEAT / SLOWEST, 60 / TICKS_PER_BEAT / FASTEST  # periods, seconds
SLACK = 0.05  # by so much a period may be out of range because it is measured
SLOW, FAST = 96, 6  # ticks of memory
GAP = 0.5  # seconds without ticks (and four periods) after which the line goes on by itself
LEAN = 8  # ticks over which the residuals' mean is taken
LEANS = 0.9  # of the jitter: the mean's own σ is 0.26 of it
QUIET = 0.00025  # seconds: least jitter that is reckoned with (stamps are no better)
STRAYS = 24  # ticks beside the line, less good ones, that make it two masters
LIKE = {3: 0.2, 4: 0.25, 6: 0.3, 8: 0.5}  # how many intervals → by what share of the mean the worst may differ
YOUNG = 12  # ticks: so long a new line may be wrong
SURE = 3  # good ticks one after the other, after which the line is believed to be right
MISSED = 5.0  # cost of a lost or doubled tick: 2 ln(1/p), about one tick in ten
ASTRAY = 16.0  # most that a stamp's residual can cost
CHANGE = 29.0  # a new tempo costs as much
GONE = 6  # missing so much, the line is none of two masters'
NOWHERE = 12  # ticks one after the other beside the line: it is not the line


class _Tick(NamedTuple):
    stamp: float
    number: int  # if every tick since the last sure one counts as one
    sure: bool  # that this is its number


class TickTracker:
    """Tick `number` falls at `seconds`, and one more every `period` seconds."""

    def __init__(self, bpm: float) -> None:
        self.number = 0
        self.seconds = 0.0
        self.period = min(max(60 / TICKS_PER_BEAT / bpm, SHORTEST), LONGEST)
        self.following = False  # else it goes on by itself
        self.too_slow = self.too_fast = False  # for 20–400 bpm: not followed
        self.doubled = self.lost = self.relocks = 0
        self.errors = Histogram()  # of the ticks against the line, both without sign
        self.strays = 0  # ticks beside the line, less the good ones since
        self._memory = 0  # n
        self._lean = 0.0
        self.jitter = 0.001  # seconds: σ of the stamps
        self._measured = 8  # how many ticks it rests on
        self._residual = 0.0  # of the tick before
        self._good = 0  # ticks on the line without any other between
        self._missing = 0  # how much is missing of the line's ticks: 2 for each, less 1 for each that is there
        self._age = 0  # ticks on it since it was started
        self._expected = 0  # what the tick before was on the line
        self._beside = 0  # ticks beside the line since the last one on it
        self._slow_ticks = 0
        self._recent: deque[_Tick] = deque(maxlen=STRAYS + 1)
        self._costs: deque[float] = deque(
            maxlen=max(LIKE)
        )  # twice the negative log-likelihoods of the ticks on the line

    @property
    def heard(self) -> bool:
        return bool(self._recent)

    def tick_at(self, seconds: float) -> float:
        """The number of the tick at `seconds`, with its fraction."""
        return self.number + (seconds - self.seconds) / self.period

    def ceased(self, now: float) -> bool:
        """No tick for so long that the line goes on by itself."""
        return not self._recent or now - self._recent[-1].stamp > max(GAP, 4 * self.period)

    def go_on(self, tempo: Tempo) -> None:
        """By itself, like this, until there are ticks."""
        self.let_go()
        self.number = round(tempo.beat * TICKS_PER_BEAT)
        self.seconds = tempo.seconds_at(self.number / TICKS_PER_BEAT)
        self.period = min(max(60 / TICKS_PER_BEAT / tempo.bpm, SHORTEST), LONGEST)

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
            interval = stamp - self._recent[-1].stamp
        steps = round((stamp - self.seconds) / self.period)
        expected = self.number + steps
        residual = stamp - self.seconds - steps * self.period
        sure = not self._recent or self.strays >= STRAYS or self.too_fast or self.too_slow
        # After a pause, or when who knows whose ticks they are, the line alone counts.
        count = expected if sure else self._recent[-1].number + 1
        n = self._memory
        alpha, beta = 2 * (2 * n + 1) / ((n + 1) * (n + 2)), 6 / ((n + 1) * (n + 2))
        cost = residual * residual * (1 - alpha) / (self.jitter * self.jitter)  # the prediction's error adds to it
        missed = abs(expected - self._expected - 1)
        self._costs.append(min(cost, ASTRAY) + MISSED * min(missed, 3))
        self._expected = expected
        gate = min(max(0.12 * self.period, 5.5 * self.jitter), 0.35 * self.period)
        on_line = self.following and -gate <= residual <= gate
        if on_line and steps > 0:
            self._on_line(steps, residual, alpha, beta)
        else:
            self._beside += 1
            self._good = 0
            self.strays += self.following
            self.doubled += on_line
        if self._good >= SURE and self._age >= YOUNG:
            count, sure = self.number, True
        self._recent.append(_Tick(stamp, count, sure))
        if number is not None:
            self._renumber(number - expected if on_line else None, stamp, number)
        self._look_at_intervals(interval)
        return expected

    def _on_line(self, steps: int, residual: float, alpha: float, beta: float) -> None:
        """Take a tick that is `steps` periods after the last one on the line."""
        self._good = self._good + 1 if steps == 1 and not self._beside else 0
        self._age += 1
        self._beside = 0
        self.lost += steps - 1
        self._missing = max(self._missing + 2 * (steps - 1) - 1, 0)
        self.errors.add(abs(residual))
        self.number += steps
        self.seconds += steps * self.period + alpha * residual
        self.period = min(max(self.period + beta * residual, SHORTEST), LONGEST)
        if self._good and self.strays:
            self.strays -= 1
        if self._good > 1:  # the jitter is measured by what the residuals differ, where a ramp hardly shows
            self._measured = min(self._measured + 1, SLOW)
            variance, difference = self.jitter**2, (residual - self._residual) ** 2 / 2
            self.jitter = max(math.sqrt(variance + (difference - variance) / self._measured), QUIET)
        self._residual = residual
        self._lean += (residual - self._lean) / LEAN
        if abs(self._lean) > LEANS * self.jitter:
            self._memory = max(self._memory * 3 // 4, FAST)
        elif self._memory < SLOW:
            self._memory += 1

    def _renumber(self, shift: int | None, stamp: float, number: int) -> None:
        """The present tick is `number`: shift the line, or, if the tick is not on it, let it start there."""
        if shift is not None:
            self.number += shift
            self._expected += shift
            shifted = [tick._replace(number=tick.number + shift) for tick in self._recent]
            self._recent.clear()
            self._recent.extend(shifted)
            return
        self.number, self.seconds = number, stamp
        self._memory = min(self._memory, FAST)
        self._beside, self._good, self._lean, self._expected = 0, 0, 0.0, number
        self._recent.clear()
        self._recent.append(_Tick(stamp, number, True))
        self._costs.clear()

    def _look_at_intervals(self, interval: float) -> None:
        """Are they those of a new tempo, or of one that cannot be followed?"""
        self._slow_ticks = self._slow_ticks + 1 if interval > LONGEST * (1 + SLACK) else 0
        self.too_slow = self._slow_ticks >= 6
        count = len(self._recent) - 1
        mean = (self._recent[-1].stamp - self._recent[0].stamp) / count if count else 0.0
        self.too_fast = count == STRAYS and mean < SHORTEST * (1 - SLACK)
        not_one_of_two = self.strays >= STRAYS and self._missing >= GONE
        if self.too_slow or self.too_fast or self._beside >= NOWHERE or not_one_of_two:
            self.following = False
        if not self.following and not self.too_fast:
            any(m <= count and self._is_regular(m) for m in LIKE)
        elif self.strays < STRAYS and sum(self._costs) >= CHANGE:
            any(m <= count and self._is_new_tempo(m) for m in LIKE)

    def _is_new_tempo(self, m: int) -> bool:
        """The last `m` intervals are explained better by a line of their own: start it."""
        cost = sum(list(self._costs)[-m:])
        if cost < CHANGE:
            return False
        stamps = [self._recent[i].stamp for i in range(-m - 1, 0)]
        seconds, period = _least_squares(stamps)
        if m < max(LIKE) and period < 0.75 * self.period:  # two masters' ticks are less regular in the end
            return False
        squares = sum((stamp - seconds - i * period) ** 2 for i, stamp in enumerate(stamps, -m))
        if cost - squares / self.jitter**2 <= CHANGE or not _can_be_followed(period):
            return False
        return self._start_line(m, seconds, period)

    def _is_regular(self, m: int) -> bool:
        """The last `m` intervals are alike: start a line through them."""
        stamps = [self._recent[i].stamp for i in range(-m - 1, 0)]
        mean = (stamps[-1] - stamps[0]) / m
        intervals = [b - a for a, b in pairwise(stamps)]
        if max(abs(interval - mean) for interval in intervals) > LIKE[m] * mean:
            return False
        if m == max(LIKE) and abs(sum(intervals[::2]) - sum(intervals[1::2])) / 4 > 0.4 * mean:
            return False  # two masters' ticks by turns
        seconds, period = _least_squares(stamps)
        if not _can_be_followed(period):
            return False
        return self._start_line(m, seconds, period)

    def _start_line(self, m: int, seconds: float, period: float) -> bool:
        """The line through the last `m` intervals; the count goes on."""
        self.number, self.seconds = self._recent[-1].number + self._missed(m, period), seconds
        self._expected = self.number
        self.period = min(max(period, SHORTEST), LONGEST)
        self.relocks += 1
        self.following = True
        self._memory = m + 1
        self._beside, self._good, self._missing, self._age, self._lean, self.strays = 0, 0, 0, 0, 0.0, 0
        self._recent[-1] = self._recent[-1]._replace(number=self.number)
        self._costs.clear()
        return True

    def _missed(self, m: int, period: float) -> int:
        """How many ticks more were lost than doubled before the last `m` intervals, since the last sure one.

        Seen from the line of `period` that starts there, and, further back, from the one before it.
        """
        missed, periods = 0, [self.period, period] if self.following else [period]
        for i in range(-1, -len(self._recent), -1):
            if self._recent[i].sure:
                break
            if i >= -m:
                continue
            interval = self._recent[i].stamp - self._recent[i - 1].stamp
            while periods and abs(interval / periods[-1] - round(interval / periods[-1])) > 0.25:
                periods.pop()
            missed += round(interval / periods[-1]) - 1 if periods else 0
        return missed


def _can_be_followed(period: float) -> bool:
    return SHORTEST * (1 - SLACK) <= period <= LONGEST * (1 + SLACK)


def _least_squares(stamps: list[float]) -> tuple[float, float]:
    """(last moment, period) of the line through `stamps`, in seconds."""
    m, last = len(stamps) - 1, stamps[-1]
    period = sum((i - m / 2) * (stamp - last) for i, stamp in enumerate(stamps)) * 12 / (m * (m + 1) * (m + 2))
    return last + sum(stamp - last for stamp in stamps) / (m + 1) + period * m / 2, period

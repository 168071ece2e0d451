"""Finds the tempo of a MIDI clock: a line through its ticks, which gives the number and the time of every tick.

A second-order (type 2) loop in the tick domain, that is, an α-β filter: the line is predicted one period on, and the
residual of the stamp corrects its phase by α and its period by β. The gains are those of the expanding-memory filter,
the recursive least-squares line through n ticks (E. Brookner, Tracking and Kalman Filtering Made Easy, Wiley 1998,
sections 1.2.10 and 6):

    α = 2 (2n + 1) / ((n + 1)(n + 2)),  β = 6 / ((n + 1)(n + 2)),  n = 0, 1, 2, …

so acquisition is the best possible for a steady tempo. Then n stays at LONG_MEMORY = 96 ticks (four beats). There the
loop has the natural frequency √β = 0.025 rad per tick, the damping α / (2 √β) = 0.81 and the noise bandwidth
(F. Gardner, Phaselock Techniques, Wiley 2005: ω/2 (ζ + 1/(4ζ))) 0.014 per tick: 0.7 Hz at 120 bpm. When the residuals
have a bias (a ramp), n shrinks down to SHORT_MEMORY = 6 ticks: 0.33 rad per tick, 8 Hz. (T. Benedict and G. Bordner,
IRE Trans. Automatic Control 7, 1962, choose β = α²/(2 − α) for the damping 0.71; the expanding-memory gains were
taken at all bandwidths, so that there is one rule.)

Numbers of the ticks: while the tempo is steady, the line gives a tick its number, so lost, doubled and late ticks need
no repair. For a new tempo, two explanations of the last three to eight intervals are compared by their likelihood:
ticks of the line, with their residuals, some lost and some doubled; or ticks of a new line, none lost. If the second
is clearly more likely, a new line starts from the present tick, and every tick since the last one with a certain
number counts as one: the count is repaired with hindsight. Half the tempo looks like every second tick lost: it is
accepted after six ticks. Twice the tempo looks like a second master: it is accepted after eight. After a pause of
MAX_TICK_GAP the first tick is the nearest one of the line, which is free-wheeling meanwhile.
"""

from __future__ import annotations

import math
from collections import deque
from itertools import pairwise
from typing import NamedTuple

from daemon.metrics import Histogram
from daemon.music.events import TICKS_PER_BEAT
from daemon.music.tempo import MAX_BPM, MIN_BPM, Tempo

MAX_TICK_PERIOD, MIN_TICK_PERIOD = 60 / TICKS_PER_BEAT / MIN_BPM, 60 / TICKS_PER_BEAT / MAX_BPM  # periods, seconds
SLACK = 0.05  # share by which a measured period may be out of range
LONG_MEMORY, SHORT_MEMORY = 96, 6  # ticks
MAX_TICK_GAP = 0.5  # seconds without ticks (and four periods) after which the line is free-wheeling
BIAS_TICKS = 8  # ticks over which the mean of the residuals is taken
BIAS_LIMIT = 0.9  # of the jitter: the mean's own σ is 0.26 of it
LEAST_JITTER = 0.00025  # seconds: stamps are no better
TWO_MASTERS = 24  # strays (ticks off the line, less good ones) from which on there may be two masters
REGULAR = {3: 0.2, 4: 0.25, 6: 0.3, 8: 0.5}  # number of intervals → share of their mean by which the worst may differ
PROBATION = 12  # ticks on a new line before its numbers may be certain
CERTAIN = 3  # good ticks in succession after which a tick's number is certain
LOST_COST = 5.0  # of a lost or doubled tick: 2 ln(1/p), about one tick in ten
MAX_RESIDUAL_COST = 16.0
NEW_TEMPO_COST = 29.0
MAX_MISSING = 6  # from this many on, the line is that of neither of two masters
MAX_OFF_LINE = 12  # ticks in succession off the line after which it is given up


class _Tick(NamedTuple):
    stamp: float
    number: int  # if every tick since the last certain one counts as one
    is_certain: bool  # that this is its number


class TickTracker:
    """Tick `number` falls at `seconds`, and one more every `period` seconds."""

    def __init__(self, bpm: float) -> None:
        self.number = 0
        self.seconds = 0.0
        self.period = _clipped(60 / TICKS_PER_BEAT / bpm)
        self.locked = False  # to the ticks; otherwise free-wheeling
        self.too_slow = self.too_fast = False  # for 20–400 bpm: not followed
        self.doubled = self.lost = self.relocks = 0
        self.errors = Histogram()  # of the ticks against the line, both without sign
        self.jitter = 0.001  # seconds: σ of the stamps
        self._strays = 0  # ticks off the line, less the good ones since
        self._memory = 0  # n
        self._bias = 0.0  # running mean of the residuals, seconds
        self._measured = 8  # ticks from which the jitter is estimated
        self._residual = 0.0  # of the previous tick
        self._good = 0  # ticks in succession on the line
        self._missing = 0  # of the line's ticks: 2 for each that is missing, less 1 for each that is there
        self._age = 0  # ticks on the line since it was fitted
        self._expected = 0  # number of the previous tick on the line
        self._off_line = 0  # ticks in succession off the line
        self._slow_ticks = 0
        self._recent: deque[_Tick] = deque(maxlen=TWO_MASTERS + 1)
        # Twice the negative log-likelihoods of the last ticks as ticks of the line.
        self._costs: deque[float] = deque(maxlen=max(REGULAR))

    @property
    def tempo(self) -> Tempo:
        return Tempo(self.number / TICKS_PER_BEAT, self.seconds, 60 / TICKS_PER_BEAT / self.period)

    @property
    def has_ticks(self) -> bool:
        return bool(self._recent)

    @property
    def has_two_masters(self) -> bool:
        return self._strays >= TWO_MASTERS

    def tick_at(self, seconds: float) -> float:
        """The number of the tick at `seconds`, with its fraction."""
        return self.number + (seconds - self.seconds) / self.period

    def is_silent(self, now: float) -> bool:
        """Whether there was no tick for so long that the line is free-wheeling."""
        return not self._recent or now - self._recent[-1].stamp > max(MAX_TICK_GAP, 4 * self.period)

    def free_wheel(self, tempo: Tempo) -> None:
        """Keep `tempo` until there are ticks."""
        self.unlock()
        self.number = round(tempo.beat * TICKS_PER_BEAT)
        self.seconds = tempo.seconds_at(self.number / TICKS_PER_BEAT)
        self.period = _clipped(60 / TICKS_PER_BEAT / tempo.bpm)

    def unlock(self) -> None:
        """Keep the last tempo until ticks are regular again."""
        self.locked = False
        self._recent.clear()

    def tick(self, stamp: float, number: int | None = None) -> int:
        """Take a tick that came in at `stamp`; it becomes tick `number`, if given. Returns its number on the line."""
        if self.is_silent(stamp):
            interval = math.inf if self._recent else 0.0
            self.unlock()
        else:
            interval = stamp - self._recent[-1].stamp
        steps = round((stamp - self.seconds) / self.period)
        expected = self.number + steps
        residual = stamp - self.seconds - steps * self.period
        is_certain = not self._recent or self.has_two_masters or self.too_fast or self.too_slow
        # After a pause, or where ticks cannot be counted, the line alone gives the number.
        count = expected if is_certain else self._recent[-1].number + 1
        n = self._memory
        alpha, beta = 2 * (2 * n + 1) / ((n + 1) * (n + 2)), 6 / ((n + 1) * (n + 2))
        cost = residual * residual * (1 - alpha) / (self.jitter * self.jitter)  # the prediction's error adds to it
        missed = abs(expected - self._expected - 1)
        self._costs.append(min(cost, MAX_RESIDUAL_COST) + LOST_COST * min(missed, 3))
        self._expected = expected
        gate = min(max(0.12 * self.period, 5.5 * self.jitter), 0.35 * self.period)
        on_line = self.locked and -gate <= residual <= gate
        if on_line and steps > 0:
            self._correct(steps, residual, alpha, beta)
        else:
            self._off_line += 1
            self._good = 0
            self._strays += self.locked
            self.doubled += on_line
        if self._good >= CERTAIN and self._age >= PROBATION:
            count, is_certain = self.number, True
        self._recent.append(_Tick(stamp, count, is_certain))
        if number is not None:
            self._renumber(number - expected if on_line else None, stamp, number)
        self._check_intervals(interval)
        return expected

    def _correct(self, steps: int, residual: float, alpha: float, beta: float) -> None:
        """Correct the line by a tick that is `steps` periods after the last one on it."""
        self._good = self._good + 1 if steps == 1 and not self._off_line else 0
        self._age += 1
        self._off_line = 0
        self.lost += steps - 1
        self._missing = max(self._missing + 2 * (steps - 1) - 1, 0)
        self.errors.add(abs(residual))
        self.number += steps
        self.seconds += steps * self.period + alpha * residual
        self.period = _clipped(self.period + beta * residual)
        if self._good and self._strays:
            self._strays -= 1
        if self._good > 1:  # the jitter is measured on differences of residuals, in which a ramp hardly shows
            self._measured = min(self._measured + 1, LONG_MEMORY)
            variance, difference = self.jitter**2, (residual - self._residual) ** 2 / 2
            self.jitter = max(math.sqrt(variance + (difference - variance) / self._measured), LEAST_JITTER)
        self._residual = residual
        self._bias += (residual - self._bias) / BIAS_TICKS
        if abs(self._bias) > BIAS_LIMIT * self.jitter:
            self._memory = max(self._memory * 3 // 4, SHORT_MEMORY)
        elif self._memory < LONG_MEMORY:
            self._memory += 1

    def _renumber(self, shift: int | None, stamp: float, number: int) -> None:
        """The present tick is `number`: shift the line's numbers, or start the line there if `shift` is None."""
        if shift is not None:
            self.number += shift
            self._expected += shift
            shifted = [tick._replace(number=tick.number + shift) for tick in self._recent]
            self._recent.clear()
            self._recent.extend(shifted)
            return
        self.number, self.seconds = number, stamp
        self._memory = min(self._memory, SHORT_MEMORY)
        self._off_line, self._good, self._bias, self._expected = 0, 0, 0.0, number
        self._recent.clear()
        self._recent.append(_Tick(stamp, number, True))
        self._costs.clear()

    def _check_intervals(self, interval: float) -> None:
        """Look for a new tempo, or one that cannot be followed."""
        self._slow_ticks = self._slow_ticks + 1 if interval > MAX_TICK_PERIOD * (1 + SLACK) else 0
        self.too_slow = self._slow_ticks >= 6
        count = len(self._recent) - 1
        mean = (self._recent[-1].stamp - self._recent[0].stamp) / count if count else 0.0
        self.too_fast = count == TWO_MASTERS and mean < MIN_TICK_PERIOD * (1 - SLACK)
        is_neither_master = self.has_two_masters and self._missing >= MAX_MISSING
        if self.too_slow or self.too_fast or self._off_line >= MAX_OFF_LINE or is_neither_master:
            self.locked = False
        if not self.locked and not self.too_fast:
            any(m <= count and self._lock_if_regular(m) for m in REGULAR)
        elif not self.has_two_masters and sum(self._costs) >= NEW_TEMPO_COST:
            any(m <= count and self._lock_if_new_tempo(m) for m in REGULAR)

    def _lock_if_new_tempo(self, m: int) -> bool:
        """Start a line through the last `m` intervals if a new tempo explains them better. Returns whether it does."""
        cost = sum(list(self._costs)[-m:])
        if cost < NEW_TEMPO_COST:
            return False
        stamps = [self._recent[i].stamp for i in range(-m - 1, 0)]
        seconds, period = _least_squares(stamps)
        if m < max(REGULAR) and period < 0.75 * self.period:  # two masters' ticks are less regular over more intervals
            return False
        squares = sum((stamp - seconds - i * period) ** 2 for i, stamp in enumerate(stamps, -m))
        if cost - squares / self.jitter**2 <= NEW_TEMPO_COST or not _can_be_followed(period):
            return False
        return self._start_line(m, seconds, period)

    def _lock_if_regular(self, m: int) -> bool:
        """Start a line through the last `m` intervals if they are regular. Returns whether they are."""
        stamps = [self._recent[i].stamp for i in range(-m - 1, 0)]
        mean = (stamps[-1] - stamps[0]) / m
        intervals = [b - a for a, b in pairwise(stamps)]
        if max(abs(interval - mean) for interval in intervals) > REGULAR[m] * mean:
            return False
        if m == max(REGULAR) and abs(sum(intervals[::2]) - sum(intervals[1::2])) / 4 > 0.4 * mean:
            return False  # ticks of two masters in turn
        seconds, period = _least_squares(stamps)
        if not _can_be_followed(period):
            return False
        return self._start_line(m, seconds, period)

    def _start_line(self, m: int, seconds: float, period: float) -> bool:
        """Take the line through the last `m` intervals; the count of ticks goes on."""
        self.number, self.seconds = self._recent[-1].number + self._missed(m, period), seconds
        self._expected = self.number
        self.period = _clipped(period)
        self.relocks += 1
        self.locked = True
        self._memory = m + 1
        self._off_line, self._good, self._missing, self._age, self._bias, self._strays = 0, 0, 0, 0, 0.0, 0
        self._recent[-1] = self._recent[-1]._replace(number=self.number)
        self._costs.clear()
        return True

    def _missed(self, m: int, period: float) -> int:
        """Ticks lost, less ticks doubled, before the last `m` intervals, since the last one with a certain number.

        Counted by the line of `period` that starts there, and, further back, by the one before it.
        """
        missed, periods = 0, [self.period, period] if self.locked else [period]
        for i in range(-1, -len(self._recent), -1):
            if self._recent[i].is_certain:
                break
            if i >= -m:
                continue
            interval = self._recent[i].stamp - self._recent[i - 1].stamp
            while periods and abs(interval / periods[-1] - round(interval / periods[-1])) > 0.25:
                periods.pop()
            missed += round(interval / periods[-1]) - 1 if periods else 0
        return missed


def _clipped(period: float) -> float:
    return min(max(period, MIN_TICK_PERIOD), MAX_TICK_PERIOD)


def _can_be_followed(period: float) -> bool:
    return MIN_TICK_PERIOD * (1 - SLACK) <= period <= MAX_TICK_PERIOD * (1 + SLACK)


def _least_squares(stamps: list[float]) -> tuple[float, float]:
    """(last tick, period) of the line through `stamps`, in seconds."""
    m, last = len(stamps) - 1, stamps[-1]
    period = sum((i - m / 2) * (stamp - last) for i, stamp in enumerate(stamps)) * 12 / (m * (m + 1) * (m + 2))
    return last + sum(stamp - last for stamp in stamps) / (m + 1) + period * m / 2, period

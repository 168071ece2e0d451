"""Tempo by tapping: a pedal, a pad, or a key of the computer."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable

from daemon.music.tempo import MAX_BPM, MIN_BPM, Tempo

MAX_DEVIATION = 0.25  # largest difference of an interval from the mean, as a share of the mean


class TapTempo:
    """The tempo of the last taps. A pause of more than three seconds, or an uneven tap, starts again."""

    MAX_TAPS = 8  # taps that are kept

    def __init__(self, stamps: Iterable[float] = ()) -> None:
        self._stamps: deque[float] = deque(stamps, maxlen=self.MAX_TAPS)

    def tap(self, stamp: float) -> None:
        """`stamp` in seconds."""
        if self._stamps:
            interval = stamp - self._stamps[-1]
            if interval < 60 / MAX_BPM:
                return  # contact bounce: one tap, two messages
            if interval > 60 / MIN_BPM:
                self._stamps.clear()
            elif self.period is not None and abs(interval - self.period) > MAX_DEVIATION * self.period:
                last = self._stamps[-1]
                self._stamps.clear()
                self._stamps.append(last)
        self._stamps.append(stamp)

    def forget(self) -> None:
        """Start again with the next tap."""
        self._stamps.clear()

    @property
    def stamps(self) -> list[float]:
        return list(self._stamps)

    @property
    def count(self) -> int:
        return len(self._stamps)

    @property
    def period(self) -> float | None:
        """Seconds from tap to tap, the mean of the last four intervals; None before the second tap."""
        if len(self._stamps) < 2:
            return None
        last = list(self._stamps)[-5:]
        return (last[-1] - last[0]) / (len(last) - 1)


def approach(tapped: Tempo, stamp: float, beat: float) -> tuple[int, float]:
    """The beat at which a clock is in step with taps, and its bpm until then, half to twice theirs.

    `tapped`: where the clock is now, and the bpm of the taps. The next one is expected a period after `stamp`, the
    seconds of the last, and is to be `beat`; with too little time, a later one.
    """
    period = 60 / tapped.bpm
    target, seconds = max(round(beat), math.floor(tapped.beat) + 1), stamp + period
    while seconds <= tapped.seconds + period / 4 or target - tapped.beat < 0.25:
        target, seconds = target + 1, seconds + period
    bpm = 60 * (target - tapped.beat) / (seconds - tapped.seconds)
    return target, min(max(bpm, tapped.bpm / 2), tapped.bpm * 2)

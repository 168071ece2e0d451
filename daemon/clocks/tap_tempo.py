"""Tempo by tapping: a pedal, a pad, or a key of the computer."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from daemon.music.tempo import MAX_BPM, MIN_BPM

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

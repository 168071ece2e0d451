"""Tempo by tapping: the drummer's foot, a pad, or a key of the computer."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

SLOWEST, FASTEST = 20.0, 400.0  # beats per minute
STEADY = 0.25  # how much an interval may differ from the one before, as a share of it, to count with it


class TapTempo:
    """The tempo of the last taps. A pause of more than three seconds, or an uneven tap, begins anew."""

    MOST = 8  # that are remembered

    def __init__(self, stamps: Iterable[float] = ()) -> None:
        self._stamps: deque[float] = deque(stamps, maxlen=self.MOST)

    def tap(self, stamp: float) -> None:
        """`stamp` in seconds."""
        if self._stamps:
            interval = stamp - self._stamps[-1]
            if interval < 60 / FASTEST:
                return  # one foot, two contacts
            if interval > 60 / SLOWEST:
                self._stamps.clear()
            elif self.period is not None and abs(interval - self.period) > STEADY * self.period:
                last = self._stamps[-1]
                self._stamps.clear()
                self._stamps.append(last)
        self._stamps.append(stamp)

    def forget(self) -> None:
        self._stamps.clear()

    @property
    def stamps(self) -> list[float]:
        return list(self._stamps)

    @property
    def count(self) -> int:
        return len(self._stamps)

    @property
    def period(self) -> float | None:
        """Seconds from tap to tap, on average of the last four; None before the second one."""
        if len(self._stamps) < 2:
            return None
        last = list(self._stamps)[-5:]
        return (last[-1] - last[0]) / (len(last) - 1)

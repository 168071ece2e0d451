"""How fast a MIDI system can take what an output sends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Pace(Protocol):
    """How much may be sent, and when."""

    def room(self, now: float) -> int:
        """How many messages may be sent now; less than 0 when urgent ones were sent beyond that."""

    def next(self, now: float) -> float:
        """When there is room again, if there is none now."""

    def spent(self, now: float) -> None:
        """One was sent."""


class Unlimited:
    def room(self, now: float) -> int:
        return 1

    def next(self, now: float) -> float:
        return now

    def spent(self, now: float) -> None:
        pass


class Groups:
    """`most` at once, then a `pause`, whatever the clock says: whoever receives needs the time to run.

    ALSA's sequencer drops, without a word, what exceeds the queue of whoever receives: 200 events unless he asks for
    more.
    """

    def __init__(self, most: int, pause: float) -> None:
        self._most, self._pause = most, pause
        self._left, self._last = most, 0.0

    def room(self, now: float) -> int:
        if now >= self._last + self._pause:
            self._left = self._most
        return self._left

    def next(self, now: float) -> float:
        return self._last + self._pause

    def spent(self, now: float) -> None:
        self._left -= 1
        self._last = now


class PerCycle:
    """So many in each cycle of the JACK server.

    rtmidi's ring of 16 KiB (2,340 short messages) and a port's buffer of 32 KiB per cycle cannot overflow then, and
    nothing is sent when the server stands still.
    """

    def __init__(self, most: int, cycle: Callable[[], int]) -> None:
        self._most, self._cycle = most, cycle
        self._last, self._left = -1, 0
        self._in_vain = 0  # looks since the last cycle
        self._looked_at = 0.0

    def room(self, now: float) -> int:
        if self._left and now - self._looked_at < 0.0005:
            return self._left
        self._looked_at = now
        if (cycle := self._cycle()) != self._last:
            self._last, self._left, self._in_vain = cycle, self._most, 0
        self._in_vain += self._left <= 0
        return self._left

    def next(self, now: float) -> float:
        return now + (0.0005 if self._in_vain < 10 else 0.004)  # a server that stands still may do so for long

    def spent(self, now: float) -> None:
        self._left -= 1

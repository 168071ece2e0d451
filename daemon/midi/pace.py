"""How fast a MIDI system can take what an output sends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Pace(Protocol):
    """How much may be sent, and when."""

    def room(self, now: float) -> int:
        """How many messages may be sent now; less than 0 when urgent ones were sent beyond the limit."""

    def room_at(self, now: float) -> float:
        """When there is room again, if there is none now."""

    def sent(self, now: float) -> None:
        """A message was sent."""


class Unlimited:
    def room(self, now: float) -> int:
        return 1

    def room_at(self, now: float) -> float:
        return now

    def sent(self, now: float) -> None:
        pass


class Bursts:
    """`size` messages at once, then a `pause` (seconds) after the last one: the receiver needs the time to run.

    ALSA's sequencer drops, without an error, what exceeds the receiver's queue: 200 events unless the receiver asks for
    more.
    """

    def __init__(self, size: int, pause: float) -> None:
        self._size, self._pause = size, pause
        self._left, self._last = size, 0.0

    def room(self, now: float) -> int:
        if now >= self._last + self._pause:
            self._left = self._size
        return self._left

    def room_at(self, now: float) -> float:
        return self._last + self._pause

    def sent(self, now: float) -> None:
        self._left -= 1
        self._last = now


class PerCycle:
    """At most `limit` messages in each cycle of the JACK server.

    With 500, rtmidi's ring of 16 KiB (2,340 short messages) and a port's buffer of 32 KiB per cycle cannot overflow,
    and nothing is sent while the server stands still. `cycle` identifies the current cycle.
    """

    def __init__(self, limit: int, cycle: Callable[[], int]) -> None:
        self._limit, self._cycle = limit, cycle
        self._last, self._left = -1, 0
        self._fruitless = 0  # looks without room since the last cycle
        self._looked_at = 0.0

    def room(self, now: float) -> int:
        if self._left and now - self._looked_at < 0.0005:
            return self._left
        self._looked_at = now
        if (cycle := self._cycle()) != self._last:
            self._last, self._left, self._fruitless = cycle, self._limit, 0
        self._fruitless += self._left <= 0
        return self._left

    def room_at(self, now: float) -> float:
        return now + (0.0005 if self._fruitless < 10 else 0.004)  # a server that stands still may do so for long

    def sent(self, now: float) -> None:
        self._left -= 1

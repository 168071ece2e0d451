"""A speaker for tests, on a clock that the test sets: its mix is a function of the moments at which it is heard."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from daemon.audio.clock import ClockPage, FrameClock, clock_path
from daemon.audio.ring import MIX_CAPACITY, Frames, Ring, mix_path

LATENCY, BLOCK = 0.02, 256  # seconds; frames
Sound = Callable[[NDArray[Any], NDArray[Any]], NDArray[Any]]  # numbers of frames, the seconds when they are heard


def numbered(numbers: NDArray[Any], seconds: NDArray[Any]) -> NDArray[Any]:
    """A mix in which every frame is another one, exactly representable in 24 bits."""
    return (numbers % (1 << 22) + 1) / (1 << 23)


class Speaker:
    """Makes the files in `folder`. Its device runs faster than nominal by `skew`."""

    def __init__(self, folder: Path, sound: Sound = numbered, rate: int = 8000, skew: float = 0.0) -> None:
        folder.mkdir(exist_ok=True)
        self._sound, self._rate, self._skew = sound, rate, skew
        self._page, self.ring = ClockPage(clock_path(folder), create=True), Ring(mix_path(folder), MIX_CAPACITY, True)
        self.clock: FrameClock | None = None
        self._next = 1000

    def start(self, seconds: float, rate: int | None = None) -> None:
        """A (new) stream: its next frame is heard LATENCY after `seconds`."""
        epoch = self.clock.epoch + 1 if self.clock else 1
        before = self.clock
        self._rate = rate or self._rate
        per_frame = 1 / self._rate / (1 + self._skew)
        self._next = max(self._next, 0 if before is None else before.frame_heard_at(seconds)) + BLOCK
        self.clock = FrameClock(epoch, BLOCK, self._next, self._rate, seconds, per_frame, 0.0, LATENCY)
        self._page.write(self.clock)

    def play(self, until: float) -> None:
        """Mix what is to be mixed by then."""
        assert self.clock is not None
        while self.clock.mixed_at(self._next) <= until:
            numbers = np.arange(self._next, self._next + BLOCK)
            seconds = self.clock.seconds + (numbers - self.clock.frame) * self.clock.seconds_per_frame + LATENCY
            mono: Frames = self._sound(numbers, seconds).astype(np.float32)
            self.ring.write(self._next, np.stack([mono, mono], axis=1))
            self._next += BLOCK

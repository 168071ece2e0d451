"""Fades around missing frames, so that neither their beginning nor their end clicks."""

from __future__ import annotations

import numpy as np

from daemon.audio.ring import Frames

FADE = 0.005  # seconds


class Fade:
    """Of one signal: `present` fades in what comes after a gap, `missing` fades out what came before a gap, by the last
    frames in reverse."""

    def __init__(self, rate: float, channels: int) -> None:
        self._length = max(1, round(FADE * rate))
        self._rise = np.linspace(0, 1, self._length, dtype=np.float32)[:, None]
        self._last: Frames = np.zeros((self._length, channels), np.float32)
        self._risen = 0  # frames of the fade in that have passed
        self._fallen = self._length  # … of the fade out

    def present(self, frames: Frames) -> None:
        """Frames that follow the last ones, faded in place after a gap."""
        if self._risen < self._length:
            count = min(self._length - self._risen, len(frames))
            frames[:count] *= self._rise[self._risen : self._risen + count]
            self._risen += count
        count = min(len(frames), self._length)
        if count < self._length:
            self._last[:-count] = self._last[count:]
        if count:
            self._last[-count:] = frames[-count:]

    def missing(self, out: Frames) -> bool:
        """Fill `out` in place of missing frames. Returns whether a gap begins."""
        begins = self._risen > 0
        if begins:
            self._last[:] = self._last[::-1] * self._rise[::-1]
            self._risen = self._fallen = 0
        count = min(self._length - self._fallen, len(out))
        out[:count] = self._last[self._fallen : self._fallen + count]
        out[count:] = 0
        self._fallen += count
        if self._fallen == self._length:
            self._last[:] = 0
        return begins

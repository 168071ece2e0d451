"""A small hall: a feedback delay network (Jot, 1991) of eight lines."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from daemon.engines.soundfont.built_in.waves import Samples

_LENGTHS = np.array([601, 709, 857, 997, 1201, 1433, 1693, 2011]) / 48_000  # seconds, of no common measure
_DECAY = 1.2  # seconds in which the sound loses 60 dB
_DAMPING = 0.3  # 0: high frequencies decay as slowly as low ones
_SILENCE = 1e-6


class Reverb:
    """`longest`: the greatest number of frames that can be rendered at once."""

    def __init__(self, rate: int) -> None:
        lengths: NDArray[np.intp] = np.rint(_LENGTHS * rate).astype(np.intp)[:, None]
        self.longest = int(lengths.min()) - 2
        self._size = 1 << int(lengths.max() + self.longest).bit_length()
        self._lines: Samples = np.zeros((8, self._size), np.float32)
        self._starts = np.arange(8)[:, None] * self._size
        self._gain = (10 ** (-3 * lengths / (rate * _DECAY))).astype(np.float32)
        self._taps = np.arange(-1, self.longest) - lengths
        self._signs = np.array([[1], [-1], [1], [1], [-1], [1], [-1], [-1]], np.float32)
        self._at = 0
        self._is_silent = True

    def add_to(self, out: Samples, dry: Samples) -> None:
        """Add to `out`, of shape (2, frames), the sound of the hall in which `dry`, of shape (frames,), is played."""
        frames = len(dry)
        if self._is_silent and not dry.any():
            return
        at = (self._at + self._taps[:, : frames + 1]) & (self._size - 1)
        heard = self._lines.take(at + self._starts)
        damped = heard[:, 1:] * np.float32(1 - _DAMPING) + heard[:, :-1] * np.float32(_DAMPING)
        damped *= self._gain
        out += damped.reshape(4, 2, frames).sum(0)
        damped -= damped.sum(0) * np.float32(0.25)
        damped += self._signs * dry
        self._lines[:, (self._at + np.arange(frames)) & (self._size - 1)] = damped
        self._at += frames
        self._is_silent = not dry.any() and float(np.abs(self._lines).max()) < _SILENCE
        if self._is_silent:
            self._lines[:] = 0.0

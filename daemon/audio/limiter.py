"""The limiter of the mix: the last step before the device, the recording and a rendered file."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from daemon.audio.ring import Frames

CEILING = float(np.float32(10 ** (-1 / 20)))  # −1 dBFS: leaves room for peaks between the samples
HOLD = 0.02  # seconds that the gain stays after a peak: half a period of the lowest notes, else bass is distorted
RELEASE = 0.15  # seconds in which the reduction falls to 1/e after that
_AT_ONCE = 4096  # frames: the powers of the decay stay near 1
_INAUDIBLE = 1e-5  # a reduction of less than 0.0001 dB ends


class Limiter:
    """Keeps every sample within ±CEILING by one gain for both channels. Frames that no peak precedes pass unchanged.

    Without look-ahead, so without delay: the gain falls at the frame of a peak, stays for HOLD, and returns
    exponentially. How a signal is cut into blocks makes no difference. `gain`: the least of the last block.
    """

    def __init__(self, rate: int) -> None:
        self.gain = 1.0
        self._decay = float(np.exp(-1 / (RELEASE * rate)))
        self._hold = round(HOLD * rate)
        self._held = np.zeros(self._hold)  # 1 − the gain that each of the last frames asked for
        self._released = 0.0  # 1 − the gain that is left of the frames before these
        self._is_idle = True

    def process(self, block: Frames) -> None:
        """Limit `block`, of shape (frames, 2), in place. What is no number becomes silence."""
        self.gain = 1.0
        for first in range(0, len(block), _AT_ONCE):
            self._limit(block[first : first + _AT_ONCE])

    def _limit(self, block: Frames) -> None:
        highest = peak(block)
        if not np.isfinite(highest):
            np.nan_to_num(block, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
            highest = peak(block)
        if highest <= CEILING and self._is_idle:
            return
        wanted = 1 - CEILING / np.maximum(np.abs(block).max(axis=1).astype(np.float64), CEILING)
        past = np.concatenate((self._held, wanted))
        released = self._fall(past[: len(block)])
        self._held = past[len(block) :]
        self._is_idle = not self._released and not self._held.any()
        gain = 1 - np.maximum(released, _highest_of_last(past, self._hold + 1)[self._hold :])
        self.gain = min(self.gain, float(gain.min()))
        block *= gain[:, None].astype(np.float32)
        np.clip(block, -CEILING, CEILING, out=block)  # the rounding of the gain

    def _fall(self, wanted: NDArray[np.float64]) -> NDArray[np.float64]:
        """The reductions that frames which are no longer held leave."""
        powers = np.power(self._decay, np.arange(1, len(wanted) + 1), dtype=np.float64)
        fallen: NDArray[np.float64] = np.maximum(np.maximum.accumulate(wanted / powers), self._released) * powers
        self._released = float(fallen[-1]) if fallen[-1] > _INAUDIBLE else 0.0
        return fallen


def peak(block: Frames) -> float:
    """The highest absolute value."""
    return max(float(block.max()), -float(block.min()))


def _highest_of_last(values: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """The highest of each value and the `count` − 1 before it."""
    highest, width = values.copy(), 1
    while width < count:
        step = min(width, count - width)
        highest[step:] = np.maximum(highest[step:], highest[:-step])
        width += step
    return highest

"""Loudness and place of an instrument in the mix."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from daemon.audio.ring import Frames
from daemon.engines.audio import GAIN, PAN
from daemon.engines.base import ON
from daemon.wire import MUTE

RAMP = 0.01  # seconds from one level to the next


class Level:
    """The settings gain, pan and mute, applied to frames. The pan has equal power, and 0 dB at the centre."""

    names = (GAIN.name, PAN.name, MUTE)

    def __init__(self, rate: int, values: Mapping[str, float]) -> None:
        self._ramp = round(RAMP * rate)  # frames
        self._values = {GAIN.name: values[GAIN.name], PAN.name: values[PAN.name], MUTE: 0.0}
        self._from = self._to = self._factors()
        self._passed = self._ramp  # frames of the ramp between the two

    def set(self, name: str, value: float) -> None:
        """Change one of `names`, from the next frame on, over RAMP."""
        self._from = self._factors_at(self._passed) if self._passed < self._ramp else self._to
        self._values[name] = value
        self._to, self._passed = self._factors(), 0

    def apply(self, frames: Frames) -> None:
        """In place."""
        ramped = min(len(frames), self._ramp - self._passed)
        if ramped:
            passed = np.arange(self._passed + 1, self._passed + 1 + ramped)[:, None]
            frames[:ramped] *= self._factors_at(passed).astype(np.float32)
            self._passed += ramped
        frames[ramped:] *= self._to.astype(np.float32)

    def _factors_at(self, passed: NDArray[np.int64] | int) -> NDArray[np.float64]:
        return self._from + (self._to - self._from) * (passed / self._ramp)

    def _factors(self) -> NDArray[np.float64]:
        """Of left and right."""
        gain = self._values[GAIN.name]
        if gain <= GAIN.low or self._values[MUTE] >= ON:
            return np.zeros(2)
        angle = (self._values[PAN.name] + 1) * math.pi / 4
        return 10 ** (gain / 20) * math.sqrt(2) * np.array([math.cos(angle), math.sin(angle)])

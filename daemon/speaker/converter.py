"""From the band's rate and two channels to those of a device."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from daemon.audio.ring import CHANNELS, Frames
from daemon.errors import AudioError

_PROBE = 0.2  # seconds of silence in which the delay shows


def resampling_library() -> Any:
    """The package `soxr`. Raises AudioError where it cannot be loaded."""
    try:
        import soxr
    except (ImportError, OSError) as error:
        remedy = "install jamd again, or set audio.rate to the rate of the device"
        raise AudioError(f"no sound: soxr, which converts the rate, cannot be loaded ({error}): {remedy}") from None
    return soxr


class Converter:
    """Blocks of `block` frames, of two channels and `rate`, become blocks of the device's. `delay`: the seconds that
    this takes: 0 for equal rates, else 5 ms."""

    def __init__(self, rate: int, block: int, device_rate: float, channels: int) -> None:
        self.ratio = device_rate / rate
        self.lag = 0  # frames of the device by which a frame is later
        self._channels = channels
        self._resampler = None
        if rate != device_rate:
            # `vr`: short filters. The others have a delay of 20 ms, because they transform long pieces.
            self._resampler = resampling_library().ResampleStream(rate, device_rate, CHANNELS, dtype="float32", vr=True)
            self.lag = self._most_behind(rate, block)
        self.delay = self.lag / device_rate

    def _most_behind(self, rate: int, block: int) -> int:
        """The most frames that are still to come after a block."""
        silence = np.zeros((block, CHANNELS), np.float32)
        given, behind = 0, 0.0
        for number in range(1, math.ceil(_PROBE * rate / block) + 8):
            given += len(self._resampled(silence))
            behind = max(behind, number * block * self.ratio - given)
        if self._resampler is not None:
            self._resampler.clear()
        return math.ceil(behind)

    def convert(self, block: Frames) -> Frames:
        frames = self._resampled(block)
        if self._channels == CHANNELS:
            return frames
        if self._channels == 1:
            mono: Frames = np.mean(frames, axis=1, keepdims=True, dtype=np.float32)
            return mono
        wide = np.zeros((len(frames), self._channels), np.float32)
        wide[:, :CHANNELS] = frames
        return wide

    def _resampled(self, block: Frames) -> Frames:
        if self._resampler is None:
            return block
        resampled: Frames = np.asarray(self._resampler.resample_chunk(block), np.float32)
        return resampled

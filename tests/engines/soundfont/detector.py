"""Pitches and onsets of recorded sound, found without any knowledge of how the sound was made."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]


def pitch(samples: Samples, rate: int) -> float:
    """The frequency, in Hz, at which the autocorrelation of one channel has its first high peak."""
    centred = samples.astype(float) - samples.mean()
    count = len(centred)
    power = np.abs(np.fft.rfft(centred, 2 * count)) ** 2
    correlation = np.fft.irfft(power)[: count // 2] / np.arange(count, count - count // 2, -1)
    first = int(np.argmax(correlation < 0))  # beyond the peak at 0
    high = correlation >= 0.9 * correlation[first:].max()
    best = first + int(np.argmax(high[first:]))
    while correlation[best + 1] > correlation[best]:
        best += 1
    before, at, after = correlation[best - 1 : best + 2]
    return rate / (best + (before - after) / (2 * (before - 2 * at + after)))


def cents(frequency: float, note: int) -> float:
    """How far a frequency is above a MIDI note."""
    return float(1200 * np.log2(frequency / 440) - 100 * (note - 69))


def onsets(samples: Samples, rate: int, silence: float = 0.05) -> list[int]:
    """The frames at which sound begins after at least `silence` seconds without any."""
    loud = np.flatnonzero(np.abs(samples) > 1e-4)
    if not len(loud):
        return []
    return [int(loud[0]), *(int(frame) for frame in loud[1:][np.diff(loud) > silence * rate])]


def level(samples: Samples) -> float:
    """The root mean square, in dB below full scale."""
    return float(10 * np.log10(max(float((samples.astype(float) ** 2).mean()), 1e-20)))

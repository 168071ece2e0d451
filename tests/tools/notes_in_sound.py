"""Finds the notes in a recording, one after another, without knowledge of what was played."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

GATE = 0.01  # a note begins where sound rises above this after at least REST below it
REST = 0.02  # seconds
ATTACK = 0.01  # seconds of a note whose pitch is not looked at
SHORTEST = 0.03  # seconds: the pitch of what is shorter is NaN


class FoundNote(NamedTuple):
    start: float  # seconds
    end: float
    pitch: float  # MIDI, with cents


def notes_in(frames: NDArray[Any], rate: int) -> list[FoundNote]:
    """The notes in `frames`, of shape (frames,) or (frames, channels)."""
    mono = np.asarray(frames, float)
    mono = mono.mean(axis=1) if mono.ndim == 2 else mono
    loud = np.flatnonzero(np.abs(mono) > GATE)
    if not len(loud):
        return []
    breaks = np.flatnonzero(np.diff(loud) > REST * rate)
    starts, ends = [loud[0], *loud[breaks + 1]], [*loud[breaks], loud[-1]]
    return [
        FoundNote(start / rate, (end + 1) / rate, pitch_of(mono[start + round(ATTACK * rate) : end], rate))
        for start, end in zip(starts, ends, strict=True)
    ]


def pitch_of(mono: NDArray[Any], rate: int) -> float:
    """By autocorrelation: the first peak that is nearly as high as the highest, with a parabola through its top."""
    if len(mono) < SHORTEST * rate:
        return math.nan
    mono = mono[: rate // 4] - mono[: rate // 4].mean()
    spectrum = np.fft.rfft(mono, 2 * len(mono))
    correlation = np.fft.irfft(np.abs(spectrum) ** 2)[: len(mono)] / np.arange(len(mono), 0, -1)
    shortest, longest = rate // 4200, min(rate // 25, len(mono) * 3 // 4)
    middle = correlation[shortest:longest]
    peaks = 1 + np.flatnonzero((middle[1:-1] > middle[:-2]) & (middle[1:-1] >= middle[2:]))
    best = next(peak for peak in peaks if middle[peak] > 0.95 * middle[peaks].max())
    before, top, after = middle[best - 1 : best + 2]
    period = shortest + best + (before - after) / 2 / (before - 2 * top + after)
    return 69 + 12 * math.log2(rate / period / 440)

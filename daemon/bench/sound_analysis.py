"""What recorded audio tells: gaps in a tone, onsets of clicks, the peak."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from daemon.bench.tone import CLICK, FREQUENCY

Samples = NDArray[np.float32]
PART = 96  # frames of which the tone's phase is measured
STEADY = 0.3  # the greatest part by which amplitude, or radians by which phase, may differ from part to part
ONSET = 0.1  # amplitude: that of a click soon after its first frame
RISE = int(np.argmax(CLICK >= ONSET))  # frames until then


def gaps(samples: Samples, rate: int) -> int:
    """How often the tone of `tone.Tone` breaks off or jumps. Neighbouring breaks are one."""
    count = len(samples) // PART
    step = 2 * np.pi * FREQUENCY / rate
    window = np.hanning(PART) * np.exp(-1j * step * np.arange(PART))  # the phase at the beginning of each part
    tone = samples[: count * PART].reshape(count, PART) @ window
    amplitude = float(np.median(np.abs(tone)))
    if amplitude == 0:
        return 1
    turned = tone[1:] * np.conj(tone[:-1]) * np.exp(-1j * step * PART)
    jumps = np.abs(np.angle(turned)) > STEADY
    falls = np.abs(tone[1:]) < (1 - STEADY) * amplitude
    broken = np.flatnonzero(jumps | falls)
    return int(np.count_nonzero(np.diff(broken, prepend=-9) > 8))


def onsets(samples: Samples, rate: int, apart: float) -> list[int]:
    """The first frames of clicks; those less than `apart` seconds after another are no onsets."""
    return first_of_each([int(frame) - RISE for frame in np.flatnonzero(samples >= ONSET)], rate, apart)


def first_of_each(frames: Sequence[int], rate: int, apart: float) -> list[int]:
    """The frames that come at least `apart` seconds after the one before."""
    return [frame for frame, before in zip(frames, [-math.inf, *frames], strict=False) if frame - before > apart * rate]


def nearest_differences(of: Sequence[int], to: Sequence[int]) -> list[int]:
    """For each frame in `of`, its distance from the nearest one in `to`: positive if it is later."""
    others = np.asarray(to)
    return [int(min(frame - others, key=abs)) for frame in of] if len(others) else []


def decibels(peak: float) -> float:
    """Relative to full scale."""
    return 20 * math.log10(peak) if peak > 0 else -math.inf

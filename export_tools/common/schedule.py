"""Learning rates: functions of the step and of the number of steps in the whole run."""

from __future__ import annotations

import math
from collections.abc import Callable

Schedule = Callable[[int, int], float]
LAST = 0.01  # of the peak: where a cosine ends


def constant(rate: float) -> Schedule:
    """The same rate at every step."""
    return lambda step, steps: rate


def cosine_after_warm_up(peak: float, warm_up: int = 200) -> Schedule:
    """Linear over the first `warm_up` steps, then a cosine from the peak to a hundredth over the remaining steps."""

    def rate(step: int, steps: int) -> float:
        progress = max(0.0, (step - warm_up) / max(1, steps - warm_up))
        return peak * min(1, (step + 1) / warm_up) * cosine(progress)

    return rate


def cosine_with_warm_up(peak: float, share: float = 0.02) -> Schedule:
    """A cosine from the peak to a hundredth over all steps, under a linear warm-up over a `share` of the steps."""

    def rate(step: int, steps: int) -> float:
        progress = step / steps
        return peak * min(1.0, progress * (1 / share) + share) * cosine(progress)

    return rate


def cosine(progress: float) -> float:
    """Half a period, from 1 at progress 0 to LAST at 1 and beyond."""
    return LAST + (1 - LAST) * (1 + math.cos(math.pi * min(1, progress))) / 2

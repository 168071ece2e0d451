"""Learning-rate schedules: functions of the step, from 0, and the number of steps in the whole run."""

from __future__ import annotations

import math
from collections.abc import Callable

Schedule = Callable[[int, int], float]
FINAL_SHARE = 0.01  # of the peak, at which a cosine ends


def constant(rate: float) -> Schedule:
    """The same rate at every step."""
    return lambda step, steps: rate


def cosine_after_warm_up(peak: float, warm_up: int = 200) -> Schedule:
    """A linear rise over the first `warm_up` steps, then a cosine from the peak to a hundredth of it over the rest."""

    def rate(step: int, steps: int) -> float:
        progress = max(0.0, (step - warm_up) / max(1, steps - warm_up))
        return peak * min(1, (step + 1) / warm_up) * cosine(progress)

    return rate


def cosine_with_warm_up(peak: float, share: float = 0.02) -> Schedule:
    """A cosine from the peak to a hundredth of it over all steps, times a linear rise over a `share` of the steps."""

    def rate(step: int, steps: int) -> float:
        progress = step / steps
        return peak * min(1.0, progress * (1 / share) + share) * cosine(progress)

    return rate


def cosine(progress: float) -> float:
    """Half a period of a cosine, from 1 at progress 0 to FINAL_SHARE at 1 and beyond."""
    return FINAL_SHARE + (1 - FINAL_SHARE) * (1 + math.cos(math.pi * min(1, progress))) / 2

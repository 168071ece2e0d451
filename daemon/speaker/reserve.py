"""Seconds of reserve: more after work that was late, and less again after a while without."""

from __future__ import annotations

import math

MOST = 0.02  # seconds
STEP = 0.002  # seconds by which a reserve changes at least: the delay of all instruments does, too
CALM = 60.0  # seconds without late work, at first, after which a step is taken back


class Reserve:
    def __init__(self) -> None:
        self.seconds = 0.0
        self._calm, self._relax_at, self._has_relaxed = CALM, math.inf, False

    def grow(self, shortage: float, now: float) -> bool:
        """Work was `shortage` seconds late: have that much more, if that is reasonable."""
        seconds = self.seconds + max(shortage, STEP)
        if seconds > MOST:
            return False
        if self._has_relaxed:
            self._calm *= 2  # what was taken back is needed
        self.seconds, self._has_relaxed, self._relax_at = seconds, False, now + self._calm
        return True

    def relax(self, now: float) -> None:
        """Take a step of that back, if no work was late for a while."""
        if self.seconds and now > self._relax_at:
            self.seconds = max(0.0, self.seconds - STEP)
            self._has_relaxed, self._relax_at = True, now + self._calm

"""The step where a synthesiser ends sounds at once, made a fade, so that it does not click."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FADE = 0.005  # seconds


class Cut:
    """Of one synthesiser's frames: what the step takes away is added again, and fades out."""

    def __init__(self, rate: int) -> None:
        self._fall = np.linspace(1, 0, max(2, round(FADE * rate)), dtype=np.float32)[:, None]
        self._fallen = len(self._fall)  # frames of it that have passed
        self._step = np.zeros(2, np.float32)
        self._last = np.zeros(2, np.float32)  # frame
        self._wait: int | None = None  # frames until the cut

    def begin(self, wait: int) -> None:
        """Sounds end after `wait` more frames."""
        self._wait = wait

    def soften(self, out: NDArray[np.float32]) -> None:
        """Change the next frames in place."""
        if self._wait is not None and self._wait < len(out):
            self._fade(out[: self._wait])
            self._step = self._last - out[self._wait]
            self._fallen = 0
            out, self._wait = out[self._wait :], None
        elif self._wait is not None:
            self._wait -= len(out)
        self._fade(out)

    def _fade(self, out: NDArray[np.float32]) -> None:
        part = self._fall[self._fallen : self._fallen + len(out)]
        out[: len(part)] += self._step * part
        self._fallen += len(part)
        if len(out):
            self._last[:] = out[-1]

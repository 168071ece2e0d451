"""How long a stretch of what it heard an answer has copied by now."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MEMORY = 1024  # notes that are remembered, at least


class Copies:
    """The notes heard, and for each of them how many notes the answer has just copied that end with it.

    Notes are events of the encoding. Rhythm does not count: the same pitches in another rhythm are a copy.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._heard = np.empty(2 * MEMORY, dtype=np.int64)
        self._runs = np.zeros(2 * MEMORY, dtype=np.int64)
        self._count = 0

    def hear(self, note: int) -> None:
        if self._count == len(self._heard):
            self._heard[:MEMORY] = self._heard[MEMORY:]
            self._runs[:MEMORY] = self._runs[MEMORY:]
            self._count = MEMORY
        self._heard[self._count], self._runs[self._count] = note, 0
        self._count += 1

    def begin(self) -> None:
        """A new answer: nothing is copied yet."""
        self._runs[: self._count] = 0

    def play(self, note: int) -> None:
        """The answer's next note."""
        if not (count := self._count):
            return
        self._runs[1:count] = self._runs[: count - 1] + 1
        self._runs[0] = 1
        self._runs[:count] *= self._heard[:count] == note

    def too_long(self, most: int) -> NDArray[np.int64]:
        """The notes that would copy more than `most` notes in a row."""
        if most < 1:
            return np.unique(self._heard[: self._count])
        ends = np.flatnonzero(self._runs[: max(self._count - 1, 0)] >= most)
        following: NDArray[np.int64] = self._heard[ends + 1]
        return following

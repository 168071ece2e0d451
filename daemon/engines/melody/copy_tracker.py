"""How many notes in a row an answer has copied from the notes heard."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MIN_REMEMBERED = 1024  # notes; up to twice as many are kept


class CopyTracker:
    """The notes heard; for each of them, how many heard notes in a row, up to this one, the answer has just repeated.

    Notes are events of the encoding. Rhythm does not count: the same pitches in another rhythm are a copy.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._heard = np.empty(2 * MIN_REMEMBERED, dtype=np.int64)
        self._runs = np.zeros(2 * MIN_REMEMBERED, dtype=np.int64)
        self._count = 0

    def hear(self, note: int) -> None:
        if self._count == len(self._heard):
            self._heard[:MIN_REMEMBERED] = self._heard[MIN_REMEMBERED:]
            self._runs[:MIN_REMEMBERED] = self._runs[MIN_REMEMBERED:]
            self._count = MIN_REMEMBERED
        self._heard[self._count], self._runs[self._count] = note, 0
        self._count += 1

    def begin_answer(self) -> None:
        """A new answer has copied nothing yet."""
        self._runs[: self._count] = 0

    def play(self, note: int) -> None:
        """Enter the answer's next note."""
        if not (count := self._count):
            return
        self._runs[1:count] = self._runs[: count - 1] + 1
        self._runs[0] = 1
        self._runs[:count] *= self._heard[:count] == note

    def exceeding(self, limit: int) -> NDArray[np.int64]:
        """The notes with which the answer would copy more than `limit` notes in a row."""
        if limit < 1:
            return np.unique(self._heard[: self._count])
        ends = np.flatnonzero(self._runs[: max(self._count - 1, 0)] >= limit)
        following: NDArray[np.int64] = self._heard[ends + 1]
        return following

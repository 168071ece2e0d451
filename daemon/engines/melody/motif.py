"""Intervals of the phrase that an answer takes up, in steps of the scale, so that a motif may return transposed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from daemon.encodings.melody.events import FIRST_PITCH, Floats

FAVOUR = 3.5  # nats by which the note that continues a motif is favoured
LEAPS, LEAP_FAVOUR = (3, 7), 0.6  # fewest and most steps of the scale; nats: the model has fewer leaps than tunes
LONGEST = 6  # notes of a motif that is taken up


class Motif:
    """The notes of a phrase, and how many of its first intervals the answer has just repeated. A phrase that is heard
    over an answer does not change that answer."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.begin_phrase()
        self.begin_answer()

    def begin_phrase(self) -> None:
        self._heard: list[int] = []

    def begin_answer(self) -> None:
        """Answer the last phrase."""
        self._phrase = self._heard
        self._last: int | None = None
        self._place = 0  # in the phrase, of the note that corresponds to the answer's last one
        self._run = 0  # notes of the answer that repeat a run of intervals

    def hear(self, note: int) -> None:
        self._heard.append(note)

    def play(self, note: int, scale: NDArray[np.bool_]) -> None:
        """Enter the answer's next note; `scale` (36,): pitches of the key."""
        continued = self._run and note == self._continuing(scale)
        self._place = self._place + 1 if continued else 0
        self._run = self._run + 1 if continued else 1
        self._last = note

    def favours(self, scale: NDArray[np.bool_]) -> Floats:
        """(36,): nats by which each pitch is favoured."""
        favours, ranks = np.zeros(len(scale)), scale.cumsum()
        if self._last is None and self._phrase:
            favours[self._phrase[0] - FIRST_PITCH] = -FAVOUR  # at another pitch than before, a motif is no copy
        if self._last is not None:
            size = abs(ranks - ranks[self._last - FIRST_PITCH])
            favours += LEAP_FAVOUR * ((size >= LEAPS[0]) & (size <= LEAPS[1]))
        if (note := self._continuing(scale)) is not None and self._run < LONGEST:
            favours[note - FIRST_PITCH] = FAVOUR
        return favours

    def _continuing(self, scale: NDArray[np.bool_]) -> int | None:
        """The note that continues the motif, if the range has one."""
        if self._last is None or self._place + 1 >= len(self._phrase):
            return None
        ranks = scale.cumsum()
        here, after = (self._phrase[self._place + each] - FIRST_PITCH for each in (0, 1))
        wanted = ranks[self._last - FIRST_PITCH] + ranks[after] - ranks[here]
        notes = np.flatnonzero(scale & (ranks == wanted))
        return int(notes[0]) + FIRST_PITCH if len(notes) else None

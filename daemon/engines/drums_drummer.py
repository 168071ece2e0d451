"""Drumming hit by hit: from the groove that it starts from, on and on, in ticks."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

import numpy as np

from daemon.encodings.drums import TICKS, Hit, Wish
from daemon.engines.drums_guide import FILL, FILL_GAP, Guide, scaled
from daemon.engines.drums_kit import CRASH, KICK, Kit, Reach
from daemon.engines.drums_model import DrumsModel
from daemon.engines.drums_primer import Note, Primer, in_order

NEAR = 40  # ticks around a bar line that belong to it
LANDING = (KICK, CRASH)


@dataclass(frozen=True, slots=True)
class Manner:
    """How it is to be played: `louder` than the groove, as a factor; `tempo` in beats per minute."""

    wish: Wish
    louder: float
    temperature: float
    top_p: float
    tempo: float


class Drummer:
    """Its time begins at a bar line, one primer before the bar in which it comes in."""

    def __init__(self, model: DrumsModel, kit: Kit, primer: Primer, random: np.random.Generator) -> None:
        self._model, self._primer, self._random = model, primer, random
        self._guide = None if model.follows else Guide(primer)
        self._reach = Reach(kit.silent)
        self._written: deque[Note] = deque()  # hits that are settled
        self._next: Note | None = None  # drawn, and not yet struck
        self._free = 0  # tick from which on it plays freely
        self._state: Any = None
        self.last = 0  # tick of the last hit
        self.origin = primer.length  # of the bar line at or before which it comes in

    def come_in(self, position: int, manner: Manner) -> None:
        """`position` ticks after that bar line; the rest of the bar it plays the groove that it starts from."""
        entry, self._free = self.origin + position, self.origin + self._primer.bar - NEAR
        self._state = self._model.start(self._primer.bar, 0, manner.tempo)
        for note in self._primer.between(0, entry - NEAR):
            self._observe(note, manner.tempo)
        rest = [
            Note(max(note.tick, entry), note.instrument, scaled(note.velocity, manner.louder))
            for note in self._primer.between(entry - NEAR, self._free)
        ]
        self._written.extend(sorted(rest, key=in_order))

    @property
    def ahead(self) -> Note | None:
        """The hit that comes next, if it is settled."""
        return self._written[0] if self._written else self._next

    def draw(self, now: int, manner: Manner) -> Note:
        """Settle it: it comes at or after tick `now`."""
        hit = self._draw(max(now, self._free), manner)
        self._next = Note(self.last + hit.gap, hit.instrument, hit.velocity)
        return self._next

    def strike(self, tempo: float) -> None:
        """Play the hit that comes next."""
        note = self._written.popleft() if self._written else self._next
        self._next = None
        if note is not None:
            self._observe(note, tempo)

    def think_again(self) -> None:
        """What comes next is not settled any more: somebody asks for something else."""
        self._written.clear()
        self._next, self._free = None, 0

    def land(self, line: int, note: Note, tempo: float) -> None:
        """Kick and crash on the bar line, where `note` would have been struck next."""
        tick = max(note.tick if abs(note.tick - line) <= NEAR else line, self.last)
        velocity = min(note.velocity + 20, 127)
        self._next = None
        for instrument in LANDING:
            if self._reach.can(tick, instrument, tempo):
                self._written.append(Note(tick, instrument, velocity))

    def _draw(self, soonest: int, manner: Manner) -> Hit:
        earliest = np.maximum(self._reach.earliest(manner.tempo), soonest) - self.last
        latest, bias, place, fill = self._primer.bar, None, None, bool(manner.wish.fill)
        if self._guide is not None:
            place = self._guide.weights
            if fill:
                bias, latest = FILL, FILL_GAP
        hit = self._model.draw(
            self._state, self._random, wish=manner.wish, temperature=manner.temperature, top_p=manner.top_p,
            earliest=earliest, latest=max(latest, int(earliest.min()) + TICKS // 4), bias=bias, place=place,
        )  # fmt: skip
        return (
            hit
            if self._guide is None
            else self._guide.place(hit, self.last, earliest, self._random, manner.louder, fill)
        )

    def _observe(self, note: Note, tempo: float) -> None:
        hit = Hit(note.tick - self.last, note.instrument, note.velocity)
        self._state = self._model.advance(self._state, hit, tempo)
        self._reach.strike(note.tick, note.instrument)
        self.last = note.tick

"""Drumming hit by hit: from the groove that it starts from, on and on, in ticks."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from daemon.encodings.drums.hits import TICKS, Conditioning, Hit
from daemon.engines.drums.guide import FILL, Guide
from daemon.engines.drums.kit import CRASH, KICK, PlayableHits
from daemon.engines.drums.net import DrawRequest, DrumsModel
from daemon.engines.drums.primer import NEAR, Note, Primer, in_order
from daemon.engines.drums.swing import all_unswung, swung

LANDING = (KICK, CRASH)
SHORT = 150  # ticks between hits at most, in a fill and where it is dense
RATE, RIGHTING = 0.1, 0.3  # of what is late, how fast it is learned, and how much of it is taken back at a time


@dataclass(frozen=True, slots=True)
class DrawSettings:
    """How it is to be played: `dense` is the chance that no 16th is left empty, `tempo` in beats per minute."""

    conditioning: Conditioning
    dense: float
    temperature: float
    top_p: float
    tempo: float


@dataclass(frozen=True, slots=True)
class PrimedState:
    """What a model knows that has heard a groove up to the bar line after it; its last hit fell `before` (less than 0)
    ticks after that."""

    primer: Primer
    state: Any
    before: int
    guide: Guide | None


def prime(model: DrumsModel, primer: Primer) -> PrimedState:
    """At the groove's own tempo, whatever is played: so it is the same for good."""
    state, last = model.start(primer.bar, 0, primer.tempo), 0
    for note in primer.between(0, primer.length - NEAR):
        state = model.advance(state, Hit(note.tick - last, note.instrument, note.velocity), primer.tempo)
        last = note.tick
    return PrimedState(primer, state, last - primer.length, None if model.follows else Guide(primer))


class Drummer:
    """Its time begins at a bar line, one groove before the bar in which it comes in.

    `swing` (bar, pair, share) says where hits sound; `reach` goes by that.
    """

    def __init__(self, model: DrumsModel, home: PrimedState, reach: PlayableHits, random: np.random.Generator) -> None:
        self._model, self._home, self._random = model, home, random
        self._primer, self._guide, self._lean = home.primer, home.guide, LatenessTracker(home.primer)
        self._written: deque[Note] = deque()  # hits that are settled
        self._next: Note | None = None  # drawn, and not yet struck
        self.origin = home.primer.length  # of the bar line at or before which it comes in
        self.swing, self.reach = (home.primer.bar, TICKS, 0.5), reach
        self.go_home(self.origin)

    def come_in(self, position: int, tempo: float) -> None:
        """`position` ticks after that bar line; the rest of the bar it plays the groove that it starts from."""
        entry, self._free = self.origin + position, self.origin + self._primer.bar - NEAR
        for note in self._primer.between(self.origin - NEAR, entry - NEAR):
            self._tell(note, tempo)
        rest = [replace(n, tick=max(n.tick, entry)) for n in self._primer.between(entry - NEAR, self._free)]
        reach = self.reach.copy()
        for note in sorted(rest, key=in_order):
            sounds = swung(note.tick, *self.swing)
            if reach.can(sounds, note.instrument, tempo):
                reach.strike(sounds, note.instrument)
                self._written.append(note)

    def go_home(self, line: int) -> None:
        """From the bar line at tick `line` on it plays as if it had played the groove until there."""
        self._state, self.last = self._home.state, line + self._home.before
        self._turn = line - self.origin  # ticks by which this time is ahead of the model's
        self._next, self._free = None, line - NEAR

    @property
    def ahead(self) -> Note | None:
        """The hit that comes next, if it is settled."""
        return self._written[0] if self._written else self._next

    def draw(self, now: int, manner: DrawSettings) -> Note:
        """Settle it: it comes at or after tick `now`."""
        hit = self._draw(max(now, self._free), manner)
        self._next = Note(self.last + hit.gap, hit.instrument, hit.velocity)
        return self._next

    def strike(self, tempo: float) -> None:
        """Play the hit that comes next."""
        note = self._written.popleft() if self._written else self._next
        self._next = None
        if note is not None:
            self._tell(note, tempo)
            self._lean.hear(note.tick)
            self.reach.strike(swung(note.tick, *self.swing), note.instrument)

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
            if self.reach.can(swung(tick, *self.swing), instrument, tempo):
                self._written.append(Note(tick, instrument, velocity))

    def _draw(self, soonest: int, manner: DrawSettings) -> Hit:
        earliest = np.maximum(all_unswung(self.reach.earliest(manner.tempo), *self.swing), soonest) - self.last
        latest, fill = self._primer.bar, bool(manner.conditioning.fill)
        if fill or (manner.dense and self._random.random() < manner.dense):
            latest = SHORT
        request = DrawRequest(
            manner.conditioning, manner.temperature, manner.top_p, earliest,
            latest=max(latest, int(earliest.min()) + TICKS // 4), instrument_bias=FILL if fill else None,
            bar_bias=self._guide.weights if self._guide else None,
        )  # fmt: skip
        hit = self._model.draw(self._state, self._random, request)
        if self._guide:
            hit = self._guide.place(hit, self.last - self._turn, earliest, self._random, fill)
        gap = max(hit.gap - self._lean.excess, int(earliest[hit.instrument]), 0)
        return Hit(gap, hit.instrument, hit.velocity)

    def _tell(self, note: Note, tempo: float) -> None:
        hit = Hit(max(note.tick - self.last, 0), note.instrument, note.velocity)
        self._state = self._model.advance(self._state, hit, tempo)
        self.last = note.tick


class LatenessTracker:
    """How late the hits on the quarters are, on average, beyond those of the groove.

    A model goes by its own last hits, so what it is late by would add up.
    """

    def __init__(self, primer: Primer) -> None:
        late = [away for note in primer.notes if (away := _away(note.tick)) is not None]
        self._home = self._late = sum(late) / max(len(late), 1)

    def hear(self, tick: int) -> None:
        away = _away(tick)
        if away is not None:
            self._late += RATE * (away - self._late)

    @property
    def excess(self) -> int:
        """Ticks by which the next hit is to come earlier."""
        return round(RIGHTING * (self._late - self._home))


def _away(tick: int) -> int | None:
    """Ticks since the quarter that a hit is on, less than 0 before it; None: it is on none."""
    away = (tick + TICKS // 2) % TICKS - TICKS // 2
    return away if abs(away) <= NEAR else None


def on_quarter(tick: int) -> bool:
    return _away(tick) is not None

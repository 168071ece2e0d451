"""The choruses of a song: each is composed in a thread while the one before plays, so that no note waits for it.

The result is waited for at a fixed beat, so that the same calls give the same music however fast the machine is; but
not so long that the stage would take the leader for hung.
"""

from __future__ import annotations

import math
import time
from concurrent.futures import Future
from dataclasses import dataclass, replace
from threading import Lock

import numpy as np

from daemon.errors import SongError
from daemon.futures import in_thread
from daemon.music.leadsheet import LeadSheet
from daemon.song.composer import Composer, Wishes
from daemon.song.description import Song

KEPT = 4  # choruses
BLENDS = 8  # steps of the setting `blend`, each with a composer of its own
AS_WRITTEN = 0.5  # as `blend`
WITHOUT_WISHES = Wishes()
GRACE = 0.3  # seconds that a band waits for a chorus which should be there
SECONDS_PER_BAR, SECONDS_PER_WISHED_BAR, SECONDS_FOR_WISHES = 0.02, 0.1, 0.2  # that composing takes on a slow machine


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be composed: chorus `number` from `seed`, to `wishes`, with this share of the second style, after the
    chorus `before`, whose chords it has."""

    seed: int
    number: int
    wishes: Wishes = WITHOUT_WISHES
    blend: float = AS_WRITTEN
    before: LeadSheet | None = None

    def seconds(self, song: Song) -> float:
        """That composing takes at most, but on an overloaded machine. Wishes and blends are compiled anew."""
        if (self.wishes, self.blend) == (WITHOUT_WISHES, AS_WRITTEN):
            return song.bars * SECONDS_PER_BAR
        return SECONDS_FOR_WISHES + song.bars * SECONDS_PER_WISHED_BAR


class Choruses:
    """Raises SongError for a song that cannot be composed."""

    def __init__(self, song: Song) -> None:
        self._song, self._lock = song, Lock()
        self._composers = {AS_WRITTEN: Composer(song)}
        self._composed: dict[Order, Future[LeadSheet]] = {}
        self._wanted: set[Order] = set()  # what is still to be composed, or was
        self._begun: dict[Order, float] = {}  # seconds

    def begin(self, order: Order) -> None:
        """Compose in a thread what will be asked for."""
        if order not in self._composed:
            while len(self._composed) >= KEPT:
                oldest = next(iter(self._composed))  # but the first chorus, which each start needs
                self._composed.pop(next((each for each in self._composed if each.number > 1), oldest))
            self._wanted = {*self._composed, order}  # before the thread looks
            self._begun = {each: self._begun[each] for each in self._composed} | {order: time.monotonic()}
            self._composed[order] = in_thread(lambda: self._compose(order), f"chorus {order.number}")

    def forget(self) -> None:
        """What was begun is not needed, but for first choruses, which are the same after the next reset."""
        self._composed = {order: future for order, future in self._composed.items() if order.number == 1}
        self._wanted = set(self._composed)

    def sheet(self, order: Order, given: float = math.inf) -> LeadSheet:
        """The chorus; composed now, if nothing has begun it. Where nothing can be composed to the wishes, the chorus
        before once more; also where composing takes longer than the `given` seconds of music since its beginning. Where
        that music passed much faster, as in a rendering, no band waits, and composing may take its time."""
        self.begin(order)
        is_live = time.monotonic() - self._begun[order] >= given / 2
        try:
            return self._composed[order].result(GRACE if is_live and order.before is not None else None)
        except (SongError, TimeoutError):
            if order.before is None:
                raise
            return order.before

    def _compose(self, order: Order) -> LeadSheet:
        with self._lock:
            if order not in self._wanted:
                raise SongError(["the chorus is not needed any more"])  # seen by nobody
            random = np.random.default_rng([order.seed, order.number])
            return self._composer(order.blend).compose(random, order.before, order.wishes)

    def _composer(self, blend: float) -> Composer:
        blend = round(blend * BLENDS) / BLENDS if len(self._song.style) == 2 else AS_WRITTEN
        if blend not in self._composers:
            self._composers = {AS_WRITTEN: self._composers[AS_WRITTEN], blend: Composer(blended(self._song, blend))}
        return self._composers[blend]


def blended(song: Song, share: float) -> Song:
    """The song of two styles with another share of the second one: none at 0, AS_WRITTEN as the song says, all at 1."""
    (first, _), (second, weight) = song.style
    below, above = min(share, AS_WRITTEN) / AS_WRITTEN, max(share - AS_WRITTEN, 0.0) / (1 - AS_WRITTEN)
    weight = weight * below + (1 - weight) * above
    return replace(song, style=tuple((name, w) for name, w in ((first, 1 - weight), (second, weight)) if w))

"""Costs and temperatures of notes by their place in the music: at the end of a phrase or of the piece, under a long
note, on beats, and elsewhere.

The last chord of the piece is home, in root position; that of a phrase rather home or the dominant, if the soprano's
note belongs to one of them; before a phrase that ends at home, the dominant. Under a long note of the soprano a
consonant chord stays. A chord on a beat has a third. All costs are nats that are subtracted from log probabilities: a
note that costs something may still be the likeliest.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from daemon.encodings.chorale import (
    DISTANCE_UNKNOWN,
    KEY_UNKNOWN,
    LOWEST,
    REST,
    STEPS_PER_BEAT,
    SYMBOLS,
    UNKNOWN,
    VOICES,
    Hints,
)
from daemon.engines.shared.draw import Bools, Floats, Ints

HOME_COST, PHRASE_COST, DOMINANT_COST = 10.0, 2.0, 2.5  # of a note that belongs to none of the wanted chords
HOME_BASS_COST, BASS_COST = 6.0, 2.0  # more, for the bass, of a note of these chords that is not the root
ARRIVALS = (0, 8)  # 16ths after the bar line at which phrases often end
ARRIVAL_COST = 1.5  # as PHRASE_COST and BASS_COST, at these, where the future is unknown
BARE_COST = 3.0  # of a note that completes a chord on a beat without a third; half as much with one voice to come
DISSONANT_COST = 1.0  # of a note that completes a dissonance on a beat where the future is unknown
HOLD_COST, STRUCK_COST = 2.5, 0.3  # of a note that is not in the chord before, under a long note; where that is struck
NEAR = 4  # 16ths before the last chord of a phrase in which notes are chosen strictly
SHARE_OF_BARE = np.array([0.0, 1.0, 0.5, 0.0, 0.0])  # by the number of unknown voices
# Times the temperature of each voice: in and near the last chord of a phrase; where the future is unknown, on beats and
# between them; where it is known, the same.
STRICT = np.full(len(VOICES), 0.6)
LIVE = np.full(len(VOICES), 0.8), np.array([1.0, 1.7, 1.7, 0.8])
AHEAD = np.full(len(VOICES), 1.0), np.array([1.0, 3.6, 3.6, 0.8])
BASS = VOICES.index("bass")
PITCH_CLASSES = np.where(np.arange(UNKNOWN + 1) < REST, 1 << (np.arange(UNKNOWN + 1) + LOWEST) % 12, 0)  # as bits


def _chords(*kinds: Collection[int]) -> Bools:
    """(4096,), by the bits of pitch classes: whether they are a chord of one of the kinds, in semitones from a root."""
    found = np.zeros(1 << 12, dtype=np.bool_)
    for kind in kinds:
        for root in range(12):
            found[sum(1 << (root + interval) % 12 for interval in kind)] = True
    return found


BARE = _chords((0,), (0, 7))
CONSONANT = BARE | _chords(
    (0, 4, 7), (0, 3, 7), (0, 3, 6), (0, 4, 7, 10), (0, 3, 7, 10), (0, 4, 7, 11), (0, 3, 6, 10), (0, 3, 6, 9),
    (0, 4), (0, 3), (0, 4, 10),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Arrival:
    """`tones`, `roots` (chords, 48): whether each input symbol belongs to each wanted chord, is its root."""

    tones: Bools
    roots: Bools
    cost: float
    bass_cost: float

    def costs(self, voice: Ints, known: Ints) -> Floats:
        """Chords that a known note contradicts are wanted no longer; if none is left, nothing costs."""
        fits = np.all(self.tones[:, known] | (known >= REST), axis=2).T[:, :, None]  # (B, chords, 1)
        inside = np.any(fits & self.tones[None, :, :SYMBOLS], axis=1)
        root = np.any(fits & self.roots[None, :, :SYMBOLS], axis=1)
        costs = self.cost * ~inside + self.bass_cost * (~root & (voice == BASS)[:, None])
        return np.asarray(costs * fits.any(axis=1))


class Place:
    """A 16th, `position` 16ths after the bar line, of which the `hints` (1,) are known, under the symbol `soprano`;
    `hold_cost`: nats that a note costs that is not in the chord before, if the soprano repeats its pitch."""

    def __init__(self, position: int, hints: Hints, soprano: int = UNKNOWN, hold_cost: float = 0.0) -> None:
        phrase = int(hints.ends[0, 0])
        self._on_beat, self._is_live = position % STEPS_PER_BEAT == 0, hints.coming[0, 0] == UNKNOWN
        self._hold_cost = hold_cost
        self._strict = (phrase != DISTANCE_UNKNOWN and phrase <= NEAR) or hold_cost > 0
        self._arrival = arrival_at(hints, soprano)
        if self._is_live and position in ARRIVALS and hints.home[0] != KEY_UNKNOWN and self._arrival is None:
            self._arrival = _arrival(int(hints.home[0]), ("home", "dominant"), ARRIVAL_COST, ARRIVAL_COST)

    def temperatures(self, temperature: float) -> Floats:
        """(4,): the temperature of each voice."""
        factors = STRICT if self._strict else (LIVE if self._is_live else AHEAD)[not self._on_beat]
        return np.asarray(temperature * factors)

    def costs(self, voice: int | Ints, previous: Ints, known: Ints) -> Floats | None:
        """(B, 47): nats to subtract from the log probabilities of `voice`, a number or (B,), after the `previous` 16th
        (B, 4) and beside the `known` symbols (B, 4); None if all are 0."""
        costs: Floats | None = None
        if self._arrival is not None:
            costs = self._arrival.costs(np.broadcast_to(voice, len(known)), known)
        if self._on_beat:
            dissonant = DISSONANT_COST if self._is_live else 0.0
            unknown = (known == UNKNOWN).sum(axis=1)[:, None]
            chord = np.bitwise_or.reduce(PITCH_CLASSES[known], axis=1)[:, None] | PITCH_CLASSES[:SYMBOLS]
            of_beat = (unknown == 1) * dissonant * ~CONSONANT[chord] + BARE_COST * BARE[chord] * SHARE_OF_BARE[unknown]
            costs = of_beat if costs is None else costs + of_beat
        if self._hold_cost:
            chord = np.bitwise_or.reduce(PITCH_CLASSES[previous], axis=1)
            holds = (known[:, 0] == previous[:, 0]) & CONSONANT[chord]
            new = holds[:, None] & (chord[:, None] & PITCH_CLASSES[:SYMBOLS] == 0)
            costs = self._hold_cost * new if costs is None else costs + self._hold_cost * new
        return costs


def arrival_at(hints: Hints, soprano: int) -> Arrival | None:
    home, (phrase, piece) = int(hints.home[0]), hints.ends[0].tolist()
    if home == KEY_UNKNOWN:
        return None
    if piece == 0:
        return _arrival(home, ("home",), HOME_COST, HOME_BASS_COST)
    if phrase == 0:
        return _arrival(home, ("home", "dominant"), PHRASE_COST, BASS_COST)
    if phrase <= NEAR and hints.coming_in[0, 0] == phrase and soprano < REST:
        last, now = ((int(symbol) + LOWEST - home) % 12 for symbol in (hints.coming[0, 0], soprano))
        if last in (0, 3 if home >= 12 else 4) and now in (2, 5, 7, 11):
            return _arrival(home, ("dominant seventh",), DOMINANT_COST, DOMINANT_COST)
    return None


@lru_cache(maxsize=256)
def _arrival(home: int, names: tuple[str, ...], cost: float, bass_cost: float) -> Arrival:
    third = 3 if home >= 12 else 4
    chords = {"home": (0, third, 7), "dominant": (7, 11, 2), "dominant seventh": (7, 11, 2, 5)}
    symbols = np.arange(UNKNOWN + 1)

    def within(degrees: Collection[int]) -> Bools:
        return np.isin((symbols + LOWEST - home) % 12, list(degrees)) & (symbols < REST)

    tones, roots = (np.array([within(chords[name][:count]) for name in names]) for count in (4, 1))
    return Arrival(tones, roots, cost, bass_cost)

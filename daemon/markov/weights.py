"""Weights of a style's melodies by chords and meter, counted in its pieces.

**Chords.** w(note, chord) (daemon.markov.harmony). A tick of a rest has the weight of a tick of a note on average.

**Meter.** The model knows durations, not bars. The weight of an event is p(duration | place in the bar) divided by what
the durations before let expect there: the sum over these of p(before | place) p(duration | before). So it is 1 on
average wherever an event begins, and what usually follows, as a triplet after a triplet, gains nothing: runs of such
events would else fill any melody. Between the eighths it is also (p(place) / p(an eighth)), where below 1,
to the power PLACE_STRENGTH: a melody that has left the eighths, as after a single 16th, would else stay beside them for
bars.

What the notes of the style cost is given back to each note, as its gain.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from daemon.markov.constraints import Table
from daemon.markov.events import REST, TICKS, ChordEvent, MelodyEvent
from daemon.markov.harmony import Array, Harmonised, Harmony, notes_by_tick, sum_over_events

PLACE_STRENGTH = 0.4
EIGHTH = TICKS // 2
MOST_PIECES = 200  # of which the weight of a rest is taken
PRIOR = 20.0  # events: where few events begin, or come before, the others count


@dataclass(frozen=True, slots=True, eq=False)
class MelodyWeights:
    """`harmony`, and logarithms of weights: `meter` [place in the bar, duration] of an event that begins there, `rest`
    of a tick of a rest, `gain` of a note."""

    harmony: Harmony
    meter: Array
    rest: float = 0.0
    gain: float = 0.0

    def table(
        self,
        alphabet: Sequence[MelodyEvent],
        chords: Sequence[ChordEvent],
        strong: NDArray[np.bool_],
        density: float = 0.0,
    ) -> Table:
        """Of melodies on `chords`, which cover the ticks of `strong`. `density`: added to the gain."""
        pitches, durations = np.array(alphabet, np.intp).reshape(-1, 2).T
        by_tick = notes_by_tick(self.harmony, chords, strong)
        logs = sum_over_events(by_tick, by_tick, pitches % 12, durations)
        logs += self.gain + density
        logs[:, pitches == REST] = self.rest * durations[pitches == REST]
        meter = self.meter[:, durations]
        for bar in range(0, len(logs), len(meter)):
            logs[bar : bar + len(meter)] += meter[: len(logs) - bar]
        return Table(logs, "the chords and the meter")


def counted_weights(
    pieces: Sequence[Harmonised], rhythms: Iterable[Sequence[MelodyEvent]], harmony: Harmony, bar: int, longest: int
) -> MelodyWeights:
    """`rhythms`: melodies with bars of `bar` ticks. `longest`: the longest duration of an event."""
    return MelodyWeights(harmony, _meter(rhythms, longest, bar), _mean_cost(pieces[:MOST_PIECES], harmony))


def _mean_cost(pieces: Sequence[Harmonised], harmony: Harmony) -> float:
    """Of a tick at which a note sounds."""
    costs = []
    for melody, chords, strong in pieces:
        length = min(len(strong), sum(event[-1] for event in chords))
        pitches = np.repeat(*np.array(melody, np.intp).reshape(-1, 2).T)[:length]
        by_tick = notes_by_tick(harmony, chords, strong[:length])
        sounds = np.flatnonzero(pitches != REST)
        if len(sounds):
            costs.append(float(by_tick[sounds, pitches[sounds] % 12].mean()))
    return float(np.mean(costs)) if costs else 0.0


def _meter(melodies: Iterable[Sequence[MelodyEvent]], longest: int, bar: int) -> Array:
    """[place, duration]: log of the weight of an event that begins at the place; a duration that was not counted has
    that of its place."""
    counts, before, after = np.zeros((bar, longest + 1)), np.zeros((bar, longest + 1)), np.zeros((longest + 1,) * 2)
    for melody in melodies:
        ticks = np.array([ticks for _, ticks in melody], np.intp)
        places = (np.cumsum(ticks) - ticks) % bar
        known = np.where(ticks <= longest, ticks, 0)
        previous = np.concatenate(([0], known[:-1]))
        for table, index in ((counts, (places, known)), (before, (places, previous)), (after, (previous, known))):
            np.add.at(table, tuple(each[known > 0] for each in index), 1)
    overall = counts.sum(axis=0) / max(counts.sum(), 1.0)
    usual = before.sum(axis=0) / max(before.sum(), 1.0)
    expected = _with_prior(before, usual) @ _with_prior(after, overall)
    ratios = np.divide(_with_prior(counts, expected), expected, out=np.ones_like(counts), where=expected > 0)
    places = counts.sum(axis=1) + PRIOR / bar
    shares = np.minimum(places / places[::EIGHTH].mean(), 1.0) ** PLACE_STRENGTH
    shares[::EIGHTH] = 1
    return np.log(ratios * shares[:, None])  # type: ignore[no-any-return]


def _with_prior(counts: Array, prior: Array) -> Array:
    """Each row as probabilities, with PRIOR more events that have those of `prior`."""
    return (counts + PRIOR * prior) / (counts.sum(axis=1, keepdims=True) + PRIOR)  # type: ignore[no-any-return]

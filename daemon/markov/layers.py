"""Lead sheets in two layers, chords c and melody m: the distribution that songs, tests and measurements have in common.

Both are drawn one after the other, each exactly:

    p(c) proportional to      p_model(c) * constraints of the chords * w(known notes, c)
    p(m | c) proportional to  p_model(m) * constraints of the melody * w(m, c) * meter, rests and gain of m
                              * exp(-λ * distance of m from a source), for variations

w is the same in both: daemon.markov.harmony; the others: daemon.markov.weights and daemon.markov.variation. Without
known notes the chords are those of the style, and the melody follows the chords. With the whole melody known, the
chords harmonise the melody: p(c) is the unnormalised joint p_model(c) * w(m, c), made to add up to 1 for this melody.
The posterior of drawing chords first is another distribution: it divides by the sum over all melodies on the same
chords. With some notes known, the chords suit these notes, which constraints of the melody fix. Other constraints of
the melody do not bear on the chords.

Melodies that copy the corpus are rejected after that: daemon.markov.max_order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from daemon.markov.automaton import Event
from daemon.markov.constraints import Constraint, Table, Term, Weight
from daemon.markov.events import TICKS, ChordEvent, MelodyEvent
from daemon.markov.harmony import Harmony, chord_weights, starts, strong_ticks, sum_over_events
from daemon.markov.model import MarkovModel
from daemon.markov.sampler import Sampler, compile_sampler
from daemon.markov.variation import LIMITS, Strength, distance_weights, tuned
from daemon.markov.weights import MelodyWeights

GRID = (0, 3, 4, 6, 8, 9)  # ticks of a quarter note where 16ths and triplets of eighths begin
COSTS = (-2.0, 1.0)  # of a note, which are gains with the sign changed: the least and the most, in nats
USUAL_GAIN, NEAR = 0.4, 0.03  # nats; of the number of notes, by which it may differ
FREE = Strength(0.0, 0.95)  # about the distance of melodies from a source that does not bear on them
RHYTHM = 6.0  # nats for each event that begins elsewhere than in the bars whose rhythm is repeated
USUAL_STRENGTH = 0.1  # λ by tick, near distance 0


@dataclass(frozen=True, slots=True)
class Span:
    """What is composed: `length` and `bar` in ticks; `beats`: the strong ticks of each bar."""

    length: int
    bar: int
    beats: tuple[int, ...] = (0,)

    @property
    def strong(self) -> NDArray[np.bool_]:
        return strong_ticks(self.length, self.bar, self.beats)


@dataclass(frozen=True, slots=True)
class Layer:
    """A model and its constraints."""

    model: MarkovModel
    constraints: tuple[Constraint, ...] = ()

    def sampler(self, span: Span, *more: Constraint) -> Sampler:
        return compile_sampler(self.model, span.length, span.bar, (*self.constraints, *more))


@dataclass(frozen=True)
class OnGrid:
    """Events end on 16ths and triplets only: no rhythm drifts away from these, and there is less to compute."""

    length: int
    name: str = "16ths and triplets"
    where: int = 0

    def terms(self) -> tuple[Term, ...]:
        return tuple(Term(range(tick, self.length, TICKS), _ending(tick), 0, to_end=False) for tick in range(TICKS))


def _ending(tick: int) -> Weight:
    return lambda event: float((tick + event[-1]) % TICKS in GRID)


def chord_sampler(
    layer: Layer, span: Span, harmony: Harmony | None = None, known: Sequence[MelodyEvent] = ()
) -> Sampler:
    """Of chords. `known`: the known notes, which cover the span; where no note is known, a rest.

    With a whole melody in `known` this harmonises the melody."""
    if harmony is None or not known:
        return layer.sampler(span)
    weights = chord_weights(harmony, layer.model.events, known, span.strong)
    return layer.sampler(span, Table(weights, "the melody"))


def with_gain(
    weights: MelodyWeights, layer: Layer, span: Span, chords: Sequence[ChordEvent], notes: float
) -> MelodyWeights:
    """With the gain that leads to this expected number of notes on these chords, which cover the span."""
    model, free, ticks = layer.model, layer.sampler(span, OnGrid(span.length)), span.length

    def log_mass(weight: float) -> float:
        table = weights.table(model.events, chords, span.strong, -weight / ticks - weights.gain)
        return free.weighted(table).log_mass

    wanted, (least, most) = notes / ticks, COSTS
    without = Strength(0.0, wanted / 2)
    limits = least * ticks, most * ticks
    found = tuned(log_mass, wanted, without, -USUAL_GAIN * ticks, limits, NEAR * wanted)
    return replace(weights, gain=-found.weight / ticks)


def near(
    suiting: Table,
    sampler: Callable[[Table], Sampler],
    alphabet: Sequence[Event],
    source: Sequence[Event],
    wanted: float,
) -> Table:
    """Of variations of `source` at the expected distance `wanted`, or as near as the constraints allow: `suiting` and
    exp(-λ * distance). `sampler`: of the melodies with a table of weights."""
    costs, ticks = distance_weights(alphabet, source), len(suiting.logs)

    def table(weight: float) -> Table:
        return Table(costs, "the varied melody", -weight, suiting)

    if not wanted:
        return table(LIMITS[1])
    first = ticks * USUAL_STRENGTH * max(1 - wanted, 1 - FREE.distance)
    found = tuned(lambda weight: sampler(table(weight)).log_mass, wanted, FREE, first)
    return table(found.weight)


def in_rhythm(
    suiting: Table,
    alphabet: Sequence[MelodyEvent],
    source: Sequence[MelodyEvent],
    places: NDArray[np.intp],
    alike: NDArray[np.bool_],
) -> Table:
    """Of melodies that have, at the ticks that are `alike`, the rhythm of the first phrase of `source`: `suiting`, and
    exp(-RHYTHM) for each of these ticks at which an event begins in only one of the two. `places`: of each tick, the
    tick of the first phrase."""
    begins = np.isin(places, starts(source))
    kinds, durations = np.zeros(len(alphabet), np.intp), np.array([event[-1] for event in alphabet], np.intp)
    at_start, while_held = (differs[:, None].astype(float) for differs in (alike & ~begins, alike & begins))
    costs = sum_over_events(at_start, while_held, kinds, durations)
    return Table(costs, "the rhythm of the first phrase", -RHYTHM, suiting)

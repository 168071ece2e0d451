"""Lead sheets in two layers, chords and melody, with h(pitch class, chord) between them.

The distribution. Chords c and melody m are drawn one after the other:

    p(c) proportional to  p_model(c) * constraints of the chords * product of h(note, chord) over the known notes
    p(m | c) proportional to  p_model(m) * constraints of the melody * product of h(note, chord) over all notes

Both draws are exact. Without known notes the chords are those of the style, and the melody follows the chords. With the
whole melody known, the chords harmonise the melody: p(c) is the unnormalised joint p_model(c) * h(m, c), made to add up
to 1 for this melody. The posterior of drawing chords first is another distribution: it divides by the sum over all
melodies on the same chords. With some notes known, the chords suit these notes, which constraints of the melody fix.
Other constraints of the melody do not bear on the chords.

Songs draw their chords so; the melody on the chords is weighted otherwise there: daemon.song.composing.weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from daemon.markov.constraints import Constraint, Table
from daemon.markov.events import TICKS, ChordEvent, MelodyEvent
from daemon.markov.harmony import Harmony, chord_weights, melody_weights, strong_ticks
from daemon.markov.model import MarkovModel
from daemon.markov.sampler import Sampler, compile_sampler

GRID = (0, 3, 4, 6, 8, 9)  # ticks of a quarter note where 16ths and triplets of eighths begin


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


def on_grid(model: MarkovModel, span: Span) -> Table:
    """Events end on 16ths and triplets only: no rhythm drifts away from these, and there is less to compute."""
    ends = np.arange(span.length)[:, None] + [event[-1] for event in model.events]
    return Table(np.where(np.isin(ends % TICKS, GRID), 0.0, -np.inf), "16ths and triplets")


def chord_sampler(
    layer: Layer, span: Span, harmony: Harmony | None = None, known: Sequence[MelodyEvent] = ()
) -> Sampler:
    """Of chords. `known`: the known notes, which cover the span; where no note is known, a rest.

    With a whole melody in `known` this harmonises the melody."""
    if harmony is None or not known:
        return layer.sampler(span)
    weights = chord_weights(harmony, layer.model.events, known, span.strong)
    return layer.sampler(span, Table(weights, "the melody"))


def melody_sampler(layer: Layer, span: Span, harmony: Harmony, chords: Sequence[ChordEvent]) -> Sampler:
    """Of melodies on these chords, which cover the span."""
    return layer.sampler(span, on_chords(layer, span, harmony, chords))


def on_chords(layer: Layer, span: Span, harmony: Harmony, chords: Sequence[ChordEvent]) -> Table:
    """The constraint that the events of a melody suit the chords."""
    weights = melody_weights(harmony, layer.model.events, chords, span.strong)
    return Table(weights, "the chords")

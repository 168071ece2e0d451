"""Samples of a style as large as a real one: statistics of the corpus, copies against all keys by another finder."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest

from daemon.errors import JamdError
from daemon.markov.automaton import Event
from daemon.markov.constraints import Fixed
from daemon.markov.events import REST, MelodyEvent
from daemon.markov.harmony import stated_harmony
from daemon.markov.layers import GRID, Layer, OnGrid, Span
from daemon.markov.max_order import CopyIndex, longest_copy, without_copies
from daemon.markov.model import Corpus, MarkovModel
from daemon.markov.sampler import Sampler
from daemon.markov.weights import counted_weights
from tests.markov import copies
from tests.markov.copies import has_copy

SPAN = Span(8 * 48, 48)


class Drawn:
    given = ()

    def __init__(self, events: tuple[MelodyEvent, ...]) -> None:
        self.events = events


def track(chance: random.Random, events: int) -> tuple[MelodyEvent, ...]:
    place, melody = 7, []
    while len(melody) < events:
        for duration in chance.choice(((12, 12, 12, 12), (18, 6, 12, 12), (24, 12, 6, 6), (8, 8, 8, 24))):
            place = min(max(place + chance.choice((-2, -1, -1, 0, 1, 1, 2)), 0), 14)
            pitch = (0, 2, 4, 5, 7, 9, 11)[place % 7] + place // 7 * 12
            melody.append((REST if chance.random() < 0.1 else pitch, duration))
    return tuple(melody[:events])


PIECES = tuple(track(random.Random(number), 100) for number in range(60))


def model(order: int) -> MarkovModel:
    return MarkovModel([(Corpus(PIECES), 1.0)], order)


def bigrams(melodies: Sequence[Sequence[Event]]) -> dict[tuple[Event, Event], float]:
    counts = Counter(pair for melody in melodies for pair in pairwise(melody))
    return {pair: count / counts.total() for pair, count in counts.items()}


def difference(one: Sequence[Sequence[Event]], other: Sequence[Sequence[Event]]) -> float:
    """Between the shares of the pairs of events: the total variation, 0-1."""
    first, second = bigrams(one), bigrams(other)
    return sum(abs(first.get(pair, 0) - second.get(pair, 0)) for pair in first | second) / 2


@pytest.mark.parametrize("order", [1, 2])
def test_pairs_of_events_are_as_frequent_as_in_the_corpus(order: int) -> None:
    """About as near as two halves of the corpus are to each other; samples of order 0 are not."""
    chance = np.random.default_rng(1)
    sampler = Layer(model(order)).sampler(Span(16 * 48, 48))
    halves = difference(PIECES[::2], PIECES[1::2])
    assert difference([sampler.sample(chance) for _ in range(150)], PIECES) < halves
    order_0 = Layer(model(0)).sampler(Span(16 * 48, 48))
    assert difference([order_0.sample(chance) for _ in range(150)], PIECES) > 1.5 * halves


@pytest.mark.parametrize("max_order", [6, 7])
def test_no_sample_has_a_copy_of_max_order_notes_in_any_key(max_order: int) -> None:
    sampler, index, chance = Layer(model(2)).sampler(SPAN), CopyIndex(PIECES, max_order), np.random.default_rng(2)
    free = [sampler.sample(chance) for _ in range(30)]
    assert any(has_copy(melody, PIECES, max_order) for melody in free)
    for _ in range(30):
        accepted, _ = without_copies(lambda stop: Drawn(sampler.sample(chance, stop)), index, 2000)
        assert not has_copy(accepted.events, PIECES, max_order)
        assert longest_copy(accepted.events, PIECES).length < max_order


def test_the_mass_of_the_automaton_is_the_acceptance_of_rejection() -> None:
    layer, pieces, span = Layer(model(1)), PIECES[:12], Span(3 * 48, 48)
    free = layer.sampler(span)
    without = layer.sampler(span, copies.without_copies(pieces, 4))
    index, chance = CopyIndex(pieces, 4), np.random.default_rng(3)
    share = sum(not index.copies(free.sample(chance)) for _ in range(1000)) / 1000
    assert 0.1 < share < 0.9
    assert np.exp(without.log_mass - free.log_mass) == pytest.approx(share, abs=0.065)  # four standard deviations
    chance = np.random.default_rng(4)
    assert not any(has_copy(without.sample(chance), pieces, 4) for _ in range(200))


def test_where_every_melody_is_a_copy_the_error_names_a_max_order_that_is_possible() -> None:
    layer = Layer(MarkovModel([(Corpus(PIECES[:1]), 1.0)], 3))
    sampler, random = layer.sampler(SPAN), np.random.default_rng(1)
    with pytest.raises(JamdError, match=r"all of 50 melodies .* set max_order to \d+ or more") as caught:
        without_copies(lambda stop: Drawn(sampler.sample(random, stop)), CopyIndex(PIECES[:1], 4), 50)
    possible = int(str(caught.value).split("set max_order to ")[1].split()[0])
    without_copies(lambda stop: Drawn(sampler.sample(random, stop)), CopyIndex(PIECES[:1], possible), 2000)


def test_constraints_chords_and_no_copies_together() -> None:
    """Each sample, checked by hand: on the grid, the fixed note, no copies; chord tones on strong beats prevail."""
    harmony = stated_harmony({"": (0, 4, 7), "7": (0, 4, 7, 10)})
    chords = ((0, "", 96), (5, "", 96), (7, "7", 96), (0, "", 96))
    given = Fixed(192, lambda event: float(event[0] == 11), "the third of the dominant")
    index, chance = CopyIndex(PIECES, 6), np.random.default_rng(5)

    def share_of_chord_tones(melodies: Sequence[Sequence[Event]]) -> float:
        hits = []
        for melody in melodies:
            tick = 0
            for pitch, duration in melody:
                root, quality, _ = chords[tick // 96]
                if pitch != REST and tick % 48 == 0:
                    hits.append((pitch - root) % 12 in {"": (0, 4, 7), "7": (0, 4, 7, 10)}[quality])
                tick += duration
        return sum(hits) / len(hits)

    layer = Layer(model(2), (given, OnGrid(SPAN.length)))
    weights = counted_weights([], PIECES, harmony, 48, 48).table(layer.model.events, chords, SPAN.strong)
    sampler = layer.sampler(SPAN).weighted(weights)
    melodies = [
        without_copies(lambda stop: Drawn(sampler.sample(chance, stop)), index, 2000)[0].events for _ in range(40)
    ]
    for melody in melodies:
        ticks = np.cumsum([0, *(duration for _, duration in melody)])
        assert ticks[-1] == SPAN.length
        assert {tick % 12 for tick in ticks} <= set(GRID)
        assert melody[list(ticks).index(192)][0] == 11
        assert not has_copy(melody, PIECES, 6)
    free = layer.sampler(SPAN)
    assert share_of_chord_tones(melodies) > 0.75
    assert share_of_chord_tones([free.sample(chance) for _ in range(40)]) < 0.65


def test_events_begin_on_16ths_and_triplets() -> None:
    pieces = (((0, 3), (0, 4), (2, 3), (0, 4), (0, 12)) * 4,)
    layer, span, chance = Layer(MarkovModel([(Corpus(pieces), 1.0)], 0)), Span(96, 48), np.random.default_rng(1)

    def places(sampler: Sampler) -> set[int]:
        return {
            int(tick) % 12
            for _ in range(100)
            for tick in np.cumsum([duration for _, duration in sampler.sample(chance)])
        }

    assert places(layer.sampler(span)) == set(range(12))
    assert places(layer.sampler(span, OnGrid(span.length))) == set(GRID)

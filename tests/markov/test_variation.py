"""Distances from a source, and λ."""

import math
import random

import pytest

from daemon.markov.events import REST
from daemon.markov.variation import Strength, distance, distance_weights, tuned

SOURCE = ((0, 12), (4, 6), (4, 6), (REST, 12), (7, 12))


def test_distance_is_the_share_of_ticks_that_differ():
    assert distance(SOURCE, SOURCE) == 0
    assert distance(SOURCE, ((0, 12), (5, 6), (4, 6), (REST, 12), (7, 12))) == pytest.approx(6 / 48)
    assert distance(SOURCE, ((0, 12), (4, 12), (REST, 12), (7, 12))) == pytest.approx(1 / 48)  # the second note begins
    assert distance(SOURCE, tuple((99, duration) for _, duration in SOURCE)) == 1


def test_sequences_of_other_lengths_are_not_compared():
    with pytest.raises(ValueError, match="48 and 12 ticks"):
        distance(SOURCE, ((0, 12),))


@pytest.mark.parametrize("seed", range(10))
def test_the_weights_of_the_events_sum_to_the_distance(seed):
    rng = random.Random(seed)
    other = []
    while (left := 48 - sum(duration for _, duration in other)) > 0:
        other.append((rng.choice([REST, 0, 4, 7]), min(rng.choice([3, 6, 12, 24]), left)))
    weights = distance_weights(other, SOURCE)
    tick, summed = 0, 0.0
    for number, event in enumerate(other):
        summed += weights[tick, number]
        tick += event[-1]
    assert summed == pytest.approx(distance(other, SOURCE), abs=1e-12)


def test_chords_have_distances_too():
    chords = ((0, "", 24), (7, "7", 24))
    assert distance(chords, ((0, "", 24), (7, "", 24))) == 0.5
    assert distance_weights([(7, "7", 24)], chords)[24, 0] == 0


GUESS = Strength(0.0, 0.9)


def bits(number, weight):
    """log Z of so many bits that differ with probability 1/2 each: the expected distance is 1 / (1 + exp(λ / n))."""
    return number * math.log(0.5 + 0.5 * math.exp(-weight / number))


@pytest.mark.parametrize("first", [1.0, 16.0, 400.0])
@pytest.mark.parametrize("wanted", [0.05, 0.1, 0.3, 0.45])
def test_lambda_leads_to_the_wanted_distance(wanted, first):
    found = tuned(lambda weight: bits(20, weight), wanted, GUESS, first, tolerance=0.005)
    assert found.distance == pytest.approx(wanted, abs=5e-3)
    assert 1 / (1 + math.exp(found.weight / 20)) == pytest.approx(wanted, abs=5.1e-3)


def test_a_distance_beyond_that_of_the_style_is_stated():
    """The samples are those of the style then, and no farther."""
    found = tuned(lambda weight: bits(1, weight), 0.9, GUESS, 16.0)
    assert (found.weight, found.distance) == (0, pytest.approx(0.5, abs=1e-4))


def test_a_distance_below_the_least_is_stated():
    """All sequences of the style are at least 0.4 away."""
    found = tuned(lambda weight: -0.4 * weight + bits(10, weight) / 10, 0.1, GUESS, 16.0)
    assert found.distance == pytest.approx(0.4, abs=5e-3)


def test_lambda_may_be_below_nought_where_more_is_wanted():
    found = tuned(lambda weight: bits(20, weight), 0.8, Strength(0.0, 0.5), -10.0, (-100.0, 50.0))
    assert found.weight < 0 and found.distance == pytest.approx(0.8, abs=0.02)


def test_few_masses_are_needed():
    weights = []
    tuned(lambda weight: weights.append(weight) or bits(20, weight), 0.3, Strength(0.0, 0.5), 30.0)
    assert len(weights) <= 6

"""Distances from a source, and λ."""

import math
import random

import pytest

from daemon.markov.events import REST
from daemon.markov.variation import distance, distance_weights, tuned

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


@pytest.mark.parametrize("wanted", [0.05, 0.1, 0.3, 0.45])
def test_lambda_leads_to_the_wanted_distance(wanted):
    """20 bits that differ with probability 1/2 each: the expected distance is 1 / (1 + exp(λ / 20))."""
    found = tuned(lambda weight: 20 * math.log(0.5 + 0.5 * math.exp(-weight / 20)), wanted)
    assert found.distance == pytest.approx(wanted, abs=5e-3)
    assert 1 / (1 + math.exp(found.weight / 20)) == pytest.approx(wanted, abs=5.1e-3)


def test_a_distance_beyond_that_of_the_style_is_stated():
    """The samples are those of the style then, and no farther."""
    found = tuned(lambda weight: math.log(0.5 + 0.5 * math.exp(-weight)), 0.9)
    assert (found.weight, found.distance) == (0, pytest.approx(0.5, abs=1e-4))


def test_a_distance_below_the_least_is_stated():
    """All sequences of the style are at least 0.4 away."""
    found = tuned(lambda weight: -0.4 * weight + math.log(0.5 + 0.5 * math.exp(-weight / 10)), 0.1)
    assert found.distance == pytest.approx(0.4, abs=5e-3)

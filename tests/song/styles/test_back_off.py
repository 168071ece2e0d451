"""The fit of the back-off agrees with the model that the sampler works on, and finds the best weights."""

from __future__ import annotations

import math

import numpy as np
import pytest

from daemon.markov.model import Corpus, MarkovModel
from daemon.song.styles.back_off import blended, fitted, held_out, measured
from tests.markov.probability import log_probability

Events = tuple[tuple[str, int], ...]
ORDER = 3


def words(text: str) -> list[Events]:
    return [tuple((letter, 1) for letter in word) for word in text.split()]


def random_words(seed: int, count: int, letters: str) -> list[Events]:
    random = np.random.default_rng(seed)
    return [tuple((letters[i], 1) for i in random.integers(len(letters), size=12)) for _ in range(count)]


CORPUS, MUSIC = random_words(1, 8, "abc"), random_words(2, 5, "abc")


@pytest.mark.parametrize(
    "weights", [(0.1, 0.2, 0.3, 0.4), (1.0, 0.0, 0.0, 0.0), (0.0, 0.5, 0.5, 0.0), (0.3, 0.7)], ids=repr
)
def test_the_probability_is_that_of_the_model(weights: tuple[float, ...]) -> None:
    order = len(weights) - 1
    music = held_out(MUSIC, ["here"] * 5, CORPUS, ["there"] * 8, ORDER).up_to(order)
    model = MarkovModel([(Corpus(tuple(CORPUS)), 1.0)], order, weights)
    expected = -sum(log_probability(model, piece) for piece in MUSIC) / music.events
    fit = measured(music, np.array(weights))
    assert (fit.impossible, fit.nats) == (0, pytest.approx(expected, abs=1e-12))


def test_a_blend_is_that_of_the_model() -> None:
    other = random_words(3, 4, "abd")
    parts = [held_out(MUSIC, ["here"] * 5, corpus, ["there"] * len(corpus), ORDER) for corpus in (CORPUS, other)]
    weights = (0.2, 0.3, 0.2, 0.3)
    model = MarkovModel([(Corpus(tuple(CORPUS)), 0.6), (Corpus(tuple(other)), 0.4)], ORDER, weights)
    expected = -sum(log_probability(model, piece) for piece in MUSIC) / parts[0].events
    assert measured(blended(parts[0], parts[1], 0.4), np.array(weights)).nats == pytest.approx(expected, abs=1e-12)


def test_the_weights_are_the_best() -> None:
    music = held_out(MUSIC, ["here"] * 5, CORPUS, ["there"] * 8, 2)
    fit = fitted(music)
    grid = [np.array([a, b, 10 - a - b]) / 10 for a in range(11) for b in range(11 - a)]
    assert fit.nats < min(measured(music, weights).nats for weights in grid) + 0.002
    assert math.isclose(fit.weights.sum(), 1)


def test_the_group_of_a_piece_is_left_out() -> None:
    pieces = words("abab abac")
    both = held_out(pieces, ["one", "other"], pieces, ["one", "other"], 1).probabilities
    assert both[0, :, 0].tolist() == [0.5, 0.25, 0.5, 0.25]  # in abac
    assert both[1, 3, 0] == 0  # c is in the other piece only
    whole = held_out(pieces, ["x", "x"], pieces, ["one", "other"], 1).probabilities
    assert whole[0, 0, 0] == 0.5 and not np.isnan(whole[0, :, 1]).any()
    alone = held_out(pieces, ["one", "one"], pieces, ["one", "one"], 1)
    assert np.isnan(alone.probabilities).all() and measured(alone, np.array([0.5, 0.5])).impossible == 8


def test_an_impossible_event_is_counted_and_then_all_is_remembered_again() -> None:
    music = held_out(words("abzab"), ["here"], words("ababab"), ["there"], 1)
    assert measured(music, np.array([0.0, 1.0])).impossible == 2  # z, and the a after z
    fit = measured(music, np.array([0.5, 0.5]))
    chances = [0.75, 0.75, 0.5, 0.75]  # half of order 0, half of order 1; after z of order 0 alone
    assert (fit.impossible, fit.nats) == (1, pytest.approx(-np.log(chances).mean()))


def test_orders_may_be_left_out() -> None:
    music = held_out(MUSIC, ["here"] * 5, CORPUS, ["there"] * 8, 2)
    possible = np.nan_to_num(music.probabilities[:, :, 2]) > 0
    fit = fitted(music.only(possible, 1))
    assert fit.weights[0] == pytest.approx(0, abs=1e-6) and fit.impossible == int((~possible).sum())


def test_long_pieces_are_cut_without_loss_of_context() -> None:
    piece = words("ab" * 400)
    music = held_out(piece, ["here"], words("ab" * 50), ["there"], 2)
    assert music.lengths.tolist() == [256, 256, 256, 32] and music.events == 800
    assert measured(music, np.array([0.0, 0.0, 1.0])).nats == pytest.approx(0, abs=1e-9)

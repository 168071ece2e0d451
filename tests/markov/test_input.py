"""Models and constraints that make no sense are refused."""

from __future__ import annotations

import numpy as np
import pytest

from daemon.markov.constraints import Begins, Fixed
from daemon.markov.model import Corpus, MarkovModel
from daemon.markov.sampler import compile_sampler
from tests.markov.probability import log_probability

CORPUS = Corpus(((("a", 1), ("b", 2)),))


@pytest.mark.parametrize(
    ("blend", "order", "weights", "message"),
    [
        ([(CORPUS, 1.0)], 1, (1.0,), "1 weights for the orders 0 to 1"),
        ([(CORPUS, 1.0)], 1, (0.0, 0.0), "weights by order"),
        ([(CORPUS, 1.0)], 1, (1.0, -1.0), "weights by order"),
        ([(CORPUS, 1.0)], 1, (1.0, float("nan")), "weights by order"),
        ([(CORPUS, 1.0)], 1, (1e-200, 1.0), "a weight by order is over 1e.100 times as large"),
        ([(CORPUS, 0.0)], 1, None, "weights by corpus"),
        ([], 1, None, "weights by corpus"),
        ([(Corpus(()), 1.0)], 1, None, "no events"),
        ([(Corpus(((),)), 1.0)], 1, None, "no events"),
        ([(Corpus(((("a", 0),),)), 1.0)], 1, None, "no whole number of ticks"),
        ([(Corpus(((("a", 1.5),),)), 1.0)], 1, None, "no whole number of ticks"),
    ],
)
def test_a_model(blend: list, order: int, weights: tuple | None, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MarkovModel(blend, order, weights)


@pytest.mark.parametrize("weight", [-1.0, float("nan"), float("inf")])
def test_a_weight(weight: float) -> None:
    with pytest.raises(ValueError, match="odd: a weight is negative or not finite"):
        compile_sampler(MarkovModel([(CORPUS, 1.0)], 1), 3, 4, [Begins(range(3), lambda event: weight, "odd")])


def test_a_length() -> None:
    with pytest.raises(ValueError, match="length"):
        compile_sampler(MarkovModel([(CORPUS, 1.0)], 1), 0, 4)


def test_a_constraint_outside_of_the_sequence() -> None:
    model = MarkovModel([(CORPUS, 1.0)], 1)
    for tick in (-1, 4):
        with pytest.raises(ValueError, match=f"note: tick {tick} lies outside of 0 to 3"):
            compile_sampler(model, 3, 4, [Fixed(tick, lambda event: 1.0, "note")])


def test_a_constraint_without_ticks_says_nothing() -> None:
    model = MarkovModel([(CORPUS, 1.0)], 1)
    nothing = Begins(range(2, 2), lambda event: 0.0, "never")
    assert compile_sampler(model, 3, 4, [nothing]).log_mass == compile_sampler(model, 3, 4).log_mass


def test_weights_may_be_whole_numbers() -> None:
    pieces = ((("a", 1), ("b", 1)),), ((("a", 1), ("a", 1)),)
    whole, real = (
        MarkovModel([(Corpus(pieces[0]), kind(2)), (Corpus(pieces[1]), kind(1))], 1, (kind(1), kind(3)))
        for kind in (int, float)
    )
    assert compile_sampler(whole, 2, 2).sample(np.random.default_rng(1))
    assert log_probability(whole, (("a", 1), ("b", 1))) == log_probability(real, (("a", 1), ("b", 1)))

"""Random draws among the allowed symbols."""

import numpy as np
import pytest

from daemon.engines.shared.draw import choose, sigmoid

ALL = np.ones((1, 47), dtype=np.bool_)


def test_temperature_0_selects_the_most_likely_allowed_symbol() -> None:
    scores = np.zeros((1, 47))
    scores[0, 10], scores[0, 20] = 5, 3
    mask = ALL.copy()
    mask[0, 10] = False
    assert choose(scores, mask, 0.0, 1.0, np.array([0.5]))[0][0] == 20


def test_symbols_outside_the_mask_are_never_drawn() -> None:
    """BachBot set their logits to 0, which is the largest among negative ones."""
    scores = np.full((1, 47), -50.0)
    mask = np.zeros_like(ALL)
    mask[0, [3, 4]] = True
    for draw in np.linspace(0, 0.999999, 50):
        assert choose(scores, mask, 1.0, 1.0, np.array([draw]))[0][0] in (3, 4)


def test_draws_follow_the_tempered_distribution() -> None:
    scores = np.log(np.array([[0.6, 0.3, 0.1] + [1e-12] * 44]))
    draws = (np.arange(10000) + 0.5) / 10000
    for temperature in (1.0, 0.5):
        chosen, _, drawn = choose(np.repeat(scores, 10000, 0), np.repeat(ALL, 10000, 0), temperature, 1.0, draws)
        expected = np.array([0.6, 0.3, 0.1]) ** (1 / temperature)
        expected /= expected.sum()
        counts = np.bincount(chosen, minlength=3)[:3] / 10000
        np.testing.assert_allclose(counts, expected, atol=2e-4)
        np.testing.assert_allclose(np.exp(drawn), expected[chosen], rtol=1e-6)


def test_top_p_leaves_out_the_least_likely_symbols() -> None:
    scores = np.log(np.array([[0.6, 0.3, 0.1] + [1e-12] * 44]))
    draws = (np.arange(1000) + 0.5) / 1000
    for top_p, kept in ((0.05, {0}), (0.59, {0}), (0.61, {0, 1}), (0.95, {0, 1, 2})):
        chosen, _, drawn = choose(np.repeat(scores, 1000, 0), np.repeat(ALL, 1000, 0), 1.0, top_p, draws)
        assert set(chosen.tolist()) == kept
        assert np.isclose(np.exp(drawn[:1]), 0.6 / sum([0.6, 0.3, 0.1][: len(kept)]))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("temperature", [0.0, 0.7])
def test_values_that_are_not_finite_still_give_an_allowed_symbol(value: float, temperature: float) -> None:
    mask = np.zeros_like(ALL)
    mask[0, 12:35] = True
    for draw in (0.0, 0.5, np.nextafter(1, 0)):
        chosen, _, _ = choose(np.full((1, 47), value), mask, temperature, 0.5, np.array([draw]))
        assert mask[0, chosen[0]]


def test_sigmoid_of_extreme_logits() -> None:
    assert sigmoid(np.array([-1e9, 0.0, 1e9]), 0.01).tolist() == [0.0, 0.5, 1.0]
    assert sigmoid(np.array([-0.1, 0.1]), 0.0).tolist() == [0.0, 1.0]

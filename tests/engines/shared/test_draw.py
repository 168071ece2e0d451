"""Masks, penalties and draws."""

import numpy as np
import pytest

from daemon.encodings.chorale import LOWEST, RANGES, REST, UNKNOWN, VOICES
from daemon.engines.harmoniser.voice_leading import allowed, fold, parallels
from daemon.engines.shared.draw import choose, probability

ALL = np.ones((1, REST + 1), dtype=np.bool_)


def symbols(*pitches: int | None) -> np.ndarray:
    return np.array([[UNKNOWN if p is None else p - LOWEST for p in pitches]])


def test_only_the_range_and_never_a_rest() -> None:
    for voice, name in enumerate(VOICES):
        mask = allowed(voice, symbols(None, None, None, None))[0]
        low, high = RANGES[name]
        assert np.flatnonzero(mask).tolist() == list(range(low - LOWEST, high - LOWEST + 1))


def test_no_crossing_among_known_voices() -> None:
    tenor = np.flatnonzero(allowed(2, symbols(72, 62, None, 50))[0]) + LOWEST
    assert (tenor.min(), tenor.max()) == (50, 62)
    alto = np.flatnonzero(allowed(1, np.array([[66 - LOWEST, UNKNOWN, REST, UNKNOWN]]))[0]) + LOWEST
    assert alto.max() == 66


def test_crossing_is_given_up_before_the_range() -> None:
    mask = allowed(1, symbols(50, None, 65, None))[0]
    low, high = RANGES["alto"]
    assert np.flatnonzero(mask).tolist() == list(range(low - LOWEST, high - LOWEST + 1))


@pytest.mark.parametrize(
    ("before", "after", "bad"),
    [
        (
            (72, None, None, 53),
            (74, None, None, None),
            {43, 55, 67},
        ),  # fifth + octave: to a fifth, in the same direction
        ((72, None, None, 60), (74, None, None, None), {62, 74}),
        ((72, None, None, 60), (72, None, None, None), set()),  # the soprano stays
        ((72, None, None, 57), (74, None, None, None), set()),  # it was no fifth or octave
        ((72, None, None, 60), (71, None, None, None), {47, 59}),
    ],
)
def test_parallels(before: tuple[int | None, ...], after: tuple[int | None, ...], bad: set[int]) -> None:
    found = parallels(3, symbols(*before), symbols(*after))
    got = set() if found is None else {int(s) + LOWEST for s in np.flatnonzero(found[0])}
    moved = {pitch for pitch in got if (pitch - before[3]) * (after[0] - before[0]) > 0}  # type: ignore[operator]
    assert got == moved
    assert got >= {p for p in bad if (p - before[3]) * (after[0] - before[0]) > 0} or not bad  # type: ignore[operator]
    if not bad:
        assert not got


def test_temperature_zero_takes_the_likeliest_allowed() -> None:
    scores = np.zeros((1, 47))
    scores[0, 10], scores[0, 20] = 5, 3
    mask = ALL.copy()
    mask[0, 10] = False
    assert choose(scores, mask, 0.0, 1.0, np.array([0.5]))[0][0] == 20


def test_forbidden_symbols_never_win() -> None:
    """BachBot gave them a logit of 0, which wins among negative ones."""
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


def test_top_p_cuts_the_tail() -> None:
    scores = np.log(np.array([[0.6, 0.3, 0.1] + [1e-12] * 44]))
    draws = (np.arange(1000) + 0.5) / 1000
    for top_p, kept in ((0.05, {0}), (0.59, {0}), (0.61, {0, 1}), (0.95, {0, 1, 2})):
        chosen, _, drawn = choose(np.repeat(scores, 1000, 0), np.repeat(ALL, 1000, 0), 1.0, top_p, draws)
        assert set(chosen.tolist()) == kept
        assert np.isclose(np.exp(drawn[:1]), 0.6 / sum([0.6, 0.3, 0.1][: len(kept)]))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("temperature", [0.0, 0.7])
def test_it_never_fails(value: float, temperature: float) -> None:
    mask = allowed(1, symbols(72, None, None, None))
    for draw in (0.0, 0.5, np.nextafter(1, 0)):
        chosen, _, _ = choose(np.full((1, 47), value), mask, temperature, 0.5, np.array([draw]))
        assert mask[0, chosen[0]]


def test_fold() -> None:
    for name in VOICES:
        low, high = RANGES[name]
        for pitch in range(128):
            assert low <= fold(pitch, name) <= high
            assert (fold(pitch, name) - pitch) % 12 == 0
        assert fold(low, name) == low and fold(high, name) == high


def test_probability_of_extreme_logits() -> None:
    got = probability(np.array([-1e9, 0.0, 1e9]), 0.01)
    assert got.tolist() == [0.0, 0.5, 1.0]
    assert probability(np.array([-0.1, 0.1]), 0.0).tolist() == [0.0, 1.0]

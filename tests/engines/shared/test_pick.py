"""`pick`: one draw from a single row of scores."""

from typing import Any

import numpy as np

from daemon.engines.shared.draw import choose, pick


class FixedGenerator:
    """A random generator that returns the given numbers."""

    def __init__(self, *draws: float) -> None:
        self._draws = iter(draws)

    def random(self) -> float:
        return next(self._draws)


def picked(scores: Any, temperature: float, top_p: float, *draws: float) -> int | None:
    return pick(scores, temperature, top_p, FixedGenerator(*draws))  # type: ignore[arg-type]


def test_pick() -> None:
    scores = np.log(np.array([0.1, 0.0, 0.6, 0.3]) + 1e-300)
    assert [picked(scores, 1.0, 1.0, draw) for draw in (0.0, 0.09, 0.11, 0.69, 0.71, 1 - 1e-12)] == [0, 0, 2, 2, 3, 3]
    assert [picked(scores, 1.0, 0.85, 0.05, draw) for draw in (0.0, 0.65, 0.67, 1 - 1e-12)] == [2, 2, 3, 3]
    assert picked(scores, 1.0, 1e-9, 0.05, 0.9, 0.9) == 2
    assert picked(scores, 0.0, 1.0) == 2
    assert picked(scores, 0.01, 1.0, 0.999) == 2
    assert picked(np.full(3, -np.inf), 1.0, 1.0) is None


def test_impossible_scores_are_never_picked() -> None:
    scores = np.array([-np.inf, 0.0, -3.0, -np.inf], dtype=np.float32)
    assert [picked(scores, temperature, 1.0, 1 - 2**-53) for temperature in (1.0, 9.0)] == [2, 2]
    assert picked(scores, 1.0, 1.0, 0.0) == 1


def test_pick_agrees_with_choose_for_one_row() -> None:
    """With top-p 1, draw by draw; below that, picks have the probabilities that `choose` returns."""
    random = np.random.default_rng(4)
    for _ in range(100):
        scores, draw = np.log(random.dirichlet(np.ones(30))), random.random()
        temperature, mask = random.choice([0.0, 0.3, 1.0, 1.5]), random.random(30) < 0.8
        symbol, _, _ = choose(scores[None], mask[None], temperature, 1.0, np.array([draw]))
        assert picked(np.where(mask, scores, -np.inf), temperature, 1.0, draw) == symbol[0]
    count = 4000
    for top_p in (0.2, 0.7, 0.95):
        scores = np.log(random.dirichlet(np.full(30, 0.3)))
        rows = np.repeat(scores[None], count, axis=0)
        symbols, _, log_probs = choose(rows, np.full(rows.shape, True), 0.8, top_p, (np.arange(count) + 0.5) / count)
        seen = np.bincount([pick(scores, 0.8, top_p, random) or 0 for _ in range(count)], minlength=30)
        expected = np.zeros(30)
        expected[symbols] = np.exp(log_probs) * count
        assert not seen[expected == 0].any()
        kept = expected[expected > 0]
        assert ((seen[expected > 0] - kept) ** 2 / kept).sum() < len(kept) + 4 * np.sqrt(2 * len(kept))

"""Random draws from log probabilities with temperature and top-p, for a batch of rows or a single row."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def choose(
    log_probs: NDArray[np.floating], mask: Bools, temperature: float, top_p: float, draws: Floats
) -> tuple[Ints, Floats, Floats]:
    """Draw one symbol for each row of `log_probs` (B, symbols) among those allowed by `mask`, with `draws` (B,) uniform
    in [0, 1).

    Returns the symbols (B,), their log probabilities (B,) as given, and their log probabilities (B,) under the
    distribution drawn from. Never fails: if the largest allowed value of any row is NaN or infinite, all rows are drawn
    from uniformly. Temperature 0 selects the most likely symbol.
    """
    scores = np.where(mask, log_probs, -np.inf).astype(np.float64)
    top = scores.max(axis=1)
    if not np.isfinite(top).all():
        scores, top = np.where(mask, 0.0, -np.inf), np.zeros(len(scores))
    if temperature <= 0.0:
        return scores.argmax(axis=1), top, np.zeros(len(scores))
    rows = np.arange(len(scores))
    weights = np.exp((scores - top[:, None]) / temperature)
    if top_p < 1.0:
        ascending = np.sort(weights, axis=1)
        sums = ascending.cumsum(axis=1)
        dropped = (sums <= (1.0 - top_p) * sums[:, -1:]).sum(axis=1)
        weights[weights < ascending[rows, dropped][:, None]] = 0.0
    sums = weights.cumsum(axis=1)
    total = sums[:, -1]
    symbols = (sums <= (draws * total)[:, None]).sum(axis=1)
    return symbols, scores[rows, symbols], np.log(weights[rows, symbols] / total)


def pick(scores: NDArray[np.floating], temperature: float, top_p: float, random: np.random.Generator) -> int | None:
    """Draw the index of one of the `scores` (n,), log probabilities; None if all are −inf.

    The same distribution as that of `choose` for a single row, but faster, because nothing is sorted: an index drawn
    from outside the top-p set is removed, together with all that are no likelier, and another one is drawn.
    """
    top = scores.max()
    if not top > -np.inf:
        return None
    if temperature <= 0:
        return int(scores.argmax())
    weights = np.exp((scores - top) / temperature)
    sums = weights.cumsum()
    removable = (1 - top_p) * float(sums[-1])  # total weight of the least likely indices that top-p leaves out
    while True:
        chosen = int(sums.searchsorted(random.random() * float(sums[-1]), side="right"))
        if weights[chosen] >= min(removable, 1.0):  # 1: weight of the most likely index
            return chosen
        light = weights <= weights[chosen]
        removable -= float(weights[light].sum())
        if removable < 0:
            return chosen
        weights[light] = 0
        sums = weights.cumsum()


def sigmoid(logits: NDArray[np.floating], temperature: float) -> Floats:
    """Probabilities of logits of any size; at temperature 0 each is 0 or 1."""
    if temperature <= 0:
        return (logits > 0).astype(np.float64)
    return 0.5 + 0.5 * np.tanh(logits.astype(np.float64) / (2 * temperature))

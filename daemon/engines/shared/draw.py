"""One draw from log probabilities: with temperature and top-p, for rows in batches or for a single row."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def choose(
    log_probs: NDArray[np.floating], mask: Bools, temperature: float, top_p: float, draws: Floats
) -> tuple[Ints, Floats, Floats]:
    """Draw one symbol for each row of `log_probs` (B, 47) among the masked ones, with `draws` (B,) uniform in [0, 1).

    Forbidden symbols weigh nothing. Returns the symbols (B,), their scores (B,), and their log-probability (B,) under
    the distribution that they were drawn from. Never fails: what is not a number weighs nothing, and where nothing is
    left, all that is allowed weighs the same. Temperature 0 is the most likely symbol.
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
        rising = np.sort(weights, axis=1)
        sums = rising.cumsum(axis=1)
        dropped = (sums <= (1.0 - top_p) * sums[:, -1:]).sum(axis=1)
        weights[weights < rising[rows, dropped][:, None]] = 0.0
    sums = weights.cumsum(axis=1)
    total = sums[:, -1]
    symbols = (sums <= (draws * total)[:, None]).sum(axis=1)
    return symbols, scores[rows, symbols], np.log(weights[rows, symbols] / total)


def pick(scores: NDArray[np.floating], temperature: float, top_p: float, random: np.random.Generator) -> int | None:
    """The index of one of the `scores` (n,), log probabilities; None if all are −inf. What `choose` does for a single
    row, and faster, because nothing is sorted: what is drawn and does not belong to the likeliest ones, and what is no
    likelier, is left out, and another one drawn."""
    top = scores.max()
    if not top > -np.inf:
        return None
    if temperature <= 0:
        return int(scores.argmax())
    weights = np.exp((scores - top) / temperature)
    sums = weights.cumsum()
    spare = (1 - top_p) * float(sums[-1])  # what the unlikeliest may weigh together that are left out
    while True:
        chosen = int(sums.searchsorted(random.random() * float(sums[-1]), side="right"))
        if weights[chosen] >= min(spare, 1.0):  # 1: the likeliest
            return chosen
        light = weights <= weights[chosen]
        spare -= float(weights[light].sum())
        if spare < 0:
            return chosen
        weights[light] = 0
        sums = weights.cumsum()


def probability(logits: NDArray[np.floating], temperature: float) -> Floats:
    """Of "yes", for logits of any size; at temperature 0 it is 0 or 1."""
    if temperature <= 0:
        return (logits > 0).astype(np.float64)
    return 0.5 + 0.5 * np.tanh(logits.astype(np.float64) / (2 * temperature))

"""Choosing a voice's next symbol: what is allowed, what is discouraged, and one draw. All of it in batches."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from daemon.encodings.chorale import LOWEST, RANGES, REST, VOICES

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

SYMBOLS = np.arange(REST + 1)
NUMBERS = np.arange(len(VOICES))
IN_RANGE: Bools = np.array(
    [[low <= symbol + LOWEST <= high for symbol in SYMBOLS[:-1]] + [False] for low, high in (RANGES[v] for v in VOICES)]
)
PARALLEL = 3.0  # nats that a parallel fifth, octave or unison costs: it makes them about as rare as in Bach


def fold(pitch: int, voice: str) -> int:
    """The pitch moved by octaves into the voice's range."""
    low, high = RANGES[voice]
    if pitch < low:
        pitch += -((pitch - low) // 12) * 12
    elif pitch > high:
        pitch -= -((high - pitch) // 12) * 12
    return min(max(pitch, low), high)


def _rooms() -> Bools:
    """(4, 47, 47, 47): for every voice, lower and upper bound, the symbols that are allowed."""
    lower, upper = SYMBOLS[:, None, None], SYMBOLS[:, None]
    rooms = IN_RANGE[:, None, None] & (lower <= SYMBOLS) & (upper >= SYMBOLS)
    nothing = np.logical_not(rooms.any(axis=-1, keepdims=True))
    return np.where(nothing, IN_RANGE[:, None, None], rooms)


ROOMS = _rooms()


def allowed(voice: int | Ints, known: Ints) -> Bools:
    """(B, 47): the symbols that `voice`, one or (B,), may sing beside the `known` ones (B, 4) of this 16th.

    Within its range, no rest, not above a higher voice that is known nor below a lower one. Where they leave nothing
    between them, crossing is given up; the range never is.
    """
    own = np.asarray(voice)[..., None]
    upper = np.where(own > NUMBERS, known, REST).min(axis=1, initial=REST)
    lower = np.where((own < NUMBERS) & (known < REST), known, 0).max(axis=1)
    rooms: Bools = ROOMS[voice, lower, upper]
    return rooms


def parallels(voice: int | Ints, previous: Ints, known: Ints) -> Floats | None:
    """(B, 47): how many parallel fifths, octaves or unisons each symbol makes with the known voices; None: none.

    Both voices move, in one direction, and stand a fifth, an octave or a unison apart before and after.
    """
    moved = (known != previous) & (known < REST) & (previous < REST)
    if not moved.any():
        return None
    own = previous[np.arange(len(previous)), voice, None]
    gap = (previous - own) % 12
    risky = moved & (own < REST) & ((gap == 0) | (gap == 7))
    if not risky.any():
        return None
    count = np.zeros((len(known), len(SYMBOLS)))
    way = SYMBOLS[:REST] - own
    for other in np.flatnonzero(risky.any(axis=0)).tolist():
        after = known[:, other, None]
        same = (after - SYMBOLS[:REST] - gap[:, other, None]) % 12 == 0
        count[:, :REST] += risky[:, other, None] & same & (way * (after - previous[:, other, None]) > 0)
    return count


def discouraged(voice: int | Ints, previous: Ints, known: Ints) -> Floats | None:
    """(B, 47): the nats that each symbol costs beyond what the model thinks of it; None: nothing."""
    count = parallels(voice, previous, known)
    return None if count is None else PARALLEL * count


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

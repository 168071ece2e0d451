"""Voice leading: the pitches that a voice may take beside the others (range, no crossing), and the cost of parallels.

All functions work on batches of rows.
"""

from __future__ import annotations

import numpy as np

from daemon.encodings.chorale import LOWEST, RANGES, REST, VOICES
from daemon.engines.shared.draw import Bools, Floats, Ints

PREDICTED_SYMBOLS = np.arange(REST + 1)
VOICE_NUMBERS = np.arange(len(VOICES))
IN_RANGE: Bools = np.array(  # (4, 47): a rest is in no voice's range
    [[low <= pitch + LOWEST <= high for pitch in range(REST)] + [False] for low, high in (RANGES[v] for v in VOICES)]
)
PARALLEL_COST = 6.5  # nats that a parallel fifth, octave or unison costs: makes parallels rarer than in Bach


def fold(pitch: int, voice: str) -> int:
    """The pitch moved by octaves into the voice's range."""
    low, high = RANGES[voice]
    if pitch < low:
        pitch += -((pitch - low) // 12) * 12
    elif pitch > high:
        pitch -= -((high - pitch) // 12) * 12
    return min(max(pitch, low), high)


def _allowed_between() -> Bools:
    """(4, 47, 47, 47): by voice, lower bound and upper bound, whether each symbol is allowed."""
    lower, upper = PREDICTED_SYMBOLS[:, None, None], PREDICTED_SYMBOLS[:, None]
    between = IN_RANGE[:, None, None] & (lower <= PREDICTED_SYMBOLS) & (upper >= PREDICTED_SYMBOLS)
    empty = np.logical_not(between.any(axis=-1, keepdims=True))
    return np.where(empty, IN_RANGE[:, None, None], between)


ALLOWED_BETWEEN = _allowed_between()


def allowed(voice: int | Ints, known: Ints) -> Bools:
    """(B, 47): whether `voice`, a number or (B,), may take each symbol beside the `known` symbols (B, 4) of this 16th.

    Allowed are pitches within the voice's range, neither above a higher known voice nor below a lower one; never a
    rest. Where the known voices leave no such pitch, crossing is allowed; the range always holds.
    """
    own = np.asarray(voice)[..., None]
    upper = np.where(own > VOICE_NUMBERS, known, REST).min(axis=1, initial=REST)
    lower = np.where((own < VOICE_NUMBERS) & (known < REST), known, 0).max(axis=1)
    mask: Bools = ALLOWED_BETWEEN[voice, lower, upper]
    return mask


def parallels(voice: int | Ints, previous: Ints, known: Ints) -> Floats | None:
    """(B, 47): the number of parallel fifths, octaves and unisons that each symbol makes with the known voices; None if
    no symbol makes any.

    In a parallel both voices move in the same direction, and are a fifth, an octave or a unison apart before and after.
    """
    moved = (known != previous) & (known < REST) & (previous < REST)
    if not moved.any():
        return None
    own = previous[np.arange(len(previous)), voice, None]
    interval = (previous - own) % 12
    at_risk = moved & (own < REST) & ((interval == 0) | (interval == 7))
    if not at_risk.any():
        return None
    count = np.zeros((len(known), len(PREDICTED_SYMBOLS)))
    motion = PREDICTED_SYMBOLS[:REST] - own
    for other in np.flatnonzero(at_risk.any(axis=0)).tolist():
        after = known[:, other, None]
        same_interval = (after - PREDICTED_SYMBOLS[:REST] - interval[:, other, None]) % 12 == 0
        same_direction = motion * (after - previous[:, other, None]) > 0
        count[:, :REST] += at_risk[:, other, None] & same_interval & same_direction
    return count


def parallel_costs(voice: int | Ints, previous: Ints, known: Ints) -> Floats | None:
    """(B, 47): nats to subtract from each symbol's log probability for its parallels; None if all are 0."""
    count = parallels(voice, previous, known)
    return None if count is None else PARALLEL_COST * count

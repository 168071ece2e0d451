"""What a voice may sing beside the others: ranges, crossings, parallels. All of it in batches."""

from __future__ import annotations

import numpy as np

from daemon.encodings.chorale import LOWEST, RANGES, REST, VOICES
from daemon.engines.shared.draw import Bools, Floats, Ints

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

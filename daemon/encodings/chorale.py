"""Chorales as frames of symbols: one frame per 16th, one symbol per voice, S A T B.

Symbols: 0..45 = MIDI 36..81, 46 = rest; as an input of the model also 47 = before the start, or unknown. A symbol that
continues the note of the frame before is marked as held; a note that is struck again, or a rest, is not.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

Symbols = NDArray[np.int64]

VOICES = ("soprano", "alto", "tenor", "bass")
LOWEST, HIGHEST = 36, 81  # MIDI
REST = 46
UNKNOWN = 47
SYMBOLS = 47  # that a model predicts: all but UNKNOWN
STEPS_PER_BAR = 16  # positions that the model distinguishes
STEPS_PER_BEAT = 4
NO_FERMATA, FERMATA, FERMATA_UNKNOWN = 0, 1, 2

RANGES: Mapping[str, tuple[int, int]] = {  # MIDI, lowest and highest in the training data
    "soprano": (57, 81),
    "alto": (53, 74),
    "tenor": (48, 69),
    "bass": (36, 64),
}


def to_symbols(midi: ArrayLike) -> Symbols:
    """MIDI numbers, negative = rest → symbols, of the same shape. Raises ValueError for a pitch outside 36..81."""
    numbers = np.asarray(midi, dtype=np.int64)
    outside = numbers[(numbers >= 0) & ((numbers < LOWEST) | (numbers > HIGHEST))]
    if outside.size:
        raise ValueError(f"MIDI {int(outside[0])} is outside {LOWEST}..{HIGHEST}")
    return np.where(numbers < 0, REST, numbers - LOWEST)


def repeated(symbols: Symbols) -> NDArray[np.bool_]:
    """Symbols (frames, 4) → whether each repeats the pitch of the frame before: held, where ties are unknown."""
    same = np.zeros(symbols.shape, dtype=np.bool_)
    same[1:] = (symbols[1:] == symbols[:-1]) & (symbols[1:] != REST)
    return same

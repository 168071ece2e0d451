"""Chorales as frames of symbols: one frame per 16th, one symbol per voice, S A T B.

0..45 = MIDI 36..81, 46 = rest; as input of the model also 47 = before the start, or not known (yet). A symbol that
goes on from the frame before is marked as held; one that is struck again, and a rest, is not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Symbols = NDArray[np.int64]

VOICES = ("soprano", "alto", "tenor", "bass")
LOWEST, HIGHEST = 36, 81  # MIDI
REST = 46
UNKNOWN = 47
SYMBOLS = 47  # that can be predicted
STEPS_PER_BAR = 16  # of the positions that the model tells apart
NO_FERMATA, FERMATA, FERMATA_UNKNOWN = 0, 1, 2

RANGES: Mapping[str, tuple[int, int]] = {  # MIDI, lowest and highest in the training data
    "soprano": (57, 81),
    "alto": (53, 74),
    "tenor": (48, 69),
    "bass": (36, 64),
}


def to_symbols(midi: ArrayLike) -> Symbols:
    """MIDI numbers, negative = rest → symbols, of the same shape. Raises ValueError for a pitch that has none."""
    numbers = np.asarray(midi, dtype=np.int64)
    odd = numbers[(numbers >= 0) & ((numbers < LOWEST) | (numbers > HIGHEST))]
    if odd.size:
        raise ValueError(f"MIDI {int(odd[0])} is outside {LOWEST}..{HIGHEST}")
    return np.where(numbers < 0, REST, numbers - LOWEST)


def repeated(symbols: Symbols) -> NDArray[np.bool_]:
    """Symbols (frames, 4) → whether each is the pitch of the frame before: what is held, where ties are not known."""
    same = np.zeros(symbols.shape, dtype=np.bool_)
    same[1:] = (symbols[1:] == symbols[:-1]) & (symbols[1:] != REST)
    return same


def golden_feeds(sidecar: Mapping[str, Any], rows: int = 2) -> dict[str, NDArray[Any]]:
    """The golden input of a harmoniser, by the shapes of its sidecar: `rows` rows from numpy's default_rng(seed).

    Drawn in the order of `inputs`: symbols, flags and the like uniform over their values, floats uniform over −1..1.
    `filled` is not random: the oldest quarter of the memory is empty. `function` is 2, both.
    """
    rng = np.random.default_rng(int(sidecar["golden"]["seed"]))
    values = {"frame": 48, "held": 2, "position": 16, "fermata": 3, "previous": 48, "known": 48, "voice": len(VOICES)}
    feeds: dict[str, NDArray[Any]] = {}
    for name, spec in sidecar["inputs"].items():
        shape: Sequence[int] = [rows, *spec["shape"][1:]]
        if name == "function":
            feeds[name] = np.array(2, dtype=np.int64)
        elif name == "filled":
            feeds[name] = np.broadcast_to(np.arange(shape[1]) >= shape[1] // 4, shape).astype(np.float32)
        elif name in values:
            feeds[name] = rng.integers(0, values[name], shape, dtype=np.int64)
        else:
            feeds[name] = rng.uniform(-1, 1, shape).astype(np.float32)
    return feeds

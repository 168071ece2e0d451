"""Chorales as frames of symbols: one frame per 16th, one symbol per voice, S A T B.

Symbols: 0..45 = MIDI 36..81, 46 = rest; as an input of the model also 47 = before the start, or unknown. A symbol that
continues the note of the frame before is marked as held; a note that is struck again, or a rest, is not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

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
KEYS = KEY_UNKNOWN = 24  # 0..11: the major key on each tonic, 12..23: the minor key
DISTANCE_BOUNDS = (0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48)  # 16ths: the longest distance of each class but the last
DISTANCE_UNKNOWN = len(DISTANCE_BOUNDS) + 1
COMING = 3  # notes of the soprano that a model is told in advance

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


def distance_class(sixteenths: ArrayLike) -> Symbols:
    """Distances in 16ths, from 0 on → their classes, of the same shape."""
    return np.searchsorted(np.array(DISTANCE_BOUNDS), np.asarray(sixteenths), side="left").astype(np.int64)


@dataclass(frozen=True, slots=True)
class Hints:
    """What is known of each of n frames beside the past; each may be unknown.

    `fermata` (n,): whether one is over the frame; `home` (n,): the key of the piece; `ends` (n, 2): classes of the
    distances to the last chord of the phrase and of the piece; `coming` (n, 3): symbols of the soprano's next notes, a
    rest counted as one, and `coming_in` (n, 3): classes of the distances to these.
    """

    fermata: Symbols
    home: Symbols
    ends: Symbols
    coming: Symbols
    coming_in: Symbols

    def __getitem__(self, frames: slice | Symbols) -> Hints:
        return Hints(*(getattr(self, field.name)[frames] for field in fields(self)))


def no_hints(frames: int) -> Hints:
    """All unknown."""
    return Hints(
        np.full(frames, FERMATA_UNKNOWN),
        np.full(frames, KEY_UNKNOWN),
        np.full((frames, 2), DISTANCE_UNKNOWN),
        np.full((frames, COMING), UNKNOWN),
        np.full((frames, COMING), DISTANCE_UNKNOWN),
    )


NO_HINTS = no_hints(1)


def distances_to(ends: NDArray[np.bool_]) -> Symbols:
    """Of each frame, the class of its distance to the next frame that `ends` (n,) marks; unknown after the last one."""
    frames = np.arange(len(ends))
    following = np.minimum.accumulate(np.where(ends, frames, len(ends))[::-1])[::-1]
    return np.where(following < len(ends), distance_class(following - frames), DISTANCE_UNKNOWN)


def coming_notes(symbols: Symbols, struck: NDArray[np.bool_]) -> tuple[Symbols, Symbols]:
    """`coming` and `coming_in` of a whole soprano (n,), struck at some frames. After its end it rests."""
    count = len(symbols)
    onsets = np.flatnonzero(struck | np.concatenate([[False], (symbols[1:] == REST) & (symbols[:-1] != REST)]))
    onsets = np.concatenate([onsets, np.full(COMING, count)])
    first = np.searchsorted(onsets[: len(onsets) - COMING + 1], np.arange(count), side="right")
    places = onsets[first[:, None] + np.arange(COMING)]
    padded = np.concatenate([symbols, [REST]])
    return padded[places], distance_class(places - np.arange(count)[:, None])


def repeated(symbols: Symbols) -> NDArray[np.bool_]:
    """Symbols (frames, 4) → whether each repeats the pitch of the frame before: held, where ties are unknown."""
    same = np.zeros(symbols.shape, dtype=np.bool_)
    same[1:] = (symbols[1:] == symbols[:-1]) & (symbols[1:] != REST)
    return same

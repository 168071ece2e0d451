"""A drum part as hits: instrument, ticks since the hit before, velocity.

The 17 instruments are those of the RNN drummer (Hollemans 2017), given as MIDI notes; 480 ticks per quarter note. Hits
are sorted by tick, then by instrument; of two hits of one instrument at one tick, the louder one counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

TICKS = 480  # per quarter note
INSTRUMENTS = (36, 37, 38, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53)  # MIDI notes, in order
COUNT = len(INSTRUMENTS)

# Notes of General MIDI and of Groove's kit (Roland TD-11) → the instrument that plays them; all others are left out.
SUBSTITUTES = {
    35: 36,  # acoustic bass drum
    39: 37,  # hand clap
    22: 42,  # closed hi-hat, edge
    26: 46,  # open hi-hat, edge
    58: 41,  # tom 3, rim
    55: 49,  # crash 1, edge; General MIDI: splash
    57: 52,  # crash 2, bow; 52 is its edge
    59: 51,  # ride, edge
    56: 53,  # cowbell
}
INSTRUMENT_OF: Mapping[int, int] = {
    **{note: index for index, note in enumerate(INSTRUMENTS)},
    **{note: INSTRUMENTS.index(substitute) for note, substitute in SUBSTITUTES.items()},
}


@dataclass(frozen=True, slots=True)
class Hit:
    """`gap`: ticks since the hit before; for the first hit, since the start of the music."""

    gap: int
    instrument: int  # 0..16
    velocity: int  # 1..127


@dataclass(frozen=True, slots=True)
class Conditioning:
    """What a model is asked to play; None leaves the choice to the model.

    `style`: one of the model's; `fill`: whether to play a fill; `loudness`: mean velocity, 0..1; `density`: hits per
    quarter note.
    """

    style: str | None = None
    fill: bool | None = None
    loudness: float | None = None
    density: float | None = None


def to_hits(notes: Sequence[tuple[int, int, int]]) -> list[Hit]:
    """(tick, MIDI note, velocity), in any order → hits; the first gap counts from tick 0. Notes that are no drums are
    left out."""
    loudest: dict[tuple[int, int], int] = {}  # (tick, instrument) → velocity
    for tick, note, velocity in notes:
        instrument = INSTRUMENT_OF.get(note)
        if instrument is not None:
            loudest[tick, instrument] = max(velocity, loudest.get((tick, instrument), 0))
    ordered, before = [], 0
    for (tick, instrument), velocity in sorted(loudest.items()):
        ordered.append(Hit(tick - before, instrument, velocity))
        before = tick
    return ordered


def tick_classes(ticks: Sequence[int]) -> Ints:
    """The class of every gap: entry g is the index in `ticks` of the value nearest to g, the smaller of two.

    The last entry is the class of all longer gaps.
    """
    table = np.asarray(ticks, dtype=np.int64)
    gaps = np.arange(int(table[-1]) + 1)
    nearest: Ints = np.abs(gaps[:, None] - table).argmin(axis=1).astype(np.int64)
    return nearest

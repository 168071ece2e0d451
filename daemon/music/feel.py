"""The feel of a band: its kind, swing, energy and variation, which one player sets for all that listen to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from daemon.json_decoding import Limits

STRAIGHT = 50.0  # percent
TRIPLET = 1e-6  # beats from a third of a beat
# The feels that comping, bass and drums can play, and the swing of each, in percent.
FEELS = {
    "swing": 64.0,
    "ballad": 64.0,
    "blues": 66.0,
    "bossa": STRAIGHT,
    "waltz": 62.0,
    "rock": STRAIGHT,
    "folk": STRAIGHT,
}


@dataclass(frozen=True, slots=True)
class Feel:
    """`name`: one of FEELS. `swing`: where in the beat its second eighth falls, in percent, 50–75. `energy`: 0–1; at
    0.5 the feel is as written. `variation`: 0–3 for A–D, each fuller than the one before. `is_compound`: the bar is
    felt in beats of three eighths, as in 6/8 and 12/8; 3/4 is as long as 6/8, and felt in quarters."""

    name: str = "swing"
    swing: Annotated[float, Limits(50, 75)] = STRAIGHT
    energy: Annotated[float, Limits(0, 1)] = 0.5
    variation: Annotated[int, Limits(0, 3)] = 0
    is_compound: bool = False


def swung(beat: float, swing: float) -> float:
    """Where a note that is written at `beat` sounds: the second eighth of each beat falls at `swing` percent of the
    beat, and what lies between is stretched. Notes on the beat stay."""
    whole, part = divmod(beat, 1.0)
    late = swing / 100
    return whole + (part * 2 * late if part <= 0.5 else late + (part - 0.5) * 2 * (1 - late))


def sounding(beat: float, swing: float) -> float:
    """Where a note of a melody sounds: as `swung`, but triplets stay as they are."""
    part = beat % 1.0
    return beat if min(abs(part - 1 / 3), abs(part - 2 / 3)) < TRIPLET else swung(beat, swing)


def unswung(beat: float, swing: float) -> float:
    """Where a note that sounds at `beat` is written: the inverse of `swung`."""
    whole, part = divmod(beat, 1.0)
    late = swing / 100
    return whole + (part / (2 * late) if part <= late else 0.5 + (part - late) / (2 * (1 - late)))

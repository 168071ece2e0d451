"""How lead sheets of one song differ from each other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from daemon.music.chords import NO_CHORD, chord_of
from daemon.music.leadsheet import LeadSheet

STEPS = 12  # of a quarter note, at which sheets are compared


@dataclass(frozen=True, slots=True)
class Difference:
    """`index`: of the sheet. `melody`, `chords`: the share of the time, 0–1, in which it has another pitch or chord
    than the `nearest` of the sheets listed before; None for the first."""

    index: int
    nearest: int | None
    melody: float
    chords: float


def by_difference(sheets: Sequence[LeadSheet]) -> list[Difference]:
    """The first sheet, then always the one that differs most from all before it."""
    melodies = [_sampled(sheet, ((n.onset, n.duration, n.pitch) for n in sheet.melody)) for sheet in sheets]
    harmonies = [_sampled(sheet, ((c.onset, c.duration, _sound(c.symbol)) for c in sheet.chords)) for sheet in sheets]

    def compared(one: int, other: int) -> tuple[float, float]:
        return _share(melodies[one], melodies[other]), _share(harmonies[one], harmonies[other])

    listed = [Difference(0, None, 0.0, 0.0)]
    nearest = {index: (*compared(index, 0), 0) for index in range(1, len(sheets))}
    while nearest:
        index, (melody, chords, other) = max(nearest.items(), key=lambda found: (sum(found[1][:2]), -found[0]))
        listed.append(Difference(index, other, melody, chords))
        del nearest[index]
        for left, before in nearest.items():
            now = compared(left, index)
            if sum(now) < sum(before[:2]):
                nearest[left] = (*now, index)
    return listed


def _sampled(sheet: LeadSheet, spans: Iterable[tuple[float, float, object]]) -> list[object]:
    """What sounds at each step."""
    found: list[object] = [None] * round(sheet.length * STEPS)
    for onset, duration, value in spans:
        first, last = max(round(onset * STEPS), 0), min(round((onset + duration) * STEPS), len(found))
        found[first:last] = [value] * (last - first)
    return found


def _sound(symbol: str) -> object:
    return None if symbol == NO_CHORD else chord_of(symbol).pitch_classes


def _share(one: list[object], other: list[object]) -> float:
    length = max(len(one), len(other))
    same = sum(a == b for a, b in zip(one, other, strict=False))
    return 1 - same / length if length else 0.0

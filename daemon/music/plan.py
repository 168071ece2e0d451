"""A plan: chords, sections and melody that a player announces to its listeners ahead of their first beat."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from daemon.music.melody import Note


@dataclass(frozen=True, slots=True)
class PlannedChord:
    """`symbol` as in a lead sheet (C, Dm7, G7/B) from `onset` on, for `duration` beats."""

    onset: float
    duration: float
    symbol: str


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the form, such as A, B or bridge, from `onset` on, for `duration` beats."""

    onset: float
    duration: float
    name: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Holds from `beat` on and replaces what the same player planned from there on. Onsets in beats since the start."""

    beat: float
    chords: tuple[PlannedChord, ...] = ()
    sections: tuple[Section, ...] = ()
    melody: tuple[Note, ...] = ()


def plan_to_json(plan: Plan) -> dict[str, Any]:
    return asdict(plan)


def plan_from_json(data: Mapping[str, Any]) -> Plan:
    """Raises ValueError if `data` is no plan."""
    try:
        return Plan(
            float(data["beat"]),
            tuple(PlannedChord(**chord) for chord in data["chords"]),
            tuple(Section(**section) for section in data["sections"]),
            tuple(Note(**note) for note in data["melody"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"not a plan ({error}): {str(data)[:200]}") from None

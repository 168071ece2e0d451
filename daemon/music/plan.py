"""A plan: chords, sections and melody that a player announces to its listeners ahead of their first beat."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from daemon.music.events import is_beat
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
    """Raises ValueError if `data` is no plan. Every value is checked: a wrong one would make the listeners fail."""
    try:
        plan = Plan(
            data["beat"],
            tuple(PlannedChord(**chord) for chord in data["chords"]),
            tuple(Section(**section) for section in data["sections"]),
            tuple(Note(**note) for note in data["melody"]),
        )
        wrong = _wrong_part(plan)
    except (KeyError, TypeError) as error:
        raise ValueError(f"not a plan ({error}): {repr(data)[:200]}") from None
    if wrong is not None:
        raise ValueError(f"not a plan: {str(wrong)[:200]}")
    return plan


def _wrong_part(plan: Plan) -> object:
    """The first part with a value that is out of range or of the wrong type; None if there is none."""
    if not is_beat(plan.beat):
        return f"beat {plan.beat!r}"
    parts: tuple[PlannedChord | Section | Note, ...] = (*plan.chords, *plan.sections, *plan.melody)
    return next((part for part in parts if not _is_valid(part)), None)


def _is_valid(part: PlannedChord | Section | Note) -> bool:
    if not (is_beat(part.onset) and is_beat(part.duration)):
        return False
    match part:
        case PlannedChord(symbol=text) | Section(name=text):
            return isinstance(text, str)
        case Note(pitch=int(pitch), velocity=int(velocity), part=int(number)):
            return 0 <= pitch < 128 and 0 < velocity < 128 and number >= 0
    return False

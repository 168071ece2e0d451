"""A plan: chords, sections and melody that a player announces to its listeners ahead of their first beat."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, cast

from daemon.json_decoding import decoder
from daemon.music.feel import Feel
from daemon.music.melody import Note

BREAK, ENDING, INTRO = "break", "ending", "intro"  # names of sections with a meaning


@dataclass(frozen=True, slots=True)
class PlannedChord:
    """`symbol` as in a lead sheet (C, Dm7, G7/B) from `onset` on, for `duration` beats."""

    onset: float
    duration: float
    symbol: str


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the form, such as A, B or bridge, from `onset` on, for `duration` beats. In BREAK the band is silent
    after the first beat; in ENDING it plays the last chord, and then no more."""

    onset: float
    duration: float
    name: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Holds from `beat` on and replaces what the same player planned from there on. Onsets in beats since the start.

    `feel`: of the band from `beat` on; None: as before.
    """

    beat: float
    chords: tuple[PlannedChord, ...] = ()
    sections: tuple[Section, ...] = ()
    melody: tuple[Note, ...] = ()
    feel: Feel | None = None


def plan_to_json(plan: Plan) -> dict[str, Any]:
    return asdict(plan)


def plan_from_json(data: Any) -> Plan:
    """Raises ValueError if `data` is no plan. Every value is checked: a wrong one would make the listeners fail."""
    try:
        return cast(Plan, decoder(Plan)(data))
    except ValueError as error:
        raise ValueError(f"not a plan ({error}): {repr(data)[:200]}") from None

"""A plan: chords, sections and melody that a player announces to its listeners ahead of their first beat."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Annotated, Any, TypeVar, cast

from daemon.json_decoding import Limits, decoder
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
    after the first beat; in ENDING it plays the last chord, and then no more.

    `chorus`: the number of the chorus that the section belongs to, from 1; 0: none. `place`: beats from the beginning
    of the chorus to the section. `ritardando`: for so many beats before the section the tempo slows down, where it is
    jamd's; after the section it is as before.
    """

    onset: float
    duration: float
    name: str
    chorus: int = 0
    place: float = 0.0
    ritardando: Annotated[float, Limits(0, 1000)] = 0.0


@dataclass(frozen=True, slots=True)
class Plan:
    """Holds from `beat` on and replaces what the same player planned from there on. Onsets in beats since the start;
    that of a part that goes on at `beat` lies before.

    `feel`: of the band from `beat` on; None: as before.
    """

    beat: float
    chords: tuple[PlannedChord, ...] = ()
    sections: tuple[Section, ...] = ()
    melody: tuple[Note, ...] = ()
    feel: Feel | None = None

    @property
    def end(self) -> float:
        """Of the last section or chord."""
        return max((*map(_ends, self.sections), *map(_ends, self.chords)), default=self.beat)

    def until(self, beat: float) -> Plan:
        """What of the plan comes before `beat`; what lasts longer is cut there."""
        return replace(
            self,
            chords=_cut(self.chords, beat),
            sections=_cut(self.sections, beat),
            melody=_cut(self.melody, beat),
        )

    def since(self, beat: float) -> Plan:
        """What of the plan comes at `beat` or later. What lasts at `beat` is given whole, so that no listener takes it
        for something new, or for over."""
        if beat <= self.beat:
            return self
        return replace(
            self,
            beat=beat,
            chords=_lasting(self.chords, beat),
            sections=_lasting(self.sections, beat),
            melody=_lasting(self.melody, beat),
        )

    def moved(self, beats: float) -> Plan:
        """The same so many beats later."""
        return Plan(
            self.beat + beats,
            tuple(replace(chord, onset=chord.onset + beats) for chord in self.chords),
            tuple(replace(section, onset=section.onset + beats) for section in self.sections),
            tuple(replace(note, onset=note.onset + beats) for note in self.melody),
            self.feel,
        )


EPSILON = 1e-6  # beats
PartT = TypeVar("PartT", PlannedChord, Section, Note)


def add_plan(plans: Iterable[Plan], new: Plan, beat: float) -> tuple[Plan, ...]:
    """The plans of one player that hold once it has announced `new`, in the order of their beats: one that has begun by
    `beat` (now), without what is over, and those of later beats. A listener that learns them in order knows all."""
    kept = [*(_without(plan, new) for plan in plans if plan.beat < new.beat), new]
    begun = [plan for plan in kept if plan.beat <= beat] or kept[:1]
    feels = [plan.feel for plan in begun if plan.feel is not None]
    first = Plan(
        begun[0].beat,
        tuple(chord for plan in begun for chord in plan.chords if _ends(chord) > beat),
        tuple(section for plan in begun for section in plan.sections if _ends(section) > beat),
        tuple(note for plan in begun for note in plan.melody if _ends(note) > beat),
        feels[-1] if feels else None,
    )
    return first, *kept[len(begun) :]


def section_at(plans: Iterable[Plan], beat: float) -> Section | None:
    """The section that lasts at `beat`."""
    sections = (each for plan in plans for each in plan.sections)
    return next((s for s in sections if s.onset - EPSILON <= beat < s.onset + s.duration - EPSILON), None)


def plan_to_json(plan: Plan) -> dict[str, Any]:
    """Ten times as fast as `asdict`: the stage does it for each listener."""
    feel = plan.feel
    return {
        "beat": plan.beat,
        "chords": [{"onset": c.onset, "duration": c.duration, "symbol": c.symbol} for c in plan.chords],
        "sections": [
            {
                "onset": s.onset,
                "duration": s.duration,
                "name": s.name,
                "chorus": s.chorus,
                "place": s.place,
                "ritardando": s.ritardando,
            }
            for s in plan.sections
        ],
        "melody": [
            {"onset": n.onset, "duration": n.duration, "pitch": n.pitch, "velocity": n.velocity, "part": n.part}
            for n in plan.melody
        ],
        "feel": None if feel is None else asdict(feel),
    }


def plan_from_json(data: Any) -> Plan:
    """Raises ValueError if `data` is no plan. Every value is checked: a wrong one would make the listeners fail."""
    try:
        return cast(Plan, decoder(Plan)(data))
    except ValueError as error:
        raise ValueError(f"not a plan ({error}): {repr(data)[:200]}") from None


def _ends(part: PlannedChord | Section | Note) -> float:
    return part.onset + part.duration


def _lasting(parts: tuple[PartT, ...], beat: float) -> tuple[PartT, ...]:
    return tuple(part for part in parts if _ends(part) > beat + EPSILON)


def _cut(parts: tuple[PartT, ...], beat: float) -> tuple[PartT, ...]:
    return tuple(
        part if _ends(part) <= beat else replace(part, duration=beat - part.onset)
        for part in parts
        if part.onset < beat - EPSILON
    )


def _without(plan: Plan, new: Plan) -> Plan:
    """What `new` leaves of the plan."""
    rest = plan.until(new.beat)
    return replace(
        rest,
        chords=_cut(rest.chords, _begin(new.chords, new.beat)),
        sections=_cut(rest.sections, _begin(new.sections, new.beat)),
        melody=_cut(rest.melody, _begin(new.melody, new.beat)),
    )


def _begin(parts: Iterable[PlannedChord | Section | Note], beat: float) -> float:
    """Where the first part begins; `beat` without parts."""
    return min((part.onset for part in parts), default=beat)

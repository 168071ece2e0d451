"""Where a beat lies in what a player has planned: chord now and next, section, bar of the form."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from daemon.music.plan import EPSILON, Plan, Section, section_at


@dataclass(frozen=True, slots=True)
class FormPlace:
    """`bar` of `bars`, from 1: of the chorus, or of the section outside of the choruses. `chorus`: its number, from 1;
    0: none. `next_chord`: another than `chord`; `next_section`: the one after this, unless all have its name. Both
    are "" where none is planned."""

    chord: str
    next_chord: str
    section: str
    next_section: str
    bar: int
    bars: int
    chorus: int

    @property
    def text(self) -> str:
        """In one line: F7 → B♭7, A, bar 5 of 12, chorus 2, then B."""
        chords = " → ".join(
            chord.replace("b", "♭") if chord else "" for chord in (self.chord, self.next_chord) if chord
        )
        chorus = f"chorus {self.chorus}" if self.chorus else ""
        then = f"then {self.next_section}" if self.next_section else ""
        return ", ".join(filter(None, (chords, self.section, f"bar {self.bar} of {self.bars}", chorus, then)))


def form_place(plans: Iterable[Plan], beat: float, bar: float) -> FormPlace | None:
    """`bar`: the length of a bar in beats. None where no section is planned."""
    plans = tuple(plans)
    sections = sorted((each for plan in plans for each in plan.sections), key=lambda each: each.onset)
    if (now := section_at(plans, beat)) is None:
        return None
    chords = sorted((each for plan in plans for each in plan.chords), key=lambda each: each.onset)
    sounding = [chord for chord in chords if chord.onset <= beat + EPSILON]
    symbol = sounding[-1].symbol if sounding else ""
    later = next((chord.symbol for chord in chords if chord.onset > beat + EPSILON and chord.symbol != symbol), "")
    begin = now.onset - now.place
    end = _end_of_chorus(sections, now) if now.chorus else now.onset + now.duration
    later_sections = [s.name for s in sections if s.onset > now.onset]
    following = later_sections[0] if {now.name} < {now.name, *later_sections} else ""
    return FormPlace(
        symbol,
        later,
        now.name,
        following,
        int((beat - begin) / bar + EPSILON) + 1,
        max(round((end - begin) / bar), 1),
        now.chorus,
    )


def _end_of_chorus(sections: list[Section], now: Section) -> float:
    last = now
    for one, other in pairwise(sections):
        if one is last and other.chorus == now.chorus:
            last = other
    return last.onset + last.duration

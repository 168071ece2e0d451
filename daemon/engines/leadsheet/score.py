"""What the leader has planned, in beats since the start, as plans that follow each other: one for the introduction, one
for each chorus, and one for the last chorus with the ending."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from daemon.music.leadsheet import LeadSheet
from daemon.music.melody import Note
from daemon.music.plan import BREAK, ENDING, EPSILON, Plan, PlannedChord, Section, section_at
from daemon.song.arrangement import TAG

Plans = tuple[Plan, ...]


def numbered(plan: Plan, chorus: int) -> Plan:
    """The plan, whose sections belong to that chorus, which begins with the plan; a tag and the ending to none."""
    sections = (
        each if each.name in (TAG, ENDING) else replace(each, chorus=chorus, place=each.onset - plan.beat)
        for each in plan.sections
    )
    return replace(plan, sections=tuple(sections))


def slowing_from(plan: Plan, beat: float) -> Plan:
    """The plan, whose ritardando does not begin before `beat`."""
    return replace(
        plan,
        sections=tuple(
            replace(each, ritardando=min(each.ritardando, max(each.onset - beat, 0.0))) for each in plan.sections
        ),
    )


def chord_at(plans: Plans, beat: float) -> PlannedChord | None:
    chords = (each for plan in plans for each in plan.chords)
    return next((c for c in chords if c.onset - EPSILON <= beat < c.onset + c.duration - EPSILON), None)


def melody_between(plans: Plans, start: float, end: float) -> Iterator[Note]:
    """The notes that begin in [start, end)."""
    for plan in plans:
        if plan.beat < end:
            yield from (note for note in plan.melody if start - EPSILON <= note.onset < end - EPSILON)


def since(plans: Plans, beat: float) -> Plans:
    """What of the plans comes at `beat` or later."""
    return tuple(plan.since(beat) for plan in plans if plan.end > beat + EPSILON)


def until(plans: Plans, beat: float) -> Plans:
    return tuple(plan.until(beat) for plan in plans if plan.beat < beat - EPSILON)


def bar_line(plans: Plans, beat: float, bar: float) -> float | None:
    """The first bar line of the form at or after `beat`; None: nothing is planned there."""
    if (section := section_at(plans, beat)) is None:
        return None
    begin = section.onset - section.place
    bars = -((beat - begin - EPSILON) // -bar)  # rounded up
    return begin + bars * bar


def skipped(plans: Plans, beat: float) -> Plans:
    """The rest of the section at `beat` is left out: from there on comes what followed. Nothing, where nothing does."""
    section = section_at(plans, beat - EPSILON)
    end = beat if section is None else section.onset + section.duration
    return (*until(plans, beat), *(_cut_off(plan, end).moved(beat - end) for plan in since(plans, end)))


def with_break(plans: Plans, beat: float, length: float) -> Plans:
    """In the `length` beats from `beat` on the band breaks off: the sections there become a BREAK."""
    return tuple(
        replace(plan, sections=tuple(part for each in plan.sections for part in _broken(each, beat, beat + length)))
        for plan in plans
    )


def sheet_of(plans: Plans, section: Section, like: LeadSheet) -> LeadSheet:
    """The lead sheet of the chorus of `section`, as far as it is planned. `like`: another one of the song."""
    begin = section.onset - section.place
    own = [plan.moved(-begin) for plan in plans if any(each.chorus == section.chorus for each in plan.sections)]
    chords: Iterable[PlannedChord] = (chord for plan in own for chord in plan.chords)
    melody: Iterable[Note] = (note for plan in own for note in plan.melody)
    return replace(like, chords=tuple(chords), melody=tuple(melody))


def _cut_off(plan: Plan, beat: float) -> Plan:
    """The plan without what comes before `beat`."""
    chords = tuple(
        chord if chord.onset >= beat else PlannedChord(beat, chord.onset + chord.duration - beat, chord.symbol)
        for chord in plan.chords
    )
    return replace(plan, chords=chords, melody=tuple(note for note in plan.melody if note.onset >= beat - EPSILON))


def _broken(section: Section, start: float, end: float) -> Iterator[Section]:
    """The section without [start, end), and a BREAK for what it had there."""
    first, last = max(section.onset, start), min(section.onset + section.duration, end)
    if last <= first + EPSILON:
        yield section
        return
    for name, begin, finish in (
        (section.name, section.onset, first),
        (BREAK, first, last),
        (section.name, last, section.onset + section.duration),
    ):
        if finish > begin + EPSILON:
            yield Section(begin, finish - begin, name, section.chorus, section.place + begin - section.onset)

"""The melody that a section asks for, as constraints of the sampler; and melody events as notes of a sheet."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import accumulate

from daemon.markov.automaton import Automaton, Event
from daemon.markov.constraints import Begins, Boundary, Constraint, Fixed, Regular, Sounds, never
from daemon.markov.events import REST as SILENCE
from daemon.markov.events import TICKS, MelodyEvent
from daemon.music.melody import Note
from daemon.music.note_names import name_of_pitch
from daemon.song.composing.places import edges_of, none_of, one_of, span_of, ticks_of
from daemon.song.description import REST, NoteRule, Song, SongSection
from daemon.song.rules import names
from daemon.song.sheet import note

Placed = tuple[int, MelodyEvent]  # the tick where an event begins, from the section's first bar line
NO_REST = "rests of half a bar at most"
ONE_REST = Automaton(False, lambda rests, event: None if rests and event[0] == SILENCE else event[0] == SILENCE)
CENTRE = 4  # semitones above the tonic: about where the middle of a style's notes lies (daemon.song.styles.pieces)
CLOSES = {"full": {0}, "half": {7, 11, 2}}  # pitch classes above the tonic of the last note


def home_of(song: Song, alphabet: Collection[MelodyEvent]) -> int:
    """The MIDI number of the tonic from which the pitches of a style are counted: so that the style knows as many of
    the given notes as possible, and its melodies lie in the middle of the range."""
    known = {_pitch(event) for event in alphabet}
    rules = [rule for section in song.sections for rule in section.notes if not rule.forbidden]
    middle = sum(song.range) / 2 - CENTRE

    def suits(home: int) -> tuple[int, float]:
        return sum(bool(_relative(rule, home) & known) for rule in rules), -abs(home - middle)

    return max(range(song.key.tonic, 128, 12), key=suits)


def melody_constraints(
    song: Song, section: SongSection, home: int, alphabet: Collection[MelodyEvent], edges: bool = False
) -> Iterator[Constraint]:
    """Where a note is given that the style does not know, the sampler may choose any: the sheet has the given one.

    `edges`: so it may within all that is given; only the first and the last note of what is given side by side count.
    """
    length = ticks_of(section.bars * song.bar)
    yield in_range(song, home, length)
    longest = ticks_of(song.bar) // 2
    if not any(SILENCE in _relative(rule, home) and not rule.forbidden for rule in section.notes):
        yield Regular(ONE_REST, NO_REST)
    for free in _free(section, length):
        yield Begins(free, lambda event: float(_pitch(event) != SILENCE or event[1] <= longest), NO_REST)
    known = {_pitch(event) for event in alphabet}
    for rule in section.notes:
        pitches = _relative(rule, home)
        if rule.onset < 0:
            continue
        if rule.forbidden:
            yield Sounds(span_of(rule), none_of(pitches, _pitch), f"not {names(rule)}")
        elif not rule.duration:
            yield Fixed(span_of(rule).start, one_of(pitches, _pitch), names(rule))
        elif not edges:
            yield from _given(rule, pitches & known, alphabet, length)
    if edges:
        yield from edges_of(section.notes, lambda rule: _relative(rule, home) & known, _pitch, length)
    yield from _phrases(song, section)
    if section.cadence != "none":
        yield from _cadence(song, section, length)


def in_range(song: Song, home: int, length: int) -> Constraint:
    low, high = song.range
    name = f"the range {name_of_pitch(low)}–{name_of_pitch(high)}"
    return Begins(range(length), lambda event: float(event[0] == SILENCE or low <= home + event[0] <= high), name)


def _free(section: SongSection, length: int) -> Iterator[range]:
    """The ticks at which nothing is given."""
    at = 0
    given = sorted((span_of(rule) for rule in section.notes if not rule.forbidden), key=lambda ticks: ticks.start)
    for ticks in [*given, range(length, length + 1)]:
        if ticks.start > at:
            yield range(at, ticks.start)
        at = max(at, ticks.stop)


def _relative(rule: NoteRule, home: int) -> set[int]:
    return {SILENCE if pitch == REST else pitch - home for pitch in rule.pitches}


def _given(rule: NoteRule, pitches: set[int], alphabet: Collection[MelodyEvent], length: int) -> Iterator[Constraint]:
    ticks = span_of(rule)
    for tick in (ticks.start, ticks.stop):
        if 0 < tick < length:
            yield Boundary(range(tick, tick + 1), names(rule))
    events = {(pitch, len(ticks)) for pitch in pitches} & set(alphabet)
    if events:
        yield Fixed(ticks.start, one_of(events, tuple), names(rule))
    elif pitches:
        yield Sounds(ticks, one_of(pitches, _pitch), names(rule))


def _phrases(song: Song, section: SongSection) -> Iterator[Constraint]:
    """A note begins with each phrase, and none begins in the last beat of one."""
    beat = ticks_of(song.beat)
    given = {tick for rule in section.notes if not rule.forbidden for tick in span_of(rule)}
    ends = [ticks_of(bars * song.bar) for bars in accumulate(section.phrases)]
    for number, end in enumerate(ends, 1):
        name = f"the end of phrase {number}"
        if number < len(ends):
            yield Boundary(range(end, end + 1), name)
        if not given & set(range(end - beat, end)):
            yield Begins(range(end - beat + 1, end), never, name)


def _cadence(song: Song, section: SongSection, length: int) -> Iterator[Constraint]:
    """The last note begins with the last bar or its second half, lasts to the end, and is the tonic, or of the dominant
    for a half cadence. Notes that are given in the last bar stay."""
    bar, beats = ticks_of(song.bar), song.meter[0]
    half = length - bar + (beats // 2) * ticks_of(song.beat)
    name = f"the {section.cadence} cadence"
    if any(span_of(rule).stop > length - bar for rule in section.notes if not rule.forbidden):
        return
    if length > bar:
        yield Boundary(range(length - bar, length - bar + 1), name)
    strong = {length - bar, half}
    for tick in range(length - bar + 1, length):
        if tick not in strong:
            yield Begins(range(tick, tick + 1), never, name)
    classes = CLOSES[section.cadence]
    yield Sounds(range(half, length), lambda event: float(event[0] != SILENCE and event[0] % 12 in classes), name)


def given_events(section: SongSection, home: int) -> tuple[Placed, ...]:
    """The notes and rests whose length is given."""
    rules = [rule for rule in section.notes if rule.duration and not rule.forbidden and len(rule.pitches) == 1]
    return tuple(
        (span_of(rule).start, (SILENCE if rule.pitches[0] == REST else rule.pitches[0] - home, len(span_of(rule))))
        for rule in rules
        if rule.onset >= 0
    )


def with_given(events: Iterable[MelodyEvent], given: Sequence[Placed]) -> tuple[Placed, ...]:
    """The events, with the given ones in the place of what was drawn there."""
    covered = {tick for start, (_, ticks) in given for tick in range(start, start + ticks)}
    drawn, at = [], 0
    for event in events:
        if at not in covered:
            drawn.append((at, event))
        at += event[1]
    return tuple(sorted([*drawn, *given]))


def with_kept_notes(section: SongSection, placed: Iterable[Placed], home: int, until: float) -> SongSection:
    """The section with these notes and rests from its first bar line up to the beat `until`."""
    kept = [
        NoteRule(at / TICKS, min(ticks / TICKS, until - at / TICKS), (REST if pitch == SILENCE else home + pitch,))
        for at, (pitch, ticks) in placed
        if 0 <= at < ticks_of(until)
    ]
    others = (rule for rule in section.notes if rule.forbidden or not 0 <= rule.onset < until)
    return replace(section, notes=(*kept, *others))


def known_melody(given: Sequence[Placed], length: int) -> tuple[MelodyEvent, ...]:
    """The given notes, and rests where none is given, from 0 to `length`."""
    events: list[MelodyEvent] = []
    at = 0
    for start, (pitch, ticks) in [*given, (length, (SILENCE, 0))]:
        if start > at:
            events.append((SILENCE, start - at))
        if ticks:
            events.append((pitch, ticks))
        at = start + ticks
    return tuple(events)


def notes_of(events: Iterable[Placed], home: int) -> tuple[Note, ...]:
    sounding = [(at, pitch, ticks) for at, (pitch, ticks) in events if pitch != SILENCE]
    return tuple(note(at / TICKS, ticks / TICKS, home + pitch) for at, pitch, ticks in sounding)


def placed_notes(notes: Iterable[Note], home: int, length: int) -> tuple[Placed, ...]:
    """The notes that begin in the `length` ticks of a section, as events: the inverse of `notes_of`."""
    found = ((ticks_of(each.onset), each.pitch - home, ticks_of(each.duration)) for each in notes)
    return tuple((at, (pitch, min(ticks, length - at))) for at, pitch, ticks in found if 0 <= at < length and ticks)


def _pitch(event: Event) -> int:
    return int(event[0])

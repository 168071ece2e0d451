"""The chords that a section asks for, as constraints of the sampler; and chord events as chords of a sheet."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from daemon.markov.automaton import Event
from daemon.markov.constraints import Begins, Boundary, Constraint, Fixed, Sounds
from daemon.markov.events import TICKS, ChordEvent
from daemon.music.chords import NO_CHORD, symbol_in_key
from daemon.music.plan import PlannedChord
from daemon.song.composing.places import edges_of, none_of, one_of, span_of, ticks_of
from daemon.song.description import ChordRule, Song, SongSection
from daemon.song.rules import names
from daemon.song.styles.pieces import SILENT, kind_of

Kind = tuple[int, str]  # root in semitones above the tonic, quality
TONICS = {"major": {(0, ""), (0, "6"), (0, "maj7")}, "minor": {(0, "m"), (0, "m6"), (0, "m7"), (0, "mM7")}}
CLOSING = {"full": 0, "half": 7}  # roots of the last chord
DOMINANTS = {(7, ""), (7, "7"), (7, "7sus4"), (7, "7#5")}


def chord_constraints(
    song: Song, section: SongSection, alphabet: Collection[ChordEvent], edges: bool = False
) -> Iterator[Constraint]:
    """Where a chord is given that the style does not know, the sampler may choose any: the sheet has the given one.

    `edges`: so it may within all that is given; only the first and the last chord of what is given side by side count.
    """
    known = {_kind(event) for event in alphabet}
    bar, length = ticks_of(song.bar), ticks_of(section.bars * song.bar)
    if length > bar:
        yield Boundary(range(bar, length, bar), "a chord begins with each bar")
    if not any(NO_CHORD in rule.symbols for rule in section.chords):
        yield Begins(range(length), none_of({SILENT}, _kind), "no silence")
    for rule in section.chords:
        kinds = {kind_of(symbol, song.key.tonic) for symbol in rule.symbols}
        if rule.forbidden:
            yield Sounds(span_of(rule), none_of(kinds, _kind), f"not {names(rule)}")
        elif not rule.duration:
            yield Fixed(span_of(rule).start, one_of(kinds, _kind), names(rule))
        elif not edges:
            yield from _given(rule, kinds & known, bar, length)
    if edges:
        yield from edges_of(
            section.chords, lambda rule: {kind_of(s, song.key.tonic) for s in rule.symbols} & known, _kind, length
        )
    if section.cadence != "none":
        yield from _cadence(song, section, length - bar, length)


def _given(rule: ChordRule, kinds: set[Kind], bar: int, length: int) -> Iterator[Constraint]:
    """A chord that lasts over a bar line begins anew there; only within a bar it is one event."""
    ticks = span_of(rule)
    for tick in (ticks.start, ticks.stop):
        if 0 < tick < length:
            yield Boundary(range(tick, tick + 1), names(rule))
    if len(kinds) > 1 and ticks.start // bar == (ticks.stop - 1) // bar:
        yield Fixed(ticks.start, one_of({(*kind, len(ticks)) for kind in kinds}, tuple), names(rule))
    elif kinds:
        yield Sounds(ticks, one_of(kinds, _kind), names(rule))


def _cadence(song: Song, section: SongSection, last: int, length: int) -> Iterator[Constraint]:
    """Full: a dominant, then the tonic in the last bar; half: the dominant at the end. A chord that is given stays."""
    given = [span_of(rule) for rule in section.chords if not rule.forbidden]
    name = f"the {section.cadence} cadence"
    if any(ticks.stop > last for ticks in given):
        return
    if section.cadence == "half":
        yield Sounds(range(length - 1, length), one_of(DOMINANTS, _kind), name)
        return
    is_free = last > 0 and not any(ticks.start < last <= ticks.stop for ticks in given)
    tonic = one_of(TONICS[song.key.mode], _kind)
    yield Fixed(last, tonic, name, one_of(DOMINANTS, _kind) if is_free else None)
    yield Sounds(range(last, length), tonic, name)


def with_kept(section: SongSection, chords: Sequence[PlannedChord], until: float) -> SongSection:
    """The section with these chords up to the beat `until`, or to the chord that is given across that beat."""
    given = [rule for rule in section.chords if not rule.forbidden]
    until = min([until, *(rule.onset for rule in given if rule.onset < until < rule.onset + rule.duration)])
    kept = [ChordRule(c.onset, min(c.duration, until - c.onset), (c.symbol,)) for c in chords if c.onset < until]
    return replace(section, chords=(*kept, *(rule for rule in section.chords if rule.onset >= until or rule.forbidden)))


def chords_of(song: Song, section: SongSection, events: Sequence[ChordEvent]) -> tuple[PlannedChord, ...]:
    """The chords of the sheet: the given ones as they are written."""
    given = [rule for rule in section.chords if not rule.forbidden]
    fixed = [rule for rule in given if rule.duration and len(rule.symbols) == 1]
    covered = {tick for rule in fixed for tick in span_of(rule)}
    written = {ticks_of(rule.onset): {kind_of(s, song.key.tonic): s for s in rule.symbols} for rule in given}
    found = [PlannedChord(rule.onset, rule.duration, rule.symbols[0]) for rule in fixed]
    at = 0
    for event in events:
        if at not in covered:
            symbol = written.get(at, {}).get(_kind(event)) or symbol_of(_kind(event), song)
            found.append(PlannedChord(at / TICKS, event[2] / TICKS, symbol))
        at += event[2]
    return tuple(sorted(found, key=lambda chord: chord.onset))


def symbol_of(kind: Kind, song: Song) -> str:
    if kind == SILENT:
        return NO_CHORD
    root, quality = kind
    return symbol_in_key((root + song.key.tonic) % 12, quality, song.key)


def chord_events(chords: Sequence[PlannedChord], tonic: int, length: int) -> tuple[ChordEvent, ...]:
    """Chords of a sheet as events that cover `length` ticks."""
    events: list[ChordEvent] = []
    at = 0
    for chord in chords:
        onset, end = ticks_of(chord.onset), min(ticks_of(chord.onset + chord.duration), length)
        if onset > at:
            events.append((*SILENT, onset - at))
        if end > onset:
            events.append((*kind_of(chord.symbol, tonic), end - onset))
        at = end
    return (*events, *([(*SILENT, length - at)] if at < length else []))


def _kind(event: Event) -> Kind:
    return event[0], event[1]

"""Songs whose chords and notes are in a file of their own: a MusicXML sheet, or a chord chart as plain text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import accumulate, pairwise
from pathlib import Path
from typing import TypeVar

from daemon.leadsheet.chart import ChartError, parse_chart
from daemon.leadsheet.musicxml import Draft, read_draft, read_musicxml
from daemon.music.key_estimate import estimated_key
from daemon.music.leadsheet import Key, LeadSheet
from daemon.music.plan import Section
from daemon.song.description import REST, ChordRule, NoteRule, SongSection
from daemon.song.rules import blank
from daemon.song.transposition import Transposition

CHARTS = (".txt", ".chart")
_HEADER = re.compile(r"[a-z_]+ *:(?![|:])")
_NEARLY = 1e-6  # beats
RuleT = TypeVar("RuleT", ChordRule, NoteRule)


def chart_as_yaml(text: str) -> str:
    """A chord chart, which may have lines such as `key: F` before its first bar, as the description of a song. The
    header keeps its lines."""
    lines = text.splitlines()
    begin = next((n for n, line in enumerate(lines) if line.strip() and not _is_header(line)), len(lines))
    header, chart = lines[:begin], lines[begin:]
    while header and not header[-1].strip():
        header.pop()
    return "\n".join([*header, "chords: |", *(f"  {line}" for line in chart), ""])


def _is_header(line: str) -> bool:
    return _HEADER.match(line) is not None or line.lstrip().startswith("#")


def read_sheet(path: Path, has_style: bool) -> Draft:
    """The sheet in a MusicXML file; without a style nothing of it is blank. Raises LeadSheetError."""
    return read_draft(path) if has_style else Draft(read_musicxml(path), ())


def section_of(draft: Draft, name: str, transposition: Transposition) -> SongSection:
    """The whole sheet as one section. Raises ValueError if a note leaves the range of MIDI."""
    sheet = draft.sheet
    chords = [ChordRule(each.onset, each.duration, (each.symbol,)) for each in sheet.chords]
    notes = [NoteRule(each.onset, each.duration, (each.pitch,)) for each in sheet.melody]
    if notes:
        notes += _rests(notes, draft.blank_melody, sheet.length)
    return SongSection(
        name,
        sheet.bars,
        tuple(transposition.chord(rule) for rule in chords),
        tuple(transposition.note(rule) for rule in sorted(notes, key=lambda rule: rule.onset)),
    )


def _rests(notes: Sequence[NoteRule], blanks: Iterable[tuple[float, float]], length: float) -> Iterable[NoteRule]:
    """Where neither a note sounds nor the melody is blank."""
    spans = sorted([*((rule.onset, rule.onset + rule.duration) for rule in notes), *blanks, (length, length)])
    at = 0.0
    for start, end in spans:
        if start > at + _NEARLY:
            yield NoteRule(at, start - at, (REST,))
        at = max(at, end)


def marks_of(chart: str, meter: tuple[int, int]) -> tuple[Section, ...]:
    """The sections that a chart names, as [A]; none in a wrong one, whose mistakes are reported elsewhere."""
    try:
        return parse_chart(chart, meter).sections
    except ChartError:
        return ()


def key_of_chart(chart: str, meter: tuple[int, int]) -> Key | None:
    """By its chords; None for a chart without chords. Raises ChartError."""
    chords = parse_chart(chart, meter).chords if chart.strip() else ()
    sheet = LeadSheet("", Key(0), meter, 120.0, 0.0, chords, ())
    return estimated_key(sheet, None) if chords else None


def divided(section: SongSection, marks: Sequence[Section], bar: float) -> tuple[list[SongSection], tuple[str, ...]]:
    """The sections that `marks` divide a section into, and their order. Two that are equal are one; others of the same
    name get a number, and begin as the first of that name up to the bar from which they differ. The last one has the
    cadence of `section`."""
    starts = {round(sum(section.phrases[:number]) * bar, 6) for number in range(len(section.phrases))}
    has_phrases = bool(marks) and all(round(mark.onset, 6) in starts for mark in marks)
    found: dict[str, SongSection] = {}
    order = []
    for mark in marks:
        end = mark.onset + mark.duration
        part = SongSection(
            mark.name,
            round(mark.duration / bar),
            tuple(_cut(section.chords, mark.onset, end)),
            tuple(_cut(section.notes, mark.onset, end)),
            section.cadence if mark is marks[-1] or not section.cadence else "none",
            _phrases(section.phrases, mark, bar) if has_phrases else (),
        )
        names = (mark.name, *(f"{mark.name}{number}" for number in range(2, len(marks) + 2)))
        name = next(n for n in names if n not in found or _is_same(part, found[n]))
        if name not in found:
            found[name] = _begun(replace(part, name=name), found.get(mark.name), bar)
        order.append(name)
    return list(found.values()), tuple(order)


def _is_same(part: SongSection, other: SongSection) -> bool:
    return replace(part, name="") == replace(other, name="", variation_of="", same_bars=0)


def _begun(part: SongSection, first: SongSection | None, bar: float) -> SongSection:
    """With the bars at its beginning that are those of `first`, if some of them are composed."""
    if first is None:
        return part
    bars = range(min(part.bars, first.bars), 0, -1)
    same = next((number for number in bars if _beginning(part, number * bar) == _beginning(first, number * bar)), 0)
    if all(blank(rules, same * bar) is None for rules in (part.chords, part.notes)):
        return part
    return replace(part, variation_of=first.name, same_bars=same)


def _beginning(section: SongSection, end: float) -> tuple[list[ChordRule], list[NoteRule]]:
    return list(_cut(section.chords, 0.0, end)), [rule for rule in _cut(section.notes, 0.0, end) if rule.onset >= 0]


def _phrases(phrases: Sequence[int], mark: Section, bar: float) -> tuple[int, ...]:
    onsets = [bars * bar for bars in accumulate([0, *phrases])]
    inside = [mark.onset - _NEARLY <= onset < mark.onset + mark.duration - _NEARLY for onset, _ in pairwise(onsets)]
    return tuple(bars for bars, is_inside in zip(phrases, inside, strict=True) if is_inside)


def _cut(rules: Iterable[RuleT], start: float, end: float) -> Iterable[RuleT]:
    """The rules within [start, end), from its start on; an upbeat belongs to the first section."""
    for rule in rules:
        onset, until = max(rule.onset, start) if start else rule.onset, min(rule.onset + rule.duration, end)
        if until > onset + _NEARLY or (not rule.duration and start <= rule.onset < end):
            yield replace(rule, onset=onset - start, duration=max(until - onset, 0.0))

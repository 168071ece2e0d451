"""Reads lead sheets from MusicXML: title, key, meter, tempo, chord symbols and melody, with its form unfolded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from xml.etree.ElementTree import Element

from daemon.errors import LeadSheetError
from daemon.leadsheet.document import read_document
from daemon.leadsheet.measures import Measure, Part
from daemon.leadsheet.part_reader import read_part
from daemon.leadsheet.unfold import unfolded
from daemon.music.chords import NO_CHORD
from daemon.music.feel import FEELS
from daemon.music.leadsheet import LeadSheet
from daemon.music.melody import Note
from daemon.music.plan import PlannedChord, Section

DEFAULT_BPM = 120.0
VELOCITY = 90
MAX_PROBLEMS = 20  # in a message
Span = tuple[float, float]  # start and end in beats


@dataclass(frozen=True, slots=True)
class Draft:
    """A partly filled lead sheet. `sheet` has what is given; `blank_melody`: bars whose melody is to be composed, as
    they have neither notes nor rests but one of the whole bar. Chords are blank up to the bar of the first one, and, in
    a sheet with a melody, in bars that have neither chord nor melody."""

    sheet: LeadSheet
    blank_melody: tuple[Span, ...]


def read_musicxml(path: Path) -> LeadSheet:
    """The complete lead sheet in the file at `path`. Raises LeadSheetError, as for a sheet without chords."""
    draft = read_draft(path)
    sheet = draft.sheet
    if not sheet.chords:
        raise LeadSheetError(f"{path}: no chord symbols: write them above the notes, or export them as chord symbols")
    return replace(sheet, chords=tuple(_filled(sheet.chords, sheet.length)))


def read_draft(path: Path) -> Draft:
    """The lead sheet in the file at `path`, with its blanks. Raises LeadSheetError."""
    root = read_document(path)
    parts = [element for element in root.iterfind("part") if element.find("measure") is not None]
    if not parts:
        raise LeadSheetError(f"{path}: no music in it: export the sheet again, as MusicXML")
    written = next((part for part in parts if part.find("measure/harmony") is not None), parts[0])
    part = read_part(written)
    problems = part.problems
    try:
        bars = [] if problems else _placed(part, unfolded(part.measures))
    except ValueError as error:
        problems = [str(error)]
    if problems:
        shown = problems[:MAX_PROBLEMS] + (["…"] if len(problems) > MAX_PROBLEMS else [])
        raise LeadSheetError("\n".join(f"{path}: {problem}" for problem in shown))
    return _draft(part, bars, *_names(root, path))


@dataclass(frozen=True, slots=True)
class _Bar:
    """A measure and the beats from which and up to which it is played; its `index` in the part."""

    measure: Measure
    index: int
    start: Fraction
    end: Fraction


def _placed(part: Part, order: Sequence[int]) -> list[_Bar]:
    """Raises ValueError. A short measure at the start is an upbeat, also where it is played again: there it takes the
    place of the end of the bar before, or is left out if that bar is whole and blank. Two short ones that make a bar
    are one, as at a repeat sign within a bar; other short ones are bars that end with a rest."""
    beats, unit = part.meter
    full = Fraction(beats * 4, unit)
    for measure in part.measures:
        if measure.length > full:
            raise ValueError(
                f"bar {measure.number}: {float(measure.length):g} quarter notes long, but the meter is {beats}/{unit}: "
                "correct its notes, or split the file where the meter changes"
            )
    lengths = [part.measures[index].length for index in order]
    has_upbeat = 0 < lengths[0] < full
    at, placed, is_within = -lengths[0] if has_upbeat else Fraction(0), list[_Bar](), False
    for index, length, following in zip(order, lengths, [*lengths[1:], Fraction(0)], strict=True):
        completes = is_within or at < 0
        is_within = not completes and bool(following) and length + following == full
        if not (completes or is_within) and has_upbeat and index == order[0]:
            if not _is_blank(placed[-1].measure):
                placed.append(_Bar(part.measures[index], index, at - length, at))
            continue
        end = at + (length if completes or is_within else full)
        placed.append(_Bar(part.measures[index], index, at, end))
        at = end
    return placed


def _is_blank(measure: Measure) -> bool:
    return not measure.notes and not measure.has_rests


def _draft(part: Part, bars: list[_Bar], title: str, composer: str) -> Draft:
    beats, unit = part.meter
    full = Fraction(beats * 4, unit)
    length = max(-(-bars[-1].end // full), 1) * full  # a last bar that the upbeat would complete counts as whole
    melody = tuple(_melody(bars))
    onsets = _chords(bars)
    filled = {_bar_of(bar.start, full) for bar in bars if not _is_blank(bar.measure)}
    sounding = {int(note.onset // float(full)) for note in melody} | filled
    blank_melody = [bar for bar in range(int(length / full)) if bar not in sounding]
    with_chords = {_bar_of(onset, full) for onset, _ in onsets}
    first = min(with_chords, default=int(length / full))
    blank = [
        bar
        for bar in range(int(length / full))
        if bar < first or (melody and bar in blank_melody and bar not in with_chords)
    ]
    chords = tuple(_without(_lasting(onsets, length), _spans(blank, full)))
    feel = next((words.lower() for words in part.words if words.lower() in FEELS), "")
    sheet = LeadSheet(
        title,
        part.key,
        part.meter,
        part.bpm or DEFAULT_BPM,
        float(length),
        chords,
        tuple(_sections(bars, full, length)),
        melody,
        composer,
        feel,
    )
    return Draft(sheet, _spans(blank_melody, full))


def _bar_of(beat: Fraction, full: Fraction) -> int:
    return int(max(beat, Fraction(0)) // full)


def _melody(bars: list[_Bar]) -> Iterator[Note]:
    """One note after the other; ties are joined, a note that overlaps the next is cut. An upbeat that is played again
    replaces what is written there."""
    notes: list[tuple[Fraction, Fraction, int]] = []  # onset, end, pitch
    is_tied = False
    for bar in bars:
        while notes and notes[-1][0] >= bar.start:
            notes.pop()
        for note in bar.measure.notes:
            onset = bar.start + note.onset
            if is_tied and note.continues and notes[-1][1:] == (onset, note.pitch):
                notes[-1] = (notes[-1][0], onset + note.duration, note.pitch)
            else:
                notes.append((onset, onset + note.duration, note.pitch))
            is_tied = note.is_continued
    for number, (onset, end, pitch) in enumerate(notes):
        following = notes[number + 1][0] if number + 1 < len(notes) else end
        if (until := min(end, following)) > onset:
            yield Note(float(onset), float(until - onset), pitch, VELOCITY)


def _chords(bars: list[_Bar]) -> list[tuple[Fraction, str]]:
    """(onset, symbol); the last one of several at one place. A chord of the upbeat counts from the first bar on, unless
    there is another one."""
    found: dict[Fraction, str] = {}
    for bar in bars:
        for onset, symbol in bar.measure.chords:
            found[bar.start + onset] = symbol
    early = [onset for onset in found if onset < 0]
    if early:
        found.setdefault(Fraction(0), found[max(early)])
    return sorted((onset, symbol) for onset, symbol in found.items() if onset >= 0)


def _lasting(onsets: list[tuple[Fraction, str]], length: Fraction) -> Iterator[PlannedChord]:
    ends = [*(onset for onset, _ in onsets[1:]), length][: len(onsets)]
    for (onset, symbol), end in zip(onsets, ends, strict=True):
        if end > onset:
            yield PlannedChord(float(onset), float(end - onset), symbol)


def _without(chords: Iterator[PlannedChord], blanks: Sequence[Span]) -> Iterator[PlannedChord]:
    """Chords end where a blank begins."""
    for chord in chords:
        end = min([start for start, _ in blanks if start > chord.onset], default=chord.onset + chord.duration)
        yield replace(chord, duration=min(end - chord.onset, chord.duration))


def _filled(chords: Sequence[PlannedChord], length: float) -> Iterator[PlannedChord]:
    """With NO_CHORD before the first chord, and chords that last over the blanks after them."""
    if chords[0].onset > 0:
        yield PlannedChord(0.0, chords[0].onset, NO_CHORD)
    for chord, onset in zip(chords, [*(each.onset for each in chords[1:]), length], strict=True):
        yield replace(chord, duration=onset - chord.onset)


def _spans(bars: Sequence[int], full: Fraction) -> tuple[Span, ...]:
    """Bars side by side as one span."""
    spans: list[list[int]] = []
    for bar in bars:
        if spans and spans[-1][1] == bar:
            spans[-1][1] = bar + 1
        else:
            spans.append([bar, bar + 1])
    return tuple((float(first * full), float(last * full)) for first, last in spans)


def _sections(bars: list[_Bar], full: Fraction, length: Fraction) -> Iterator[Section]:
    """Where the sheet names sections, these; else from each sign of the form to the next, with letters: music that is
    played again has the same letter."""
    named = any(bar.measure.section for bar in bars)
    starts: dict[Fraction, str] = {}
    letters: dict[int, str] = {}
    for before, bar in pairwise([None, *bars]):
        assert bar is not None
        if named:
            begins = bool(bar.measure.section)
        elif before is None or bar.measure.begins_repeat or before.measure.is_double:
            begins = True
        else:
            ends = bool(before.measure.repeats) or bool(before.measure.endings)
            begins = (ends or bar.index != before.index + 1) and not bar.measure.endings
        start = -(-max(bar.start, Fraction(0)) // full) * full  # not in an upbeat
        if begins or not starts:
            index = bar.index + (bar.index == bars[0].index and bars[0].start < 0)  # of an upbeat the bar after it
            letter = letters.setdefault(index, _letter(len(letters)))
            starts[start] = bar.measure.section or letter
    ordered = sorted((start, name) for start, name in starts.items() if start < length)
    for (start, name), end in zip(ordered, [*(each for each, _ in ordered[1:]), length], strict=True):
        yield Section(float(start), float(end - start), name)


def _letter(number: int) -> str:
    return chr(ord("A") + number % 26) + ("'" * (number // 26))


def _names(root: Element, path: Path) -> tuple[str, str]:
    """Title and composer."""
    title = (root.findtext("work/work-title") or root.findtext("movement-title") or path.stem).strip()
    creators = root.findall("identification/creator")
    composers = [creator for creator in creators if creator.get("type") in ("composer", None) and creator.text]
    composer = (composers[0].text or "").strip() if composers else ""
    return " ".join(title.split())[:200], " ".join(composer.split())[:200]

"""A lead sheet as bars that can be written: notes on a grid, cut at bar lines and tied, rests between them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from daemon.leadsheet.notation import TICKS, Piece, pieces_of, quantised
from daemon.music.chords import NO_CHORD
from daemon.music.leadsheet import LeadSheet

LINE_BARS = (4, 2, 1)  # of a system: as many as have room for their chord symbols
LINE_WIDTH, GAP = 60, 2  # characters of symbols that a system has room for; between two of them


@dataclass(frozen=True, slots=True)
class WrittenBar:
    """`number` 0 is the upbeat. `length` in ticks. `chords`: (tick in the bar, symbol), as printed. `harmonies`: the
    chord that sounds at each piece."""

    number: int
    length: int
    pieces: Sequence[Piece]
    chords: Sequence[tuple[int, str]]
    harmonies: Sequence[str]
    section: str
    is_first: bool
    is_new_line: bool
    closes: str  # the style of the bar line at its end, or ""


def written_bars(sheet: LeadSheet) -> Iterator[WrittenBar]:
    length, total = round(sheet.bar * TICKS), round(sheet.length * TICKS)
    notes = _quantised(sheet)
    chords = list(_printed([(quantised(chord.onset), chord.symbol) for chord in sheet.chords], length))
    sections = {round(section.onset / sheet.bar): section.name for section in sheet.sections}
    if len(sections) == 1:
        sections = {bar: name for bar, name in sections.items() if name != "A"}
    first = min((start for start, _, _ in notes), default=0)
    widths = [0] * (total // length)  # by bar, in characters
    for tick, symbol in chords:
        if 0 <= tick // length < len(widths):
            widths[tick // length] += len(symbol) + GAP
    since, room = 0, 0  # bars in this line, and how many it has room for
    bars = range(-1 if first < 0 else 0, total // length)
    for bar in bars:
        start = bar * length
        begin = first - start if bar < 0 else 0  # an upbeat is the end of a bar
        within = [(a - start, b - start, pitch) for a, b, pitch in notes if a < start + length and b > start]
        pieces = _tied(pieces_of(_with_rests(within, begin, length), sheet.meter), within, length)
        since = 0 if bar in sections or since == room else since
        if not since:
            room = _line_bars(widths[max(bar, 0) :])
        is_last = start + length >= total
        closes = "light-heavy" if is_last else "light-light" if bar + 1 in sections and bar >= 0 else ""
        yield WrittenBar(
            bar + 1,
            length,
            pieces,
            [(tick - start, symbol) for tick, symbol in chords if start <= tick < start + length],
            list(_harmonies(pieces, within, [(tick - start, symbol) for tick, symbol in chords])),
            sections.get(bar, ""),
            bar == bars[0],
            since == 0 and bar > 0,
            closes,
        )
        since += bar >= 0


def _printed(chords: Iterable[tuple[int, str]], length: int) -> Iterator[tuple[int, str]]:
    """Without those that the bar has just had."""
    before: tuple[int, str] | None = None
    for tick, symbol in chords:
        if (tick // length, symbol) != before:
            yield tick, symbol
        before = tick // length, symbol


def _line_bars(widths: Sequence[int]) -> int:
    """How many bars have room in a line, of bars with these widths."""
    return next(bars for bars in LINE_BARS if bars == LINE_BARS[-1] or sum(widths[:bars]) <= LINE_WIDTH)


def _quantised(sheet: LeadSheet) -> list[tuple[int, int, int]]:
    """(start, end, pitch) of the notes, none longer than the sheet, none overlapping the next."""
    found: list[tuple[int, int, int]] = []
    for note in sorted(sheet.melody, key=lambda note: (note.onset, note.pitch)):
        start, end = quantised(note.onset), quantised(min(note.onset + note.duration, sheet.length))
        if found and found[-1][1] > start:
            found[-1] = (found[-1][0], start, found[-1][2])
        found.append((start, end, note.pitch))
    return [note for note in found if note[1] > note[0]]


def _with_rests(notes: list[tuple[int, int, int]], begin: int, end: int) -> Iterator[tuple[int, int, int | None]]:
    """The notes of a bar, cut at its ends, and the rests between them."""
    at = begin
    for onset, until, pitch in notes:
        if onset > at:
            yield at, onset, None
        yield max(onset, 0), min(until, end), pitch
        at = min(until, end)
    if at < end:
        yield at, end, None


def _tied(pieces: list[Piece], notes: list[tuple[int, int, int]], size: int) -> list[Piece]:
    """With ties to the bars before and after, where the first or last note goes over the bar line."""
    if notes and notes[0][0] < 0:
        pieces[0] = replace(pieces[0], continues=True)
    if notes and notes[-1][1] > size:
        pieces[-1] = replace(pieces[-1], is_continued=True)
    return pieces


def _harmonies(
    pieces: Sequence[Piece], notes: list[tuple[int, int, int]], chords: Sequence[tuple[int, str]]
) -> Iterator[str]:
    """The chord in which the note of each piece begins."""
    symbol = NO_CHORD
    for number, piece in enumerate(pieces):
        if not piece.continues or not number:
            onset = notes[0][0] if piece.continues else piece.start
            symbol = next((symbol for at, symbol in reversed(chords) if at <= onset), NO_CHORD)
        yield symbol

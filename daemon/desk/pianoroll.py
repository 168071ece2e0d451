"""A piano roll of a MIDI file, as SVG: a colour for every track, bars numbered, eight of them to a row at most."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from xml.sax.saxutils import escape, quoteattr

import mido

WIDTH, LEFT, RIGHT, TOP = 1200, 44, 12, 44
ROW_BARS, SEMITONE, GAP = 8, 6, 26
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a5195", "#4d4d4d")
BLACK_KEYS = (1, 3, 6, 8, 10)


@dataclass(frozen=True, slots=True)
class _Note:
    start: float
    end: float  # in beats
    pitch: int
    track: int


@dataclass(frozen=True, slots=True)
class _Roll:
    names: list[str]  # of the tracks with notes
    notes: list[_Note]
    bars: list[float]  # the beats of bar lines, the end included


def picture_of(data: bytes) -> str:
    """The picture of a whole Standard MIDI File."""
    roll = _read(data)
    low = min((note.pitch for note in roll.notes), default=60) - 2
    high = max((note.pitch for note in roll.notes), default=72) + 2
    bars = len(roll.bars) - 1
    per_row = math.ceil(bars / math.ceil(bars / ROW_BARS))
    rows = [roll.bars[n : n + per_row + 1] for n in range(0, bars, per_row)]
    row_height = (high - low + 1) * SEMITONE
    height = TOP + len(rows) * (row_height + GAP)
    beats = max(row[-1] - row[0] for row in rows)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}"'
        ' font-family="sans-serif" font-size="13" fill="#333333">',
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        *_legend(roll.names),
    ]
    for number, row in enumerate(rows):
        top = TOP + number * (row_height + GAP)
        lines += _Row(row, beats, top, low, high).draw(roll.notes, number * per_row + 1)
    return "\n".join([*lines, "</svg>", ""])


def _legend(names: list[str]) -> Iterator[str]:
    x = LEFT
    for number, name in enumerate(names):
        yield f'<rect x="{x}" y="12" width="14" height="10" rx="3" fill="{_colour(number)}"/>'
        yield f'<text x="{x + 20}" y="21.5">{escape(name)}</text>'
        x += 46 + 8 * len(name)


def _colour(track: int) -> str:
    return COLOURS[track % len(COLOURS)]


@dataclass(frozen=True, slots=True)
class _Row:
    """Some bars, from their first line to their last, with room for `beats` beats."""

    bars: list[float]
    beats: float
    top: int
    low: int
    high: int

    def draw(self, notes: list[_Note], first_bar: int) -> Iterator[str]:
        left, right, height = self._x(self.bars[0]), self._x(self.bars[-1]), (self.high - self.low + 1) * SEMITONE
        yield f'<rect x="{left:.1f}" y="{self.top}" width="{right - left:.1f}" height="{height}" fill="#fafafa"/>'
        for pitch in range(self.low, self.high + 1):
            if pitch % 12 in BLACK_KEYS:
                y = self._y(pitch)
                yield f'<rect x="{left:.1f}" y="{y}" width="{right - left:.1f}" height="{SEMITONE}" fill="#f0f0f0"/>'
            if pitch % 12 == 0:
                y = self._y(pitch) + SEMITONE
                yield self._line(left, y, right, y, "#cfcfcf")
                yield f'<text x="{LEFT - 8}" y="{y}" text-anchor="end">C{pitch // 12 - 1}</text>'
        for start, end in pairwise(self.bars):
            for beat in range(1, math.ceil(end - start)):
                yield self._line(self._x(start + beat), self.top, self._x(start + beat), self.top + height, "#e2e2e2")
        for number, bar in enumerate(self.bars):
            yield self._line(self._x(bar), self.top, self._x(bar), self.top + height, "#9a9a9a")
            if bar != self.bars[-1]:
                yield f'<text x="{self._x(bar) + 3:.1f}" y="{self.top - 4}" fill="#777777">{first_bar + number}</text>'
        for note in notes:
            yield from self._draw_note(note)

    def _draw_note(self, note: _Note) -> Iterator[str]:
        start, end = max(note.start, self.bars[0]), min(note.end, self.bars[-1])
        if end <= start:
            return
        width = max(self._x(end) - self._x(start) - 1, 1.5)
        yield (
            f'<rect x="{self._x(start):.1f}" y="{self._y(note.pitch)}" width="{width:.1f}" height="{SEMITONE}" rx="2"'
            f" fill={quoteattr(_colour(note.track))}/>"
        )

    def _x(self, beat: float) -> float:
        return LEFT + (beat - self.bars[0]) / self.beats * (WIDTH - LEFT - RIGHT)

    def _y(self, pitch: int) -> int:
        return self.top + (self.high - pitch) * SEMITONE

    @staticmethod
    def _line(x1: float, y1: float, x2: float, y2: float, colour: str) -> str:
        return f'<line x1="{x1:.1f}" y1="{y1}" x2="{x2:.1f}" y2="{y2}" stroke="{colour}"/>'


def _read(data: bytes) -> _Roll:
    file = mido.MidiFile(file=io.BytesIO(data), charset="utf-8")
    names: list[str] = []
    notes: list[_Note] = []
    meters: dict[float, float] = {0.0: 4.0}
    for track in file.tracks:
        tick, found = 0, len(notes)
        sounding: dict[tuple[int, int], float] = {}
        for message in track:
            tick += message.time
            beat = tick / file.ticks_per_beat
            if message.type == "time_signature":
                meters[beat] = message.numerator * 4 / message.denominator
            elif message.type in ("note_on", "note_off"):
                key = (message.channel, message.note)
                if (start := sounding.pop(key, None)) is not None:
                    notes.append(_Note(start, beat, message.note, len(names)))
                if message.type == "note_on" and message.velocity:
                    sounding[key] = beat
        if len(notes) > found:
            names.append(track.name or f"track {len(names) + 1}")
    return _Roll(names, notes, list(_bars(sorted(meters.items()), max((note.end for note in notes), default=4.0))))


def _bars(meters: list[tuple[float, float]], end: float) -> Iterator[float]:
    """Bar lines up to the first at or after `end`. A change of meter starts a bar."""
    bar = 0.0
    for number, (_, length) in enumerate(meters):
        until = meters[number + 1][0] if number + 1 < len(meters) else end
        while bar < min(until, end) - 1e-9:
            yield bar
            bar = min(bar + length, until) if until < end else bar + length
    yield bar

"""A piano roll of a MIDI file, as SVG: one colour per track, numbered bars, at most eight bars per row.

Drums (notes on channel 10) are drawn in a lane below, one line per piece of the kit, louder hits darker.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, pairwise
from xml.sax.saxutils import escape

from daemon.errors import MelodyError
from daemon.music.events import is_note_off, is_note_on
from daemon.music.midi_file import DRUM_CHANNEL, parse_midi_file

PAGE_WIDTH, LEFT_MARGIN, RIGHT_MARGIN, TOP_MARGIN = 1200, 44, 12, 44
ROW_BARS, SEMITONE, ROW_GAP = 8, 6, 26
MAX_BARS = 10_000
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a5195", "#4d4d4d")
BLACK_KEYS = (1, 3, 6, 8, 10)
DRUM_COLOUR = "#333333"
PIECE, LANE_GAP, BRIEF = 9, 8, 0.01  # height of a piece's line, height of the gap; beats that a hit takes up
PIECE_NAMES = {
    35: "kick", 36: "kick", 37: "stick", 38: "snare", 39: "clap", 40: "snare", 41: "tom", 42: "hat", 43: "tom",
    44: "pedal", 45: "tom", 46: "open", 47: "tom", 48: "tom", 49: "crash", 50: "tom", 51: "ride", 52: "china",
    53: "bell", 55: "splash", 57: "crash", 59: "ride",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Note:
    start: float
    end: float  # in beats
    pitch: int
    track: int
    velocity: int = 127


@dataclass(frozen=True, slots=True)
class _Roll:
    names: list[str]  # of the tracks with notes other than drums
    notes: list[_Note]
    drums: list[_Note]
    bars: list[float]  # beats of the bar lines, with the one at the end


def picture_of(data: bytes) -> str:
    """The SVG of a Standard MIDI File. Raises MelodyError for too many bars."""
    roll = _read(data)
    if len(roll.bars) > MAX_BARS + 1:
        raise MelodyError(f"--picture: more than {MAX_BARS:,} bars: leave the picture out, or render a shorter file")
    low = min((note.pitch for note in roll.notes), default=60) - 2
    high = max((note.pitch for note in roll.notes), default=72) + 2
    pieces = sorted({note.pitch for note in roll.drums})
    if pieces and not roll.notes:
        low, high = 0, -1
    bars = len(roll.bars) - 1
    per_row = math.ceil(bars / math.ceil(bars / ROW_BARS))
    rows = [roll.bars[n : n + per_row + 1] for n in range(0, bars, per_row)]
    row_height = (high - low + 1) * SEMITONE + (LANE_GAP + len(pieces) * PIECE if pieces else 0)
    height = TOP_MARGIN + len(rows) * (row_height + ROW_GAP)
    beats = max(row[-1] - row[0] for row in rows)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{PAGE_WIDTH}" height="{height}"'
        f' viewBox="0 0 {PAGE_WIDTH} {height}" font-family="sans-serif" font-size="13" fill="#333333">',
        f'<rect width="{PAGE_WIDTH}" height="{height}" fill="#ffffff"/>',
        *_legend(roll.names, bool(pieces)),
    ]
    starts = [row[0] for row in rows]
    notes, drums = _by_row(roll.notes, starts), _by_row(roll.drums, starts)
    for number, row in enumerate(rows):
        top = TOP_MARGIN + number * (row_height + ROW_GAP)
        drawn = _Row(row, beats, top, low, high, pieces)
        lines += drawn.draw(notes[number], drums[number], number * per_row + 1)
    return "\n".join([*lines, "</svg>", ""])


def _by_row(notes: list[_Note], starts: list[float]) -> list[list[_Note]]:
    """The notes that sound in each row, by the beats at which the rows start."""
    found: list[list[_Note]] = [[] for _ in starts]
    for note in notes:
        for row in range(max(bisect_right(starts, note.start) - 1, 0), bisect_left(starts, note.end)):
            found[row].append(note)
    return found


def _legend(names: list[str], drums: bool) -> Iterator[str]:
    x = LEFT_MARGIN
    colours = [(name, _colour(number)) for number, name in enumerate(names)]
    for name, colour in [*colours, ("drums", DRUM_COLOUR)] if drums else colours:
        yield f'<rect x="{x}" y="12" width="14" height="10" rx="3" fill="{colour}"/>'
        yield f'<text x="{x + 20}" y="21.5">{escape(name)}</text>'
        x += 46 + 8 * len(name)


def _colour(track: int) -> str:
    return COLOURS[track % len(COLOURS)]


@dataclass(frozen=True, slots=True)
class _Row:
    """One row of bars, given by their bar lines, scaled for `beats` beats; `pieces`: pitches of the drum lines."""

    bars: list[float]
    beats: float
    top: int
    low: int
    high: int
    pieces: list[int]

    def draw(self, notes: list[_Note], drums: list[_Note], first_bar: int) -> Iterator[str]:
        left, right = self._x(self.bars[0]), self._x(self.bars[-1])
        if self.high >= self.low:
            height = (self.high - self.low + 1) * SEMITONE
            yield self._background(self.top, height)
            yield from self._keys(left, right)
            yield from self._lines(self.top, height)
        if self.pieces:
            yield self._background(self._lane, len(self.pieces) * PIECE)
            for piece in self.pieces:
                name, y = PIECE_NAMES.get(piece, str(piece)), self._piece_y(piece) + PIECE
                yield f'<text x="{LEFT_MARGIN - 6}" y="{y - 1}" text-anchor="end" font-size="9">{name}</text>'
                yield self._line(left, y, right, y, "#eeeeee")
            yield from self._lines(self._lane, len(self.pieces) * PIECE)
        for number, bar in enumerate(self.bars[:-1]):
            yield f'<text x="{self._x(bar) + 3:.1f}" y="{self.top - 4}" fill="#777777">{first_bar + number}</text>'
        for note in notes:
            yield from self._box(note, self._y(note.pitch), SEMITONE, _colour(note.track))
        for hit in drums:
            softness = round((1 - hit.velocity / 127) * 160) + 0x33
            yield from self._box(
                hit, self._piece_y(hit.pitch) + 1, PIECE - 2, f"#{softness:02x}{softness:02x}{softness:02x}"
            )

    def _background(self, top: int, height: int) -> str:
        left, right = self._x(self.bars[0]), self._x(self.bars[-1])
        return f'<rect x="{left:.1f}" y="{top}" width="{right - left:.1f}" height="{height}" fill="#fafafa"/>'

    def _keys(self, left: float, right: float) -> Iterator[str]:
        """Shading of the black keys, and a line and name at each C."""
        for pitch in range(self.low, self.high + 1):
            if pitch % 12 in BLACK_KEYS:
                y = self._y(pitch)
                yield f'<rect x="{left:.1f}" y="{y}" width="{right - left:.1f}" height="{SEMITONE}" fill="#f0f0f0"/>'
            if pitch % 12 == 0:
                y = self._y(pitch) + SEMITONE
                yield self._line(left, y, right, y, "#cfcfcf")
                yield f'<text x="{LEFT_MARGIN - 8}" y="{y}" text-anchor="end">C{pitch // 12 - 1}</text>'

    def _lines(self, top: int, height: int) -> Iterator[str]:
        """Lines of beats and bars."""
        for start, end in pairwise(self.bars):
            for beat in range(1, math.ceil(end - start)):
                yield self._line(self._x(start + beat), top, self._x(start + beat), top + height, "#e2e2e2")
        for bar in self.bars:
            yield self._line(self._x(bar), top, self._x(bar), top + height, "#9a9a9a")

    def _box(self, note: _Note, y: int, height: int, colour: str) -> Iterator[str]:
        start, end = max(note.start, self.bars[0]), min(note.end, self.bars[-1])
        if end <= start:
            return
        width = max(self._x(end) - self._x(start) - 1, 1.5)
        yield f'<rect x="{self._x(start):.1f}" y="{y}" width="{width:.1f}" height="{height}" rx="2" fill="{colour}"/>'

    @property
    def _lane(self) -> int:
        """Top of the drum lane."""
        return self.top + (self.high - self.low + 1) * SEMITONE + LANE_GAP

    def _piece_y(self, piece: int) -> int:
        return self._lane + (len(self.pieces) - 1 - self.pieces.index(piece)) * PIECE

    def _x(self, beat: float) -> float:
        return LEFT_MARGIN + (beat - self.bars[0]) / self.beats * (PAGE_WIDTH - LEFT_MARGIN - RIGHT_MARGIN)

    def _y(self, pitch: int) -> int:
        return self.top + (self.high - pitch) * SEMITONE

    @staticmethod
    def _line(x1: float, y1: float, x2: float, y2: float, colour: str) -> str:
        return f'<line x1="{x1:.1f}" y1="{y1}" x2="{x2:.1f}" y2="{y2}" stroke="{colour}"/>'


def _read(data: bytes) -> _Roll:
    try:
        file = parse_midi_file(data)
    except MelodyError:  # beyond the limits of a file: an output may have as many notes as several inputs
        raise MelodyError("--picture: too many notes: leave the picture out, or render a shorter file") from None
    names: list[str] = []
    notes: list[_Note] = []
    drums: list[_Note] = []
    for track in file.tracks:
        found = len(notes)
        sounding: dict[tuple[int, int], tuple[float, int]] = {}  # beat and velocity
        for tick, message in track.messages:
            beat, key = tick / file.division, (message[0] & 15, message[1])
            if not (is_note_on(message) or is_note_off(message)):
                continue
            if (struck := sounding.pop(key, None)) is not None:
                note = _Note(struck[0], beat, message[1], len(names), struck[1])
                (drums if key[0] == DRUM_CHANNEL else notes).append(note)
            if is_note_on(message):
                sounding[key] = beat, message[2]
        if len(notes) > found:
            names.append(track.name or f"track {len(names) + 1}")
    end = max([BRIEF, *(note.end for note in notes), *(hit.start + BRIEF for hit in drums)])
    return _Roll(names, notes, drums, list(islice(_bars(list(file.tempo_map.meters), end), MAX_BARS + 2)))


def _bars(meters: list[tuple[float, float]], end: float) -> Iterator[float]:
    """Bar lines up to the first at or after `end`. A change of meter starts a bar."""
    bar = 0.0
    for number, (_, length) in enumerate(meters):
        until = meters[number + 1][0] if number + 1 < len(meters) else end
        while bar < min(until, end) - 1e-9:
            yield bar
            bar = min(bar + length, until) if until < end else bar + length
    yield bar

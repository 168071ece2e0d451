"""A melody as a line of text: `| C5 D5 E5 - | [C5 B4] A4 r ? |`. What stands in a bar shares the bar equally.

`-` holds on, `r` is a rest, `?` is composed, brackets share one place, `%` is the bar before once more. What stands
before the first bar line is an upbeat, of a beat for each place.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fractions import Fraction

from daemon.music.note_names import pitch_named
from daemon.song.description import REST, NoteRule
from daemon.song.positions import Grid

TICKS = 12  # of a beat: sixteenths and triplets are whole ticks
_TOKEN = re.compile(r"\[[^\[\]]*\]|[^\s\[\]]+|[\[\]]")
_EXPECTED = "write a note with its octave as in Bb4, - to hold on, r for a rest, ? for what is composed"
_EMPTY = "an empty bar: write % for the bar before once more, ? for a bar that is composed"
_REPEATS = "repeat signs are not read: write the bars out, or repeat a section in the form"


@dataclass(slots=True)
class MelodyLine:
    """`rules`: the notes and rests of `bars` bars from the first bar line on. `problems`: (bar.beat, problem with its
    remedy)."""

    rules: list[NoteRule] = field(default_factory=list)
    bars: int = 0
    problems: list[tuple[str, str]] = field(default_factory=list)


def read_melody_line(text: str, meter: tuple[int, int]) -> MelodyLine:
    """All mistakes are among the `problems`."""
    line = MelodyLine()
    grid = Grid(meter, 0)
    before, bars = _bars(text, line)
    if not bars:
        line.problems.append(("1.1", f"a melody needs bar lines, as in | C5 D5 E5 - |: {_EXPECTED}"))
        return line
    reader, beat, length = _Reader(line, grid), Fraction(grid.beat), Fraction(grid.bar)
    upbeat = _TOKEN.findall(before)
    if len(upbeat) * beat >= length:
        line.problems.append(("0.1", "an upbeat must be shorter than a bar: write a bar line before the first bar"))
    else:
        reader.read(upbeat, -len(upbeat) * beat, beat)
    places: list[str] = []
    for number, bar in enumerate(bars):
        if bar != "%":
            places = _TOKEN.findall(bar)
        if places:
            reader.read(places, number * length, length / len(places))
        else:
            line.problems.append((grid.at(number * grid.bar), "% needs a bar before it: write its notes out"))
    line.bars = len(bars)
    return line


def _bars(text: str, line: MelodyLine) -> tuple[str, list[str]]:
    """What stands before the first bar line, and the bars."""
    if "|:" in text or ":|" in text:
        line.problems.append(("1.1", _REPEATS))
        text = text.replace("|:", "|").replace(":|", "|")
    upbeat, *rest = re.split(r"\|+", text)
    if rest and not rest[-1].strip():
        rest.pop()
    bars = [bar for bar in rest if bar.strip() or "\n" not in bar]
    for number, bar in enumerate(bars):
        if not bar.strip():
            line.problems.append((f"{number + 1}.1", _EMPTY))
    return upbeat, [bar.strip() or "?" for bar in bars]


class _Reader:
    def __init__(self, line: MelodyLine, grid: Grid) -> None:
        self._line, self._grid = line, grid
        self._is_blank: bool | None = None  # whether the last place is; None: there was none

    def read(self, places: list[str], onset: Fraction, length: Fraction) -> None:
        """The places of a bar, or of a bracket, each `length` beats long."""
        for place in places:
            inner = place[1:-1].split() if place.startswith("[") and place.endswith("]") else []
            if inner:
                self.read(inner, onset, length / len(inner))
            elif (onset * TICKS).denominator > 1 or (length * TICKS).denominator > 1:
                self._report(onset, f"{place!r} is neither a sixteenth nor of a triplet: use fewer places")
                return
            else:
                self._place(place, onset, length)
            onset += length

    def _place(self, place: str, onset: Fraction, length: Fraction) -> None:
        rules = self._line.rules
        if place == "-":
            if self._is_blank is None:
                self._report(onset, "- needs a note before it that it holds on")
            elif not self._is_blank:
                last = rules.pop()
                rules.append(NoteRule(last.onset, last.duration + float(length), last.pitches))
            return
        pitch = REST if place == "r" else None if place.isdecimal() else pitch_named(place)
        if pitch is None and place != "?":
            self._report(onset, f"{place!r} is no note: {_EXPECTED}")
        self._is_blank = pitch is None
        if pitch is not None:
            rules.append(NoteRule(float(onset), float(length), (pitch,)))

    def _report(self, onset: Fraction, problem: str) -> None:
        self._line.problems.append((self._grid.at(float(onset)), problem))

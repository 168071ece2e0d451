"""Chords as a chart: `| F7 | % | Gm7 C7 | F7 . . D7 | ? |`. What stands in a bar shares the bar equally.

`.`, `-` or `/` holds on, `%` is the bar before once more, `?` is composed, `N.C.` is silence.
"""

from __future__ import annotations

from fractions import Fraction

from daemon.music.chords import NO_CHORD, chord_of
from daemon.song.bar_line import Line, split_bars
from daemon.song.description import ChordRule
from daemon.song.positions import Grid

_HOLDS = (".", "-", "/")
_SILENCE = ("N.C.", "NC", "N.C", "n.c.")


def read_chord_line(text: str, meter: tuple[int, int]) -> Line[ChordRule]:
    line: Line[ChordRule] = Line()
    before, bars = split_bars(text, line)
    if before.strip() or not bars:
        line.problems.append(("1.1", "a chart begins with a bar line, as in | Dm7 | G7 | C |"))
    reader = _Reader(line, Grid(meter, 0))
    for number, bar in enumerate(bars):
        reader.read(number, bar.split())
    line.bars = len(bars)
    return line


class _Reader:
    def __init__(self, line: Line[ChordRule], grid: Grid) -> None:
        self._line, self._grid = line, grid
        self._before: list[str] = []  # the places of the bar before
        self._sounding: str | None = None  # "?" for what is composed

    def read(self, number: int, places: list[str]) -> None:
        onset = number * Fraction(self._grid.bar)
        if places == ["%"]:
            places = self._before
            if not places:
                self._report(onset, "% needs a bar before it: write its chords out")
                return
        self._before = places
        length = Fraction(self._grid.bar) / len(places)
        if (length * 2).denominator > 1:
            beats = self._grid.meter[0]
            remedy = f"write {beats}, with / to hold on"
            self._report(onset, f"{len(places)} places do not share a bar of {beats} beats: {remedy}")
            return
        for index, place in enumerate(places):
            self._place(place, onset + index * length, length)

    def _place(self, place: str, onset: Fraction, length: Fraction) -> None:
        rules = self._line.rules
        if place in _HOLDS and self._sounding is None:
            self._report(onset, f"{place} needs a chord before it that it holds on")
        elif place not in _HOLDS:
            self._sounding = self._symbol(place, onset)
            if self._sounding != "?":
                rules.append(ChordRule(float(onset), float(length), (self._sounding,)))
        elif self._sounding != "?":
            last = rules.pop()
            rules.append(ChordRule(last.onset, last.duration + float(length), last.symbols))

    def _symbol(self, place: str, onset: Fraction) -> str:
        if place == "?" or place in _SILENCE:
            return "?" if place == "?" else NO_CHORD
        try:
            chord_of(place)
        except ValueError as error:
            self._report(onset, str(error))
            return "?"
        return place

    def _report(self, onset: Fraction, problem: str) -> None:
        self._line.problems.append((self._grid.at(float(onset)), problem))

"""Chord charts as text, in the notation that players write on paper: `[A] |: Dm7 | G7 | C A7 | % :|`.

A bar holds chords of equal length; where the beats do not suffice for that, the first one is longer. `/` (or `.`, `-`)
prolongs the chord before: `C / / G7`; `%` stands for the bar before; `?` is blank, a bar or its part that is to be
composed; `N.C.` is no chord. `:|` repeats from `|:` or the start, `:|x3` three times in all; a line ends a bar. `[A]`
begins a section; `#` at the beginning of a line, a comment.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from daemon.music.chords import NO_CHORD, chord_of
from daemon.music.plan import PlannedChord, Section

BLANK, AGAIN, HOLDS = "?", "%", ("/", ".", "-")
MAX_BARS = 2000
MAX_PROBLEMS = 20
LONGEST_CHART = 100_000  # characters
Span = tuple[float, float]  # start and end in beats
_TOKEN = re.compile(
    r"\[(?P<section>[^\]\n]{0,60})\]|(?P<both>:\|:)|(?P<open>\|*\|:)"
    r"|(?P<close>:\|[|\]]*(?!:)(?:[ ]*[x×][ ]*(?P<times>[0-9]+))?)"
    r"|(?P<line>\|[|\]]*)|(?P<end>\n)|(?P<word>[^\s|\[]+?(?=:\||[\s|\[]|$))|(?P<other>[^\s])"
)
_NO_CHORDS = {"N.C.", "NC", "N.C"}


Problem = tuple[str, str]  # bar and beat, as in 3.1, of the chart as it is written; what is wrong, and the remedy


class ChartError(ValueError):
    """All mistakes, in the order of the chart."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(f"{position}: {problem}" for position, problem in problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Chart:
    """Onsets in beats (quarter notes), with the repeats unfolded. What no chord covers is blank: `blanks`. `sections`
    is empty without labels; with them it covers all bars."""

    bars: int
    chords: tuple[PlannedChord, ...]
    blanks: tuple[Span, ...]
    sections: tuple[Section, ...]


@dataclass(slots=True)
class _Bar:
    """`words`: its chords and signs; `number`: in the chart as written, from 1."""

    number: int
    words: list[str]
    section: str = ""
    begins_repeat: bool = False
    times: int = 1  # how often the music up to here is played


def parse_chart(text: str, meter: tuple[int, int] = (4, 4)) -> Chart:
    """Raises ChartError."""
    if len(text) > LONGEST_CHART:
        raise ChartError([("1.1", f"the chart has more than {LONGEST_CHART:,} characters: split the song")])
    parser = _Parser()
    parser.parse(text)
    beats, unit = meter
    builder = _Builder(beats, 4 / unit) if unit > 2 else _Builder(beats * 4 // unit, 1.0)
    for bar in parser.bars:
        builder.check(bar)
    problems = [*parser.problems, *builder.problems]
    if not parser.bars and not problems:
        problems = [("1.1", "the chart has no bars: write chords between bar lines, such as | C | F G7 |")]
    if problems:
        raise ChartError(sorted(problems, key=lambda problem: int(problem[0].split(".")[0]))[:MAX_PROBLEMS])
    return builder.chart(_unfolded(parser.bars))


@dataclass(slots=True)
class _Parser:
    """The bars of a chart, as written."""

    bars: list[_Bar] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    _words: list[str] = field(default_factory=list)
    _section: str = ""
    _begins_repeat: bool = False
    _open: int = 0  # the bar in which a repeat began that has not ended
    _after_line: bool = False  # whether a bar line on the same line of text comes before

    def parse(self, text: str) -> None:
        lines = (line for line in text.splitlines() if not line.lstrip().startswith("#"))
        for token in _TOKEN.finditer("\n".join(lines) + "\n"):
            self._take(token)
        if self._open:
            self._problem("the repeat |: that begins here has no end: write :| after its last bar", self._open)
        if self._section:
            self._problem(f"the section [{self._section}] has no bars: write its chords, or leave it out")

    def _take(self, token: re.Match[str]) -> None:
        if token["word"]:
            self._words.append(token["word"])
        elif token["section"] is not None:
            self._end_bar()
            self._section = token["section"].strip()
            if not self._section:
                self._problem("a section without a name: write one such as [A]")
        elif token["other"]:
            self._problem(f"{token['other']!r} is out of place: write chords between bar lines, such as | C | F G7 |")
        elif token["open"] or token["close"] or token["both"]:
            self._end_bar()
            if not token["open"]:
                self._close(token["times"])
            if not token["close"]:
                self._begin_repeat()
        else:
            is_empty = self._after_line and not self._words and token["line"] is not None
            if is_empty:
                self._problem(f"empty: write a chord, {AGAIN} for the bar before again, or {BLANK} for a blank")
            self._end_bar()
            self._after_line = token["line"] is not None

    def _begin_repeat(self) -> None:
        if self._open:
            self._problem("a repeat |: within a repeat: write :| before it")
        self._begins_repeat, self._open = True, len(self.bars) + 1

    def _close(self, times: str | None) -> None:
        count = int(times) if times and len(times) < 3 else 2
        if not self.bars or self.bars[-1].times > 1:
            self._problem("a repeat sign :| without a bar before it: write |: and the bars that are repeated")
        elif not 2 <= count <= 16:
            self._problem("a repeat is played 2 to 16 times: write such a number after :|x")
        else:
            self.bars[-1].times = count
        self._open = 0

    def _end_bar(self) -> None:
        if self._words:
            self.bars.append(_Bar(len(self.bars) + 1, self._words, self._section, self._begins_repeat))
            self._words, self._section, self._begins_repeat = [], "", False
        self._after_line = False

    def _problem(self, problem: str, bar: int | None = None) -> None:
        self.problems.append((f"{bar or len(self.bars) + 1}.1", problem))


def _unfolded(bars: list[_Bar]) -> Iterator[_Bar]:
    start = 0
    for index, bar in enumerate(bars):
        if bar.begins_repeat:
            yield from bars[start:index]
            start = index
        if bar.times > 1:
            for _ in range(bar.times):
                yield from bars[start : index + 1]
            start = index + 1
    yield from bars[start:]


class _Builder:
    """`beats` of a bar, each `unit` quarter notes long."""

    def __init__(self, beats: int, unit: float) -> None:
        self._beats, self._unit = beats, unit
        self._has_bar = False
        self.problems: list[Problem] = []

    def check(self, bar: _Bar) -> None:
        words = bar.words
        if words == [AGAIN] and not self._has_bar:
            self._problem(bar, 0.0, f"{AGAIN} repeats the bar before, but there is none: write a chord")
        self._has_bar = True
        lengths = self._lengths(len(words))
        if lengths is None:
            possible = ", ".join(str(n) for n in range(1, 2 * self._beats + 1) if self._lengths(n))
            self._problem(bar, 0.0, f"{len(words)} chords in a bar of {self._beats} beats: write one of {possible}")
            return
        at = 0.0
        for index, (word, length) in enumerate(zip(words, lengths, strict=True)):
            if word in (AGAIN, *HOLDS):
                if not index and words != [AGAIN]:
                    self._problem(bar, at, f"{word} lengthens the chord before, but the bar begins here: write a chord")
            elif word != BLANK and word.upper() not in _NO_CHORDS:
                try:
                    chord_of(word)
                except ValueError as error:
                    self._problem(bar, at, str(error))
            at += length

    def _problem(self, bar: _Bar, at: float, problem: str) -> None:
        self.problems.append((f"{bar.number}.{at + 1:g}", problem))

    def _lengths(self, count: int) -> list[float] | None:
        """Beats of each of `count` chords in a bar; None if the bar cannot be divided so."""
        if self._beats % count == 0 or count == 2 * self._beats:
            return [self._beats / count] * count
        pulse = 3 if self._unit < 1 and self._beats % 3 == 0 else 1
        pulses = self._beats // pulse
        if count > pulses:
            return None
        each = pulses // count * pulse
        return [float(self._beats - each * (count - 1)), *[float(each)] * (count - 1)]

    def chart(self, bars: Iterator[_Bar]) -> Chart:
        """Raises ChartError."""
        spans: list[tuple[float, float, str]] = []  # start, end, symbol
        starts: list[tuple[float, str]] = []
        before: list[str] = []
        length, count = self._beats * self._unit, 0
        for count, bar in enumerate(bars, 1):
            if count > MAX_BARS:
                raise ChartError([("1.1", f"with all repeats more than {MAX_BARS:,} bars: split the song")])
            at = (count - 1) * length
            if bar.section or not starts:
                starts.append((at, bar.section))
            is_again = bar.words == [AGAIN]
            words = before if is_again else bar.words
            self._add(spans, words, at, is_again)
            before = words
        return Chart(
            count,
            tuple(PlannedChord(start, end - start, symbol) for start, end, symbol in spans if symbol != BLANK),
            tuple((start, end) for start, end, symbol in spans if symbol == BLANK),
            tuple(_sections(starts, count * length)),
        )

    def _add(self, spans: list[tuple[float, float, str]], words: list[str], at: float, is_again: bool) -> None:
        lengths = self._lengths(len(words))
        assert lengths is not None  # checked
        for index, (word, beats) in enumerate(zip(words, lengths, strict=True)):
            end = at + beats * self._unit
            symbol = NO_CHORD if word.upper() in _NO_CHORDS else word
            holds = word in (AGAIN, *HOLDS) or (is_again and not index and spans and spans[-1][2] == symbol)
            if holds or (symbol == BLANK and spans and spans[-1][2] == BLANK):
                spans[-1] = (spans[-1][0], end, spans[-1][2])
            else:
                spans.append((at, end, symbol))
            at = end


def _sections(starts: list[tuple[float, str]], length: float) -> Iterator[Section]:
    """Empty if no section has a name; bars before the first name are a section of their own."""
    if not any(name for _, name in starts):
        return
    for (start, name), end in zip(starts, [*(each for each, _ in starts[1:]), length], strict=True):
        yield Section(start, end - start, name or "intro")

"""Reads one section of a song: its chords and notes, given and forbidden, its cadence and its phrases."""

from __future__ import annotations

from collections.abc import ItemsView, Mapping
from dataclasses import dataclass, replace

from daemon.leadsheet.chart import ChartError, parse_chart
from daemon.song.description import CADENCES, MAX_BARS, REST, ChordRule, NoteRule, SongSection
from daemon.song.melody_line import read_melody_line
from daemon.song.positions import Grid
from daemon.song.progressions import progression_named
from daemon.song.rules import MAX_RULES, blank, chord_rule, conflicts, names, note_rule
from daemon.song.transposition import Transposition
from daemon.yaml_file import Value

SECTION_KEYS = ("bars", "chords", "chords_at", "melody", "notes_at", "cadence", "phrases")
NO_MELODY = "none"
UNSAID = ""  # a cadence that is not given

Values = Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class SectionReader:
    """`has_style`: whether blanks are composed. `range`: that the given notes must keep to; None: any."""

    meter: tuple[int, int]
    transposition: Transposition
    has_style: bool
    range: tuple[int, int] | None

    def read(self, name: str, values: Values, base: SongSection | None = None) -> SongSection:
        """`base`: the section that this one is a variation of: its chords, cadence and phrases are the default."""
        chords, chart_bars = self._chords(values["chords"], base)
        notes, line_bars = self._melody(values["melody"])
        cadence = values["cadence"].one_of(CADENCES, base.cadence if base else UNSAID, "a cadence")
        bars = values["bars"].integer(1, MAX_BARS, chart_bars or line_bars or (base.bars if base else 0))
        if not bars:
            if not values["bars"].is_wrong and not values["chords"].given and not values["melody"].given:
                values["bars"].report("is missing: give the number of bars, or a chart under `chords`")
            for key, line in (("chords", "| C | F G7 |"), ("melody", "| C5 D5 E5 - |")):
                if values[key].given and not values[key].text(""):
                    values[key].report(f"is empty: write bars, as in {line}")
            return SongSection(name, 1)
        grid = Grid(self.meter, bars)
        if chart_bars and bars % chart_bars == 0 and "|" not in values["chords"].text(""):
            onsets = [repeat * chart_bars * grid.bar for repeat in range(bars // chart_bars)]
            chords = [replace(rule, onset=rule.onset + onset) for onset in onsets for rule in chords]
            chart_bars = bars
        for key, given in (("chords", chart_bars), ("melody", line_bars)):
            if given not in (0, bars):
                if not values["bars"].is_wrong:
                    values[key].report(f"has {given:,} bars, and the section {bars:,}: give both as many")
                return SongSection(name, bars)
        notes += self._note_rules(values["notes_at"], grid)
        if values["melody"].text("") == NO_MELODY:
            notes.append(NoteRule(0.0, bars * grid.bar, (REST,)))
        chords += self._chord_rules(values["chords_at"], grid)
        section = SongSection(
            name,
            bars,
            tuple(sorted(chords, key=lambda rule: rule.onset)),
            tuple(sorted(notes, key=lambda rule: rule.onset)),
            cadence,
            _phrases(values["phrases"], bars, base),
        )
        self._check(section, values, grid)
        return section

    def _chords(self, value: Value, base: SongSection | None) -> tuple[list[ChordRule], int]:
        """The chords of the chart or the named progression, and its bars; 0 if there is none."""
        text, transposition = value.text(""), self.transposition
        if not text:
            return (list(base.chords), base.bars) if base else ([], 0)
        if "|" not in text:
            try:
                progression = progression_named(text)
            except ValueError as error:
                value.report(str(error))
                return [], 0
            if progression.mode != transposition.key.mode:
                remedy = "a minor key, as in Fm" if progression.mode == "minor" else "a major key, as in F"
                value.report(f"{text!r} is in {progression.mode}: write {remedy}, under `key`")
            text, transposition = progression.chart, replace(transposition, semitones=transposition.key.tonic)
        try:
            chart = parse_chart(text, self.meter)
        except ChartError as error:
            for position, problem in error.problems:
                _at(value, position).report(problem)
            return [], 0
        rules = [ChordRule(chord.onset, chord.duration, (chord.symbol,)) for chord in chart.chords]
        return [transposition.chord(rule) for rule in rules], chart.bars

    def _melody(self, value: Value) -> tuple[list[NoteRule], int]:
        """The notes of the melody line, and its bars; 0 if there is none."""
        text = value.text("")
        if not text or text == NO_MELODY:
            return [], 0
        line = read_melody_line(text, self.meter)
        for position, problem in line.problems:
            _at(value, position).report(problem)
        grid = Grid(self.meter, line.bars)
        return [self._note(rule, _at(value, grid.at(rule.onset))) for rule in line.rules], line.bars

    def _chord_rules(self, value: Value, grid: Grid) -> list[ChordRule]:
        found = []
        for position, each in _entries(value):
            try:
                rule = chord_rule(each.text(what="a chord"), grid.span(position))
                found.append(self.transposition.chord(rule))
            except ValueError as error:
                each.report(str(error))
        return found

    def _note_rules(self, value: Value, grid: Grid) -> list[NoteRule]:
        found = []
        for position, each in _entries(value):
            try:
                rule = note_rule(each.text(what="a note"), grid.span(position))
                found.append(self._note(rule, each))
            except ValueError as error:
                each.report(str(error))
        return found

    def _note(self, rule: NoteRule, value: Value) -> NoteRule:
        """As it sounds, within the range; a note that is not is reported."""
        try:
            moved = self.transposition.note(rule)
        except ValueError as error:
            value.report(str(error))
            return rule
        if self.range is None or rule.forbidden:
            return moved
        low, high = self.range
        kept = tuple(pitch for pitch in moved.pitches if pitch == REST or low <= pitch <= high)
        if not kept:
            value.report(f"{names(moved)} lies outside the `range`: widen the range, or choose another note")
        return replace(moved, pitches=kept or moved.pitches)

    def _check(self, section: SongSection, values: Values, grid: Grid) -> None:
        for line, positions, rules in (("chords", "chords_at", section.chords), ("melody", "notes_at", section.notes)):
            value = values[positions] if values[positions].given else values[line]
            for position, problem in conflicts(rules, grid):
                _at(value, position).report(problem)
        if self.has_style:
            return
        length = section.bars * grid.bar
        wanted = "and without a `style` nothing is composed"
        if (beat := blank(section.chords, length)) is not None:
            value = next((values[key] for key in ("chords", "chords_at") if values[key].given), values["bars"])
            _at(value, grid.at(beat)).report(f"no chord is given, {wanted}: write a chord, or N.C., or name a style")
        if section.notes and (beat := blank(section.notes, length)) is not None:
            value = values["melody"] if values["melody"].given else values["notes_at"]
            _at(value, grid.at(beat)).report(f"no note is given, {wanted}: write a note, or r, or name a style")


def _phrases(value: Value, bars: int, base: SongSection | None) -> tuple[int, ...]:
    """One number is the length of each; the last one may be shorter."""
    given = tuple(item.integer(1, MAX_BARS, 0) for item in value.items())
    if not given or 0 in given:
        return base.phrases if base and base.bars == bars else ()
    if len(given) == 1:
        whole, rest = divmod(bars, given[0])
        return (*([given[0]] * whole), *([rest] if rest else []))
    if sum(given) != bars:
        value.report(f"the phrases have {sum(given):,} bars in all, and the section {bars:,}: give both as many")
    return given


def _entries(value: Value) -> ItemsView[str, Value]:
    found = value.entries()
    if len(found) > MAX_RULES:
        value.report(f"{len(found):,} positions: write a chart or a melody, or at most {MAX_RULES:,} of them")
        found = {}
    return found.items()


def _at(value: Value, position: str) -> Value:
    return replace(value, path=f"{value.path}, bar {position}")

"""Reads songs from their descriptions in YAML. All mistakes are reported together."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from daemon.errors import ConfigError, LeadSheetError, ModelError, SongError
from daemon.leadsheet.chart import ChartError
from daemon.leadsheet.document import SUFFIXES as MUSICXML
from daemon.leadsheet.musicxml import Draft
from daemon.music.feel import FEELS
from daemon.music.leadsheet import Key, LeadSheet
from daemon.music.note_names import pitch_named
from daemon.music.plan import Section
from daemon.music.tempo import MAX_BPM, MIN_BPM
from daemon.paths import find_file
from daemon.song.description import (
    CADENCES,
    ENDINGS,
    ENDLESS,
    MAX_BAR,
    MAX_BARS,
    MAX_CHORUSES,
    MAX_METER,
    MAX_RITARDANDO,
    REST,
    RITARDANDI,
    Song,
    SongSection,
)
from daemon.song.form_reader import read_form, read_sections, with_cadences
from daemon.song.section_reader import SECTION_KEYS, UNSAID, SectionReader
from daemon.song.sheet_reader import CHARTS, chart_as_yaml, divided, key_of_chart, read_sheet, section_of
from daemon.song.transposition import LARGEST, Transposition, key_named, transposed_key
from daemon.suggestions import listed
from daemon.yaml_file import Value, YamlFile

TOP_KEYS = (
    "sheet",
    *("title", "composer", "key", "meter", "tempo", "feel", "swing", "form", "sections"),
    *("style", "order", "max_order", "range", "count_in", "intro", "choruses", "ending", "ritardando"),
    *("transpose", "seed"),
)
SHEET_KEYS = ("key", "meter", "form", "sections")  # what a sheet has itself
SUFFIXES = (".yaml", ".yml")
MAX_STYLES, MAX_COUNT_IN, MAX_SEED = 10, 8, 2**31
LEAST_WEIGHT = 0.001  # of a style in a blend, but 0
DEFAULT_RANGE = (57, 81)  # A3–A5
LONG_BAR = f"a bar has {MAX_BAR} quarter notes at most: write more bars, or fewer beats"
_METER = re.compile(r"([1-9][0-9]?)\s*/\s*(2|4|8|16)")
_RANGE = re.compile(r"(\S+?)\s*[-–]\s*(\S+)")


def read_song(path: Path, transpose: int = 0) -> Song:
    """The song in a description, a MusicXML sheet or a chord chart, `transpose` semitones higher.

    Raises SongError with all mistakes of the file.
    """
    suffix, file = path.suffix.lower(), YamlFile(path, remedy="name a song, as songs/blues.yaml")
    try:
        if suffix in MUSICXML:
            song = _Reader(file.parse("{}"), transpose, read_sheet(path, has_style=False)).song()
        elif suffix in (*SUFFIXES, *CHARTS):
            song = _Reader(file.read(chart_as_yaml if suffix in CHARTS else str), transpose).song()
        else:
            known = listed([*SUFFIXES, *MUSICXML, *CHARTS])
            raise SongError([f"{path}: is no song: name a file that ends in one of {known}"])
        file.check()
    except ConfigError as error:
        raise SongError(error.problems) from None
    except LeadSheetError as error:
        raise SongError(str(error).split("\n")) from None
    return song


class _Reader:
    def __init__(self, document: Value, transpose: int, draft: Draft | None = None) -> None:
        self._top = document.section(*TOP_KEYS, *SECTION_KEYS)
        self._file = document.file.path
        self._is_chart = self._file.suffix.lower() in CHARTS
        self._transpose = transpose
        self._style = self._styles()
        self._draft = self._sheet() if draft is None else draft
        self._default = LeadSheet("", Key(0), (4, 4), 120.0, 0.0, (), ()) if self._draft is None else self._draft.sheet

    def song(self) -> Song:
        top, meter, style, default = self._top, self._meter(), self._style, self._default
        semitones = self._transpose + top["transpose"].integer(-LARGEST, LARGEST, 0)
        key, limits = transposed_key(self._key(meter), semitones), self._range()
        transposition = Transposition(semitones, key)
        if self._draft is None:
            sections, in_order = read_sections(top, SectionReader(meter, transposition, bool(style), limits))
        else:
            sections, in_order = self._of_sheet(self._draft, transposition)
        form = read_form(top, sections, in_order)
        sections = with_cadences(sections, form, key, bool(style))
        bars = sum(section.bars for name in form for section in sections if section.name == name)
        if bars > MAX_BARS:
            long = top["form"] if top["form"].given else top["bars"]
            long.report(f"{bars:,} bars in all: shorten the song to {MAX_BARS:,}")
        order = top["order"].integer(1, 4, 2)
        feel = top["feel"].one_of(FEELS, default.feel or ("waltz" if meter == (3, 4) else "swing"), "a feel")
        return Song(
            title=top["title"].text(default.title or self._file.stem),
            composer=top["composer"].text(default.composer),
            key=key,
            meter=meter,
            bpm=top["tempo"].number(MIN_BPM, MAX_BPM, min(max(default.bpm, MIN_BPM), MAX_BPM)),
            feel=feel,
            swing=top["swing"].number(50, 75, 50.0) if top["swing"].given else None,
            style=style,
            order=order,
            max_order=self._max_order(order),
            has_max_order=top["max_order"].given,
            form=form,
            sections=tuple(sections),
            has_melody=_has_melody(sections, bool(style)),
            range=limits or _around(DEFAULT_RANGE, sections),
            count_in=top["count_in"].integer(0, MAX_COUNT_IN, 0) if top["count_in"].given else None,
            intro=top["intro"].integer(0, min(bars, MAX_BARS), 0),
            choruses=self._choruses(),
            ending=top["ending"].one_of(ENDINGS, "chord", "an ending"),
            ritardando=top["ritardando"].integer(0, MAX_RITARDANDO, RITARDANDI.get(feel, 0)),
            seed=top["seed"].integer(0, MAX_SEED, 0) if top["seed"].given else None,
            file=str(self._file),
        )

    def _sheet(self) -> Draft | None:
        """The MusicXML sheet that `sheet` names, relative to the song's folder, else to the files that ship."""
        value = self._top["sheet"]
        if not value.given:
            return None
        for key in (*SHEET_KEYS, *SECTION_KEYS):
            if key != "cadence" and self._top[key].given:
                self._top[key].report("the sheet has this: delete this line, or `sheet`")
        try:
            path = find_file(value.text(), self._file.parent.absolute())
            if path.suffix.lower() not in MUSICXML:
                raise ValueError(f"{path}: is no MusicXML: name a file that ends in {listed(MUSICXML)}")
            draft = read_sheet(path, bool(self._style))
            if self._style and draft.sheet.bar > MAX_BAR:
                beats, unit = draft.sheet.meter
                raise ValueError(f"{path}: {beats}/{unit}: {LONG_BAR}")
            return draft
        except (LeadSheetError, ValueError) as error:
            value.report("; ".join(str(error).split("\n")))
            return Draft(LeadSheet("", Key(0), (4, 4), 120.0, 4.0, (), (Section(0.0, 4.0, "A"),)), ())

    def _of_sheet(self, draft: Draft, transposition: Transposition) -> tuple[list[SongSection], tuple[str, ...]]:
        try:
            section = section_of(draft, "A", transposition)
        except ValueError as error:
            self._top["transpose"].report(str(error))
            section = section_of(draft, "A", replace(transposition, semitones=0))
        cadence = self._top["cadence"].one_of(CADENCES, UNSAID, "a cadence")
        return divided(replace(section, cadence=cadence), draft.sheet.sections, draft.sheet.bar)

    def _key(self, meter: tuple[int, int]) -> Key:
        value = self._top["key"]
        if self._draft is not None:
            return self._default.key
        if self._is_chart and not value.given:
            try:
                estimated = key_of_chart(self._top["chords"].text(""), meter)
            except ChartError:  # reported with its place where the chart is read
                return Key(0)
            if estimated is not None:
                return estimated
        text = value.text(what="one, as F or Gm")
        try:
            return key_named(text) if text else Key(0)
        except ValueError as error:
            value.report(str(error))
            return Key(0)

    def _meter(self) -> tuple[int, int]:
        value = self._top["meter"]
        if self._draft is not None:
            return self._default.meter
        found = _METER.fullmatch(value.text("4/4").strip())
        if found is None or int(found[1]) > MAX_METER:
            value.report(f"{value.text()!r} is no meter: write beats/unit, as in 4/4, 3/4 or 6/8")
            return 4, 4
        if int(found[1]) * 4 > MAX_BAR * int(found[2]):
            value.report(f"{value.text()!r}: {LONG_BAR}")
            return 4, 4
        return int(found[1]), int(found[2])

    def _styles(self) -> tuple[tuple[str, float], ...]:
        """Names and weights, which add up to 1."""
        value = self._top["style"]
        if not value.is_mapping:
            name = value.text("")
            self._check_style(value, name)
            return ((name, 1.0),) if name else ()
        entries = value.entries()
        if len(entries) > MAX_STYLES:
            value.report(f"{len(entries)} styles: blend {MAX_STYLES} at most")
            return ()
        for name, each in entries.items():
            self._check_style(each, name)
        weights = {name: each.number(0, 1000, 1.0) for name, each in entries.items()}
        for name, weight in weights.items():
            if 0 < weight < LEAST_WEIGHT:
                entries[name].report(f"{weight:g} is too little: give 0, or a number from {LEAST_WEIGHT:g} to 1000")
        total = sum(weights.values())
        if total <= 0:
            value.report("all weights are 0: give one style a weight above 0")
            return tuple((name, 1 / len(weights)) for name in weights)  # that a style was meant is no further mistake
        return tuple((name, weight / total) for name, weight in weights.items() if weight)

    def _check_style(self, value: Value, name: str) -> None:
        if not name:
            return
        from daemon.song.styles.style_file import find_style  # needs numpy: not for songs without a style

        try:
            find_style(name, self._file.parent)
        except ModelError as error:
            value.report(str(error))

    def _max_order(self, order: int) -> int:
        """0 for none."""
        value = self._top["max_order"]
        return 0 if value.text("") == "none" else value.integer(order + 1, 100, 8)

    def _choruses(self) -> int:
        value = self._top["choruses"]
        return ENDLESS if value.text("") in ("", "endless") else value.integer(1, MAX_CHORUSES, 1)

    def _range(self) -> tuple[int, int] | None:
        value = self._top["range"]
        if not value.given:
            return None
        found = _RANGE.fullmatch(value.text("").strip())
        low, high = (pitch_named(found[1]), pitch_named(found[2])) if found else (None, None)
        if low is None or high is None:
            value.report(f"{value.text('')!r} is no range: write the lowest and the highest note, as in C4-C6")
            return None
        if high < low:
            value.report(f"{value.text('')} begins with the higher note: write the lowest first, as in C4-C6")
        elif high - low < 7:
            value.report(f"{value.text('')} is narrower than a fifth: give the melody more room, as in C4-C6")
        return low, high


def _has_melody(sections: list[SongSection], has_style: bool) -> bool:
    """Whether a note is given, or may be composed."""
    given = any(pitch != REST for section in sections for rule in section.notes for pitch in rule.pitches)
    rests = [[rule for rule in section.notes if rule.pitches == (REST,)] for section in sections]
    return given or (has_style and not all(rests))


def _around(limits: tuple[int, int], sections: list[SongSection]) -> tuple[int, int]:
    """`limits`, widened to the notes that are given."""
    rules = [rule for section in sections for rule in section.notes if not rule.forbidden and len(rule.pitches) == 1]
    pitches = [pitch for rule in rules for pitch in rule.pitches if pitch != REST]
    return min([limits[0], *pitches]), max([limits[1], *pitches])

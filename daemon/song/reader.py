"""Reads songs from their descriptions in YAML. All mistakes are reported together."""

from __future__ import annotations

import re
from pathlib import Path

from daemon.errors import ConfigError, SongError
from daemon.music.feel import FEELS
from daemon.music.leadsheet import Key
from daemon.music.note_names import pitch_named
from daemon.music.tempo import MAX_BPM, MIN_BPM
from daemon.song.description import ENDINGS, ENDLESS, MAX_BARS, MAX_CHORUSES, REST, Song, SongSection
from daemon.song.form_reader import read_form, read_sections, with_cadences
from daemon.song.section_reader import SECTION_KEYS, SectionReader
from daemon.song.transposition import LARGEST, Transposition, key_named, transposed_key
from daemon.yaml_file import Value, YamlFile

TOP_KEYS = (
    *("title", "composer", "key", "meter", "tempo", "feel", "swing", "form", "sections"),
    *("style", "order", "max_order", "range", "count_in", "intro", "choruses", "ending", "transpose", "seed"),
)
SUFFIXES = (".yaml", ".yml")
MAX_STYLES, MAX_COUNT_IN, MAX_SEED = 10, 8, 2**31
MAX_METER = 32  # beats of a bar
DEFAULT_RANGE = (57, 81)  # A3–A5
_METER = re.compile(r"([1-9][0-9]?)\s*/\s*(2|4|8|16)")
_RANGE = re.compile(r"(\S+?)\s*[-–]\s*(\S+)")


def read_song(path: Path, transpose: int = 0) -> Song:
    """The song in a file, `transpose` semitones higher. Raises SongError with all mistakes of the file."""
    if path.suffix.lower() not in SUFFIXES:
        raise SongError([f"{path}: is no song: name a file that ends in {' or '.join(SUFFIXES)}"])
    file = YamlFile(path, remedy="name a song, as songs/blues.yaml")
    try:
        song = _Reader(file.read(), transpose).song()
        file.check()
    except ConfigError as error:
        raise SongError(error.problems) from None
    return song


class _Reader:
    def __init__(self, document: Value, transpose: int) -> None:
        self._top = document.section(*TOP_KEYS, *SECTION_KEYS)
        self._file = document.file.path
        self._transpose = transpose

    def song(self) -> Song:
        top, meter = self._top, self._meter()
        semitones = self._transpose + top["transpose"].integer(-LARGEST, LARGEST, 0)
        key, style, limits = transposed_key(self._key(), semitones), self._style(), self._range()
        sections = read_sections(top, SectionReader(meter, Transposition(semitones, key), bool(style), limits))
        form = read_form(top, sections)
        sections = with_cadences(sections, form, key, bool(style))
        bars = sum(section.bars for name in form for section in sections if section.name == name)
        if bars > MAX_BARS:
            long = top["form"] if top["form"].given else top["bars"]
            long.report(f"{bars:,} bars in all: shorten the song to {MAX_BARS:,}")
        order = top["order"].integer(1, 4, 2)
        return Song(
            title=top["title"].text(self._file.stem),
            composer=top["composer"].text(""),
            key=key,
            meter=meter,
            bpm=top["tempo"].number(MIN_BPM, MAX_BPM, 120.0),
            feel=top["feel"].one_of(FEELS, "waltz" if meter == (3, 4) else "swing", "a feel"),
            swing=top["swing"].number(50, 75, 50.0) if top["swing"].given else None,
            style=style,
            order=order,
            max_order=self._max_order(order),
            form=form,
            sections=tuple(sections),
            has_melody=_has_melody(sections, bool(style)),
            range=limits or _around(DEFAULT_RANGE, sections),
            count_in=top["count_in"].integer(0, MAX_COUNT_IN, 0) if top["count_in"].given else None,
            intro=top["intro"].integer(0, min(bars, MAX_BARS), 0),
            choruses=self._choruses(),
            ending=top["ending"].one_of(ENDINGS, "chord", "an ending"),
            seed=top["seed"].integer(0, MAX_SEED, 0) if top["seed"].given else None,
            file=str(self._file),
        )

    def _key(self) -> Key:
        value = self._top["key"]
        text = value.text(what="one, as F or Gm")
        try:
            return key_named(text) if text else Key(0)
        except ValueError as error:
            value.report(str(error))
            return Key(0)

    def _meter(self) -> tuple[int, int]:
        value = self._top["meter"]
        found = _METER.fullmatch(value.text("4/4").strip())
        if found is None or int(found[1]) > MAX_METER:
            value.report(f"{value.text()!r} is no meter: write beats/unit, as in 4/4, 3/4 or 6/8")
            return 4, 4
        return int(found[1]), int(found[2])

    def _style(self) -> tuple[tuple[str, float], ...]:
        """Names and weights, which add up to 1."""
        value = self._top["style"]
        if not value.is_mapping:
            name = value.text("")
            return ((name, 1.0),) if name else ()
        weights = {name: each.number(0, 1000, 1.0) for name, each in value.entries().items()}
        total = sum(weights.values())
        if len(weights) > MAX_STYLES:
            value.report(f"{len(weights)} styles: blend {MAX_STYLES} at most")
        elif total <= 0:
            value.report("all weights are 0: give one style more")
        return tuple((name, weight / (total or 1.0)) for name, weight in weights.items() if weight)

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
        if high - low < 7:
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

"""Reads the sections of a song and the form that they make."""

from __future__ import annotations

from dataclasses import replace

from daemon.music.chords import NO_CHORD, chord_of
from daemon.music.leadsheet import Key
from daemon.song.description import SongSection
from daemon.song.form import names_in
from daemon.song.positions import Grid
from daemon.song.section_reader import SECTION_KEYS, UNSAID, SectionReader, Values
from daemon.song.sheet_reader import divided, marks_of
from daemon.suggestions import suggestion

VARIATION_KEYS = ("variation_of", "distance")
MAX_SECTIONS, MAX_FORM = 50, 200
WHOLE = "A"  # the section of a song without `sections`
DEFAULT_DISTANCE = 0.3


def read_sections(top: Values, reader: SectionReader) -> tuple[list[SongSection], tuple[str, ...]]:
    """All of `sections`, and the variations that only the form names, as A'; and their order without a `form`."""
    if not top["sections"].given:
        section = reader.read(WHOLE, top)
        marks = marks_of(top["chords"].text(""), reader.meter)
        if not marks:
            return [section], (WHOLE,)
        found, order = divided(section, marks, Grid(reader.meter, 0).bar)
        return [*found, *_variations(top, found)], order
    found = _read_all(top, reader)
    return [*found, *_variations(top, found)], tuple(section.name for section in found)


def _read_all(top: Values, reader: SectionReader) -> list[SongSection]:
    for key in SECTION_KEYS:
        if top[key].given:
            top[key].report("belongs to a section: move this line below a name in `sections`")
    entries = top["sections"].entries()
    if len(entries) > MAX_SECTIONS:
        top["sections"].report(f"{len(entries)} sections: {MAX_SECTIONS} at most: `form` may name one several times")
        return [SongSection(WHOLE, 1)]
    values = {name: each.section(*SECTION_KEYS, *VARIATION_KEYS) for name, each in entries.items()}
    found = {name: reader.read(name, each) for name, each in values.items() if not _is_variation(each)}
    for name, each in values.items():
        if name not in found:
            base = each["variation_of"].one_of(list(found), what="a section to vary, which is no variation itself")
            distance = each["distance"].number(0, 1, DEFAULT_DISTANCE)
            section = reader.read(name, each, found[base]) if base in found else SongSection(name, 1)
            found[name] = replace(section, variation_of=base, distance=distance)
    return list(found.values())


def _variations(top: Values, sections: list[SongSection]) -> list[SongSection]:
    """Those that only the form names."""
    known = {section.name: section for section in sections}
    found = []
    for name in dict.fromkeys(names_in(top["form"].text(""))):
        varied = known.get(name.rstrip("'"))
        if name not in known and varied is not None and not varied.variation_of:
            variation = replace(varied, name=name, notes=(), variation_of=varied.name, distance=DEFAULT_DISTANCE)
            found.append(variation)
    return found


def read_form(top: Values, sections: list[SongSection], order: tuple[str, ...]) -> tuple[str, ...]:
    """The names of the sections in order; `order`: without a `form`."""
    names, known = names_in(top["form"].text("")), [section.name for section in sections]
    if len(names) > MAX_FORM:
        top["form"].report(f"{len(names)} sections in a row: {MAX_FORM} at most: leave the rest to `choruses`")
    for name in dict.fromkeys(names):
        if name not in known:
            near = suggestion(name, known) if known != [WHOLE] else ""
            remedy = near or ": write it below `sections`, or delete this line"
            replace(top["form"], path=f"form, {name}").report(f"there is no section {name!r}{remedy}")
    names = tuple(name for name in names if name in known)
    for section in sections:
        if names and section.name not in names:
            top["form"].report(f"the section {section.name!r} is never played: add its name, or delete the section")
    return names or order


def with_cadences(sections: list[SongSection], form: tuple[str, ...], key: Key, has_style: bool) -> list[SongSection]:
    """The sections of the form. Where no cadence is given, the last one has a full cadence if its melody is composed
    and its last chord holds the tonic or is composed, too."""
    found = []
    for section in sections:
        if section.cadence == UNSAID:
            closes = has_style and section.name == form[-1] and _may_close(section, key)
            section = replace(section, cadence="full" if closes else "none")
        found.append(section)
    return [section for section in found if section.name in form]


def _may_close(section: SongSection, key: Key) -> bool:
    given = [rule for rule in section.chords if not rule.forbidden and rule.duration]
    if not given:
        return True
    symbol = given[-1].symbols[0]
    return symbol != NO_CHORD and key.tonic in chord_of(symbol).pitch_classes


def _is_variation(values: Values) -> bool:
    if values["distance"].given and not values["variation_of"].given:
        values["distance"].report("needs the section that it is a distance from: add `variation_of: A`")
    return values["variation_of"].given

"""The sources of a player, under `listen`: whole, or a part of a source (a zone of the keyboard, channels); and what an
instrument plays."""

from __future__ import annotations

from collections.abc import Iterator

from daemon.config.names import Names, together
from daemon.music.note_names import pitch_named
from daemon.spec import ZoneSpec
from daemon.suggestions import suggestion
from daemon.yaml_file import Value

WHAT = "an input, a melody or another player"
PLAYED = "an output, an input, a melody or a player"


def read_listen(value: Value, player: str, names: Names) -> tuple[tuple[str, ...], tuple[ZoneSpec, ...]]:
    """The names of the sources, and the zones of those of which the player hears only a part."""
    sources: list[str] = []
    zones: list[ZoneSpec] = []
    for item in value.items():
        for source, part in _sources(item, names):
            if source in sources:
                (part or item).report(f"{source!r} is listed twice: list each source once")
            sources.append(source)
            if part is not None:
                zones.append(_zone(part, player, source, names))
    return tuple(sources), tuple(zones)


def _sources(item: Value, names: Names) -> Iterator[tuple[str, Value | None]]:
    """The source that `item` names, and its part, if one is given."""
    known = together(names.inputs, names.melodies, names.musicians)
    if not item.is_mapping:
        if item.is_text and (name := item.text()) in names.instruments:
            item.report(f"{name!r} is an instrument, which plays notes and has none of its own: name what {name} plays")
        yield item.one_of(known, what=WHAT), None
        return
    entries = item.entries()
    if len(entries) != 1:
        item.report("is not one source: write one name in each item of the list")
    for source, part in entries.items():
        if source not in known:
            part.report(f"{source!r} is not {WHAT}{suggestion(source, known)}")
        yield source, part


def read_played(value: Value, names: Names) -> tuple[str, ...]:
    """The names of what an instrument plays; none: everything that is sent to the outputs."""
    known, found = together(names.outputs, names.inputs, names.melodies, names.musicians), []
    for item in value.items():
        if item.is_mapping:
            item.report(
                "an instrument plays all of a source: write its name alone, and the part under a player's listen"
            )
            continue
        if (name := item.text()) in names.instruments:
            item.report(f"{name!r} is an instrument, too: name what both play under each of them")
        elif item.one_of(known, what=PLAYED) in found:
            item.report(f"{name!r} is listed twice: list each source once")
        found.append(name)
    return tuple(found)


def _zone(part: Value, player: str, source: str, names: Names) -> ZoneSpec:
    zone = part.section("from", "to", "channel", "channels")
    if source in names.melodies:
        part.report("a melody is heard whole: write its name alone")
    elif part.is_mapping and not any(value.given for value in zone.values()):
        part.report("is no part of it: give from, to or channels, or write the name alone")
    if zone["channel"].given and zone["channels"].given:
        zone["channel"].report("is given beside channels: delete one of the two")
    low, high = _pitch(zone["from"], 0), _pitch(zone["to"], 127)
    if low > high and not (zone["from"].is_wrong or zone["to"].is_wrong):
        zone["from"].report(f"{zone['from'].text()} is above {zone['to'].text()}: no key is left: exchange the two")
    given = zone["channels"] if zone["channels"].given else zone["channel"]
    return ZoneSpec(player, source, low, high, tuple(channel.integer(1, 16, 1) for channel in given.items()))


def _pitch(value: Value, default: int) -> int:
    if not value.given:
        return default
    text = value.text()
    if (pitch := pitch_named(text)) is None and value.is_text:
        value.report(f"{text!r} is not a note: write C4 (middle C), F#3, Bb2, or a MIDI number from 0 to 127")
    return default if pitch is None else pitch

"""What differs between two configurations, in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from daemon.config.values import Config

_KINDS = {"ports": "port", "melodies": "melody", "band": "player", "controls": "controls of"}  # sections by name
_ABSENT = object()


def changes(old: Config, new: Config, renewed: Iterable[str] = ()) -> list[str]:
    """A phrase for each part that differs, such as `bpm 96 → 120`, `choir: temperature 0.5 → 0.8, top_p 0.95 → 1`,
    `port keys: connect none → Launchkey`, `new player drums`.

    `renewed`: players that got a new process, for which the contents of a file may be the only reason.
    """
    before, after = old.to_document(), new.to_document()
    phrases: list[str] = []
    for section in before:
        if section in _KINDS:
            phrases += _named(_KINDS[section], before[section], after[section])
        elif isinstance(before[section], dict):
            heading = "" if section == "clock" else f"{section}: "
            phrases += [f"{heading}{text}" for text in _differences(before[section], after[section])]
        else:
            phrases += _differences({section: before[section]}, {section: after[section]})
    files = {melody.file: melody.spec.melody.notes for melody in old.melodies}
    for melody in new.melodies:
        if files.get(melody.file, melody.spec.melody.notes) != melody.spec.melody.notes:
            phrases.append(f"melody {melody.spec.melody.name}: other notes in its file")
    band, band_before = after["band"], before["band"]
    contents = {member.name: member.contents for member in old.band}
    reasons = {
        member.name: [name for name, content in member.contents.items() if contents[member.name].get(name) != content]
        for member in new.band
        if member.name in contents
    }
    for name in renewed:
        if band[name] == band_before.get(name):
            changed = f", as its {' and '.join(reasons[name])} has changed" if reasons[name] else ""
            phrases.append(f"{name}: started anew{changed}")
    return phrases


def _named(kind: str, before: dict[str, Any], after: dict[str, Any]) -> Iterator[str]:
    """The differences of a section that has an entry for each port, player and so on."""
    for name in before | after:
        entry = after.get(name) or before[name]
        noun = "instrument" if kind == "player" and "play" not in entry else kind
        if name not in before:
            yield f"new {noun} {name}"
        elif name not in after:
            yield f"{noun} {name} removed"
        elif texts := list(_differences(before[name], after[name])):
            yield f"{name if kind == 'player' else f'{kind} {name}'}: {', '.join(texts)}"


def _differences(before: Any, after: Any, path: str = "") -> Iterator[str]:
    """`PATH OLD → NEW` for each value that differs; options of an engine are named without their heading."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in before | after:
            inner = f"{path}.{key}" if path and path != "options" else key
            yield from _differences(before.get(key, _ABSENT), after.get(key, _ABSENT), inner)
    elif before != after:
        yield f"{path} {_text(before)} → {_text(after)}"


def _text(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case float():
            return f"{value:.10g}"
        case dict():
            return ", ".join(f"{key} {_text(inner)}" for key, inner in value.items()) or "none"
        case list():
            return ", ".join(map(_text, value)) or "none"
        case None:
            return "none"
    return "none" if value is _ABSENT else str(value)

"""The names in config.yaml: of ports, melodies and players, which other sections refer to."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from itertools import chain

from daemon.yaml_file import Value, YamlFile

PORT_KEYS = ("direction", "connect", "channels", "thru", "longest_note", "delay_ms")

Section = Mapping[str, Value]  # name → what is configured under that name


class AnyName(tuple[str, ...]):
    """Names that are known where the section of names is wrong, and reported: there may be others."""

    def __contains__(self, name: object) -> bool:
        return True


def together(*names: tuple[str, ...]) -> tuple[str, ...]:
    """All of these."""
    kind = AnyName if any(isinstance(each, AnyName) for each in names) else tuple
    return kind(chain.from_iterable(names))


@dataclass(frozen=True, slots=True)
class Names:
    """A port whose direction is wrong is among both inputs and outputs, so that it is reported once."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    melodies: tuple[str, ...]
    players: tuple[str, ...]
    instruments: tuple[str, ...] = ()  # among the players

    @property
    def musicians(self) -> tuple[str, ...]:
        """The players that are no instruments."""
        return type(self.players)(name for name in self.players if name not in self.instruments)

    def outputs_in(self, value: Value) -> tuple[str, ...]:
        """A list of outputs, each at most once."""
        names = tuple(item.one_of(self.outputs, what="an output among the ports") for item in value.items())
        if len(set(names)) < len(names):
            value.report("an output is listed twice and would play everything twice: list each output once")
        return names


def entries_of(section: Value, keys: Collection[str]) -> Section:
    """The entries of `section`, each of which has some of `keys`; none, which is reported, where they lack a name."""
    found = section.entries()
    if found.keys() <= set(keys) and not all(value.is_mapping for value in found.values()):
        first = next(iter(found.values()))
        problem = f"there is no name above `{first.path.rpartition('.')[2]}`: write NAME: in a line before it"
        replace(section, key=first.key).report(problem)
        return {}
    return found


def read_names(top: Mapping[str, Value], ports: Section, melodies: Section, band: Section) -> Names:
    """The names of the three sections, checked against each other: a player and an output may share one. `top`: the
    sections as they are in the file."""
    directions = {name: _direction(port) for name, port in ports.items()}
    owners: dict[str, str] = {}
    for owner, section in (("a port", ports), ("a melody", melodies), ("a player", band)):
        for name, value in section.items():
            if not re.fullmatch(r"\w[\w -]{0,39}", name):
                value.report("a name is made of letters, digits, spaces, - and _, 40 at most: choose another")
            if name in owners and not (section is band and directions.get(name, "in") != "in"):
                value.report(f"there is {owners[name]} {name!r} already: choose another name")
            owners.setdefault(name, owner)
    kinds = {
        name: AnyName if top[name].is_unknown or top[name].is_wrong else tuple for name in ("ports", "melodies", "band")
    }
    if None in directions.values():  # the name of another port may be missing before the second one
        kinds["ports"] = AnyName
    return Names(
        inputs=kinds["ports"](name for name, direction in directions.items() if direction != "out"),
        outputs=kinds["ports"](name for name, direction in directions.items() if direction != "in"),
        melodies=kinds["melodies"](melodies),
        players=kinds["band"](band),
    )


def _direction(port: Value) -> str | None:
    """None if it is given twice. Nothing is reported: ports.py reads it again."""
    unreported = Value(YamlFile(port.file.path), port.path, port.node, port.key)
    direction = unreported.section(*PORT_KEYS)["direction"]
    return None if direction.is_wrong else direction.text("")

"""The names in config.yaml: of ports, melodies and players, which other sections refer to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from daemon.config.yaml_file import Value, YamlFile

PORT_KEYS = ("direction", "connect", "channels", "thru", "longest_note", "delay_ms")

Section = Mapping[str, Value]  # name → what is configured under that name


@dataclass(frozen=True, slots=True)
class Names:
    """A port whose direction is wrong is among both inputs and outputs, so that it is reported once."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    melodies: tuple[str, ...]
    players: tuple[str, ...]

    def outputs_in(self, value: Value) -> tuple[str, ...]:
        """A list of outputs, each at most once."""
        names = tuple(item.one_of(self.outputs, what="an output among the ports") for item in value.items())
        if len(set(names)) < len(names):
            value.report("an output is listed twice and would play everything twice: list each output once")
        return names


def read_names(ports: Section, melodies: Section, band: Section) -> Names:
    """The names of the three sections, checked against each other: a player and an output may share one."""
    directions = {name: _direction(port) for name, port in ports.items()}
    owners: dict[str, str] = {}
    for owner, section in (("a port", ports), ("a melody", melodies), ("a player", band)):
        for name, value in section.items():
            if not re.fullmatch(r"\w[\w -]{0,39}", name):
                value.report("a name is made of letters, digits, spaces, - and _, 40 at most: choose another")
            if name in owners and not (section is band and directions.get(name, "in") != "in"):
                value.report(f"there is {owners[name]} {name!r} already: choose another name")
            owners.setdefault(name, owner)
    return Names(
        inputs=tuple(name for name, direction in directions.items() if direction != "out"),
        outputs=tuple(name for name, direction in directions.items() if direction != "in"),
        melodies=tuple(melodies),
        players=tuple(band),
    )


def _direction(port: Value) -> str:
    """Nothing is reported: ports.py reads it again."""
    unreported = Value(YamlFile(port.file.path), port.path, port.node, port.key)
    return unreported.section(*PORT_KEYS)["direction"].text("")

"""Options of the command line that are values of the configuration, in place of those in the file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from daemon.errors import ConfigError
from daemon.paths import find_file
from daemon.suggestions import suggestion
from daemon.yaml_file import OptionValue, YamlFile

CONNECT = "--connect "
SONG = "--song"
LEADER = "leadsheet"  # the engine of a player that plays a song


def option_values(
    bpm: str | None = None,
    seed: str | None = None,
    connect: Iterable[str] = (),
    no_sound: bool = False,
    song: Path | None = None,
) -> tuple[OptionValue, ...]:
    """The values that these options give. `connect`: PORT=NAME, any number of them."""
    found = [OptionValue("--bpm", "clock.bpm", bpm)] if bpm is not None else []
    if song is not None:
        found.append(OptionValue(SONG, "", str(song)))
    if seed is not None:
        found.append(OptionValue("--seed", "seed", seed))
    if no_sound:
        found.append(OptionValue("--no-sound", "audio.device", ""))
    for text in connect:
        port, equals, name = text.partition("=")
        found.append(OptionValue(CONNECT + port, f"ports.{port}.connect" if equals else "", name))
    return tuple(found)


def placed(given: Iterable[OptionValue], path: Path) -> tuple[OptionValue, ...]:
    """The options; that of a song with its place in the configuration at `path`, once for each player of a song. The
    path of a song counts from the working folder."""
    found: list[OptionValue] = []
    for option in given:
        if option.name == SONG:
            song = replace(option, text=_song_file(option.text))
            found += [replace(song, path=place) for place in _songs(path)] or [replace(song, path="")]
        else:
            found.append(option)
    return tuple(dict.fromkeys(found))


def _songs(path: Path) -> list[str]:
    """Where the configuration names songs. Its mistakes are reported elsewhere."""
    try:
        band = YamlFile(path).read().entries().get("band")
    except ConfigError:
        return []
    members = band.entries() if band is not None else {}
    engines = {name: member.entries().get("engine") for name, member in members.items()}
    return [
        f"band.{name}.options.song"
        for name, engine in engines.items()
        if engine is not None and engine.is_text and engine.text() == LEADER
    ]


def _song_file(text: str) -> str:
    try:
        return str(find_file(text).absolute())
    except ValueError:
        return text


def check(given: Sequence[OptionValue], ports: Sequence[str], file: YamlFile) -> None:
    """Report each option that names no port, or the port of another one."""
    seen: set[str] = set()
    for option in given:
        port = option.name.removeprefix(CONNECT) if option.name.startswith(CONNECT) else None
        if not option.path and option.name == SONG:
            problem = (
                f"no player in {file.path} has the engine {LEADER}, which plays songs: -c bands/combo.yaml has one"
            )
        elif not option.path:
            problem = f"write PORT=NAME: a port ({', '.join(ports)}), and a part of the name of the port to connect to"
        elif option.path in seen:
            problem = "is given twice: delete one of the two"
        elif port is not None and port not in ports:
            problem = f"{port!r} is not a port in {file.path}{suggestion(port, ports)}"
        else:
            seen.add(option.path)
            continue
        file.problems.append((0, 0, f"{option.name}: {problem}"))

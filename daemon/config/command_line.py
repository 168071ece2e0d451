"""Options of the command line that are values of the configuration, in place of those in the file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from daemon.suggestions import suggestion
from daemon.yaml_file import OptionValue, YamlFile

CONNECT = "--connect "


def option_values(
    bpm: str | None = None, seed: str | None = None, connect: Iterable[str] = (), no_sound: bool = False
) -> tuple[OptionValue, ...]:
    """The values that these options give. `connect`: PORT=NAME, any number of them."""
    found = [OptionValue("--bpm", "clock.bpm", bpm)] if bpm is not None else []
    if seed is not None:
        found.append(OptionValue("--seed", "seed", seed))
    if no_sound:
        found.append(OptionValue("--no-sound", "audio.device", ""))
    for text in connect:
        port, equals, name = text.partition("=")
        found.append(OptionValue(CONNECT + port, f"ports.{port}.connect" if equals else "", name))
    return tuple(found)


def check(given: Sequence[OptionValue], ports: Sequence[str], file: YamlFile) -> None:
    """Report each option that names no port, or the port of another one."""
    seen: set[str] = set()
    for option in given:
        port = option.name.removeprefix(CONNECT) if option.name.startswith(CONNECT) else None
        if not option.path:
            problem = f"write PORT=NAME: a port ({', '.join(ports)}), and a part of the name of the port to connect to"
        elif option.path in seen:
            problem = "is given twice: delete one of the two"
        elif port is not None and port not in ports:
            problem = f"{port!r} is not a port in {file.path}{suggestion(port, ports)}"
        else:
            seen.add(option.path)
            continue
        file.problems.append((0, 0, f"{option.name}: {problem}"))

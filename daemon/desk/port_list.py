"""What MIDI systems are here, which ports others offer on them, and what we would open."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from daemon.config import Config
from daemon.midi.port_names import ALSA, JACK, WINDOWS, client_name, find_port, is_ours, remedy
from daemon.midi.systems import Systems
from daemon.spec import PortSpec


@dataclass(frozen=True, slots=True)
class System:
    """A MIDI system: the ports of others that can be heard and played to, or why it cannot be used."""

    name: str
    problem: str = ""
    heard: tuple[str, ...] = ()
    played_to: tuple[str, ...] = ()


def systems() -> Iterator[System]:
    """Every MIDI system that this platform could have, in the order in which ports are opened."""
    try:
        import rtmidi
    except ImportError as error:
        yield System("rtmidi", f"cannot be imported: {error}")
        return
    for name, api in Systems.compiled():
        problem = _problem(name)
        try:
            yield System(name, problem) if problem else _look(name, api)
        except (OSError, rtmidi.RtMidiError) as error:
            yield System(name, str(error).strip() or "not running")


def _problem(name: str) -> str:
    """Why a system should not even be tried."""
    if name == ALSA and not os.path.exists("/dev/snd/seq"):
        return "/dev/snd/seq is not there"
    if name == JACK:
        from daemon.midi.jack import open_client

        watch = open_client()
        if watch is None:
            return "no server is running"
        watch.close()
    return ""


def _look(name: str, api: int) -> System:
    import rtmidi

    found = []
    for kind in (rtmidi.MidiIn, rtmidi.MidiOut):
        handle = kind(api, "jamd look")
        try:
            found.append(tuple(port for port in handle.get_ports() if not is_ours(port)))
        finally:
            handle.delete()
    return System(name, "", *found)


def show(config: Config, console: Console) -> None:
    """Print it all."""
    found = list(systems())
    for system in found:
        if system.problem:
            console.print(f"{system.name}: {system.problem}", markup=False, highlight=False)
            continue
        table = Table(title=f"{system.name}: ports of others", title_justify="left")
        table.add_column("can be heard (connect: of an input)")
        table.add_column("can be played to (connect: of an output)")
        table.add_row("\n".join(system.heard) or "none", "\n".join(system.played_to) or "none")
        console.print(table)
    usable = [system for system in found if not system.problem]
    if not usable:
        console.print(f"no MIDI system: {remedy()}", markup=False, highlight=False)
    table = Table(title=f"what {config.path} opens", title_justify="left")
    for title in ("name", "direction", "where"):
        table.add_column(title)
    for port in config.ports:
        table.add_row(client_name(port.name), port.direction, _where(port, usable))
    console.print(table)


def _where(port: PortSpec, usable: list[System]) -> str:
    if port.connect is None:
        named = next((system.name for system in usable if system.name != WINDOWS), None)
        return f"{named}, a virtual port" if named else "nowhere now: no system here has virtual ports"
    for system in usable:
        names = list(system.heard if port.direction == "in" else system.played_to)
        index = find_port(names, port.connect)
        if index is not None:
            return f"{system.name}, joined to {names[index]}"
    return f"nowhere now: no port is named like {port.connect!r}"

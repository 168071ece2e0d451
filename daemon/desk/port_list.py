"""`jamd ports`: the MIDI systems here, the ports of others on them, and the ports that jamd would open; the audio
devices."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from daemon.errors import printable, printable_name
from daemon.midi.alsa import AlsaGraph, read_clients
from daemon.midi.port_names import (
    ALSA,
    JACK,
    WINDOWS,
    client_name,
    find_port,
    is_ours,
    own_name,
    remedy,
    without_numbers,
)
from daemon.midi.systems import Systems
from daemon.speaker.probe import look
from daemon.spec import PortSpec
from daemon.suggestions import nearest

if TYPE_CHECKING:
    from daemon.config import Config

NOT_CONNECTED = "a virtual port, connected to nothing"
_CLIENT = re.compile(r"[:(].*")  # what follows the name of a client in that of its port


@dataclass(frozen=True, slots=True)
class System:
    """A MIDI system: the ports of others that jamd can receive from and send to, or why the system cannot be used."""

    name: str
    problem: str = ""
    sources: tuple[str, ...] = ()  # to receive from
    destinations: tuple[str, ...] = ()  # to send to
    unconnected: tuple[str, ...] = ()  # outputs of a jamd that runs which no other program is connected to


def systems() -> Iterator[System]:
    """Every MIDI system of this platform, in the order in which jamd tries to open ports on them."""
    try:
        import rtmidi
    except ImportError as error:
        yield System("rtmidi", f"cannot be imported: {error}")
        return
    for name, api in Systems.compiled():
        problem = _problem(name)
        try:
            yield System(name, problem) if problem else _list_ports(name, api)
        except (OSError, rtmidi.RtMidiError) as error:
            yield System(name, str(error).strip() or "not running")


def _problem(name: str) -> str:
    """Why the system is not worth an attempt; empty if it is."""
    if name == ALSA and not os.path.exists("/dev/snd/seq"):
        return "/dev/snd/seq does not exist"
    if name == JACK:
        from daemon.midi.jack import open_client

        client = open_client()
        if client is None:
            return "no server is running"
        client.close()
    return ""


def _list_ports(name: str, api: int) -> System:
    import rtmidi

    found = []
    for kind in (rtmidi.MidiIn, rtmidi.MidiOut):
        handle = kind(api, "jamd look")
        try:
            found.append(tuple(port for port in handle.get_ports() if not is_ours(port)))
        finally:
            handle.delete()
    sources, destinations = found
    return System(name, "", sources, destinations, _unconnected(name))


def _unconnected(name: str) -> tuple[str, ...]:
    if name == ALSA:
        graph = AlsaGraph(read_clients())
        names = [str(without_numbers(port)) for port in graph.ports(is_output=True)]
        return tuple(port for port in names if is_ours(port) and not graph.connections(port))
    if name != JACK:
        return ()
    from daemon.midi.jack import open_client

    if (client := open_client()) is None:
        return ()
    try:
        return tuple(port for port in client.ports(True) if is_ours(port) and not client.connections(port))
    finally:
        client.close()


def show(config: Config, console: Console) -> None:
    """Print every system and the configured ports."""
    found = list(systems())
    for system in found:
        if system.problem:
            console.print(printable(f"{system.name}: {system.problem}"), markup=False, highlight=False)
            continue
        table = Table(title=f"{system.name}: ports of other programs and devices", title_justify="left")
        table.add_column("sources (for connect: of an input)")
        table.add_column("destinations (for connect: of an output)")
        table.add_row(_names(system.sources), _names(system.destinations))
        console.print(table)
    usable = [system for system in found if not system.problem]
    if not usable:
        console.print(f"no MIDI system: {remedy()}", markup=False, highlight=False)
    table = Table(title=Text(printable_name(f"ports in {config.path}")), title_justify="left")
    for title in ("name", "direction", "where"):
        table.add_column(title)
    for port in config.ports:
        table.add_row(client_name(port.name), port.direction, Text(printable_name(where(port, usable))))
    console.print(table)
    _show_audio(config, console)


def _show_audio(config: Config, console: Console) -> None:
    found = look(config.audio.device)
    if found.devices:
        table = Table(title="audio devices (for device: under audio:)", title_justify="left")
        for title in ("name", "API", "channels", "Hz", ""):
            table.add_column(title)
        for device in found.devices:
            marks = ["default"] * device.is_default + ["jamd plays here"] * (device == found.chosen)
            numbers = str(device.channels), f"{device.rate:g}"
            table.add_row(*map(_text, (device.name, device.api)), *numbers, ", ".join(marks))
        console.print(table)
    if found.problem or config.audio.device is None:
        text = found.problem or "no sound: turned off (audio.device)"
        console.print(printable(text), markup=False, highlight=False)


def _text(name: str) -> Text:
    return Text(printable_name(name))


def _names(ports: tuple[str, ...]) -> Text:
    """One name a line; a name is text and no markup, whatever brackets it has."""
    return Text("\n".join(printable_name(port) for port in ports) or "none")


def where(port: PortSpec, usable: list[System]) -> str:
    """The system on which jamd would open the port, and the port of another program that it would connect to."""
    if port.connect is None:
        named = next((system.name for system in usable if system.name != WINDOWS), None)
        if any(own_name(system.name, port.name) in system.unconnected for system in usable):
            return f"{named}, {NOT_CONNECTED}"
        return f"{named}, a virtual port" if named else "not open: there is no MIDI system with virtual ports"
    found = {system.name: system.sources if port.direction == "in" else system.destinations for system in usable}
    for system, names in found.items():
        index = find_port(list(names), port.connect)
        if index is not None:
            return f"{system}, connected to {names[index]}"
    clients = {_CLIENT.sub("", name).casefold(): name for names in found.values() for name in names}
    near = nearest(port.connect.casefold(), clients)
    return f"not open: no port name matches {port.connect!r}{f': did you mean {clients[near]!r}?' if near else ''}"

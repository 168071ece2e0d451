"""Ports and their names: our own, on each MIDI system, and those of others that `connect:` names."""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from daemon.errors import PortError, printable_name

ALSA, JACK, CORE_MIDI, WINDOWS = "ALSA", "JACK", "CoreMIDI", "Windows MM"
_ADDRESS = re.compile(r" \d+:\d+$")  # the numbers that ALSA gives to a client and its port


def client_name(port: str) -> str:
    """The name that others see: on ALSA and JACK of a client with the port "midi", elsewhere of the port itself."""
    return f"jamd {port}"


def is_ours(port: str) -> bool:
    """Whether the port belongs to a jamd; `connect:` never means such a port."""
    return port.startswith(client_name(""))


def own_name(api: str, port: str) -> str:
    """The whole name of our port, client and port where the system has both."""
    return f"{client_name(port)}:midi" if api in (ALSA, JACK) else client_name(port)


def find_port(names: list[str], wanted: str, taken: Iterable[str] = ()) -> int | None:
    """Index of the port with that name, or else of the first that has `wanted` in its name (case is ignored).

    Ports of a jamd are left out, and of those `taken` as many as are listed. ALSA's `CLIENT:PORT 20:0` is found without
    the numbers too: they change whenever the device is plugged in.
    """
    left_out = Counter(taken)
    others = []
    for index, name in enumerate(names):
        if left_out[name] > 0:
            left_out[name] -= 1
        elif not is_ours(name):
            others.append((index, name))
    bare, part = without_numbers(wanted), wanted.casefold()
    for matches in (
        lambda name: name == wanted,
        lambda name: part in name.casefold(),
        lambda name: without_numbers(name) == bare,
    ):
        for index, name in others:
            if matches(name):
                return index
    return None


def without_numbers(port: str | None) -> str | None:
    """A port's name without the numbers that ALSA appends."""
    return _ADDRESS.sub("", port) if port is not None else None


def remedy() -> str:
    """What to do where there is no MIDI system."""
    if sys.platform == "linux":
        return "load ALSA's sequencer (modprobe snd-seq) or start a JACK server"
    if sys.platform == "win32":
        return "install loopMIDI and name one of its ports with connect:"
    return "check the MIDI devices in Audio MIDI Setup"


class NotThere(PortError):
    """No MIDI system can open this port now; one may later."""


class NameTaken(PortError):
    """Another program has a port of this name."""


@dataclass(eq=False, slots=True)
class Device:
    """An open port of ours. `handle` is rtmidi's; `peer` names the port that it was connected to for `connect:`."""

    api: str  # the MIDI system, ALSA, JACK …
    handle: Any
    name: str  # as others see it: see own_name
    peer: str | None
    is_input: bool
    wanted: str | None = None  # connect: in the configuration
    is_shared: bool = False  # another port of ours is connected to `peer` too, because no other port fitted `wanted`


def choose_port(names: list[str], wanted: str, taken: Iterable[str], may_share: bool) -> tuple[int, bool]:
    """Index in `names` of the port to connect to, and whether that is shared with a port of ours.

    One of those `taken` by ports of ours is chosen only where `may_share`. Raises NotThere if there is none.
    """
    index = find_port(names, wanted, taken)
    if index is not None:
        return index, False
    index = find_port(names, wanted)
    if index is None:
        others = [name for name in names if not is_ours(name)]
        raise NotThere(
            f"no port name matches {wanted!r}; ports there are: {printable_name(', '.join(others)) or 'none'}"
        )
    if not may_share:
        raise NotThere(f"{printable_name(names[index])} is already connected to another port of jamd")
    return index, True

"""Names of ports: of our own, on each MIDI system, and of the ports of others that `connect:` names."""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterable

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

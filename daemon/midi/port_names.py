"""What ports are called: ours, on each MIDI system, and those of others that the configuration names."""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterable

ALSA, JACK, CORE_MIDI, WINDOWS = "ALSA", "JACK", "CoreMIDI", "Windows MM"
_ADDRESS = re.compile(r" \d+:\d+$")  # the numbers that ALSA gives to a client and its port


def client_name(port: str) -> str:
    """What others see: on ALSA and JACK a client with the port "midi", elsewhere the port itself."""
    return f"jamd {port}"


def is_ours(port: str) -> bool:
    """Whether a port is a jamd's, so that `connect:` never means it."""
    return port.startswith(client_name(""))


def own_name(api: str, port: str) -> str:
    return f"{client_name(port)}:midi" if api in (ALSA, JACK) else client_name(port)


def find_port(names: list[str], wanted: str, taken: Iterable[str] = ()) -> int | None:
    """The port named so, or else the first that has `wanted` in its name; not one of those `taken`, nor of our own.

    ALSA's `CLIENT:PORT 20:0` is found by its name where the numbers are others: they change when it is plugged in.
    """
    left = Counter(taken)
    others = []
    for index, name in enumerate(names):
        if left[name] > 0:
            left[name] -= 1
        elif not is_ours(name):
            others.append((index, name))
    whole, part = without_numbers(wanted), wanted.casefold()
    for fits in (
        lambda name: name == wanted,
        lambda name: part in name.casefold(),
        lambda name: without_numbers(name) == whole,
    ):
        for index, name in others:
            if fits(name):
                return index
    return None


def without_numbers(port: str | None) -> str | None:
    """A port of others by its mere name."""
    return _ADDRESS.sub("", port) if port is not None else None


def remedy() -> str:
    """How a person gets ports where there are none."""
    if sys.platform == "linux":
        return "load ALSA's sequencer (modprobe snd-seq) or start a JACK server"
    if sys.platform == "win32":
        return "install loopMIDI and name its port with connect:"
    return "see Audio MIDI Setup"

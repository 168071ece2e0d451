"""Our open ports on MIDI systems, and the choice of the port that `connect:` in the configuration names."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from daemon.errors import PortError, printable_name
from daemon.midi.port_names import find_port, is_ours


class NotThere(PortError):
    """No MIDI system can open this port now; one may later."""


class NameTaken(PortError):
    """Another program has a port of this name."""


@dataclass(eq=False, slots=True)
class Device:
    """An open port of ours. `handle` is rtmidi's; `peer` names the port that it was connected to for `connect:`."""

    api: str  # the MIDI system, as in port_names
    handle: Any
    name: str  # as others see it: see port_names.own_name
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

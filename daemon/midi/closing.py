"""Ports that are to be closed, and are not yet: nobody waits for them."""

from __future__ import annotations

import time
from dataclasses import dataclass

from daemon.midi.output import NEVER, Output
from daemon.midi.port_names import JACK
from daemon.midi.systems import QUIET, Device, Systems

PARTING = 1.0  # seconds at most until what is still to be sent is sent: 5,000 messages on ALSA
ENOUGH = 0.1  # seconds at most until what was sent last has arrived
CYCLES = 3  # of JACK: what was sent is in its port's buffer after one, and with its receiver after one more
TURN = 0.005  # seconds between looks whether one can be closed


@dataclass(eq=False, slots=True)
class _Leaving:
    name: str
    device: Device
    output: Output | None  # that has something to send
    until: float
    idle_at: float = NEVER  # since when it has not
    cycle: int = -1
    cycles: int = -1  # that were seen to begin since then


class ClosingPorts:
    """An output is closed when what it owes has arrived, an input when its thread brings nothing any more."""

    def __init__(self, systems: Systems) -> None:
        self._systems = systems
        self._leaving: list[_Leaving] = []

    def __contains__(self, name: str) -> bool:
        """Whether a port of this name is still open."""
        return any(leaving.name == name for leaving in self._leaving)

    def __bool__(self) -> bool:
        return bool(self._leaving)

    def add(self, name: str, device: Device, output: Output | None, now: float) -> None:
        """`output` is to pay what it owes."""
        self._systems.cut_off(device)
        if output is not None:
            output.release()
        self._leaving.append(_Leaving(name, device, output, now + PARTING))

    def pump(self, now: float) -> None:
        for leaving in self._leaving:
            if leaving.output is not None:
                leaving.output.pump(now)

    def next_deadline(self) -> float:
        """Closing is never urgent: there is time for it when nothing else is due."""
        if not self._leaving:
            return NEVER
        due = (leaving.output.next_deadline() for leaving in self._leaving if leaving.output is not None)
        return min([time.perf_counter() + TURN, *due])

    def look(self, now: float) -> None:
        """Close what can be closed. It takes 20 ms each, in which nothing is sent."""
        for leaving in [leaving for leaving in self._leaving if self._is_ready(leaving, now)]:
            self._leaving.remove(leaving)
            self._systems.close(leaving.device)

    def _is_ready(self, leaving: _Leaving, now: float) -> bool:
        device, output = leaving.device, leaving.output
        leaving.idle_at = min(leaving.idle_at, now)
        if device.is_input:
            return now >= leaving.idle_at + QUIET
        if output is None or now >= leaving.until or self._systems.gone(device) is not None:
            return True
        if not output.idle:
            leaving.idle_at = NEVER
            return False
        if device.api != JACK:
            return True
        if (cycle := self._systems.jack.cycle()) != leaving.cycle:
            leaving.cycle, leaving.cycles = cycle, leaving.cycles + 1
        return leaving.cycles >= CYCLES or now >= leaving.idle_at + ENOUGH

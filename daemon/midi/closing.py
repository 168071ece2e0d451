"""Ports that are being closed while the stage plays on."""

from __future__ import annotations

import time
from dataclasses import dataclass

from daemon.midi.output import NEVER, Output
from daemon.midi.port_names import JACK, Device
from daemon.midi.systems import CALLBACK_END, Systems

OUTPUT_CLOSE_TIMEOUT = 1.0  # seconds in which an output may still send: 5,000 messages on ALSA
ARRIVAL_TIME = 0.1  # seconds at most until the last message has arrived
ARRIVAL_CYCLES = 3  # JACK cycles: after one a message is in the port's buffer, after one more with its receiver
CLOSING_CHECK_INTERVAL = 0.005  # seconds between checks whether a port can be closed


@dataclass(eq=False, slots=True)
class _Closing:
    name: str
    device: Device
    output: Output | None  # None: there is nothing to send
    deadline: float
    idle_since: float = NEVER  # when the output was first seen with an empty queue
    cycle: int = -1
    cycles: int = -1  # that were seen to begin since then


class ClosingPorts:
    """Closes an output when the note-offs that it owed have arrived, an input when its callback has ended."""

    def __init__(self, systems: Systems) -> None:
        self._systems = systems
        self._ports: list[_Closing] = []

    def __contains__(self, name: str) -> bool:
        """Whether a port of this name is still open."""
        return any(port.name == name for port in self._ports)

    def __bool__(self) -> bool:
        return bool(self._ports)

    def add(self, name: str, device: Device, output: Output | None, now: float) -> None:
        """Disconnect an input; let `output` send the note-off of every sounding note."""
        if device.is_input:
            self._systems.disconnect(device)
        if output is not None:
            output.release()
        self._ports.append(_Closing(name, device, output, now + OUTPUT_CLOSE_TIMEOUT))

    def pump(self, now: float) -> None:
        """Send what may be sent now."""
        for port in self._ports:
            if port.output is not None:
                port.output.pump(now)

    def next_deadline(self) -> float:
        """When `pump` or `close_ready` has something to do. Closing waits while anything else is due."""
        if not self._ports:
            return NEVER
        due = (port.output.next_deadline() for port in self._ports if port.output is not None)
        return min([time.perf_counter() + CLOSING_CHECK_INTERVAL, *due])

    def close_ready(self, now: float) -> None:
        """Close every port that can be closed. That takes 20 ms each, in which nothing is sent."""
        for port in [port for port in self._ports if self._is_ready(port, now)]:
            self._ports.remove(port)
            self._systems.close(port.device)

    def _is_ready(self, port: _Closing, now: float) -> bool:
        device, output = port.device, port.output
        port.idle_since = min(port.idle_since, now)
        if device.is_input:
            return now >= port.idle_since + CALLBACK_END
        if output is None or now >= port.deadline or self._systems.failure(device) is not None:
            return True
        if not output.is_idle:
            port.idle_since = NEVER
            return False
        if device.api != JACK:
            return True
        if (cycle := self._systems.jack.client.cycle()) != port.cycle:
            port.cycle, port.cycles = cycle, port.cycles + 1
        return port.cycles >= ARRIVAL_CYCLES or now >= port.idle_since + ARRIVAL_TIME

"""Our MIDI clock on the ports of `clock.send`."""

from __future__ import annotations

from functools import partial

from daemon.clocks.midi_clock_out import MidiClockOut
from daemon.metrics import GRID
from daemon.performance.held_notes import Send
from daemon.performance.timeline import Timeline
from daemon.spec import StageSpec


class ClockOutputs:
    """`pulse`: the timeline of the ticks."""

    def __init__(self, send: Send, pulse: Timeline) -> None:
        self._send, self._pulse = send, pulse
        self._clocks: dict[tuple[str, float, bool], MidiClockOut] = {}  # by port, its delay, ticks in a count-in
        self._fresh: list[MidiClockOut] = []

    def take(self, now: float, spec: StageSpec) -> None:
        """Take the outputs of `spec`; unchanged ones go on undisturbed."""
        delays = {port.name: port.delay for port in spec.ports}
        wanted = [(port, delays.get(port, 0.0), spec.clock.count_in_ticks) for port in spec.clock.send]
        for key in [key for key in self._clocks if key not in wanted]:
            self._clocks.pop(key).stop(now)
        fresh = {
            key: MidiClockOut(self._pulse, partial(self._send_to, key[0]), *key[1:])
            for key in wanted
            if key not in self._clocks
        }
        self._clocks |= fresh
        self._fresh = list(fresh.values())

    def start(self, now: float, beat: float, first: float, only_new: bool = False) -> None:
        """`beat` is that of `now`, `first` that of the song's start. `only_new`: those of the last `take`."""
        for clock in self._fresh if only_new else self._clocks.values():
            clock.start(now, beat, first)

    def stop(self, now: float) -> None:
        """Send Stop to the receivers."""
        for clock in self._clocks.values():
            clock.stop(now)

    def _send_to(self, port: str, message: bytes, due: float) -> None:
        self._send(port, message, due, GRID)

"""All ports of the stage: opened, checked, closed, and opened again when they come back."""

from __future__ import annotations

import time
from collections.abc import Iterable

from daemon import realtime
from daemon.metrics import Cause, Metrics
from daemon.midi.closing import ClosingPorts
from daemon.midi.connections import ConnectionWatch, Port, PortObserver, own_port
from daemon.midi.inbox import Inbox, InputPort
from daemon.midi.ledger import Ledger
from daemon.midi.output import NEVER, Output
from daemon.midi.pace import Bursts, Pace, PerCycle, Unlimited
from daemon.midi.port_names import ALSA, JACK, Device, NameTaken, NotThere, own_name, remedy
from daemon.midi.systems import Systems
from daemon.spec import PortSpec

PORT_CHECK_INTERVAL = 0.5  # seconds between checks whether the ports still work
SUSPICION = 2.0  # seconds after malformed bytes in which the start of an exclusive message may have swallowed the rest
PROBE_AFTER = 1.0  # seconds without a message after which an input may be in an exclusive message, even a slow one
STALL = 0.3  # seconds between two turns of the stage's loop after which its MIDI threads have stood still too
REOPEN_INTERVAL = 0.25  # seconds between attempts to open a port that was open before
OPEN_INTERVAL = 1.0  # … and one that never was


class Ports:
    """The ports of the configuration. Reports to `observer`."""

    def __init__(self, ledger: Ledger, inbox: Inbox, metrics: Metrics, observer: PortObserver) -> None:
        self._ledger, self._inbox, self._metrics, self._observer = ledger, inbox, metrics, observer
        self._systems = Systems(inbox.buffered_by_rtmidi, inbox.wake)
        self._connections = ConnectionWatch(self._systems, inbox, observer)
        self._ports: dict[str, Port] = {}
        self._outputs: dict[str, Output] = {}  # those of `_ports`
        self._closing = ClosingPorts(self._systems)
        self._check_at = self._pumped_at = NEVER
        self.patch_bay = self._connections.patch_bay

    def configure(self, specs: Iterable[PortSpec], now: float, patience: float = 0.0) -> list[NameTaken]:
        """Have these ports, and no others; those that stay the same are left alone.

        A port of the same name but another direction or peer is opened when the old one has sent what it owed.
        Returns an error for each name that another program still uses after `patience` seconds.
        """
        self._systems.handover_until = time.monotonic() + patience
        wanted = {spec.name: spec for spec in specs}
        for name, port in list(self._ports.items()):
            spec = wanted.get(name)
            if spec is not None and (spec.direction, spec.connect) == (port.spec.direction, port.spec.connect):
                port.spec = spec
                if port.output is not None:
                    port.output.set_sounds(spec.sounds)
            else:
                self._close_for_good(port, now)
                del self._ports[name]
        taken = []
        for name, spec in wanted.items():
            if name in self._ports:
                continue
            port = self._ports[name] = Port(spec)
            if spec.direction == "out":
                self._add_output(port)
            try:
                self._open(port, now)
            except NameTaken as error:
                taken.append(error)
        realtime.release_jack_memory()
        self.patch_bay.keep_only(own_name(api, name) for name in wanted for api in (ALSA, JACK))
        self._check_at = now
        self._connections.reconfigured(now)
        self._pumped_at = NEVER
        return taken

    def send(self, name: str, message: bytes, due: float, cause: Cause) -> None:
        if (output := self._outputs.get(name)) is not None:
            output.send(message, due, cause)

    def silence(self) -> None:
        """Panic: send every note-off that is owed, then silence every output."""
        for output in self._outputs.values():
            output.silence()
            output.pump(time.perf_counter())

    def repeat_sounds(self) -> None:
        """Send the sounds again, for a receiver that was reset or whose connection cannot be seen."""
        for output in self._outputs.values():
            output.repeat_sounds()

    def pump(self, now: float) -> None:
        """Send what may be sent now."""
        if now - self._pumped_at > STALL:
            self._report_lost_input()
        self._pumped_at = now
        for output in self._outputs.values():
            output.pump(now)
        self._closing.pump(now)

    def next_deadline(self) -> float:
        """When `pump` has something to do."""
        deadlines = (output.next_deadline() for output in self._outputs.values())
        return min([self._closing.next_deadline(), *deadlines])

    def look(self, now: float) -> None:
        """Find out, when it is time to, which ports and connections are gone or back; close and open ports."""
        if now >= self._check_at or self._systems.jack.has_died:
            self._check_at = now + PORT_CHECK_INTERVAL
            self._check(now)
        if self._connections.update(now, self._ports.values()):
            self._check_at = now
        away = [port for port in self._ports.values() if port.device is None and now >= port.retry_at]
        if away or self._closing:
            with self._systems.changes.ours(lambda: self._connections.are_connected(self._ports.values())):
                self._closing.close_ready(now)
                for port in away:
                    try:
                        self._open(port, now)
                    except NameTaken as error:
                        port.retry_at = now + OPEN_INTERVAL
                        self._observer.log("error", f"port {port.spec.name} taken", str(error))
                    if port.device is not None and port is not away[-1]:
                        self._inbox.wake()  # the others at the next turn: opening many takes longer than the desk waits
                        break
        if any(port.device is not None for port in away):
            realtime.release_jack_memory()
            self._pumped_at = NEVER

    def _check(self, now: float) -> None:
        """Which ports have failed, which could have a peer of their own, which inputs may be stuck."""
        self._lose({port: why for port in self._ports.values() if (why := self._failure(port)) is not None})
        for port in self._ports.values():
            if port.device is not None and port.device.is_shared and self._systems.has_unshared(port.device):
                self._move(port, now)
            if port.device is not None and port.input is not None and self._may_be_stuck(port, port.input, now):
                port.input.probed_at = now
                self._inbox.discard_leftovers(port.input)
                self._systems.end_exclusive(port.device)

    def _may_be_stuck(self, port: Port, port_input: InputPort, now: float) -> bool:
        """Whether rtmidi may take all that comes in for the continuation of an exclusive message."""
        assert port.device is not None
        is_silent = now - max(port_input.last_message_at, port_input.probed_at) > PROBE_AFTER
        return (is_silent and not self.patch_bay.is_unconnected(port.device.name)) or (
            0 <= now - port.malformed_at < SUSPICION
        )

    def _report_lost_input(self) -> None:
        """The process stood still (stopped, or the machine is short of memory).

        JACK keeps no messages for a client that is late, so which keys were released meanwhile is unknown.
        """
        for port in self._ports.values():
            if port.input is not None and port.device is not None and port.device.api == JACK:
                self._inbox.post(port.input, b"")

    def repeat_opening(self) -> None:
        """Send again what was sent when the ports were opened: receivers may be connected by now."""
        for port in self._ports.values():
            if port.output is not None:
                port.output.repeat_note_offs()
                self._repeat_unseen(port)

    def _repeat_unseen(self, port: Port) -> None:
        """Send the sounds where connections cannot be seen; elsewhere they are sent at each new connection."""
        if port.output is not None and port.device is not None and port.device.api not in (ALSA, JACK):
            port.output.repeat_sounds()

    def received_malformed(self, name: str, now: float) -> None:
        """Input `name` brought bytes that are not MIDI."""
        if (port := self._ports.get(name)) is not None:
            port.malformed_at = now

    def reopen(self, now: float) -> None:
        """Open all ports anew after the machine was suspended."""
        self._lose(dict.fromkeys(self._ports.values(), "the machine was asleep"))
        self.look(now)

    def apis(self) -> dict[str, str | None]:
        """The MIDI system that each port is open on."""
        return {name: port.device.api if port.device else None for name, port in self._ports.items()}

    def connected(self) -> dict[str, bool]:
        """Whether others are connected to the outputs, of those whose connections can be seen."""
        return self._connections.connected

    def close(self) -> None:
        """Send what is queued and owed, then close all ports."""
        for port in self._ports.values():
            self._close_for_good(port, time.perf_counter())
        self._ports.clear()
        while self._closing:
            self.pump(time.perf_counter())
            self._closing.close_ready(time.perf_counter())
            time.sleep(0.001)
        self._systems.close_clients()

    def _open(self, port: Port, now: float) -> None:
        spec = port.spec
        if spec.name in self._closing:
            return
        before = realtime.ordinary_threads()
        try:
            device = self._systems.open(spec, may_share=not port.had_own)
        except NotThere as error:
            port.retry_at = time.perf_counter() + (REOPEN_INTERVAL if port.was_open else OPEN_INTERVAL)
            if not port.was_open and not port.is_reported:
                port.is_reported = True
                what_helps = remedy() if spec.connect is None else "plug in the device or start the program"
                text = f"{error}; {what_helps}; until then jamd plays without it"
                self._observer.log("warning", str(error), text)
            return
        port.device = device
        if self.patch_bay.is_cut(own_port(device)):  # before a previous stage process ended
            self._systems.disconnect(device)
        self.patch_bay.reopened(device.name)
        port.had_own |= device.peer is not None and not device.is_shared
        if port.output is None:
            port.input = self._inbox.listen(device.handle, spec.name)
            if device.api == ALSA:  # the input's thread is rtmidi's own, and ordinary; JACK raises its threads itself
                realtime.raise_priority(realtime.ordinary_threads() - before)
        else:
            self._open_output(port.output, device)
            self._repeat_unseen(port)
        self._connections.update_soon()
        if port.was_open:
            self._observer.port_changed(spec.name, True)
        elif port.is_reported and device.peer is None:  # a connection is logged by itself
            self._observer.log("info", f"port {spec.name}", f"port {spec.name} is open on {device.api}", is_change=True)
        port.was_open = True

    def _open_output(self, output: Output, device: Device) -> None:
        now = time.perf_counter()
        output.open(
            device.handle.send_message,
            self._pace(device),
            lambda: self._systems.failure(device) is None,
            now,
            lambda: device.api not in (ALSA, JACK) or self.patch_bay.is_complete(device.api, device.name),
        )
        output.pump(now)

    def _pace(self, device: Device) -> Pace:
        if device.api == ALSA:
            return Bursts(20, 0.004)
        return PerCycle(500, self._systems.jack.client.cycle) if device.api == JACK else Unlimited()

    def _failure(self, port: Port) -> str | None:
        return self._systems.failure(port.device) if port.device is not None else None

    def _add_output(self, port: Port) -> None:
        port.output = self._outputs[port.spec.name] = Output(port.spec.name, self._ledger, self._metrics)
        port.output.set_sounds(port.spec.sounds)

    def _lose(self, ports: dict[Port, str]) -> None:
        """These have failed, for the reason given.

        The outputs are closed first, before anything else is sent: then they owe the note-offs of what inputs held.
        """
        lost = {port: why for port, why in ports.items() if port.device is not None}
        for port in lost:
            if port.output is not None:
                port.output.close()
        for port, why in lost.items():
            name = port.spec.name
            if port.device is not None:
                self.patch_bay.lost(port.device.name)
            self._close_device(port, None, time.perf_counter())
            self._metrics.lost_ports += 1
            text = f"port {name}: {why}; jamd reopens the port as soon as possible"
            self._observer.log("warning", f"port {name}", text, is_change=True)
            self._observer.port_changed(name, False)

    def _close_for_good(self, port: Port, now: float) -> None:
        self._close_device(port, self._outputs.pop(port.spec.name, None), now)

    def _move(self, port: Port, now: float) -> None:
        """Close a port whose peer another port of ours has too; it opens again on one that is free."""
        name, output = port.spec.name, self._outputs.pop(port.spec.name, None)
        if output is not None:
            self._add_output(port)
        self._close_device(port, output, now)
        self._observer.port_changed(name, False)

    def _close_device(self, port: Port, output: Output | None, now: float) -> None:
        """`output` is what sends the note-offs that are owed before the device is closed."""
        if port.input is not None:
            port.input.is_open = False
        if port.device is not None:
            self._closing.add(port.spec.name, port.device, output, now)
        port.device, port.input, port.retry_at = None, None, 0.0

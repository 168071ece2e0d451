"""All ports of the stage: opened, watched, closed, opened again."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from daemon import realtime
from daemon.metrics import Cause, Metrics
from daemon.midi.closing import ClosingPorts
from daemon.midi.inbox import Inbox, InputPort
from daemon.midi.ledger import Ledger
from daemon.midi.output import NEVER, Output
from daemon.midi.pace import Groups, Pace, PerCycle, Unlimited
from daemon.midi.patch_bay import PatchBay
from daemon.midi.port_names import ALSA, JACK, own_name, remedy, without_numbers
from daemon.midi.systems import ENDER, Device, NameTaken, NotThere, Systems
from daemon.spec import PortSpec

PATCH = 0.2  # seconds between looks at the connections
LOOK = 0.5  # seconds between looks whether the ports are there
SUSPECT = 2.0  # seconds after garbage in which the start of an exclusive message may have swallowed what follows
SILENCE = 1.0  # seconds after which an input that brings nothing may be deaf, or in an exclusive message, if it is slow
STALL = 0.3  # seconds without a turn of the stage in which its threads will have stood still, too
RETRY = 0.25  # seconds between attempts to open one that was there before
RETRY_NEW = 1.0  # … and one that never was


class Listener(Protocol):
    """Who hears of the ports."""

    def port_changed(self, name: str, there: bool) -> None:
        """A port is lost, or back."""

    def connections_changed(self, connections: list[Any]) -> None:
        """The patchbay remembers others."""

    def say(self, level: str, cause: str, text: str) -> None: ...


@dataclass(eq=False, slots=True)
class _Port:
    spec: PortSpec
    device: Device | None = None
    ear: InputPort | None = None  # of an open input
    had_own: bool = False  # it was joined to a port that none of ours shared: it waits until there is such a one again
    retry_at: float = 0.0
    garbage_at: float = NEVER  # when it last brought what is not MIDI
    was_there: bool = False
    told: bool = False  # that it cannot be opened


class Ports:
    """Reports to `listener`."""

    def __init__(self, ledger: Ledger, inbox: Inbox, metrics: Metrics, listener: Listener) -> None:
        self._ledger, self._inbox, self._metrics, self._listener = ledger, inbox, metrics, listener
        self.patchbay = PatchBay(private=[ENDER])
        self._systems = Systems(inbox.by_queue)
        self._ports: dict[str, _Port] = {}
        self._outputs: dict[str, Output] = {}
        self._farewell = ClosingPorts(self._systems)
        self._look_at = self._patch_at = self._pumped_at = NEVER
        self._patch_soon = False

    def configure(self, specs: Iterable[PortSpec], now: float, patience: float = 0.0) -> list[NameTaken]:
        """Have these ports, and no others; those that stay the same are left alone. Returns those that it may not.

        One that was there under the same name, but otherwise, is opened when that one has paid what it owed.
        """
        self._systems.hand_over = time.monotonic() + patience
        wanted = {spec.name: spec for spec in specs}
        for name, port in list(self._ports.items()):
            spec = wanted.get(name)
            if spec is not None and (spec.direction, spec.connect) == (port.spec.direction, port.spec.connect):
                port.spec = spec
            else:
                self._part_with(port, now)
                del self._ports[name]
        taken = []
        for name, spec in wanted.items():
            if name in self._ports:
                continue
            port = self._ports[name] = _Port(spec)
            if spec.direction == "out":
                self._outputs[name] = Output(name, self._ledger, self._metrics)
            try:
                self._try(port, now)
            except NameTaken as error:
                taken.append(error)
        realtime.let_go_of_shared_memory()
        self.patchbay.keep(own_name(api, name) for name in wanted for api in (ALSA, JACK))
        self._look_at, self._patch_soon = now, True
        self._patch_at = min(self._patch_at, now + PATCH)
        self._pumped_at = NEVER
        return taken

    def send(self, name: str, message: bytes, due: float, cause: Cause) -> None:
        if (output := self._outputs.get(name)) is not None:
            output.send(message, due, cause)

    def silence(self) -> None:
        """Pay every debt; then silence every output."""
        for output in self._outputs.values():
            output.silence()
            output.pump(time.perf_counter())

    def pump(self, now: float) -> None:
        if now - self._pumped_at > STALL:
            self._stood_still()
        self._pumped_at = now
        for output in self._outputs.values():
            output.pump(now)
        self._farewell.pump(now)

    def next_deadline(self) -> float:
        deadlines = (output.next_deadline() for output in self._outputs.values())
        return min([self._farewell.next_deadline(), *deadlines])

    def look(self, now: float) -> None:
        """See what is gone and what is back, when it is time to."""
        if now >= self._look_at or self._systems.jack_died:
            self._look_at = now + LOOK
            self._lose({port: why for port in self._ports.values() if (why := self._why_gone(port)) is not None})
            for port in self._ports.values():
                if port.device is not None and port.device.shared and self._systems.has_free(port.device):
                    self._move(port, now)
                if port.device is not None and port.ear is not None and self._may_be_deaf(port, port.ear, now):
                    port.ear.probed_at = now
                    self._inbox.sweep(port.ear)
                    self._systems.end_exclusive(port.device)
        if now >= self._patch_at or self._patch_soon:
            in_time = now >= self._patch_at
            self._patch_at, self._patch_soon = now + PATCH, False
            self._patch(now, in_time)
        self._farewell.look(now)
        away = [port for port in self._ports.values() if port.device is None and now >= port.retry_at]
        for port in away:
            try:
                self._try(port, now)
            except NameTaken as error:
                port.retry_at = now + RETRY_NEW
                self._listener.say("error", f"port {port.spec.name}", str(error))
        if any(port.device is not None for port in away):
            realtime.let_go_of_shared_memory()
            self._pumped_at = NEVER

    def _patch(self, now: float, in_time: bool) -> None:
        """`in_time`: PATCH after the last one, and not sooner."""
        began = time.perf_counter()
        boards = self._systems.boards()
        devices = {port.device.own: port for port in self._ports.values() if port.device is not None}
        open_ports = [
            (p.device.api, own, p.spec.direction == "out", without_numbers(p.device.foreign))
            for own, p in devices.items()
            if p.device is not None and p.device.api in boards
        ]
        news = self.patchbay.look(boards, open_ports, in_time)
        if news.changed:
            self._listener.connections_changed(self.patchbay.to_json())
        for own, other in news.lost:
            self._lost_connection(devices[own], other, now)
        for own in dict(news.back):
            if (output := self._outputs.get(devices[own].spec.name)) is not None:
                output.pay_again()
        for own, port in devices.items():
            # Somebody may have come, played and gone between two looks. On ALSA one need not be connected to play. What
            # came in after this look began may be of one who was connected since.
            virtual = port.device is not None and port.device.api == JACK and port.device.foreign is None
            ear = port.ear if virtual and self.patchbay.is_lonely(own) else None
            if ear is not None and ear.released_at < ear.heard_at < began:
                self._nobody_is_left(ear, now)
            if (output := self._outputs.get(port.spec.name)) is not None:
                output.is_heard = not self.patchbay.is_deserted(own)
                if port.device is not None and (port.device.api in boards or port.device.api not in (ALSA, JACK)):
                    output.nobody_missed(now)

    def _lost_connection(self, port: _Port, other: str, now: float) -> None:
        """What an input holds is released, whether the other end is gone or somebody has cut the cable: in neither case
        is there anyone left who could send the note-offs. Nobody knows which of several keyboards on one input holds
        what: those that remain lose what they hold, which their next key brings back; a note that never ends is worse.
        """
        assert port.device is not None
        if port.device.foreign is not None and self._why_gone(port) is not None:
            self._look_at = now  # it goes with its port, at the next look
        elif port.ear is not None:
            self._nobody_is_left(port.ear, now)
            self._systems.end_exclusive(port.device)  # it may have been in the midst of one
            text = f"port {port.spec.name}: {other} is not connected any more; what it held is released"
            self._listener.say("info", f"unplugged {port.spec.name}", text)
        else:
            self._outputs[port.spec.name].lost_a_receiver()

    def _nobody_is_left(self, ear: InputPort, now: float) -> None:
        ear.released_at = now
        self._inbox.post(ear, None)

    def _may_be_deaf(self, port: _Port, ear: InputPort, now: float) -> bool:
        assert port.device is not None
        silent = now - max(ear.heard_at, ear.probed_at) > SILENCE and not self.patchbay.is_lonely(port.device.own)
        return silent or 0 <= now - port.garbage_at < SUSPECT

    def _stood_still(self) -> None:
        """The whole process did (stopped, or the machine is short of memory). What JACK brought meanwhile is lost:
        it keeps nothing for those who come too late. So who knows which keys were released.
        """
        for port in self._ports.values():
            if port.ear is not None and port.device is not None and port.device.api == JACK:
                self._inbox.post(port.ear, b"")

    def pay_again(self) -> None:
        """What was owed when the ports were opened: now somebody may listen."""
        for output in self._outputs.values():
            output.pay_again()

    def got_garbage(self, name: str, now: float) -> None:
        """Input `name` brought something that is not MIDI."""
        if (port := self._ports.get(name)) is not None:
            port.garbage_at = now

    def reopen(self, now: float) -> None:
        """After the machine has slept."""
        self._lose(dict.fromkeys(self._ports.values(), "the machine was asleep"))
        self.look(now)

    def apis(self) -> dict[str, str | None]:
        """The MIDI system that each port is on."""
        return {name: port.device.api if port.device else None for name, port in self._ports.items()}

    def close(self) -> None:
        """Send what waits, and close all in an orderly way."""
        for port in self._ports.values():
            self._part_with(port, time.perf_counter())
        self._ports.clear()
        while self._farewell:
            self.pump(time.perf_counter())
            self._farewell.look(time.perf_counter())
            time.sleep(0.001)
        self._systems.leave()

    def _try(self, port: _Port, now: float) -> None:
        spec = port.spec
        if spec.name in self._farewell:
            return
        before = realtime.ordinary_threads()
        try:
            device = self._systems.open(spec, may_share=not port.had_own)
        except NotThere as error:
            port.retry_at = time.perf_counter() + (RETRY if port.was_there else RETRY_NEW)
            if not port.was_there and not port.told:
                port.told = True
                text = f"{error}; {remedy() if spec.connect is None else 'plug it in'}; until then jamd goes on without"
                self._listener.say("warning", str(error), text)
            return
        port.device = device
        self.patchbay.closed(device.own)
        port.had_own |= device.foreign is not None and not device.shared
        if spec.direction == "in":
            port.ear = self._inbox.listen(device.handle, spec.name)
            if device.api == ALSA:  # its thread is rtmidi's own, and ordinary; JACK raises its threads itself
                realtime.raise_threads(realtime.ordinary_threads() - before)
        else:
            look = lambda: self._systems.gone(device) is None  # noqa: E731
            everyone = lambda: self.patchbay.is_complete(device.api, device.own)  # noqa: E731
            output, now = self._outputs[spec.name], time.perf_counter()
            output.open(device.handle.send_message, self._pace(device), look, now, everyone)
            output.pump(now)
        self._patch_soon = True
        if port.was_there:
            self._listener.port_changed(spec.name, True)
        port.was_there = True

    def _pace(self, device: Device) -> Pace:
        if device.api == ALSA:
            return Groups(20, 0.004)
        return PerCycle(500, self._systems.jack.cycle) if device.api == JACK else Unlimited()

    def _why_gone(self, port: _Port) -> str | None:
        return self._systems.gone(port.device) if port.device is not None else None

    def _lose(self, ports: dict[_Port, str]) -> None:
        """These are gone, and why. First of all, nothing more is sent: what inputs held is owed by the outputs then."""
        lost = {port: why for port, why in ports.items() if port.device is not None}
        for port in lost:
            if port.spec.direction == "out":
                self._outputs[port.spec.name].shut()
        for port, why in lost.items():
            name = port.spec.name
            self._leave(port, None, time.perf_counter())
            self._metrics.lost_ports += 1
            self._listener.say(
                "warning", f"port {name} lost", f"port {name}: {why}; it is opened again as soon as possible"
            )
            self._listener.port_changed(name, False)

    def _part_with(self, port: _Port, now: float) -> None:
        """For good."""
        self._leave(port, self._outputs.pop(port.spec.name, None), now)

    def _move(self, port: _Port, now: float) -> None:
        """From a device that another port of ours has too to one that is free."""
        name, output = port.spec.name, self._outputs.pop(port.spec.name, None)
        if output is not None:
            self._outputs[name] = Output(name, self._ledger, self._metrics)
        self._leave(port, output, now)
        self._listener.port_changed(name, False)

    def _leave(self, port: _Port, output: Output | None, now: float) -> None:
        if port.ear is not None:
            port.ear.is_open = False
        if port.device is not None:
            self._farewell.add(port.spec.name, port.device, output, now)
        port.device, port.ear, port.retry_at = None, None, 0.0

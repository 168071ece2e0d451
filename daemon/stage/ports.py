"""All ports of the stage: opened, watched, closed, opened again."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from daemon.stage import realtime
from daemon.stage.devices import ALSA, ENDER, JACK, Device, NameTaken, NotThere, Systems, own_name, remedy
from daemon.stage.ledger import Ledger
from daemon.stage.metrics import Metrics
from daemon.stage.midi_in import Inbox
from daemon.stage.midi_out import NEVER, Groups, Output, Pace, PerCycle, Unlimited
from daemon.stage.patchbay import Patchbay
from daemon.stage.spec import PortSpec

PATCH = 0.2  # seconds between looks at the connections
LOOK = 0.5  # seconds between looks whether the ports are there
SUSPECT = 2.0  # seconds after garbage in which the start of an exclusive message may have swallowed what follows
RETRY = 0.25  # seconds between attempts to open one that was there before
RETRY_NEW = 1.0  # … and one that never was
PARTING = 0.2  # seconds that closing a port for good waits for what is still to be sent: 1,000 messages on ALSA
ENOUGH = 0.1  # seconds that closing waits for what was sent last to arrive


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
    retry_at: float = 0.0
    garbage_at: float = NEVER  # when it last brought what is not MIDI
    was_there: bool = False
    told: bool = False  # that it cannot be opened


class Ports:
    """Reports to `listener`."""

    def __init__(self, ledger: Ledger, inbox: Inbox, metrics: Metrics, listener: Listener) -> None:
        self._ledger, self._inbox, self._metrics, self._listener = ledger, inbox, metrics, listener
        self.patchbay = Patchbay(private=[ENDER])
        self._systems = Systems()
        self._ports: dict[str, _Port] = {}
        self._outputs: dict[str, Output] = {}
        self._look_at = self._patch_at = NEVER

    def configure(self, specs: Iterable[PortSpec], now: float, patience: float = 0.0) -> list[NameTaken]:
        """Have these ports, and no others; those that stay the same are left alone. Returns those that it may not."""
        self._systems.hand_over = time.monotonic() + patience
        wanted = {spec.name: spec for spec in specs}
        for name, port in list(self._ports.items()):
            spec = wanted.get(name)
            if spec is not None and (spec.direction, spec.connect) == (port.spec.direction, port.spec.connect):
                port.spec = spec
            else:
                self._close(port)
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
        self._look_at = self._patch_at = now
        return taken

    def send(self, name: str, message: bytes, due: float, kind: int) -> None:
        if (output := self._outputs.get(name)) is not None:
            output.send(message, due, kind)

    def silence(self) -> None:
        """Pay every debt; then silence every output."""
        for output in self._outputs.values():
            output.silence()
            output.pump(time.perf_counter())

    def pump(self, now: float) -> None:
        for output in self._outputs.values():
            output.pump(now)

    def next_deadline(self) -> float:
        return min((output.next_deadline() for output in self._outputs.values()), default=NEVER)

    def look(self, now: float) -> None:
        """See what is gone and what is back, when it is time to."""
        if now >= self._look_at or self._systems.jack_died:
            self._look_at = now + LOOK
            self._lose({port: why for port in self._ports.values() if (why := self._why_gone(port)) is not None})
            for port in self._ports.values():
                if port.device is not None and 0 <= now - port.garbage_at < SUSPECT:
                    self._systems.end_exclusive(port.device)
        if now >= self._patch_at:
            self._patch_at = now + PATCH
            self._patch()
        away = [port for port in self._ports.values() if port.device is None and now >= port.retry_at]
        for port in away:
            try:
                self._try(port, now)
            except NameTaken as error:
                port.retry_at = now + RETRY_NEW
                self._listener.say("error", f"port {port.spec.name}", str(error))
        if any(port.device is not None for port in away):
            realtime.let_go_of_shared_memory()

    def _patch(self) -> None:
        boards = self._systems.boards()
        open_ports = [(p.device.api, p.device.own, p.spec.direction == "out") for p in self._ports.values() if p.device]
        changed, restored = self.patchbay.look(boards, [port for port in open_ports if port[0] in boards])
        if changed:
            self._listener.connections_changed(self.patchbay.to_json())
        for port in self._ports.values():
            if port.device is not None and port.device.own in restored and port.spec.name in self._outputs:
                self._outputs[port.spec.name].pay_again()

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
        self._drain(self._outputs.values(), 1.0)
        self._let_arrive()
        self._systems.close([port.device for port in self._ports.values() if port.device is not None])
        self._ports.clear()
        self._systems.leave()

    def _try(self, port: _Port, now: float) -> None:
        spec = port.spec
        before = realtime.ordinary_threads()
        try:
            device = self._systems.open(spec)
        except NotThere as error:
            port.retry_at = time.perf_counter() + (RETRY if port.was_there else RETRY_NEW)
            if not port.was_there and not port.told:
                port.told = True
                text = f"{error}; {remedy() if spec.connect is None else 'plug it in'}; until then jamd goes on without"
                self._listener.say("warning", str(error), text)
            return
        port.device = device
        if spec.direction == "in":
            self._inbox.listen(device.handle, spec.name)
            if device.api == ALSA:  # its thread is rtmidi's own, and ordinary; JACK raises its threads itself
                realtime.raise_threads(realtime.ordinary_threads() - before)
        else:
            look = lambda: self._systems.gone(device) is None  # noqa: E731
            self._outputs[spec.name].open(device.handle.send_message, self._pace(device), look, time.perf_counter())
            self._outputs[spec.name].pump(time.perf_counter())
        self.patchbay.closed(device.own)
        self._patch_at = 0.0
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
            name, device = port.spec.name, port.device
            assert device is not None
            self._systems.close([device])
            port.device, port.retry_at = None, 0.0
            self._metrics.lost_ports += 1
            self._listener.say(
                "warning", f"port {name} lost", f"port {name}: {why}; it is opened again as soon as possible"
            )
            self._listener.port_changed(name, False)

    def _close(self, port: _Port) -> None:
        """For good: what it owes is paid before."""
        output = self._outputs.pop(port.spec.name, None)
        if port.device is None:
            return
        if output is not None and self._systems.gone(port.device) is None:
            output.release()
            self._drain([output], PARTING)
            self._let_arrive()
        self._systems.close([port.device])
        port.device = None

    def _drain(self, outputs: Collection[Output], seconds: float) -> None:
        """Send what waits there, at the pace that the MIDI system can take; what is not sent in time stays owed."""
        end = time.perf_counter() + seconds
        while True:
            for output in {*outputs, *self._outputs.values()}:
                output.pump(time.perf_counter())
            if all(output.idle for output in outputs) or time.perf_counter() >= end:
                return
            time.sleep(0.001)

    def _let_arrive(self) -> None:
        """What was sent to JACK is in its port's buffer a cycle later, and with its receiver one more."""
        jack = self._systems.jack
        if jack is None:
            return
        end, cycles, last = time.perf_counter() + ENOUGH, 0, jack.cycle()
        while cycles < 3 and time.perf_counter() < end and jack.alive:
            time.sleep(0.001)
            if (cycle := jack.cycle()) != last:
                cycles, last = cycles + 1, cycle

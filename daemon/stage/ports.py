"""All ports of the stage: opened, watched, closed, opened again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from daemon.stage import realtime
from daemon.stage.devices import ALSA, JACK, Device, NameTaken, NotThere, Systems, remedy
from daemon.stage.ledger import Ledger
from daemon.stage.metrics import Metrics
from daemon.stage.midi_in import Inbox, Waker
from daemon.stage.midi_out import NEVER, Bucket, Output, Pace, PerCycle, Unlimited
from daemon.stage.spec import PortSpec

LOOK = 0.5  # seconds between looks whether the ports are there
SUSPECT = 2.0  # seconds after garbage in which the start of an exclusive message may have swallowed what follows
RETRY = 0.25  # seconds between attempts to open one that was there before
RETRY_NEW = 1.0  # … and one that never was
ENOUGH = 0.1  # seconds that closing waits for what was sent last to arrive

Say = Callable[[str, str, str], None]  # level, cause, text
Changed = Callable[[str, bool], None]  # port, whether it is there


@dataclass(eq=False, slots=True)
class _Port:
    spec: PortSpec
    device: Device | None = None
    retry_at: float = 0.0
    garbage_at: float = NEVER  # when it last brought what is not MIDI
    was_there: bool = False


class Ports:
    """`changed` hears of ports that are lost and back, `say` of why."""

    def __init__(self, ledger: Ledger, inbox: Inbox, waker: Waker, metrics: Metrics, changed: Changed, say: Say):
        self._ledger, self._inbox, self._metrics = ledger, inbox, metrics
        self._changed, self._say = changed, say
        self._systems = Systems(waker.wake)
        self._ports: dict[str, _Port] = {}
        self._outputs: dict[str, Output] = {}
        self._look_at = NEVER

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
        self._look_at = now + LOOK
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
        for port in self._ports.values():
            if port.device is None and now >= port.retry_at:
                try:
                    self._try(port, now)
                except NameTaken as error:
                    port.retry_at = now + RETRY_NEW
                    self._say("error", f"port {port.spec.name}", str(error))

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
        end = time.perf_counter() + 1.0
        while not all(output.idle for output in self._outputs.values()) and time.perf_counter() < end:
            self.pump(time.perf_counter())
            time.sleep(0.001)
        self._let_arrive()
        for port in self._ports.values():
            self._close(port)
        self._ports.clear()
        self._systems.close()

    def _try(self, port: _Port, now: float) -> None:
        spec = port.spec
        before = realtime.ordinary_threads()
        try:
            device = self._systems.open(spec)
        except NotThere as error:
            port.retry_at = time.perf_counter() + (RETRY if port.was_there else RETRY_NEW)
            if not port.was_there:
                self._say("warning", f"port {spec.name}", f"{error}; {remedy()}; until then jamd goes on without it")
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
        if port.was_there:
            self._changed(spec.name, True)
        port.was_there = True

    def _pace(self, device: Device) -> Pace:
        if device.api == ALSA:
            return Bucket(burst=32, rate=2000)
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
            device.close(dead=self._systems.dead(device))
            port.device, port.retry_at = None, 0.0
            self._metrics.lost_ports += 1
            self._say("warning", f"port {name} lost", f"port {name}: {why}; it is opened again as soon as possible")
            self._changed(name, False)

    def _close(self, port: _Port) -> None:
        """For good: what it owes is paid before."""
        output = self._outputs.pop(port.spec.name, None)
        if port.device is None:
            return
        if output is not None and self._systems.gone(port.device) is None:
            output.release()
            output.pump(time.perf_counter())
            self._let_arrive()
        port.device.close(dead=self._systems.dead(port.device))
        port.device = None

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

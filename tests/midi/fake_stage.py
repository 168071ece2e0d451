"""A stage's ports on fake devices, with a clock that a test moves."""

from __future__ import annotations

import time
from typing import Any

import pytest

from daemon.metrics import Metrics
from daemon.midi.inbox import Inbox, Waker
from daemon.midi.ledger import Ledger
from daemon.midi.port_names import JACK, Device, choose_port
from daemon.midi.ports import Ports
from daemon.midi.systems import Systems
from daemon.spec import PortSpec


class Handle:
    """rtmidi's handle: an output keeps the messages sent; for an input, `receive` brings a message."""

    def __init__(self, clock: list[float]) -> None:
        self._clock = clock
        self.got: list[bytes] = []
        self.open = True
        self.queue: list[bytes] = []
        self.closed_at = 0.0

    def send_message(self, message: bytes) -> None:
        assert self.open
        self.got.append(message)

    def ignore_types(self, **_: bool) -> None: ...

    def set_error_callback(self, callback: Any) -> None: ...

    def set_callback(self, callback: Any) -> None:
        self.call = lambda message: callback((list(message), 0.0), None)

    def cancel_callback(self) -> None:
        self.call = self.queue.append

    def get_message(self) -> tuple[list[int], float] | None:
        return (list(self.queue.pop(0)), 0.001) if self.queue else None

    def receive(self, message: bytes) -> None:
        """A message comes in."""
        self.call(message)

    def close_port(self) -> None:
        self.open = False
        self.closed_at = self._clock[0]

    def delete(self) -> None: ...


class FakeGraph:
    """A MIDI system: ports of others, and which of them are connected to ours."""

    def __init__(self) -> None:
        self.others: list[str] = []
        self.connected: dict[str, set[str]] = {}

    def connections(self, own: str) -> set[str]:
        return {other for other in self.connected.get(own, set()) if other in self.others}

    def has_port(self, name: str) -> bool:
        return name in self.others

    def identity(self, port: str) -> int:
        return 1

    def ports(self, is_output: bool) -> list[str]:
        return self.others

    def connect(self, own: str, other: str, is_output: bool) -> bool:
        self.connected.setdefault(own, set()).add(other)
        return True

    def disconnect(self, own: str, is_output: bool) -> None:
        self.connected.pop(own, None)


class FakeJack:
    alive = True

    def cycle(self) -> int:
        return round(time.perf_counter() * 1000)

    def close(self) -> None: ...


class Stage:
    """Ports in a stage's loop, whose clock moves only in `go_on`."""

    def __init__(self, api: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.api, self.clock, self.graph = api, [1000.0], FakeGraph()
        monkeypatch.setattr(time, "perf_counter", lambda: self.clock[0])
        monkeypatch.setattr(Systems, "graphs", lambda _: {api: self.graph})
        monkeypatch.setattr(Systems, "failure", lambda _, device: self._failure(device))
        monkeypatch.setattr(Systems, "_is_dead", lambda *_: False)
        monkeypatch.setattr(Systems, "end_exclusive", lambda _, device: self.ended.append(device.name))
        monkeypatch.setattr(Systems, "compiled", lambda _: iter([(api, 1)]))
        monkeypatch.setattr(Systems, "_open_on", lambda systems, *what: self._open_on(systems, *what))
        self.opened: dict[str, list[Handle]] = {}
        self.ended: list[str] = []
        self.changes: list[tuple[str, bool]] = []
        self.logged: list[str] = []
        self.waker, self.ledger, self.metrics = Waker(), Ledger(), Metrics()
        self.inbox = Inbox(self.waker)
        self.ports = Ports(self.ledger, self.inbox, self.metrics, self)
        if api == JACK:
            self.ports._systems.jack.client = FakeJack()

    def _open_on(self, systems: Systems, api: str, number: int, spec: PortSpec, may_share: bool) -> Device:
        peer, is_shared = None, False
        handles = self.opened.setdefault(spec.name, [])
        assert not any(handle.open for handle in handles), f"{spec.name} is opened twice"
        if spec.connect is not None:
            taken = systems._taken(api, spec.direction == "in")
            index, is_shared = choose_port(self.graph.others, spec.connect, taken, may_share)
            peer = self.graph.others[index]
        handles.append(Handle(self.clock))
        own = f"jamd {spec.name}:midi"
        device = Device(api, handles[-1], own, peer, spec.direction == "in", spec.connect, is_shared)
        if peer is not None:
            systems._connected.append(device)
            self.graph.connect(own, peer, False)
        return device

    def _failure(self, device: Device) -> str | None:
        return None if device.peer is None or device.peer in self.graph.others else f"{device.peer} is gone"

    def configure(self, *specs: PortSpec) -> None:
        self.ports.configure(specs, self.clock[0])

    def handle(self, name: str) -> Handle:
        return self.opened[name][-1]

    def go_on(self, seconds: float = 0.0) -> None:
        """Turns of the loop for that long."""
        end = self.clock[0] + seconds
        while True:
            self.ports.pump(self.clock[0])
            self.ports.look(self.clock[0])
            if self.clock[0] >= end:
                return
            self.clock[0] = min(max(self.ports.next_deadline(), self.clock[0] + 0.0001), self.clock[0] + 0.2, end)

    def heard(self) -> list[tuple[str, bytes | None]]:
        return [(source, message) for _, source, message in self.inbox.take()]

    def port_changed(self, name: str, is_open: bool) -> None:
        self.changes.append((name, is_open))

    def connections_changed(self, connections: list[Any]) -> None: ...

    def log(self, level: str, cause: str, text: str, is_change: bool = False) -> None:
        self.logged.append(text)

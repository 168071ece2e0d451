"""Ports on fake devices: opened, lost, reopened, reconnected, closed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from daemon.metrics import OTHER, Metrics
from daemon.midi.connections import CONNECTION_INTERVAL
from daemon.midi.devices import Device, NotThere, choose_port
from daemon.midi.inbox import Inbox, Waker
from daemon.midi.ledger import Ledger
from daemon.midi.port_names import ALSA, JACK, find_port
from daemon.midi.ports import STALL, Ports
from daemon.midi.systems import Systems
from daemon.music.events import is_note_off, note_off, note_on
from daemon.spec import PortSpec

CHOIR, ORGAN, KEYS = PortSpec("choir", "out"), PortSpec("organ", "out"), PortSpec("keys", "in")


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

    def disconnect(self, own: str) -> None:
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

    def port_changed(self, name: str, there: bool) -> None:
        self.changes.append((name, there))

    def connections_changed(self, connections: list[Any]) -> None: ...

    def log(self, level: str, cause: str, text: str) -> None:
        self.logged.append(text)


@pytest.fixture
def stage(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    stage = Stage(getattr(request, "param", ALSA), monkeypatch)
    yield stage
    stage.waker.close()


@pytest.mark.parametrize("after", [(), (PortSpec("choir", "out", connect="synth"),)])
def test_a_port_that_is_closed_for_good_sends_all_note_offs(stage: Stage, after: tuple[PortSpec, ...]) -> None:
    stage.graph.others = ["synth"]
    stage.configure(CHOIR, ORGAN)
    choir = stage.handle("choir")
    for pitch in range(60):
        stage.ports.send("choir", note_on(1, pitch, 90), stage.clock[0], OTHER)
    stage.configure(ORGAN, *after)
    assert choir.open  # `configure` did not wait for it
    stage.ports.send("organ", note_on(1, 60, 90), stage.clock[0], OTHER)
    assert stage.handle("organ").got == [note_on(1, 60, 90)]
    assert stage.ports.apis().get("choir") is None
    stage.go_on(0.3)
    assert choir.got == [*(note_on(1, p, 90) for p in range(60)), *(note_off(1, p) for p in range(60))]
    assert not choir.open and not stage.ledger.sounding("choir")
    assert len(stage.opened["choir"]) == 1 + len(after)
    if after:
        stage.ports.send("choir", note_on(1, 61, 90), stage.clock[0], OTHER)
        stage.go_on(0.1)
        assert stage.handle("choir").got[-1] == note_on(1, 61, 90)


@pytest.mark.parametrize("stage", [ALSA, JACK], indirect=True)
def test_at_the_end_all_note_offs_are_sent_and_all_ports_closed(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda seconds: stage.clock.__setitem__(0, stage.clock[0] + seconds))
    stage.configure(KEYS, CHOIR, ORGAN)
    for pitch in range(30):
        stage.ports.send("choir", note_on(1, pitch, 90), stage.clock[0], OTHER)
    began = stage.clock[0]
    stage.ports.close()
    assert [m for m in stage.handle("choir").got if is_note_off(m)] == [note_off(1, p) for p in range(30)]
    assert not any(stage.handle(name).open for name in ("keys", "choir", "organ"))
    assert stage.clock[0] - began < 0.1


@pytest.mark.parametrize("stage", [JACK], indirect=True)
def test_a_jack_port_is_closed_after_the_last_message_has_arrived(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.configure(CHOIR)
    stage.ports.send("choir", note_on(1, 60, 90), stage.clock[0], OTHER)
    began = stage.clock[0]
    stage.configure()
    stage.go_on(0.5)
    assert stage.handle("choir").got[-1] == note_off(1, 60)
    assert 0.003 <= stage.handle("choir").closed_at - began <= 0.05
    monkeypatch.setattr(FakeJack, "cycle", lambda _: 0)
    stage.configure(ORGAN)
    stage.go_on(0.1)
    began = stage.clock[0]
    stage.configure()
    stage.go_on(2.0)
    assert not stage.handle("organ").open  # a stalled server is waited for no longer than that
    assert stage.handle("organ").closed_at - began <= 1.1


@pytest.mark.parametrize("after", [(), (PortSpec("keys", "in", connect="piano"),)])
def test_messages_of_a_closed_input_are_dropped(stage: Stage, after: tuple[PortSpec, ...]) -> None:
    """Queued messages are dropped too: their note-offs would never come."""
    stage.graph.others = ["piano"]
    stage.configure(KEYS)
    keys = stage.handle("keys")
    keys.receive(note_on(1, 60, 90))
    stage.configure(*after)
    keys.receive(note_on(1, 61, 90))
    assert stage.heard() == []
    assert keys.open  # its thread may be in a callback
    stage.go_on(0.2)
    assert not keys.open
    if after:
        stage.handle("keys").receive(note_on(1, 62, 90))
        assert stage.heard() == [("keys", note_on(1, 62, 90))]


def test_an_unplugged_keyboard_is_reported_once_after_its_messages(stage: Stage) -> None:
    stage.graph.others = ["piano", "pads"]
    stage.configure(KEYS)
    stage.graph.connected["jamd keys:midi"] = {"piano", "pads"}
    stage.go_on(0.3)
    assert stage.heard() == []
    stage.handle("keys").receive(note_on(1, 60, 90))
    stage.graph.others.remove("piano")
    stage.go_on(1.0)
    assert stage.heard() == [("keys", note_on(1, 60, 90)), ("keys", None)]
    assert stage.ended == ["jamd keys:midi"]  # the sender may have been within an exclusive message
    assert stage.changes == []
    stage.graph.others.append("piano")
    stage.go_on(2 * CONNECTION_INTERVAL)
    assert stage.graph.connections("jamd keys:midi") == {"piano", "pads"}
    stage.graph.connected["jamd keys:midi"] = {"pads"}  # the connection is cut
    stage.go_on(1.0)
    assert stage.heard() == [("keys", None)]
    assert stage.graph.connections("jamd keys:midi") == {"pads"}


@pytest.mark.parametrize("stage", [JACK], indirect=True)
def test_a_sender_that_comes_plays_and_goes_between_two_updates(stage: Stage) -> None:
    stage.configure(KEYS)
    stage.go_on(1.0)
    stage.handle("keys").receive(note_on(1, 60, 90))
    stage.go_on(1.0)
    assert stage.heard() == [("keys", note_on(1, 60, 90)), ("keys", None)]


@pytest.mark.parametrize("stage", [JACK], indirect=True)
def test_a_sender_that_connects_during_an_update_is_kept(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The update finds no connection; then a port connects, and plays, before the update is over."""
    stage.configure(KEYS)
    stage.go_on(1.0)
    connections_before = stage.graph.connections

    def connections(own: str) -> set[str]:
        found = connections_before(own)
        stage.clock[0] += 0.001
        stage.graph.others = ["drummer"]
        stage.graph.connected["jamd keys:midi"] = {"drummer"}
        stage.handle("keys").receive(note_on(1, 60, 90))
        monkeypatch.setattr(stage.graph, "connections", connections_before)
        return found

    monkeypatch.setattr(stage.graph, "connections", connections)
    stage.go_on(1.0)
    assert stage.heard() == [("keys", note_on(1, 60, 90))]


def test_a_keyboard_named_by_connect_is_lost_and_back(stage: Stage) -> None:
    stage.graph.others = ["piano 20:0"]
    stage.configure(PortSpec("keys", "in", connect="piano 20:0"))
    stage.go_on(0.5)
    stage.handle("keys").receive(note_on(1, 60, 90))
    stage.graph.others = []
    stage.go_on(0.5)
    assert stage.changes == [("keys", False)]
    assert stage.heard() == []  # at the loss of a port what it held is released; nothing may come after that
    stage.graph.others = ["piano 24:0"]
    stage.go_on(0.5)
    assert stage.changes == [("keys", False), ("keys", True)]


@pytest.mark.parametrize("stage", [JACK], indirect=True)
def test_a_silent_input_is_sent_an_end_of_exclusive(stage: Stage) -> None:
    stage.graph.others = ["piano"]
    stage.configure(KEYS, PortSpec("pads", "in"))
    stage.go_on(5.0)
    assert stage.ended == []  # no port is connected
    stage.graph.connected["jamd keys:midi"] = {"piano"}
    for _ in range(20):
        stage.handle("keys").receive(b"\xf8")
        stage.go_on(0.25)
    assert stage.ended == []
    stage.go_on(1.6)
    assert stage.ended == ["jamd keys:midi"]
    stage.go_on(10.0)
    assert 6 <= len(stage.ended) <= 11


@pytest.mark.parametrize("stage", [JACK, ALSA], indirect=True)
def test_jack_messages_are_lost_while_the_stage_stands_still(stage: Stage) -> None:
    stage.configure(KEYS, CHOIR)
    stage.graph.others, stage.graph.connected = ["piano"], {"jamd keys:midi": {"piano"}}
    stage.go_on(1.0)
    stage.handle("keys").receive(note_on(1, 60, 90))
    stage.clock[0] += STALL + 0.1
    stage.go_on(0.1)
    lost = [("keys", b"")] if stage.api == JACK else []
    assert stage.heard() == [("keys", note_on(1, 60, 90)), *lost]
    stage.go_on(1.0)
    assert stage.heard() == []


def test_a_receiver_that_is_back_gets_the_note_offs_it_missed(stage: Stage) -> None:
    stage.graph.others = ["synth"]
    stage.configure(CHOIR)
    stage.graph.connected["jamd choir:midi"] = {"synth"}
    stage.go_on(5.0)
    now = stage.clock
    for pitch in (60, 61, 62, 63):
        stage.ports.send("choir", note_on(1, pitch, 90), now[0], OTHER)
    stage.graph.others = []
    stage.ports.send("choir", note_off(1, 60), now[0], OTHER)  # its absence was not noticed yet
    stage.go_on(2 * CONNECTION_INTERVAL)
    assert stage.metrics.unsent == 0
    stage.ports.send("choir", note_off(1, 61), now[0], OTHER)
    stage.ports.send("choir", note_on(1, 64, 90), now[0], OTHER)
    stage.ports.send("choir", note_off(1, 63), now[0], OTHER)
    stage.ports.send("choir", note_on(1, 63, 90), now[0], OTHER)
    assert stage.metrics.unsent == 5  # another note-off before the second note-on, in case the synth is back
    stage.handle("choir").got.clear()
    stage.graph.others = ["synth"]
    stage.go_on(2 * CONNECTION_INTERVAL)
    assert stage.handle("choir").got == [note_off(1, 60), note_off(1, 61)]
    assert stage.ledger.sounding("choir") == [(1, 62), (1, 63), (1, 64)]
    sent = stage.metrics.sent
    stage.ports.send("choir", note_off(1, 62), now[0], OTHER)
    assert (stage.metrics.sent, stage.metrics.unsent) == (sent + 1, 5)


def test_note_offs_are_owed_until_all_remembered_receivers_are_connected(stage: Stage) -> None:
    stage.graph.others = ["synth", "recorder"]
    stage.configure(CHOIR)
    stage.graph.connected["jamd choir:midi"] = {"synth", "recorder"}
    stage.go_on(5.0)
    stage.ports.send("choir", note_on(1, 60, 90), stage.clock[0], OTHER)
    stage.graph.others = []
    stage.go_on(2 * CONNECTION_INTERVAL)
    stage.ports.send("choir", note_off(1, 60), stage.clock[0], OTHER)
    for there in (["synth"], ["synth", "recorder"]):
        assert stage.ledger.owed("choir") == [(1, 60)]
        stage.handle("choir").got.clear()
        stage.graph.others = there
        stage.go_on(2 * CONNECTION_INTERVAL)
        assert note_off(1, 60) in stage.handle("choir").got
    assert stage.ledger.owed("choir") == []
    stage.go_on(1.5)
    stage.graph.others = []
    stage.go_on(2 * CONNECTION_INTERVAL)
    assert stage.ledger.owed("choir") == []  # older note-offs have arrived


def test_an_output_that_never_had_a_receiver_sends(stage: Stage) -> None:
    stage.configure(CHOIR)
    stage.go_on(1.0)
    stage.ports.send("choir", note_on(1, 60, 90), stage.clock[0], OTHER)
    assert (stage.metrics.sent, stage.metrics.unsent) == (1, 0)
    assert stage.logged == []


def test_two_devices_of_one_name_for_two_ports(stage: Stage) -> None:
    one, other = "USB MIDI:MIDI 1 20:0", "USB MIDI:MIDI 1 24:0"
    stage.graph.others = [one, other]
    stage.configure(PortSpec("keys", "in", connect="usb"), PortSpec("pads", "in", connect="usb"))
    assert stage.graph.connected == {"jamd keys:midi": {one}, "jamd pads:midi": {other}}
    stage.go_on(1.0)
    stage.graph.others = [other]  # the device of keys is unplugged: keys does not share the device of pads
    stage.go_on(3.0)
    assert stage.ports.apis() == {"keys": None, "pads": ALSA}
    stage.graph.others = [other, "USB MIDI:MIDI 1 28:0"]
    stage.go_on(1.0)
    assert stage.ports.apis() == {"keys": ALSA, "pads": ALSA}
    assert "USB MIDI:MIDI 1 28:0" in stage.graph.connections("jamd keys:midi")
    assert stage.graph.connections("jamd pads:midi") == {other}


def test_two_ports_share_a_device_until_there_is_another(stage: Stage) -> None:
    stage.graph.others = ["synth 20:0"]
    stage.configure(PortSpec("choir", "out", connect="synth"), PortSpec("organ", "out", connect="synth"))
    stage.go_on(1.0)
    assert stage.graph.connected["jamd organ:midi"] == {"synth 20:0"}
    stage.ports.send("organ", note_on(1, 60, 90), stage.clock[0], OTHER)
    shared = stage.handle("organ")
    stage.graph.others.append("synth 24:0")
    stage.go_on(2.0)
    assert shared.got[-1] == note_off(1, 60) and not shared.open
    assert "synth 24:0" in stage.graph.connected["jamd organ:midi"]
    assert stage.changes == [("organ", False), ("organ", True)]
    stage.go_on(5.0)
    assert len(stage.opened["organ"]) == 2 and len(stage.opened["choir"]) == 1


def test_a_part_of_a_name_is_enough_and_our_own_ports_never_match() -> None:
    names = ["jamd choir:midi", "Midi Through:0", "KeyStation 49:KeyStation 49 MIDI 1 20:0"]
    assert find_port(names, "keystation") == 2
    assert find_port(names, "choir") is None
    assert find_port([*names, "Midi"], "Midi") == 3
    assert find_port(names, "KeyStation 49:KeyStation 49 MIDI 1 32:0") == 2  # plugged in again
    assert find_port(names, "KeyStation 32:0") is None


def test_a_taken_name_is_found_again_if_there_is_another_such_port() -> None:
    assert find_port(["USB", "USB"], "usb", ["USB"]) == 1
    assert find_port(["USB", "USB"], "usb", ["USB", "USB"]) is None
    assert find_port(["USB 1", "USB 2"], "USB 1", ["USB 1"]) is None
    systems = Systems()
    systems._connected.append(Device(ALSA, None, "jamd keys:midi", "USB", True))
    with pytest.raises(NotThere, match="connected to another port of jamd"):
        choose_port(["USB"], "USB", systems._taken(ALSA, is_input=True), may_share=False)

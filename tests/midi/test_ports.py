"""Ports on devices that take what they are given at a pace: without MIDI."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from daemon.metrics import OTHER, Metrics
from daemon.midi.inbox import Inbox, Waker
from daemon.midi.ledger import Ledger
from daemon.midi.port_names import ALSA, JACK, find_port
from daemon.midi.ports import PATCH, STALL, Ports
from daemon.midi.systems import Device, NotThere, Systems
from daemon.music.events import is_note_off, note_off, note_on
from daemon.spec import PortSpec

CHOIR, ORGAN, KEYS = PortSpec("choir", "out"), PortSpec("organ", "out"), PortSpec("keys", "in")


class Handle:
    """What rtmidi gives: as an output, it keeps what it got; as an input, `receive` brings a message."""

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
        """Somebody plays."""
        self.call(message)

    def close_port(self) -> None:
        self.open = False
        self.closed_at = self._clock[0]

    def delete(self) -> None: ...


class Board:
    """A MIDI system of one's own: ports of others, and who is connected to ours."""

    def __init__(self) -> None:
        self.others: list[str] = []
        self.links: dict[str, set[str]] = {}

    def connections(self, own: str) -> set[str]:
        return {other for other in self.links.get(own, set()) if other in self.others}

    def exists(self, port: str) -> bool:
        return port in self.others

    def identity(self, port: str) -> int:
        return 1

    def ports(self, is_output: bool) -> list[str]:
        return self.others

    def connect(self, own: str, other: str, is_output: bool) -> bool:
        self.links.setdefault(own, set()).add(other)
        return True

    def disconnect(self, own: str) -> None:
        self.links.pop(own, None)


class Jack:
    alive = True

    def cycle(self) -> int:
        return round(time.perf_counter() * 1000)

    def close(self) -> None: ...


class Stage:
    """Ports in a stage's loop, whose clock stands still unless it is told to go on."""

    def __init__(self, api: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.api, self.clock, self.board = api, [1000.0], Board()
        monkeypatch.setattr(time, "perf_counter", lambda: self.clock[0])
        monkeypatch.setattr(Systems, "boards", lambda _: {api: self.board})
        monkeypatch.setattr(Systems, "gone", lambda _, device: self._gone(device))
        monkeypatch.setattr(Systems, "_dead", lambda *_: False)
        monkeypatch.setattr(Systems, "end_exclusive", lambda _, device: self.ended.append(device.own))
        monkeypatch.setattr(Systems, "compiled", lambda _: iter([(api, 1)]))
        monkeypatch.setattr(Systems, "_open_on", lambda systems, *what: self._open_on(systems, *what))
        self.opened: dict[str, list[Handle]] = {}
        self.ended: list[str] = []
        self.changes: list[tuple[str, bool]] = []
        self.said: list[str] = []
        self.waker, self.ledger, self.metrics = Waker(), Ledger(), Metrics()
        self.inbox = Inbox(self.waker)
        self.ports = Ports(self.ledger, self.inbox, self.metrics, self)
        if api == JACK:
            self.ports._systems.jack = Jack()

    def _open_on(self, systems: Systems, api: str, number: int, spec: PortSpec, may_share: bool) -> Device:
        foreign, shared = None, False
        handles = self.opened.setdefault(spec.name, [])
        assert not any(handle.open for handle in handles), f"{spec.name} is opened twice"
        if spec.connect is not None:
            index, shared = systems._find(api, self.board.others, spec, may_share)
            foreign = self.board.others[index]
        handles.append(Handle(self.clock))
        own = f"jamd {spec.name}:midi"
        device = Device(api, handles[-1], own, foreign, spec.direction == "in", spec.connect, shared)
        if foreign is not None:
            systems._joined.append(device)
            self.board.connect(own, foreign, False)
        return device

    def _gone(self, device: Device) -> str | None:
        return None if device.foreign is None or device.foreign in self.board.others else f"{device.foreign} is gone"

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

    def say(self, level: str, cause: str, text: str) -> None:
        self.said.append(text)


@pytest.fixture
def stage(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    stage = Stage(getattr(request, "param", ALSA), monkeypatch)
    yield stage
    stage.waker.close()


@pytest.mark.parametrize("after", [(), (PortSpec("choir", "out", connect="synth"),)])
def test_a_port_that_is_closed_for_good_pays_all_it_owes(stage: Stage, after: tuple[PortSpec, ...]) -> None:
    stage.board.others = ["synth"]
    stage.configure(CHOIR, ORGAN)
    choir = stage.handle("choir")
    for pitch in range(60):
        stage.ports.send("choir", note_on(1, pitch, 90), stage.clock[0], OTHER)
    stage.configure(ORGAN, *after)
    assert choir.open  # nobody waited for it
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
def test_at_the_end_all_is_paid_and_closed(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
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
def test_what_was_sent_to_jack_is_given_the_time_to_arrive(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.configure(CHOIR)
    stage.ports.send("choir", note_on(1, 60, 90), stage.clock[0], OTHER)
    began = stage.clock[0]
    stage.configure()
    stage.go_on(0.5)
    assert stage.handle("choir").got[-1] == note_off(1, 60)
    assert 0.003 <= stage.handle("choir").closed_at - began <= 0.05
    monkeypatch.setattr(Jack, "cycle", lambda _: 0)
    stage.configure(ORGAN)
    stage.go_on(0.1)
    began = stage.clock[0]
    stage.configure()
    stage.go_on(2.0)
    assert not stage.handle("organ").open  # a server that stands still is waited for no longer than that
    assert stage.handle("organ").closed_at - began <= 1.1


@pytest.mark.parametrize("after", [(), (PortSpec("keys", "in", connect="piano"),)])
def test_an_input_that_is_closed_hears_nothing_more(stage: Stage, after: tuple[PortSpec, ...]) -> None:
    """Not even what it had heard: whose note-off would never come."""
    stage.board.others = ["piano"]
    stage.configure(KEYS)
    keys = stage.handle("keys")
    keys.receive(note_on(1, 60, 90))
    stage.configure(*after)
    keys.receive(note_on(1, 61, 90))
    assert stage.heard() == []
    assert keys.open  # its thread may be about to bring something
    stage.go_on(0.2)
    assert not keys.open
    if after:
        stage.handle("keys").receive(note_on(1, 62, 90))
        assert stage.heard() == [("keys", note_on(1, 62, 90))]


def test_a_keyboard_that_is_unplugged_is_told_once_after_what_it_played(stage: Stage) -> None:
    stage.board.others = ["piano", "pads"]
    stage.configure(KEYS)
    stage.board.links["jamd keys:midi"] = {"piano", "pads"}
    stage.go_on(0.3)
    assert stage.heard() == []
    stage.handle("keys").receive(note_on(1, 60, 90))
    stage.board.others.remove("piano")
    stage.go_on(1.0)
    assert stage.heard() == [("keys", note_on(1, 60, 90)), ("keys", None)]
    assert stage.ended == ["jamd keys:midi"]  # it may have been in the midst of an exclusive message
    assert stage.changes == []
    stage.board.others.append("piano")
    stage.go_on(2 * PATCH)
    assert stage.board.connections("jamd keys:midi") == {"piano", "pads"}
    stage.board.links["jamd keys:midi"] = {"pads"}  # somebody cut the cable
    stage.go_on(1.0)
    assert stage.heard() == [("keys", None)]
    assert stage.board.connections("jamd keys:midi") == {"pads"}


@pytest.mark.parametrize("stage", [JACK], indirect=True)
def test_who_comes_plays_and_goes_between_two_looks(stage: Stage) -> None:
    stage.configure(KEYS)
    stage.go_on(1.0)
    stage.handle("keys").receive(note_on(1, 60, 90))
    stage.go_on(1.0)
    assert stage.heard() == [("keys", note_on(1, 60, 90)), ("keys", None)]


@pytest.mark.parametrize("stage", [JACK], indirect=True)
def test_who_comes_and_plays_in_the_midst_of_a_look_is_there(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The look found nobody connected; then one connects, and plays, before it has drawn its conclusions."""
    stage.configure(KEYS)
    stage.go_on(1.0)
    nobody = stage.board.connections

    def connections(own: str) -> set[str]:
        found = nobody(own)
        stage.clock[0] += 0.001
        stage.board.others = ["drummer"]
        stage.board.links["jamd keys:midi"] = {"drummer"}
        stage.handle("keys").receive(note_on(1, 60, 90))
        monkeypatch.setattr(stage.board, "connections", nobody)
        return found

    monkeypatch.setattr(stage.board, "connections", connections)
    stage.go_on(1.0)
    assert stage.heard() == [("keys", note_on(1, 60, 90))]


def test_a_keyboard_that_was_named_is_lost_and_back(stage: Stage) -> None:
    stage.board.others = ["piano 20:0"]
    stage.configure(PortSpec("keys", "in", connect="piano 20:0"))
    stage.go_on(0.5)
    stage.handle("keys").receive(note_on(1, 60, 90))
    stage.board.others = []
    stage.go_on(0.5)
    assert stage.changes == [("keys", False)]
    assert stage.heard() == []  # who is told that a port is lost ends what it held; nothing may come after that
    stage.board.others = ["piano 24:0"]
    stage.go_on(0.5)
    assert stage.changes == [("keys", False), ("keys", True)]


@pytest.mark.parametrize("stage", [JACK], indirect=True)
def test_an_input_that_brings_nothing_may_be_deaf(stage: Stage) -> None:
    stage.board.others = ["piano"]
    stage.configure(KEYS, PortSpec("pads", "in"))
    stage.go_on(5.0)
    assert stage.ended == []  # nobody is connected
    stage.board.links["jamd keys:midi"] = {"piano"}
    for _ in range(20):
        stage.handle("keys").receive(b"\xf8")
        stage.go_on(0.25)
    assert stage.ended == []
    stage.go_on(1.6)
    assert stage.ended == ["jamd keys:midi"]
    stage.go_on(10.0)
    assert 6 <= len(stage.ended) <= 11


@pytest.mark.parametrize("stage", [JACK, ALSA], indirect=True)
def test_what_jack_brought_while_the_stage_stood_still_is_lost(stage: Stage) -> None:
    stage.configure(KEYS, CHOIR)
    stage.board.others, stage.board.links = ["piano"], {"jamd keys:midi": {"piano"}}
    stage.go_on(1.0)
    stage.handle("keys").receive(note_on(1, 60, 90))
    stage.clock[0] += STALL + 0.1
    stage.go_on(0.1)
    lost = [("keys", b"")] if stage.api == JACK else []
    assert stage.heard() == [("keys", note_on(1, 60, 90)), *lost]
    stage.go_on(1.0)
    assert stage.heard() == []


def test_who_listened_and_is_back_gets_the_note_offs_it_missed(stage: Stage) -> None:
    stage.board.others = ["synth"]
    stage.configure(CHOIR)
    stage.board.links["jamd choir:midi"] = {"synth"}
    stage.go_on(5.0)
    now = stage.clock
    for pitch in (60, 61, 62, 63):
        stage.ports.send("choir", note_on(1, pitch, 90), now[0], OTHER)
    stage.board.others = []
    stage.ports.send("choir", note_off(1, 60), now[0], OTHER)  # nobody knows yet that it gets nowhere
    stage.go_on(2 * PATCH)
    assert stage.metrics.unsent == 0
    stage.ports.send("choir", note_off(1, 61), now[0], OTHER)
    stage.ports.send("choir", note_on(1, 64, 90), now[0], OTHER)
    stage.ports.send("choir", note_off(1, 63), now[0], OTHER)
    stage.ports.send("choir", note_on(1, 63, 90), now[0], OTHER)
    assert stage.metrics.unsent == 5  # another note-off before the second note-on, in case that synth hears it
    stage.handle("choir").got.clear()
    stage.board.others = ["synth"]
    stage.go_on(2 * PATCH)
    assert stage.handle("choir").got == [note_off(1, 60), note_off(1, 61)]
    assert stage.ledger.sounding("choir") == [(1, 62), (1, 63), (1, 64)]
    sent = stage.metrics.sent
    stage.ports.send("choir", note_off(1, 62), now[0], OTHER)
    assert (stage.metrics.sent, stage.metrics.unsent) == (sent + 1, 5)


def test_a_debt_is_owed_until_all_who_are_remembered_are_there(stage: Stage) -> None:
    stage.board.others = ["synth", "recorder"]
    stage.configure(CHOIR)
    stage.board.links["jamd choir:midi"] = {"synth", "recorder"}
    stage.go_on(5.0)
    stage.ports.send("choir", note_on(1, 60, 90), stage.clock[0], OTHER)
    stage.board.others = []
    stage.go_on(2 * PATCH)
    stage.ports.send("choir", note_off(1, 60), stage.clock[0], OTHER)
    for there in (["synth"], ["synth", "recorder"]):
        assert stage.ledger.owed("choir") == [(1, 60)]
        stage.handle("choir").got.clear()
        stage.board.others = there
        stage.go_on(2 * PATCH)
        assert note_off(1, 60) in stage.handle("choir").got
    assert stage.ledger.owed("choir") == []
    stage.go_on(1.5)
    stage.board.others = []
    stage.go_on(2 * PATCH)
    assert stage.ledger.owed("choir") == []  # what was sent long ago has arrived


def test_an_output_that_nobody_was_ever_connected_to_sends(stage: Stage) -> None:
    stage.configure(CHOIR)
    stage.go_on(1.0)
    stage.ports.send("choir", note_on(1, 60, 90), stage.clock[0], OTHER)
    assert (stage.metrics.sent, stage.metrics.unsent) == (1, 0)
    assert stage.said == []


def test_two_of_the_same_name_are_for_two_ports(stage: Stage) -> None:
    one, other = "USB MIDI:MIDI 1 20:0", "USB MIDI:MIDI 1 24:0"
    stage.board.others = [one, other]
    stage.configure(PortSpec("keys", "in", connect="usb"), PortSpec("pads", "in", connect="usb"))
    assert stage.board.links == {"jamd keys:midi": {one}, "jamd pads:midi": {other}}
    stage.go_on(1.0)
    stage.board.others = [other]  # the one of the keys is unplugged: it does not become another pads
    stage.go_on(3.0)
    assert stage.ports.apis() == {"keys": None, "pads": ALSA}
    stage.board.others = [other, "USB MIDI:MIDI 1 28:0"]
    stage.go_on(1.0)
    assert stage.ports.apis() == {"keys": ALSA, "pads": ALSA}
    assert "USB MIDI:MIDI 1 28:0" in stage.board.connections("jamd keys:midi")
    assert stage.board.connections("jamd pads:midi") == {other}


def test_one_device_for_two_ports_until_there_is_another(stage: Stage) -> None:
    stage.board.others = ["synth 20:0"]
    stage.configure(PortSpec("choir", "out", connect="synth"), PortSpec("organ", "out", connect="synth"))
    stage.go_on(1.0)
    assert stage.board.links["jamd organ:midi"] == {"synth 20:0"}
    stage.ports.send("organ", note_on(1, 60, 90), stage.clock[0], OTHER)
    shared = stage.handle("organ")
    stage.board.others.append("synth 24:0")
    stage.go_on(2.0)
    assert shared.got[-1] == note_off(1, 60) and not shared.open
    assert "synth 24:0" in stage.board.links["jamd organ:midi"]
    assert stage.changes == [("organ", False), ("organ", True)]
    stage.go_on(5.0)
    assert len(stage.opened["organ"]) == 2 and len(stage.opened["choir"]) == 1


def test_names_are_found_by_a_part_and_never_our_own() -> None:
    names = ["jamd choir:midi", "Midi Through:0", "KeyStation 49:KeyStation 49 MIDI 1 20:0"]
    assert find_port(names, "keystation") == 2
    assert find_port(names, "choir") is None
    assert find_port([*names, "Midi"], "Midi") == 3
    assert find_port(names, "KeyStation 49:KeyStation 49 MIDI 1 32:0") == 2  # plugged in again
    assert find_port(names, "KeyStation 32:0") is None


def test_a_name_that_is_taken_is_found_again_if_there_is_another() -> None:
    assert find_port(["USB", "USB"], "usb", ["USB"]) == 1
    assert find_port(["USB", "USB"], "usb", ["USB", "USB"]) is None
    assert find_port(["USB 1", "USB 2"], "USB 1", ["USB 1"]) is None
    with pytest.raises(NotThere, match="joined to another port of ours"):
        systems = Systems()
        systems._joined.append(Device(ALSA, None, "jamd keys:midi", "USB", True))
        systems._find(ALSA, ["USB"], PortSpec("pads", "in", connect="USB"), may_share=False)

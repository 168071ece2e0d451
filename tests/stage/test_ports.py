"""Ports on devices that take what they are given at a pace: without MIDI."""

from __future__ import annotations

from typing import Any

import pytest

from daemon.music.events import note_off, note_on
from daemon.stage.devices import ALSA, Device, Systems
from daemon.stage.ledger import Ledger
from daemon.stage.metrics import Metrics
from daemon.stage.midi_in import Inbox, Waker
from daemon.stage.midi_out import OTHER
from daemon.stage.ports import Ports
from daemon.stage.spec import PortSpec

CHOIR = PortSpec("choir", "out")


class Synth:
    """What rtmidi gives for an output."""

    def __init__(self) -> None:
        self.got: list[bytes] = []
        self.open = True

    def send_message(self, message: bytes) -> None:
        assert self.open
        self.got.append(message)


class Listener:
    def port_changed(self, name: str, there: bool) -> None: ...

    def connections_changed(self, connections: list[Any]) -> None: ...

    def say(self, level: str, cause: str, text: str) -> None: ...


@pytest.fixture
def synths(monkeypatch: pytest.MonkeyPatch) -> list[Synth]:
    """All that were opened, on a system that is called ALSA."""
    opened: list[Synth] = []

    def open_port(self: Systems, spec: PortSpec) -> Device:
        opened.append(Synth())
        return Device(ALSA, opened[-1], f"jamd {spec.name}:midi", spec.connect, False)

    def close(self: Systems, devices: list[Device]) -> None:
        for device in devices:
            device.handle.open = False

    monkeypatch.setattr(Systems, "open", open_port)
    monkeypatch.setattr(Systems, "close", close)
    monkeypatch.setattr(Systems, "gone", lambda self, device: None)
    return opened


@pytest.mark.parametrize("after", [(), (PortSpec("choir", "out", connect="synth"),)])
def test_a_port_that_is_closed_for_good_pays_all_it_owes(synths: list[Synth], after: tuple[PortSpec, ...]) -> None:
    waker, ledger = Waker(), Ledger()
    ports = Ports(ledger, Inbox(waker), Metrics(), Listener())
    ports.configure([CHOIR], 0.0)
    for pitch in range(60):
        ports.send("choir", note_on(1, pitch, 90), 0.0, OTHER)
    ports.configure(after, 0.0)
    assert synths[0].got == [*(note_on(1, p, 90) for p in range(60)), *(note_off(1, p) for p in range(60))]
    assert not synths[0].open and not ledger.sounding("choir")
    ports.close()
    waker.close()

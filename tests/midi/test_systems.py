"""Which MIDI system is tried, and what is checked before a client is made, which takes 20 ms of the stage's time."""

from __future__ import annotations

import contextlib
import itertools
from types import SimpleNamespace
from typing import Any

import pytest

from daemon.errors import PortError
from daemon.midi import jack as jack_module
from daemon.midi import systems as systems_module
from daemon.midi.jack_server import THREADS_END
from daemon.midi.port_names import Device, NameTaken, NotThere, choose_port
from daemon.midi.systems import Systems
from daemon.spec import PortSpec

EOX_SENDER = ["client jamd stage out", "virtual midi"]  # see Systems.end_exclusive


class FakeHandle:
    def __init__(self, log: list[str], jack: FakeJack) -> None:
        self._log, self._jack = log, jack

    def get_ports(self) -> list[str]:
        return self._jack.others

    def open_virtual_port(self, name: str) -> None:
        self._log.append(f"virtual {name}")
        self._jack.own.add("jamd keys:midi")

    def open_port(self, index: int, name: str) -> None:
        self._log.append(f"{name} to {self._jack.others[index]}")
        self._jack.own.add("jamd keys:midi")

    def close_port(self) -> None:
        self._log.append("close")

    def delete(self) -> None:
        self._log.append("delete")

    def send_message(self, message: bytes) -> None:
        self._log.append(f"send {message.hex()}")


class FakeJack:
    """A server with a port of another program, as JackClient shows it."""

    def __init__(self) -> None:
        self.alive = True
        self.own: set[str] = set()
        self.connected: set[str] = set()
        self.requests = 0  # for a connection; the caller waits for the server
        self.others = ["jamd drums:midi", "grand piano:out"]

    def is_running(self) -> bool:
        return self.alive

    def has_port(self, name: str) -> bool:
        return self.alive and name in {*self.own, *self.others}

    def ports(self, is_output: bool) -> list[str]:
        assert is_output
        return self.others

    def disconnect(self, own: str, is_output: bool) -> None:
        assert own == "jamd keys:midi"

    def connections(self, own: str) -> set[str]:
        return self.connected

    def connect(self, own: str, other: str, is_output: bool) -> bool:
        self.requests += 1
        self.connected.add(own)
        return True


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is done with a JACK server."""
    entries: list[str] = []
    monkeypatch.setattr(systems_module.sys, "platform", "linux")
    return entries


def systems(log: list[str], monkeypatch: pytest.MonkeyPatch) -> tuple[Systems, FakeJack]:
    jack = FakeJack()

    def client(api: int, name: str) -> FakeHandle:
        log.append(f"client {name}")
        return FakeHandle(log, jack)

    fake: Any = SimpleNamespace(
        API_LINUX_ALSA=2, API_UNIX_JACK=3, API_MACOSX_CORE=1, API_WINDOWS_MM=4, RtMidiError=OSError
    )
    fake.get_compiled_api = lambda: [3]
    fake.MidiIn = fake.MidiOut = client
    monkeypatch.setattr(systems_module, "rtmidi", fake)
    found = Systems()
    found.jack.client = jack
    return found, jack


def test_no_client_is_made_for_a_port_that_is_not_there(log: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    found, _ = systems(log, monkeypatch)
    with pytest.raises(NotThere, match=r"'organ'; ports there are: grand piano:out"):
        found.open(PortSpec("keys", "in", connect="organ"))
    assert log == []


def test_a_part_of_a_name_is_enough(log: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    found, jack = systems(log, monkeypatch)
    device = found.open(PortSpec("keys", "in", connect="Piano"))
    assert (device.api, device.name, device.peer) == ("JACK", "jamd keys:midi", "grand piano:out")
    assert found.failure(device) is None
    jack.others = []
    assert found.failure(device) == "grand piano:out is gone"
    found.disconnect(device)
    found.close(device)
    assert log == ["client jamd keys", "midi to grand piano:out", *EOX_SENDER, "close", "delete"]


def test_a_name_in_use_is_refused(log: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    found, jack = systems(log, monkeypatch)
    jack.own.add("jamd keys:midi")
    with pytest.raises(NameTaken, match="another jamd is running"):
        found.open(PortSpec("keys", "in"))
    assert log == []


def test_a_client_of_a_dead_server_is_never_deleted(log: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    found, jack = systems(log, monkeypatch)
    device = found.open(PortSpec("keys", "in"))
    jack.alive = False
    assert found.failure(device) == "the JACK server is gone"
    found.close(device)
    assert log == ["client jamd keys", "virtual midi", *EOX_SENDER]


def test_jack_is_used_on_linux_only(log: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    found, _ = systems(log, monkeypatch)
    monkeypatch.setattr(systems_module.sys, "platform", "darwin")
    with pytest.raises(NotThere, match="built without any"):
        found.open(PortSpec("keys", "in"))


def test_without_python_rtmidi_the_error_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(systems_module, "rtmidi", None)
    monkeypatch.setattr(systems_module, "IMPORT_ERROR", "libasound.so.2: cannot open", raising=False)
    with pytest.raises(NotThere, match=r"tried none, because python-rtmidi.*libasound"):
        Systems().open(PortSpec("keys", "in"))


def test_the_search_for_a_jack_server_slows_down(log: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    found, jack = systems(log, monkeypatch)
    now, looks, server = [100.0], list[float](), list[FakeJack]()
    monkeypatch.setattr(systems_module.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(jack_module, "open_client", lambda _: looks.append(now[0]) or (server[0] if server else None))
    jack.alive = False

    def pass_seconds(seconds: float) -> None:
        end = now[0] + seconds
        while now[0] < end:
            for port in ("keys", "pads", "choir"):
                with contextlib.suppress(NotThere):
                    found.open(PortSpec(port, "in", connect="organ"))
            now[0] += 0.01

    pass_seconds(2.0)
    assert 5 <= len(looks) <= 10  # a server that was just killed is found again within half a second
    pass_seconds(60.0)
    gaps = [b - a for a, b in itertools.pairwise(looks)]
    assert max(gaps[:5]) <= 0.5 and max(gaps) <= 1.02
    assert len(looks) <= 80
    for _ in range(2):
        server.append(FakeJack())
        pass_seconds(1.1)
        assert found.jack.client is server[0] and not found.jack.has_died
        server.pop().alive = False
        looks.clear()
        died_at = now[0]
        pass_seconds(1.0)
        assert len(looks) >= 3
        assert looks[0] >= died_at + THREADS_END  # until then the dead server's threads may still be in a callback


def test_no_client_is_made_on_a_stalled_server(log: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    found, jack = systems(log, monkeypatch)
    monkeypatch.setattr(jack, "is_running", lambda: False)
    with pytest.raises(NotThere, match="does not respond"):
        found.open(PortSpec("keys", "in", connect="piano"))
    assert log == []


def test_where_alsas_list_is_hidden_rtmidis_list_is_used(log: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    found, _ = systems(log, monkeypatch)
    monkeypatch.setattr(systems_module.rtmidi, "get_compiled_api", lambda: [2])
    monkeypatch.setattr(systems_module.os, "access", lambda *_: True)
    monkeypatch.setattr(systems_module, "read_clients", lambda: "")
    assert found.open(PortSpec("keys", "in", connect="piano")).peer == "grand piano:out"


def test_on_alsa_the_kernels_list_is_used(log: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A port may be missing in rtmidi's list because another one vanished while the list was made."""
    found, _ = systems(log, monkeypatch)
    usb = 'Client  28 : "USB" [Kernel Legacy]\n  Port   0 : "MIDI 1" (RWeX)\n'
    listed: list[str] = []
    device = Device("ALSA", SimpleNamespace(get_ports=lambda: listed), "jamd keys:midi", "USB:MIDI 1 28:0", True)
    monkeypatch.setattr(systems_module, "read_clients", lambda: usb)
    assert found.failure(device) is None
    monkeypatch.setattr(systems_module, "read_clients", lambda: usb.replace("28", "32"))
    assert found.failure(device) == "USB:MIDI 1 28:0 is gone"
    monkeypatch.setattr(systems_module, "read_clients", lambda: "")  # hidden from this process
    listed.append("USB:MIDI 1 28:0")
    assert found.failure(device) is None


def test_a_silent_input_costs_the_server_one_request(log: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """It is probed every second; a request blocks the stage until the server answers."""
    found, jack = systems(log, monkeypatch)
    device = found.open(PortSpec("keys", "in"))
    jack.own.add(systems_module.EOX_PORT)
    for _ in range(5):
        found.end_exclusive(device)
    assert log.count("send f7") == 5 and jack.requests == 1


def test_names_of_other_ports_end_no_line_of_an_error() -> None:
    with pytest.raises(PortError, match=r"ports there are: evil\\nREADY\\x1b\[2J$"):
        choose_port(["evil\nREADY\x1b[2J"], "piano", (), may_share=False)
    with pytest.raises(PortError, match=r"evil\\n is already connected"):
        choose_port(["evil\n"], "evil", ["evil\n"], may_share=False)

"""`jamd ports`: which MIDI systems are tried, and which ports are listed."""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from rich.console import Console

from daemon import config
from daemon.desk import port_list
from daemon.desk.port_list import System, show, systems
from daemon.midi import systems as systems_module
from daemon.speaker.devices import AudioDevice
from daemon.speaker.probe import Look

NAMES = ["Piano 20:0", "jamd choir:midi 128:0", "jamd look:in 129:0", "jamdown 24:0"]


class Handle:
    closed: ClassVar[int] = 0

    def __init__(self, api: int, name: str) -> None:
        pass

    def get_ports(self) -> list[str]:
        return NAMES

    def delete(self) -> None:
        Handle.closed += 1


@pytest.fixture
def rtmidi(monkeypatch: pytest.MonkeyPatch) -> Any:
    fake = SimpleNamespace(
        API_LINUX_ALSA=1,
        API_UNIX_JACK=2,
        API_MACOSX_CORE=3,
        API_WINDOWS_MM=4,
        RtMidiError=RuntimeError,
        MidiIn=Handle,
        MidiOut=Handle,
        get_compiled_api=lambda: [2, 3],
    )
    monkeypatch.setitem(sys.modules, "rtmidi", fake)
    monkeypatch.setattr(systems_module, "rtmidi", fake)
    monkeypatch.setattr(Handle, "closed", 0)
    return fake


def test_the_listed_systems_are_those_on_which_ports_are_opened(rtmidi: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")  # where JACK may be compiled in, but jamd does not watch its server
    assert [system.name for system in systems()] == ["CoreMIDI"]
    monkeypatch.setattr(sys, "platform", "linux")
    assert [system.name for system in systems()] == ["JACK", "CoreMIDI"]


def test_jamds_own_ports_are_not_listed(rtmidi: Any) -> None:
    rtmidi.get_compiled_api = lambda: [3]
    others = ("Piano 20:0", "jamdown 24:0")
    assert list(systems()) == [System("CoreMIDI", "", others, others)]
    assert Handle.closed == 2


def test_a_system_that_fails_is_listed_with_its_error(rtmidi: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise rtmidi.RtMidiError(" no driver ")

    rtmidi.get_compiled_api = lambda: [3]
    monkeypatch.setattr(rtmidi, "MidiIn", fail)
    assert list(systems()) == [System("CoreMIDI", "no driver")]


@pytest.mark.skipif(sys.platform == "win32", reason="another encoding of the console")
def test_port_names_are_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names of other programs' ports are neither markup of rich nor escape sequences, and end no line."""
    names = ("Synth [1]", "[red]x[/]", "[/nothing]", "evil\x1b[31m\nname")
    found = System("JACK", "", names, names)
    monkeypatch.setattr(port_list, "systems", lambda: iter([found, System("ALSA", "bad\x1b]0;title\x07")]))
    monkeypatch.setattr(port_list, "look", lambda device: Look())
    (tmp_path / "config.yaml").write_text(
        "ports: {keys: {direction: in, connect: '[red]x'}}\nmelodies: {}\nband: {}\ncontrols: {}\n"
    )
    output = io.StringIO()
    show(config.load(tmp_path / "config.yaml"), Console(file=output, width=200))
    text = output.getvalue()
    for name in ("Synth [1]", "[red]x[/]", "[/nothing]", r"evil\x1b[31m\nname", r"bad\x1b]0;title\x07"):
        assert name in text
    assert "connected to [red]x[/]" in text and "\x1b" not in text and "\x07" not in text


def test_audio_devices_are_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    speakers = AudioDevice("Speakers [red]: (hw:0,0)", "ALSA", 2, 44100.0, True, 0)
    hdmi = AudioDevice("HDMI", "ALSA", 8, 48000.0, False, 1)
    monkeypatch.setattr(port_list, "systems", lambda: iter([]))
    monkeypatch.setattr(port_list, "look", lambda device: Look((speakers, hdmi), hdmi if device == "hdmi" else None))
    text = listed(tmp_path, "audio: {device: hdmi}\n")
    assert re.search(r"Speakers \[red\]: \(hw:0,0\) +│ ALSA +│ 2 +│ 44100 +│ default +│", text)
    assert re.search(r"HDMI +│ ALSA +│ 8 +│ 48000 +│ jamd plays here", text)
    text = listed(tmp_path, "audio: {device: null}\n")
    assert "jamd plays here" not in text and "no sound: turned off (audio.device)" in text


def test_why_there_is_no_audio_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(port_list, "systems", lambda: iter([]))
    monkeypatch.setattr(port_list, "look", lambda device: Look(problem="no sound: there is\x1b no audio device"))
    text = listed(tmp_path, "band: {}\n")
    assert r"no sound: there is\x1b no audio device" in text and "audio devices (" not in text


def listed(folder: Path, text: str) -> str:
    (folder / "config.yaml").write_text(text)
    output = io.StringIO()
    show(config.load(folder / "config.yaml"), Console(file=output, width=200))
    return output.getvalue()

"""Each check of `jamd doctor`, in environments that are right and broken."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from daemon import config
from daemon.config import Config
from daemon.desk import runtime
from daemon.desk.port_list import System
from daemon.doctor import band, folders, installation, midi, probe, rights, sound
from daemon.doctor.finding import ATTENTION, OK, PROBLEM
from daemon.doctor.subject import Subject
from daemon.errors import ConfigError, JamdError
from daemon.player import trial
from daemon.speaker.devices import AudioDevice
from daemon.speaker.probe import Look, Trial
from daemon.spec import PortSpec

ALSA = System("ALSA", "", ("Launchkey:port 1 20:0",), ("FLUID Synth (1):synth 128:0",))
NO_JACK = System("JACK", "no server is running")


SPEAKERS = AudioDevice("Speakers: (hw:0,0)", "ALSA", 2, 44100.0, True, 0)
HDMI = AudioDevice("HDMI: (hw:0,3)", "ALSA", 8, 48000.0, False, 1)


def subject(
    loaded: Config | Exception | None = None,
    systems: Iterable[System] = (),
    granted: dict[str, Any] | str = "crashed",
    look: Look | None = None,
) -> Subject:
    def load() -> Config:
        if isinstance(loaded, Config):
            return loaded
        raise loaded or AssertionError("not to be asked")

    def ask() -> dict[str, Any]:
        if isinstance(granted, str):
            raise JamdError(granted)
        return granted

    known = loaded if isinstance(loaded, Config) else None
    asked = {"systems": lambda: list(systems), "granted": ask, "sound": lambda: look or Look()}
    return cast(Subject, SimpleNamespace(load=load, config=known, **asked))


@pytest.fixture
def loaded(tmp_path: Path) -> Config:
    path = tmp_path / "band.yaml"
    path.write_text(
        "ports: {keys: {direction: in, connect: Launchkey}, out: {direction: out}}\n"
        "band: {choir: {engine: harmoniser, model: bachbot, listen: [keys], play: {port: out}}}\n"
        f"recording: {{directory: {tmp_path / 'takes'}}}\n"
    )
    return config.load(path)


# installation


def test_jamd_and_a_jamd_without_its_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert installation.jamd(subject()).state == OK
    monkeypatch.setattr(installation, "resources", lambda: tmp_path)
    (tmp_path / "models").mkdir()
    found = installation.jamd(subject())
    assert (found.state, found.remedy) == (PROBLEM, "install jamd again")
    assert found.text.endswith("lacks config.yaml, melodies, grooves, bands, songs")


def test_the_packages_that_jamd_requires_are_examined() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    everywhere = [line for line in project["dependencies"] if ";" not in line]
    elsewhere = [line for line in project["dependencies"] if ";" in line]
    for names, lines in (
        (installation.REQUIRED, everywhere),
        (installation.OPTIONAL, elsewhere + project["optional-dependencies"]["link"]),
    ):
        assert {name.lower() for name in names} == {re.split(r"[^\w-]", line)[0].lower() for line in lines}


def test_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "python-rtmidi " in installation.packages(subject()).text

    def version(name: str) -> str:
        if name in ("rich", "LinkPython-extern"):
            raise metadata.PackageNotFoundError(name)
        return "1"

    monkeypatch.setattr(installation.metadata, "version", version)
    found = installation.packages(subject())
    assert (found.state, found.text.partition("; ")[2]) == (PROBLEM, "not installed: rich")


def test_a_machine_that_is_busy_or_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installation.os, "getloadavg", lambda: (0.0, 0.0, 0.0))
    monkeypatch.setattr(installation, "_available_memory", lambda: 1 << 30)
    assert installation.system(subject()).state == OK
    monkeypatch.setattr(installation.os, "getloadavg", lambda: (1000.0, 0.0, 0.0))
    assert "keep the processors busy" in installation.system(subject()).remedy
    monkeypatch.setattr(installation, "_available_memory", lambda: 1 << 20)
    found = installation.system(subject())
    assert found.state == ATTENTION and "memory" in found.remedy


# configuration and models


def test_the_configuration(loaded: Config) -> None:
    found = band.configuration(subject(loaded))
    assert found.state == OK
    assert found.text.endswith(
        "band.yaml: ports keys (in), out (out); players choir (harmoniser); instruments none; clock internal"
    )
    found = band.configuration(subject(ConfigError(["a.yaml:1: x: is wrong", "a.yaml:2: y: is wrong"])))
    assert (found.state, found.text.count("\n")) == (PROBLEM, 1)
    assert "their disk" in band.configuration(subject(TimeoutError())).remedy


def test_a_configuration_without_players_plays_nothing(tmp_path: Path) -> None:
    path = tmp_path / "empty.yaml"
    path.write_text("ports: {keys: {direction: in}}\n")
    found = band.configuration(subject(config.load(path)))
    assert found.state == ATTENTION and "players none" in found.text


def test_models(loaded: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[tuple[str, str | None]] = []

    def fake(path: Path, engine: str | None, seconds: float) -> str | None:
        tried.append((path.stem, engine))
        return f"{path}: is damaged" if path.stem == "drums" else None

    monkeypatch.setattr(trial, "trial", fake)
    assert band.models(subject(loaded)).text == "bachbot: verified"
    assert tried == [("bachbot", "harmoniser")]
    found = band.models(subject(JamdError("no configuration")))  # then all that ship
    assert len(tried) == 8
    assert (found.state, found.text.rpartition("/")[2]) == (PROBLEM, "drums.onnx: is damaged")


# MIDI


def test_midi_systems(monkeypatch: pytest.MonkeyPatch) -> None:
    found = midi.systems(subject(systems=[ALSA, NO_JACK]))
    assert found.state == OK
    assert found.text == (
        "ALSA answers; sources of others: Launchkey:port 1 20:0; destinations: FLUID Synth (1):synth 128:0\n"
        "JACK is not used: no server is running"
    )
    jack = midi.systems(subject(systems=[System("ALSA", "/dev/snd/seq does not exist"), System("JACK")])).text
    assert jack.startswith("JACK answers;") and jack.endswith("\nALSA is not used: /dev/snd/seq does not exist")
    none = midi.systems(subject(systems=[System("ALSA", "/dev/snd/seq does not exist"), NO_JACK]))
    assert none.state == PROBLEM and none.remedy
    hangs = midi.systems(subject(systems=[System("JACK", "no answer within 10 s")]))
    assert hangs.state == PROBLEM and "killall -9 jackd" in hangs.remedy
    broken = midi.systems(subject(systems=[System("rtmidi", "cannot be imported: libasound.so.2: …")]))
    assert broken.state == PROBLEM and "libasound2" in broken.remedy


def test_ports(loaded: Config) -> None:
    found = midi.ports(subject(loaded, [ALSA]))
    assert found.state == OK
    assert found.text == (
        "jamd keys (in): ALSA, connected to Launchkey:port 1 20:0\njamd out (out): ALSA, a virtual port"
    )
    other = System("ALSA", "", ("Launchpad:port 1 20:0",))
    found = midi.ports(subject(loaded, [other]))
    assert found.state == ATTENTION
    assert (
        "jamd keys (in): not open: no port name matches 'Launchkey': did you mean 'Launchpad:port 1 20:0'?"
        in found.text
    )
    assert midi.ports(subject(loaded, [NO_JACK])).remedy == "see MIDI above"
    assert midi.ports(subject()).state == ATTENTION


def test_an_output_of_a_jamd_that_runs_is_connected_to_nothing(loaded: Config) -> None:
    alone = System(ALSA.name, "", ALSA.sources, ALSA.destinations, ("jamd out:midi",))
    found = midi.ports(subject(loaded, [alone]))
    assert (found.state, found.text.splitlines()[1]) == (
        ATTENTION,
        "jamd out (out): ALSA, a virtual port, connected to nothing",
    )
    assert "--connect out=NAME" in found.remedy


def test_many_ports_are_cut(loaded: Config) -> None:
    many = System("ALSA", "", tuple(f"p{number}" for number in range(50)))
    assert "p11, …; destinations: none" in midi.systems(subject(systems=[many])).text


# sound


def test_the_device_and_the_others(loaded: Config) -> None:
    found = sound.device(subject(loaded, look=Look((SPEAKERS, HDMI), SPEAKERS, Trial(48_000, 4800))))
    assert (found.state, found.text) == (
        OK,
        "Speakers: (hw:0,0), ALSA (2 channels, 44100 Hz, the default): opens at 48000 Hz\n"
        "other devices: HDMI: (hw:0,3), ALSA",
    )
    other_rate = sound.device(subject(loaded, look=Look((SPEAKERS,), SPEAKERS, Trial(44_100, 4800))))
    assert other_rate.text.endswith("opens at 44100 Hz, to which audio.rate (48000) is converted")


def test_a_device_that_takes_no_sound(loaded: Config) -> None:
    found = sound.device(subject(loaded, look=Look((SPEAKERS,), SPEAKERS, Trial(48_000, 0))))
    assert (found.state, found.text.endswith("opens at 48000 Hz, but takes no sound")) == (ATTENTION, True)
    assert "restart its audio server" in found.remedy


def test_sound_that_is_turned_off(tmp_path: Path) -> None:
    path = tmp_path / "off.yaml"
    path.write_text("audio: {device: null}\n")
    assert sound.device(subject(config.load(path))).text == "turned off (audio.device)"


def test_no_device_a_busy_one_and_one_that_is_refused(loaded: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sound, "_is_refused", lambda folder: False)
    monkeypatch.setattr(sound, "_holders", lambda proc: [])
    none = sound.device(subject(loaded, look=Look(problem="no sound: there is no audio device")))
    assert (none.state, none.text) == (ATTENTION, "no sound: there is no audio device")
    assert "jamd plays without sound" in none.remedy
    unknown = sound.device(subject(loaded, look=Look((SPEAKERS,), problem="audio.device: no device has 'x'")))
    assert "other devices: Speakers" in unknown.text and "`jamd ports` lists them" in unknown.remedy
    unavailable = sound.device(subject(loaded, look=Look((SPEAKERS,), SPEAKERS, None, "does not open", is_busy=True)))
    assert "end the program that has it for itself" in unavailable.remedy
    monkeypatch.setattr(sound, "_holders", lambda proc: ["pipewire, PID 812"])
    # ALSA does not list a card that another program has for itself
    busy = sound.device(subject(loaded, look=Look((HDMI,), problem="audio.device: no device has 'x'")))
    assert busy.state == ATTENTION and "end what has a sound card for itself (pipewire, PID 812)" in busy.remedy
    monkeypatch.setattr(sound, "_is_refused", lambda folder: True)
    refused = sound.device(subject(loaded, look=Look(problem="no sound: there is no audio device")))
    assert refused.remedy.startswith("as root: usermod -aG audio NAME; then log in again")


@pytest.mark.skipif(sys.platform != "linux", reason="Linux only")
def test_the_programs_that_hold_sound_cards(tmp_path: Path) -> None:
    for card, text in enumerate(
        ("state: RUNNING\nowner_pid   : 7\n", "closed\n", "owner_pid   : 8\n", "owner_pid : x\n")
    ):
        status = tmp_path / f"asound/card{card}/pcm0p/sub0/status"
        status.parent.mkdir(parents=True)
        status.write_text(text)
    for number, command in ((7, b"/usr/bin/pipewire"), (8, b"python\0-m\0daemon.speaker.process\0/run")):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "cmdline").write_bytes(command)
        (tmp_path / str(number) / "comm").write_text("pipewire\n")
    assert sound._holders(tmp_path) == ["pipewire, PID 7", "a jamd that runs, PID 8"]
    assert not sound._is_refused(tmp_path)
    (tmp_path / "controlC0").touch()
    assert not sound._is_refused(tmp_path)
    (tmp_path / "controlC0").unlink()
    (tmp_path / "controlC0").symlink_to(tmp_path / "nowhere")  # as a file that may not be read
    assert sound._is_refused(tmp_path)


def test_what_the_instruments_need(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers: list[Any] = ["", "TimGM6mb", "TimGM6mb", "FluidR3_GM"]
    monkeypatch.setattr(probe, "run", lambda kind: (answers, "it crashed"))
    text = "FluidSynth; the soundfont `default` is TimGM6mb"
    assert sound.instruments(subject()).text == f"{text}; others of General MIDI: FluidR3_GM"
    del answers[1:]
    assert sound.instruments(subject()).text == "no soundfont was found: the built-in instruments play"
    answers[0] = "FluidSynth is not installed"
    found = sound.instruments(subject())
    assert (found.state, found.text) == (ATTENTION, "FluidSynth is not installed: the built-in instruments play")
    answers.clear()
    assert sound.instruments(subject()).text == "FluidSynth cannot be examined: it crashed"
    path = tmp_path / "silent.yaml"
    path.write_text("band: {}\n")
    assert sound.instruments(subject(config.load(path))).state == OK


# rights


@pytest.mark.skipif(sys.platform != "linux", reason="Linux only")
def test_rights() -> None:
    for check, key in ((rights.real_time, "fifo"), (rights.memory, "memory")):
        assert check(subject(granted={"fifo": True, "memory": True})).state == OK
        found = check(subject(granted={"fifo": True, "memory": True, key: False}))
        assert found.state == ATTENTION and "limits.d/audio.conf" in found.remedy
        assert "(crashed)" in check(subject()).text


# folders


def test_recordings(loaded: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = folders.recordings(subject(loaded))
    assert found.state == OK and found.text.endswith(" MB free")
    assert not (tmp_path / "takes").exists()  # nothing is made
    (tmp_path / "takes").mkdir()
    (tmp_path / "takes" / "a.journal").write_bytes(bytes(3 << 20))
    assert folders.recordings(subject(loaded)).text.endswith("; 1 journal with 3 MB")
    (tmp_path / "takes" / "a.journal").write_bytes(bytes(700))
    (tmp_path / "takes" / "b.journal").write_bytes(bytes(700))
    assert folders.recordings(subject(loaded)).text.endswith("; 2 journals with 2 KB")
    monkeypatch.setattr(folders.shutil, "disk_usage", lambda place: SimpleNamespace(free=100 << 20))
    assert "make room" in folders.recordings(subject(loaded)).remedy

    def refuse(dir: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(folders.tempfile, "TemporaryFile", refuse)
    found = folders.recordings(subject(loaded))
    assert found.state == ATTENTION and "cannot be written (Permission denied)" in found.text
    path = tmp_path / "off.yaml"
    path.write_text("recording: {directory: null}\n")
    assert folders.recordings(subject(config.load(path))).text == "turned off (recording.directory)"


def test_sockets_and_other_jamds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "run"
    place.mkdir()
    monkeypatch.setattr(runtime, "_places", lambda: iter([("XDG_RUNTIME_DIR", place)]))
    assert folders.sockets(subject()).text == f"{place}: can be used"
    assert folders.others(subject()).state == OK
    with runtime.runtime_folder() as folder:
        found = folders.others(subject())
        assert found.state == ATTENTION and str(folder) in found.text
        runtime.describe(folder, tmp_path / "band.yaml")
        band_path = tmp_path / "band.yaml"
        assert folders.others(subject()).text == f"a jamd of this user is running: PID {os.getpid()}, {band_path}"
        for damaged in ('{"a": 1}', "[1", "[" * 10_000, "\u00fc"):
            (folder / runtime.DESCRIPTION_FILE).write_text(damaged, encoding="utf-8")
            assert str(folder) in folders.others(subject()).text
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        (elsewhere / "jamd-link").symlink_to(folder)
        assert [*map(runtime._is_held, (folder, elsewhere / "jamd-link"))] == [True, False]
    (place / "jamd-abandoned").mkdir()
    (place / "jamd-abandoned" / runtime.LOCK_FILE).touch()
    (place / "other").mkdir()
    assert folders.others(subject()).state == OK
    monkeypatch.setattr(
        runtime, "_places", lambda: iter([("XDG_RUNTIME_DIR", tmp_path / "none"), ("shared memory", place)])
    )
    assert folders.sockets(subject()).state == ATTENTION
    monkeypatch.setattr(runtime, "_places", lambda: iter([("shared memory", tmp_path / "none")]))
    assert folders.sockets(subject()).state == PROBLEM


def test_the_unit(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {
        "--user": "LoadState=loaded\nActiveState=failed\nSubState=failed\nUnitFileState=enabled\n"
        "NRestarts=3\nStatusText=\n",
        "--system": "LoadState=not-found\nActiveState=inactive\n",
    }
    monkeypatch.setattr(folders.subprocess, "run", lambda command, **_: SimpleNamespace(stdout=answers[command[1]]))
    found = folders.unit(subject())
    assert (found.state, found.text) == (ATTENTION, "user unit: failed (failed), enabled, restarts 3")
    assert found.remedy == "read its log: journalctl --user -u jamd -e"
    answers["--user"] = answers["--user"].replace("failed", "active").replace("Text=", "Text=players: choir")
    assert folders.unit(subject()).text.endswith("restarts 3; players: choir")

    def fail(*_: object, **__: object) -> None:
        raise FileNotFoundError("systemctl")

    monkeypatch.setattr(folders.subprocess, "run", fail)
    assert folders.unit(subject()).text == "there is no unit jamd"


# Probes


def program(path: Path, lines: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_text(f"#!/bin/sh\n{lines}\n")
    path.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(path))


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script")
def test_what_is_known_before_a_probe_hangs_or_crashes_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alsa = '{"name": "ALSA", "problem": "", "sources": ["Piano"], "destinations": [], "unconnected": []}'
    known = f'echo \'["ALSA", "JACK"]\'; echo \'{alsa}\'; printf \'{{"name": "JA\'; '
    program(tmp_path / "hangs", known + "exec sleep 60", monkeypatch)
    assert probe.run("midi", 0.5) == ([["ALSA", "JACK"], json.loads(alsa)], "no answer within 0.5 s")
    program(tmp_path / "crashes", known + "echo 'not well' >&2; exit 7", monkeypatch)
    examined = Subject.__new__(Subject)
    examined._midi = cast(Any, SimpleNamespace(result=lambda: probe.run("midi")))
    why = "the probe has crashed (exit status 7: not well)"
    assert examined.systems() == [System("ALSA", "", ("Piano",)), System("JACK", why)]
    program(tmp_path / "nothing", "exit 1", monkeypatch)
    assert [system.name for system in examined.systems()] == ["MIDI"]


def test_a_real_probe() -> None:
    values, why = probe.run("midi")
    assert why == "" and values[0] == [value["name"] for value in values[1:]]
    assert probe.run("real-time")[0][0].keys() == {"fifo", "memory"}


def test_a_port_without_a_near_name() -> None:
    from daemon.desk.port_list import where

    assert where(PortSpec("out", "out", "xyz"), [ALSA]) == "not open: no port name matches 'xyz'"
    assert where(PortSpec("out", "out", "fluidsynth"), [ALSA]).endswith("did you mean 'FLUID Synth (1):synth 128:0'?")


def test_the_commit_of_a_checkout_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert installation._commit(tmp_path / "none") == ""

    def hang(*_: object, **__: object) -> None:
        raise subprocess.TimeoutExpired("git", 3)

    monkeypatch.setattr(installation.subprocess, "run", hang)
    assert installation._commit(tmp_path) == ""

"""Instruments in the configuration: the ways of messages to them, their sounds, and every mistake."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from daemon import config
from daemon.config.changes import changes
from daemon.config.command_line import option_values
from daemon.config.instruments import Routes, with_instruments
from daemon.errors import ConfigError
from daemon.music.melody import Melody
from daemon.music.sound import Sound
from daemon.music.tempo import TempoMap
from daemon.spec import AUDIO, MelodySpec, PlayerSpec, PortSpec, StageSpec

TEMPO = TempoMap(((0.0, 96.0),), ((0.0, 4.0),))
GOOD = """\
ports:
  keys: {direction: in}
  out: {direction: out}
melodies:
  twinkle: {file: melodies/twinkle.mid}
audio: {device: USB, rate: 44100, block: 64, delay_ms: 5}
band:
  ann: {engine: echo, listen: [keys], play: {port: out}, options: {shift: 12}}
  synth: {engine: tone, listen: [out, keys], options: {gain: -3}}
controls:
  keys: {cc 7: synth.gain, cc 8: {mute: synth}, cc 9: {set: synth.pan, from: -0.5, to: 0.5}}
"""


@pytest.fixture
def write(echo_engine: Path, tmp_path: Path) -> Any:
    def write(text: str) -> Path:
        path = tmp_path / "band.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def problems(path: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        config.load(path)
    assert caught.value.exit_code == 2
    return [problem.removeprefix(f"{path}:") for problem in caught.value.problems]


def player(name: str, port: str, audio: tuple[str, ...] = ()) -> PlayerSpec:
    return PlayerSpec(name, ("keys",), port, {"voice": 1}, True, 0.03, 0.1, audio=audio)


def instrument(name: str) -> PlayerSpec:
    return PlayerSpec(name, (), "", {}, False, 0.0, 0.0, is_instrument=True)


def melody(name: str, *thru: str) -> MelodySpec:
    return MelodySpec(Melody(name, (), 4.0, True, TEMPO), thru)


SPEC = StageSpec(
    TEMPO,
    (PortSpec("keys", "in", thru=("left",)), PortSpec("pads", "in"), PortSpec("left", "out"), PortSpec("ann", "out")),
    (melody("twinkle", "left"), melody("ode")),
    (player("ann", "ann"), player("bob", "left"), player("cid", "ann")),
)


def ways(listen: dict[str, list[str]]) -> dict[str, tuple[str, ...]]:
    """Which instruments get what from where."""
    routes = Routes(listen, [port.name for port in SPEC.ports if port.direction == "out"])
    spec = with_instruments(SPEC, routes, map(instrument, listen), {}, 0.0)
    assert [port for port in spec.ports if port.direction == AUDIO] == [PortSpec(name, AUDIO) for name in listen]
    assert spec.players[3:] == tuple(map(instrument, listen))
    found = {f"in {p.name}": tuple(n for n in p.thru if n in listen) for p in spec.ports if p.direction == "in"}
    found |= {f"out {p.name}": p.audio for p in spec.ports if p.direction == "out"}
    found |= {m.melody.name: tuple(name for name in m.thru if name in listen) for m in spec.melodies}
    return {name: names for name, names in (found | {p.name: p.audio for p in spec.players}).items() if names}


S, T = ("s",), ("t",)
LEFT = {"in keys": S, "out left": S, "twinkle": S, "bob": S}
ANN = {"out ann": S, "ann": S, "cid": S}


@pytest.mark.parametrize(
    ("listen", "expected"),
    [
        ({"s": ["keys"]}, {"in keys": S}),
        ({"s": ["ode"]}, {"ode": S}),
        ({"s": ["bob"]}, {"bob": S}),
        ({"s": ["left"]}, LEFT),
        ({"s": ["ann"]}, ANN),  # the output, not the player of that name alone
        ({"s": []}, LEFT | ANN),
        ({"s": ["left", "bob", "keys", "twinkle"]}, LEFT),
        ({"s": ["left", "pads"]}, LEFT | {"in pads": S}),
        ({"s": ["keys", "bob"], "t": ["bob"]}, {"in keys": S, "bob": S + T}),
        ({"s": ["left"], "t": []}, dict.fromkeys(LEFT, S + T) | dict.fromkeys(ANN, T)),
        ({}, {}),
    ],
)
def test_what_an_instrument_listens_to_has_a_way_to_it(listen: Any, expected: dict[str, tuple[str, ...]]) -> None:
    assert ways(listen) == expected


def test_midi_comes_before_the_instruments() -> None:
    spec = with_instruments(SPEC, Routes({"s": []}, ["left", "ann"]), [instrument("s")], {}, 0.0)
    assert (spec.ports[0].thru, spec.melodies[0].thru) == (("left", "s"), ("left", "s"))


def test_an_audio_output_has_the_delay_and_the_sounds_of_its_instrument() -> None:
    sounds = {"s": (Sound(1, 5), Sound(2, 6))}
    spec = with_instruments(SPEC, Routes({"s": []}, []), [instrument("s")], sounds, 0.25)
    assert spec.ports[-1] == PortSpec("s", AUDIO, delay=0.25, sounds=sounds["s"])
    assert StageSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec


def test_what_stage_and_instruments_are_told(write: Any) -> None:
    loaded = config.load(write(GOOD))
    assert loaded.stage.ports == (
        PortSpec("keys", "in", thru=("synth",)),
        PortSpec("out", "out", audio=("synth",)),
        PortSpec("synth", AUDIO, delay=0.005),
    )
    ann, synth = loaded.stage.players
    assert (ann.name, ann.audio, ann.is_instrument) == ("ann", ("synth",), False)
    assert synth == PlayerSpec(
        "synth", (), "", {}, False, 0.0, 0.0, {"gain": -3.0, "pan": 0.0}, is_instrument=True
    )  # fmt: skip
    assert loaded.members["synth"] == {
        "engine": "tone", "model": None, "options": {"trouble": "none"}, "settings": {"gain": -3.0, "pan": 0.0},
        "listen": [], "melodies": [], "rate": 44100,
    }  # fmt: skip
    assert "rate" not in loaded.members["ann"]
    assert [(c.action, c.player, c.setting, c.low, c.high) for c in loaded.stage.controls] == [
        ("setting", "synth", "gain", -60.0, 12.0),
        ("mute", "synth", "", 0.0, 1.0),
        ("setting", "synth", "pan", -0.5, 0.5),
    ]
    assert (loaded.audio.device, loaded.audio.rate, loaded.audio.block) == ("USB", 44100, 64)
    assert [member.name for member in loaded.instruments] == ["synth"]
    assert [member.name for member in loaded.players] == ["ann"]


def test_the_effective_configuration_is_one_and_the_same(write: Any) -> None:
    loaded = config.load(write(GOOD))
    assert yaml.safe_load(loaded.as_yaml())["band"]["synth"] == {
        "engine": "tone", "listen": ["out", "keys"], "options": {"trouble": "none", "gain": -3.0, "pan": 0.0},
    }  # fmt: skip
    again = config.load(write(loaded.as_yaml()))
    assert again.as_yaml() == loaded.as_yaml()
    assert (again.stage, again.members, again.audio) == (loaded.stage, loaded.members, loaded.audio)


def test_a_band_without_audio_is_told_the_same_as_before(write: Any) -> None:
    plain = "\n".join(line for line in GOOD.splitlines() if "synth" not in line and "controls" not in line)
    loaded = config.load(write(plain))
    for silent in (GOOD.replace("device: USB", "device: null"), GOOD.replace("device: USB, ", "device: ~, ")):
        without = config.load(write(silent))
        assert (without.stage, without.members) == (loaded.stage, loaded.members)
        assert without.instruments == () and without.audio.device is None
        assert "synth" in yaml.safe_load(without.as_yaml())["band"], "the configuration keeps what is not played"
    without = config.load(write(GOOD), given=option_values(no_sound=True))
    assert (without.stage, without.members) == (loaded.stage, loaded.members)
    assert [str(option) for option in without.options] == ["--no-sound"]


def test_an_instrument_has_the_sounds_of_all_that_it_plays(write: Any) -> None:
    text = GOOD.replace("play: {port: out}", "play: {port: out, program: {echo: flute, beat: 12}, pan: 5}")
    assert config.load(write(text)).stage.ports[-1].sounds == (Sound(1, 74, pan=5), Sound(2, 12, pan=5))
    text = text.replace("twinkle.mid", "twinkle.mid, channel: 3, volume: 90")
    assert problems(write(text))[0].startswith("5: melodies.twinkle.volume: no output plays this melody")
    loaded = config.load(write(text.replace("[out, keys]", "[ann, twinkle]")))
    assert loaded.stage.ports[-1].sounds == (Sound(1, 74, pan=5), Sound(2, 12, pan=5), Sound(3, volume=90))
    assert loaded.stage.ports[1].sounds == (Sound(1, 74, pan=5), Sound(2, 12, pan=5))
    assert loaded.stage.melodies[0].thru == ("synth",)


def test_sounds_that_exclude_each_other_are_reported_once(write: Any) -> None:
    two = GOOD.replace("  out: {direction: out}", "  out: {direction: out}\n  two: {direction: out}").replace(
        "  synth:",
        "  bob: {engine: echo, play: {port: PORT, program: {echo: 9}}}\n  synth:",
    )
    two = two.replace("play: {port: out}", "play: {port: out, program: {echo: 8}}")
    (found,) = problems(write(two.replace("PORT", "out")))
    assert found == (
        "10: band.bob.play.program: ann.echo and bob.echo are both on channel 1 of 'out', with clavi and celesta: "
        "give them the same, or different channels"
    )
    assert config.load(write(two.replace("PORT", "two"))).stage.ports[-1].sounds == (Sound(1, 8),)
    (found,) = problems(write(two.replace("PORT", "two").replace("[out, keys]", "[]")))
    assert found.startswith("10: band.bob.play.program: ann.echo and bob.echo are both on channel 1 of 'synth', with")


def test_a_keyboard_and_an_instrument_are_a_band(write: Any) -> None:
    text = "ports: {keys: {direction: in}}\nband: {synth: {engine: tone, listen: keys}}\n"
    assert config.load(write(text)).silence == ""
    assert config.load(write(text.replace(", listen: keys", ""))).silence.startswith("no player is configured")
    assert config.load(write(text), given=option_values(no_sound=True)).silence.startswith("no player is configured")


def test_changes_of_the_sound_in_words(write: Any) -> None:
    old = config.load(write(GOOD))
    new = config.load(write(GOOD.replace("USB", "null").replace("gain: -3", "gain: 2").replace("[out, keys]", "[]")))
    assert changes(old, new) == ["audio: device USB → none", "synth: listen out, keys → none, gain -3 → 2"]
    renamed = config.load(write(GOOD.replace("synth", "organ").replace("ann:", "eve:")))
    assert changes(old, renamed)[:4] == [
        "player ann removed", "instrument synth removed", "new player eve", "new instrument organ",
    ]  # fmt: skip


MISTAKES = [
    ("device: USB", "device: off", "6: audio.device: 'off' is not a device: `null` turns the sound off"),
    ("device: USB", "device: true", "6: audio.device: 'true' is not a device: write `default`, or a part of a name"),
    ("device: USB", "device: ''", "6: audio.device: '' is not a device: write `default`, or a part of a name"),
    ("device: USB", "device: [USB]", "6: audio.device: must be text, not a list or a mapping"),
    ("rate: 44100", "rate: 7999", "6: audio.rate: 7999 is out of range: give a number from 8000 to 192000"),
    ("rate: 44100", "rate: 44.1 kHz", "6: audio.rate: is not a number: give one from 8000 to 192000"),
    ("rate: 44100", "rate: 192001", "6: audio.rate: 192001 is out of range"),
    ("block: 64", "block: 15", "6: audio.block: 15 is out of range: give a number from 16 to 8192"),
    ("block: 64", "block: 64.5", "6: audio.block: 64.5 is not whole"),
    ("delay_ms: 5", "delay_ms: -1001", "6: audio.delay_ms: -1001 is out of range"),
    ("block:", "blok:", "6: audio.blok: unknown key: did you mean 'block'?"),
    ("[out, keys]", "[out, kees]", "9: band.synth.listen[1]: 'kees' is not an output, an input, a melody or a player:"),
    ("[out, keys]", "[out, out]", "9: band.synth.listen[1]: 'out' is listed twice: list each source once"),
    ("[out, keys]", "[synth]", "9: band.synth.listen[0]: 'synth' is an instrument, too: name what both play under ea"),
    ("[out, keys]", "[out, keys: {to: B3}]", "9: band.synth.listen[1]: an instrument plays all of a source: write its"),
    ("listen: [keys]", "listen: [synth]", "8: band.ann.listen[0]: 'synth' is an instrument, which plays notes and has"),
    ("tone, listen", "tone, play: {port: out}, listen", "9: band.synth.play: an instrument has no port but the audio"),
    ("tone, listen", "tone, model: m, listen", "9: band.synth.model: this engine has no model: delete the line"),
    ("tone, listen", "tune, listen", "9: band.synth.engine: 'tune' is not an installed engine: did you mean 'tone'?"),
    ("tone, listen", "organ, listen", "9: band.synth.engine: 'organ' is not an installed engine: choose from"),
    ("gain: -3", "gain: 13", "9: band.synth.options.gain: 13 is out of range: give a number from -60 to 12"),
    ("gain: -3", "gian: 1", "9: band.synth.options.gian: unknown key: did you mean 'gain'?"),
    ("cc 7: synth.gain", "cc 7: synth.volume", "11: controls.keys.cc 7: 'synth.volume' is not"),
    ("  ann:", "  out: {engine: tone}\n  ann:", "8: band.out: there is a port 'out' already: choose another name"),
    ("  ann:", "  keys: {engine: tone}\n  ann:", "8: band.keys: there is a port 'keys' already: choose another name"),
    ("controls:", "recording: {directory: null, audio: true}\ncontrols:", "10: recording.audio: nothing is recorded w"),
    ("controls:", "recording: {audio: flac}\ncontrols:", "10: recording.audio: is neither true nor false"),
]  # fmt: skip


@pytest.mark.parametrize(("good", "bad", "expected"), MISTAKES, ids=[each[2][:60] for each in MISTAKES])
def test_one_mistake_is_one_report(write: Any, good: str, bad: str, expected: str) -> None:
    assert good in GOOD
    found = problems(write(GOOD.replace(good, bad)))
    assert [each[: len(expected)] for each in found if "controls.keys" not in each or "controls" in expected] == [
        expected
    ]


def test_all_mistakes_at_once(write: Any) -> None:
    text = GOOD.replace("rate: 44100", "rate: 1").replace("[out, keys]", "[out, kees]").replace("gain: -3", "gain: 13")
    assert [each.split(":")[0] for each in problems(write(text))] == ["6", "9", "9"]

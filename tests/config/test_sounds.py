"""`program`, `bank`, `volume` and `pan` in a configuration."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from daemon import config
from daemon.config.sounds import MAX_SUGGESTED
from daemon.errors import ConfigError
from daemon.music.sound import Sound
from daemon.music.tempo import TempoMap
from daemon.spec import PortSpec, StageSpec

BAND = """\
ports: {keys: {direction: in}, out: {direction: out}, other: {direction: out}}
melodies:
  tune: {file: melodies/twinkle.mid, thru: [other]}
band:
  dice: {engine: dice, listen: [keys], play: {port: out}}
  drums: {engine: dice, listen: [dice], play: {port: out, channels: {high: 10, low: 10}}}
"""


@pytest.fixture
def write(dice: None, tmp_path: Path) -> Any:
    def write(melody: str = "", dice: str = "", drums: str = "") -> Path:
        path = tmp_path / "band.yaml"
        text = BAND.replace("[other]", f"[other]{melody}").replace("play: {port: out}", f"play: {{port: out{dice}}}")
        path.write_text(text.replace("low: 10}", f"low: 10}}{drums}"))
        return path

    return write


def sounds(path: Path) -> dict[str, tuple[Sound, ...]]:
    """By output."""
    return {port.name: port.sounds for port in config.load(path).stage.ports if port.sounds}


def problems(path: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        config.load(path)
    return [problem.removeprefix(f"{path}:") for problem in caught.value.problems]


def test_without_sounds_there_are_none(write: Any) -> None:
    assert sounds(write()) == {}
    assert not any(key in config.load(write()).as_yaml() for key in ("program", "bank", "volume", "pan:"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("program: Choir Aahs", [Sound(1, 53), Sound(2, 53)]),
        ("program: 1", [Sound(1, 1), Sound(2, 1)]),
        ("program: {high: flute, low: 128}", [Sound(1, 74), Sound(2, 128)]),
        ("program: {low: bassoon}", [Sound(2, 71)]),
        ("program: flute, bank: 8", [Sound(1, 74, (8,)), Sound(2, 74, (8,))]),
        ("program: flute, bank: {high: [121, 3]}", [Sound(1, 74, (121, 3)), Sound(2, 74)]),
        ("volume: 100, pan: {high: -64, low: 63}", [Sound(1, None, (), 100, -64), Sound(2, None, (), 100, 63)]),
        ("volume: {high: 0}, pan: {low: 0}", [Sound(1, volume=0), Sound(2, pan=0)]),
        ("channels: {low: 7}, program: flute", [Sound(7, 74)]),
        ("channels: {high: 3, low: 3}, program: flute, volume: {low: 90}", [Sound(3, 74, (), 90)]),
        ("channels: {high: 3, low: 3}, program: {high: flute}, volume: {low: 90}", [Sound(3, 74, (), 90)]),
        ("program: null, volume: ~", []),
    ],
)
def test_one_value_is_for_all_voices_a_mapping_for_each(write: Any, text: str, expected: list[Sound]) -> None:
    loaded = config.load(write(dice=f", {text}"))
    assert loaded.stage.ports[1].sounds == tuple(expected)
    assert StageSpec.from_json(json.loads(json.dumps(loaded.stage.to_json()))) == loaded.stage
    again = write()
    again.write_text(loaded.as_yaml())
    assert config.load(again).stage == loaded.stage


def test_drums_choose_a_kit_and_a_melody_its_instrument(write: Any) -> None:
    path = write(", channel: 4, program: oboe, volume: 70", drums=", program: jazz kit, pan: 0")
    assert sounds(path) == {"out": (Sound(10, 33, pan=0),), "other": (Sound(4, 69, volume=70),)}
    assert "program: jazz kit" in config.load(path).as_yaml()


def test_a_journals_port_without_sounds_is_read() -> None:
    """As versions wrote them that sent no program."""
    old = {"name": "choir", "direction": "out", "connect": None, "channels": [], "thru": [], "delay": 0.0}
    spec = {**StageSpec(TempoMap(((0.0, 120.0),), ((0.0, 4.0),))).to_json(), "ports": [old]}
    assert StageSpec.from_json(json.loads(json.dumps(spec))).ports == (PortSpec("choir", "out"),)


MISTAKES = [
    ("program: choir", "5: band.dice.play.program: 'choir' is not an instrument of General MIDI: did you mean "
     "'choir aahs' or 'pad 4 (choir)'?"),
    ("program: chior aahs", "5: band.dice.play.program: 'chior aahs' is not an instrument of General MIDI: "
     "did you mean 'choir aahs'?"),
    ("program: nothing", "5: band.dice.play.program: 'nothing' is not an instrument of General MIDI: "
     "docs/daw.md lists the names"),
    ("program: {high: standard kit}", "5: band.dice.play.program.high: 'standard kit' is a drum kit, for channel 10 "
     "only: give the voice channel 10, or choose an instrument"),
    ("channels: {low: 10}, program: flute", "5: band.dice.play.program: 'flute' is not a drum kit, as channel 10 needs:"
     " choose from standard kit, room kit, power kit, electronic kit, analog kit, jazz kit, brush kit, orchestra kit, "
     "sfx kit, or a number"),
    ("program: 0", "5: band.dice.play.program: 0 is out of range: give a number from 1 to 128"),
    ("program: 129", "5: band.dice.play.program: 129 is out of range: give a number from 1 to 128"),
    ("program: 1.5", "5: band.dice.play.program: 1.5 is not whole: give a whole number from 1 to 128"),
    ("program: [1, 2]", "5: band.dice.play.program: must be text, not a list or a mapping"),
    ("program: {mid: 1}", "5: band.dice.play.program.mid: unknown key: choose from high, low"),
    ("program: {high: {low: 1}}", "5: band.dice.play.program.high: must be text, not a list or a mapping"),
    ("bank: 1", "5: band.dice.play.bank: a bank is chosen by the program that follows: give `program` as well"),
    ("program: 1, bank: [1, 2, 3]", "5: band.dice.play.bank: give the bank's MSB, or both: [MSB, LSB]"),
    ("program: 1, bank: []", "5: band.dice.play.bank: give the bank's MSB, or both: [MSB, LSB]"),
    ("program: 1, bank: [1, 128]", "5: band.dice.play.bank[1]: 128 is out of range: give a number from 0 to 127"),
    ("volume: 128", "5: band.dice.play.volume: 128 is out of range: give a number from 0 to 127"),
    ("volume: loud", "5: band.dice.play.volume: is not a number: give one from 0 to 127"),
    ("pan: -65", "5: band.dice.play.pan: -65 is out of range: give a number from -64 to 63"),
    ("pan: left", "5: band.dice.play.pan: is not a number: give one from -64 to 63"),
    ("volum: 1", "5: band.dice.play.volum: unknown key: did you mean 'volume'?"),
    ("channels: {high: 3, low: 3}, program: {high: flute, low: oboe}", "5: band.dice.play.program: dice.high and "
     "dice.low are both on channel 3 of 'out', with flute and oboe: give them the same, or different channels"),
    ("channels: {high: 3, low: 3}, pan: {high: 1, low: 2}", "5: band.dice.play.pan: dice.high and dice.low are both "
     "on channel 3 of 'out', with 1 and 2: give them the same, or different channels"),
    ("channels: {high: 3, low: 3}, program: flute, bank: {low: 8}", "5: band.dice.play.bank: dice.high and dice.low "
     "are both on channel 3 of 'out', with none and 8: give them the same, or different channels"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), MISTAKES, ids=[text for text, _ in MISTAKES])
def test_a_wrong_sound_is_reported_with_its_remedy(write: Any, text: str, expected: str) -> None:
    assert problems(write(dice=f", {text}")) == [expected]


def test_ten_similar_names_are_suggested_at_most(write: Any) -> None:
    (problem,) = problems(write(dice=", program: a"))
    assert problem.count(" or ") == MAX_SUGGESTED - 1


def test_players_and_melodies_that_share_a_channel_are_named(write: Any) -> None:
    path = write(", program: flute", ", program: {high: oboe}")
    assert sounds(path)["out"] == (Sound(1, 69),)
    path.write_text(path.read_text().replace("[other]", "[other, out]"))
    assert problems(path) == [
        "3: melodies.tune.program: dice.high and tune are both on channel 1 of 'out', with oboe and flute: "
        "give them the same, or different channels"
    ]


def test_a_melody_that_no_output_plays_has_no_sound(write: Any) -> None:
    path = write(", volume: 3")
    path.write_text(path.read_text().replace("[other]", "[]"))
    assert problems(path) == [
        "3: melodies.tune.volume: no output plays this melody: name one in `thru`, or delete this line"
    ]

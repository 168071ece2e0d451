"""config.yaml: the shipped one, every mistake by itself, all of them at once, and anything at all."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daemon import config, models
from daemon.clocks import ableton_link
from daemon.config import engines, melodies
from daemon.config.ports import CLIENT_PREFIX
from daemon.engines.base import Engine, Setup
from daemon.engines.options import option
from daemon.errors import ConfigError
from daemon.midi.port_names import client_name
from daemon.paths import resources
from daemon.spec import ControlSpec, PlayerSpec, PortSpec, StageSpec, ZoneSpec
from tests.dice import Dice

SHIPPED = resources() / "config.yaml"
TINY = Path(__file__).parents[1] / "data" / "tiny_harmoniser.onnx"
# What makes the shipped band, as opposed to an option that has a default.
SET_UP = {"direction", "file", "engine", "model", "listen", "port", "program", "volume", "pan"}

GOOD = """\
clock: {bpm: 100, beats_per_bar: 3}
ports:
  keys: {direction: in, channels: [1, 2], thru: [out]}
  pads: {direction: in, connect: Launchpad}
  out: {direction: out}
melodies:
  twinkle: {file: melodies/twinkle.mid, thru: [out], channel: 9}
band:
  dice:
    engine: dice
    listen: [keys, twinkle]
    play: {port: out, channels: {high: 3, low: 4}}
    options: {mode: lydian, modes: [dorian, lydian], mirror: true, label: a b, width: 3, often: 0.5}
  shadow: {engine: dice, listen: [dice], play: {port: out}}
controls:
  keys: {cc 1: dice.often, cc 64: sustain}
  pads: {cc 0: panic}
recording: {directory: takes}
seed: 7
"""


class Undeclared(Engine):
    @dataclass(frozen=True)
    class Options:
        width: float = 2.0


class Picky(Engine):
    """Even its default is a mistake."""

    @dataclass(frozen=True)
    class Options:
        width: float = option(1.0, "in semitones")

    @classmethod
    def mistakes(cls, setup: Setup[Options]) -> Iterator[tuple[str, str]]:
        yield "width", f"is {setup.options.width}: give 2"


@pytest.fixture
def write(dice: None, tmp_path: Path) -> Any:
    def write(text: str | bytes) -> Path:
        path = tmp_path / "band.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def problems(path: Path, whole_models: bool = False) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        config.load(path, whole_models)
    assert caught.value.exit_code == 2
    assert all(problem.startswith(f"{path}:") for problem in caught.value.problems)
    return [problem.removeprefix(f"{path}:") for problem in caught.value.problems]


# The shipped file


def leaves(node: Any, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    if not isinstance(node, dict):
        return [path]
    return [leaf for key, value in node.items() for leaf in leaves(value, (*path, key))]


@pytest.fixture
def shipped(tmp_path: Path) -> tuple[Path, dict[str, Any]]:
    """The shipped file, beside a model that is always there."""
    for suffix in (".onnx", ".json"):
        shutil.copy(TINY.with_suffix(suffix), tmp_path / f"tiny{suffix}")
    document = yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))
    document["band"]["choir"]["model"] = "./tiny.onnx"
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(document))
    return path, document


def test_the_shipped_file_says_what_an_option_is_that_is_left_out(shipped: tuple[Path, dict[str, Any]]) -> None:
    path, document = shipped
    whole = config.load(path)
    options = [leaf for leaf in leaves(document) if not SET_UP & set(leaf) and leaf[0] != "controls"]
    assert len(options) > 15
    for leaf in options:
        without = json.loads(json.dumps(document))
        holder = without
        for key in leaf[:-1]:
            holder = holder[key]
        del holder[leaf[-1]]
        path.write_text(yaml.safe_dump(without))
        if "channels" in leaf and leaf[0] == "band":  # a voice left out is not sent; without the mapping all are
            del without["band"]["choir"]["play"]["channels"]
            path.write_text(yaml.safe_dump(without))
        assert config.load(path) == whole, f"{'.'.join(leaf)} in config.yaml is not the default"


def test_the_shipped_file_names_every_option(shipped: tuple[Path, dict[str, Any]]) -> None:
    effective = yaml.safe_load(config.load(shipped[0]).as_yaml())

    def keys(node: Any) -> Any:
        return {key: keys(value) for key, value in node.items()} if isinstance(node, dict) else None

    assert keys(shipped[1]) == keys(effective)


def test_every_line_of_the_shipped_file_that_sets_something_is_explained() -> None:
    text = SHIPPED.read_text(encoding="utf-8")
    assert sum("#" in line for line in text.splitlines()) > 25
    assert max(map(len, text.splitlines())) <= 120


def test_the_effective_configuration_is_one_and_the_same(write: Any, shipped: tuple[Path, dict[str, Any]]) -> None:
    for path in (shipped[0], write(GOOD)):
        whole = config.load(path)
        again = path.with_name("again.yaml")
        again.write_text(whole.as_yaml(), encoding="utf-8")
        loaded = config.load(again)
        assert loaded.as_yaml() == whole.as_yaml()
        assert (loaded.stage, loaded.members) == (whole.stage, whole.members)


# What is read


def test_the_first_key_sets_the_beat_unless_the_configuration_says_otherwise(write: Any) -> None:
    told = config.load(SHIPPED).stage
    assert told.clock.first_key_sets_beat and [player.gives_way for player in told.players] == [True, False]
    text = SHIPPED.read_text(encoding="utf-8")
    assert "first_key: sets the beat #" in text and "given: soprano #" in text
    other = text.replace("first_key: sets the beat", "first_key: plays along").replace("given: soprano", "given: none")
    told = config.load(write(other)).stage
    assert not told.clock.first_key_sets_beat and [player.gives_way for player in told.players] == [False, False]


def test_what_stage_and_players_are_told(write: Any) -> None:
    loaded = config.load(write(GOOD))
    spec = loaded.stage
    assert spec.tempo_map.tempi == ((0.0, 100.0),)
    assert spec.tempo_map.meters == ((0.0, 3.0),)
    assert spec.ports == (
        PortSpec("keys", "in", None, (1, 2), ("out",)),
        PortSpec("pads", "in", "Launchpad"),
        PortSpec("out", "out"),
    )
    assert [(m.melody.name, m.melody.loop, m.thru, m.channel) for m in spec.melodies] == [
        ("twinkle", True, ("out",), 9)
    ]
    assert spec.players == (
        PlayerSpec("dice", ("keys", "twinkle"), "out", {"high": 3, "low": 4}, True, 0.03, 0.1, {"often": 0.5}, True),
        PlayerSpec("shadow", ("dice",), "out", {"high": 1, "low": 2}, True, 0.03, 0.1, {"often": 0.3}),
    )
    assert spec.controls == (
        ControlSpec("keys", 1, "setting", "dice", "often", 0.0, 1.0),
        ControlSpec("keys", 64, "sustain"),
        ControlSpec("pads", 0, "panic"),
    )
    assert spec.seed == 7
    assert StageSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec
    before_start_delay = spec.to_json()
    del before_start_delay["clock"]["start_delay"]
    assert StageSpec.from_json(before_start_delay).clock.start_delay == 0.3
    dice = loaded.members["dice"]
    assert dice["options"] == {
        "mode": "lydian", "modes": ["dorian", "lydian"], "mirror": True, "label": "a b", "width": 3.0, "faces": "six",
    }  # fmt: skip
    assert (dice["engine"], dice["model"], dice["settings"]) == ("dice", None, {"often": 0.5})
    assert dice["listen"] == ["keys", "twinkle"]
    assert [melody["name"] for melody in dice["melodies"]] == ["twinkle"]
    assert loaded.members["shadow"]["melodies"] == []
    assert json.loads(json.dumps(loaded.members)).keys() == loaded.members.keys()
    assert loaded.recording == Path("takes")


def test_an_empty_file_is_a_stage_without_a_band(write: Any) -> None:
    loaded = config.load(write(""))
    assert (loaded.band, loaded.ports, loaded.recording) == ((), (), Path("sessions"))
    assert loaded.stage.tempo_map.tempi == ((0.0, 96.0),)


def test_a_melody_can_be_the_clock(write: Any) -> None:
    loaded = config.load(write("clock: {source: t}\nmelodies: {t: {file: melodies/twinkle.mid, loop: false}}"))
    assert loaded.stage.tempo_map == loaded.melodies[0].spec.melody.tempo_map


def test_clicks_and_delays_reach_the_stage_as_written(write: Any) -> None:
    text = (
        "clock: {count_in: 2, metronome: {port: o, channel: 9, when: count-in}}\n"
        "ports: {o: {direction: out, delay_ms: 2.5}}"
    )
    loaded = config.load(write(text))
    assert (loaded.stage.clock.metronome, loaded.stage.clock.click) == (("o", 9), "count-in")
    assert loaded.stage.clock.count_in == 2
    assert [port.delay for port in loaded.stage.ports] == [0.0025]
    assert config.load(write(loaded.as_yaml())).stage == loaded.stage


def test_the_longest_note_of_an_input_is_without_limit_unless_given(write: Any) -> None:
    loaded = config.load(
        write("ports: {a: {direction: in, longest_note: 8.5}, b: {direction: in}, c: {direction: out}}")
    )
    assert [port.longest_note for port in loaded.stage.ports] == [8.5, None, None]
    assert config.load(write(loaded.as_yaml())).stage == loaded.stage
    assert StageSpec.from_json(json.loads(json.dumps(loaded.stage.to_json()))) == loaded.stage


def test_a_control_may_name_its_range_and_how_it_takes_over(write: Any) -> None:
    controls = (
        "{cc 1: dice.often, cc 2: {set: dice.often}, cc 3: {set: dice.often, from: 0.9, to: 0.1, takeover: pick-up},"
        " cc 4: clock.bpm, cc 5: {set: clock.bpm, from: 60}}"
    )
    loaded = config.load(write(GOOD.replace("{cc 1: dice.often, cc 64: sustain}", controls)))
    often, bpm = ("setting", "dice", "often"), ("tempo", "", "")
    assert loaded.stage.controls[:-1] == (
        ControlSpec("keys", 1, *often, 0.0, 1.0),
        ControlSpec("keys", 2, *often, 0.0, 1.0),
        ControlSpec("keys", 3, *often, 0.9, 0.1, takeover="pick-up"),
        ControlSpec("keys", 4, *bpm, 40.0, 220.0),
        ControlSpec("keys", 5, *bpm, 60.0, 220.0),
    )
    assert config.load(write(loaded.as_yaml())).stage == loaded.stage


def test_a_player_may_hear_a_part_of_a_source(write: Any) -> None:
    listen = "[{keys: {from: C4, to: F#5}}, pads: {channel: 2}, twinkle]"
    text = GOOD.replace("[keys, twinkle]", listen).replace("[dice]", "[keys, dice: {to: 59, channels: [3, 4]}]")
    loaded = config.load(write(text))
    assert [player.listen for player in loaded.stage.players] == [("keys", "pads", "twinkle"), ("keys", "dice")]
    assert loaded.members["dice"]["listen"] == ["keys", "pads", "twinkle"]
    assert loaded.stage.zones == (
        ZoneSpec("dice", "keys", 60, 78),
        ZoneSpec("dice", "pads", channels=(2,)),
        ZoneSpec("shadow", "dice", high=59, channels=(3, 4)),
    )
    assert config.load(write(loaded.as_yaml())).stage == loaded.stage
    assert yaml.safe_load(loaded.as_yaml())["band"]["dice"]["listen"][0] == {"keys": {"from": "C4", "to": "F#5"}}
    assert StageSpec.from_json(json.loads(json.dumps(loaded.stage.to_json()))) == loaded.stage
    one_key = config.load(write(text.replace("to: F#5", "to: C4")))
    assert one_key.stage.zones[0] == ZoneSpec("dice", "keys", 60, 60)
    whole = config.load(write(text.replace("to: F#5", "to: G9, channels: [1, 16]").replace("from: C4", "from: 0")))
    assert whole.stage.zones[0] == ZoneSpec("dice", "keys", channels=(1, 16))
    # Another split makes no player's process another one.
    assert (whole.members, whole.stage.players) == (loaded.members, loaded.stage.players)
    everything = config.load(write(text.replace("{from: C4, to: F#5}", "{from: 0}")))
    assert config.load(write(everything.as_yaml())).stage.zones[1:] == everything.stage.zones[1:]


def test_a_control_may_mute_or_solo_a_player(write: Any) -> None:
    controls = "{note 36: {mute: dice}, cc 20: {solo: shadow}, cc 67: {mute: shadow, while: held}}"
    loaded = config.load(write(GOOD.replace("{cc 1: dice.often, cc 64: sustain}", controls)))
    assert loaded.stage.controls[:-1] == (
        ControlSpec("keys", 36, "mute", "dice", event="note"),
        ControlSpec("keys", 20, "solo", "shadow"),
        ControlSpec("keys", 67, "mute", "shadow", held=True),
    )
    assert config.load(write(loaded.as_yaml())).stage == loaded.stage


@pytest.mark.parametrize(("source", "found"), [("internal", 0), ("midi, port: i", 1), ("link", 1)])
def test_the_tempo_of_another_clock_only_jumps(
    write: Any, monkeypatch: pytest.MonkeyPatch, source: str, found: int
) -> None:
    monkeypatch.setattr(ableton_link, "MODULE", "yaml")  # as if it were installed
    control = "{set: clock.bpm, takeover: pick-up}"
    path = write(f"clock: {{source: {source}}}\nports: {{i: {{direction: in}}}}\ncontrols: {{i: {{cc 1: {control}}}}}")
    expected = "3: controls.i.cc 1.takeover: the tempo is that of clock.source: clock.bpm can only jump"
    if not found:
        assert config.load(path).stage.controls[0].takeover == "pick-up"
    else:
        assert problems(path) == [expected]


def test_recordings_need_a_folder(write: Any, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert problems(write(f"recording: {{directory: {tmp_path / 'file'}}}")) == [
        f"1: recording.directory: {tmp_path / 'file'} is a file: name a folder"
    ]


def test_a_folder_that_cannot_be_is_a_mistake(write: Any) -> None:
    (found,) = problems(write(f"recording: {{directory: {300 * 'x'}}}"))
    assert found.startswith("1: recording.directory: cannot be a folder (") and found.endswith("name another one")


def test_recording_can_be_turned_off(write: Any) -> None:
    assert config.load(write("recording: {directory: null}")).recording is None
    assert config.load(write("recording: {directory: ~}")).recording is None


@pytest.mark.parametrize("word", ["off", "Off", "none", "no", "false", "on", "yes", "'off'", "''", "' '"])
def test_a_word_for_turning_recording_off_is_not_a_folder(write: Any, word: str) -> None:
    (found,) = problems(write(f"recording: {{directory: {word}}}"))
    assert "is not a folder: `null` turns recording off" in found
    assert config.load(write("recording: {directory: ./off}")).recording == Path("off")


def test_home_and_variables_in_every_path(write: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "home").mkdir()
    for name in ("bachbot.onnx", "bachbot.json"):
        shutil.copy(resources() / "models" / name, tmp_path / "home")
    shutil.copy(resources() / "melodies" / "twinkle.mid", tmp_path / "home" / "t.mid")
    shutil.copy(next((resources() / "grooves").glob("*.mid")), tmp_path / "home" / "g.mid")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    text = (
        "ports: {o: {direction: out}}\nmelodies: {t: {file: 'HOME/t.mid'}}\nband:\n"
        "  choir: {engine: harmoniser, model: 'HOME/bachbot.onnx', listen: t, play: {port: o}}\n"
        "  kit: {engine: drums, model: drums, play: {port: o}, options: {groove: 'HOME/g.mid'}}\n"
        "recording: {directory: 'HOME/takes'}\n"
    )
    for home in ("~", "$HOME", "${HOME}"):
        loaded = config.load(write(text.replace("HOME", home)))
        assert loaded.melodies[0].file == tmp_path / "home" / "t.mid"
        assert loaded.band[0].model == tmp_path / "home" / "bachbot.onnx"
        assert loaded.band[1].options.groove == str(tmp_path / "home" / "g.mid")
        assert loaded.recording == tmp_path / "home" / "takes"
    found = problems(write(text.replace("HOME", "~nobody_here")))
    assert len(found) == 4
    assert all("there is no home folder for '~nobody_here/" in line for line in found)


def test_files_lie_beside_the_configuration_else_where_jamd_ships_them(write: Any, tmp_path: Path) -> None:
    path = write("melodies: {t: {file: melodies/twinkle.mid}}")
    assert config.load(path).melodies[0].file == resources() / "melodies" / "twinkle.mid"
    (tmp_path / "melodies").mkdir()
    shutil.copy(resources() / "melodies" / "ode_to_joy.mid", tmp_path / "melodies" / "twinkle.mid")
    assert config.load(path).melodies[0].file == tmp_path / "melodies" / "twinkle.mid"


def test_an_option_that_names_a_file_counts_from_the_configurations_folder(write: Any, tmp_path: Path) -> None:
    (tmp_path / "ten.mid").touch()
    path = write(GOOD.replace("width: 3", "width: 3, faces: ten.mid"))
    assert config.load(path).members["dice"]["options"]["faces"] == str(tmp_path / "ten.mid")
    (tmp_path / "six").touch()
    path = write(GOOD.replace("width: 3", "width: 3, faces: six"))
    assert config.load(path).members["dice"]["options"]["faces"] == "six", "a name is a name"
    path = write(GOOD.replace("width: 3", "width: 3, faces: ten.mid"))
    shutil.copy(path, path.parent.parent / "elsewhere.yaml")
    assert any("there is no such file" in problem for problem in problems(path.parent.parent / "elsewhere.yaml"))


def test_without_an_argument_the_one_here_is_read_else_the_shipped_one(
    write: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert config.default_path() == SHIPPED
    write("seed: 5").rename(tmp_path / "config.yaml")
    assert config.load().seed == 5


# What is wrong

MISTAKES = [
    ("bpm: 100", "bpm: 500", "1: clock.bpm: 500 is out of range: give a number from 20 to 400"),
    ("bpm: 100", "bpm: fast", "1: clock.bpm: is not a number: give one from 20 to 400"),
    ("bpm: 100", "bpm: .nan", "1: clock.bpm: is not a number: give one from 20 to 400"),
    ("bpm: 100", "bpm: nan", "1: clock.bpm: nan is out of range: give a number from 20 to 400"),
    ("bpm: 100", "bpm: '100'", "1: clock.bpm: is not a number: give one from 20 to 400"),
    ("bpm: 100", "bmp: 100", "1: clock.bmp: unknown key: did you mean 'bpm'?"),
    ("bpm: 100", "source: twinkel", "1: clock.source: 'twinkel' is not a clock: did you mean 'twinkle'?"),
    ("bpm: 100", "source: mid", "1: clock.source: 'mid' is not a clock: did you mean 'midi'?"),
    ("bpm: 100", "source: midi", "1: clock.port: is missing: give an input among the ports, which receives the cl"),
    ("bpm: 100", "source: midi, port: out", "1: clock.port: 'out' is not an input among the ports, which receives t"),
    ("bpm: 100", "port: keys", "1: clock.port: only the source `midi` has a port"),
    ("bpm: 100", "start: later", "1: clock.start: 'later' is not a way to start: choose from at once, by hand"),
    ("bpm: 100", "count_in: 1.5", "1: clock.count_in: 1.5 is not whole"),
    ("bpm: 100", "metronome: {channel: 10}", "1: clock.metronome.port: is missing: give an output among the ports"),
    ("bpm: 100", "metronome: {port: keys}", "1: clock.metronome.port: 'keys' is not an output among the ports"),
    ("bpm: 100", "metronome: {port: out, when: now}", "1: clock.metronome.when: 'now' is not a choice for the metro"),
    ("bpm: 100", "metronome: out", "1: clock.metronome: is not a mapping: write `name: value` lines"),
    ("bpm: 100", "metronome: {port: out, when: count-in}", "1: clock.metronome.when: there is no count-in, so the met"),
    ("bpm: 100", "source: midi, port: keys, start: by hand", "1: clock.start: with the source `midi`, jamd always wai"),
    ("bpm: 100", "source: midi, port: keys, count_in: 1", "1: clock.count_in: with the source `midi` there is no cou"),
    ("bpm: 100", "send: [keys]", "1: clock.send[0]: 'keys' is not an output among the ports"),
    ("{direction: out}", "{direction: out, delay_ms: 5000}", "5: ports.out.delay_ms: 5000 is out of range"),
    ("{direction: out}", "{direction: out, longest_note: 9}", "5: ports.out.longest_note: only an input has"),
    ("connect: Launchpad", "longest_note: 0", "4: ports.pads.longest_note: 0 is out of range"),
    ("connect: Launchpad", "delay_ms: 5", "4: ports.pads.delay_ms: only an output can be delayed"),
    ("connect: Launchpad", "connect: jamd keys", "4: ports.pads.connect: jamd does not connect to ports whose names"),
    ("cc 1:", "note 1:", "16: controls.keys.note 1: a key is only up or down and sets no value: use a control ch"),
    ("cc 1: dice.often", "note 1: clock.bpm", "16: controls.keys.note 1: a key is only up or down and sets no value"),
    ("cc 1:", "note 128:", "16: controls.keys.note 128: write `cc N` or `note N` with N from 0 to 127, each once"),
    ("clock:", "Clock:", "1: Clock: unknown key: did you mean 'clock'?"),
    ("in, channels", "inn, channels", "3: ports.keys.direction: 'inn' is not a direction: did you mean 'in'?"),
    ("{direction: out}", "{}", "5: ports.out.direction: is missing: give a direction (in, out)"),
    ("[1, 2]", "[0, 2]", "3: ports.keys.channels[0]: 0 is out of range: give a number from 1 to 16"),
    ("[1, 2]", "[1.5]", "3: ports.keys.channels[0]: 1.5 is not whole: give a whole number from 1 to 16"),
    ("], thru: [out]", "], thru: [uot]", "3: ports.keys.thru[0]: 'uot' is not an output among the ports: did you mean"),
    ("], thru: [out]", "], thru: [out, out]", "3: ports.keys.thru: an output is listed twice"),
    ("], thru: [out]", "], thru: pads", "3: ports.keys.thru: 'pads' is not an output among the ports: choose from out"),
    ("{direction: out}", "{direction: out, thru: [out]}", "5: ports.out.thru: only an input has `thru`"),
    ("pads: {d", "p/ds: {d", "4: ports.p/ds: a name is made of letters, digits, spaces, - and _"),
    ("  pads: {d", "  keys: {d", "4: ports.keys: is given twice: delete one of the two lines"),
    ("twinkle.mid", "twinkel.mid", "7: melodies.twinkle.file: "),
    ("file: melodies/twinkle.mid, ", "", "7: melodies.twinkle.file: is missing: give the path of a Standard MIDI File"),
    ("channel: 9", "channel: 17", "7: melodies.twinkle.channel: 17 is out of range: give a number from 1 to 16"),
    ("channel: 9", "loop: maybe", "7: melodies.twinkle.loop: is neither true nor false"),
    ("  twinkle:", "  keys:", "7: melodies.keys: there is a port 'keys' already: choose another name"),
    ("  shadow:", "  twinkle:", "14: band.twinkle: there is a melody 'twinkle' already: choose another name"),
    ("engine: dice\n", "engine: dise\n", "10: band.dice.engine: 'dise' is not an installed engine: did you mean"),
    ("listen: [keys, t", "listen: [kees, t", "11: band.dice.listen[0]: 'kees' is not an input, a melody or another"),
    ("listen: [keys, t", "listen: [out, t", "11: band.dice.listen[0]: 'out' is not an input, a melody or another"),
    ("listen: [keys, t", "listen: [keys, keys, t", "11: band.dice.listen[1]: 'keys' is listed twice: list each sourc"),
    ("[keys, t", "[keys: {to: B3}, keys: {from: C4}, t", "11: band.dice.listen[1].keys: 'keys' is listed twice: list"),
    ("[keys, t", "[{kees: {to: B3}}, t", "11: band.dice.listen[0].kees: 'kees' is not an input, a melody or another"),
    ("[keys, t", "[{keys: {to: B3}, pads: {}}, t", "11: band.dice.listen[0]: is not one source: write one name in"),
    ("[keys, t", "[keys: {from: C4, to: B3}, t", "11: band.dice.listen[0].keys.from: C4 is above B3: no key is left"),
    ("[keys, t", "[keys: {from: H4}, t", "11: band.dice.listen[0].keys.from: 'H4' is not a note: write C4 (middle C)"),
    ("[keys, t", "[keys: {to: 128}, t", "11: band.dice.listen[0].keys.to: '128' is not a note: write C4 (middle C)"),
    ("[keys, t", "[keys: {to: [1]}, t", "11: band.dice.listen[0].keys.to: must be text, not a list or a mapping"),
    ("[keys, t", "[keys: {form: C4}, t", "11: band.dice.listen[0].keys.form: unknown key: did you mean 'from'?"),
    ("[keys, t", "[keys: {channel: 17}, t", "11: band.dice.listen[0].keys.channel: 17 is out of range: give a numb"),
    ("[keys, t", "[keys: {channel: 1, channels: 2}, t", "11: band.dice.listen[0].keys.channel: is given beside cha"),
    ("[keys, t", "[keys: {}, t", "11: band.dice.listen[0].keys: is no part of it: give from, to or channels, or"),
    ("[keys, t", "[keys: C4, t", "11: band.dice.listen[0].keys: is not a mapping: write `name: value` lines below it"),
    (", twinkle]", ", twinkle: {from: C4}]", "11: band.dice.listen[1].twinkle: a melody is heard whole: write"),
    ("[dice]", "[shadow: {from: C4}]", "14: band.shadow: players listen to each other in a circle (shadow → shadow)"),
    ("port: out, c", "port: keys, c", "12: band.dice.play.port: 'keys' is not an output among the ports: choose"),
    ("port: out, c", "c", "12: band.dice.play.port: is missing: give an output among the ports (out)"),
    ("high: 3", "hihg: 3", "12: band.dice.play.channels.hihg: unknown key: did you mean 'high'?"),
    ("high: 3", "high: 0", "12: band.dice.play.channels.high: 0 is out of range: give a number from 1 to 16"),
    ("mode: lydian", "mode: lydean", "13: band.dice.options.mode: 'lydean' is not a choice: did you mean 'lydian'?"),
    ("[dorian, lydian]", "[dorian, lydean]", "13: band.dice.options.modes[1]: 'lydean' is not a choice: did you mean"),
    ("mirror: true", "mirror: 1", "13: band.dice.options.mirror: is neither true nor false"),
    ("often: 0.5", "often: 1.5", "13: band.dice.options.often: 1.5 is out of range: give a number from 0 to 1"),
    ("often: 0.5", "offen: 1", "13: band.dice.options.offen: unknown key: did you mean 'often'?"),
    ("width: 3", "width: -3", "13: band.dice.options.width: is negative: give one from 0 on"),
    ("width: 3", "width: 3, faces: ten", "13: band.dice.options.faces: ten: there is no such file: write six, or the"),
    ("width: 3", "width: 3, faces: " + 300 * "x", "13: band.dice.options: the engine cannot check its options (OSErr"),
    ("width: 3", "width: 3, faces: [six]", "13: band.dice.options.faces: must be text, not a list or a mapping"),
    ("label: a b", "label: cross", "13: band.dice.options: the engine cannot check its options (Arithmetic"),
    ("label: a b", "label: sulk", "13: band.dice.options: the engine cannot check its options (Arithmetic"),
    ("width: 3", "width: wide", "13: band.dice.options.width: is not a number"),
    ("label: a b", "label: [a]", "13: band.dice.options.label: must be text, not a list or a mapping"),
    ("engine: dice, l", "engine: dice, model: x, l", "14: band.shadow.model: this engine has no model: delete the"),
    ("[dice]", "[shadow]", "14: band.shadow: players listen to each other in a circle (shadow → shadow)"),
    ("cc 1: dice.often", "cc 1: dice.offen", "16: controls.keys.cc 1: 'dice.offen' is not sustain, panic, start, stop"),
    ("1: dice.often", "1: {set: dice.offen}", "16: controls.keys.cc 1.set: 'dice.offen' is not clock.bpm or PLAYER.S"),
    ("1: dice.often", "1: {set: sustain}", "16: controls.keys.cc 1.set: 'sustain' is not clock.bpm or PLAYER.SET"),
    ("1: dice.often", "1: {from: 0}", "16: controls.keys.cc 1: does nothing: give set, mute or solo"),
    ("1: dice.often", "1: {set: dice.often, form: 0}", "16: controls.keys.cc 1.form: unknown key: did you mean 'fro"),
    ("1: dice.often", "1: {set: dice.often, from: 2}", "16: controls.keys.cc 1.from: 2 is out of range: give a number"),
    ("1: dice.often", "1: {set: clock.bpm, to: 0}", "16: controls.keys.cc 1.to: 0 is out of range: give a number from"),
    ("1: dice.often", "1: {set: dice.often, from: 1}", "16: controls.keys.cc 1.from: the range begins and ends at 1"),
    ("1: dice.often", "1: {set: dice.often, takeover: pickup}", "16: controls.keys.cc 1.takeover: 'pickup' is not a"),
    ("1: dice.often", "1: {mut: dice}", "16: controls.keys.cc 1.mut: unknown key: did you mean 'mute'?"),
    ("1: dice.often", "1: {mute: dize}", "16: controls.keys.cc 1.mute: 'dize' is not a player of the band: did you"),
    ("1: dice.often", "1: {solo: keys}", "16: controls.keys.cc 1.solo: 'keys' is not a player of the band: choose"),
    ("1: dice.often", "1: {mute: dice, while: hold}", "16: controls.keys.cc 1.while: 'hold' is not a condition: d"),
    ("1: dice.often", "1: {mute: dice, from: 1}", "16: controls.keys.cc 1.from: unknown key: choose from mute, while"),
    ("1: dice.often", "1: {set: dice.often, while: held}", "16: controls.keys.cc 1.while: unknown key: choose"),
    ("1: dice.often", "1: [dice.often]", "16: controls.keys.cc 1: must be text, not a list or a mapping"),
    ("cc 1: dice.often", "note 1: {set: dice.often}", "16: controls.keys.note 1.set: a key is only up or down and set"),
    ("cc 1:", "cc 128:", "16: controls.keys.cc 128: write `cc N` or `note N` with N from 0 to 127, each once"),
    ("cc 1:", "cc 064:", "16: controls.keys.cc 64: write `cc N` or `note N` with N from 0 to 127, each once"),
    ("cc 1:", "one:", "16: controls.keys.one: write `cc N` or `note N` with N from 0 to 127, each once"),
    ("  pads: {cc", "  out: {cc", "17: controls.out: 'out' is not an input among the ports: choose from keys, pads"),
    ("directory: takes", "directory: ~nobody_here/takes", "18: recording.directory: there is no home folder for '~nob"),
    ("recording: {directory: takes}", "recording: takes", "18: recording: is not a mapping: write `name: value` lines"),
    ("seed: 7", "seed: -7", "19: seed: -7 is out of range: give a number from 0 to 2147483648"),
    ("seed: 7", "seed: &x 7", "19: anchors, aliases and tags ('x') are not supported: write the value out"),
    ("seed: 7", "seed: !!python/object/apply:os.abort []", "19: anchors, aliases and tags ("),
    ("seed: 7", "? [seed]\n: 7", "19: ?: a key must be text, not a list or a mapping"),
    ("seed: 7", "seed: [", "20: while parsing a flow node"),
    ("seed: 7", "seed: 7\n---\na: 1", "20: expected a single document"),
    ("seed: 7", "seed: 7\n\tx: 1", "20: "),
]  # fmt: skip


@pytest.mark.parametrize("good, bad, expected", MISTAKES, ids=[mistake[2][:60] for mistake in MISTAKES])
def test_a_mistake_is_told_with_line_path_and_remedy(write: Any, good: str, bad: str, expected: str) -> None:
    assert GOOD.count(good) == 1
    found = problems(write(GOOD.replace(good, bad)))
    assert len(found) <= 2  # one may speak of a name that is gone
    assert any(problem.startswith(expected) for problem in found), found


@pytest.mark.parametrize(
    "good, bad",
    [
        ("bpm: 100", "metronome: out"),
        ("{direction: out}", "out"),
        ("{file: melodies/twinkle.mid, thru: [out], channel: 9}", "9"),
    ],
)
def test_what_is_no_mapping_is_not_told_what_it_lacks(write: Any, good: str, bad: str) -> None:
    found = problems(write(GOOD.replace(good, bad)))
    assert any("is not a mapping" in problem for problem in found)
    assert not any("missing" in problem for problem in found)


CLOCKS = [
    (
        "source: intrenal, song_position: clocks, port: i",
        ["1: clock.source: 'intrenal' is not a clock: did you mean 'internal'?"],
    ),
    (
        "count_in: 9, metronome: {port: o, when: count-in}",
        ["1: clock.count_in: 9 is out of range: give a number from 0 to 8"],
    ),
    ("source: link, count_in: 1", ["1: clock.count_in: with the source `link` there is no count-in: delete this line"]),
    ("source: link, start: by hand", []),
    (
        "source: link, count_in: 1, metronome: {port: o, when: count-in}",
        [
            "1: clock.count_in: with the source `link` there is no count-in: delete this line",
            "1: clock.metronome.when: there is no count-in, so the metronome would never click: choose always",
        ],
    ),
    (
        "source: link, metronome: {port: o, when: count-in}",
        ["1: clock.metronome.when: there is no count-in, so the metronome would never click: choose always"],
    ),
    (
        "song_position: clocks",
        ["1: clock.song_position: only the source `midi` receives song positions: delete this line"],
    ),
    ("source: midi, port: i, song_position: clocks, ticks: while running", []),
    ("source: midi, port: i, start: at once, count_in: 0, metronome: {port: o, when: always}", []),
    ("start: by hand, count_in: 1, metronome: {port: o, when: count-in}", []),
    (
        "metronome: {port: o, when: count-in}, count_in: 0",
        [
            "1: clock.metronome.when: there is no count-in, so the metronome would never click: "
            "set clock.count_in to 1 or more, or choose always"
        ],
    ),
]


@pytest.mark.parametrize("clock, expected", CLOCKS)
def test_what_a_clock_would_never_do_is_told(
    write: Any, clock: str, expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ableton_link, "MODULE", "yaml")  # as if it were installed
    path = write(f"clock: {{{clock}}}\nports: {{i: {{direction: in}}, o: {{direction: out}}}}")
    try:
        config.load(path)
        found = []
    except ConfigError as error:
        found = [problem.removeprefix(f"{path}:") for problem in error.problems]
    assert found == expected


def test_the_pedal_can_be_a_key(write: Any) -> None:
    loaded = config.load(write(GOOD.replace("cc 64: sustain", "note 64: sustain")))
    assert ControlSpec("keys", 64, "sustain", event="note") in loaded.controls


def test_names_that_connect_never_means_are_those_that_are_refused() -> None:
    assert client_name("") == CLIENT_PREFIX


def test_all_mistakes_are_told_at_once_in_the_files_order(write: Any) -> None:
    text = GOOD.replace("bpm: 100", "bpm: 1").replace("seed: 7", "sead: 7").replace("often: 0.5", "often: 2")
    found = problems(write(text.replace("channel: 9", "channel: 0").replace("takes", "[1]")))
    assert [int(problem.partition(":")[0]) for problem in found] == [1, 7, 13, 18, 19]


def test_an_option_that_is_wrong_already_is_not_asked_about_again(write: Any) -> None:
    path = write(GOOD.replace("width: 3", "width: 3, faces: [six]"))
    assert problems(path) == ["13: band.dice.options.faces: must be text, not a list or a mapping"]


def test_a_wrong_item_of_a_list_is_told_once(write: Any) -> None:
    (found,) = problems(write(GOOD.replace("[dorian, lydian]", "[dorian, lydean]")))
    assert found.startswith("13: band.dice.options.modes[1]: 'lydean' is not a choice")


def test_a_circle_among_players_is_named(write: Any) -> None:
    member = "engine: dice, play: {port: o}"
    text = (
        f"ports: {{o: {{direction: out}}}}\nband:\n  a: {{listen: [b], {member}}}\n  b: {{listen: [c, d], {member}}}\n"
    )
    (found,) = problems(write(text + f"  c: {{listen: [a], {member}}}\n  d: {{{member}}}\n"))
    assert found.startswith("3: band.a: players listen to each other in a circle (a → b → c → a): break")


def chain(length: int, engine: str) -> str:
    """`length` players, each of which listens to the one before."""
    before = ["", *(f"p{number}" for number in range(length))]
    rows = (f" p{n}: {{engine: {engine},listen: [{before[n]}],play: {{port: o}}}}\n" for n in range(length))
    return "ports: {o: {direction: out}}\nband:\n" + "".join(rows)


def test_a_long_chain_and_a_long_circle_of_players(write: Any) -> None:
    """As long as fits into a file; longer than Python's recursion."""
    assert len(config.load(write(chain(1200, "dice"))).band) == 1200
    (found,) = problems(write(chain(1200, "dice").replace("listen: []", "listen: [p1199]")))
    assert "in a circle" in found
    assert "(p0 → p1199 → p1198 → p1197 → p1196 → p1195 → p1194 → p1193 → … → p0)" in found


def test_of_very_many_names_a_message_lists_some(write: Any) -> None:
    found = problems(write(chain(900, "dice").replace("[p", "[q")))
    assert len(found) == 899
    assert found[0] == "4: band.p1.listen[0]: 'q0' is not an input, a melody or another player: choose from " + (
        ", ".join(f"p{number}" for number in range(50)) + ", …"
    )


def test_many_players_check_their_model_and_the_installed_engines_once(
    write: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[object] = []
    for module, name in ((models, "check"), (engines, "engine_names")):
        original = getattr(module, name)
        monkeypatch.setattr(
            module, name, lambda *arguments, original=original: (calls.append(original), original(*arguments))[1]
        )
    path = write(chain(50, f"harmoniser, model: {TINY}"))
    assert len(config.load(path, whole_models=True).band) == 50
    assert len(calls) == 2


def test_melodies_of_one_file_read_it_once(write: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Path] = []
    original = melodies.read_midi_file
    monkeypatch.setattr(melodies, "read_midi_file", lambda path: (read.append(path), original(path))[1])
    names = "".join(f"  m{n}: {{file: melodies/twinkle.mid}}\n" for n in range(50))
    loaded = config.load(write(f"melodies:\n{names}"))
    assert [melody.spec.melody.name for melody in loaded.melodies] == [f"m{n}" for n in range(50)]
    assert len(read) == 1


def test_melodies_have_a_limit_together(write: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(melodies, "MAX_NOTES", 100)
    text = "seed: 0\nmelodies: {a: {file: melodies/twinkle.mid}, b: {file: melodies/twinkle.mid}%s}\n"
    assert len(config.load(write(text % "")).melodies) == 2
    assert problems(write(text % ", c: {file: melodies/twinkle.mid}")) == [
        "2: melodies: 126 notes in all: 100 at most can be played: leave some melodies out"
    ]


def test_the_rest_of_a_player_is_checked_as_of_the_engine_that_was_meant(write: Any) -> None:
    text = (
        GOOD.replace("engine: dice\n", "engine: dise\n").replace("high: 3", "hihg: 3").replace("often: 0.5", "often: 2")
    )
    found = problems(write(text))
    assert [problem.partition(":")[0] for problem in found] == ["10", "12", "13"], found


def test_an_engine_that_cannot_be_loaded_is_one_mistake(write: Any, tmp_path: Path) -> None:
    points = next((tmp_path / "site-dice").glob("*.dist-info")) / "entry_points.txt"
    points.write_text(points.read_text() + "broken = tests.no_such_module:Engine\n")
    (found,) = problems(
        write(
            "ports: {k: {direction: in}, o: {direction: out}}\nband: {x: {engine: broken, play: {port: o}}}\n"
            "controls: {k: {cc 1: x.y}}"
        )
    )
    assert found == (
        "2: band.x.engine: the engine 'broken' of jamd-dice 1.0 cannot be loaded: there is no module "
        "'tests.no_such_module': correct the entry point under [project.entry-points.\"jamd.engines\"], "
        "and install the package again"
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (
            "tests.dice:register",
            "tests.dice:register is not a subclass of daemon.engines.base.Engine: correct the entry",
        ),
        ("tests.dice:Dise", "there is no 'Dise' in the module 'tests.dice': correct the entry point under"),
        (
            "tests.config.broken_module:X",
            "ZeroDivisionError: division by zero (broken_module.py:3: EIGHTH = 1 / 0): corr",
        ),
        ("tests.config.test_config:Undeclared", "must be declared with option(default, help)"),
    ],
)
def test_a_class_that_is_no_engine_is_reported(write: Any, tmp_path: Path, value: str, text: str) -> None:
    points = next((tmp_path / "site-dice").glob("*.dist-info")) / "entry_points.txt"
    points.write_text(points.read_text() + f"odd = {value}\n")
    (found,) = problems(write("ports: {o: {direction: out}}\nband: {x: {engine: odd, play: {port: o}}}"))
    assert found.startswith("2: band.x.engine: the engine 'odd' of jamd-dice 1.0 cannot be loaded: ") and text in found


def test_an_option_that_is_wrong_is_not_a_mistake_as_its_default_too(write: Any, tmp_path: Path) -> None:
    points = next((tmp_path / "site-dice").glob("*.dist-info")) / "entry_points.txt"
    points.write_text(points.read_text() + "picky = tests.config.test_config:Picky\n")
    text = "ports: {o: {direction: out}}\nband: {x: {engine: picky, play: {port: o}, options: {width: W}}}"
    assert problems(write(text.replace("W", "3"))) == ["2: band.x.options.width: is 3.0: give 2"]
    (found,) = problems(write(text.replace("W", "wide")))
    assert found.startswith("2: band.x.options.width: is not a number")


def test_an_option_that_is_wrong_counts_as_its_default_in_the_engines_check(write: Any) -> None:
    """So the engine gets the types that it declared, and finds what else is wrong."""
    path = write(GOOD.replace("width: 3", "faces: ten, width: wide"))
    assert [problem.partition(": ")[2].partition(":")[0] for problem in problems(path)] == [
        "band.dice.options.faces",
        "band.dice.options.width",
    ]


def test_a_player_has_its_options_as_the_type_that_its_engine_declares(write: Any) -> None:
    dice, shadow = config.load(write(GOOD)).band
    assert dice.options == Dice.Options("lydian", ("dorian", "lydian"), True, "a b", 3.0)
    assert shadow.options == Dice.Options()


def test_a_missing_model_is_told_with_the_installed_ones(write: Any) -> None:
    text = "ports: {o: {direction: out}}\nband: {x: {engine: harmoniser, model: bachbat, play: {port: o}}}"
    (found,) = problems(write(text))
    assert "bachbat.onnx: there is no such model" in found
    (found,) = problems(write(text.replace("model: bachbat, ", "")))
    assert found == "2: band.x.model: is missing: give the name of a model; `jamd models` lists them"


def test_a_model_of_another_engine_or_a_damaged_one_is_told_with_its_line(write: Any, tmp_path: Path) -> None:
    text = "ports: {o: {direction: out}}\nband: {x: {engine: harmoniser, model: melody, play: {port: o}}}"
    (found,) = problems(write(text))
    assert found.startswith("2: band.x.model: ") and "for the engine 'melody', not 'harmoniser'" in found
    assert problems(write(text.replace("harmoniser", "melodi")))[0].startswith("2: band.x.engine: 'melodi' is not an")
    for suffix in (".onnx", ".json"):
        shutil.copy(TINY.with_suffix(suffix), tmp_path)
    (tmp_path / TINY.name).write_bytes(TINY.read_bytes()[:-1])
    damaged = write(text.replace("model: melody", f"model: ./{TINY.name}"))
    assert config.load(damaged).band[0].model == tmp_path / TINY.name, "the others can play"
    (found,) = problems(damaged, whole_models=True)
    assert found.startswith("2: band.x.model: ") and "truncated or changed" in found


def test_a_range_upside_down_is_told(write: Any) -> None:
    text = "ports: {o: {direction: out}}\nband: {x: {engine: melody, model: melody, play: {port: o}, options: {O}}}"
    assert config.load(write(text.replace("{O}", "{low: 60, high: 60}"))).band[0].settings["low"] == 60
    assert problems(write(text.replace("{O}", "{low: 61, high: 60}"))) == [
        "2: band.x.options.low: 61 lies above high, 60: exchange them"
    ]


@pytest.mark.parametrize(
    "content, expected",
    [
        (b"\xff\xfe\x00", "1: not UTF-8"),
        (b"a: 1\nb: \xe9\n", "2: not UTF-8"),
        (b"\x00", " not YAML"),
        (b"[" * 20_000, " nested too deeply"),
        (b"{a: " * 10_000, " nested too deeply"),
        (b"x: 1\n" * 100_000, " cannot be read (larger than 64 KiB): name a file with -c FILE"),
        (b"a: &a [1]\nb: &b [*a, *a]\nc: [*b, *b]", "1: anchors"),
        (b"just words", "1: the file: is not a mapping"),
        (b"- a\n- b", "1: the file: is not a mapping"),
    ],
)
def test_what_is_no_configuration_is_refused(write: Any, content: bytes, expected: str) -> None:
    assert problems(write(content))[0].startswith(expected)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert problems(tmp_path / "none.yaml") == [" there is no such file: name a file with -c FILE"]
    assert "cannot be read" in problems(tmp_path)[0]
    assert problems(Path("x" * 300)) == [" cannot be read (File name too long): name a file with -c FILE"]


# Anything at all


_PIECES = (
    """null|~|[]|{}|true|-1|1e999|0x1F|!!int|&a|*a|:|: |-|- |'|"|#|>|? |%|  |\t|\n|in|out|keys|choir|harmoniser|\\0"""
)
PIECES = _PIECES.split("|")
edits = st.lists(
    st.tuples(
        st.sampled_from(["delete", "insert", "swap", "repeat"]),
        st.integers(0, 10_000),
        st.integers(1, 30),
        st.one_of(
            st.text(st.characters(codec="utf-8"), max_size=8),
            st.sampled_from(PIECES),
        ),
    ),
    min_size=1,
    max_size=4,
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(edits=edits, good=st.booleans())
def test_random_edits_raise_nothing_but_a_config_error(
    write: Any, edits: list[tuple[str, int, int, str]], good: bool
) -> None:
    text = GOOD if good else SHIPPED.read_text(encoding="utf-8")
    for what, where, length, new in edits:
        at = where % (len(text) + 1)
        if what == "insert":
            text = text[:at] + new + text[at:]
        elif what == "delete":
            text = text[:at] + text[at + length :]
        elif what == "repeat":
            text = text[: at + length] + text[at:]
        else:
            text = text[:at] + new + text[at + length :]
    path = write(text.encode("utf-8", "surrogatepass"))
    try:
        loaded = config.load(path)
    except ConfigError as error:
        assert error.problems
        assert all(problem.startswith(f"{path}:") for problem in error.problems)
    else:
        json.dumps(loaded.stage.to_json())
        json.dumps(loaded.members)
        loaded.as_yaml()


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["clock", "ports", "melodies", "band", "controls", "direction", "file", "engine", "listen"]
                )
                | st.text(max_size=5),
                inner,
                max_size=4,
            )
        ),
        max_leaves=20,
    )
)
def test_any_yaml_raises_nothing_but_a_config_error(write: Any, document: Any) -> None:
    path = write(yaml.safe_dump(document))
    try:
        config.load(path).as_yaml()
    except ConfigError as error:
        assert error.problems


def test_a_player_and_a_port_of_a_wrong_direction_may_share_a_name(write: Any) -> None:
    member = "{engine: dice, listen: [keys], play: {port: choir}}"
    ports = "{keys: {direction: in}, choir: {direction: output}}"
    (found,) = problems(write(f"ports: {ports}\nband: {{choir: {member}}}"))
    assert found == "1: ports.choir.direction: 'output' is not a direction: did you mean 'out'?"


SHIPPED_TEXT = SHIPPED.read_text(encoding="utf-8")
ONE_MISTAKE = [  # good, bad, lines below the good one, the beginning of the message
    ("alto: 2", "alto: 17", 0, "band.choir.play.channels.alto: 17 is out of range: give a number from 1 to 16"),
    ("soprano: 100, alto: 100", "soprano: 100, alto: 900", 0, "band.choir.play.volume.alto: 900 is out of range"),
    ("direction: out", "direction: output", 0, "ports.choir.direction: 'output' is not a direction: did you mean"),
    ("direction: out", "directon: out", 0, "ports.choir.directon: unknown key: did you mean 'direction'?"),
    ("\nband:", "\nplayers:", 0, "players: unknown key: choose from clock, ports, audio, melodies, band"),
    ("\nports:", "\nprots:", 0, "prots: unknown key: did you mean 'ports'?"),
    ("\nmelodies:", "\ntunes:", 0, "tunes: unknown key: choose from"),
    ("    engine: harm", "    engin: harm", 0, "band.choir.engin: unknown key: did you mean 'engine'?"),
    ("  twinkle:", "  #twinkle:", 1, "melodies: there is no name above `file`: write NAME: in a line before it"),
    ("temperature: 0.5", "temperature: 0,5", 0, "band.choir.options.temperature: is not a number: write a decimal"),
    ("from: 0.5", "from: 0,5", 0, "controls.keys.cc 1.5: unknown key: write a decimal number with a point, as in 0.5"),
    ("  bpm: 96", "   bpm: 96", 0, "the indentation fits no line before (the block begins in line 6): correct the"),
    ("    loop: true", "      loop: true", 0, "this line is indented deeper than the line before, which has a value"),
    ("  bpm: 96", "  bpm 96", 0, "the name at the start of this line needs a colon and a space after it"),
    ("start: at once", 'start: "at once', 0, "the quote that opens in this line is not closed"),
    ("program: voice oohs", "program: 'voice oohs", 0, "the quote that opens in this line is not closed"),
    ("connect: null # part", "connect: Foo: bar # part", 0, "a text with a colon needs quotes"),
    ("connect: null # part", "connect: @foo # part", 0, "character '@' that cannot start any token: put the text in"),
    ("send: []", "send: [choir", 0, "the bracket that opens in this line is not closed, or a comma within is missing"),
    ("  source: internal", "\tsource: internal", 0, "a tab: indent with spaces"),
]  # fmt: skip


@pytest.mark.parametrize("good, bad, below, expected", ONE_MISTAKE, ids=[each[3][:60] for each in ONE_MISTAKE])
def test_one_mistake_is_one_report(write: Any, good: str, bad: str, below: int, expected: str) -> None:
    before, _, after = SHIPPED_TEXT.partition(good)
    (found,) = problems(write(before + bad + after))
    line = (before + good[: len(good) - len(good.lstrip())]).count("\n") + 1 + below
    assert found.startswith(f"{line}: {expected}")


def test_a_player_without_a_name_is_told(write: Any) -> None:
    before, _, after = SHIPPED_TEXT.partition("  choir:\n    engine")
    only, _, _ = after.partition("  synth:")
    (found,) = problems(write(f"{before}    engine{only}"))
    line = before.count("\n") + 1
    assert found.startswith(f"{line}: band: there is no name above `engine`: write NAME: in a line before it")


def test_two_ports_in_one_are_told_by_their_double_keys_alone(write: Any) -> None:
    found = problems(write(SHIPPED_TEXT.replace("  choir: # connect", "  # connect", 1)))
    told = [each.partition(": ")[2].partition(":")[0] for each in found]
    assert told == ["ports.keys.direction", "ports.keys.connect"]
    assert all("is given twice" in each for each in found)


def test_keys_of_controls_may_have_the_names_of_notes(write: Any) -> None:
    keys = "note C2: panic\n    note F#2: start\n    note 43: stop"
    found = config.load(write(SHIPPED_TEXT.replace("cc 120: panic", keys)))
    assert {(c.event, c.number) for c in found.controls} >= {("note", 36), ("note", 42), ("note", 43)}
    (told,) = problems(write(SHIPPED_TEXT.replace("cc 120: panic", "note C2: panic\n    note 36: start")))
    assert "controls.keys.note 36: write `cc N` or `note N` with N from 0 to 127, each once" in told

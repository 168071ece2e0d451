"""The set-ups that ship: they are found from anywhere, every setting turns by CC, everybody plays in its own place."""

from __future__ import annotations

import io
import itertools
from pathlib import Path
from xml.etree import ElementTree

import mido
import pytest

from daemon import config
from daemon.config import Config
from daemon.engines.base import engine_class
from daemon.errors import ConfigError
from daemon.paths import resources
from daemon.render.offline import render

DATA = Path(__file__).parent / "data"
TINY = {"bachbot": "tiny_harmoniser", "melody": "tiny_melody", "drums": "tiny_drums"}
BANDS = sorted((resources() / "bands").glob("*.yaml"))
QUARTET = resources() / "bands" / "quartet.yaml"
CALLS = resources() / "melodies" / "ode_in_calls.mid"


@pytest.fixture(params=BANDS, ids=lambda path: path.stem)
def band(request: pytest.FixtureRequest, tmp_path: Path) -> Config:
    """One of them, with models of a few weights."""
    text = request.param.read_text(encoding="utf-8")
    for name, tiny in TINY.items():
        text = text.replace(f"model: {name}\n", f"model: {DATA / tiny}.onnx\n")
    (tmp_path / "band.yaml").write_text(text, encoding="utf-8")
    return config.load(tmp_path / "band.yaml")


def test_what_ships_is_found_from_anywhere_unless_there_is_one_of_that_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert config.load(Path("config.yaml")).path == resources() / "config.yaml"
    own = tmp_path / "bands" / "quartet.yaml"
    own.parent.mkdir()
    own.write_text("clock: {bpm: 77}")
    assert config.load(Path("bands/quartet.yaml")).clock.bpm == 77
    with pytest.raises(ConfigError, match=r"bands/none\.yaml: there is no such file"):
        config.load(Path("bands/none.yaml"))


def test_an_engine_may_name_the_channel_of_all_its_voices(tmp_path: Path) -> None:
    tiny = DATA / "tiny_drums.onnx"
    band = f"ports: {{out: {{direction: out}}}}\nband: {{d: {{engine: drums, model: {tiny}, play: {{port: out}}}}}}"
    (tmp_path / "band.yaml").write_text(band)
    assert set(config.load(tmp_path / "band.yaml").band[0].channels.values()) == {10}


def test_every_player_hears_the_keys_or_follows_one_that_does(band: Config) -> None:
    listen = {member.name: member.listen for member in band.players}
    leaders = {name for name, sources in listen.items() if "keys" in sources}
    assert leaders and all(name in leaders or leaders & set(sources) for name, sources in listen.items())


def test_the_shipped_bands_are_a_quartet_and_a_combo() -> None:
    engines = {path.stem: {member.engine for member in config.load(path).players} for path in BANDS}
    assert engines["quartet"] == {"harmoniser", "melody", "drums"}
    assert engines["combo"] >= {"leadsheet", "comping", "bass", "drums"}


def test_everything_is_heard_through_an_instrument(band: Config) -> None:
    (synth,) = band.instruments
    assert (synth.name, synth.engine) == ("synth", "soundfont")
    assert all(player.audio == ("synth",) for player in band.stage.players if not player.is_instrument)
    band_port, audio = (port for port in band.stage.ports if port.direction != "in")
    assert audio.sounds == band_port.sounds


def test_every_setting_turns_by_a_controller_of_its_own(band: Config) -> None:
    turned = [(control.player, control.setting) for control in band.controls if control.action == "setting"]
    settings = [(member.name, s.name) for member in band.band for s in engine_class(member.engine).settings]
    if any(member.engine == "leadsheet" for member in band.band):  # whose feel has the swing, and the loudness
        settings = [each for each in settings if each not in (("drums", "swing"), ("drums", "follow"))]
    assert sorted(turned) == sorted(settings)
    numbers = [control.number for control in band.controls]
    assert len(set(numbers)) == len(numbers)
    assert {"sustain", "tempo", "start", "stop", "tap", "panic"} <= {control.action for control in band.controls}


def test_every_voice_has_a_channel_of_its_own_and_the_drums_have_the_tenth(band: Config) -> None:
    channels = [number for member in band.players if member.engine != "drums" for number in member.channels.values()]
    assert len(set(channels)) == len(channels) and 10 not in channels
    (drummer,) = (member for member in band.band if member.engine == "drums")
    assert set(drummer.channels.values()) == {10}


def test_every_channel_has_a_sound_and_no_two_players_have_the_same(band: Config) -> None:
    (port,) = (port for port in band.stage.ports if port.direction == "out")
    assert {sound.channel for sound in port.sounds} == {n for member in band.band for n in member.channels.values()}
    assert all(None not in (sound.program, sound.volume, sound.pan) for sound in port.sounds)
    programs = [{s.program for s in member.sounds.values()} for member in band.players if member.engine != "drums"]
    assert all(not one & other for one, other in itertools.combinations(programs, 2))
    assert abs(sum(sound.pan or 0 for sound in port.sounds)) < 10


def test_the_quartet_by_itself(tmp_path: Path) -> None:
    """The choir sings the calls, the soloist answers in between, the drummer plays throughout."""
    text = QUARTET.read_text(encoding="utf-8")
    for name, tiny in TINY.items():
        text = text.replace(f"model: {name}\n", f"model: {DATA / tiny}.onnx\n")
    (tmp_path / "band.yaml").write_text(text, encoding="utf-8")
    file = mido.MidiFile(file=io.BytesIO(render(config.load(tmp_path / "band.yaml"), CALLS).data))
    onsets: dict[int, list[float]] = {}
    for track in file.tracks:
        beat = 0.0
        for message in track:
            beat += message.time / file.ticks_per_beat
            if message.type == "note_on":
                onsets.setdefault(message.channel + 1, []).append(beat)
    assert set(onsets) == {1, 2, 3, 4, 5, 10}
    calls = [(8.0, 16.0), (24.0, 32.0), (40.0, 48.0), (56.0, 64.0)]
    for channel in range(1, 5):
        assert all(any(start <= beat < end for start, end in calls) for beat in onsets[channel])
    assert all(not any(start + 0.1 <= beat < end for start, end in calls) for beat in onsets[5])
    assert onsets[10][0] < 1 and max(onsets[10]) > 60
    solo = {int(beat / 2) for beat in onsets[5]}
    assert len(solo) > 8 and solo <= {int((beat + 0.1) / 2) for beat in onsets[10]}, "the drums go on under the solo"


def test_the_picture_in_the_readme_is_of_the_whole_band() -> None:
    root = Path(__file__).parents[1]
    assert "](docs/quartet.svg)" in (root / "README.md").read_text(encoding="utf-8")
    picture = ElementTree.parse(root / "docs" / "quartet.svg")
    texts = {element.text for element in picture.iter("{http://www.w3.org/2000/svg}text")}
    voices = {"choir soprano", "choir alto", "choir tenor", "choir bass", "soloist melody", "drums"}
    assert voices | {"kick", "snare", "hat", "crash", "1", "18"} <= texts and "19" not in texts

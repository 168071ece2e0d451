"""The differences of two configurations, in words."""

from __future__ import annotations

from pathlib import Path

import mido
import pytest

from daemon import config
from daemon.config.changes import changes

TINY = Path(__file__).parents[1] / "data" / "tiny_harmoniser.onnx"
BASE = f"""\
clock: {{bpm: 96}}
ports:
  keys: {{direction: in}}
  choir: {{direction: out}}
melodies:
  tune: {{file: tune.mid, loop: true}}
band:
  choir:
    engine: harmoniser
    model: {TINY}
    listen: [keys, tune]
    play: {{port: choir, channels: {{soprano: 1, alto: 2}}}}
    options: {{temperature: 0.5}}
controls:
  keys: {{cc 1: choir.temperature, cc 64: sustain}}
"""


def load(folder: Path, text: str, pitch: int = 60) -> config.Config:
    smf = mido.MidiFile(ticks_per_beat=480)
    smf.tracks.append(
        mido.MidiTrack([mido.Message("note_on", note=pitch), mido.Message("note_off", note=pitch, time=480)])
    )
    smf.save(folder / "tune.mid")
    (folder / "config.yaml").write_text(text)
    return config.load(folder / "config.yaml")


@pytest.mark.parametrize(
    ("old", "new", "phrase"),
    [
        ("bpm: 96", "bpm: 120", "bpm 96 → 120"),
        ("bpm: 96", "bpm: 96.5", "bpm 96 → 96.5"),
        ("bpm: 96", "bpm: 96, metronome: {port: choir}", "metronome none → port choir, channel 10, when always"),
        ("temperature: 0.5", "temperature: 0.8, top_p: 1", "choir: temperature 0.5 → 0.8, top_p 0.95 → 1"),
        ("{temperature: 0.5}", "{given: [soprano, bass]}", "choir: given soprano → soprano, bass"),
        ("listen: [keys, tune]", "listen: [tune]", "choir: listen keys, tune → tune"),
        ("soprano: 1, alto: 2", "soprano: 5", "choir: play.channels.soprano 1 → 5, play.channels.alto 2 → none"),
        ("keys: {direction: in}", "keys: {direction: in, connect: Key}", "port keys: connect none → Key"),
        ("loop: true", "loop: false", "melody tune: loop true → false"),
        ("controls:", "seed: 7\ncontrols:", "seed 0 → 7"),
        ("controls:", "recording: {directory: null}\ncontrols:", "recording: directory sessions → none"),
        (", cc 64: sustain", ", note 36: panic", "controls of keys: cc 64 sustain → none, note 36 none → panic"),
        ("melodies:", "  pads: {direction: in}\nmelodies:", "new port pads"),
        ("controls:", "# a comment\ncontrols:", ""),
    ],
    ids=lambda value: str(value)[:30],
)
def test_each_part_that_differs_is_named(tmp_path: Path, old: str, new: str, phrase: str) -> None:
    before = load(tmp_path, BASE)
    assert old in BASE
    after = load(tmp_path, BASE.replace(old, new))
    assert "; ".join(changes(before, after)) == phrase


def test_players_come_and_go(tmp_path: Path) -> None:
    before, after = (
        load(tmp_path, BASE),
        load(tmp_path, BASE.replace("  choir:\n", "  voices:\n").replace("choir.", "voices.")),
    )
    expected = [
        "player choir removed",
        "new player voices",
        "controls of keys: cc 1.set choir.temperature → voices.temperature",
    ]
    assert changes(before, after, ["voices"]) == expected


def test_the_contents_of_files_are_compared_too(tmp_path: Path) -> None:
    before, after = load(tmp_path, BASE), load(tmp_path, BASE, pitch=62)
    assert changes(before, after, ["choir"]) == ["melody tune: other notes in its file", "choir: started anew"]

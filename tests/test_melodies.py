import runpy
from pathlib import Path

import mido
import pytest

from daemon.paths import resources

MELODIES = resources() / "melodies"


def notes(file: mido.MidiFile) -> list[tuple[float, int]]:
    """(onset in beats, pitch), in order."""
    beat, found = 0.0, []
    for message in mido.merge_tracks(file.tracks):
        beat += message.time / file.ticks_per_beat
        if message.type == "note_on" and message.velocity:
            found.append((beat, message.note))
    return found


@pytest.mark.parametrize("name", ["twinkle", "old_hundredth", "ode_to_joy", "ode_in_calls"])
def test_a_melody_suits_a_choir_and_loops_on_a_bar_line(name: str) -> None:
    file = mido.MidiFile(MELODIES / f"{name}.mid")
    metas = {message.type: message for track in file.tracks for message in track if message.is_meta}
    assert round(mido.tempo2bpm(metas["set_tempo"].tempo), 3) == 96
    assert (metas["time_signature"].numerator, metas["time_signature"].denominator) == (4, 4)
    length = max(sum(message.time for message in track) for track in file.tracks) / file.ticks_per_beat
    assert length % 4 == 0
    assert all(60 <= pitch <= 81 for _, pitch in notes(file))


def test_twinkle_is_twinkle() -> None:
    first = [pitch - 67 for _, pitch in notes(mido.MidiFile(MELODIES / "twinkle.mid"))[:14]]
    assert first == [0, 0, 7, 7, 9, 9, 7, 5, 5, 4, 4, 2, 2, 0]


def test_the_files_are_what_the_script_writes(tmp_path: Path) -> None:
    runpy.run_path(str(MELODIES / "make.py"))["main"](tmp_path)
    written = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert written == {path.name: path.read_bytes() for path in MELODIES.glob("*.mid")}

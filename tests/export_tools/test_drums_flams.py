"""The count of flams."""

import mido
import pytest

from export_tools.drums.flams import pairs, row, strokes_of


def test_two_strokes_within_45_ms_are_one_and_a_third_one_is_another() -> None:
    strokes = [(0.0, 30), (1.0, 40), (1.04, 100), (1.08, 60), (2.0, 20), (2.05, 90)]
    assert list(pairs(strokes)) == [
        (None, (0.0, 30)), ((1.0, 40), (1.04, 100)), (None, (1.08, 60)), (None, (2.0, 20)), (None, (2.05, 90)),
    ]  # fmt: skip
    assert row(list(pairs(strokes)))[:4] == pytest.approx([0.2, 0.4, 1.0, 0.04])


def test_strokes_are_those_of_the_snare_in_seconds(tmp_path) -> None:
    file, track = mido.MidiFile(ticks_per_beat=480), mido.MidiTrack()
    file.tracks.append(track)
    track.append(mido.MetaMessage("set_tempo", tempo=1_000_000))
    for time, note, velocity in ((240, 36, 90), (240, 38, 80), (480, 42, 70), (12, 40, 60)):
        track.append(mido.Message("note_on", channel=9, note=note, velocity=velocity, time=time))
    file.save(tmp_path / "a.mid")
    assert strokes_of(tmp_path / "a.mid") == [(1.0, 80), (pytest.approx(2.025), 60)]

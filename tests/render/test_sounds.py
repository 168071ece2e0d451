"""Programs, volumes and pans in a rendered file: each track begins with those of its channel."""

from __future__ import annotations

import io
from pathlib import Path

import mido
import pytest

from daemon.music.midi_file import read_midi_file
from daemon.render.offline import render
from tests.render.test_offline import BAND, TUNE, load, write


def rendered(folder: Path, band: str, live: bool) -> list[mido.MidiTrack]:
    data = render(load(folder, band), write(folder / "in.mid", *TUNE), live).data
    (folder / "out.mid").write_bytes(data)
    assert read_midi_file(folder / "out.mid").warning == ""
    return mido.MidiFile(file=io.BytesIO(data)).tracks[1:]


def without_notes(track: mido.MidiTrack) -> list[str]:
    return [str(message) for message in track if not message.is_meta and message.type not in ("note_on", "note_off")]


@pytest.mark.parametrize("live", [False, True])
def test_a_track_begins_with_name_bank_program_volume_and_pan(dice: None, tmp_path: Path, live: bool) -> None:
    band = BAND.replace("{low: 5}", "{low: 10}, program: jazz kit, volume: 90")
    band = band.replace("play: {port: out}", "play: {port: out, program: {low: flute}, bank: {low: 8}, pan: -64}")
    high, low, drums = rendered(tmp_path, band, live)
    types = ["track_name", "control_change", "program_change", "control_change", "note_on"]
    assert [message.type for message in low[:5]] == types
    assert without_notes(high) == ["control_change channel=0 control=10 value=0 time=0"]
    assert without_notes(low) == [
        "control_change channel=1 control=0 value=8 time=0",
        "program_change channel=1 program=73 time=0",
        "control_change channel=1 control=10 value=0 time=0",
    ]
    assert without_notes(drums) == [
        "program_change channel=9 program=32 time=0",
        "control_change channel=9 control=7 value=90 time=0",
    ]


def test_without_sounds_a_file_has_notes_only(dice: None, tmp_path: Path) -> None:
    assert not any(without_notes(track) for track in rendered(tmp_path, BAND, False))


def test_voices_that_share_a_channel_have_its_sound_in_each_track(dice: None, tmp_path: Path) -> None:
    play = "play: {port: out, channels: {high: 3, low: 3}, program: {high: oboe}, volume: {low: 70}}"
    high, low, _ = rendered(tmp_path, BAND.replace("play: {port: out}", play), False)
    assert (
        without_notes(high)
        == without_notes(low)
        == ["program_change channel=2 program=68 time=0", "control_change channel=2 control=7 value=70 time=0"]
    )

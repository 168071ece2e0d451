"""The harmoniser's prepare.py: held-out files, frames, and silences."""

import json

import numpy as np

from daemon.paths import resources
from export_tools.harmoniser.prepare import HELD_OUT, frames, trainable, without_interludes


def test_held_out_files_are_never_trainable_whatever_their_case_or_folder():
    held_out = {"test": ["bwv1.6.mxl"], "valid": ["x/BWV10.7.mxl"], "doubtful": ["bwv2.6.mxl"]}
    names = ["bwv10.7.mxl", "BWV1.6.MXL", "bwv2.6.mxl", "bwv1.6-a.mxl", "bwv3.6.mxl"]
    assert trainable(names, held_out) == ["bwv1.6-a.mxl", "bwv3.6.mxl"]


def test_the_shipped_list_holds_out_test_and_validation():
    held_out = json.loads(HELD_OUT.read_text())
    assert (len(held_out["test"]), len(held_out["valid"])) == (75, 74)
    everything = [name for part in held_out.values() for name in part]
    assert trainable(everything, held_out) == []


def test_the_shipped_model_was_trained_on_no_held_out_file():
    sidecar = json.loads((resources() / "models" / "bachbot.json").read_text())
    files = sidecar["training"]["files"]
    assert len(files) == sidecar["training"]["chorales"] > 200
    assert trainable(files, json.loads(HELD_OUT.read_text())) == sorted(files)


def test_a_held_note_differs_from_a_repeated_one():
    midi, held = frames(
        [(0.0, 0.5, 60, False), (0.5, 1.0, 60, True), (1.0, 1.25, 60, False), (1.5, 1.75, 62, False)], 8
    )
    assert midi.tolist() == [60, 60, 60, 60, 60, -1, 62, -1]
    assert held.tolist() == [False, True, True, True, False, False, False, False]


def test_a_frame_is_the_note_that_sounds_at_its_beginning():
    midi, _ = frames([(0.0, 0.125, 60, False), (0.125, 0.25, 62, False), (0.25, 0.5, 64, False)], 2)
    assert midi.tolist() == [60, 64]


def test_a_silence_of_all_voices_is_cut_by_whole_bars():
    midi = np.full((100, 4), 60)
    midi[10:60] = -1
    kept = without_interludes(midi)
    assert len(kept) == 100 - 48
    assert set(range(10)) <= set(kept) and set(range(60, 100)) <= set(kept)
    assert (np.diff(kept)[np.diff(kept) > 1] - 1) % 16 == 0


def test_a_silence_of_a_bar_or_of_one_voice_is_kept():
    midi = np.full((40, 4), 60)
    midi[3:19] = -1
    midi[20:40, 0] = -1
    assert without_interludes(midi).tolist() == list(range(40))

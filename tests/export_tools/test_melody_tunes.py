"""Tunes from MIDI files, families of variants, and evaluate.py against a computation one step at a time."""

import json
import os
import sys
from pathlib import Path
from types import SimpleNamespace

import mido
import numpy as np
import pytest

from daemon import models
from daemon.engines.melody.model import MelodyModel
from daemon.errors import MelodyError
from daemon.music import smf
from daemon.music.events import note_off, note_on
from export_tools.melody import evaluate, prepare, tunes

DATA = Path(__file__).parents[1] / "data"
TINY = ("tiny_melody", "tiny_melody_attention")
SCALE = (60, 62, 64, 65, 67, 69, 71, 72)


def write(path, notes, meters=((0, (4, 4)),), name="tune"):
    """A MIDI file of notes (onset in beats, duration, pitch[, velocity]); returns its path."""
    track = smf.Track(name)
    for onset, duration, pitch, *velocity in notes:
        track.events.append((round(onset * smf.FILE_TICKS), note_on(1, pitch, *(velocity or [80]))))
        track.events.append((round((onset + duration) * smf.FILE_TICKS), note_off(1, pitch)))
    changes = [(round(beat * smf.FILE_TICKS), signature) for beat, signature in meters]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(smf.to_bytes([track], [(0, 500_000)], changes))
    return path


def walk(seed, count=24, first=0.0):
    """Quarter notes and eighths up and down a scale."""
    rng = np.random.default_rng(seed)
    place, onset, notes = 3, first, []
    for _ in range(count):
        place = int(np.clip(place + rng.choice([-2, -1, 1, 2]), 0, 7))
        length = float(rng.choice([0.5, 1.0]))
        notes.append((onset, length, SCALE[place]))
        onset += length
    return notes


def test_events_are_pitches_note_offs_and_no_events(tmp_path):
    (tune,) = tunes.read_tunes(write(tmp_path / "a.mid", [(0, 0.5, 60), (0.5, 0.25, 62), (1.0, 0.5, 60)]))
    assert tune.events == (14, 0, 16, 1, 14, 0)
    assert (tune.meter, tune.position) == (4.0, 0.0)


def test_a_tune_begins_with_the_bar_of_its_first_note_and_ends_at_a_bar_of_silence(tmp_path):
    first, second = tunes.read_tunes(write(tmp_path / "a.mid", [(5.0, 1.0, 60), (6, 1, 62), (11, 1, 64), (12, 1, 65)]))
    assert first.events == (0, 0, 0, 0, 14, 0, 0, 0, 16, 0, 0, 0)
    assert second.events == (0,) * 12 + (18, 0, 0, 0, 19, 0, 0, 0)
    assert first.positions()[:5] == [0, 0.25, 0.5, 0.75, 1.0]


def test_less_than_a_bar_of_silence_is_a_rest(tmp_path):
    (tune,) = tunes.read_tunes(write(tmp_path / "a.mid", [(0, 1, 60), (4.5, 0.5, 62)]))
    assert tune.events == (14, 0, 0, 0, 1) + (0,) * 13 + (16, 0)


def test_a_change_of_meter_begins_a_new_tune(tmp_path):
    notes = [(beat, 1, 60 + beat % 5) for beat in range(14)]
    first, second = tunes.read_tunes(write(tmp_path / "a.mid", notes, [(0, (4, 4)), (8, (6, 8))]))
    assert (len(first.events), first.meter) == (32, 4.0)
    assert (len(second.events), second.meter, second.position) == (24, 3.0, 0.0)


@pytest.mark.parametrize(
    "meters",
    [
        [(0, (4, 4)), (17, (3, 4))],  # after the last note
        [(0, (3, 8)), (0.5, (4, 4))],  # before the first
        [(0, (4, 4)), (8.5, (3, 4)), (9.5, (4, 4))],  # two within a rest
    ],
)
def test_a_meter_in_which_no_note_begins_is_no_tune(tmp_path, meters):
    notes = [(1.0 + beat, 0.25, 60 + beat % 5) for beat in range(12) if not 7 <= beat <= 8]
    found = tunes.read_tunes(write(tmp_path / "a.mid", notes, meters))
    assert sum(event >= 2 for tune in found for event in tune.events) == 10
    assert {tune.meter for tune in found} == {4.0}


def test_accents_show_where_bars_begin(tmp_path):
    notes = [(beat, 1, 60 + beat % 7, 105 if beat % 3 == 1 else 80) for beat in range(13)]
    (tune,) = tunes.read_tunes(write(tmp_path / "a.mid", notes, [(0, (3, 4))]))
    assert tune.position == 2.0
    assert tune.positions()[4] == 0.0
    (tune,) = tunes.read_tunes(write(tmp_path / "b.mid", [note[:3] for note in notes], [(0, (3, 4))]))
    assert tune.position == 0.0, "without accents the file begins with a bar"


def test_of_two_notes_in_one_16th_the_higher_is_kept(tmp_path):
    (tune,) = tunes.read_tunes(write(tmp_path / "a.mid", [(0, 0.05, 67), (0.05, 0.95, 60), (1, 1, 62)]))
    assert tune.events == (21, 1, 0, 0, 16, 0, 0, 0)


@pytest.mark.parametrize(
    ("notes", "says"),
    [
        ([(0, 1, 60), (0, 1, 64)], "notes sound together at beat 0.00"),
        ([(0, 2, 60), (1, 1, 64)], "choose a file with one voice"),
        ([(0, 0.25, 60)], "shorter than two 16ths"),
        ([], "no notes"),
    ],
)
def test_unusable_files_are_refused(tmp_path, notes, says):
    with pytest.raises(MelodyError, match=says) as caught:
        tunes.read_tunes(write(tmp_path / "odd.mid", notes))
    assert "odd.mid" in str(caught.value)


def test_variants_are_one_family_in_any_key_and_rhythm(tmp_path):
    tune = walk(1)
    variants = [
        tune,
        [(onset, length, pitch + 5) for onset, length, pitch in tune],
        [(2 * onset, 2 * length, pitch) for onset, length, pitch in tune],
        [*tune[:14], *[(onset, length, pitch + 1 - 2 * (i % 2)) for i, (onset, length, pitch) in enumerate(tune[14:])]],
        walk(2),
        walk(3),
    ]
    contents = [
        prepare.passages(tunes.read_tunes(write(tmp_path / f"{n}.mid", notes))) for n, notes in enumerate(variants)
    ]
    family = prepare.families(contents, ["a", "b", "c", "d", "e", "e"])
    assert len(set(family[:4])) == 1
    assert family[4] == family[5] != family[0], "a title of few files makes them one family"
    assert len(set(prepare.families(contents, [""] * 6))) == 3


def test_titles_are_read_without_articles_and_case(tmp_path):
    names = ["The White Cockade", "WHITE COCKADE, The", "White Cockade [1]", ""]
    for name, plain in zip(names, ["whitecockade"] * 3 + [""], strict=True):
        track = mido.MidiTrack([mido.MetaMessage("track_name", name=name)])
        mido.MidiFile(tracks=[track]).save(tmp_path / "a.mid")
        assert prepare.title(tmp_path / "a.mid") == plain


def test_families_are_never_divided():
    family = [number // 3 for number in range(90)]
    sides = prepare.choose_sides(["x"] * 90, family, 1, None)
    assert (
        sides == prepare.choose_sides(["x"] * 90, family, 1, None) != prepare.choose_sides(["x"] * 90, family, 2, None)
    )
    assert sides.count("valid") == 9 and sides.count("train") == 81
    assert all(len(set(sides[n : n + 3])) == 1 for n in range(0, 90, 3))


def test_a_held_out_book_is_used_without_variants_of_tunes_of_other_books():
    assert prepare.choose_sides(["x", "x", "y", "y"], [1, 2, 1, 3], 1, "y") == ["train", "train", "left out", "valid"]


@pytest.fixture
def folder(tmp_path):
    """Three tunes of different length and meter, a file with chords, and a broken file."""
    write(tmp_path / "tunes" / "a.mid", walk(4, 30), [(0, (6, 8))])
    write(tmp_path / "tunes" / "b.mid", walk(5, 9, first=1.5))
    write(tmp_path / "tunes" / "c" / "d.midi", [*walk(6, 20), (40.0, 1.0, 90), (41.0, 1.0, 30)])
    write(tmp_path / "tunes" / "chords.mid", [(0, 1, 60), (0, 1, 64)])
    (tmp_path / "tunes" / "none.mid").write_bytes(b"MThd")
    return tmp_path / "tunes"


def run(capsys, *arguments):
    status = evaluate.main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    return status, out, err


@pytest.mark.parametrize("name", TINY)
def test_figures_equal_those_of_a_computation_one_step_at_a_time(capsys, folder, name):
    status, out, err = run(capsys, "--model", DATA / f"{name}.onnx", folder)
    model = MelodyModel(models.load(DATA / f"{name}.onnx", "melody"))
    log_probs, right, silent = [], [], []
    for path in ("a.mid", "b.mid", "c/d.midi"):
        for tune in tunes.read_tunes(folder / path):
            state = model.start(tune.meter, tune.position, model.transposition(tune.events))
            for step, event in enumerate(tune.events):
                if step:
                    log_probs.append(state.log_probs[event])
                    right.append(state.log_probs.argmax() == event)
                    silent.append(event == 0)
                state = model.step(state, event, (tune.position + (step + 1) / 4) % tune.meter)
    result = json.loads(out)
    assert (status, err) == (0, "")
    assert list(result) == [
        "nats_per_step", "accuracy", "event_accuracy", "no_event_accuracy", "steps", "files", "refused",
    ]  # fmt: skip
    assert result["nats_per_step"] == pytest.approx(-np.mean(log_probs), abs=2e-6)
    hits, silence = np.array(right), np.array(silent)
    assert result["accuracy"] == pytest.approx(hits.mean(), abs=1e-6)
    assert result["event_accuracy"] == pytest.approx(hits[~silence].mean(), abs=1e-6)
    assert result["no_event_accuracy"] == pytest.approx(hits[silence].mean(), abs=1e-6)
    assert (result["steps"], result["files"]) == (len(log_probs), 3)
    assert [row["file"] for row in result["refused"]] == ["chords.mid", "none.mid"]
    assert "sound together" in result["refused"][0]["reason"]


def test_prepare_lists_the_refused_files(capsys, monkeypatch, folder, tmp_path):
    monkeypatch.setitem(sys.modules, "tqdm", SimpleNamespace(tqdm=lambda files, **_: files))
    os.mkfifo(folder / "pipe.mid")
    write(folder / "later.mid", walk(7), [(0, (4, 4)), (60, (3, 4))])
    assert prepare.main([str(folder), str(tmp_path / "tunes.npz")]) == 0
    lines = (tmp_path / "tunes.refused.txt").read_text().splitlines()
    assert [line.split(": ")[0] for line in lines] == ["chords.mid", "none.mid", "pipe.mid"]
    assert sum(map(len, tunes.load_tunes(tmp_path / "tunes.npz").values())) == 5
    assert capsys.readouterr().out.startswith("4 files, 3 refused")
    for path in (*folder.rglob("?.mid*"), folder / "later.mid"):
        path.unlink()
    assert prepare.main([str(folder), str(tmp_path / "none.npz")]) == 2
    err = capsys.readouterr().err
    assert "none of 3 MIDI files can be used; the first, chords.mid: notes sound together" in err
    assert not (tmp_path / "none.npz").exists()


def test_every_model_is_measured_on_the_same_steps(capsys, folder):
    steps = [json.loads(run(capsys, "--model", DATA / f"{name}.onnx", folder)[1])["steps"] for name in TINY]
    assert steps[0] == steps[1] > 100


def test_batches_of_any_size_give_the_same_figures(capsys, monkeypatch, folder):
    whole = json.loads(run(capsys, "--model", DATA / "tiny_melody.onnx", folder)[1])
    monkeypatch.setattr(evaluate, "ROWS", 1)
    single = json.loads(run(capsys, "--model", DATA / "tiny_melody.onnx", folder)[1])
    assert single["nats_per_step"] == pytest.approx(whole["nats_per_step"], abs=2e-6)


def test_a_list_selects_files(capsys, folder, tmp_path):
    listed = tmp_path / "list.txt"
    listed.write_text("b.mid\nc/d.midi\n")
    result = json.loads(run(capsys, "--model", DATA / "tiny_melody.onnx", folder, "--files", listed)[1])
    assert (result["files"], result["refused"]) == (2, [])


def test_an_error_is_one_line_with_a_remedy(capsys, folder, tmp_path):
    empty, listed = tmp_path / "empty", tmp_path / "list.txt"
    empty.mkdir()
    listed.write_text("nowhere.mid\n")
    tiny = DATA / "tiny_melody.onnx"
    for arguments, says in (
        ((tiny, empty), "no MIDI files in it: name a folder"),
        ((tiny, tmp_path / "nowhere"), "no such folder"),
        ((tiny, folder, "--files", listed), "nowhere.mid: there is no such MIDI file"),
        ((tiny, folder, "--files", tmp_path / "no list"), "cannot be read"),
        ((tmp_path / "none.onnx", folder), "no such model"),
        ((DATA / "tiny_harmoniser.onnx", folder), "correct `model:`"),
    ):
        status, out, err = run(capsys, "--model", *arguments)
        assert (status, out) == (2, "")
        assert says in err
        assert len(err.splitlines()) == 1


def test_a_folder_without_usable_files(capsys, tmp_path):
    bad = tmp_path / "bad"
    (bad / "no file.mid").mkdir(parents=True)
    (bad / "no file.mid" / "z.mid").write_bytes(b"")
    (bad / "link.mid").symlink_to("nowhere.mid")
    (bad / "folder.mid").symlink_to(bad)
    os.mkfifo(bad / "pipe.mid")
    write(bad / "chords.mid", [(0, 1, 60), (0, 1, 64)])
    status, out, err = run(capsys, "--model", DATA / "tiny_melody.onnx", bad)
    result = json.loads(out)
    assert status == 2
    refused = {row["file"]: row["reason"] for row in result.pop("refused")}
    assert list(refused) == ["chords.mid", "folder.mid", "link.mid", "no file.mid/z.mid", "pipe.mid"]
    assert "not a file, nor a link to a file" in refused["folder.mid"] == refused["link.mid"] == refused["pipe.mid"]
    figures = ("nats_per_step", "accuracy", "event_accuracy", "no_event_accuracy")
    assert result == {**dict.fromkeys(figures), "steps": 0, "files": 0}
    assert err.splitlines() == [
        f"error: {bad}: none of 5 MIDI files can be used; the first, chords.mid: {refused['chords.mid']}"
    ]

"""evaluate.py against an independent computation; the importer with weights in the published layout."""

import json
import os
from pathlib import Path

import mido
import numpy as np
import onnxruntime
import pytest

from daemon import models
from daemon.encodings.drums.hits import INSTRUMENTS
from export_tools.drums import evaluate, import_rnn_drummer
from export_tools.drums.grooves import groove_files

TINY = Path(__file__).parents[1] / "data" / "tiny_drums.onnx"
TICKS = [0, 1, 2, 5, 60, 120, 240, 487]
ROWS, OUTPUTS = 17 + len(TICKS) + 201, 17 + len(TICKS)


def write(path, notes, meters=((0, 4),)):
    """Notes (tick, note, velocity) on channel 10, meters (tick, quarters per bar)."""
    events = [(tick, 0, mido.MetaMessage("time_signature", numerator=n, denominator=4)) for tick, n in meters]
    events += [(t, 1, mido.Message("note_on", channel=9, note=n, velocity=v)) for t, n, v in notes]
    file, track, now = mido.MidiFile(ticks_per_beat=480), mido.MidiTrack(), 0
    file.tracks.append(track)
    for tick, _, message in sorted(events, key=lambda event: event[:2]):
        track.append(message.copy(time=tick - now))
        now = tick
    path.parent.mkdir(parents=True, exist_ok=True)
    file.save(path)
    return path


def some_notes(count, seed):
    rng = np.random.default_rng(seed)
    ticks = np.cumsum(rng.choice([0, 3, 55, 118, 240, 700], count))
    return [(int(t), int(n), 90) for t, n in zip(ticks, rng.permuted(np.resize(INSTRUMENTS, count)), strict=True)]


@pytest.fixture
def folder(tmp_path):
    """Two files, one with a change of meter, in nested folders, and two that are refused."""
    write(tmp_path / "grooves" / "a.mid", some_notes(30, 1))
    write(tmp_path / "grooves" / "more" / "b.MIDI", some_notes(20, 2), meters=((0, 4), (1920, 3)))
    write(tmp_path / "grooves" / "single.mid", [(0, 36, 90)])
    (tmp_path / "grooves" / "broken.mid").write_bytes(b"RIFF")
    (tmp_path / "grooves" / "notes.txt").write_text("not a groove")
    return tmp_path / "grooves"


@pytest.fixture
def weights(tmp_path):
    """WX, WY and TABLES.json in the published layout, with random weights."""
    rng = np.random.default_rng(1)
    wx, wy = rng.normal(0, 0.3, (ROWS, 800)), rng.normal(0, 0.3, (201, OUTPUTS))
    wx.astype("<f4").tofile(tmp_path / "Wx.bin")
    wy.astype("<f4").tofile(tmp_path / "Wy.bin")
    (tmp_path / "tables.json").write_text(json.dumps({"notes": list(INSTRUMENTS), "ticks": TICKS}))
    return tmp_path


def run(module, capsys, *arguments):
    status = module.main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    return status, out, err


def imported(weights, capsys):
    files = (weights / name for name in ("Wx.bin", "Wy.bin", "tables.json"))
    status, _, err = run(import_rnn_drummer, capsys, *files, "-o", weights / "drummer.onnx")
    assert (status, err) == (0, "")
    return weights / "drummer.onnx"


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def computed_nats(weights, notes):
    """Nats of each hit but the first, computed from the description of the layout."""
    wx = np.fromfile(weights / "Wx.bin", "<f4").reshape(ROWS, 800).astype(float)
    wy = np.fromfile(weights / "Wy.bin", "<f4").reshape(201, OUTPUTS).astype(float)
    h, c, before, out, nats = np.zeros(200), np.zeros(200), 0, None, []
    for tick, note in sorted({(tick, note) for tick, note, _ in notes}):
        which = INSTRUMENTS.index(note)
        gap = int(np.argmin([abs(tick - before - value) for value in TICKS]))
        if out is not None:
            halves = out[:17], out[17:]
            nats.append(-sum(np.log(np.exp(p[k]) / np.exp(p).sum()) for p, k in zip(halves, (which, gap), strict=True)))
        x = np.concatenate([np.eye(17)[which], np.eye(len(TICKS))[gap], h, [1]])
        f, i, o, g = (x @ wx[:, 200 * block : 200 * block + 200] for block in range(4))
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        out, before = np.concatenate([h, [1]]) @ wy, tick
    return nats


def test_imported_weights_give_the_nats_computed_from_their_layout(capsys, weights, tmp_path):
    notes = some_notes(60, 3)
    write(tmp_path / "one" / "a.mid", notes)
    status, out, _ = run(evaluate, capsys, "--model", imported(weights, capsys), tmp_path / "one")
    nats = computed_nats(weights, notes)
    assert status == 0
    assert json.loads(out)["nats_per_hit"] == pytest.approx(np.mean(nats), abs=2e-5)
    assert json.loads(out)["hits"] == len(nats)


def test_an_imported_model_is_a_complete_artifact_and_loads_without_a_warning(weights, capfd):
    artifact = models.verify(imported(weights, capfd))
    assert artifact.sidecar.encoding == "rnn-drummer"
    assert "none given" in artifact.sidecar.training["licence"]
    onnxruntime.InferenceSession(artifact.path, providers=["CPUExecutionProvider"])
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("Wx.bin", b"\0" * 12, f"12 bytes, but {ROWS} × 800 float32 are {ROWS * 3200} bytes"),
        ("Wy.bin", b"", f"0 bytes, but 201 × {OUTPUTS} float32 are {201 * OUTPUTS * 4} bytes"),
        ("Wy.bin", b"\xff" * (201 * OUTPUTS * 4), "values that are not finite numbers"),
        ("tables.json", b"{", "`notes` and `ticks`"),
        ("tables.json", b"[1, 2]", "`notes` and `ticks`"),
        ("tables.json", b'{"notes": [36], "ticks": [0]}', "`notes` must be the 17 MIDI notes"),
        ("tables.json", json.dumps({"notes": INSTRUMENTS, "ticks": [3, 2]}).encode(), "`ticks` must be"),
        ("tables.json", json.dumps({"notes": INSTRUMENTS, "ticks": [0, 2.5]}).encode(), "`ticks` must be"),
        ("Wx.bin", None, "cannot be read"),
    ],
)
def test_invalid_weights_are_reported_in_one_line_with_file_and_remedy(capsys, weights, name, content, message):
    if content is None:
        (weights / name).unlink()
    else:
        (weights / name).write_bytes(content)
    files = (weights / file for file in ("Wx.bin", "Wy.bin", "tables.json"))
    status, out, err = run(import_rnn_drummer, capsys, *files, "-o", weights / "drummer.onnx")
    assert (status, out, (weights / "drummer.onnx").exists()) == (2, "", False)
    assert str(weights / name) in err and message in err and len(err.splitlines()) == 1


@pytest.mark.parametrize("name", ["Wx.bin", "Wy.bin"])
def test_weights_that_are_too_large_are_refused(capsys, weights, name):
    size = (weights / name).stat().st_size // 4
    np.full(size, 3e38, "<f4").tofile(weights / name)
    files = (weights / file for file in ("Wx.bin", "Wy.bin", "tables.json"))
    before = sorted(weights.iterdir())
    status, out, err = run(import_rnn_drummer, capsys, *files, "-o", weights / "drummer.onnx")
    assert (status, out, sorted(weights.iterdir())) == (2, "", before)
    assert str(weights / name) in err and "too large" in err and len(err.splitlines()) == 1


def test_a_metric_model_is_measured_hit_by_hit(capsys, folder):
    status, out, err = run(evaluate, capsys, "--model", TINY, folder)
    result = json.loads(out)
    assert (status, err) == (0, "")
    assert set(result) == {"nats_per_hit", "accuracy", "hits", "files", "refused"}
    paths = [folder / "a.mid", folder / "more" / "b.MIDI"]
    one_by_one = [json.loads(run(evaluate, capsys, "--model", TINY, path.parent)[1]) for path in paths[1:]]
    assert result["files"] == 2 and one_by_one[0]["files"] == 1
    assert result["hits"] == sum(len({(t, n) for t, n, _ in some_notes(*which)}) - 1 for which in ((30, 1), (20, 2)))
    assert [set(row) for row in result["refused"]] == [{"file", "reason"}] * 2
    assert [row["file"] for row in result["refused"]] == ["broken.mid", "single.mid"]
    assert result["refused"][1]["reason"].startswith("a single hit, so nothing to predict")
    assert 0 <= result["accuracy"] <= 1 and 0 < result["nats_per_hit"] < 20


def test_figures_of_hits_do_not_depend_on_later_hits(tmp_path):
    notes = some_notes(30, 5)
    long = write(tmp_path / "long.mid", notes)
    short = write(tmp_path / "short.mid", [note for note in notes if note[0] <= notes[19][0]])
    model = evaluate.open_model(TINY)
    whole, part = (evaluate.score(model, evaluate.read_groove(path))[0] for path in (long, short))
    assert part == whole[: len(part)] and len(part) > 10


def test_bar_lines_have_an_effect(tmp_path):
    model, notes = evaluate.open_model(TINY), some_notes(40, 6)
    files = [write(tmp_path / f"{n}.mid", notes, ((0, n),)) for n in (4, 3)]
    files.append(write(tmp_path / "both.mid", notes, ((0, 4), (3840, 3))))
    four, three, both = (evaluate.score(model, evaluate.read_groove(path))[0] for path in files)
    before = sum(tick < 3840 for tick, _ in sorted({(t, n) for t, n, _ in notes})) - 1
    assert both[:before] == four[:before] != three[:before]
    assert both[before + 1 :] != four[before + 1 :]


def test_splits_of_the_groove_midi_dataset(capsys, folder):
    table = "midi_filename,split,style,beat_type\na.mid,train,rock/shuffle,beat\nmore/b.MIDI,validation,jazz,fill\n"
    (folder / "info.csv").write_text(table + "gone.mid,train,jazz,fill\n")
    assert [(p.path.name, p.style, p.fill) for p in groove_files(folder)] == [
        ("a.mid", "rock", False), ("b.MIDI", "jazz", True),
    ]  # fmt: skip
    result = json.loads(run(evaluate, capsys, "--model", TINY, folder, "--split", "validation")[1])
    assert (result["files"], result["refused"]) == (1, [])
    status, _, err = run(evaluate, capsys, "--model", TINY, folder, "--split", "test")
    assert status == 2 and "has no split 'test': choose from train, validation" in err


@pytest.mark.parametrize(
    ("files", "options", "message"),
    [
        ({}, [], "no MIDI files"),
        ({"a.mid": b"MThd"}, ["--split", "train"], "info.csv: cannot be read"),
        ({"info.csv": b"x,y\n1,2\n"}, ["--split", "train"], "not the table of Groove"),
        ({"info.csv": b"midi_filename,split,style,beat_type\nx.mid,train,rock,beat\n"}, ["--split", "train"], "unpack"),
    ],
)
def test_an_unusable_folder_is_named(capsys, tmp_path, files, options, message):
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    status, out, err = run(evaluate, capsys, "--model", TINY, tmp_path, *options)
    assert (status, out) == (2, "")
    assert str(tmp_path) in err and message in err


def test_a_folder_in_which_every_file_is_refused(capsys, tmp_path):
    write(tmp_path / "sub" / "one.mid", [(0, 36, 90)])
    (tmp_path / "link.mid").symlink_to("nowhere.mid")
    os.mkfifo(tmp_path / "pipe.mid")
    status, out, err = run(evaluate, capsys, "--model", TINY, tmp_path)
    result = json.loads(out)
    assert status == 2
    refused = {row["file"]: row["reason"] for row in result.pop("refused")}
    assert list(refused) == ["link.mid", "pipe.mid", "sub/one.mid"]
    assert "not a file, nor a link to a file" in refused["link.mid"] == refused["pipe.mid"]
    assert result == {"nats_per_hit": None, "accuracy": None, "hits": 0, "files": 0}
    assert err.splitlines() == [
        f"error: {tmp_path}: none of 3 MIDI files can be used; the first, link.mid: {refused['link.mid']}"
    ]


def test_missing_files_are_named(capsys, tmp_path, folder):
    for model, where in ((TINY, tmp_path / "nowhere"), (tmp_path / "nowhere.onnx", folder)):
        status, out, err = run(evaluate, capsys, "--model", model, where)
        assert (status, out) == (2, "") and "nowhere" in err and len(err.splitlines()) == 1

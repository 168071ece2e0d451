"""The musical checks and the bench of melody models; their sidecars."""

import io
import json
from pathlib import Path

import numpy as np
import pytest

from daemon import models
from daemon.encodings.melody.events import event_of
from daemon.music.melody import Note
from export_tools.common import bench as common
from export_tools.common.checks import Corpus, failures, melody_tokens
from export_tools.common.files import BadFile
from export_tools.melody import bench, checks
from export_tools.melody.tunes import Tune, load_tunes

TINY = Path(__file__).parents[1] / "data" / "tiny_melody.onnx"
SHIPPED = ("melody", "melody_attention", "melody_lookback", "melody_basic")


def write(path, tunes):
    """An .npz like those of prepare.py: (side, tune) each."""
    np.savez(
        path,
        side=np.array([side for side, _ in tunes]),
        source=np.arange(len(tunes)),
        length=np.array([len(tune.events) for _, tune in tunes]),
        meter=np.array([tune.meter for _, tune in tunes]),
        position=np.array([tune.position for _, tune in tunes]),
        events=np.concatenate([tune.events for _, tune in tunes]).astype(np.int8),
    )
    return path


def npy(array):
    """The bytes of an .npy file, as an .npz contains one per array."""
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def some_tune(seed, bars=8):
    rng = np.random.default_rng(seed)
    events = [int(event_of(60 + rng.choice([0, 2, 4, 5, 7]))) if step % 2 == 0 else 0 for step in range(12 * bars)]
    return Tune(tuple(events), 3.0, 0.0)


def test_events_become_notes():
    c, d = event_of(60), event_of(62)
    assert checks.notes_from([0, c, 0, 1, 0, d, c]) == [
        Note(0.25, 0.5, 60, 80),
        Note(1.25, 0.25, 62, 80),
        Note(1.5, 0.25, 60, 80),
    ]
    assert checks.notes_from([0, 1, 0]) == []


def test_tunes_are_loaded_by_side(tmp_path):
    tunes = [("train", some_tune(1)), ("left out", some_tune(2)), ("valid", some_tune(3, bars=5))]
    assert load_tunes(write(tmp_path / "tunes.npz", tunes)) == {"train": [tunes[0][1]], "valid": [tunes[2][1]]}


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"no archive", npy(np.arange(3))])
def test_a_file_that_prepare_did_not_write_is_refused(tmp_path, content):
    path = tmp_path / "tunes.npz"
    path.write_bytes(content)
    with pytest.raises(BadFile, match=r"tunes.npz: damaged, or not a file of export_tools.melody.prepare: "):
        load_tunes(path)
    with pytest.raises(BadFile, match=r"nowhere.npz: cannot be read \(No such file or directory\): name a file"):
        load_tunes(tmp_path / "nowhere.npz")


def test_an_untrained_model_fails_the_checks(capsys, tmp_path):
    tunes = [("train", some_tune(1)), ("valid", some_tune(1)), ("valid", some_tune(2))]
    arguments = [str(write(tmp_path / "tunes.npz", tunes)), str(TINY), "--seed", "3"]
    assert checks.main(arguments) == 1
    out, err = capsys.readouterr()
    rows = {line.split(" | ")[0].removeprefix("| "): line.split(" | ")[1:] for line in out.splitlines()[2:]}
    assert out.startswith("| | real | tiny_melody |\n")
    assert set(rows) == set(checks.LIMITS)
    assert float(rows["note_density"][0]) == 2
    assert float(rows["longest_copy"][0]) > 20, "one tune is in both splits"
    assert "tiny_melody: scale_consistency" in err
    checks.main(arguments)
    assert capsys.readouterr().out == out, "the same seed gives the same table"


@pytest.mark.parametrize(
    ("options", "says"),
    [(["--count", "0"], "--count: '0': choose a whole number from 1 on"), ([], "no piece to compare: choose")],
)
def test_nothing_to_compare_is_an_error(capsys, tmp_path, options, says):
    tunes = [("train", some_tune(1)), ("valid", some_tune(2, bars=2))]  # nothing after the two bars that are heard
    arguments = [str(write(tmp_path / "tunes.npz", tunes)), str(TINY), *options]
    try:
        status = checks.main(arguments)
    except SystemExit as exit:
        status = exit.code
    out, err = capsys.readouterr()
    assert (status, out) == (2, "")
    assert says in err.splitlines()[-1]


def tunes_that_copy(notes, known, seed):
    """Tunes of 120 eighths, each with `notes` notes of one of the `known` tunes."""
    rows = []
    for number, tune in enumerate(known):
        events = list(some_tune(seed + number, bars=20).events)
        events[40 : 40 + 2 * notes] = tune.events[10 : 10 + 2 * notes]
        rows.append((events, 3.0))
    return rows


def test_the_limits_reject_copies_and_silence():
    known = [some_tune(seed, bars=20) for seed in range(20)]
    corpus = Corpus(melody_tokens(checks.notes_from(tune.events)) for tune in known)
    real = checks.mean_figures(tunes_that_copy(11, known, 100), corpus)
    copied = checks.mean_figures(tunes_that_copy(30, known, 200), corpus)
    assert 11 <= real["longest_copy"] < 13 and 30 <= copied["longest_copy"] < 32
    assert [line.split(":")[0] for line in failures(real, copied, checks.LIMITS)] == ["longest_copy"]
    silent = tunes_that_copy(11, known, 100)
    for events, _ in silent:
        for step in range(160, 184):  # six beats of 60
            events[step] = int(step == 160)
    described = checks.mean_figures(silent, corpus)
    assert described["empty_beat_rate"] == pytest.approx(0.1, abs=0.02)
    assert "empty_beat_rate" in [line.split(":")[0] for line in failures(real, described, checks.LIMITS)]


def test_a_step_is_measured(capsys, monkeypatch):
    monkeypatch.setattr(common, "STEPS", 20)
    monkeypatch.setattr(common, "PAUSED", 2)
    monkeypatch.setattr(common, "PAUSE", 0.0)
    assert bench.main(["--model", str(TINY)]) == 0
    result = json.loads(capsys.readouterr().out)
    assert set(result) == {"tight", "paused"}
    assert 0 < result["tight"]["p50"] <= result["tight"]["p99"]
    assert bench.main(["--model", "nowhere/none.onnx"]) == 2


def test_the_shipped_models_were_measured_on_the_same_steps_and_jamds_is_the_best():
    cards = {name: models.read_sidecar(models.folder() / f"{name}.onnx") for name in SHIPPED}
    measured = {name: card.metrics for name, card in cards.items()}
    assert len({(card["steps"], card["files"], card["split"]) for card in measured.values()}) == 1
    assert len({tuple(card.training["valid"]) for card in cards.values()}) == 1
    assert len(cards["melody"].training["valid"]) == measured["melody"]["files"]
    nats = {name: card["nats_per_step"] for name, card in measured.items()}
    assert nats["melody"] <= 0.95 * min(nats[name] for name in SHIPPED[1:])
    for card in cards.values():
        assert {"data", "licence"} <= set(card.training)
        assert {"accuracy", "event_accuracy", "no_event_accuracy"} <= set(card.metrics)

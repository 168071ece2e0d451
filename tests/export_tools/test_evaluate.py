"""The harmoniser's evaluate.py, compared with a computation of one piece, one frame and one voice at a time."""

import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from export_tools.harmoniser import evaluate

TINY = Path(__file__).parents[1] / "data" / "tiny_harmoniser.onnx"


def some_pieces(seed=3):
    """Pieces of different lengths, all but one longer than the tiny model's memory, with repeats and rests."""
    rng = np.random.default_rng(seed)
    pieces = []
    for length in (23, 40, 17, 1):
        frames = [rng.integers(36, 82, 4)]
        for _ in range(length - 1):
            new = np.where(rng.random(4) < 0.1, -1, rng.integers(36, 82, 4))
            frames.append(np.where(rng.random(4) < 0.6, frames[-1], new))
        pieces.append([[int(pitch) for pitch in frame] for frame in frames])
    return pieces


def log_probs_of(piece):
    """ln p of each note of a piece, and whether the note was the most likely one."""
    session = onnxruntime.InferenceSession(TINY, providers=["CPUExecutionProvider"])
    sidecar = json.loads(TINY.with_suffix(".json").read_text())
    state = {k: np.zeros([1, *sidecar["inputs"][k]["shape"][1:]], np.float32) for k in sidecar["states"]}
    both_functions = {"function": np.array(2)}
    log_probs, hits = [], []
    symbols = [[46 if pitch < 0 else pitch - 36 for pitch in frame] for frame in piece]
    for t, frame in enumerate(symbols):
        before = symbols[t - 1] if t else [47] * 4
        earlier = symbols[t - 2] if t > 1 else [47] * 4
        held = [int(a == b and a < 46) for a, b in zip(before, earlier, strict=True)]
        past = {"frame": [before], "held": [held], "position": [t % 16]}
        past |= {"fermata": [2], "home": [24], "ends": [[13] * 2], "coming": [[47] * 3], "coming_in": [[13] * 3]}
        feeds = both_functions | state | {k: np.array(v) for k, v in past.items()}
        head_inputs = {"previous": np.array([before]), "known": np.array([[47] * 4]), "voice": np.array([0])}
        dummy = np.zeros((1, sidecar["inputs"]["context_in"]["shape"][1]), np.float32)
        names = ["context", *(f"{name}_next" for name in state)]
        context, *following = session.run(names, feeds | head_inputs | {"context_in": dummy})
        for voice in range(4):
            known = [frame[v] if v < voice else 47 for v in range(4)]
            voice_inputs = {"context_in": context, "known": np.array([known]), "voice": np.array([voice])}
            logits = session.run(["logits"], feeds | head_inputs | voice_inputs)[0][0].astype(float)
            probabilities = np.exp(logits) / np.exp(logits).sum()
            assert len(probabilities) == 47
            log_probs.append(np.log(probabilities[frame[voice]]))
            hits.append(probabilities.argmax() == frame[voice])
        state = dict(zip(state, following, strict=True))
    return log_probs, hits


def run(capsys, *arguments):
    status = evaluate.main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    return status, out, err


@pytest.fixture
def pieces_file(tmp_path):
    path = tmp_path / "pieces.json"
    path.write_text(json.dumps(some_pieces()))
    return path


def test_figures_equal_those_computed_one_note_at_a_time(capsys, pieces_file):
    status, out, _ = run(capsys, "--model", TINY, pieces_file)
    log_probs, hits = zip(*map(log_probs_of, some_pieces()), strict=True)
    result = json.loads(out)
    assert status == 0
    assert set(result) == {"nll_per_note", "accuracy", "notes", "pieces"}
    assert result["nll_per_note"] == pytest.approx(-np.mean(np.concatenate(log_probs)), abs=2e-6)
    assert result["accuracy"] == pytest.approx(np.mean(np.concatenate(hits)), abs=1e-6)
    assert (result["notes"], result["pieces"]) == (4 * (23 + 40 + 17 + 1), 4)


def test_the_batch_size_does_not_change_the_figures(capsys, monkeypatch, pieces_file):
    whole = json.loads(run(capsys, "--model", TINY, pieces_file)[1])
    monkeypatch.setattr(evaluate, "ROWS", 1)
    single = json.loads(run(capsys, "--model", TINY, pieces_file)[1])
    assert single == pytest.approx(whole, abs=2e-6)


def test_the_score_of_a_note_does_not_depend_on_later_notes():
    model = evaluate.open_model(TINY)
    piece = evaluate.read_piece(some_pieces()[1], "piece")
    other = piece.copy()
    other[30:] = 46 - piece[30:]
    first, second = (evaluate.score(model, [p])[0].reshape(-1, 4) for p in (piece, other))
    assert np.array_equal(first[:30], second[:30])
    assert not np.allclose(first[30:], second[30:])


def test_split_chooses_the_list(capsys, tmp_path):
    path = tmp_path / "pieces.json"
    path.write_text(json.dumps({"train": some_pieces()[:1], "valid": some_pieces()[1:]}))
    assert json.loads(run(capsys, "--model", TINY, path, "--split", "valid")[1])["pieces"] == 3
    assert json.loads(run(capsys, "--model", TINY, path, "--split", "train")[1])["notes"] == 4 * 23


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        ("[[[60, 55", [], "not valid JSON"),
        ("3", [], "must be a list of pieces"),
        ("[]", [], "not empty"),
        ("[[]]", [], "pieces[0]: must be a list of frames"),
        ("[[[60, 55, 50, 45], [60, 55, 50]]]", [], "pieces[0][1]: a frame is four integers"),
        ("[[[60, 55, 50, 45.5]]]", [], "pieces[0][0]: a frame is four integers"),
        ("[[[60, 55, 50, true]]]", [], "pieces[0][0]: a frame is four integers"),
        ("[[[60, 55, 50, 35]]]", [], "pieces[0][0]: MIDI 35 is outside 36..81"),
        ("[[[60, 55, 50, 99999999999999999999]]]", [], "is outside 36..81"),
        ('{"valid": [[[60, 55, 50, 45]]]}', [], "choose one with --split (valid)"),
        ('{"valid": [[[60, 55, 50, 45]]]}', ["--split", "test"], "has no list 'test': choose --split from valid"),
        ("[[[60, 55, 50, 45]]]", ["--split", "valid"], "leave out --split"),
    ],
)
def test_bad_pieces_are_one_line_with_file_place_and_remedy(capsys, tmp_path, content, options, message):
    path = tmp_path / "pieces.json"
    path.write_text(content)
    status, out, err = run(capsys, "--model", TINY, path, *options)
    assert (status, out) == (2, "")
    assert str(path) in err
    assert message in err
    assert len(err.splitlines()) == 1


def test_missing_files_are_named(capsys, tmp_path, pieces_file):
    for model, pieces in ((TINY, tmp_path / "none.json"), (tmp_path / "none.onnx", pieces_file)):
        status, out, err = run(capsys, "--model", model, pieces)
        assert (status, out) == (2, "")
        assert "none." in err

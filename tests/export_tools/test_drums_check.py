"""The musical checks and the bench of drum models."""

import json
from pathlib import Path

import numpy as np
import pytest

from daemon.encodings.drums.hits import INSTRUMENTS, TICKS
from export_tools.common import bench as common
from export_tools.common.checks import Corpus, drum_tokens, failures
from export_tools.drums import bench, check
from export_tools.drums.evaluate import open_model
from tests.export_tools.test_drums import TINY, write


def four_on_the_floor(bars, late=0):
    """Kick on the beats and hi-hat on the eighths between, all `late` ticks late."""
    return [(beat * TICKS + late, 36, 100) for beat in range(4 * bars)] + [
        (beat * TICKS + 240 + late, 42, 60) for beat in range(4 * bars)
    ]


@pytest.fixture
def groove(tmp_path):
    for name, notes in (("a.mid", four_on_the_floor(4)), ("b.mid", four_on_the_floor(5, late=12))):
        write(tmp_path / name, notes)
    write(tmp_path / "waltz.mid", four_on_the_floor(4), ((0, 3),))
    lines = ["a.mid,train,rock,beat", "b.mid,validation,rock,beat", "waltz.mid,validation,jazz,beat"]
    (tmp_path / "info.csv").write_text("midi_filename,split,style,beat_type\n" + "\n".join(lines) + "\n")
    return tmp_path


def run(capsys, *arguments):
    status = check.main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    return status, out, err


def test_a_model_with_random_weights_fails(capsys, groove):
    status, out, err = run(capsys, groove, "--model", TINY, "--bars", 2, "--pieces", 3)
    lines = out.splitlines()
    rows = {line.split("|")[1].strip(): [float(cell) for cell in line.split("|")[2:4]] for line in lines[2:]}
    assert lines[0] == "| | drummers | tiny_drums |"
    assert set(check.LIMITS) <= set(rows)
    assert rows["groove_consistency"][0] == 1 > rows["groove_consistency"][1]
    assert (rows["empty_beat_rate"][0], rows["repetition_1_bar"][0], rows["off_grid"][0]) == (0, 1, 12)
    assert rows["note_density"][0] == pytest.approx(2, abs=0.2)
    assert rows["loudness_sd"][0] == pytest.approx(20)
    assert rows["longest_copy"][0] == 15
    assert status == 1 and "repetition_1_bar: " in err


def test_pieces_are_whole_and_begin_on_their_bar_line(groove):
    notes = check.notes_of(next(p for p in check.groove_files(groove) if p.path.name == "b.mid"))
    first, second = check.pieces(notes, 2)
    assert [len(first), len(second)] == [16, 16]
    assert [n.onset for n in first] == pytest.approx([n.onset for n in second])
    assert [n.pitch for n in first] == [n.pitch for n in second] == [36, 42] * 8
    assert check.notes_of(next(p for p in check.groove_files(groove) if p.path.name == "waltz.mid")) == []


def test_models_play_the_requested_number_of_bars():
    notes = check.play(open_model(TINY), 3, np.random.default_rng(2), 1.0, 1.0)
    assert 0 <= notes[0].onset <= notes[-1].onset < 12 - 0.125
    assert {note.pitch for note in notes} <= set(INSTRUMENTS)
    assert Corpus([drum_tokens(notes)]).longest_copy(drum_tokens(notes)) == len(notes) - 1


def test_a_folder_without_info_is_named(capsys, tmp_path):
    status, out, err = run(capsys, tmp_path, "--model", TINY)
    assert (status, out) == (2, "") and "info.csv" in err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--pieces", 0], "--pieces: '0': choose a whole number from 1 on"),
        (["--bars", -2], "--bars: '-2': choose a whole number from 1 on"),
        (["--bars", 1000], "no piece to compare: choose"),
    ],
)
def test_nothing_to_compare_is_an_error(capsys, groove, options, message):
    try:
        status, out, err = run(capsys, groove, "--model", TINY, *options)
    except SystemExit as exit:
        status, (out, err) = exit.code, capsys.readouterr()
    assert (status, out) == (2, "")
    assert message in err.splitlines()[-1]


def drummed(bars, seed):
    """A hit on every 16th, on a random instrument."""
    rng = np.random.default_rng(seed)
    return [check.note(120 * step, int(rng.integers(len(INSTRUMENTS))), 90) for step in range(16 * bars)]


def test_the_limits_reject_copies_and_silence():
    known = [drummed(8, seed) for seed in range(10)]
    corpus = Corpus(map(drum_tokens, known))

    def pieces(copied, gap):
        rows = []
        for seed, other in enumerate(known):
            own = drummed(8, 100 + seed)
            rows.append(own[:10] + other[10 : 10 + copied] + own[10 + copied :])
        return check.mean_figures([row[:64] + row[64 + gap :] for row in rows], corpus)

    real, copied, silent = pieces(14, 0), pieces(23, 0), pieces(14, 4)
    assert 13 <= real["longest_copy"] < 15 and 22 <= copied["longest_copy"] < 24
    assert [line.split(":")[0] for line in failures(real, copied, check.LIMITS)] == ["longest_copy"]
    assert silent["empty_beat_rate"] == pytest.approx(1 / 32)
    assert "empty_beat_rate" in [line.split(":")[0] for line in failures(real, silent, check.LIMITS)]


def test_the_bench_prints_microseconds(capsys, monkeypatch):
    monkeypatch.setattr(common, "STEPS", 5)
    monkeypatch.setattr(common, "PAUSED", 2)
    monkeypatch.setattr(common, "PAUSE", 0)
    assert bench.main(["--model", str(TINY)]) == 0
    result = json.loads(capsys.readouterr().out)
    assert set(result) == {"tight", "paused"}
    assert all(
        0 < result[way][what]["p50"] <= result[way][what]["p99"] for way in result for what in ("draw", "advance")
    )
    assert bench.main(["--model", str(Path("nowhere.onnx"))]) == 2
    assert "nowhere.onnx" in capsys.readouterr().err

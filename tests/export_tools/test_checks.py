"""Musical checks, on music with known figures."""

import math

import numpy as np
import pytest

from daemon.music.melody import Note
from export_tools.common import checks

SCALE = (60, 62, 64, 65, 67, 69, 71, 72)


def row(pitches, length=1.0, first=0.0):
    """Notes of equal `length`, one after the other from beat `first` on."""
    return [Note(first + number * length, length, pitch, 80) for number, pitch in enumerate(pitches)]


def test_pitch_class_entropy():
    assert checks.pitch_class_entropy(row([60, 72, 48])) == 0
    assert checks.pitch_class_entropy(row([60, 61])) == 1
    assert checks.pitch_class_entropy(row(range(60, 72))) == pytest.approx(np.log2(12))
    assert checks.pitch_class_entropy(row([60, 60, 60, 67])) == pytest.approx(0.811278, abs=1e-6)


def test_scale_consistency():
    assert checks.scale_consistency(row(SCALE)) == 1
    assert checks.scale_consistency(row([pitch + 7 for pitch in SCALE])) == 1
    assert checks.scale_consistency(row([57, 59, 60, 62, 64, 65, 67])) == 1, "A minor"
    assert checks.scale_consistency(row(range(60, 72))) == pytest.approx(7 / 12)


def test_groove_consistency():
    bar = [0.0, 1.0, 2.0, 3.0]
    assert checks.groove_consistency([Note(4 * n + beat, 0.5, 60, 80) for n in range(3) for beat in bar], 4) == 1
    other = [Note(beat, 0.5, 60, 80) for beat in (*bar, 4.0, 5.5, 6.0, 7.25)]
    assert checks.groove_consistency(other, 4) == 1 - 4 / 16
    assert math.isnan(checks.groove_consistency(row([60, 62, 64]), 4)), "one bar"
    # As in muspy, a bar that begins as the last note ends counts.
    assert checks.groove_consistency([Note(4 * n + beat, 1, 60, 80) for n in range(3) for beat in bar], 4) == 11 / 12
    assert checks.groove_consistency(row(SCALE, 0.25), 0.5) == 0.75


def test_empty_beat_rate():
    assert checks.empty_beat_rate(row(SCALE)) == 0
    assert checks.empty_beat_rate([Note(0, 2.25, 60, 80), Note(3.5, 0.5, 60, 80)]) == 0
    # As in muspy, a note also sounds in the beat that begins as the note ends; for the last note that is one more beat.
    assert checks.empty_beat_rate([Note(0, 1, 60, 80), Note(2, 1, 60, 80)]) == 0
    assert checks.empty_beat_rate([Note(0, 1, 60, 80), Note(3, 1, 60, 80)]) == pytest.approx(1 / 5)
    assert checks.empty_beat_rate([Note(0, 0.75, 60, 80), Note(3, 0.75, 60, 80)]) == pytest.approx(2 / 4)
    assert checks.empty_beat_rate([Note(1, 1, 60, 80)]) == pytest.approx(1 / 3)
    assert math.isnan(checks.empty_beat_rate([Note(0, 0.05, 60, 80)])), "no length"


def test_note_density():
    assert checks.note_density(row(SCALE, 0.5)) == 2
    assert checks.note_density([Note(2, 2, 60, 80)]) == 0.25


def test_repetition():
    assert checks.repetition(row([60, 62, 64, 65] * 3), 4) == 1
    assert checks.repetition(row([60, 62, 64, 65, 60, 62, 64, 67]), 4) == 0.75
    assert checks.repetition(row([60, 62, 64, 65, 67, 69, 71, 72] * 2), 4) == 0
    assert checks.repetition(row([60, 62, 64, 65, 67, 69, 71, 72] * 2), 8) == 1
    assert checks.repetition(row([60, 62]), 4) == 0


def test_the_longest_copy_is_found_in_any_key():
    rng = np.random.default_rng(1)
    known = [row(rng.integers(50, 80, 60), 0.5) for _ in range(5)]
    corpus = checks.Corpus(map(checks.melody_tokens, known))
    copied = [note.pitch + 3 for note in known[3][20:33]]
    piece = row([*copied, 40, 41, 42], 0.5)
    assert corpus.longest_copy(checks.melody_tokens(piece)) == 12
    assert corpus.longest_copy(checks.melody_tokens(row(copied, 0.25))) == 0, "another rhythm is another melody"
    assert corpus.longest_copy(checks.melody_tokens(known[2])) == 59
    assert corpus.longest_copy([]) == 0


def test_a_copy_does_not_span_two_pieces():
    corpus = checks.Corpus([[1, 2, 3], [4, 5, 6]])
    assert corpus.longest_copy([2, 3, 4, 5]) == 2
    assert checks.Corpus([[1, 2, 3, 4, 5, 6]]).longest_copy([2, 3, 4, 5]) == 4


def test_hits_are_compared_by_drum_not_by_interval():
    hits, others = row([36, 42, 38, 42], 0.5), row([38, 44, 40, 44], 0.5)
    corpus = checks.Corpus([checks.drum_tokens(hits)])
    assert corpus.longest_copy(checks.drum_tokens(hits)) == 3
    assert corpus.longest_copy(checks.drum_tokens(others)) == 0
    assert "pitch_class_entropy" not in checks.figures(hits, 4, pitched=False)


def test_table_and_failures():
    real, model = checks.figures(row(SCALE * 2), 4), checks.figures(row([60] * 16), 4)
    assert checks.means([real, model])["pitch_class_entropy"] == pytest.approx(real["pitch_class_entropy"] / 2)
    lines = checks.table({"real": real, "ours": model}).splitlines()
    assert lines[0] == "| | real | ours |"
    assert len(lines) == 2 + len(real)
    assert checks.failures(real, real, {"pitch_class_entropy": 0.1}) == []
    (failure,) = checks.failures(real, model, {"pitch_class_entropy": 0.5, "note_density": 0.1})
    assert failure.startswith("pitch_class_entropy: 0.000, real music has 2.75")


def test_an_undefined_figure_is_left_out_of_means_and_is_a_failure():
    assert checks.means([{"a": 1.0}, {"a": math.nan}, {"a": 2.0}]) == {"a": 1.5}
    undefined = checks.means([{"a": math.nan}])
    assert math.isnan(undefined["a"])
    assert len(checks.failures({"a": 1.0}, undefined, {"a": 0.5})) == 1
    with pytest.raises(checks.NoPieces, match="choose more of them"):
        checks.means([])

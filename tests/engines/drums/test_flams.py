"""Flams of the snare: before the hit, as often and as soft as drummers play them, and none in soft playing."""

from __future__ import annotations

import numpy as np
import pytest

from daemon.encodings.drums.hits import INSTRUMENTS
from daemon.engines.drums.flams import SHARES, Flams
from daemon.engines.drums.primer import Note
from daemon.music.events import Play
from daemon.paths import resources
from export_tools.drums.response import flams, played
from tests.engines.drums.fake import SNARE, FakeModel, make, run, window

DRUM, KICK = INSTRUMENTS.index(SNARE), INSTRUMENTS.index(36)
ALWAYS = {"earliest": 1.0, "latest": -1.0}


def strokes(actions: list) -> list[tuple[float, int]]:
    return sorted((a.onset, a.velocity) for a in actions if isinstance(a, Play) and a.pitch == SNARE)


@pytest.mark.parametrize("tempo", [60.0, 120.0, 220.0])
def test_a_soft_stroke_comes_before_each_beat_that_has_a_flam(monkeypatch: pytest.MonkeyPatch, tempo: float) -> None:
    heard = strokes(run(make(monkeypatch, FakeModel(), flams=1.0), 0, 64, tempo=tempo))
    beats = [hit for hit in heard if hit[0] % 1 == 0]
    assert [beat for beat, _ in beats] == [float(beat) for beat in range(1, 64, 2)], "the hits stay where they were"
    before = [(beat, velocity) for beat, velocity in heard if beat % 1]
    assert len(before) >= len(beats) - 3, "of the groove at the entry, one may be too late"
    for beat, velocity in before:
        main = next(hit for hit in beats if hit[0] > beat)
        assert 0.014 < (main[0] - beat) * 60 / tempo < 0.045 and velocity <= main[1] * (1.0 if beat < 8 else 0.5)


def test_each_first_stroke_lies_in_its_window(monkeypatch: pytest.MonkeyPatch) -> None:
    for late in (0, 3, -5):
        engine = make(monkeypatch, FakeModel(shift=late), flams=1.0)
        for number in range(256):
            span = window(number / 4)
            assert all(span.start <= a.onset < span.end for a in engine.generate(span) if isinstance(a, Play))


def test_soft_and_sparse_playing_has_no_flams(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = make(monkeypatch, FakeModel(velocity=30), {"intensity": 0.2}, flams=1.0)
    assert all(beat % 1 == 0 for beat, _ in strokes(run(engine, 0, 64)))


def test_one_draw_for_each_hit_in_the_shares_of_the_data() -> None:
    drawn = Flams(np.random.default_rng(1))
    for velocity, share in zip((20, 40, 80, 120), SHARES, strict=True):
        notes = [Note(0, DRUM, velocity) for _ in range(4000)]
        found = [drawn.take(note, **ALWAYS) for note in notes]
        assert abs(np.mean([first is not None for first in found]) - share) < 0.015
        assert drawn.take(notes[-1], **ALWAYS) is None, "returned once"
    assert all(drawn.take(Note(0, KICK, 20), **ALWAYS) is None for _ in range(500))
    note, asked = Note(0, DRUM, 20), 0
    while (first := drawn.take(note, **ALWAYS)) is None:
        note, asked = Note(0, DRUM, 20), asked + 1
    assert asked and 0.015 <= first.ahead <= 0.044


def test_a_first_stroke_waits_for_its_window() -> None:
    drawn = Flams(np.random.default_rng(1))
    for _ in range(200):
        note = Note(0, DRUM, 20)
        assert drawn.take(note, earliest=0.3, latest=0.1) is None, "later"
        first = drawn.take(note, earliest=0.1, latest=-0.1)
        assert drawn.take(note, **ALWAYS) is None
        if first is not None:
            return
    raise AssertionError("no flam at all")


def test_the_shipped_model_plays_flams_and_the_same_again() -> None:
    model = resources() / "models/drums.onnx"
    middle = [played("funk", model, seed, intensity=0.5, fill_every=0.0) for seed in (1, 1, 2)]
    assert 0.01 < flams(middle[0]) < 0.12 and flams(middle[2]) > 0
    assert middle[0] == middle[1]

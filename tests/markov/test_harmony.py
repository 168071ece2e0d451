"""h(pitch class, chord), and the weights that follow from h, against sums that are written out."""

import math
import random

import numpy as np
import pytest

from daemon.markov.events import REST
from daemon.markov.harmony import (
    STRENGTH,
    Harmony,
    chord_weights,
    encounters,
    estimated_harmony,
    stated_harmony,
    strong_ticks,
)
from daemon.markov.weights import MelodyWeights

QUALITIES = {"": (0, 4, 7), "m": (0, 3, 7), "7": (0, 4, 7, 10), "N.C.": ()}
STATED = stated_harmony(QUALITIES)


def h(harmony, pitch, chord, strong):
    """log h, looked up one by one."""
    if pitch == REST:
        return 0.0
    return harmony.log_h[int(strong), harmony.qualities.index(chord[1]), (pitch - chord[0]) % 12]


def total(harmony, melody, chords, strong):
    """log w, tick by tick: at each tick a note counts with the chord that sounds with the note."""
    notes = [event[0] for event in melody for _ in range(event[-1])]
    sounding = [event for event in chords for _ in range(event[-1])]
    return sum(
        min(h(harmony, pitch, chord, accent), 0.0) * STRENGTH / 12
        for pitch, chord, accent in zip(notes, sounding, strong, strict=True)
    )


def test_chord_tones_then_tensions_then_avoid_notes():
    major = np.exp(STATED.log_h[:, 0])
    for accent in (0, 1):
        tones, tensions, avoid = major[accent, [0, 4, 7]], major[accent, [2, 6, 9]], major[accent, [1, 5, 8]]
        assert tones.min() > tensions.max() > avoid.max()
    weak, strong = major
    assert (strong[[1, 2, 3, 5, 6, 8, 9, 10, 11]] < weak[[1, 2, 3, 5, 6, 8, 9, 10, 11]]).all()


def test_every_note_goes_with_no_chord():
    assert not STATED.log_h[:, 3].any()


def test_altered_tensions_of_a_dominant_are_not_avoided():
    assert STATED.log_h[0, 2, 1] > STATED.log_h[0, 0, 1]
    assert STATED.log_h[0, 2, 5] == STATED.log_h[0, 0, 5]


@pytest.mark.parametrize("seed", range(10))
def test_weights_of_melody_and_of_chords_sum_to_the_same_as_tick_by_tick(seed):
    rng = random.Random(seed)
    harmony = Harmony(tuple(QUALITIES), np.random.default_rng(seed).normal(size=(2, 4, 12)))
    melody, chords = [], []
    for events, make in (
        (melody, lambda d: (rng.choice([REST, -3, 0, 4, 14]), d)),
        (chords, lambda d: (rng.randrange(12), rng.choice(list(QUALITIES)), d)),
    ):
        while (left := 48 - sum(event[-1] for event in events)) > 0:
            events.append(make(min(rng.randint(1, 9), left)))
    strong = strong_ticks(48, 24, (0, 12))
    expected = total(harmony, melody, chords, strong)
    of_melody = MelodyWeights(harmony, np.zeros((24, 10))).table(melody, chords, strong).logs
    for events, weights in ((melody, of_melody), (chords, chord_weights(harmony, chords, melody, strong))):
        begins = np.cumsum([0, *(event[-1] for event in events)])[:-1]
        assert weights.shape == (48, len(events))
        assert weights[begins, range(len(events))].sum() == pytest.approx(expected, abs=1e-10)


def test_a_note_meets_each_chord_that_sounds_with_it_once():
    melody, chords = [(0, 12), (REST, 6), (4, 18)], [(0, "", 6), (7, "", 20), (0, "m", 10)]
    assert [list(column) for column in encounters(melody, chords)] == [[0, 6, 18, 26], [0, 0, 4, 4], [0, 1, 1, 2]]


def test_estimated_from_a_corpus():
    """On strong ticks all notes of the corpus are chord tones: h is high there for these, and low for others."""
    rng = random.Random(1)
    pieces = []
    for _ in range(200):
        root = rng.choice((0, 5, 7))
        melody = [(root + rng.choice((0, 4, 7)), 12), (rng.choice((0, 2, 4, 5, 7, 9, 11)), 12)] * 2
        pieces.append((melody, [(root, "", 48)], strong_ticks(48, 48, (0, 24))))
    found = np.exp(estimated_harmony(pieces, STATED).log_h)
    assert found[1, 0, [0, 4, 7]].min() > 1.2
    assert found[1, 0, [1, 2, 5, 9, 11]].max() < 0.2
    assert found[0, 0, [0, 2, 4, 7]] == pytest.approx(1, abs=0.45)
    assert found[:, 1] == pytest.approx(np.exp(STATED.log_h[:, 1]))  # no minor chord in the corpus


def test_a_corpus_in_other_keys_gives_the_same():
    """h depends on intervals only: a chord never seen on this root is known from the other roots."""
    melody, chords = [(0, 12), (4, 12), (7, 12), (5, 12)], [(0, "", 48)]
    moved = [(pitch + 5, duration) for pitch, duration in melody], [(5, "", 48)]
    strong = strong_ticks(48, 48, (0,))
    one = estimated_harmony([(melody, chords, strong)] * 2, STATED)
    other = estimated_harmony([(*moved, strong)] * 2, STATED)
    assert one.log_h == pytest.approx(other.log_h)


def test_h_is_never_zero():
    with pytest.raises(ValueError, match="finite log h"):
        Harmony(("",), np.full((2, 1, 12), -math.inf))

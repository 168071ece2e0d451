"""Voicings: what they contain, and where they lie."""

from __future__ import annotations

from itertools import combinations, pairwise

import pytest

from daemon.engines.comping.voicings import colours_of, tones_of, voicings_of
from daemon.music.chords import chord_of

# Symbols with the semitones above the root that every voicing has.
GUIDES = {
    "C": {4}, "Cm": {3}, "C6": {4, 9}, "Cm6": {3, 9}, "Cmaj7": {4, 11}, "C7": {4, 10}, "Cm7": {3, 10}, "CmM7": {3, 11},
    "Cm7b5": {3, 6, 10}, "Cdim7": {3, 6, 9}, "Caug": {4, 8}, "C7#5": {4, 8, 10}, "C7b5": {4, 6, 10}, "C7sus4": {5, 10},
    "Csus4": {5}, "Csus2": {2}, "C9": {4, 10, 2}, "Cmaj9": {4, 11, 2}, "Cm9": {3, 10, 2}, "C13": {4, 10, 9},
    "C7b9": {4, 10, 1}, "C7#9": {4, 10, 3}, "C7#9#5": {4, 8, 10, 3}, "C13b9": {4, 10, 1, 9}, "Cm11": {3, 10, 5},
    "C69": {4, 9, 2}, "Cadd9": {4, 2}, "C7#11": {4, 10, 6}, "Cmaj7#11": {4, 11, 6}, "C9sus4": {5, 10, 2}, "C5": {7},
    "C13#11": {4, 10, 6, 9}, "C7b9#11": {4, 10, 1, 6}, "C7b9b13": {4, 10, 8, 1}, "C7alt": {4, 10, 8, 3},
    "G/B": {4}, "Cdim": {3, 6},
}  # fmt: skip


@pytest.mark.parametrize("symbol", GUIDES)
def test_every_voicing_has_the_tones_that_make_the_chord_and_no_others(symbol: str) -> None:
    chord = chord_of(symbol)
    colours = colours_of(chord, None, frozenset(range(12)))
    allowed = {interval % 12 for interval in chord.intervals} | set(colours)
    found = voicings_of(chord, colours)
    assert 2 <= len(found) <= 150
    for voicing in found:
        tones = {(pitch - chord.root) % 12 for pitch in voicing}
        assert GUIDES[symbol] <= tones <= allowed, (symbol, voicing)


@pytest.mark.parametrize("symbol", ["Cmaj7", "C7", "Cm7", "F7", "Bbm7", "Ebmaj7", "A7", "C7sus4", "C6"])
def test_there_is_a_choice_for_usual_chords(symbol: str) -> None:
    chord = chord_of(symbol)
    assert len(voicings_of(chord, colours_of(chord, None, frozenset(range(12))))) >= 40


@pytest.mark.parametrize("symbol", GUIDES)
def test_voicings_lie_well(symbol: str) -> None:
    chord = chord_of(symbol)
    for voicing in voicings_of(chord, colours_of(chord, None, frozenset(range(12)))):
        assert voicing == tuple(sorted(set(voicing)))
        assert voicing[0] >= 48 and voicing[-1] <= 79, "nothing below C3"
        assert voicing[-1] - voicing[0] <= 17
        assert all(high - low != 13 for low, high in combinations(voicing, 2)), "no minor ninth"
        assert voicing[-1] - voicing[-2] > 1, "no semitone on top"
        assert all(high - low > 2 or low >= 55 for low, high in pairwise(voicing)), "no seconds low down"


def test_the_left_hand_voicings_of_textbooks_are_among_them() -> None:
    """Levine: Dm7 as F A C E and C E F A, G7 as F A B E and B E F A, Cmaj7 as E G B D and B D E G."""
    for symbol, names in (("Dm7", (5, 9, 0, 4)), ("G7", (5, 9, 11, 4)), ("Cmaj7", (4, 7, 11, 2))):
        chord = chord_of(symbol)
        found = voicings_of(chord, colours_of(chord, None, frozenset((0, 2, 4, 5, 7, 9, 11))))
        for turned in (names, names[2:] + names[:2]):
            pitches = [48 + turned[0]]
            for name in turned[1:]:
                pitches.append(pitches[-1] + (name - pitches[-1]) % 12)
            assert any(tuple(pitch + 12 * octave for pitch in pitches) in found for octave in (0, 1)), (symbol, turned)


def test_colours_fit_the_key_and_the_chord_that_follows() -> None:
    c_major = frozenset((0, 2, 4, 5, 7, 9, 11))
    assert colours_of(chord_of("Dm7"), chord_of("G7"), c_major) == (2,)
    assert colours_of(chord_of("Em7"), chord_of("Am7"), c_major) == (), "F# is not in C"
    assert colours_of(chord_of("G7"), chord_of("C"), c_major) == (2, 9)
    assert colours_of(chord_of("G7"), chord_of("Cm"), c_major) == (), "neither A nor E before C minor"
    assert colours_of(chord_of("G7b9"), chord_of("C"), c_major) == (), "its colours are written"
    assert colours_of(chord_of("Bm7b5"), chord_of("E7"), c_major) == ()


def test_functions_of_the_tones() -> None:
    assert tones_of(chord_of("C13")).colours[-1] == 9 and 5 not in tones_of(chord_of("C13")).colours
    assert tones_of(chord_of("Cm11")).colours[-1] == 5
    assert tones_of(chord_of("Cdim7")).guides == (3, 9)
    assert tones_of(chord_of("C7#9")).third == 4 and tones_of(chord_of("C7#9")).colours == (3,)


def test_beneath_a_melody_there_are_shells_of_the_guide_tones() -> None:
    shells = [voicing for voicing in voicings_of(chord_of("Dm7"), (), True) if len(voicing) == 2]
    assert (48, 53) in shells and all({pitch % 12 for pitch in shell} == {5, 0} for shell in shells)
    assert {frozenset(p % 12 for p in v) for v in voicings_of(chord_of("G"), (), True) if len(v) == 2} == {
        frozenset((7, 11))
    }
    assert all(len(voicing) > 2 for voicing in voicings_of(chord_of("Dm7b5"), (), True)), "its fifth tells the chord"
    assert all(len(voicing) > 2 for voicing in voicings_of(chord_of("Dm7"), ()))

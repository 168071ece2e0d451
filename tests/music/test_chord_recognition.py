"""Chord recognition on voicings as textbooks for piano print them, written out in C and moved to all keys.

The table shares no code with daemon/music: names of notes and chords are read here.
"""

from __future__ import annotations

import re
from itertools import product

import pytest

from daemon.music.chord_recognition import recognise
from daemon.music.chords import chord_of
from daemon.music.leadsheet import Key

NAMES = {"C": 0, "Db": 1, "C#": 1, "D": 2, "Eb": 3, "D#": 3, "E": 4, "F": 5, "F#": 6, "Gb": 6, "G": 7, "Ab": 8, "G#": 8}
NAMES |= {"A": 9, "Bb": 10, "A#": 10, "B": 11, "Cb": 11, "E#": 5}
# Symbols that name the voicing, the usual one first: its notes, from the lowest.
TRIADS = """
C: C3 E3 G3 | C/E: E3 G3 C4 | C/G: G2 C3 E3 | C: C2 G2 E3 | C: C3 E3 G3 C4 | C/E: E2 C3 G3 | C/G: G2 E3 C4
Cm: C3 Eb3 G3 | Cm/Eb: Eb3 G3 C4 | Cm/G: G2 C3 Eb3 | Cm: C2 G2 Eb3 | Cm/Eb: Eb2 C3 G3
Cdim: C3 Eb3 Gb3 | Cdim/Eb: Eb3 Gb3 C4 | Cdim/Gb: Gb2 C3 Eb3
Caug: C3 E3 G#3 | Caug: C2 G#2 E3 C4
Csus4: C3 F3 G3 | Csus4 Fsus2: C3 F3 G3 C4 | Csus4/G C7sus4/G: G2 C3 F3 | Csus2: C3 D3 G3 | Csus2: C2 G2 D3
C5: C2 G2 | C5: C2 G2 C3 | C5/G: G2 C3 | C5: C2 C3 G3
C: C3 E3 | C: C2 E3 | Cm: C3 Eb3 | Cm: C2 Eb3 | C/E: E3 C4 | Cm/Eb: Eb3 C4
"""
SEVENTHS = """
Cmaj7: C3 E3 G3 B3 | Cmaj7/E: E3 G3 B3 C4 | Cmaj7/G: G2 B2 C3 E3 | Cmaj7/B: B2 C3 E3 G3 | Cmaj7: C2 G2 E3 B3
Cmaj7: C3 G3 B3 E4 | Cmaj7/G: G2 C3 E3 B3 | Cmaj7/E: E2 B2 C3 G3
C7: C3 E3 G3 Bb3 | C7/E: E3 G3 Bb3 C4 | C7/G: G2 Bb2 C3 E3 | C7/Bb: Bb2 C3 E3 G3 | C7: C2 G2 E3 Bb3 | C7: C2 Bb2 E3 G3
Cm7: C3 Eb3 G3 Bb3 | Cm7/Eb Eb6: Eb3 G3 Bb3 C4 | Cm7/G: G2 Bb2 C3 Eb3 | Cm7/Bb: Bb2 C3 Eb3 G3 | Cm7: C2 G2 Bb2 Eb3
Cm7b5: C3 Eb3 Gb3 Bb3 | Cm7b5/Eb Ebm6: Eb3 Gb3 Bb3 C4 | Cm7b5/Gb: Gb2 Bb2 C3 Eb3 | Cm7b5/Bb: Bb2 C3 Eb3 Gb3
Cdim7: C3 Eb3 Gb3 A3 | Cdim7: C2 Gb2 Eb3 A3
CmM7: C3 Eb3 G3 B3 | CmM7/Eb: Eb3 G3 B3 C4 | CmM7/G: G2 B2 C3 Eb3 | CmM7/B: B2 C3 Eb3 G3
C7sus4: C3 F3 G3 Bb3 | C7sus4: C2 G2 Bb2 F3 | C7sus4/G: G2 Bb2 C3 F3 | C7sus4/F Fsus2: F3 G3 Bb3 C4
C7sus4/Bb: Bb2 C3 F3 G3
C7#5: C3 E3 G#3 Bb3 | C7b5: C3 E3 Gb3 Bb3 | Cmaj7#5: C3 E3 G#3 B3
C6: C3 E3 G3 A3 | Am7: A2 C3 E3 G3 | C6: C2 G2 A2 E3 | Am7: A1 G2 C3 E3 | C6: C3 G3 A3 E4
Cm6: C3 Eb3 G3 A3 | Am7b5: A2 C3 Eb3 G3 | Cm6: C2 G2 A2 Eb3 | Am7b5: A1 G2 C3 Eb3
"""
ADDED = """
Cadd9: C3 D3 E3 G3 | Cadd9: C2 G2 D3 E3 | Cadd9: C3 E3 G3 D4 | Cadd9/E: E3 G3 C4 D4 | Cadd9/G: G2 C3 D3 E3
Cmadd9: C3 D3 Eb3 G3 | Cmadd9: C2 G2 D3 Eb3 | Cmadd9/Eb: Eb3 G3 C4 D4 | C69: C3 E3 A3 D4 | C69: C3 E3 G3 A3 D4
Cm69: C3 Eb3 G3 A3 D4 | C9: C3 E3 G3 Bb3 D4 | C9: C2 Bb2 E3 D4 | C9: C2 E3 Bb3 D4 | C9/E: E2 C3 D3 G3 Bb3
Cmaj9: C3 E3 G3 B3 D4 | Cmaj9: C2 B2 E3 D4 | Cm9: C3 Eb3 G3 Bb3 D4 | Cm9: C2 Bb2 Eb3 D4 | Cm9: C2 Eb3 Bb3 D4
C13: C2 Bb2 E3 A3 | C13: C2 E3 Bb3 A4 | C13: C2 Bb2 D3 E3 A3 | C13: C3 E3 G3 Bb3 D4 A4 | Cmaj13: C3 E3 G3 B3 D4 A4
C7b9: C3 E3 G3 Bb3 Db4 | C7b9: C2 Bb2 E3 Db4 | C7#9: C2 E3 Bb3 D#4 | C7#9: C2 Bb2 E3 Eb4 | C7#9: C3 E3 G3 Bb3 Eb4
C9sus4 Bb/C: C2 Bb2 D3 F3 | C9sus4 Bb/C: C3 Bb3 D4 F4 | C9sus4 Gm7/C: C2 G2 Bb2 D3 F3
C7#9#5 C7alt: C2 E3 G#3 Bb3 D#4 | C7b9#5 C7alt: C2 E3 Ab3 Bb3 Db4 | C7#11: C3 E3 F#3 G3 Bb3 | C9#11: C3 E3 F#3 Bb3 D4
C13#11: C2 Bb2 E3 F#3 A3 D4 | C13b9: C2 Bb2 E3 A3 Db4 | C13sus4: C2 Bb2 D3 F3 A3 | C7b13: C2 Bb2 E3 G3 Ab3
Cmaj7#11: C3 E3 G3 B3 F#4 | Cmaj9#11: C3 E3 B3 D4 F#4 | Cm11: C3 Eb3 G3 Bb3 D4 F4 | Cm11: C3 Bb3 D4 Eb4 F4
Cm7add11 Cm11: C3 F3 Bb3 Eb4 G4 | CmM9: C3 Eb3 G3 B3 D4 | C7sus4b9 Bbm6/C: C3 F3 G3 Bb3 Db4
"""
SHELLS = """
Cmaj7: C3 E3 B3 | Cmaj7: C2 B2 E3 | Cmaj7: C2 B2 | C7: C3 E3 Bb3 | C7: C2 Bb2 E3 | C7: C2 Bb2 | C7: C2 Bb2 E3 Bb3
Cm7: C3 Eb3 Bb3 | Cm7: C2 Bb2 Eb3 | Cm7b5: C2 Gb2 Bb2 Eb3 | CmM7: C2 B2 Eb3 | Cmaj7: C2 E3 B3 | Cm7: C2 Eb3 Bb3
Cdim7: C2 Gb2 A2 Eb3 | C7: C3 G3 Bb3 E4
"""
ROOTLESS = """
Cmaj9: E3 B3 D4 | C9: E3 Bb3 D4 | Cm9: Eb3 Bb3 D4 | Cmaj9: B3 D4 E4 | C9: Bb3 D4 E4 | Cm9: Bb3 D4 Eb4
C13: Bb2 E3 A3 | G13: F3 B3 E4 | F13: Eb3 A3 D4 | C13: E3 Bb3 A4 | C13: Bb3 E4 A4 D5
C13: E3 A3 Bb3 D4 | C13: Bb3 D4 E4 A4 | G13: F3 A3 B3 E4 | G13: B3 E4 F4 A4 | D13: C3 F#3 B3
C7b9#5 C13b9 F#7#9 Gb7#9: E3 A3 Bb3 Db4
F#13 Gb13 C7#9#5: E3 G#3 A#3 D#4
"""
CLUSTERS = """
Cmaj7/B: B2 C3 E3 | Cmaj7/B: B2 C3 E3 G3 | Cmaj9/B Cmaj9: B2 C3 D3 E3 | C7/Bb: Bb2 C3 E3 | Cm7/Bb: Bb2 C3 Eb3
Cadd9: C3 D3 E3 | Cmadd9: C3 D3 Eb3 | Cm9/Bb: Bb2 C3 D3 Eb3 G3 | C9/Bb: Bb2 C3 D3 E3 G3 | C6: C3 E3 G3 A3 C4
Cm9/Bb Cm9: Bb2 C3 D3 Eb3 | C9/Bb C9: Bb2 C3 D3 E3 | C7sus4/F: F3 G3 Bb3 C4 | Csus2: C3 D3 G3 C4
"""
SLASHES = """
C7/Bb: Bb2 E3 G3 C4 | D/C D7/C: C3 D3 F#3 A3 | C9sus4 Bb/C: C3 F3 Bb3 D4 | Ab/Bb Bb9sus4: Bb2 Ab3 C4 Eb4
F#/C Gb/C: C3 F#3 A#3 C#4 | G/C Cmaj9: C3 G3 B3 D4 | F/G G9sus4: G2 F3 A3 C4 | Am/D D9sus4 D9: D3 A3 C4 E4
Am7/D D9sus4: D2 A2 C3 E3 G3 | Dm7/G G9sus4: G2 D3 F3 A3 C4 | C/D D9sus4: D2 C3 E3 G3 | E/C Cmaj7#5: C3 E3 G#3 B3
C/F# C/Gb: F#2 C3 E3 G3 | Cm/D D7sus4b9: D3 Eb3 G3 C4 | F/Gb F/F# F#dimM7: Gb2 F3 A3 C4 | Cm/F F9: F2 C3 Eb3 G3
"""
# Voicings without a root that look like another complete chord: for players who leave out roots.
ROOTLESS_MEANT = """
Cmaj9: E3 G3 B3 D4 | Cmaj9: B3 D4 E4 G4 | Cm9: Eb3 G3 Bb3 D4 | Cm9: Bb3 D4 Eb4 G4 | C9: E3 G3 Bb3 D4 | C9: Bb3 D4 E4 G4
C13: E3 A3 Bb3 D4 | C13: Bb3 D4 E4 A4 | C69: E3 G3 A3 D4 | C69: A3 D4 E4 G4 | C7b9: E3 G3 Bb3 Db4 | C7: E3 G3 Bb3
"""
GROUPS = {
    "triads": TRIADS, "sevenths": SEVENTHS, "added": ADDED, "shells": SHELLS, "rootless": ROOTLESS,
    "clusters": CLUSTERS, "slashes": SLASHES, "rootless meant": ROOTLESS_MEANT,
}  # fmt: skip


def voicings(text: str) -> list[tuple[list[str], list[int]]]:
    found = []
    for entry in re.split(r"[|\n]", text.strip()):
        symbols, _, notes = entry.partition(":")
        pitches = [NAMES[note[:-1]] + 12 * int(note[-1]) + 12 for note in notes.split()]
        assert symbols.split() and pitches == sorted(pitches), entry
        found.append((symbols.split(), pitches))
    return found


def parts(symbol: str) -> tuple[int, str, int | None]:
    """Root, quality and bass."""
    found = re.fullmatch(r"([A-G][b#]?)(.*?)(?:/([A-G][b#]?))?", symbol)
    assert found, symbol
    root, quality, bass = found.groups()
    return NAMES[root], quality, NAMES[bass] if bass else None


def higher(symbol: str, semitones: int) -> tuple[int, str, int | None]:
    root, quality, bass = parts(symbol)
    return (root + semitones) % 12, quality, None if bass is None else (bass + semitones) % 12


def score(name: str, key: Key | None = None) -> tuple[int, int, list[str]]:
    right, count, wrong = 0, 0, []
    for symbols, pitches in voicings(GROUPS[name]):
        for semitones in range(-5, 7):
            found = recognise([pitch + semitones for pitch in pitches], key, rootless=name == "rootless meant")
            is_right = found is not None and parts(found) in [higher(symbol, semitones) for symbol in symbols]
            right, count = right + is_right, count + 1
            if not is_right:
                wrong.append(f"{symbols} {pitches} +{semitones}: {found}")
    return right, count, wrong


@pytest.mark.parametrize("name", GROUPS)
def test_voicings_of_textbooks_are_recognised_in_all_keys(name: str) -> None:
    right, count, wrong = score(name)
    assert right >= 0.98 * count, "\n".join(wrong)


@pytest.mark.parametrize("tonic", range(12))
def test_a_key_changes_no_chord_that_is_sure(tonic: int) -> None:
    """It decides between the chords of equal notes, and spells."""
    scores = [score(name, Key(tonic)) for name in GROUPS if name != "rootless"]
    assert sum(right for right, _, _ in scores) >= 0.98 * sum(count for _, count, _ in scores), scores


# Semitones above the root of chords in root position.
TONES = {
    "": (4, 7), "m": (3, 7), "dim": (3, 6), "aug": (4, 8), "sus4": (5, 7), "sus2": (2, 7), "6": (4, 7, 9),
    "m6": (3, 7, 9), "7": (4, 7, 10), "maj7": (4, 7, 11), "m7": (3, 7, 10), "m7b5": (3, 6, 10), "dim7": (3, 6, 9),
    "mM7": (3, 7, 11), "7sus4": (5, 7, 10), "add9": (2, 4, 7), "madd9": (2, 3, 7), "69": (2, 4, 7, 9),
    "9": (2, 4, 7, 10), "maj9": (2, 4, 7, 11), "m9": (2, 3, 7, 10), "13": (4, 9, 10), "7b9": (1, 4, 7, 10),
    "7#9": (3, 4, 7, 10), "m11": (2, 3, 5, 7, 10), "9sus4": (2, 5, 7, 10), "7#5": (4, 8, 10),
}  # fmt: skip


@pytest.mark.parametrize("quality", TONES)
def test_a_chord_over_its_root_is_recognised_in_whatever_octaves_its_tones_are(quality: str) -> None:
    for root, octaves in product(range(40, 52), product((0, 12), repeat=len(TONES[quality]))):
        found = recognise([root, *(root + tone + up for tone, up in zip(TONES[quality], octaves, strict=True))])
        assert found is not None and parts(found) == (root % 12, quality, None), found


def test_every_symbol_is_a_chord_of_lead_sheets_with_the_notes_played() -> None:
    for name, text in GROUPS.items():
        for _, pitches in voicings(text):
            symbol = recognise(pitches, rootless=name == "rootless meant")
            assert symbol is not None
            assert {pitch % 12 for pitch in pitches} <= chord_of(symbol).pitch_classes, (symbol, pitches)


def played(notes: str, key: Key | None = None) -> str | None:
    return recognise(voicings(f"C: {notes}")[0][1], key)


def test_the_bass_decides_between_a_sixth_and_a_minor_seventh() -> None:
    assert played("A2 C3 E3 G3") == "Am7"
    assert played("C3 E3 G3 A3") == "C6"
    assert played("A1 C3 E3 G3 A3") == "Am7"


@pytest.mark.parametrize(
    ("tonic", "mode", "notes", "symbol"),
    [
        (0, "major", "F3 B3 E4", "G13"),
        (6, "major", "F3 B3 E4", "Db7#9"),
        (0, "major", "E3 Bb3", "C7"),
        (6, "major", "E3 Bb3", "Gb7"),
        (5, "major", "E3 G#3 A#3 D#4", "C7#9#5"),
        (11, "major", "E3 G#3 A#3 D#4", "F#13"),
        (9, "minor", "E3 G#3 B3 D4", "E7"),
    ],
)
def test_the_key_decides_between_chords_of_equal_notes(tonic: int, mode: str, notes: str, symbol: str) -> None:
    assert played(notes, Key(tonic, mode)) == symbol


@pytest.mark.parametrize(
    ("tonic", "mode", "notes", "symbol"),
    [
        (0, "major", "Bb2 D3 F3", "Bb"),
        (0, "major", "F#3 A3 C4 E4", "F#m7b5"),
        (0, "major", "D2 F#2 A2", "D"),
        (5, "major", "F#2 A2 D3", "D/F#"),
        (0, "major", "Db3 E3 G3 Bb3", "C#dim7"),
        (9, "major", "C#3 E3 A3", "A/C#"),
        (3, "major", "Ab3 C4 Eb4", "Ab"),
        (4, "major", "Ab3 C4 Eb4", "G#"),
        (4, "major", "Ab3 B3 Eb4", "G#m"),
        (0, "minor", "Ab3 C4 Eb4", "Ab"),
        (1, "major", "Gb3 Bb3 Db4", "Gb"),
        (8, "major", "Eb3 G3 C4", "Cm/Eb"),
        (2, "major", "F#3 A#3 C#4", "F#"),
        (0, "major", "Ab2 C3 E3 G#3", "Abaug"),
    ],
)
def test_the_key_spells(tonic: int, mode: str, notes: str, symbol: str) -> None:
    assert played(notes, Key(tonic, mode)) == symbol


@pytest.mark.parametrize(
    "notes", ["C3", "C3 C4", "C3 Db3", "C3 D3", "C3 Db3 D3", "C3 C#3 D3 D#3 E3", "E3 F3 F#3 G3 Ab3"]
)
def test_a_key_a_second_or_a_handful_of_neighbours_is_no_chord(notes: str) -> None:
    assert played(notes) is None


def test_no_keys_are_no_chord() -> None:
    assert recognise([]) is None
    assert recognise(range(128)) is None

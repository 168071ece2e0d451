"""The key of lead sheets: minor or relative major, signatures that are wrong, blues, endings on another chord."""

from __future__ import annotations

import pytest

from daemon.music.key_estimate import estimated_key
from daemon.music.leadsheet import Key, LeadSheet
from daemon.music.melody import Note
from daemon.music.plan import PlannedChord, Section


def sheet(chords: str, melody: str = "") -> LeadSheet:
    """A bar for each chord; the melody in quarters, as degrees of the chromatic scale on C."""
    symbols, pitches = chords.split(), [int(word) for word in melody.split()]
    length = 4.0 * len(symbols)
    planned = tuple(PlannedChord(4.0 * bar, 4.0, symbol) for bar, symbol in enumerate(symbols))
    notes = tuple(Note(float(beat), 1.0, 60 + pitch, 90) for beat, pitch in enumerate(pitches))
    return LeadSheet("", Key(0), (4, 4), 120, length, planned, (Section(0.0, length, "A"),), notes)


@pytest.mark.parametrize(
    ("chords", "melody", "signature", "key"),
    [
        ("C F G7 C", "0 4 7 7 9 9 7 7 7 5 4 2 0 0 0 0", 0, Key(0)),
        ("Am Dm E7 Am", "9 0 4 4 5 5 2 2 4 8 8 11 9 9 9 9", 0, Key(9, "minor")),
        ("Am Dm G7 C", "9 0 4 4 5 5 2 2 7 5 4 2 0 0 0 0", 0, Key(0)),  # begins on the sixth
        ("Em B7 Em B7", "4 7 9 11 0 11 9 6 2 4 4 6 7 6 4 3", 1, Key(4, "minor")),  # ends on the dominant
        ("F Bb C7 F", "5 9 0 0 10 10 9 9 7 7 4 4 5 5 5 5", 0, Key(5)),  # the signature is missing
        ("F7 Bb7 F7 F7 C7 Bb7 F7 C7", "5 8 9 0 3 0 9 5", -1, Key(5)),  # a blues
        ("Dm7 G7 Cmaj7 G7", "2 5 9 0 11 9 7 5 4 4 4 4 2 2 2 2", 0, Key(0)),
        ("Dm C Dm C Dm", "2 2 2 2 0 0 4 4 2 5 9 9 0 9 7 4 2 2 2 2", -1, Key(2, "minor")),  # Dorian
        ("N.C. G D7 G", "7 11 2 2 2 2 11 11 9 6 2 0 7 7 7 7", 1, Key(7)),
        ("Gb Db7 Gb", "", -6, Key(6)),
    ],
)
def test_the_key(chords: str, melody: str, signature: int, key: Key) -> None:
    assert estimated_key(sheet(chords, melody), signature) == key


def test_without_a_signature_melody_and_chords_decide() -> None:
    assert estimated_key(sheet("Bm F#7 Bm"), None) == Key(11, "minor")


@pytest.mark.parametrize("tonic", range(12))
@pytest.mark.parametrize(("melody", "mode"), [("0 2 4 5 7 9 11 0", "major"), ("9 11 0 2 4 5 7 9", "minor")])
def test_a_melody_alone_has_the_key_of_its_notes_and_of_the_last_one(tonic: int, melody: str, mode: str) -> None:
    """Relative keys have the same notes: only the last one tells them apart."""
    degrees = [int(degree) + tonic for degree in melody.split()]
    found = estimated_key(sheet("N.C. N.C.", " ".join(map(str, degrees))), None)
    assert found == Key(degrees[-1] % 12, mode)


@pytest.mark.parametrize(
    ("chords", "key"),
    [
        ("C Am", Key(9, "minor")),
        ("Am C", Key(0)),
        ("C G Am Em", Key(4, "minor")),
        ("Am Em C G", Key(7)),
        ("F C", Key(0)),
        ("Am F G Am", Key(9, "minor")),
    ],
)
def test_chords_alone_have_the_key_of_the_last_one(chords: str, key: Key) -> None:
    assert estimated_key(sheet(chords), None) == key


def test_a_sheet_of_nothing_has_some_key() -> None:
    assert estimated_key(sheet("N.C."), 3) == Key(9)

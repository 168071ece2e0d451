"""The key of a lead sheet. A key signature cannot tell a minor key from its relative major, and is wrong at times."""

from __future__ import annotations

import math
from collections.abc import Sequence

from daemon.music.chords import Chord, chord_named
from daemon.music.key_profiles import MAJOR_PROFILE, MINOR_PROFILE
from daemon.music.leadsheet import Key, LeadSheet

# What else speaks for a key, in correlations with its profile (at most 1). Found by trying on 150 sheets.
LAST_CHORD, FIRST_CHORD, LAST_NOTE, SIGNATURE = 0.4, 0.15, 0.2, 0.4
CHORD_SHARE = 0.5  # of a beat of a chord tone, against a beat of the melody


def estimated_key(sheet: LeadSheet, signature: int | None) -> Key:
    """The most probable key by melody, chords, the last of both, and the signature (its sharps, or flats below 0)."""
    chords = [(each, chord) for each in sheet.chords if (chord := chord_named(each.symbol)) is not None]
    heard = [0.0] * 12
    for note in sheet.melody:
        heard[note.pitch % 12] += note.duration
    for each, chord in chords:
        for pitch_class in chord.pitch_classes:
            heard[pitch_class] += each.duration * CHORD_SHARE
    keys = [Key(tonic, mode) for mode in ("major", "minor") for tonic in range(12)]
    return max(keys, key=lambda key: _evidence(key, heard, [chord for _, chord in chords], sheet, signature))


def _evidence(
    key: Key, heard: Sequence[float], chords: Sequence[Chord], sheet: LeadSheet, signature: int | None
) -> float:
    profile = MINOR_PROFILE if key.mode == "minor" else MAJOR_PROFILE
    evidence = _correlation([heard[(key.tonic + degree) % 12] for degree in range(12)], profile)
    if chords:
        evidence += LAST_CHORD * _is_tonic(chords[-1], key) + FIRST_CHORD * _is_tonic(chords[0], key)
    if sheet.melody:
        evidence += LAST_NOTE * (sheet.melody[-1].pitch % 12 == key.tonic)
    return evidence + SIGNATURE * (signature == key.fifths)


def _is_tonic(chord: Chord, key: Key) -> float:
    """How much a chord is like the tonic: one with a minor seventh may be the dominant, or the ii of a major key."""
    if chord.root != key.tonic or (3 if key.mode == "minor" else 4) not in chord.intervals:
        return 0.0
    return 1.0 if 10 not in chord.intervals else 0.0 if key.mode == "minor" else 0.5


def _correlation(one: Sequence[float], other: Sequence[float]) -> float:
    mean, other_mean = sum(one) / len(one), sum(other) / len(other)
    pairs = [(a - mean, b - other_mean) for a, b in zip(one, other, strict=True)]
    norm = math.sqrt(sum(a * a for a, _ in pairs) * sum(b * b for _, b in pairs))
    return sum(a * b for a, b in pairs) / norm if norm else 0.0

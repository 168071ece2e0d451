"""The scale that belongs to a chord of a plan: the scale with all notes of the chord that fits the chords around it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from daemon.music.chords import Chord

# Semitones above the tonic, and how much less of the context a kind of scale may lack than the kinds before it.
MAJOR, HARMONIC_MINOR, MELODIC_MINOR = (0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 11), (0, 2, 3, 5, 7, 9, 11)
OCTATONIC, WHOLE_TONE = (0, 2, 3, 5, 6, 8, 9, 11), (0, 2, 4, 6, 8, 10)
KINDS = ((MAJOR, 0.0), (HARMONIC_MINOR, 0.04), (MELODIC_MINOR, 0.06), (OCTATONIC, 0.3), (WHOLE_TONE, 0.3))
# Semitones from the root of a chord up to the tonic of its scale, the likeliest first, where nothing else decides.
TONICS = (0, 5, 3, 10, 7, 8, 1, 2, 9, 11, 4, 6)


@lru_cache(maxsize=4096)
def chord_scale(chord: Chord, context: Sequence[float]) -> frozenset[int]:
    """The pitch classes of the scale. `context` (12,): the weight of each pitch class in the chords around."""
    tones, total = chord.pitch_classes, sum(context) or 1.0
    best, chosen = (-1, 0.0), frozenset[int]()
    for intervals, penalty in KINDS:
        for tonic in TONICS:
            scale = frozenset((chord.root + tonic + interval) % 12 for interval in intervals)
            fit = sum(context[pitch_class] for pitch_class in scale) / total - penalty
            if (score := (len(tones & scale), round(fit, 6))) > best:
                best, chosen = score, scale
    return chosen | tones

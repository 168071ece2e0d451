"""Melodies as one event per 16th: 0 no event, 1 note-off, 2..37 note-on of MIDI 48..83 (Magenta's MelodyRNN:
`note_seq`'s MelodyOneHotEncoding); their keys and their transposition."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

Events = NDArray[np.int64]
Floats = NDArray[np.float64]

NO_EVENT, NOTE_OFF_EVENT, FIRST_PITCH = 0, 1, 2
LOWEST, HIGHEST = 48, 83  # MIDI
PITCHES = HIGHEST - LOWEST + 1
EVENTS = FIRST_PITCH + PITCHES
STEPS_PER_BEAT = 4
MIN_PROBABILITY = 1e-12  # of an event that no label means, so that its logarithm is finite
ALL_EVENTS: Events = np.arange(EVENTS)  # the events of labels that are the events themselves

MAJOR = (0, 2, 4, 5, 7, 9, 11)  # semitones above the tonic
# (pitch class, tonic): 1 if the pitch class belongs to the major key
IN_KEY: Events = np.array([[(pitch - key) % 12 in MAJOR for key in range(12)] for pitch in range(12)], dtype=np.int64)


def event_of(pitch: int) -> int:
    """The event that strikes a MIDI pitch; a pitch outside 48..83 is moved into this range by octaves."""
    if pitch < LOWEST:
        pitch += (LOWEST - pitch + 11) // 12 * 12
    elif pitch > HIGHEST:
        pitch -= (pitch - HIGHEST + 11) // 12 * 12
    return pitch - LOWEST + FIRST_PITCH


def pitch_of(event: int) -> int:
    """The MIDI pitch that an event from 2 on strikes."""
    return event - FIRST_PITCH + LOWEST


def step_of(beats: float) -> int:
    """The number of the 16th nearest to a beat; halfway between two, the later one."""
    return math.floor(beats * STEPS_PER_BEAT + 0.5)


def pitch_class_counts(events: Iterable[int]) -> Events:
    """(12,): how often each pitch class is struck; 0 = C."""
    counts = np.zeros(12, dtype=np.int64)
    for event in events:
        if event >= FIRST_PITCH:
            counts[(event - FIRST_PITCH + LOWEST) % 12] += 1
    return counts


def major_keys(counts: Events) -> Events:
    """(12,): how many of the counted pitch classes (12,) lie in each major key; 0 = C (Magenta's estimate)."""
    histogram: Events = counts @ IN_KEY
    return histogram


def transposition_to_c(events: Sequence[int]) -> int:
    """Semitones from the key of the melody to C major, in the octave that centres the melody in 48..83 (Magenta's
    `squash`)."""
    pitches = [pitch_of(int(event)) for event in events if event >= FIRST_PITCH]
    if not pitches:
        return 0
    key = int(major_keys(pitch_class_counts(events)).argmax())
    off_centre = (LOWEST + HIGHEST) / 2 - (min(pitches) + max(pitches)) / 2 + key
    return -key + 12 * int(np.floor(off_centre / 12 + 0.5))


def transposed(event: int, semitones: int) -> int:
    """The event with its pitch moved; pitches wrap around within 48..83, so that no two events become one."""
    return event if event < FIRST_PITCH else (event - FIRST_PITCH + semitones) % PITCHES + FIRST_PITCH


def event_log_probs(log_probs: NDArray[np.floating], events: Events) -> Floats:
    """Log probabilities of labels (n,), which decode to `events` (n,) → log probabilities of the 38 events: the
    probabilities of all labels of an event are added."""
    if events is ALL_EVENTS:
        return log_probs.astype(np.float64)
    chances = np.bincount(events, np.exp(log_probs.astype(np.float64)), EVENTS)
    result: Floats = np.log(np.maximum(chances, MIN_PROBABILITY))
    return result

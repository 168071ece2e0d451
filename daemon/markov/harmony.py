"""h(pitch class, chord): how well a note goes with a chord, stated or estimated from a corpus; and weights of it.

h depends on the interval of the pitch class above the chord's root, on the chord's quality, and on whether the tick is
strong. In the estimate, a note counts once for each chord that sounds with the note: where the note begins, and at each
change of chord while the note sounds.

The weight of a melody with chords, w(melody, chords), is the product over all ticks at which a note sounds of min(h, 1)
to the power STRENGTH / TICKS: short notes between chord tones cost little. No weight is above 1: notes would else be
drawn because each of them gains, such as triplets on the fifth of all chords, which fill any melody.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from daemon.markov.events import REST, TICKS, ChordEvent, MelodyEvent

Array = NDArray[np.float64]
Harmonised = tuple[Sequence[MelodyEvent], Sequence[ChordEvent], NDArray[np.bool_]]  # melody, chords, strong ticks
# The stated h on weak and on strong ticks of chord tones, tensions, other notes, and avoid notes (a semitone above a
# chord tone).
CHORD_TONE = (1.0, 1.0)
TENSION = (0.5, 0.25)
OTHER = (0.15, 0.03)
AVOID = (0.08, 0.01)
STRENGTH = 2.5  # the power of h for each quarter note that a note sounds with a chord
PRIOR = 10.0  # notes: the stated table counts as much as so many notes of a corpus
_DOMINANT = {4, 10}  # chords with these intervals take altered tensions, which are a semitone above a chord tone


@dataclass(frozen=True, slots=True)
class Harmony:
    """`log_h[strong, quality, interval]`: the logarithm of h, which is never 0: no chord makes a melody impossible."""

    qualities: tuple[str, ...]
    log_h: Array

    def __post_init__(self) -> None:
        if self.log_h.shape != (2, len(self.qualities), 12) or not np.isfinite(self.log_h).all():
            raise ValueError("a harmony needs a finite log h for weak and strong ticks, each quality and 12 intervals")

    def log_weights(self, chords: Sequence[ChordEvent]) -> Array:
        """[strong, chord, pitch class]: log w of a tick at which a note sounds with each chord."""
        rows = {quality: row for row, quality in enumerate(self.qualities)}
        quality = np.array([rows[chord[1]] for chord in chords], np.intp)
        root = np.array([chord[0] for chord in chords], np.intp)
        log_h = self.log_h[:, quality[:, None], (np.arange(12) - root[:, None]) % 12]
        return np.minimum(log_h, 0.0) * (STRENGTH / TICKS)


def stated_harmony(qualities: Mapping[str, Collection[int]]) -> Harmony:
    """`qualities`: the intervals of each quality in semitones above the root. Every note goes with a quality that has
    none, "no chord"."""
    table = np.empty((2, len(qualities), 12))
    for row, intervals in enumerate(qualities.values()):
        tones = {interval % 12 for interval in intervals}
        for interval in range(12):
            table[:, row, interval] = CHORD_TONE if not tones else _stated(interval, tones)
    return Harmony(tuple(qualities), np.log(table))


def _stated(interval: int, tones: set[int]) -> tuple[float, float]:
    """h of the interval above the root of a chord of these intervals, on weak and on strong ticks."""
    if interval in tones:
        return CHORD_TONE
    if (interval - 1) % 12 in tones:
        altered = tones >= _DOMINANT and interval in (1, 8)
        return OTHER if altered else AVOID
    return TENSION if (interval - 2) % 12 in tones else OTHER


def estimated_harmony(pieces: Iterable[Harmonised], stated: Harmony, prior: float = PRIOR) -> Harmony:
    """How much more often than by chance a note sounds with a chord: the observed by the expected count.

    The expected count is that of notes which are independent of the chords (p(note | context) has their frequencies
    already). `prior`: notes with the frequencies of `stated` are added to each count.
    """
    seen, expected = np.zeros((2, *stated.log_h.shape))
    rows = {quality: row for row, quality in enumerate(stated.qualities)}
    chances = np.zeros((2, 12))
    chords_seen = np.zeros((2, len(rows), 12))
    for melody, chords, strong in pieces:
        ticks, pitches, which = encounters(melody, chords)
        quality = np.array([rows[chord[1]] for chord in chords], np.intp)[which]
        root = np.array([chord[0] for chord in chords], np.intp)[which]
        accent = strong[ticks].astype(np.intp)
        np.add.at(seen, (accent, quality, (pitches - root) % 12), 1)
        np.add.at(chances, (accent, pitches % 12), 1)
        np.add.at(chords_seen, (accent, quality, root), 1)
    chances /= np.maximum(chances.sum(axis=1, keepdims=True), 1)
    for tone in range(12):
        expected += chords_seen[:, :, tone, None] * np.roll(chances, -tone, axis=1)[:, None, :]
    return Harmony(stated.qualities, np.log((seen + prior * np.exp(stated.log_h)) / (expected + prior)))


def strong_ticks(length: int, bar: int, beats: Collection[int]) -> NDArray[np.bool_]:
    """Which of `length` ticks are strong: those at `beats` (ticks since the bar line) of each bar of `bar` ticks."""
    return np.isin(np.arange(length) % bar, list(beats))


def encounters(
    melody: Sequence[MelodyEvent], chords: Sequence[ChordEvent]
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Each note with each chord that sounds with the note: tick where they meet, pitch, index of the chord."""
    note_starts, chord_starts = starts(melody), starts(chords)
    end = min(note_starts[-1], chord_starts[-1])
    ticks = np.union1d(note_starts, chord_starts)
    ticks = ticks[ticks < end]
    note = np.searchsorted(note_starts, ticks, side="right") - 1
    pitches = np.array([event[0] for event in melody], np.intp)[note]
    sounds = pitches != REST
    chord = np.searchsorted(chord_starts, ticks, side="right") - 1
    return ticks[sounds], pitches[sounds], chord[sounds]


def starts(events: Sequence[MelodyEvent] | Sequence[ChordEvent]) -> NDArray[np.intp]:
    """The tick where each event begins, and the tick where the last one ends."""
    return np.concatenate([[0], np.cumsum([event[-1] for event in events])]).astype(np.intp)


def sum_over_events(
    at_start: NDArray[Any], while_held: NDArray[Any], kinds: NDArray[np.intp], durations: NDArray[np.intp]
) -> Array:
    """[tick, event]: of an event that begins there, the sum of at_start[tick, kind] and of while_held[later tick, kind]
    until the event ends, or the table."""
    length = len(at_start)
    until = np.concatenate([np.zeros((1, at_start.shape[1])), np.cumsum(while_held, axis=0)])
    held_from = at_start - until[1:]
    result = np.empty((length, len(kinds)))
    for duration in np.unique(durations):
        events = np.flatnonzero(durations == duration)
        ends = np.minimum(np.arange(length) + duration, length)
        result[:, events] = (held_from + until[ends])[:, kinds[events]]
    return result


def notes_by_tick(harmony: Harmony, chords: Sequence[ChordEvent], strong: NDArray[np.bool_]) -> Array:
    """[tick, pitch class]: log w of a note that sounds there, for that tick. The chords cover the ticks of `strong`."""
    chord = np.searchsorted(starts(chords), np.arange(len(strong)), side="right") - 1
    return harmony.log_weights(chords)[strong.astype(np.intp), chord]


def chord_weights(
    harmony: Harmony, alphabet: Sequence[ChordEvent], melody: Sequence[MelodyEvent], strong: NDArray[np.bool_]
) -> Array:
    """[tick, event of the alphabet]: of a chord that begins there, log w of the notes that sound with the chord.

    The melody covers the ticks of `strong`; where it is unknown, write a rest.
    """
    pitch = np.repeat(*np.array(melody, np.intp).reshape(-1, 2).T)
    kinds = {kind: number for number, kind in enumerate(dict.fromkeys(event[:-1] for event in alphabet))}
    by_kind = harmony.log_weights([(root, quality, 1) for root, quality in kinds])  # [strong, kind, pitch class]
    log_w = by_kind[strong.astype(np.intp), :, pitch % 12] * (pitch != REST)[:, None]  # [tick, kind]
    of_event = np.array([kinds[event[:-1]] for event in alphabet], np.intp)
    return sum_over_events(log_w, log_w, of_event, np.array([event[-1] for event in alphabet], np.intp))

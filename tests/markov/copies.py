"""Copies of a corpus in a melody, found by brute force; shares no code with daemon.markov."""

from __future__ import annotations

REST = -128


def shifted(events, semitones):
    return tuple((pitch if pitch == REST else pitch + semitones, duration) for pitch, duration in events)


def longest_by_force(melody, pieces):
    """The longest run of `melody` in a piece that is moved by some number of semitones."""
    longest = 0
    for piece in pieces:
        for semitones in range(-60, 61):
            moved = shifted(piece, semitones)
            for start in range(len(melody)):
                while melody[start : start + longest + 1] in [
                    moved[at : at + longest + 1] for at in range(len(moved) - longest)
                ] and start + longest < len(melody):
                    longest += 1
    return longest


def has_copy(melody, pieces, length):
    """Whether a run of `length` events of the melody is one of the corpus in some key, by sets of runs in all keys."""
    runs = {run for semitones in range(-30, 31) for run in _runs(melody, semitones, length)}
    return any(run in runs for piece in pieces for run in _runs(piece, 0, length))


def _runs(melody, semitones, length):
    moved = tuple(shifted(melody, semitones))
    return [moved[at : at + length] for at in range(len(moved) - length + 1)]

"""Copies of a corpus in a melody, found by brute force or excluded by an automaton; shares no code with
daemon.markov.max_order."""

from __future__ import annotations

from daemon.markov.automaton import Automaton
from daemon.markov.constraints import Regular

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


def without_copies(pieces, max_order):
    """The constraint that no run of `max_order` events is in the corpus, in any key (as Aho and Corasick, CACM 1975): a
    state is the longest run at the end of what was read that begins a run of the corpus."""
    runs = {_shape(piece[at : at + max_order]) for piece in pieces for at in range(len(piece) - max_order + 1)}
    beginnings = {run[:length] for run in runs for length in range(1, max_order)}

    def step(state, event):
        read = (*state, event)
        if _shape(read) in runs:
            return None
        while read and _shape(read) not in beginnings:
            read = read[1:]
        return read

    return Regular(Automaton((), step), f"max_order {max_order}")


def _shape(run):
    """The run with its pitches relative to its first note."""
    first = next((pitch for pitch, _ in run if pitch != REST), 0)
    return tuple((pitch if pitch == REST else pitch - first, duration) for pitch, duration in run)

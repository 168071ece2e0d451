"""The pitches of a bass line, drawn at random so that every new chord gets its root and is approached well.

A line is a Markov chain over pitches with weights for notes and intervals, conditioned on where it arrives: the weights
of all that may follow are summed from the end of the line, then the notes are drawn from its beginning.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from random import Random

from daemon.music.chords import Chord

LOWEST, HIGHEST = 28, 55  # E1 to G3
COMFORTABLE = range(31, 46)  # G1 to A2: above, the left hand of a piano begins
UNCOMFORTABLE = 0.25  # weight of a note beyond, for each three semitones
# Weights of intervals in semitones; what is not listed is avoided.
STEPS = {0: 0.02, 1: 1.0, 2: 1.0, 3: 0.8, 4: 0.7, 5: 0.5, 7: 0.3, 8: 0.02, 9: 0.02, 12: 0.05}
AVOIDED = 1e-4  # within an octave; beyond, its square
REPEATED = 0.5  # weight of a fifth that becomes the bass of the next chord, and the reverse, outside walking lines
# Of the note before a new chord, relative to the chord's bass: by semitone, scale step, or dominant.
APPROACHES = {-1: 1.0, 1: 0.9, -2: 0.7, 2: 0.7, 7: 0.4, -5: 0.4}
CHORD_TONE, SCALE_TONE, CHROMATIC = 1.0, 0.4, 0.02
ROOT_AGAIN = 0.4  # weight of the root where no chord begins
ONWARD = 2.5  # weight of an interval in the direction of the line

ROOT, FIFTH, OCTAVE, WALK, PICKUP = "R", "5", "8", "w", "p"


@dataclass(frozen=True, slots=True)
class Step:
    """A note to be chosen. `scale`: the pitch classes that fit the chord. `role`: ROOT (the chord's bass), FIFTH,
    OCTAVE (the bass, an octave from a ROOT before), WALK or PICKUP. `is_strong`: WALK has a chord tone. `leads`: a new
    chord follows.
    """

    chord: Chord
    scale: frozenset[int]
    role: str
    is_strong: bool = True
    leads: bool = False


def draw_line(steps: Sequence[Step], before: tuple[Step, int] | None, target: int | None, random: Random) -> list[int]:
    """A pitch for each step. `before`: the note before and its pitch; `target`: the pitch class of the new chord that
    follows the line, if one does."""
    if not steps:
        return []
    notes = [_notes(step) for step in steps]
    direction = random.choice((-1, 1))
    ends = dict.fromkeys(range(LOWEST, HIGHEST + 1), 1.0)
    if target is not None:
        arrivals = _in_range(target)
        ends = {pitch: sum(_interval(steps[-1], None, pitch, to, direction) for to in arrivals) for pitch in ends}
    ahead = [ends]  # weight of all that may follow each pitch, from the last step on
    for number in range(len(steps) - 1, 0, -1):
        step, following = steps[number - 1], steps[number]
        ahead.append(
            {
                pitch: sum(
                    _interval(step, following, pitch, to, direction) * weight * ahead[-1][to]
                    for to, weight in notes[number].items()
                )
                for pitch in notes[number - 1]
            }
        )
    ahead.reverse()
    line: list[int] = []
    for number, step in enumerate(steps):
        weights = {pitch: weight * ahead[number][pitch] for pitch, weight in notes[number].items()}
        last = (steps[number - 1], line[-1]) if number else before
        if last is not None:
            weights = {to: weight * _interval(last[0], step, last[1], to, direction) for to, weight in weights.items()}
        line.append(random.choices(list(weights), list(weights.values()))[0])
    return line


@lru_cache(maxsize=2048)
def _notes(step: Step) -> dict[int, float]:
    """The pitches that a step may have, and their weights."""
    chord, weights = step.chord, dict[int, float]()
    fifth = next((interval for interval in (7, 6, 8) if interval in {each % 12 for each in chord.intervals}), 0)
    fifth *= (chord.root + fifth) % 12 != chord.bass  # over its fifth, a chord has its root as the other note
    for pitch in range(LOWEST, HIGHEST + 1):
        interval = (pitch - chord.root) % 12
        is_bass = pitch % 12 == chord.bass
        if step.role in (ROOT, OCTAVE):
            weight = 1.0 if is_bass else 0.0
        elif step.role == FIFTH:
            weight = 1.0 if interval == fifth else 0.0
        elif interval in {each % 12 for each in chord.intervals if each < 12}:
            weight = CHORD_TONE if interval else ROOT_AGAIN
        elif step.is_strong and step.role == WALK and not step.leads:
            weight = 0.0
        else:
            weight = SCALE_TONE if pitch % 12 in step.scale else CHROMATIC if not step.leads else SCALE_TONE
        off = max(COMFORTABLE.start - pitch, pitch - COMFORTABLE.stop + 1, 0)
        if weight:
            weights[pitch] = weight * UNCOMFORTABLE ** (off / 3)
    return weights


def _interval(step: Step, following: Step | None, pitch: int, to: int, direction: int) -> float:
    """The weight of going from `pitch`, of `step`, `to` another one. `following`: None for a new chord's bass."""
    move = to - pitch
    avoided = AVOIDED if abs(move) <= 12 else AVOIDED**2
    if step.leads and step.role in (WALK, PICKUP) and (following is None or following.role == ROOT):
        return APPROACHES.get(-move, avoided)
    if following is not None and following.role == OCTAVE and step.role == ROOT:
        return 1.0 if abs(move) == 12 else avoided
    if following is not None and following.role == PICKUP and move == 0:
        return 1.0
    if following is not None and step.role == following.role in (ROOT, FIFTH) and step.chord == following.chord:
        return 1.0 if move == 0 else avoided
    if move == 0 and step.role in (ROOT, FIFTH) and (following is None or following.role in (ROOT, FIFTH)):
        return REPEATED
    return STEPS.get(abs(move), avoided) * (ONWARD if move * direction > 0 else 1.0)


def _in_range(pitch_class: int) -> list[int]:
    return [pitch for pitch in range(LOWEST, HIGHEST + 1) if pitch % 12 == pitch_class % 12]

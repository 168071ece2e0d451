"""The way through the voicings of the chords to come that costs least: small motion, common tones, a singing top note,
a comfortable range (Viterbi's algorithm)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from daemon.engines.comping.voicings import Voicing, tones_of, voicings_of
from daemon.music.chords import Chord

Floats = NDArray[np.float32]

MOST_NOTES = 4
FAR = np.float32(1e4)  # semitones
# Costs, in semitones of motion of one voice.
TOP_STAYS = 0.8  # the top note is repeated: it is to be a line, not a drone
TOP_MOTION, STEP = 0.7, 2  # for each semitone that it moves beyond a step
GUIDE_LEAP = 6.0  # for each guide tone that is more than a whole tone from one of the chord before
PARALLEL = 2.0  # all voices leap the same way
STATIC = 2.5  # the same voicing again, where the chord is the same
OFF_CENTRE = 0.5  # for each semitone between the middle of a voicing and the register, beyond NEAR
NEAR = 1.5
ROOT = 1.0  # a voicing with the root, which the bass plays
THIN = 1.0  # each note that a voicing has fewer; thrice that, and SECOND, where chords are plain
SECOND = 0.4  # each second within a voicing
MUD, CLEAR = 0.6, 53  # for each semitone that the lower note of a third lies below this pitch, F3
CROWDED = 0.8  # for each semitone of a note above a third below the melody, while that sounds
MOST_CROWDED = 6  # semitones
BENEATH = 3  # semitones: a third
BELOW = 9  # semitones from the melody to the middle of the voicings that leave room for the melody
WHIM = 1.5  # at most, drawn at random: no two choruses are equal


@dataclass(frozen=True, slots=True)
class Change:
    """A chord to be voiced. `colours`, `beneath`: see `voicings_of`. `plain`: as in folk and rock, with the root."""

    chord: Chord
    colours: tuple[int, ...]
    plain: bool = False
    beneath: bool = False


Melody = tuple[tuple[int, float], ...]  # pitches, and the share of a chord's time at which each sounds


@dataclass(frozen=True, slots=True, eq=False)
class _Candidates:
    """`pitches` (n, MOST_NOTES), 0 where a voicing has fewer."""

    voicings: tuple[Voicing, ...]
    pitches: Floats
    tops: Floats
    middles: Floats
    own_costs: Floats


def lead(
    changes: Sequence[Change],
    melodies: Sequence[Melody],
    before: tuple[Change, Voicing] | None,
    register: float,
    random: np.random.Generator,
) -> list[Voicing]:
    """A voicing for each of the `changes`, after the voicing `before`; empty for a chord without voicings.

    `melodies`: what sounds with each chord, above which no voicing shall go. `register`: the pitch that the middle of
    the voicings keeps near, and below which it goes where a melody is near.
    """
    places = [place for place, change in enumerate(changes) if _candidates(change).voicings]
    found: list[Voicing] = [()] * len(changes)
    if not places:
        return found
    totals, backs, previous = np.zeros(1, np.float32), [], None if before is None else before[0]
    for place in places:
        change = changes[place]
        candidates = _candidates(change)
        off = np.maximum(np.abs(candidates.middles - _centre(melodies[place], register)) - NEAR, 0)
        local = candidates.own_costs + OFF_CENTRE * off + WHIM * random.random(len(off), np.float32)
        for pitch, share in melodies[place]:
            above = np.clip(candidates.pitches - (pitch - BENEATH), 0, MOST_CROWDED)
            local += CROWDED * share * above.sum(axis=1, dtype=np.float32)
        if previous is None:
            costs = np.zeros((len(totals), len(off)), np.float32)
        elif place == places[0]:
            assert before is not None
            costs = _costs(_of((before[1],)), candidates, previous, change)
        else:
            costs = _motion(previous, change)
        reached = totals[:, None] + costs
        backs.append(reached.argmin(axis=0))
        totals, previous = reached.min(axis=0) + local, change
    choice = int(totals.argmin())
    for place, back in zip(reversed(places), reversed(backs), strict=True):
        found[place] = _candidates(changes[place]).voicings[choice]
        choice = int(back[choice])
    return found


def _centre(melody: Melody, register: float) -> float:
    """The pitch that the middle of a voicing keeps near."""
    if not melody:
        return register
    mean = sum(pitch * share for pitch, share in melody) / sum(share for _, share in melody)
    return min(register, mean - BELOW)


@lru_cache(maxsize=512)
def _candidates(change: Change) -> _Candidates:
    return _of(voicings_of(change.chord, change.colours, change.beneath), change)


def _of(voicings: tuple[Voicing, ...], change: Change | None = None) -> _Candidates:
    pitches = np.zeros((len(voicings), MOST_NOTES), np.float32)
    own = np.zeros(len(voicings), np.float32)
    for number, voicing in enumerate(voicings):
        pitches[number, : len(voicing)] = voicing
        if change is not None:
            has_root = any((pitch - change.chord.root) % 12 == 0 for pitch in voicing)
            own[number] += ROOT * (has_root != change.plain)
            own[number] += THIN * (MOST_NOTES - len(voicing)) * (1 + 2 * change.plain)
            seconds = sum(high - low <= 2 for low, high in pairwise(voicing))
            own[number] += SECOND * seconds * (1 + 2 * change.plain)
            own[number] += MUD * sum(max(CLEAR - low, 0) for low, high in pairwise(voicing) if high - low <= 4)
    tops = np.array([voicing[-1] for voicing in voicings], np.float32)
    middles = np.array([sum(voicing) / len(voicing) for voicing in voicings], np.float32)
    return _Candidates(voicings, pitches, tops, middles, own)


@lru_cache(maxsize=128)
def _motion(before: Change, after: Change) -> Floats:
    return _costs(_candidates(before), _candidates(after), before, after)


def _costs(before: _Candidates, after: _Candidates, chord: Change, following: Change) -> Floats:
    """(n, m): of moving from each voicing of `chord` to each one of the `following` chord."""
    low, high = before.pitches, after.pitches
    is_low, is_high = low > 0, high > 0
    # Notes that a voicing does not have are far from all others; their own distances do not count.
    distances = np.abs(np.where(is_high, high, FAR)[None, :, None, :] - np.where(is_low, low, -FAR)[:, None, :, None])
    away = distances.min(axis=3) * is_low[:, None, :]
    to = distances.min(axis=2) * is_high[None, :, :]
    motion = away.sum(axis=2) + to.sum(axis=2)
    costs: Floats = motion / 2
    top = np.abs(after.tops[None, :] - before.tops[:, None])
    costs += TOP_STAYS * (top == 0) + TOP_MOTION * np.maximum(top - STEP, 0)
    if chord.chord == following.chord:
        costs += STATIC * (motion == 0) * (not chord.plain)
        return costs.astype(np.float32)
    middle = after.middles[None, :] - before.middles[:, None]
    costs += PARALLEL * ((np.abs(middle) > 3) & (distances.min(axis=(2, 3)) > 2))
    costs += GUIDE_LEAP * _guide_leaps(before, after, chord, following)
    return costs.astype(np.float32)


def _guide_leaps(before: _Candidates, after: _Candidates, chord: Change, following: Change) -> Floats:
    """(n, m): how many guide tones of the `following` chord are no step from a guide tone of `chord`."""
    sources, leaps = _guide_pitches(before, chord), np.zeros((len(before.tops), len(after.tops)), np.float32)
    for column in _guide_pitches(after, following):
        near = np.zeros(leaps.shape, np.bool_)
        for source in sources:
            near |= np.abs(column[None, :] - source[:, None]) <= 2
        leaps += ~near
    return leaps


def _guide_pitches(candidates: _Candidates, change: Change) -> list[Floats]:
    """The pitch of each guide tone in each voicing."""
    found = []
    for guide in tones_of(change.chord).guides:
        is_guide = (candidates.pitches - change.chord.root) % 12 == guide
        found.append(np.where(is_guide, candidates.pitches, 0).max(axis=1))
    return found

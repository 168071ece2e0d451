"""The chord of a plan as limits on the voices in a 16th: the notes that they may take, and what the notes cost."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from daemon.encodings.chorale import LOWEST, REST, STEPS_PER_BEAT, UNKNOWN, VOICES
from daemon.engines.harmoniser.voice_leading import IN_RANGE, PREDICTED_SYMBOLS, allowed, parallel_costs
from daemon.engines.shared.draw import Bools, Floats, Ints
from daemon.engines.shared.followed_plan import FollowedPlan, Harmony
from daemon.engines.shared.line import STEP

BASS = VOICES.index("bass")
OF_BASS = 4  # row of ChordLimits.costs
BASS_COST = 5.0  # nats that another note of the chord than its bass costs the bass where the chord begins
GUIDE_COST = 6.0  # nats that a note costs while a guide tone is missing that the voice could sing
PARALLELS = 1.5  # times the cost of parallels: under planned chords they offer themselves more often
PASSING = 2  # semitones to a passing note, at most


@dataclass(frozen=True, slots=True)
class ChordLimits:
    """`tones` and `scale` (47,): whether each symbol is a note of the chord, a note of its scale. `strict`: only notes
    of the chord; else a voice may also go by step to notes of the scale.

    `guides` (2, 48): whether each symbol is the first, the second guide tone. `costs` (5, 47): nats that each symbol
    costs a voice while none, the first, the second or both guide tones are missing, and the bass.
    """

    tones: Bools
    scale: Bools
    guides: Bools
    costs: Floats
    strict: bool


def planned_limits(plan: FollowedPlan, frame: int, position: int, struck: bool = False) -> ChordLimits | None:
    """Those of the chord that is planned for 16th number `frame`, `position` 16ths after the bar line. `struck`: a key
    was struck there."""
    if (harmony := plan.harmony(frame * STEP)) is None:
        return None
    begins = chord_begins(plan, frame)
    return limits_of(harmony, begins or struck or position % STEPS_PER_BEAT == 0, begins)


def chord_begins(plan: FollowedPlan, frame: int) -> bool:
    """Whether a planned chord begins in 16th number `frame`."""
    harmony = plan.harmony(frame * STEP)
    return harmony is not None and plan.chord((frame - 1) * STEP)[0] != harmony.chord


@lru_cache(maxsize=1024)
def limits_of(harmony: Harmony, strict: bool, begins: bool) -> ChordLimits:
    """`begins`: the chord begins in this 16th."""
    guides = sorted(harmony.guides)
    first, second = _symbols({guides[0]}), _symbols({guides[-1]})
    costs = np.zeros((5, REST + 1))
    for row, missing in enumerate((first, second, first | second), 1):
        costs[row] = GUIDE_COST * ~missing[: REST + 1]
    if begins:
        costs[OF_BASS] = BASS_COST * ~_symbols({harmony.chord.bass})[: REST + 1]
    tones, scale = _symbols(harmony.tones)[: REST + 1], _symbols(harmony.scale)[: REST + 1]
    return ChordLimits(tones, scale, np.array([first, second]), costs, strict)


def choices(voice: int | Ints, previous: Ints, known: Ints, limits: ChordLimits | None) -> tuple[Bools, Floats | None]:
    """Which symbols (B, 47) `voice`, a number or (B,), may take after the `previous` 16th (B, 4) and beside the `known`
    symbols (B, 4), and the nats (B, 47) to subtract from their log probabilities; None if all are 0."""
    mask, costs = allowed(voice, known), parallel_costs(voice, previous, known)
    if limits is None:
        return mask, costs
    own = np.full(len(known), voice)
    within = mask & _wanted(own, previous, limits)
    if not (possible := within.any(axis=1)).all():  # the chord counts more than the order of the voices
        within[~possible] = IN_RANGE[own[~possible]] & limits.tones
    costs = None if costs is None else PARALLELS * costs
    if limits.strict:
        of_chord = _costs(own, known, limits)
        costs = of_chord if costs is None else costs + of_chord
    return within, costs


def _wanted(voice: Ints, previous: Ints, limits: ChordLimits) -> Bools:
    """(B, 47): the notes that the chord lets each voice (B,) take, whatever the other voices sing."""
    if limits.strict:
        return limits.tones
    before = previous[np.arange(len(previous)), voice, None]
    near = (np.abs(PREDICTED_SYMBOLS - before) <= PASSING) & (before < REST)
    wanted: Bools = limits.tones | (limits.scale & near)
    return wanted


def _costs(voice: Ints, known: Ints, limits: ChordLimits) -> Floats:
    """(B, 47): for the bass, of notes other than the chord's bass, where the chord begins; for the other voices, of
    notes other than a guide tone that no known voice has."""
    first, second = np.logical_not(limits.guides[:, known].any(axis=2))
    costs: Floats = limits.costs[np.where(voice == BASS, OF_BASS, first + 2 * second)]
    return costs


def _symbols(pitch_classes: Collection[int]) -> Bools:
    """(48,): the symbols of some pitch classes; neither a rest nor an unknown note is one."""
    return np.array([s < REST and (s + LOWEST) % 12 in pitch_classes for s in range(UNKNOWN + 1)])

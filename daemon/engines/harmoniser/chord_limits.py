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
BASS_COST = 5.0  # nats that another note of the chord than its bass costs the bass where the chord begins
GUIDE_COST = 6.0  # nats that a note costs while a guide tone is missing that the voice could sing
PASSING = 2  # semitones to a passing note, at most


@dataclass(frozen=True, slots=True)
class ChordLimits:
    """`tones`, `scale`, `bass` (48,) and `guides` (2, 48): whether each symbol is a note of the chord, a note of its
    scale, the chord's bass, each of its guide tones.

    `strict`: only notes of the chord; else a voice may also go by step to notes of the scale. `begins`: the chord
    begins in this 16th.
    """

    tones: Bools
    scale: Bools
    bass: Bools
    guides: Bools
    strict: bool
    begins: bool


def planned_limits(plan: FollowedPlan, frame: int, position: int, struck: bool = False) -> ChordLimits | None:
    """Those of the chord that is planned for 16th number `frame`, `position` 16ths after the bar line. `struck`: a key
    was struck there."""
    if (harmony := plan.harmony(frame * STEP)) is None:
        return None
    begins = plan.chord((frame - 1) * STEP)[0] != harmony.chord
    return limits_of(harmony, begins or struck or position % STEPS_PER_BEAT == 0, begins)


@lru_cache(maxsize=1024)
def limits_of(harmony: Harmony, strict: bool, begins: bool) -> ChordLimits:
    return ChordLimits(
        _symbols(harmony.tones),
        _symbols(harmony.scale),
        _symbols({harmony.chord.bass}),
        np.array([_symbols({guide}) for guide in sorted(harmony.guides)]),
        strict,
        begins,
    )


def choices(voice: int | Ints, previous: Ints, known: Ints, limits: ChordLimits | None) -> tuple[Bools, Floats | None]:
    """Which symbols (B, 47) `voice`, a number or (B,), may take after the `previous` 16th (B, 4) and beside the `known`
    symbols (B, 4), and the nats (B, 47) to subtract from their log probabilities; None if all are 0."""
    mask, costs = allowed(voice, known), parallel_costs(voice, previous, known)
    if limits is None:
        return mask, costs
    own = np.broadcast_to(np.asarray(voice), len(known))
    within = mask & _wanted(own, previous, limits)
    if not (possible := within.any(axis=1)).all():  # the chord counts more than the order of the voices
        within[~possible] = IN_RANGE[own[~possible]] & limits.tones[: REST + 1]
    if limits.strict:
        of_chord = _costs(own, known, limits)
        costs = of_chord if costs is None else costs + of_chord
    return within, costs


def _wanted(voice: Ints, previous: Ints, limits: ChordLimits) -> Bools:
    """(B, 47): the notes that the chord lets each voice (B,) take, whatever the other voices sing."""
    tones = limits.tones[: REST + 1]
    if limits.strict:
        return tones
    before = previous[np.arange(len(previous)), voice, None]
    near = (np.abs(PREDICTED_SYMBOLS - before) <= PASSING) & (before < REST)
    wanted: Bools = tones | (limits.scale[: REST + 1] & near)
    return wanted


def _costs(voice: Ints, known: Ints, limits: ChordLimits) -> Floats:
    """(B, 47): where the chord begins, for the bass, notes other than the chord's bass; for the other voices, while no
    known voice has one of the guide tones, notes other than that."""
    missing: Bools = np.asarray(~limits.guides[:, known].any(axis=2))  # (2, B)
    wanted: Bools = np.asarray((missing[:, :, None] & limits.guides[:, None, : REST + 1]).any(axis=0))
    costs: Floats = np.asarray(GUIDE_COST * (missing.any(axis=0, keepdims=True).T & ~wanted))
    if (bass := voice == BASS).any():
        costs[bass] = BASS_COST * ~limits.bass[: REST + 1] * limits.begins
    return costs


def _symbols(pitch_classes: Collection[int]) -> Bools:
    """(48,): the symbols of some pitch classes; neither a rest nor an unknown note is one."""
    return np.array([s < REST and (s + LOWEST) % 12 in pitch_classes for s in range(UNKNOWN + 1)])

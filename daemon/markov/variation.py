"""Variation (Pachet, Papadopoulos, Roy, ISMIR 2017): a source melody or chord sequence, weighted by exp(−λ · distance).

The distance of two sequences of events is the share of ticks at which they differ: another note or chord sounds, or an
event begins in only one of them. The distance is 0 for the same sequence, and 1 where nothing agrees.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from daemon.markov.automaton import Event
from daemon.markov.harmony import Array, starts, sum_over_events

TOLERANCE = 0.02  # of the expected distance
LIMITS = (0.0, 1e5)  # λ: samples as the style has them; the source or its nearest neighbours
_STEP = 1e-4  # of λ, for the derivative: log Z is a line on this scale, as distances are within 0 and 1
_STEPS, _EDGE, _LEAST = 30, 0.1, 1e-6  # of the search; the part of a bracket at each end; of shares, and of slopes


@dataclass(frozen=True, slots=True)
class Strength:
    """λ (`weight`), and the expected distance of the samples from the source, between 0 and 1, that it leads to."""

    weight: float
    distance: float


def distance(one: Sequence[Event], other: Sequence[Event]) -> float:
    """The share of the ticks at which two sequences of the same length differ."""
    names = {event[:-1]: number for number, event in enumerate([*one, *other])}
    (kinds, begins), (other_kinds, other_begins) = (_by_tick(events, names) for events in (one, other))
    if len(kinds) != len(other_kinds):
        raise ValueError(f"the sequences last {len(kinds)} and {len(other_kinds)} ticks: give two of the same length")
    return float(np.mean((kinds != other_kinds) | (begins != other_begins)))


def distance_weights(alphabet: Sequence[Event], source: Sequence[Event]) -> Array:
    """[tick, event of the alphabet]: what an event that begins there adds to the distance from the source."""
    names = {kind: number for number, kind in enumerate(dict.fromkeys(event[:-1] for event in [*alphabet, *source]))}
    kinds, begins = _by_tick(source, names)
    differs = kinds[:, None] != np.arange(len(names))
    return sum_over_events(
        (differs | ~begins[:, None]) / len(kinds),
        (differs | begins[:, None]) / len(kinds),
        np.array([names[event[:-1]] for event in alphabet], np.intp),
        np.array([event[-1] for event in alphabet], np.intp),
    )


def tuned(
    log_mass: Callable[[float], float],
    wanted: float,
    guess: Strength,
    first: float,
    limits: tuple[float, float] = LIMITS,
    tolerance: float = TOLERANCE,
) -> Strength:
    """λ by secants from `guess`, which is not computed, and `first` on, so that the expected distance is `wanted`, or
    as near as λ within the limits leads to.

    `log_mass(λ)`: log Z of the model with the weights exp(−λ · distance); the expected distance is −d log Z / dλ, which
    falls with λ: as a logistic function, if ticks were independent. Of any other quantity between 0 and 1 likewise.
    """

    def expected(weight: float) -> Strength:
        return Strength(weight, (log_mass(weight) - log_mass(weight + _STEP)) / _STEP)

    (low, high), before, found = limits, guess, expected(first)
    for _ in range(_STEPS):
        if abs(found.distance - wanted) <= tolerance:
            break
        low, high = (found.weight, high) if found.distance > wanted else (low, found.weight)
        fall = max((_logit(before.distance) - _logit(found.distance)) / (found.weight - before.weight), _LEAST)
        weight = found.weight + (_logit(found.distance) - _logit(wanted)) / fall
        edge = _EDGE * (high - low) if limits[0] < low and high < limits[1] else 0.0
        weight = min(max(weight, low + edge), high - edge, found.weight + 3 * max(abs(found.weight), abs(first)))
        if weight == found.weight:
            break
        before, found = found, expected(weight)
    return found


def _logit(share: float) -> float:
    return math.log(max(share, _LEAST) / max(1 - share, _LEAST))


def _by_tick(events: Sequence[Event], names: dict[Event, int]) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """The number of what sounds at each tick, and whether an event begins there."""
    bounds = starts(events)
    kinds = np.repeat([names[event[:-1]] for event in events], np.diff(bounds)).astype(np.intp)
    return kinds, np.isin(np.arange(bounds[-1]), bounds)

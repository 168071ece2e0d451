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

TOLERANCE = 0.005  # of the expected distance
_STEP = 1e-4  # of λ, for the derivative: log Z is a line on this scale, as distances are within 0 and 1
FIRST = 16.0  # λ
_EDGE, _LEAST = 0.15, 1e-6
_MOST = 1e5  # λ, at which the source or its nearest neighbours remain


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
    log_mass: Callable[[float], float], wanted: float, first: float = FIRST, tolerance: float = TOLERANCE
) -> Strength:
    """λ by false position from `first` on, so that the expected distance is `wanted`, or as near as the style gets.

    `log_mass(λ)`: log Z of the model with the weights exp(−λ · distance); the expected distance is −d log Z / dλ, which
    falls with λ. λ is not below 0: samples are not driven farther from the source than those of the style are.
    """

    def expected(weight: float) -> Strength:
        return Strength(weight, (log_mass(weight) - log_mass(weight + _STEP)) / _STEP)

    low, high, found = None, None, expected(first)
    while abs(found.distance - wanted) > tolerance and found.weight < _MOST:
        low, high = (found, high) if found.distance > wanted else (low, found)
        if low is None:
            if not found.weight:
                break
            found = expected(0.0)
        elif high is None:
            found = expected(max(low.weight * 4, FIRST))
        else:
            found = expected(_between(low, high, wanted))
    return found


def _between(low: Strength, high: Strength, wanted: float) -> float:
    """Where the distance would be `wanted`, if its logit fell evenly with λ, as that of independent ticks; away from
    the ends, so that it comes nearer in any case."""
    of_low, of_high, of_wanted = (
        math.log(max(share, _LEAST) / max(1 - share, _LEAST)) for share in (low.distance, high.distance, wanted)
    )
    share = (of_low - of_wanted) / max(of_low - of_high, _LEAST)
    return low.weight + (high.weight - low.weight) * min(max(share, _EDGE), 1 - _EDGE)


def _by_tick(events: Sequence[Event], names: dict[Event, int]) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """The number of what sounds at each tick, and whether an event begins there."""
    bounds = starts(events)
    kinds = np.repeat([names[event[:-1]] for event in events], np.diff(bounds)).astype(np.intp)
    return kinds, np.isin(np.arange(bounds[-1]), bounds)

"""Swing: the second of every two notes moves, and the hits near it; what lies between is stretched. Bar lines stay."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from daemon.encodings.drums.hits import Ints

NEAR = 1 / 18  # of a pair: hits as near to one of its notes belong to that note; more would crowd what lies between
Floats = NDArray[np.float64]


def swung(tick: int, bar: int, pair: int, share: float, own: float = 0.5) -> int:
    """The tick at which a hit at `tick` sounds, if the second of two notes that last `pair` ticks together begins after
    a `share` (0.5 … 1) of them, instead of after their `own` share.

    Bars of `bar` ticks follow each other from tick 0 on. A pair that the bar line cuts is not swung.
    """
    return _bent(tick, bar, pair, own, share)


def unswung(tick: int, bar: int, pair: int, share: float, own: float = 0.5) -> int:
    """The inverse of `swung`, to within a tick."""
    return _bent(tick, bar, pair, share, own)


def all_unswung(ticks: Ints, bar: int, pair: int, share: float, own: float = 0.5) -> Ints:
    """The earliest ticks (n,) that `swung` does not map to before `ticks` (n,)."""
    if share == own:
        return ticks
    starts, places = ticks - ticks % bar % pair, ticks % bar % pair
    bent = np.ceil(np.interp(places, _knots(pair, share), _knots(pair, own)) - 1e-9).astype(np.int64)
    unswung_ticks: Ints = np.where(starts % bar + pair > bar, ticks, starts + bent)
    return unswung_ticks


def _bent(tick: int, bar: int, pair: int, share: float, to: float) -> int:
    place = tick % bar % pair
    start = tick - place
    if share == to or start % bar + pair > bar:
        return tick
    return start + round(float(np.interp(place, _knots(pair, share), _knots(pair, to))))


def _knots(pair: int, share: float) -> Floats:
    """The places in a pair that correspond for every `share`. Hits near either note keep their distance from it."""
    near, second = pair * NEAR, pair * share
    return np.array([0, near, second - near, second + near, pair - near, pair])

"""Swing: the second of every two notes is moved, and the ticks between are stretched; bar lines stay."""

from __future__ import annotations

import numpy as np

from daemon.encodings.drums.hits import Ints


def swung(tick: int, bar: int, pair: int, share: float, own: float = 0.5) -> int:
    """The tick at which a hit at `tick` sounds, if the second of two notes that last `pair` ticks together begins after
    a `share` (0.5 … 1) of them, instead of after their `own` share.

    Bars of `bar` ticks follow each other from tick 0 on. A pair that the bar line cuts is not swung.
    """
    start, place = _pair(tick, bar, pair)
    if start is None:
        return tick
    return start + round(_bend(place, pair, pair * own, pair * share))


def unswung(tick: int, bar: int, pair: int, share: float, own: float = 0.5) -> int:
    """The inverse of `swung`, to within a tick."""
    start, place = _pair(tick, bar, pair)
    if start is None:
        return tick
    return start + round(_bend(place, pair, pair * share, pair * own))


def all_unswung(ticks: Ints, bar: int, pair: int, share: float, own: float = 0.5) -> Ints:
    """The earliest ticks (n,) that `swung` does not map to before `ticks` (n,)."""
    if share == own:
        return ticks
    places = ticks % bar
    starts, places = ticks - places % pair, places % pair
    cut = (starts % bar) + pair > bar
    middle, before = pair * share, pair * own
    second = before + (places - middle) * (pair - before) / (pair - middle)
    bent = np.ceil(np.where(places < middle, places * own / share, second)).astype(np.int64)
    unswung_ticks: Ints = np.where(cut, ticks, starts + bent)
    return unswung_ticks


def _pair(tick: int, bar: int, pair: int) -> tuple[int | None, int]:
    """The tick at which the pair begins, None if the bar line cuts the pair; and the ticks since."""
    number, place = divmod(tick % bar, pair)
    cut = (number + 1) * pair > bar
    return (None if cut else tick - place), place


def _bend(place: float, pair: int, middle: float, to: float) -> float:
    """The piecewise linear function through (0, 0), (middle, to) and (pair, pair)."""
    if place < middle:
        return place * to / middle
    return to + (place - middle) * (pair - to) / (pair - middle)

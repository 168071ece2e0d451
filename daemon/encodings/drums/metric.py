"""Our encoding of drumming ("metric"): the place in the bar, and what was played at each place before.

Time is a line of cells, one per 16th note, centred on it: a hit's cell and its offset from the middle of the cell in
ticks, −60..59, give its exact time. A place is a cell's number within the bar; a bar of odd length has the nearest
whole number of cells. A MetricHistory is immutable; one hit more takes constant time, however long the music is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from daemon.encodings.drums.hits import COUNT, Conditioning, Floats, Hit, Ints

CELL = 120  # ticks: a 16th
EARLIEST, OFFSETS = -60, 120  # the least offset of a cell, and the number of offsets
AHEAD = 9  # cells that the next hit may fall into: the present one and 8 ahead; the last one stands for all later ones
BEAT = 4  # cells
PLACES = 32  # of a bar that the model distinguishes
LONG_AGO = 64  # cells; longer ago is the same
MOST_REST = 8  # bars; a longer rest counts as one of so many
LEAST_RATE = 0.15  # least weight of the newest bar in the running means: the last six or seven bars count

WIDTH = 18 + 2 + AHEAD + 1 + 1 + 4 + PLACES + 4 + 3 + 4 + 7 * COUNT  # of `features`
CHANNELS = 5  # of `window`
ANCHORS, MIXED = 22, 12  # size of `anchors`, and the number of those that are offsets
ONES = np.ones(COUNT, dtype=np.float32)

# Rows of `MetricHistory.by_place` and of `by_instrument`; offset and velocity come in the same order in both.
LAST_SHIFT, LAST, PRIOR, RATE, SHIFT, LOUDNESS = range(6)
NOW_SHIFT, NOW, LATEST_SHIFT, LATEST, AGO, FEEL = range(6)


@dataclass(frozen=True, slots=True)
class MetricHistory:
    """What was played, up to and including one hit.

    `cell` counts from the bar line at which the music was started; `offset` in ticks. A shift is an offset in cells.
    `by_place` (places, 6, 17): shift and velocity (0..1, 0: not played) when the place last went by, velocity the time
    before, and running means: of whether it is played, and where it is, of its shift and velocity; `visits` counts.
    `by_instrument` (6, 17): shift and velocity in the cell that has not ended, shift and velocity of the instrument's
    last hit, how many cells ago that was, running mean of its shifts. `recent`: velocities in the eight cells before,
    `shifts` the shifts of their last hits. Running means of shifts: `phase` by quarter of the beat, `mean_shift` of
    all; `spread`: of their distances from `phase`. `mean_gap`: running mean of the gaps within a cell, in cells.
    """

    cell: int
    offset: int
    instrument: int  # of the last hit; 17: none yet
    velocity: float
    gap: int
    by_place: Floats
    visits: list[int]
    by_instrument: Floats
    recent: Floats
    shifts: Floats
    phase: Floats
    first_shift: float  # of the first hit in the cell
    mean_shift: float
    spread: float
    mean_gap: float

    @property
    def tick(self) -> int:
        """Of the last hit, since the bar line at which the music was started."""
        return self.cell * CELL + self.offset

    @property
    def places(self) -> int:
        return len(self.visits)


def start(bar: int, position: int = 0) -> MetricHistory:
    """No hit yet. `bar`: its ticks; `position`: ticks since its bar line, from which the first gap counts."""
    places = max(round(bar / CELL), 1)
    cell, offset = divmod(position - EARLIEST, CELL)

    def zeros(*shape: int) -> Floats:
        return np.zeros(shape, dtype=np.float32)

    by_instrument = zeros(6, COUNT)
    by_instrument[AGO] = LONG_AGO
    return MetricHistory(
        cell=cell, offset=offset + EARLIEST, instrument=COUNT, velocity=0.0, gap=0, by_place=zeros(places, 6, COUNT),
        visits=[0] * places, by_instrument=by_instrument, recent=zeros(AHEAD - 1, COUNT), shifts=zeros(AHEAD - 1),
        phase=zeros(BEAT), first_shift=0.0, mean_shift=0.0, spread=0.15, mean_gap=0.1,
    )  # fmt: skip


def observe(history: MetricHistory, hit: Hit) -> MetricHistory:
    """The history with one hit more."""
    cell, place = divmod(history.tick + hit.gap - EARLIEST, CELL)
    offset, ended = place + EARLIEST, cell - history.cell
    shift, velocity, instrument = offset / CELL, hit.velocity / 127, hit.instrument
    by_place, visits, recent, shifts = history.by_place, history.visits, history.recent, history.shifts
    by_instrument, phase = history.by_instrument.copy(), history.phase.copy()
    first_shift, mean_gap = history.first_shift, history.mean_gap
    if ended:
        by_place, visits = _with_cells_ended(history, cell)
        recent, shifts = _shifted(history, ended)
        by_instrument[:LATEST_SHIFT] = 0.0
        ago = by_instrument[AGO]
        np.minimum(ago + ended, LONG_AGO, out=ago)
    if ended or history.instrument == COUNT:
        first_shift = shift
    else:
        mean_gap += 0.1 * (hit.gap / CELL - mean_gap)
    of_instrument = by_instrument[:, instrument]
    if velocity >= of_instrument[NOW]:
        of_instrument[:LATEST_SHIFT] = shift, velocity
    of_instrument[LATEST_SHIFT:FEEL] = shift, velocity, 0.0
    of_instrument[FEEL] += 0.1 * (shift - of_instrument[FEEL])
    error = shift - float(phase[cell % BEAT])
    phase[cell % BEAT] += 0.15 * error
    mean_shift = history.mean_shift + 0.1 * (shift - history.mean_shift)
    spread = history.spread + 0.1 * (abs(error) - history.spread)
    return MetricHistory(
        cell, offset, instrument, velocity, hit.gap, by_place, visits, by_instrument, recent, shifts, phase,
        first_shift, mean_shift, spread, mean_gap,
    )  # fmt: skip


def _with_cells_ended(history: MetricHistory, cell: int) -> tuple[Floats, list[int]]:
    """`by_place` and `visits` when all cells before `cell` have ended: the present one with what was played in it, the
    others empty."""
    by_place, visits = history.by_place.copy(), history.visits.copy()
    # The limit keeps the time of a hit constant, however long the rest before it was.
    for number in range(history.cell, min(cell, history.cell + MOST_REST * len(visits))):
        place = number % len(visits)
        here = by_place[place]
        visits[place] += 1
        rate = max(1 / visits[place], LEAST_RATE)
        rates = here[RATE]
        rates *= 1 - rate
        here[PRIOR] = here[LAST]
        here[:PRIOR] = 0.0
        if number > history.cell:
            continue
        here[:PRIOR] = now = history.by_instrument[:LATEST_SHIFT]
        for instrument in np.flatnonzero(now[NOW]).tolist():
            known = here[:, instrument]
            weight = max(rate, 0.3) if known[LOUDNESS] else 1.0
            known[RATE] += rate
            known[SHIFT] += weight * (known[LAST_SHIFT] - known[SHIFT])
            known[LOUDNESS] += weight * (known[LAST] - known[LOUDNESS])
    return by_place, visits


def _shifted(history: MetricHistory, ended: int) -> tuple[Floats, Floats]:
    """`recent` and `shifts`, `ended` cells later."""
    recent, shifts = np.zeros_like(history.recent), np.zeros_like(history.shifts)
    kept = len(recent) - ended
    if kept >= 0:
        recent[:kept], shifts[:kept] = history.recent[ended:], history.shifts[ended:]
        recent[kept], shifts[kept] = history.by_instrument[NOW], history.offset / CELL
    return recent, shifts


def moved_to_bar(history: MetricHistory, bar: int, position: int) -> MetricHistory:
    """The same hit in a bar of `bar` ticks, `position` ticks after its bar line. If the length of the bar changes, or
    the bar line moves, what was played at the places is forgotten."""
    places = max(round(bar / CELL), 1)
    cell, place = divmod(position - EARLIEST, CELL)
    if places == history.places and cell % places == history.cell % places and place + EARLIEST == history.offset:
        return history
    fresh = start(bar, position)
    return replace(
        history,
        cell=fresh.cell,
        offset=fresh.offset,
        by_place=fresh.by_place,
        visits=fresh.visits,
    )


def least_instrument(history: MetricHistory) -> int:
    """At the tick of the last hit, instruments come in order: the next one there has this number or a higher one."""
    return history.instrument + 1 if history.instrument < COUNT else 0


def _one_hot(size: int) -> Floats:
    return np.eye(size, dtype=np.float32)


NOTES, GAPS, QUARTERS, BAR = _one_hot(COUNT + 1), _one_hot(AHEAD), _one_hot(BEAT), _one_hot(PLACES)
CELLS = np.arange(AHEAD)
PAST, BEAT_AGO = np.minimum(CELLS, AHEAD - 2), np.minimum(CELLS + BEAT, AHEAD - 2)  # in the last eight cells


@cache
def _places_ahead(places: int) -> Ints:
    """(places, AHEAD): the places of the cell at each place and of those ahead."""
    ahead: Ints = (np.arange(places)[:, None] + CELLS) % places
    return ahead


def features(history: MetricHistory, tempo: float) -> Floats:
    """(WIDTH,): the last hit, its place, what was played there before. `tempo` in beats per minute."""
    place, by_instrument = history.cell % history.places, history.by_instrument
    turn = 2 * math.pi * place / history.places
    cells = (history.gap + CELL // 2) // CELL
    numbers = (
        history.velocity, history.offset / 60, min(history.gap, 960) / 120, min(history.gap, CELL) / 30,
        math.log2(tempo / 120), math.sin(turn), math.cos(turn), history.places / 16 - 1,
        4 * history.mean_shift, 4 * history.spread, 4 * history.mean_gap,
    )  # fmt: skip
    return np.concatenate(
        (
            NOTES[history.instrument], GAPS[min(cells, AHEAD - 1)], QUARTERS[place % BEAT], BAR[min(place, PLACES - 1)],
            numbers, history.phase * 4, by_instrument[NOW], by_instrument[NOW_SHIFT] * 2,
            np.exp2(by_instrument[AGO] / -8), history.by_place[place, LAST:SHIFT].ravel(), by_instrument[FEEL] * 4,
        ),
        dtype=np.float32,
    )  # fmt: skip


def window(history: MetricHistory) -> Floats:
    """(AHEAD, 17, CHANNELS): of the present cell and those ahead, velocities the last two times that their places went
    by, rates of playing, and velocities one beat and two beats before."""
    numbers, now = _places_ahead(history.places)[history.cell % history.places], history.by_instrument[NOW]
    out = np.zeros((AHEAD, COUNT, CHANNELS), dtype=np.float32)
    out[..., :3] = history.by_place[numbers, LAST:SHIFT].swapaxes(1, 2)
    out[:BEAT, :, 3], out[BEAT, :, 3] = history.recent[BEAT:], now
    out[: AHEAD - 1, :, 4], out[AHEAD - 1, :, 4] = history.recent, now
    return out


def places(history: MetricHistory) -> Ints:
    """(AHEAD,): the places of the present cell and those ahead, as far as the model distinguishes them."""
    numbers: Ints = np.minimum(_places_ahead(history.places)[history.cell % history.places], PLACES - 1)
    return numbers


def anchors(history: MetricHistory, ahead: Any, instrument: Any) -> Floats:
    """(ANCHORS,): what the history tells about the offset of a hit of `instrument`, `ahead` cells on; (n, ANCHORS) if
    both are (n,). Offsets, which come first, are in eighths of a cell."""
    place, here, near = (history.cell + ahead) % history.places, ahead == 0, ahead < BEAT
    last_shift, last, _, rate, shift, loudness = _unpacked(history.by_place[place, :, instrument].T)
    now_shift, now, latest_shift, latest, ago, feel = _unpacked(history.by_instrument[:, instrument])
    rates, shifts, beat_ago = history.by_place[place, RATE], history.by_place[place, SHIFT], BEAT_AGO[ahead]
    total = rates @ ONES
    known = (
        8 * history.offset / CELL, 8 * history.mean_shift, 8 * feel, 8 * last_shift, 8 * shift,
        8 * ((rates * shifts) @ ONES) / (total + 1e-3), 8 * latest_shift, 8 * history.first_shift * here,
        8 * now_shift * here, 8 * history.phase[(history.cell + ahead) % BEAT], 8 * history.shifts[beat_ago] * near,
        8 * history.shifts[PAST[ahead]], now * here, last, rate, loudness, latest, 2 ** (ago / -8), total,
        history.recent[beat_ago].any(axis=-1) & near, 4 * history.spread, 4 * history.mean_gap,
    )  # fmt: skip
    out = np.empty((ANCHORS, *np.shape(ahead)), dtype=np.float32)
    for number, value in enumerate(known):
        out[number] = value
    return out.T


def _unpacked(rows: Floats) -> Any:
    """The numbers of one hit as Python floats, which are faster."""
    return rows.tolist() if rows.ndim == 1 else rows


def conditioning_vector(conditioning: Conditioning, styles: Sequence[str]) -> Floats:
    """(len(styles) + 6,): one-hot style, fill, no fill, loudness and whether it is given, the same of density."""
    out = np.zeros(len(styles) + 6, dtype=np.float32)
    if conditioning.style in styles:
        out[styles.index(conditioning.style)] = 1.0
    if conditioning.fill is not None:
        out[len(styles) + (0 if conditioning.fill else 1)] = 1.0
    if conditioning.loudness is not None:
        out[-4:-2] = conditioning.loudness, 1.0
    if conditioning.density is not None:
        out[-2:] = conditioning.density / 8, 1.0
    return out

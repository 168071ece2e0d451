"""jamd's own encoding of drum parts, "metric": the place in the bar, and what was played at each place before.

Time is divided into cells, each centred on a 16th: a hit's cell and its offset from the middle of the cell in ticks,
−60..59, give its exact time. A place is a cell's number within the bar; a bar that is not a multiple of a 16th has the
nearest whole number of cells. A MetricHistory is immutable; adding a hit takes constant time, however long the music.
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
EARLIEST, OFFSETS = -60, 120  # the least offset of a hit in its cell, and the number of offsets
AHEAD = 9  # cells that the next hit may fall into: the present one and 8 ahead; the last one stands for all later ones
CELLS_PER_BEAT = 4
PLACES = 32  # of a bar that the model distinguishes
MAX_AGO = 64  # cells; hits longer ago count as so long ago
MAX_REST = 8  # bars; a longer rest counts as this one
LEAST_RATE = 0.15  # least weight of the newest bar in running means: the last six or seven bars count

FEATURES = 18 + 2 + AHEAD + 1 + 1 + 4 + PLACES + 4 + 3 + 4 + 7 * COUNT  # of `features`
CHANNELS = 5  # of `window`
ANCHORS, MIXED = 22, 12  # size of `anchors`, and the number of those that are offsets
ONES = np.ones(COUNT, dtype=np.float32)

# Rows of `MetricHistory.by_place` and of `by_instrument`; offset and velocity come in the same order in both.
LAST_SHIFT, LAST, PRIOR, RATE, SHIFT, LOUDNESS = range(6)
NOW_SHIFT, NOW, LATEST_SHIFT, LATEST, AGO, FEEL = range(6)


@dataclass(frozen=True, slots=True)
class MetricHistory:
    """The hits so far, up to and including the last one. A shift is an offset in cells.

    `cell`, `offset` (ticks), `instrument`, `velocity` (0..1), `gap` (ticks) of the last hit; cells count from the bar
    line at which the music started. `by_place` (places, 6, 17): by place and instrument, shift and velocity (0: not
    played) in the last cell at the place, velocity in the cell at the place before that one, and running means: of
    whether the instrument is played, and, where it is, of shift and velocity. `visits`: how many cells at each place
    have ended. `by_instrument` (6, 17): shift and velocity in the present cell, shift and velocity of the instrument's
    last hit, cells since that hit, running mean of its shifts. `recent` (8, 17): velocities in the eight cells before
    the present one; `shifts` (8,): shifts of the last hits of those cells. Running means of shifts: `phase` (4,), by
    16th of the beat; `mean_shift`, of all hits; `spread`: running mean of their distances from `phase`. `mean_gap`:
    running mean of the gaps within a cell, in cells.
    """

    cell: int
    offset: int
    instrument: int  # 17: no hit yet
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
        """Tick of the last hit, since the bar line at which the music started."""
        return self.cell * CELL + self.offset

    @property
    def places(self) -> int:
        return len(self.visits)


def start(bar: int, position: int = 0) -> MetricHistory:
    """The history before the first hit. `bar`: its length in ticks; `position`: ticks from its bar line to the moment
    from which the first gap counts."""
    places = max(round(bar / CELL), 1)
    cell, offset = divmod(position - EARLIEST, CELL)

    def zeros(*shape: int) -> Floats:
        return np.zeros(shape, dtype=np.float32)

    by_instrument = zeros(6, COUNT)
    by_instrument[AGO] = MAX_AGO
    return MetricHistory(
        cell=cell, offset=offset + EARLIEST, instrument=COUNT, velocity=0.0, gap=0, by_place=zeros(places, 6, COUNT),
        visits=[0] * places, by_instrument=by_instrument, recent=zeros(AHEAD - 1, COUNT), shifts=zeros(AHEAD - 1),
        phase=zeros(CELLS_PER_BEAT), first_shift=0.0, mean_shift=0.0, spread=0.15, mean_gap=0.1,
    )  # fmt: skip


def observe(history: MetricHistory, hit: Hit) -> MetricHistory:
    """The history after one more hit."""
    cell, place = divmod(history.tick + hit.gap - EARLIEST, CELL)
    offset, ended = place + EARLIEST, cell - history.cell
    shift, velocity, instrument = offset / CELL, hit.velocity / 127, hit.instrument
    by_place, visits, recent, shifts = history.by_place, history.visits, history.recent, history.shifts
    by_instrument, phase = history.by_instrument.copy(), history.phase.copy()
    first_shift, mean_gap = history.first_shift, history.mean_gap
    if ended:
        by_place, visits = _with_cells_ended(history, cell)
        recent, shifts = _recent_cells(history, ended)
        by_instrument[:LATEST_SHIFT] = 0.0
        ago = by_instrument[AGO]
        np.minimum(ago + ended, MAX_AGO, out=ago)
    if ended or history.instrument == COUNT:
        first_shift = shift
    else:
        mean_gap += 0.1 * (hit.gap / CELL - mean_gap)
    of_instrument = by_instrument[:, instrument]
    if velocity >= of_instrument[NOW]:
        of_instrument[:LATEST_SHIFT] = shift, velocity
    of_instrument[LATEST_SHIFT:FEEL] = shift, velocity, 0.0
    of_instrument[FEEL] += 0.1 * (shift - of_instrument[FEEL])
    error = shift - float(phase[cell % CELLS_PER_BEAT])
    phase[cell % CELLS_PER_BEAT] += 0.15 * error
    mean_shift = history.mean_shift + 0.1 * (shift - history.mean_shift)
    spread = history.spread + 0.1 * (abs(error) - history.spread)
    return MetricHistory(
        cell, offset, instrument, velocity, hit.gap, by_place, visits, by_instrument, recent, shifts, phase,
        first_shift, mean_shift, spread, mean_gap,
    )  # fmt: skip


def _with_cells_ended(history: MetricHistory, cell: int) -> tuple[Floats, list[int]]:
    """`by_place` and `visits` after all cells before `cell` have ended: the present one with its hits, the others
    without."""
    by_place, visits = history.by_place.copy(), history.visits.copy()
    # The limit keeps the time of a hit constant, however long the rest before it was.
    for number in range(history.cell, min(cell, history.cell + MAX_REST * len(visits))):
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


def _recent_cells(history: MetricHistory, ended: int) -> tuple[Floats, Floats]:
    """`recent` and `shifts` after `ended` more cells."""
    recent, shifts = np.zeros_like(history.recent), np.zeros_like(history.shifts)
    kept = len(recent) - ended
    if kept >= 0:
        recent[:kept], shifts[:kept] = history.recent[ended:], history.shifts[ended:]
        recent[kept], shifts[kept] = history.by_instrument[NOW], history.offset / CELL
    return recent, shifts


def moved_to_bar(history: MetricHistory, bar: int, position: int) -> MetricHistory:
    """The history with the last hit `position` ticks after the bar line of a bar of `bar` ticks. If the length of the
    bar changes or the bar line moves, what was played at the places is forgotten."""
    places = max(round(bar / CELL), 1)
    cell, place = divmod(position - EARLIEST, CELL)
    if places == history.places and cell % places == history.cell % places and place + EARLIEST == history.offset:
        return history
    fresh = start(bar, position)
    return replace(history, cell=fresh.cell, offset=fresh.offset, by_place=fresh.by_place, visits=fresh.visits)


def least_instrument(history: MetricHistory) -> int:
    """The lowest instrument of the next hit if that falls on the tick of the last one: there, instruments ascend."""
    return history.instrument + 1 if history.instrument < COUNT else 0


def _one_hot(size: int) -> Floats:
    return np.eye(size, dtype=np.float32)


ONE_HOT_INSTRUMENT, ONE_HOT_GAP = _one_hot(COUNT + 1), _one_hot(AHEAD)
ONE_HOT_QUARTER, ONE_HOT_PLACE = _one_hot(CELLS_PER_BEAT), _one_hot(PLACES)
CELLS = np.arange(AHEAD)
# Indices into `recent` and `shifts`: eight cells, and four cells, before each cell ahead
TWO_BEATS_BEFORE, BEAT_BEFORE = np.minimum(CELLS, AHEAD - 2), np.minimum(CELLS + CELLS_PER_BEAT, AHEAD - 2)


@cache
def _places_ahead(places: int) -> Ints:
    """(places, AHEAD): for each place, the places of a cell there and of the cells ahead of that."""
    ahead: Ints = (np.arange(places)[:, None] + CELLS) % places
    return ahead


def features(history: MetricHistory, tempo: float) -> Floats:
    """(FEATURES,): the last hit, its place, and what was played there before. `tempo` in beats per minute."""
    place, by_instrument = history.cell % history.places, history.by_instrument
    angle = 2 * math.pi * place / history.places
    cells = (history.gap + CELL // 2) // CELL
    numbers = (
        history.velocity, history.offset / 60, min(history.gap, 960) / 120, min(history.gap, CELL) / 30,
        math.log2(tempo / 120), math.sin(angle), math.cos(angle), history.places / 16 - 1,
        4 * history.mean_shift, 4 * history.spread, 4 * history.mean_gap,
    )  # fmt: skip
    return np.concatenate(
        (
            ONE_HOT_INSTRUMENT[history.instrument], ONE_HOT_GAP[min(cells, AHEAD - 1)],
            ONE_HOT_QUARTER[place % CELLS_PER_BEAT], ONE_HOT_PLACE[min(place, PLACES - 1)], numbers,
            history.phase * 4, by_instrument[NOW], by_instrument[NOW_SHIFT] * 2,
            np.exp2(by_instrument[AGO] / -8), history.by_place[place, LAST:SHIFT].ravel(), by_instrument[FEEL] * 4,
        ),
        dtype=np.float32,
    )  # fmt: skip


def window(history: MetricHistory) -> Floats:
    """(AHEAD, 17, CHANNELS): for the present cell and those ahead: velocities in the last two cells at the same place,
    rates of playing there, and velocities one beat and two beats before."""
    numbers, now = _places_ahead(history.places)[history.cell % history.places], history.by_instrument[NOW]
    out = np.zeros((AHEAD, COUNT, CHANNELS), dtype=np.float32)
    out[..., :3] = history.by_place[numbers, LAST:SHIFT].swapaxes(1, 2)
    out[:CELLS_PER_BEAT, :, 3], out[CELLS_PER_BEAT, :, 3] = history.recent[CELLS_PER_BEAT:], now
    out[: AHEAD - 1, :, 4], out[AHEAD - 1, :, 4] = history.recent, now
    return out


def places(history: MetricHistory) -> Ints:
    """(AHEAD,): the places of the present cell and those ahead, as far as the model distinguishes them."""
    numbers: Ints = np.minimum(_places_ahead(history.places)[history.cell % history.places], PLACES - 1)
    return numbers


def anchors(history: MetricHistory, ahead: Any, instrument: Any) -> Floats:
    """(ANCHORS,): what the history says about the offset of a hit of `instrument`, `ahead` cells from the last one;
    (n, ANCHORS) if both are (n,). Offsets, which come first, are in eighths of a cell."""
    place, here, near = (history.cell + ahead) % history.places, ahead == 0, ahead < CELLS_PER_BEAT
    last_shift, last, _, rate, shift, loudness = _unpacked(history.by_place[place, :, instrument].T)
    now_shift, now, latest_shift, latest, ago, feel = _unpacked(history.by_instrument[:, instrument])
    rates, shifts, beat_before = history.by_place[place, RATE], history.by_place[place, SHIFT], BEAT_BEFORE[ahead]
    total = rates @ ONES
    known = (
        8 * history.offset / CELL, 8 * history.mean_shift, 8 * feel, 8 * last_shift, 8 * shift,
        8 * ((rates * shifts) @ ONES) / (total + 1e-3), 8 * latest_shift, 8 * history.first_shift * here,
        8 * now_shift * here, 8 * history.phase[(history.cell + ahead) % CELLS_PER_BEAT],
        8 * history.shifts[beat_before] * near, 8 * history.shifts[TWO_BEATS_BEFORE[ahead]],
        now * here, last, rate, loudness, latest, 2 ** (ago / -8), total,
        history.recent[beat_before].any(axis=-1) & near, 4 * history.spread, 4 * history.mean_gap,
    )  # fmt: skip
    out = np.empty((ANCHORS, *np.shape(ahead)), dtype=np.float32)
    for number, value in enumerate(known):
        out[number] = value
    return out.T


def _unpacked(rows: Floats) -> Any:
    """The numbers of one hit as Python floats, which are faster."""
    return rows.tolist() if rows.ndim == 1 else rows


def conditioning_vector(conditioning: Conditioning, styles: Sequence[str]) -> Floats:
    """(len(styles) + 6,): one-hot style, fill, no fill, loudness and whether it is given, density and whether it is."""
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

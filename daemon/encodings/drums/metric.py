"""Our encoding of drumming ("groove"): where in the bar we are, and what was played at each place of it before.

Time is a line of cells, one per 16th note, centred on it: a hit's cell, and its offset from the cell's middle in ticks,
−60..59, say exactly when it falls. A place is a cell's number within the bar; a bar of odd length has the nearest whole
number of cells. Everything is kept up to date hit by hit, in time that does not grow; a Memory never changes.
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
EARLIEST, OFFSETS = -60, 120  # of a cell's offsets the first, and how many there are
AHEAD = 9  # cells that the next hit may fall into: this one, and 8 ahead; the last stands for all later ones
BEAT = 4  # cells
PLACES = 32  # of a bar that the model tells apart
LONG_AGO = 64  # cells
FORGOTTEN = 8  # bars
SLOWEST = 0.15  # weight of the newest bar in the running means: the last six or seven bars count

WIDTH = 18 + 2 + AHEAD + 1 + 1 + 4 + PLACES + 4 + 3 + 4 + 7 * COUNT  # of `features`
CHANNELS = 5  # of `window`
ANCHORS, MIXED = 22, 12  # of `anchors`, and those of them that are offsets
ONES = np.ones(COUNT, dtype=np.float32)


# Rows of `Memory.by_place` and, the first two, of `Memory.by_drum`: offset and velocity come in the same order in both.
LAST_SHIFT, LAST, PRIOR, RATE, SHIFT, LOUDNESS = range(6)
NOW_SHIFT, NOW, LATEST_SHIFT, LATEST, AGO, FEEL = range(6)


@dataclass(frozen=True, slots=True)
class MetricHistory:
    """What was played, up to and including one hit.

    `cell` counts from the bar line at which the music was started, `offset` is that of the last hit. `by_place`
    (places, 6, 17): offset and velocity (0..1, 0: not played) when the place last went by, velocity the time before,
    running means of whether it is played, and of its offset and its velocity where it is; `visits` counts. `by_drum`
    (6, 17): offset and velocity in the cell that has not ended, and in the last hit of the instrument, how many cells
    ago that was, running mean of its offsets. `recent`: velocities in the eight cells before, `shifts` the offsets of
    their last hits. Running means of offsets: `phase` by quarter of the beat, `lean` of all; `spread`: how far they are
    from `phase`; `tight`: of the gaps within a cell. Offsets are in cells.
    """

    cell: int
    offset: int
    instrument: int  # of the last hit; 17: none yet
    velocity: float
    gap: int
    by_place: Floats
    visits: list[int]
    by_drum: Floats
    recent: Floats
    shifts: Floats
    phase: Floats
    first: float  # offset of the first hit in the cell
    lean: float
    spread: float
    tight: float

    @property
    def tick(self) -> int:
        """Of the last hit, since the bar line at which the music was started."""
        return self.cell * CELL + self.offset

    @property
    def places(self) -> int:
        return len(self.visits)


def start(bar: int, position: int = 0) -> MetricHistory:
    """Nothing was heard yet. `bar`: its ticks; `position`: ticks since its bar line, where the first gap begins."""
    places = max(round(bar / CELL), 1)
    cell, offset = divmod(position - EARLIEST, CELL)

    def zeros(*shape: int) -> Floats:
        return np.zeros(shape, dtype=np.float32)

    by_drum = zeros(6, COUNT)
    by_drum[AGO] = LONG_AGO
    return MetricHistory(
        cell=cell, offset=offset + EARLIEST, instrument=COUNT, velocity=0.0, gap=0, by_place=zeros(places, 6, COUNT),
        visits=[0] * places, by_drum=by_drum, recent=zeros(AHEAD - 1, COUNT), shifts=zeros(AHEAD - 1),
        phase=zeros(BEAT), first=0.0, lean=0.0, spread=0.15, tight=0.1,
    )  # fmt: skip


def observe(memory: MetricHistory, hit: Hit) -> MetricHistory:
    """One hit later."""
    cell, place = divmod(memory.tick + hit.gap - EARLIEST, CELL)
    offset, ended = place + EARLIEST, cell - memory.cell
    shift, velocity, instrument = offset / CELL, hit.velocity / 127, hit.instrument
    by_place, visits, recent, shifts = memory.by_place, memory.visits, memory.recent, memory.shifts
    by_drum, phase = memory.by_drum.copy(), memory.phase.copy()
    first, tight = memory.first, memory.tight
    if ended:
        by_place, visits = _written_down(memory, cell)
        recent, shifts = _pushed(memory, ended)
        by_drum[:LATEST_SHIFT] = 0.0
        ago = by_drum[AGO]
        np.minimum(ago + ended, LONG_AGO, out=ago)
    if ended or memory.instrument == COUNT:
        first = shift
    else:
        tight += 0.1 * (hit.gap / CELL - tight)
    of_drum = by_drum[:, instrument]
    if velocity >= of_drum[NOW]:
        of_drum[:LATEST_SHIFT] = shift, velocity
    of_drum[LATEST_SHIFT:FEEL] = shift, velocity, 0.0
    of_drum[FEEL] += 0.1 * (shift - of_drum[FEEL])
    error = shift - float(phase[cell % BEAT])
    phase[cell % BEAT] += 0.15 * error
    lean, spread = memory.lean + 0.1 * (shift - memory.lean), memory.spread + 0.1 * (abs(error) - memory.spread)
    return MetricHistory(
        cell, offset, instrument, velocity, hit.gap, by_place, visits, by_drum, recent, shifts, phase, first, lean,
        spread, tight,
    )  # fmt: skip


def _written_down(memory: MetricHistory, cell: int) -> tuple[Floats, list[int]]:
    """`by_place` and `visits` when all cells before `cell` have ended: the first has what was played now, the others
    nothing."""
    by_place, visits = memory.by_place.copy(), memory.visits.copy()
    # After a long rest, what is forgotten by then need not be forgotten bar by bar.
    for number in range(memory.cell, min(cell, memory.cell + FORGOTTEN * len(visits))):
        place = number % len(visits)
        here = by_place[place]
        visits[place] += 1
        rate = max(1 / visits[place], SLOWEST)
        rates = here[RATE]
        rates *= 1 - rate
        here[PRIOR] = here[LAST]
        here[:PRIOR] = 0.0
        if number > memory.cell:
            continue
        here[:PRIOR] = now = memory.by_drum[:LATEST_SHIFT]
        for instrument in np.flatnonzero(now[NOW]).tolist():
            known = here[:, instrument]
            weight = max(rate, 0.3) if known[LOUDNESS] else 1.0
            known[RATE] += rate
            known[SHIFT] += weight * (known[LAST_SHIFT] - known[SHIFT])
            known[LOUDNESS] += weight * (known[LAST] - known[LOUDNESS])
    return by_place, visits


def _pushed(memory: MetricHistory, ended: int) -> tuple[Floats, Floats]:
    """`recent` and `shifts` so many cells later."""
    recent, shifts = np.zeros_like(memory.recent), np.zeros_like(memory.shifts)
    kept = len(recent) - ended
    if kept >= 0:
        recent[:kept], shifts[:kept] = memory.recent[ended:], memory.shifts[ended:]
        recent[kept], shifts[kept] = memory.by_drum[NOW], memory.offset / CELL
    return recent, shifts


def moved(memory: MetricHistory, bar: int, position: int) -> MetricHistory:
    """The same hit in a bar of `bar` ticks, `position` ticks after its bar line. In bars of another length, or when the
    bar line moved, what was played at their places is forgotten."""
    places = max(round(bar / CELL), 1)
    cell, place = divmod(position - EARLIEST, CELL)
    if places == memory.places and cell % places == memory.cell % places and place + EARLIEST == memory.offset:
        return memory
    fresh = start(bar, position)
    return replace(
        memory,
        cell=fresh.cell,
        offset=fresh.offset,
        by_place=fresh.by_place,
        visits=fresh.visits,
    )


def passed(memory: MetricHistory) -> int:
    """Instruments below this number cannot follow at the tick of the last hit: there, they come in order."""
    return memory.instrument + 1 if memory.instrument < COUNT else 0


def _one_hot(size: int) -> Floats:
    return np.eye(size, dtype=np.float32)


NOTES, GAPS, QUARTERS, BAR = _one_hot(COUNT + 1), _one_hot(AHEAD), _one_hot(BEAT), _one_hot(PLACES)
CELLS = np.arange(AHEAD)
PAST, BEAT_AGO = np.minimum(CELLS, AHEAD - 2), np.minimum(CELLS + BEAT, AHEAD - 2)  # in the last eight cells


@cache
def _ahead(places: int) -> Ints:
    """(places, AHEAD): of the cell at each place and of those ahead, their places."""
    ahead: Ints = (np.arange(places)[:, None] + CELLS) % places
    return ahead


def features(memory: MetricHistory, tempo: float) -> Floats:
    """(WIDTH,): the last hit, where it fell, what was played there before. `tempo` in beats per minute."""
    place, by_drum = memory.cell % memory.places, memory.by_drum
    turn = 2 * math.pi * place / memory.places
    cells = (memory.gap + CELL // 2) // CELL
    numbers = (
        memory.velocity, memory.offset / 60, min(memory.gap, 960) / 120, min(memory.gap, CELL) / 30,
        math.log2(tempo / 120), math.sin(turn), math.cos(turn), memory.places / 16 - 1,
        4 * memory.lean, 4 * memory.spread, 4 * memory.tight,
    )  # fmt: skip
    return np.concatenate(
        (
            NOTES[memory.instrument], GAPS[min(cells, AHEAD - 1)], QUARTERS[place % BEAT], BAR[min(place, PLACES - 1)],
            numbers, memory.phase * 4, by_drum[NOW], by_drum[NOW_SHIFT] * 2, np.exp2(by_drum[AGO] / -8),
            memory.by_place[place, LAST:SHIFT].ravel(), by_drum[FEEL] * 4,
        ),
        dtype=np.float32,
    )  # fmt: skip


def window(memory: MetricHistory) -> Floats:
    """(AHEAD, 17, CHANNELS): of this cell and of those ahead, velocities the last two times that their places went by,
    rates of playing, and velocities one beat and two beats before."""
    numbers, now = _ahead(memory.places)[memory.cell % memory.places], memory.by_drum[NOW]
    out = np.zeros((AHEAD, COUNT, CHANNELS), dtype=np.float32)
    out[..., :3] = memory.by_place[numbers, LAST:SHIFT].swapaxes(1, 2)
    out[:BEAT, :, 3], out[BEAT, :, 3] = memory.recent[BEAT:], now
    out[: AHEAD - 1, :, 4], out[AHEAD - 1, :, 4] = memory.recent, now
    return out


def places(memory: MetricHistory) -> Ints:
    """(AHEAD,): the place of this cell and of the next, as the model tells them apart."""
    numbers: Ints = np.minimum(_ahead(memory.places)[memory.cell % memory.places], PLACES - 1)
    return numbers


def anchors(memory: MetricHistory, ahead: Any, instrument: Any) -> Floats:
    """(ANCHORS,): what is known of the offset of a hit of `instrument`, `ahead` cells on; or (n, ANCHORS), if both are
    (n,). Offsets, which come first, are in eighths of a cell."""
    place, here, near = (memory.cell + ahead) % memory.places, ahead == 0, ahead < BEAT
    last_shift, last, _, rate, shift, loudness = _unpacked(memory.by_place[place, :, instrument].T)
    now_shift, now, latest_shift, latest, ago, feel = _unpacked(memory.by_drum[:, instrument])
    rates, shifts, beat_ago = memory.by_place[place, RATE], memory.by_place[place, SHIFT], BEAT_AGO[ahead]
    total = rates @ ONES
    known = (
        8 * memory.offset / CELL, 8 * memory.lean, 8 * feel, 8 * last_shift, 8 * shift,
        8 * ((rates * shifts) @ ONES) / (total + 1e-3), 8 * latest_shift, 8 * memory.first * here, 8 * now_shift * here,
        8 * memory.phase[(memory.cell + ahead) % BEAT], 8 * memory.shifts[beat_ago] * near,
        8 * memory.shifts[PAST[ahead]], now * here, last, rate, loudness, latest, 2 ** (ago / -8), total,
        memory.recent[beat_ago].any(axis=-1) & near, 4 * memory.spread, 4 * memory.tight,
    )  # fmt: skip
    out = np.empty((ANCHORS, *np.shape(ahead)), dtype=np.float32)
    for number, value in enumerate(known):
        out[number] = value
    return out.T


def _unpacked(rows: Floats) -> Any:
    """Single numbers as Python's own, which are faster."""
    return rows.tolist() if rows.ndim == 1 else rows


def asked(wish: Conditioning, styles: Sequence[str]) -> Floats:
    """(len(styles) + 6,): one-hot style, fill, no fill, loudness and whether it is given, the same of density."""
    out = np.zeros(len(styles) + 6, dtype=np.float32)
    if wish.style in styles:
        out[styles.index(wish.style)] = 1.0
    if wish.fill is not None:
        out[len(styles) + (0 if wish.fill else 1)] = 1.0
    if wish.loudness is not None:
        out[-4:-2] = wish.loudness, 1.0
    if wish.density is not None:
        out[-2:] = wish.density / 8, 1.0
    return out

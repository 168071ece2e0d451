"""Our encoding of drumming ("groove"): where in the bar we are, and what was played at each place of it before.

Time is a line of cells, one per 16th note, centred on it: a hit's cell, and its offset from the cell's middle in ticks,
−60..59, say exactly when it falls. A place is a cell's number within the bar; a bar of odd length has the nearest whole
number of cells. Everything is kept up to date hit by hit, in time that does not grow; a Memory never changes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from daemon.encodings.drums import COUNT, Floats, Hit, Ints, Wish

CELL = 120  # ticks: a 16th
EARLIEST, OFFSETS = -60, 120  # of a cell's offsets the first, and how many there are
AHEAD = 9  # cells that the next hit may fall into: this one, and 8 ahead; the last stands for all later ones
BEAT = 4  # cells
PLACES = 32  # of a bar that the model tells apart
LONG_AGO = 64  # cells
FORGOTTEN = 8  # bars
SLOWEST = 0.15  # weight of the newest bar in the running means: the last six or seven bars count

WIDTH = 18 + 2 + AHEAD + 1 + 1 + 4 + PLACES + 4 + 3 + 4 + 7 * COUNT  # of `Memory.features`
CHANNELS = 5  # of `Memory.window`
ANCHORS = 22  # of `Memory.anchors`


@dataclass(frozen=True, slots=True)
class Memory:
    """What was played, up to and including one hit.

    `cell` counts from the bar line at which the music was started, `offset` is that of the last hit. By place and
    instrument: `last`, velocity (0..1, 0: not played) and offset when the place last went by, `prior`, velocity the
    time before, `mean`, running means of whether it is played, of its offset and its velocity where it is; `visits`
    counts. `now`: velocity and offset in the cell that has not ended, `latest`: in the last hit of each instrument,
    `ago` how many cells ago that was; `recent`: velocities in the eight cells before, `shifts` the offsets of their
    last hits. Running means of offsets: `feel` by instrument, `phase` by quarter of the beat, `lean` of all; `spread`:
    how far they are from `phase`; `tight`: of the gaps within a cell. Offsets are in cells.
    """

    cell: int
    offset: int
    instrument: int  # of the last hit; 17: none yet
    velocity: float
    gap: int
    last: Floats
    prior: Floats
    mean: Floats
    visits: Floats
    now: Floats
    latest: Floats
    ago: Floats
    feel: Floats
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


def start(bar: int, position: int = 0) -> Memory:
    """Nothing was heard yet. `bar`: its ticks; `position`: ticks since its bar line, where the first gap begins."""
    places = max(round(bar / CELL), 1)
    cell, offset = divmod(position - EARLIEST, CELL)

    def zeros(*shape: int) -> Floats:
        return np.zeros(shape, dtype=np.float32)

    return Memory(
        cell=cell, offset=offset + EARLIEST, instrument=COUNT, velocity=0.0, gap=0,
        last=zeros(places, COUNT, 2), prior=zeros(places, COUNT), mean=zeros(places, COUNT, 3), visits=zeros(places),
        now=zeros(COUNT, 2), latest=zeros(COUNT, 2), ago=np.full(COUNT, LONG_AGO, dtype=np.float32), feel=zeros(COUNT),
        recent=zeros(AHEAD - 1, COUNT), shifts=zeros(AHEAD - 1), phase=zeros(BEAT), first=0.0, lean=0.0, spread=0.15,
        tight=0.1,
    )  # fmt: skip


def observe(memory: Memory, hit: Hit) -> Memory:
    """One hit later."""
    cell, place = divmod(memory.tick + hit.gap - EARLIEST, CELL)
    offset = place + EARLIEST
    if cell > memory.cell:
        memory = _go_on(memory, cell)
    shift, velocity, instrument = offset / CELL, hit.velocity / 127, hit.instrument
    first = memory.first if memory.now[:, 0].any() else shift
    now, latest, ago, feel = memory.now.copy(), memory.latest.copy(), memory.ago.copy(), memory.feel.copy()
    if velocity >= now[instrument, 0]:
        now[instrument] = velocity, shift
    latest[instrument] = velocity, shift
    ago[instrument] = 0.0
    feel[instrument] += 0.1 * (shift - feel[instrument])
    lean = memory.lean + 0.1 * (shift - memory.lean)
    phase, tight = memory.phase.copy(), memory.tight
    if memory.now[:, 0].any():
        tight += 0.1 * (hit.gap / CELL - tight)
    error = shift - float(phase[cell % BEAT])
    phase[cell % BEAT] += 0.15 * error
    spread = memory.spread + 0.1 * (abs(error) - memory.spread)
    return replace(
        memory, cell=cell, offset=offset, instrument=instrument, velocity=velocity, gap=hit.gap, now=now, latest=latest,
        ago=ago, feel=feel, phase=phase, first=first, lean=lean, spread=spread, tight=tight,
    )  # fmt: skip


def _go_on(memory: Memory, cell: int) -> Memory:
    """The cells before `cell` have ended: what was played there is written down."""
    last, prior, mean, visits = memory.last.copy(), memory.prior.copy(), memory.mean.copy(), memory.visits.copy()
    # After a long rest, what is forgotten by then need not be forgotten bar by bar.
    for number in range(memory.cell, min(cell, memory.cell + FORGOTTEN * len(visits))):
        place = number % len(visits)
        visits[place] += 1
        rate = max(1 / float(visits[place]), SLOWEST)
        prior[place] = last[place, :, 0]
        mean[place, :, 0] *= 1 - rate
        if number > memory.cell:
            last[place] = 0.0
            continue
        last[place] = memory.now
        for instrument in np.flatnonzero(memory.now[:, 0]):
            velocity, shift = memory.now[instrument]
            known = mean[place, instrument]
            weight = max(rate, 0.3) if known[2] else 1.0
            known += rate, weight * (shift - known[1]), weight * (velocity - known[2])
    ago = np.minimum(memory.ago + (cell - memory.cell), LONG_AGO)
    recent, shifts = np.zeros_like(memory.recent), np.zeros_like(memory.shifts)
    gone = cell - memory.cell  # cells that ended
    if gone <= len(recent):
        kept = len(recent) - gone
        recent[:kept], shifts[:kept] = memory.recent[gone:], memory.shifts[gone:]
        recent[kept], shifts[kept] = memory.now[:, 0], memory.offset / CELL
    return replace(
        memory, last=last, prior=prior, mean=mean, visits=visits, now=np.zeros_like(memory.now), ago=ago, recent=recent,
        shifts=shifts,
    )  # fmt: skip


def moved(memory: Memory, bar: int, position: int) -> Memory:
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
        last=fresh.last,
        prior=fresh.prior,
        mean=fresh.mean,
        visits=fresh.visits,
    )


def passed(memory: Memory) -> int:
    """Instruments below this number cannot follow at the tick of the last hit: there, they come in order."""
    return memory.instrument + 1 if memory.instrument < COUNT else 0


def _one_hot(size: int) -> Floats:
    return np.eye(size, dtype=np.float32)


PHASES = np.arange(AHEAD)
NOTES, GAPS, QUARTERS, BAR = _one_hot(COUNT + 1), _one_hot(AHEAD), _one_hot(BEAT), _one_hot(PLACES)


def features(memory: Memory, tempo: float) -> Floats:
    """(WIDTH,): the last hit, where it fell, what was played there before. `tempo` in beats per minute."""
    place = memory.cell % memory.places
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
            numbers, memory.phase * 4, memory.now[:, 0], memory.now[:, 1] * 2, np.exp2(memory.ago / -8),
            memory.last[place, :, 0], memory.prior[place], memory.mean[place, :, 0], memory.feel * 4,
        ),
        dtype=np.float32,
    )  # fmt: skip


def window(memory: Memory) -> Floats:
    """(AHEAD, 17, CHANNELS): of this cell and of those ahead, velocities the last two times that their places went by,
    rates of playing, and velocities one beat and two beats before."""
    numbers = np.arange(memory.cell, memory.cell + AHEAD) % memory.places
    out = np.zeros((AHEAD, COUNT, CHANNELS), dtype=np.float32)
    out[..., 0], out[..., 1] = memory.last[numbers, :, 0], memory.prior[numbers]
    out[..., 2] = memory.mean[numbers, :, 0]
    out[:BEAT, :, 3], out[BEAT, :, 3] = memory.recent[BEAT:], memory.now[:, 0]
    out[: AHEAD - 1, :, 4], out[AHEAD - 1, :, 4] = memory.recent, memory.now[:, 0]
    return out


def places(memory: Memory) -> Ints:
    """(AHEAD,): the place of this cell and of the next, as the model tells them apart."""
    numbers: Ints = np.arange(memory.cell, memory.cell + AHEAD) % memory.places
    return np.minimum(numbers, PLACES - 1)


def anchors(memory: Memory) -> Floats:
    """(AHEAD, 17, ANCHORS): what is known of a hit's offset, by its cell and instrument; offsets, which come first, in
    eighths of a cell."""
    places = np.arange(memory.cell, memory.cell + AHEAD) % memory.places
    last, mean = memory.last[places], memory.mean[places]
    rates = mean[..., 0]
    total = rates.sum(axis=1)
    out = np.zeros((AHEAD, COUNT, ANCHORS), dtype=np.float32)
    out[..., 0] = memory.offset / CELL
    out[..., 1] = memory.lean
    out[..., 2] = memory.feel
    out[..., 3] = last[..., 1]
    out[..., 4] = mean[..., 1]
    out[..., 5] = ((rates * mean[..., 1]).sum(axis=1) / (total + 1e-3))[:, None]
    out[..., 6] = memory.latest[:, 1]
    out[0, :, 7] = memory.first
    out[0, :, 8] = memory.now[:, 1]
    out[..., 9] = memory.phase[(memory.cell + PHASES) % BEAT][:, None]
    out[:BEAT, :, 10] = memory.shifts[BEAT:, None]
    out[:-1, :, 11] = memory.shifts[:, None]
    out[-1, :, 11] = memory.shifts[-1]
    out[..., :12] *= 8
    out[0, :, 12] = memory.now[:, 0]
    out[..., 13] = last[..., 0]
    out[..., 14] = rates
    out[..., 15] = mean[..., 2]
    out[..., 16] = memory.latest[:, 0]
    out[..., 17] = np.exp2(memory.ago / -8)
    out[..., 18] = total[:, None]
    out[:BEAT, :, 19] = memory.recent[BEAT:].any(axis=1, keepdims=True)
    out[..., 20] = 4 * memory.spread
    out[..., 21] = 4 * memory.tight
    return out


def asked(wish: Wish, styles: Sequence[str]) -> Floats:
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

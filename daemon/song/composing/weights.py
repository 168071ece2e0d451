"""What makes a melody suit its chords and its meter, as weights for the sampler.

**Chords.** h(pitch class, chord) of the style (daemon.markov.harmony) to the power CHORD_STRENGTH for each beat that a
note sounds with a chord, so that short notes between chord tones cost little. A rest costs as much as the notes of the
style on average.

**Meter.** The model knows durations, not bars. The weight of an event is p(duration | place in the bar) / p(duration),
and between the eighths also (p(place) / p(an eighth)) to the power PLACE_STRENGTH: a melody that has left the eighths,
as after a single 16th, would else stay beside them for bars. Both are counted in the styles' pieces with such bars, in
both modes.

All are at most 1: otherwise notes would be drawn because each of them gains, such as triplets on the fifth of all
chords, which fill any melody. What the notes of the style cost is given back to each note, as its gain: melodies have
as many notes in a bar as the style's pieces.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from daemon.markov.constraints import Table
from daemon.markov.events import REST, TICKS, ChordEvent, MelodyEvent
from daemon.markov.harmony import Harmony, sum_over_events
from daemon.markov.layers import Layer, Span, on_grid
from daemon.markov.model import MarkovModel
from daemon.song.styles.pieces import Piece

CHORD_STRENGTH, PLACE_STRENGTH = 1.5, 0.25
EIGHTH = TICKS // 2
GAINS = (-1.0, 1.5)  # nats for each note: the least and the most
USUAL, STEPS, EDGE = 0.2, 8, 0.1  # of the secants: the first gain, the most steps, the part of a bracket at each end
NEAR, STEP = 0.03, 0.01  # by which the logarithm of the number of notes may differ; of the derivative
MOST_PIECES = 200  # of which the cost of a note is taken
PRIOR = 20.0  # events: where few events begin, durations have their general frequencies
Array = NDArray[np.float64]


class Suiting:
    """Counted in the style's `pieces`, and the meter in `rhythms`, pieces with bars like those of what is composed.
    `bar`: ticks of a bar, `beats`: its strong ticks."""

    def __init__(
        self,
        pieces: Sequence[Piece],
        rhythms: Sequence[Piece],
        harmony: Harmony,
        alphabet: Sequence[MelodyEvent],
        bar: int,
        beats: Sequence[int],
    ) -> None:
        self._harmony, self._beats = harmony, tuple(beats)
        self._pitches = np.array([pitch for pitch, _ in alphabet], np.intp)
        self._durations = np.array([ticks for _, ticks in alphabet], np.intp)
        melodies = [piece.from_first_bar() for piece in rhythms]
        self._meter = _meter(melodies, int(self._durations.max()), bar)[:, self._durations]
        self._rest = _mean_cost(pieces, self)
        self.gain = 0.0

    def tune(self, model: MarkovModel, mode: str, like: Sequence[Piece]) -> None:
        """Find the gain with which melodies on a few usual chords have as many notes as the pieces `like`."""
        events = [event for piece in like for event in piece.from_first_bar()]
        wanted = sum(pitch != REST for pitch, _ in events) / max(sum(ticks for _, ticks in events), 1)  # for each tick
        bar, third = len(self._meter), "m" if mode == "minor" else ""
        chords = ((0, third, bar), (5, third, bar), (7, "7", bar), (0, third, bar)) * 2
        span = Span(bar * len(chords), bar, self._beats)
        grid = on_grid(model, span)
        free = Layer(model, (grid,)).sampler(span)

        def log_mass(gain: float) -> float:
            self.gain = gain
            return free.revised((grid, self.table(chords))).log_mass

        def too_many(gain: float) -> float:
            """The logarithm of the expected by the wanted number of notes."""
            notes = (log_mass(gain + STEP) - log_mass(gain - STEP)) / (2 * STEP)
            return math.log(max(notes, STEP) / max(wanted * span.length, STEP))

        self.gain = _zero(too_many)

    def table(self, chords: Sequence[ChordEvent]) -> Table:
        """Of melodies on `chords`, which cover what is composed."""
        by_tick = self.costs(chords)
        logs = sum_over_events(by_tick, by_tick, self._pitches % 12, self._durations)
        rests = self._pitches == REST
        logs = np.where(rests, self._rest * self._durations, logs + self.gain)
        logs += self._meter[np.arange(len(logs)) % len(self._meter)]
        return Table(logs, "the chords and the meter")

    def costs(self, chords: Sequence[ChordEvent]) -> Array:
        """[tick, pitch class]: the logarithm of the weight of a note that sounds there, for that tick."""
        which = np.repeat(np.arange(len(chords)), [ticks for *_, ticks in chords])
        strong = np.isin(np.arange(len(which)) % len(self._meter), self._beats)
        log_h = self._harmony.of_chords(chords)[strong.astype(np.intp), which]
        return np.minimum(log_h, 0.0) * (CHORD_STRENGTH / TICKS)


def _zero(rising: Callable[[float], float]) -> float:
    """Where a rising function of the gain is nearly 0, by secants within a bracket."""
    (low, high), gain, slope = GAINS, USUAL, 2.0
    before: tuple[float, float] | None = None
    for _ in range(STEPS):
        if abs(value := rising(gain)) < NEAR:
            break
        low, high = (low, gain) if value > 0 else (gain, high)
        if before is not None:
            slope = max((value - before[1]) / (gain - before[0]), 0.5)
        before, edge = (gain, value), EDGE * (high - low)
        gain = min(max(gain - value / slope, low + edge), high - edge)
    return gain


def _mean_cost(pieces: Sequence[Piece], suiting: Suiting) -> float:
    """Of a tick at which a note sounds."""
    costs = [0.0]
    for piece in pieces[:MOST_PIECES]:
        pitches = np.repeat(*np.array(piece.from_first_bar(), np.intp).reshape(-1, 2).T)
        by_tick = suiting.costs(piece.chords)[: len(pitches)]
        sounds = np.flatnonzero(pitches[: len(by_tick)] != REST)
        costs.append(float(by_tick[sounds, pitches[sounds] % 12].mean()) if len(sounds) else 0.0)
    return float(np.mean(costs))


def _meter(melodies: Iterable[Sequence[MelodyEvent]], longest: int, bar: int) -> Array:
    """[place, duration]: log of the weight of an event that begins at the place; a duration that was not counted has
    that of its place."""
    counts = np.zeros((bar, longest + 1))
    for melody in melodies:
        ticks = np.array([ticks for _, ticks in melody], np.intp)
        known = ticks <= longest
        np.add.at(counts, (((np.cumsum(ticks) - ticks) % bar)[known], ticks[known]), 1)
    overall = counts.sum(axis=0) / max(counts.sum(), 1.0)
    at_place = (counts + PRIOR * overall) / (counts.sum(axis=1, keepdims=True) + PRIOR)
    ratios = np.divide(at_place, overall, out=np.ones_like(at_place), where=overall > 0)
    places = counts.sum(axis=1) + PRIOR / bar
    shares = np.minimum(places / places[::EIGHTH].mean(), 1.0) ** PLACE_STRENGTH
    shares[::EIGHTH] = 1
    return np.log(np.minimum(ratios, 1.0) * shares[:, None])  # type: ignore[no-any-return]

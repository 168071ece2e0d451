"""Harmony for a melody whose future is known: a particle filter that runs ahead of what sounds, with a fixed lag.

A particle is one harmonisation of the melody so far. At each 16th its free voices are drawn from the model, given the
melody's note, and the log probability of that note is added to its score, so that a harmonisation that does not fit
the melody's next notes is dropped before it sounds (sequential Monte Carlo; Doucet & Johansen 2009, section 4). The
weight of a particle is p(harmonisation and melody)^(1/temperature): each draw is from a distribution that is tempered,
masked and cut at top-p, and the logarithm of its normaliser corrects the score for that.

Particles with the same past (about half of them) share one row of the model's state, which is computed once. All voices
of a 16th are drawn in one call of the model, each as if the voices before it repeated their pitches. Most voices do,
and then one call is enough. The voices after the first one that moves are drawn again, with the same random numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from daemon.encodings.chorale import NO_HINTS, REST, STEPS_PER_BAR, UNKNOWN, VOICES, Hints
from daemon.engines.harmoniser.chord_limits import ChordLimits, choices
from daemon.engines.harmoniser.model import ChoraleModel, State
from daemon.engines.harmoniser.place import Place
from daemon.engines.harmoniser.voice_leading import allowed
from daemon.engines.shared.draw import Bools, Floats, Ints, choose, sigmoid

# Least temperature of draws and weights. Temperature 0 means the best harmonisation found: without randomness all
# particles would be the same.
MIN_TEMPERATURE = 0.25


@dataclass(frozen=True, slots=True)
class StepSettings:
    """How a 16th is written: within the `limits` of a planned chord, with `hints` (1,), `hold_cost` as in Place.
    `keeps`: the free voices keep their notes, except those that the given ones leave no room for."""

    limits: ChordLimits | None = None
    hints: Hints = NO_HINTS
    hold_cost: float = 0.0
    keeps: bool = False


USUAL = StepSettings()


@dataclass(frozen=True, slots=True)
class ChoraleStep:
    """One 16th of one harmonisation. `state` is the model's state before this 16th, one row; symbols and held are
    (1, 4). `rests`: all voices are silent, and the symbols are those of the last chord."""

    state: State
    previous: Ints
    symbols: Ints
    held: Ints
    rests: bool


@dataclass(slots=True)
class _ParticleStep:
    """One 16th of all particles, in their order; `rows` are the particles' rows in `state`. `rested`: 16ths since
    the last chord; 0: they sing."""

    state: State
    rows: Ints
    previous: Ints
    symbols: Ints
    held: Ints
    rested: int


class ParticleFilter:
    """`frame`: number of the 16th that `next_step` returns next; `frontier`: of the 16th that `extend` writes next."""

    def __init__(self, model: ChoraleModel, particles: int, random: np.random.Generator, frame: int) -> None:
        self._model, self._count, self.random = model, particles, random
        self.frame = self.frontier = frame
        self._steps: list[_ParticleStep] = []  # from `frame` to `frontier`
        self._returned: _ParticleStep | None = None  # that `next_step` returned last
        self._limits: ChordLimits | None = None  # of the 16th at the frontier
        self._place: Place | None = None  # of that 16th, if no chord is planned for it
        self._scores: Floats = np.zeros(particles)
        self._restart()

    def _restart(self) -> None:
        self._state = self._model.start(1)
        self._rows: Ints = np.zeros(self._count, dtype=np.int64)  # of the particles in the state
        self._symbols: Ints = np.full((self._count, len(VOICES)), UNKNOWN)
        self._held: Ints = np.zeros((self._count, len(VOICES)), dtype=np.int64)
        self._rested = 0  # 16ths since the last chord

    def extend(
        self,
        known: Ints,
        struck: Bools,
        position: int,
        temperature: float,
        top_p: float,
        settings: StepSettings = USUAL,
    ) -> None:
        """Write the 16th at the frontier: `known` (4,) symbols, UNKNOWN for the free voices; `struck` (4,)."""
        self._limits = settings.limits
        self._place = None
        if settings.limits is None:
            self._place = Place(position, settings.hints, int(known[0]), settings.hold_cost)
        temperatures = np.full(len(VOICES), temperature)
        if self._place is not None:
            temperatures = self._place.temperatures(temperature)
        temperatures = np.maximum(temperatures, MIN_TEMPERATURE)
        self._resample()
        if self._rested >= STEPS_PER_BAR:
            self._restart()
        after_rest, self._rested = self._rested > 0, 0
        self._advance(position, settings.hints)
        previous = self._symbols
        symbols = np.tile(known, (self._count, 1))
        held = np.where(symbols == UNKNOWN, 0, (symbols == previous) & ~struck).astype(np.int64)
        given, free = np.flatnonzero(known != UNKNOWN).tolist(), np.flatnonzero(known == UNKNOWN).tolist()
        if settings.keeps:
            free = [voice for voice in free if not self._keep(voice, symbols, held)]
        draws = self.random.random((len(free), 2, self._count))
        log_probs, ties, assumed = self._predict([*given, *free], symbols)
        for index, voice in enumerate(given):
            self._scores += log_probs[index, :, known[voice]] / temperatures[voice]
        while free:
            count = len(free)  # the predictions of the free voices come last
            chosen, gains = self._draw(
                free, log_probs[-count:], assumed[-count:], draws[-count:, 0], temperatures, top_p
            )
            repeats = chosen == previous[:, free].T
            tied = repeats & (draws[-count:, 1] < sigmoid(ties[-count:], temperature))
            moving = np.flatnonzero(~repeats.all(axis=1))  # voices after the first of these assumed a wrong pitch
            valid = int(moving[0]) + 1 if len(moving) else count
            drawn, free = free[:valid], free[valid:]
            symbols[:, drawn], held[:, drawn] = chosen[:valid].T, tied[:valid].T
            self._scores += gains[:valid].sum(axis=0)
            if free:
                log_probs, ties, assumed = self._predict(free, symbols)
        self._append(previous, symbols, np.zeros_like(held) if after_rest else held)

    def _keep(self, voice: int, symbols: Ints, held: Ints) -> bool:
        """Let a voice keep its notes beside the known `symbols`; False if there is no room for one of them."""
        own = self._symbols[:, voice]
        if (own >= REST).any() or not allowed(voice, symbols)[np.arange(self._count), own].all():
            return False
        symbols[:, voice], held[:, voice] = own, 1
        return True

    def _predict(self, voices: list[int], symbols: Ints) -> tuple[NDArray[np.float32], NDArray[np.float32], Ints]:
        """Log probabilities (voices, particles, 47) and tie logits (voices, particles) of `voices`, and the symbols
        (voices, particles, 4) that each voice is predicted from: the known ones and, of the voices before it in the
        list, the previous pitches, which those voices are assumed to repeat."""
        numbers, distinct = _distinct_rows(np.concatenate((self._rows[:, None], symbols), axis=1))
        symbols, rows = distinct[:, 1:], distinct[None, :, 0].repeat(len(voices), axis=0)
        previous = self._previous[rows]
        assumed = np.where(symbols == UNKNOWN, previous, symbols)
        for index in range(len(voices)):
            assumed[index][:, voices[index:]] = UNKNOWN
        log_probs, tie = self._model.head(
            self._state.select(rows.ravel()),
            previous.reshape(-1, len(VOICES)),
            assumed.reshape(-1, len(VOICES)),
            np.repeat(voices, len(distinct)),
        )
        return log_probs.reshape(*rows.shape, -1)[:, numbers], tie.reshape(rows.shape)[:, numbers], assumed[:, numbers]

    def _draw(
        self,
        voices: list[int],
        log_probs: NDArray[np.float32],
        assumed: Ints,
        draws: Floats,
        temperatures: Floats,
        top_p: float,
    ) -> tuple[Ints, Floats]:
        """A symbol of each voice for each particle, and its contribution to the score: (voices, particles) each."""
        voice, known = np.repeat(voices, self._count), assumed.reshape(-1, len(VOICES))
        log_probs = log_probs.reshape(len(known), -1)
        previous = self._symbols[None].repeat(len(voices), axis=0).reshape(known.shape)
        mask, costs = choices(voice, previous, known, self._limits)
        if self._place is not None and (of_place := self._place.costs(voice, previous, known)) is not None:
            costs = of_place if costs is None else costs + of_place
        scores = (log_probs if costs is None else log_probs - costs) / temperatures[voice, None]
        chosen, tempered, drawn = choose(scores, mask, 1.0, top_p, draws.ravel())
        return chosen.reshape(draws.shape), (tempered - drawn).reshape(draws.shape)

    def extend_rest(self, position: int, needs_state: bool = True, hints: Hints = NO_HINTS) -> None:
        """Write a 16th in which all voices rest. The model assumes that the last chord is held; after a bar of rest it
        starts anew. Without `needs_state`, the model is not run for the rest that follows such a bar."""
        self._rested += 1
        if needs_state or self._rested < STEPS_PER_BAR:
            self._advance(position, hints)
        self._append(self._symbols, self._symbols, (self._symbols < REST).astype(np.int64))

    def _advance(self, position: int, hints: Hints) -> None:
        """Advance the model by the last 16th, once for all particles with the same past."""
        self._rows, distinct = _distinct_rows(np.concatenate((self._rows[:, None], self._symbols, self._held), axis=1))
        self._previous, ones = distinct[:, 1:5], np.ones(len(distinct), dtype=np.int64)
        self._state = self._model.advance(
            self._state.select(distinct[:, 0]), self._previous, distinct[:, 5:], ones * position, hints
        )

    def _append(self, previous: Ints, symbols: Ints, held: Ints) -> None:
        self._steps.append(_ParticleStep(self._state, self._rows, previous, symbols, held, self._rested))
        self._symbols, self._held = symbols, held
        self.frontier += 1

    def next_step(self) -> ChoraleStep:
        """The 16th number `frame` with the largest total weight among the particles. Particles with another one are
        dropped."""
        step = self._returned = self._steps.pop(0)
        both = np.hstack((step.symbols, step.held))
        equal = (both[:, None] == both).all(axis=-1)
        best = int((equal @ self._weights()).argmax())
        self._scores = np.where(equal[best], self._scores, -np.inf)
        self.frame += 1
        row = slice(best, best + 1)
        return ChoraleStep(
            step.state.select(step.rows[row]), step.previous[row], step.symbols[row], step.held[row], step.rested > 0
        )

    def rewind(self, frame: int) -> None:
        """Have the 16ths from number `frame` on written again, except those that `next_step` has returned."""
        kept = max(frame - self.frame, 0)
        if kept >= len(self._steps):
            return
        last = self._steps[kept - 1] if kept else self._returned
        del self._steps[kept:]
        self.frontier = self.frame + kept
        self._scores = np.where(np.isfinite(self._scores), 0.0, -np.inf)
        if last is None:
            self._restart()
        else:
            self._state, self._rows, self._symbols, self._held = last.state, last.rows, last.symbols, last.held
            self._rested = last.rested

    def _weights(self) -> Floats:
        weights = np.exp(self._scores - self._scores.max())
        return np.asarray(weights / weights.sum())

    def _resample(self) -> None:
        """Draw the particles anew by their weights (systematic resampling), if particles were dropped or the effective
        number of particles is below half of them."""
        weights = self._weights()
        if weights.min() > 0 and 1 / (weights * weights).sum() >= self._count / 2:
            return
        places = (np.arange(self._count) + self.random.random()) / self._count
        chosen = np.minimum(weights.cumsum().searchsorted(places), self._count - 1)
        self._scores = np.zeros(self._count)
        self._rows, self._symbols, self._held = self._rows[chosen], self._symbols[chosen], self._held[chosen]
        for step in (*self._steps, *((self._returned,) if self._returned else ())):
            step.rows, step.previous = step.rows[chosen], step.previous[chosen]
            step.symbols, step.held = step.symbols[chosen], step.held[chosen]


def _distinct_rows(rows: Ints) -> tuple[Ints, Ints]:
    """The number of each row among the distinct rows, and the distinct rows, in the order of first appearance."""
    numbers: dict[tuple[int, ...], int] = {}
    of_each = [numbers.setdefault(tuple(row), len(numbers)) for row in rows.tolist()]
    return np.array(of_each), np.array(list(numbers))

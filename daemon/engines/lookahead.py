"""Harmony for a melody whose future is known: particles that run ahead of what is heard, with fixed lag.

A particle is one setting of the melody so far. At each 16th its free voices are drawn from the model, given the
melody's note; its score takes in how likely that note was, so that what leads nowhere dies out before it is heard
(sequential Monte Carlo; Doucet & Johansen 2009, section 4). The score is that of p(setting and melody)^(1/temperature):
what the local draw, tempered, masked and cut at top-p, adds to or takes from it is paid back by its normaliser.

Particles that share their whole past (about half of them) share a row of the model's state, which is computed once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from daemon.encodings.chorale import FERMATA_UNKNOWN, REST, STEPS_PER_BAR, UNKNOWN, VOICES
from daemon.engines.chorale_model import ChoraleModel, State
from daemon.engines.sampling import Bools, Floats, Ints, allowed, choose, discouraged, probability

COLDEST = 0.25  # temperature 0 means the best setting found; to find any, the particles must differ


@dataclass(frozen=True, slots=True)
class Written:
    """One 16th of one setting. `state` is the model's, about to predict it (batch 1); symbols and held are (1, 4).
    `rests`: the choir is silent, and the symbols are those of the last chord."""

    state: State
    previous: Ints
    symbols: Ints
    held: Ints
    rests: bool


@dataclass(slots=True)
class _Column:
    """One 16th of all particles, in their order; `rows` are theirs in `state`."""

    state: State
    rows: Ints
    previous: Ints
    symbols: Ints
    held: Ints
    rests: bool


class LookAhead:
    """`frame` is the number of the 16th that is heard next, `frontier` of the one that is written next."""

    def __init__(self, model: ChoraleModel, particles: int, random: np.random.Generator, frame: int) -> None:
        self._model, self._count, self._random = model, particles, random
        self.frame = self.frontier = frame
        self._columns: list[_Column] = []
        self._scores: Floats = np.zeros(particles)
        self._temperature = 1.0  # of the last 16th written
        self._forget()

    def _forget(self) -> None:
        self._state = self._model.start(1)
        self._rows: Ints = np.zeros(self._count, dtype=np.int64)  # of the particles in the state
        self._symbols: Ints = np.full((self._count, len(VOICES)), UNKNOWN)
        self._held: Ints = np.zeros((self._count, len(VOICES)), dtype=np.int64)
        self._rests = 0

    def extend(self, known: Ints, struck: Bools, position: int, temperature: float, top_p: float) -> None:
        """Write the frontier's 16th: `known` (4,) symbols, UNKNOWN for the voices to be found; `struck` (4,)."""
        self._temperature = temperature
        self._resample()
        if self._rests >= STEPS_PER_BAR:
            self._forget()
        rested, self._rests = self._rests > 0, 0
        self._advance(position)
        previous = self._symbols
        given, free = np.flatnonzero(known != UNKNOWN).tolist(), np.flatnonzero(known == UNKNOWN).tolist()
        log_probs, tie = self._ask_first([*given, *free[:1]], known)
        for index, voice in enumerate(given):
            self._scores += log_probs[index, self._rows, known[voice]]
        symbols = np.tile(known, (self._count, 1))
        held = np.where(symbols == UNKNOWN, 0, (symbols == previous) & ~struck).astype(np.int64)
        likely = log_probs[-1, self._rows], tie[-1, self._rows]
        contexts = State({}, self._state.context[self._rows])
        for voice in free:
            if voice != free[0]:
                likely = self._model.head(contexts, previous, symbols, np.full(self._count, voice))
            symbols[:, voice] = self._draw(voice, likely[0], symbols, temperature, top_p)
            draws = self._random.random(self._count)
            held[:, voice] = (symbols[:, voice] == previous[:, voice]) & (draws < probability(likely[1], temperature))
        self._write(previous, symbols, np.zeros_like(held) if rested else held)

    def _ask_first(self, voices: list[int], known: Ints) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Log probabilities (voices, rows, 47) and tie logits (voices, rows): each voice with those before it known.
        One call: it costs little more than that of a single voice."""
        count, rows = len(voices), len(self._state.context)
        asked = np.full((count, rows, len(VOICES)), UNKNOWN)
        for index, voice in enumerate(voices):
            asked[index + 1 :, :, voice] = known[voice]
        log_probs, tie = self._model.head(
            State({}, np.tile(self._state.context, (count, 1))),
            np.tile(self._previous, (count, 1)),
            asked.reshape(-1, len(VOICES)),
            np.repeat(voices, rows),
        )
        return log_probs.reshape(count, rows, -1), tie.reshape(count, rows)

    def _draw(
        self, voice: int, log_probs: NDArray[np.float32], symbols: Ints, temperature: float, top_p: float
    ) -> Ints:
        cost = discouraged(voice, self._symbols, symbols)
        chosen, scores, drawn = choose(
            log_probs if cost is None else log_probs - cost,
            allowed(voice, symbols),
            max(temperature, COLDEST),
            top_p,
            self._random.random(self._count),
        )
        self._scores += scores - temperature * drawn
        return chosen

    def rest(self, position: int) -> None:
        """Write a 16th in which the choir rests. To the model the last chord lasts; after a bar it starts anew."""
        self._rests += 1
        self._advance(position)
        self._write(self._symbols, self._symbols, (self._symbols < REST).astype(np.int64))

    def _advance(self, position: int) -> None:
        """Hand the last 16th to the model, once for all particles that have it and all before it in common."""
        pasts = np.column_stack((self._rows, self._symbols, self._held)).tolist()
        numbers: dict[tuple[int, ...], int] = {}
        self._rows = np.array([numbers.setdefault(tuple(past), len(numbers)) for past in pasts])
        distinct = np.array(list(numbers))
        self._previous, ones = distinct[:, 1:5], np.ones(len(distinct), dtype=np.int64)
        self._state = self._model.advance(
            self._state.select(distinct[:, 0]), self._previous, distinct[:, 5:], ones * position, ones * FERMATA_UNKNOWN
        )

    def _write(self, previous: Ints, symbols: Ints, held: Ints) -> None:
        self._columns.append(_Column(self._state, self._rows, previous, symbols, held, self._rests > 0))
        self._symbols, self._held = symbols, held
        self.frontier += 1

    def hear(self) -> Written:
        """The next 16th, as most of the weight has it. The particles that have it otherwise are given up."""
        column = self._columns.pop(0)
        both = np.hstack((column.symbols, column.held))
        agree = (both[:, None] == both).all(axis=-1)
        best = int((agree @ self._weights()).argmax())
        self._scores = np.where(agree[best], self._scores, -np.inf)
        self.frame += 1
        row = slice(best, best + 1)
        return Written(
            column.state.select(column.rows[row]),
            column.previous[row],
            column.symbols[row],
            column.held[row],
            column.rests,
        )

    def _weights(self) -> Floats:
        weights = np.exp((self._scores - self._scores.max()) / max(self._temperature, COLDEST))
        return np.asarray(weights / weights.sum())

    def _resample(self) -> None:
        """Draw the particles anew by their weights (systematic resampling), once half of them count for little or some
        were given up."""
        weights = self._weights()
        if weights.min() > 0 and 1 / (weights * weights).sum() >= self._count / 2:
            return
        places = (np.arange(self._count) + self._random.random()) / self._count
        chosen = np.minimum(weights.cumsum().searchsorted(places), self._count - 1)
        self._scores = np.zeros(self._count)
        self._rows, self._symbols, self._held = self._rows[chosen], self._symbols[chosen], self._held[chosen]
        for column in self._columns:
            column.rows, column.previous = column.rows[chosen], column.previous[chosen]
            column.symbols, column.held = column.symbols[chosen], column.held[chosen]

"""Harmony for a melody whose future is known: particles that run ahead of what is heard, with fixed lag.

A particle is one setting of the melody so far. At each 16th its free voices are drawn from the model, given the
melody's note; its score takes in how likely that note was, so that what leads nowhere dies out before it is heard
(sequential Monte Carlo; Doucet & Johansen 2009, section 4). The score is that of p(setting and melody)^(1/temperature):
what the local draw, tempered, masked and cut at top-p, adds to or takes from it is paid back by its normaliser.

Particles that share their whole past (about half of them) share a row of the model's state, which is computed once.
All voices of a 16th are drawn at once, each as if those before it repeated their pitches; most do, and then one call of
the model serves. Those after the first that moves are drawn again, with the same random numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from daemon.encodings.chorale import FERMATA_UNKNOWN, REST, STEPS_PER_BAR, UNKNOWN, VOICES
from daemon.engines.harmoniser.model import ChoraleModel, State
from daemon.engines.harmoniser.voice_leading import allowed, discouraged
from daemon.engines.shared.draw import Bools, Floats, Ints, choose, probability

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


class ParticleFilter:
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
        symbols = np.tile(known, (self._count, 1))
        held = np.where(symbols == UNKNOWN, 0, (symbols == previous) & ~struck).astype(np.int64)
        given, free = np.flatnonzero(known != UNKNOWN).tolist(), np.flatnonzero(known == UNKNOWN).tolist()
        draws = self._random.random((len(free), 2, self._count))
        likely, ties, beside = self._ask([*given, *free], symbols)
        for index, voice in enumerate(given):
            self._scores += likely[index, :, known[voice]]
        while free:
            count = len(free)  # of what was asked; given voices come before
            chosen, gains = self._draw(free, likely[-count:], beside[-count:], draws[-count:, 0], temperature, top_p)
            repeats = chosen == previous[:, free].T
            tied = repeats & (draws[-count:, 1] < probability(ties[-count:], temperature))
            moves = np.flatnonzero(~repeats.all(axis=1))  # the voices after the first had a wrong guess beside them
            good = int(moves[0]) + 1 if len(moves) else count
            now, free = free[:good], free[good:]
            symbols[:, now], held[:, now] = chosen[:good].T, tied[:good].T
            self._scores += gains[:good].sum(axis=0)
            if free:
                likely, ties, beside = self._ask(free, symbols)
        self._write(previous, symbols, np.zeros_like(held) if rested else held)

    def _ask(self, voices: list[int], symbols: Ints) -> tuple[NDArray[np.float32], NDArray[np.float32], Ints]:
        """Log probabilities (voices, particles, 47) and tie logits (voices, particles) of `voices`, each beside the
        settled ones and those before it in the list, guessed to repeat their pitch; and what is so beside each
        (voices, particles, 4)."""
        numbers, distinct = _number(np.concatenate((self._rows[:, None], symbols), axis=1))
        symbols, rows = distinct[:, 1:], distinct[None, :, 0].repeat(len(voices), axis=0)
        previous = self._previous[rows]
        beside = np.where(symbols == UNKNOWN, previous, symbols)
        for index in range(len(voices)):
            beside[index][:, voices[index:]] = UNKNOWN
        log_probs, tie = self._model.head(
            self._state.select(rows.ravel()),
            previous.reshape(-1, len(VOICES)),
            beside.reshape(-1, len(VOICES)),
            np.repeat(voices, len(distinct)),
        )
        return log_probs.reshape(*rows.shape, -1)[:, numbers], tie.reshape(rows.shape)[:, numbers], beside[:, numbers]

    def _draw(
        self,
        voices: list[int],
        log_probs: NDArray[np.float32],
        beside: Ints,
        draws: Floats,
        temperature: float,
        top_p: float,
    ) -> tuple[Ints, Floats]:
        """A symbol of each voice for each particle, and what that adds to its score: (voices, particles) each."""
        voice, known = np.repeat(voices, self._count), beside.reshape(-1, len(VOICES))
        log_probs = log_probs.reshape(len(known), -1)
        previous = self._symbols[None].repeat(len(voices), axis=0).reshape(known.shape)
        cost = discouraged(voice, previous, known)
        chosen, scores, drawn = choose(
            log_probs if cost is None else log_probs - cost,
            allowed(voice, known),
            max(temperature, COLDEST),
            top_p,
            draws.ravel(),
        )
        return chosen.reshape(draws.shape), (scores - temperature * drawn).reshape(draws.shape)

    def rest(self, position: int) -> None:
        """Write a 16th in which the choir rests. To the model the last chord lasts; after a bar it starts anew."""
        self._rests += 1
        self._advance(position)
        self._write(self._symbols, self._symbols, (self._symbols < REST).astype(np.int64))

    def _advance(self, position: int) -> None:
        """Hand the last 16th to the model, once for all particles that have it and all before it in common."""
        self._rows, distinct = _number(np.concatenate((self._rows[:, None], self._symbols, self._held), axis=1))
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


def _number(rows: Ints) -> tuple[Ints, Ints]:
    """The number of each row among the distinct ones, and these, in the order of their first appearance."""
    numbers: dict[tuple[int, ...], int] = {}
    of_each = [numbers.setdefault(tuple(row), len(numbers)) for row in rows.tolist()]
    return np.array(of_each), np.array(list(numbers))

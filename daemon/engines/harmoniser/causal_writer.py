"""Writing a chorale from left to right, 16th by 16th: what the model knows of the past, and what is sung now."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from daemon.encodings.chorale import FERMATA_UNKNOWN, REST, STEPS_PER_BAR, UNKNOWN, VOICES
from daemon.engines.harmoniser.model import ChoraleModel, State
from daemon.engines.harmoniser.particle_filter import Written
from daemon.engines.harmoniser.voice_leading import IN_RANGE, allowed, discouraged
from daemon.engines.shared.draw import Ints, choose, probability

Log = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Sung:
    """A voice's symbol in the 16th being written, and whether it is held over from the one before."""

    voice: int
    symbol: int
    held: bool


class CausalWriter:
    """`symbols` and `held` (1, 4) are the 16th being sung; None before the first one."""

    def __init__(self, model: ChoraleModel) -> None:
        self._model = model
        self._unknown: Ints = np.full((1, len(VOICES)), UNKNOWN)
        self._none_held: Ints = np.zeros((1, len(VOICES)), dtype=np.int64)
        self._starts = [
            self._advance(model.start(1), self._unknown, self._none_held, position, FERMATA_UNKNOWN)
            for position in range(STEPS_PER_BAR)
        ]
        self.reseed(0)

    def reseed(self, seed: int) -> None:
        self.random = np.random.default_rng(seed)
        self._foreseen: dict[tuple[int, ...], tuple[Log, Log]] = {}
        self._draws = self.random.random((len(VOICES), 2))
        self.forget()

    def forget(self, position: int = 0) -> None:
        """Start anew, on a 16th that lies at `position` (16ths since the bar line)."""
        self.symbols: Ints | None = None
        self.held, self.previous = self._none_held, self._unknown
        self._state = self._starts[position]
        self._foreseen.clear()

    def turn(self, position: int, fermata: int = FERMATA_UNKNOWN) -> None:
        """Go on to the next 16th. Until something is written, what was sung lasts: to the model also in a silence."""
        self._foreseen.clear()
        if self.symbols is None:
            self._state = self._starts[position]
            return
        self._state = self._advance(self._state, self.symbols, self.held, position, fermata)
        self.previous, self.held = self.symbols, (self.symbols < REST).astype(np.int64)

    def take(self, written: Written) -> None:
        """Go on from another's page."""
        self._foreseen.clear()
        self._state, self.previous = written.state, written.previous
        self.symbols, self.held = written.symbols, written.held

    def shift(self, symbols: Ints | None, held: Ints, position: int, struck: Sequence[bool]) -> None:
        """Go on to the next 16th, and move there what was sung only in the last moment of this one; until then it was
        `symbols` and `held`. The voices `struck` are not held."""
        late = self.symbols
        self.symbols, self.held = symbols, held
        self.turn(position)
        self.symbols, self.held = late, ((late == self.previous) & ~np.asarray(struck)).astype(np.int64)

    def foresee(self, voice: int) -> None:
        """Ask the model beforehand about the first other voice, for every note that `voice` could be given in this
        16th: so the answer to a key does not wait for it."""
        if self._foreseen:
            return
        notes = np.flatnonzero(IN_RANGE[voice])
        known = np.full((len(notes), len(VOICES)), UNKNOWN)
        known[:, voice] = notes
        state = self._state.select(np.zeros(len(notes), dtype=np.int64))
        previous = np.repeat(self.previous, len(notes), axis=0)
        log_probs, tie = self._model.head(state, previous, known, np.full(len(notes), int(voice == 0)))
        for row, asked in enumerate(known.tolist()):
            self._foreseen[tuple(asked)] = log_probs[row : row + 1], tie[row : row + 1]

    def write(
        self, known: Sequence[int], struck: Sequence[bool], temperature: float, top_p: float, again: bool = False
    ) -> Iterator[Sung]:
        """Write this 16th: `known` symbols, UNKNOWN for a voice to be found; each is yielded as soon as it is.

        `again`: with the same draws, so that less changes. A voice that was `struck` in this 16th is not held.
        """
        if not again:
            self._draws = self.random.random((len(VOICES), 2))
        symbols, held = np.array([known], dtype=np.int64), np.zeros_like(self.held)
        for voice in range(len(VOICES)):
            if symbols[0, voice] != UNKNOWN:
                held[0, voice] = not struck[voice] and symbols[0, voice] == self.previous[0, voice]
        for voice in range(len(VOICES)):
            if symbols[0, voice] != UNKNOWN:
                continue
            symbol, tied = self._choose(voice, symbols, temperature, top_p)
            symbols[0, voice] = symbol
            held[0, voice] = tied and not struck[voice] and symbol == self.previous[0, voice]
            yield Sung(voice, symbol, bool(held[0, voice]))
        self.symbols, self.held = symbols, held

    def _choose(self, voice: int, symbols: Ints, temperature: float, top_p: float) -> tuple[int, bool]:
        log_probs, tie = self._foreseen.get(tuple(symbols[0].tolist())) or self._model.head(
            self._state, self.previous, symbols, np.array([voice])
        )
        cost = discouraged(voice, self.previous, symbols)
        scores = log_probs if cost is None else log_probs - cost
        chosen, _, _ = choose(scores, allowed(voice, symbols), temperature, top_p, self._draws[voice, :1])
        return int(chosen[0]), bool(self._draws[voice, 1] < probability(tie, temperature)[0])

    def _advance(self, state: State, frame: Ints, held: Ints, position: int, fermata: int) -> State:
        return self._model.advance(state, frame, held, np.array([position]), np.array([fermata]))

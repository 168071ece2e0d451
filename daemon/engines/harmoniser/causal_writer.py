"""Writes a chorale from left to right, one 16th at a time, without knowledge of the future."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from daemon.encodings.chorale import NO_HINTS, REST, STEPS_PER_BAR, UNKNOWN, VOICES, Hints
from daemon.engines.harmoniser.chord_limits import ChordLimits, choices
from daemon.engines.harmoniser.model import ChoraleModel, State
from daemon.engines.harmoniser.particle_filter import ChoraleStep
from daemon.engines.harmoniser.place import Place
from daemon.engines.harmoniser.voice_leading import IN_RANGE, allowed
from daemon.engines.shared.draw import Ints, choose, sigmoid

LogProbs = NDArray[np.float32]
TieLogits = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class DrawnNote:
    """A voice's symbol in the 16th being written, and whether the note of the previous 16th is held."""

    voice: int
    symbol: int
    held: bool


class CausalWriter:
    """`symbols` and `held` (1, 4) are the 16th being written; `symbols` is None until the first one is written."""

    def __init__(self, model: ChoraleModel) -> None:
        self._model = model
        self._unknown: Ints = np.full((1, len(VOICES)), UNKNOWN)
        self._none_held: Ints = np.zeros((1, len(VOICES)), dtype=np.int64)
        self._start_states = [
            self._advance(model.start(1), self._unknown, self._none_held, position, NO_HINTS)
            for position in range(STEPS_PER_BAR)
        ]
        self.reseed(0)

    def reseed(self, seed: int) -> None:
        self.random = np.random.default_rng(seed)
        self._precomputed: dict[tuple[int, ...], tuple[LogProbs, TieLogits]] = {}  # by known symbols
        self._draws = self.random.random((len(VOICES), 2))
        self.restart()

    def restart(self, position: int = 0) -> None:
        """Forget what was written; the next 16th lies at `position`, in 16ths since the bar line."""
        self.symbols: Ints | None = None
        self.held, self.previous = self._none_held, self._unknown
        self._state = self._start_states[position]
        self._place = Place(position, NO_HINTS)
        self._precomputed.clear()

    def next_step(self, position: int, hints: Hints = NO_HINTS, hold_cost: float = 0.0) -> None:
        """Go on to the next 16th, of which the `hints` are known. Until it is written, the model assumes that the last
        chord is held, also in a silence. `hold_cost` as in Place."""
        self._precomputed.clear()
        self._place = Place(position, hints, hold_cost=hold_cost)
        if self.symbols is None:
            self._state = self._start_states[position]
            return
        self._state = self._advance(self._state, self.symbols, self.held, position, hints)
        self.previous, self.held = self.symbols, (self.symbols < REST).astype(np.int64)

    def continue_from(self, step: ChoraleStep) -> None:
        """Go on from a 16th that the particle filter wrote."""
        self._precomputed.clear()
        self._state, self.previous = step.state, step.previous
        self.symbols, self.held = step.symbols, step.held

    def move_to_next_step(
        self, symbols: Ints | None, held: Ints, position: int, struck: Sequence[bool], hints: Hints = NO_HINTS
    ) -> None:
        """Go on to the next 16th, and count the present symbols for it, because keys struck late in this 16th changed
        them; this 16th gets back its earlier `symbols` and `held`. The voices `struck` are not held."""
        late = self.symbols
        self.symbols, self.held = symbols, held
        self.next_step(position, hints)
        self.symbols, self.held = late, ((late == self.previous) & ~np.asarray(struck)).astype(np.int64)

    def precompute(self, voice: int) -> None:
        """Run the model for the first voice other than `voice`, for every note that `voice` could be given in this
        16th, so that the answer to a key need not wait for this run."""
        if self._precomputed:
            return
        notes = np.flatnonzero(IN_RANGE[voice])
        known = np.full((len(notes), len(VOICES)), UNKNOWN)
        known[:, voice] = notes
        state = self._state.select(np.zeros(len(notes), dtype=np.int64))
        previous = np.repeat(self.previous, len(notes), axis=0)
        log_probs, tie = self._model.head(state, previous, known, np.full(len(notes), int(voice == 0)))
        for row, symbols in enumerate(known.tolist()):
            self._precomputed[tuple(symbols)] = log_probs[row : row + 1], tie[row : row + 1]

    def keep(self, known: list[int]) -> Iterator[DrawnNote]:
        """Have the voices keep their notes, except those that the `known` symbols leave no room for: notes kept are
        known from now on."""
        for voice in range(len(VOICES)):
            if known[voice] == UNKNOWN and self.symbols is not None:
                own = int(self.symbols[0, voice])
                if own < REST and allowed(voice, np.array([known]))[0, own]:
                    known[voice] = own
                    yield DrawnNote(voice, own, held=True)

    def write(
        self,
        known: Sequence[int],
        struck: Sequence[bool],
        temperature: float,
        top_p: float,
        reuse_draws: bool = False,
        limits: ChordLimits | None = None,
    ) -> Iterator[DrawnNote]:
        """Write this 16th, or rewrite it: `known` symbols, UNKNOWN for a voice to draw. Each note is yielded as soon as
        it is drawn.

        A voice `struck` in this 16th is not held. `reuse_draws`: use the random numbers of the last call again, so that
        fewer notes change. `limits`: those of a planned chord.
        """
        if not reuse_draws:
            self._draws = self.random.random((len(VOICES), 2))
        symbols, held = np.array([known], dtype=np.int64), np.zeros_like(self.held)
        for voice in range(len(VOICES)):
            if symbols[0, voice] != UNKNOWN:
                held[0, voice] = not struck[voice] and symbols[0, voice] == self.previous[0, voice]
        for voice in range(len(VOICES)):
            if symbols[0, voice] != UNKNOWN:
                continue
            symbol, tied = self._draw(voice, symbols, temperature, top_p, limits)
            symbols[0, voice] = symbol
            held[0, voice] = tied and not struck[voice] and symbol == self.previous[0, voice]
            yield DrawnNote(voice, symbol, bool(held[0, voice]))
        self.symbols, self.held = symbols, held

    def _draw(
        self, voice: int, symbols: Ints, temperature: float, top_p: float, limits: ChordLimits | None
    ) -> tuple[int, bool]:
        """A symbol for `voice`, and whether it is tied to the previous 16th if the pitch is repeated."""
        log_probs, tie = self._precomputed.get(tuple(symbols[0].tolist())) or self._model.head(
            self._state, self.previous, symbols, np.array([voice])
        )
        mask, costs = choices(voice, self.previous, symbols, limits)
        scores = log_probs if costs is None else log_probs - costs
        if limits is None:
            temperature = float(self._place.temperatures(temperature)[voice])
            if (of_place := self._place.costs(voice, self.previous, symbols)) is not None:
                scores = scores - of_place
        chosen, _, _ = choose(scores, mask, temperature, top_p, self._draws[voice, :1])
        return int(chosen[0]), bool(self._draws[voice, 1] < sigmoid(tie, temperature)[0])

    def _advance(self, state: State, frame: Ints, held: Ints, position: int, hints: Hints) -> State:
        return self._model.advance(state, frame, held, np.array([position]), hints)

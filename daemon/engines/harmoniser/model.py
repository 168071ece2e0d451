"""The harmoniser's net in ONNX Runtime: what it knows of the past, and the next note of one voice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from daemon.encodings.chorale import UNKNOWN, VOICES, Symbols

Floats = NDArray[np.float32]

ADVANCE = np.array(0, dtype=np.int64)
HEAD = np.array(1, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class State:
    """What the net knows of all frames so far, one row per particle: `context` (n, width), and `rows` (n,) of `tensors`
    by name, None for all of them. They are copied only when the net reads them: 200 kB a row."""

    tensors: Mapping[str, Floats]
    context: Floats
    rows: Symbols | None = None

    def select(self, rows: Symbols) -> State:
        """Some of the rows, in any order, repeated or not."""
        return State(self.tensors, self.context[rows], rows if self.rows is None else self.rows[rows])


class ChoraleModel:
    """`session`: an onnxruntime.InferenceSession on the model; `sidecar`: its JSON.

    Its logits are log probabilities. The graph holds two functions, chosen by its input `function`; the inputs of the
    other one are fed with one row of dummies.
    """

    def __init__(self, session: Any, sidecar: Mapping[str, Any]) -> None:
        self._session = session
        self._states: tuple[str, ...] = tuple(sidecar["states"])
        inputs = sidecar["inputs"]
        self._shapes: dict[str, list[int]] = {name: list(inputs[name]["shape"][1:]) for name in self._states}
        self._width = int(inputs["context_in"]["shape"][1])
        symbols, zero = np.full((1, len(VOICES)), UNKNOWN, dtype=np.int64), np.zeros(1, dtype=np.int64)
        self._advance: dict[str, Any] = {
            "function": ADVANCE,
            "context_in": np.zeros((1, self._width), np.float32),
            "previous": symbols,
            "known": symbols,
            "voice": zero,
        }
        self._head: dict[str, Any] = {
            "function": HEAD,
            "frame": symbols,
            "held": np.zeros_like(symbols),
            "position": zero,
            "fermata": zero,
            **self.start(1).tensors,
        }
        self._following = ["context", *(f"{name}_next" for name in self._states)]

    def start(self, rows: int) -> State:
        """Before the first frame: advance with a frame of UNKNOWN to get its context."""
        tensors = {name: np.zeros((rows, *shape), np.float32) for name, shape in self._shapes.items()}
        return State(tensors, np.zeros((rows, self._width), np.float32))

    def advance(self, state: State, frame: Symbols, held: Symbols, position: Symbols, fermata: Symbols) -> State:
        """After `frame` (rows, 4) with `held` (rows, 4): the state before the next one.

        `position` (rows,) of the next frame in 16ths since its bar line, `fermata` (rows,) over it: 0 no, 1 yes, 2
        unknown.
        """
        now = {"frame": frame, "held": held, "position": position, "fermata": fermata}
        past = state.tensors
        if state.rows is not None:
            past = {name: tensor[state.rows] for name, tensor in past.items()}
        context, *following = self._session.run(self._following, {**self._advance, **past, **now})
        return State(dict(zip(self._states, following, strict=True)), context)

    def head(self, state: State, previous: Symbols, known: Symbols, voice: Symbols) -> tuple[Floats, Floats]:
        """Log probabilities (rows, 47) of `voice` (rows,), 0..3 = S A T B, and the logit (rows,) that a repeat is held.

        `previous` (rows, 4): the frame before; `known` (rows, 4): the voices of this frame that are settled, else
        UNKNOWN.
        """
        feeds = {**self._head, "context_in": state.context, "previous": previous, "known": known, "voice": voice}
        log_probs, tie = self._session.run(("logits", "tie"), feeds)
        return log_probs, tie

"""The harmoniser's net: what it knows of the past frames, and the next note of one voice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from daemon.encodings.chorale import Symbols
from daemon.models import Artifact
from daemon.models.session import GraphFunction, RecurrentSession, Tensors

Floats = NDArray[np.float32]

INTERFACE = "frame"
ADVANCE, HEAD = range(2)  # functions of the graph


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
    """Raises ModelError for a model of another interface. Its logits are log probabilities."""

    def __init__(self, artifact: Artifact) -> None:
        artifact.sidecar.require_interface(INTERFACE)
        self._advance = RecurrentSession(artifact, ["context"], ADVANCE)
        self._head = GraphFunction(artifact, ["logits", "tie"], HEAD)
        self._context = artifact.sidecar.inputs["context_in"]

    def start(self, rows: int) -> State:
        """Before the first frame: advance with a frame of UNKNOWN to get its context."""
        return State(self._advance.zeros(rows), np.zeros(self._context.sized(rows), np.float32))

    def advance(self, state: State, frame: Symbols, held: Symbols, position: Symbols, fermata: Symbols) -> State:
        """After `frame` (rows, 4) with `held` (rows, 4): the state before the next one.

        `position` (rows,) of the next frame in 16ths since its bar line, `fermata` (rows,) over it: 0 no, 1 yes, 2
        unknown.
        """
        feeds = {"frame": frame, "held": held, "position": position, "fermata": fermata}
        tensors = state.tensors
        if state.rows is not None:
            tensors = {name: tensor[state.rows] for name, tensor in tensors.items()}
        (context,), following = self._advance.run(feeds, tensors)
        return State(following, context)

    def head(self, state: State, previous: Symbols, known: Symbols, voice: Symbols) -> tuple[Floats, Floats]:
        """Log probabilities (rows, 47) of `voice` (rows,), 0..3 = S A T B, and the logit (rows,) that a repeat is held.

        `previous` (rows, 4): the frame before; `known` (rows, 4): the voices of this frame that are settled, else
        UNKNOWN.
        """
        feeds: Tensors = {"context_in": state.context, "previous": previous, "known": known, "voice": voice}
        log_probs, tie = self._head.run(feeds)
        return log_probs, tie

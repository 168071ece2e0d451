"""The harmoniser's net: a recurrent state of the past frames, and the distribution of the next note of one voice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from daemon.encodings.chorale import Hints, Symbols
from daemon.models import Artifact
from daemon.models.session import GraphFunction, RecurrentSession, Tensors

Floats = NDArray[np.float32]

INTERFACE = "frame with hints"
ADVANCE, HEAD = range(2)  # functions of the graph


@dataclass(frozen=True, slots=True)
class State:
    """The net's state after all frames so far: `context` (n, width), a row per particle, and the `rows` (n,) of
    `tensors`, by name, that belong to it; None: all rows.

    Rows are copied only when the net reads them, because each has 200 kB.
    """

    tensors: Mapping[str, Floats]
    context: Floats
    rows: Symbols | None = None

    def select(self, rows: Symbols) -> State:
        """The state of some rows, in any order, repeated or not."""
        return State(self.tensors, self.context[rows], rows if self.rows is None else self.rows[rows])


class ChoraleModel:
    """Both functions of the graph, whose output `logits` is log probabilities.

    Raises ModelError for a model of another interface.
    """

    def __init__(self, artifact: Artifact) -> None:
        artifact.sidecar.require_interface(INTERFACE)
        self._advance = RecurrentSession(artifact, ["context"], ADVANCE)
        self._head = GraphFunction(artifact, ["logits", "tie"], HEAD)
        self._context = artifact.sidecar.inputs["context_in"]

    def start(self, rows: int) -> State:
        """The state before the first frame. Its context is empty: advance with a frame of UNKNOWN first."""
        return State(self._advance.zeros(rows), np.zeros(self._context.sized(rows), np.float32))

    def advance(self, state: State, frame: Symbols, held: Symbols, position: Symbols, hints: Hints) -> State:
        """The state before the next frame, after `frame` (rows, 4) with `held` (rows, 4).

        Of the next frame: `position` (rows,), 16ths since its bar line, and the `hints`, a row each or one row for all.
        """
        feeds = {"frame": frame, "held": held, "position": position}
        for field in fields(hints):
            hint = getattr(hints, field.name)
            feeds[field.name] = np.broadcast_to(hint, (len(frame), *hint.shape[1:]))
        tensors = state.tensors
        if state.rows is not None:
            tensors = {name: tensor[state.rows] for name, tensor in tensors.items()}
        (context,), following = self._advance.run(feeds, tensors)
        return State(following, context)

    def head(self, state: State, previous: Symbols, known: Symbols, voice: Symbols) -> tuple[Floats, Floats]:
        """Log probabilities (rows, 47) of `voice` (rows,), 0..3 = S A T B, and logits (rows,) that a repeated pitch is
        held.

        `previous` (rows, 4): the frame before; `known` (rows, 4): the known voices of this frame, UNKNOWN for others.
        """
        feeds: Tensors = {"context_in": state.context, "previous": previous, "known": known, "voice": voice}
        log_probs, tie = self._head.run(feeds)
        return log_probs, tie

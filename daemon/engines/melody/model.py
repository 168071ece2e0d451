"""A melody model in ONNX Runtime: what it has heard, and how likely each event is in the next 16th."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from daemon.encodings.melody.events import EVENTS, Floats, summed
from daemon.encodings.melody.registry import encoding_of

Tensors = Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class MelodyState:
    """After what was heard: `log_probs` (38,) of the next event; the encoding's history, the graph's states by name.

    It never changes, so that one can go on from it twice.
    """

    log_probs: Floats
    history: Any
    tensors: Tensors


class MelodyModel:
    """`session`: an onnxruntime.InferenceSession on the model; `sidecar`: its JSON.

    Raises ModelError for an encoding that does not exist.
    """

    def __init__(self, session: Any, sidecar: Mapping[str, Any]) -> None:
        self._session, self.sidecar = session, sidecar
        self.encoding = encoding_of(sidecar)
        self._states: tuple[str, ...] = tuple(sidecar["states"])
        self.zero = {name: np.zeros((1, *sidecar["inputs"][name]["shape"][1:]), np.float32) for name in self._states}
        self._outputs = ["log_probs", *(f"{name}_next" for name in self._states)]

    def transposition(self, events: Sequence[int]) -> int:
        """By how many semitones the model wants a phrase transposed: for `start`. 0 for most models."""
        return self.encoding.transposition(events)

    def start(self, meter: float, position: float = 0.0, transpose: int = 0) -> MelodyState:
        """Nothing heard yet. `meter`: beats (quarter notes) per bar; `position` of the first 16th: beats since its bar
        line; `transpose`: semitones, within the model only."""
        return self._state(self.encoding.start(meter, position, transpose), self.zero)

    def step(self, state: MelodyState, event: int, position: float) -> MelodyState:
        """After `event` (0..37) in the 16th that `state` was about; `position` of the next one, in beats."""
        return self._state(self.encoding.heard(state.history, event, position), state.tensors)

    def run(self, feeds: Mapping[str, NDArray[Any]]) -> tuple[NDArray[np.float32], Tensors]:
        """One step of the graph, any number of rows: log probabilities (rows, labels), and the states after it."""
        log_probs, *following = self._session.run(self._outputs, feeds)
        return log_probs, dict(zip(self._states, following, strict=True))

    def _state(self, history: Any, tensors: Tensors) -> MelodyState:
        feeds = self.encoding.feeds(history)
        if feeds is None:
            return MelodyState(np.full(EVENTS, -np.log(EVENTS)), history, tensors)
        log_probs, following = self.run({**feeds, **tensors})
        return MelodyState(summed(log_probs[0], self.encoding.events(history)), history, following)

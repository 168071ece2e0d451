"""A melody model: the probability of each event in the next 16th, after the events heard so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from daemon.encodings.melody.events import EVENTS, Floats, event_log_probs
from daemon.encodings.melody.registry import ENCODINGS
from daemon.models import Artifact
from daemon.models.session import RecurrentSession, Tensors

INTERFACE = "step"


@dataclass(frozen=True, slots=True)
class MelodyState:
    """After the events heard so far: `log_probs` (38,) of the next event; `history` of the encoding; `tensors`, the
    graph's recurrent states by name. Immutable, so that a state can be continued twice."""

    log_probs: Floats
    history: Any
    tensors: Tensors


class MelodyModel:
    """Raises ModelError for a model of another interface or of an unknown encoding."""

    def __init__(self, artifact: Artifact) -> None:
        artifact.sidecar.require_interface(INTERFACE)
        self.encoding = artifact.sidecar.select(ENCODINGS)
        self.session = RecurrentSession(artifact, ["log_probs"])  # of labels (rows, labels)
        self._zeros = self.session.zeros()

    def transposition(self, events: Sequence[int]) -> int:
        """Semitones by which the model hears a line of these events transposed, for `start`; 0 with jamd's encoding."""
        return self.encoding.transposition(events)

    def start(self, meter: float, position: float = 0.0, transpose: int = 0) -> MelodyState:
        """The state before the first event. `meter`: beats (quarter notes) per bar; `position` of the first 16th: beats
        since its bar line; `transpose`: semitones, within the model only."""
        return self._state(self.encoding.start(meter, position, transpose), self._zeros)

    def step(self, state: MelodyState, event: int, position: float) -> MelodyState:
        """The state after `event` (0..37) in the 16th that `state` predicts; `position`: of the next 16th, as for
        `start`."""
        return self._state(self.encoding.observe(state.history, event, position), state.tensors)

    def _state(self, history: Any, tensors: Tensors) -> MelodyState:
        feeds = self.encoding.feeds(history)
        if feeds is None:
            return MelodyState(np.full(EVENTS, -np.log(EVENTS)), history, tensors)
        (log_probs,), following = self.session.run(feeds, tensors)
        return MelodyState(event_log_probs(log_probs[0], self.encoding.events(history)), history, following)

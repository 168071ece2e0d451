"""Models of the RNN drummer's encoding (Hollemans 2017): a note and a tick value, with a softmax each. Velocity, bar,
tempo and conditioning have no effect."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from daemon.encodings.drums.hits import COUNT, Conditioning, Floats, Hit
from daemon.engines.drums.interface import (
    ANY_HIT,
    UNCONDITIONED,
    DrawRequest,
    DrumsModel,
    DrumsState,
    Probabilities,
    first_possible,
    limits_of,
)
from daemon.engines.shared.draw import pick
from daemon.models import Artifact
from daemon.models.session import RecurrentSession

KICK = 0  # instrument of the first hit, at gap 0: Hollemans starts from a random state and a kick
HIT_VELOCITY = 100  # of every hit


@dataclass(frozen=True, slots=True)
class RnnState(DrumsState):
    """`scores` (17, classes): log probabilities of the next hit. `tick` of the last hit and length of the `bar`."""

    scores: Floats
    tick: int
    bar: int


class RnnDrummer(DrumsModel):
    def __init__(self, artifact: Artifact) -> None:
        super().__init__(artifact)
        self._values = np.array(self.ticks)
        self._session = RecurrentSession(artifact, ["note_log_probs", "tick_log_probs"])

    def start(self, bar: int, position: int, tempo: float, rng: np.random.Generator | None = None) -> RnnState:
        tensors = self._session.zeros()
        if rng is not None:
            tensors = {name: rng.uniform(-1, 1, zero.shape).astype(np.float32) for name, zero in tensors.items()}
        scores = np.full((COUNT, len(self.ticks)), -20.0, dtype=np.float32)
        scores[KICK, 0] = 0.0
        return RnnState(tensors, 0, scores, position, bar)

    def advance(self, state: RnnState, hit: Hit, tempo: float) -> RnnState:
        tick = self._classes[min(hit.gap, len(self._classes) - 1)]
        feeds = {"note": np.array([hit.instrument]), "tick": np.array([tick])}
        (note, ticks), tensors = self._session.run(feeds, state.tensors)
        return RnnState(tensors, hit.instrument + 1, note[0][:, None] + ticks[0], state.tick + hit.gap, state.bar)

    def at_bar(self, state: RnnState, bar: int, position: int) -> RnnState:
        return replace(state, bar=bar, tick=position)

    def draw(self, state: RnnState, rng: np.random.Generator, request: DrawRequest = ANY_HIT) -> Hit:
        limits = limits_of(state, request.earliest)
        possible = (self._values >= limits[:, None]) & (self._values <= request.latest)
        scores = np.where(possible, state.scores, -np.inf)
        if request.instrument_bias is not None:
            scores += request.instrument_bias[:, None]
        if request.bar_bias is not None:
            scores += request.bar_bias[:, (state.tick + self._values) % request.bar_bias.shape[1]]
        drawn = pick(scores.ravel(), request.temperature, request.top_p, rng)
        if drawn is None:
            return first_possible(limits, HIT_VELOCITY)
        instrument, tick = divmod(drawn, len(self.ticks))
        return Hit(self.ticks[tick], instrument, HIT_VELOCITY)

    def log_probs(self, state: RnnState, conditioning: Conditioning = UNCONDITIONED) -> Probabilities:
        return state.scores.astype(np.float64)

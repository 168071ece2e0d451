"""Models of jamd's own encoding, `metric` (daemon/encodings/drums/metric.py): the cell and the instrument of the next
hit are drawn together, then the offset and the velocity.

The graph has two functions. ADVANCE takes in a hit and predicts cell and instrument of the next one, under a
conditioning; WHEN predicts offset and velocity for one cell and instrument. The conditioning is the graph's input
`wishes`: the shipped models have it under this name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from daemon.encodings.drums import metric
from daemon.encodings.drums.hits import COUNT, Conditioning, Floats, Hit
from daemon.encodings.drums.metric import AHEAD, CELL, EARLIEST, OFFSETS
from daemon.engines.drums.interface import (
    ANY_HIT,
    UNCONDITIONED,
    UNREACHABLE_GAP,
    DrawRequest,
    DrumsModel,
    DrumsState,
    Probabilities,
    first_possible,
    limits_of,
)
from daemon.engines.shared.draw import pick
from daemon.models import Artifact
from daemon.models.session import BoundFunction, RecurrentSession, Tensors

ADVANCE, WHEN = range(2)  # numbers of the functions
FALLBACK_VELOCITY = 100  # of a hit that could not be drawn
TRIES = 6  # draws by rejection, before rejected draws are weighted instead
OFFSET_NUMBERS = np.arange(OFFSETS)
ANYWHERE = 1e-5  # share of hits anywhere in their cell: under a normal distribution, far offsets are impossible
TINY = 1e-30  # a probability with a finite logarithm
LEAST_SCORE = -1e30  # less than every finite score


@dataclass(frozen=True, slots=True)
class Prediction:
    """What ADVANCE predicts of the next hit under a conditioning: `summary` (1, width), an input of WHEN, and `joint`
    (AHEAD, 17), log probabilities of cell and instrument."""

    conditioning: Conditioning
    summary: Floats
    joint: Floats


@dataclass(frozen=True, slots=True)
class MetricState(DrumsState):
    """`history` up to and including the last hit; `before`: the recurrent states before that hit, for predictions under
    other conditionings; `prediction`: under the conditioning of the last draw."""

    history: metric.MetricHistory
    tempo: float
    before: Mapping[str, Floats]
    prediction: Prediction


class MetricModel(DrumsModel):
    follows = frozenset({"style", "fill", "loudness", "density"})

    def __init__(self, artifact: Artifact) -> None:
        super().__init__(artifact)
        near = (len(self._classes) + OFFSETS) // CELL + 1  # cells; all gaps to later cells are in the last tick class
        self._near = min(near, AHEAD)
        self._advance = RecurrentSession(artifact, ["summary", "joint"], ADVANCE, bound=True)
        self._one, self._many = (
            BoundFunction(artifact, ["offsets", "velocities"], WHEN, rows) for rows in (1, self._near * COUNT)
        )
        self._last_gaps = np.arange(AHEAD)[:, None] * CELL + EARLIEST + OFFSETS - 1
        self._last_gaps[-1] = UNREACHABLE_GAP - 2 * CELL
        self._set_conditioning(UNCONDITIONED)

    def start(self, bar: int, position: int, tempo: float, rng: np.random.Generator | None = None) -> MetricState:
        return self._after(self._advance.zeros(), metric.start(bar, position), tempo)

    def advance(self, state: MetricState, hit: Hit, tempo: float) -> MetricState:
        return self._after(state.tensors, metric.observe(state.history, hit), tempo)

    def at_bar(self, state: MetricState, bar: int, position: int) -> MetricState:
        history = metric.moved_to_bar(state.history, bar, position)
        return state if history is state.history else self._after(state.before, history, state.tempo)

    def _set_conditioning(self, conditioning: Conditioning) -> None:
        """Take the conditioning of a draw: most likely that of the next one too, so predictions are made under it."""
        self._conditioning, self._vector = conditioning, metric.conditioning_vector(conditioning, self.styles)

    def _after(self, before: Mapping[str, Floats], history: metric.MetricHistory, tempo: float) -> MetricState:
        """The state after the last hit of `history`; `before`: the recurrent states before that hit."""
        prediction, tensors = self._run(before, history, tempo)
        return MetricState(tensors, metric.least_instrument(history), history, tempo, before, prediction)

    def _run(
        self, before: Mapping[str, Floats], history: metric.MetricHistory, tempo: float
    ) -> tuple[Prediction, Mapping[str, Floats]]:
        """The prediction and the recurrent states after the last hit of `history`."""
        feeds: Tensors = {
            "x": metric.features(history, tempo),
            "window": metric.window(history).reshape(AHEAD, -1),
            "places": metric.places(history),
            "wishes": self._vector,
        }
        (summary, joint), tensors = self._advance.run(feeds, before)
        return Prediction(self._conditioning, summary, joint.reshape(AHEAD, COUNT)), tensors

    def _predict(self, state: MetricState, conditioning: Conditioning) -> Prediction:
        if conditioning == state.prediction.conditioning:
            return state.prediction
        self._set_conditioning(conditioning)
        return self._run(state.before, state.history, state.tempo)[0]

    def _when(self, function: BoundFunction, prediction: Prediction, state: MetricState, which: Any) -> Any:
        """Scores (rows, 120) of the offsets and log probabilities (rows, 127) of the velocities of the hits with the
        numbers `which`, 17 × cell + instrument: one number, or (rows,)."""
        anchors = metric.anchors(state.history, *divmod(which, COUNT))
        return function.run({"seen": prediction.summary, "which": which, "anchors": anchors})

    def draw(self, state: MetricState, rng: np.random.Generator, request: DrawRequest = ANY_HIT) -> Hit:
        """By rejection: if only some offsets of the drawn cell and instrument are within the limits, the draw is
        accepted with the probability of these offsets. After TRIES draws, the probabilities found so far become
        weights, and every draw is accepted."""
        history, limits, latest = state.history, limits_of(state, request.earliest), request.latest
        prediction, temperature = self._predict(state, request.conditioning), request.temperature
        scores = np.where(self._last_gaps >= limits + history.offset, prediction.joint, -np.inf)
        scores[(latest + history.offset - EARLIEST) // CELL + 1 :] = -np.inf
        if request.instrument_bias is not None:
            scores += request.instrument_bias
        scores = scores.ravel()
        shares: dict[int, float] = {}  # probability that the offset is within the limits, by 17 × cell + instrument
        for attempt in range(2 * TRIES):
            drawn = pick(scores, temperature, request.top_p, rng)
            if drawn is None:
                break
            (offsets,), (velocities,) = self._when(self._one, prediction, state, drawn)
            ahead, instrument = divmod(drawn, COUNT)
            allowed, share, limit = offsets, 1.0, int(limits[instrument])
            least_gap = ahead * CELL + EARLIEST - history.offset
            if least_gap < limit or least_gap + OFFSETS - 1 > latest:
                gaps = least_gap + OFFSET_NUMBERS
                possible = (
                    offsets if ahead else np.where(gaps >= (instrument < state.least_instrument), offsets, -np.inf)
                )
                allowed = np.where((gaps >= limit) & (gaps <= latest), possible, -np.inf)
                weights = np.exp(possible - possible.max())
                share = weights[allowed > -np.inf].sum() / weights.sum()
            if share > 0 and (attempt >= TRIES or share == 1 or rng.random() < share):
                offset = pick(allowed, temperature, 1.0, rng)
                velocity = pick(velocities, temperature, 1.0, rng)
                if offset is not None and velocity is not None:
                    return Hit(least_gap + offset, instrument, velocity + 1)
            shares[drawn] = share
            if share == 0:
                scores[drawn] = -np.inf
            if attempt == TRIES - 1:
                scores[list(shares)] += np.log(np.maximum(list(shares.values()), TINY))
        return first_possible(limits, FALLBACK_VELOCITY)

    def log_probs(self, state: MetricState, conditioning: Conditioning = UNCONDITIONED) -> Probabilities:
        history = state.history
        prediction = self._predict(state, conditioning)
        offsets, _ = self._when(self._many, prediction, state, np.arange(self._near * COUNT))
        gaps = np.arange(self._near)[:, None, None] * CELL + OFFSET_NUMBERS + EARLIEST - history.offset
        possible = gaps >= (np.arange(COUNT) < state.least_instrument)[:, None]
        counts = np.maximum(possible.sum(axis=-1, keepdims=True), 1)
        scores = np.where(possible, offsets.reshape(self._near, COUNT, OFFSETS), -np.inf)
        weights = np.exp(scores - np.maximum(scores.max(axis=-1, keepdims=True), LEAST_SCORE), dtype=np.float64)
        sums = np.maximum(weights.sum(axis=-1, keepdims=True), 1.0)  # at least the weight of the likeliest offset
        weights = ((1 - ANYWHERE) * weights / sums + ANYWHERE / counts) * possible
        joint = np.exp(prediction.joint.astype(np.float64))
        joint[: self._near] *= possible.any(axis=-1)
        joint /= joint.sum()
        classes = self._classes[gaps.clip(0, len(self._classes) - 1)]
        index = np.arange(COUNT)[:, None] * len(self.ticks) + classes
        masses = weights * joint[: self._near, :, None]
        total = np.bincount(index.ravel(), masses.ravel(), COUNT * len(self.ticks)).reshape(COUNT, -1)
        total[:, -1] += joint[self._near :].sum(axis=0)
        with np.errstate(divide="ignore"):
            return np.log(total)

"""A drummer's net in ONNX Runtime, hit by hit: what comes next is drawn, or told. One interface for both encodings.

    model = drums_model(artifact.session, artifact.sidecar)
    state = model.start(bar=1920, position=0, tempo=96.0)
    hit = model.draw(state, rng, temperature=0.9)
    state = model.advance(state, hit, tempo=96.0)

States never change: one can be gone on from twice, and a hit that was drawn need not be played.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from daemon.encodings.drums import metric
from daemon.encodings.drums.hits import COUNT, Conditioning, Floats, Hit, Ints
from daemon.encodings.drums.metric import AHEAD, CELL, EARLIEST, OFFSETS
from daemon.engines.drums.net import NEVER, UNCONDITIONED, DrumsModel, DrumsState, Probabilities, at_once, limits_of
from daemon.engines.shared.draw import pick
from daemon.errors import ModelError

__all__ = ["NEVER", "UNCONDITIONED", "DrumsModel", "drums_model"]

KICK = 0  # what a drummer who starts from a random state has just struck
VELOCITY = 100  # of a model that knows none
ADVANCE, WHEN = range(2)  # functions of our graph
TRIES = 6
OFFSET_NUMBERS = np.arange(OFFSETS)
ANYWHERE = 1e-5  # share of hits that fall anywhere in their cell: a normal distribution calls what is far impossible
TINY = 1e-30  # a probability whose logarithm is a number
LOWEST = -1e30  # of scores: below all that are numbers


@dataclass(frozen=True, slots=True)
class RnnState(DrumsState):
    """`scores` (17, classes): log probabilities of the next hit. `tick` of the last hit and length of the `bar`."""

    scores: Floats
    tick: int
    bar: int


class RnnDrummer(DrumsModel):
    """The RNN drummer's encoding (Hollemans 2017): a note and a tick value, softmaxed apart. It knows no velocity, no
    bar, no tempo and no wish."""

    def __init__(self, session: Any, sidecar: Mapping[str, Any]) -> None:
        super().__init__(session, sidecar)
        self._values = np.array(self.ticks)
        self._names = ["note_log_probs", "tick_log_probs", *(f"{name}_next" for name in self._shapes)]

    def start(self, bar: int, position: int, tempo: float, rng: np.random.Generator | None = None) -> RnnState:
        tensors = {name: np.zeros((1, *shape), dtype=np.float32) for name, shape in self._shapes.items()}
        if rng is not None:
            tensors = {name: rng.uniform(-1, 1, zero.shape).astype(np.float32) for name, zero in tensors.items()}
        scores = np.full((COUNT, len(self.ticks)), -20.0, dtype=np.float32)
        scores[KICK, 0] = 0.0
        return RnnState(tensors, 0, scores, position, bar)

    def advance(self, state: RnnState, hit: Hit, tempo: float) -> RnnState:
        tick = self._classes[min(hit.gap, len(self._classes) - 1)]
        feeds = {"note": np.array([hit.instrument]), "tick": np.array([tick]), **state.tensors}
        note, ticks, *following = self._session.run(self._names, feeds)
        tensors = dict(zip(self._shapes, following, strict=True))
        return RnnState(tensors, hit.instrument + 1, note[0][:, None] + ticks[0], state.tick + hit.gap, state.bar)

    def at_bar(self, state: RnnState, bar: int, position: int) -> RnnState:
        return replace(state, bar=bar, tick=position)

    def draw(
        self,
        state: RnnState,
        rng: np.random.Generator,
        *,
        wish: Conditioning = UNCONDITIONED,
        temperature: float = 1.0,
        top_p: float = 1.0,
        earliest: Ints | None = None,
        latest: int = NEVER,
        bias: Floats | None = None,
        place: Floats | None = None,
    ) -> Hit:
        limits = limits_of(state, earliest)
        scores = np.where((self._values >= limits[:, None]) & (self._values <= latest), state.scores, -np.inf)
        if bias is not None:
            scores += bias[:, None]
        if place is not None:
            scores += place[:, (state.tick + self._values) % place.shape[1]]
        drawn = pick(scores.ravel(), temperature, top_p, rng)
        if drawn is None:
            return at_once(limits, VELOCITY)
        instrument, tick = divmod(drawn, len(self.ticks))
        return Hit(self.ticks[tick], instrument, VELOCITY)

    def log_probs(self, state: RnnState, wish: Conditioning = UNCONDITIONED) -> Probabilities:
        return state.scores.astype(np.float64)


@dataclass(frozen=True, slots=True)
class MetricState(DrumsState):
    """`memory`: what was played where, the last hit included; `before`: the net's own tensors before that hit, from
    which other wishes are answered; `outlook`: its answer to the wish that is likely to come."""

    memory: metric.MetricHistory
    tempo: float
    before: Mapping[str, Floats]
    outlook: Outlook


@dataclass(frozen=True, slots=True)
class Outlook:
    """What comes next, if `wish` is heeded: `summary` (1, width), what the net's last part sees, and `joint`
    (AHEAD, 17), log probabilities of cell and instrument."""

    wish: Conditioning
    summary: Floats
    joint: Floats


class Function:
    """One function of our graph, for so many rows. Its inputs and outputs stay where they are in memory, and are bound
    to the graph once: to hand arrays over at every run would take half as long as the run itself."""

    def __init__(
        self, session: Any, sidecar: Mapping[str, Any], number: int, writes: Sequence[str], rows: int = 1
    ) -> None:
        def space(spec: Mapping[str, Any], bind: Any, name: str) -> NDArray[Any]:
            shape = [rows, *spec["shape"][1:]] if spec["shape"] else []
            array = np.zeros(shape, dtype=spec["dtype"])
            bind(name, "cpu", 0, array.dtype, shape, array.ctypes.data)
            return array

        self._session, self._binding = session, session.io_binding()
        self.inputs = {name: space(spec, self._binding.bind_input, name) for name, spec in sidecar["inputs"].items()}
        self.outputs = {name: space(sidecar["outputs"][name], self._binding.bind_output, name) for name in writes}
        self.inputs["function"][...] = number

    def run(self) -> None:
        self._session.run_with_iobinding(self._binding)


class MetricModel(DrumsModel):
    """Our encoding: the cell and the instrument of the next hit are drawn together, then its offset and velocity."""

    follows = frozenset({"style", "fill", "loudness", "density"})

    def __init__(self, session: Any, sidecar: Mapping[str, Any]) -> None:
        super().__init__(session, sidecar)
        near = (len(self._classes) + OFFSETS) // CELL + 1  # cells beyond them are in the last class whole
        self._near = min(near, AHEAD)
        self._following = {name: f"{name}_next" for name in self._shapes}
        self._advance = Function(session, sidecar, ADVANCE, ["summary", "joint", *self._following.values()])
        self._one, self._many = (
            Function(session, sidecar, WHEN, ["offsets", "velocities"], rows) for rows in (1, self._near * COUNT)
        )
        self._last_gaps = np.arange(AHEAD)[:, None] * CELL + EARLIEST + OFFSETS - 1
        self._last_gaps[-1] = NEVER - 2 * CELL
        self._wish = UNCONDITIONED  # the last one: most likely the next one as well, so it is answered ahead

    def start(self, bar: int, position: int, tempo: float, rng: np.random.Generator | None = None) -> MetricState:
        tensors = {name: np.zeros((1, *shape), dtype=np.float32) for name, shape in self._shapes.items()}
        return self._after(tensors, metric.start(bar, position), tempo)

    def advance(self, state: MetricState, hit: Hit, tempo: float) -> MetricState:
        return self._after(state.tensors, metric.observe(state.memory, hit), tempo)

    def at_bar(self, state: MetricState, bar: int, position: int) -> MetricState:
        memory = metric.moved(state.memory, bar, position)
        return state if memory is state.memory else self._after(state.before, memory, state.tempo)

    def _after(self, before: Mapping[str, Floats], memory: metric.MetricHistory, tempo: float) -> MetricState:
        """The state after the last hit of `memory`; `before`: the net's tensors until then."""
        outlook = self._answer(before, memory, tempo, self._wish)
        made = self._advance.outputs
        tensors = {name: made[following].copy() for name, following in self._following.items()}
        return MetricState(tensors, metric.passed(memory), memory, tempo, before, outlook)

    def _answer(
        self, before: Mapping[str, Floats], memory: metric.MetricHistory, tempo: float, wish: Conditioning
    ) -> Outlook:
        given, made = self._advance.inputs, self._advance.outputs
        given["x"][0] = metric.features(memory, tempo)
        given["window"][0] = metric.window(memory).reshape(AHEAD, -1)
        given["places"][0] = metric.places(memory)
        given["wishes"][0] = metric.asked(wish, self.styles)
        for name, tensor in before.items():
            given[name][...] = tensor
        self._advance.run()
        return Outlook(wish, made["summary"].copy(), made["joint"].reshape(AHEAD, COUNT).copy())

    def _outlook(self, state: MetricState, wish: Conditioning) -> Outlook:
        if wish == state.outlook.wish:
            return state.outlook
        self._wish = wish
        return self._answer(state.before, state.memory, state.tempo, wish)

    def _when(self, function: Function, outlook: Outlook, state: MetricState, which: Any) -> None:
        """Have `function` answer the scores (rows, 120) of the offsets and log probabilities (rows, 127) of the
        velocities of the hits that `which` names by 17 × cell + instrument: one, or (rows,)."""
        given = function.inputs
        given["seen"][...], given["which"][...] = outlook.summary, which
        given["anchors"][...] = metric.anchors(state.memory, *divmod(which, COUNT))
        function.run()

    def draw(
        self,
        state: MetricState,
        rng: np.random.Generator,
        *,
        wish: Conditioning = UNCONDITIONED,
        temperature: float = 1.0,
        top_p: float = 1.0,
        earliest: Ints | None = None,
        latest: int = NEVER,
        bias: Floats | None = None,
        place: Floats | None = None,
    ) -> Hit:
        """By rejection: a cell and an instrument that their limits leave only a part of are taken with that part's
        probability. When there were some tries, the parts found so far count as weights, and all that is drawn is
        taken."""
        memory, limits = state.memory, limits_of(state, earliest)
        outlook = self._outlook(state, wish)
        scores = np.where(self._last_gaps >= limits + memory.offset, outlook.joint, -np.inf)
        scores[(latest + memory.offset - EARLIEST) // CELL + 1 :] = -np.inf
        if bias is not None:
            scores += bias
        scores = scores.ravel()
        parts: dict[int, float] = {}
        for attempt in range(2 * TRIES):
            drawn = pick(scores, temperature, top_p, rng)
            if drawn is None:
                break
            self._when(self._one, outlook, state, drawn)
            ahead, instrument = divmod(drawn, COUNT)
            free, part = self._one.outputs["offsets"][0], 1.0
            soonest = ahead * CELL + EARLIEST - memory.offset
            if soonest < limits[instrument] or soonest + OFFSETS - 1 > latest:
                gaps = soonest + OFFSET_NUMBERS
                natural = free if ahead else np.where(gaps >= (instrument < state.order), free, -np.inf)
                free = np.where((gaps >= limits[instrument]) & (gaps <= latest), natural, -np.inf)
                weights = np.exp(natural - natural.max())
                part = weights[free > -np.inf].sum() / weights.sum()
            if part > 0 and (attempt >= TRIES or part == 1 or rng.random() < part):
                offset = pick(free, temperature, 1.0, rng)
                velocity = pick(self._one.outputs["velocities"][0], temperature, 1.0, rng)
                if offset is not None and velocity is not None:
                    return Hit(soonest + offset, instrument, velocity + 1)
            parts[drawn] = part
            if part == 0:
                scores[drawn] = -np.inf
            if attempt == TRIES - 1:
                scores[list(parts)] += np.log(np.maximum(list(parts.values()), TINY))
        return at_once(limits, VELOCITY)

    def log_probs(self, state: MetricState, wish: Conditioning = UNCONDITIONED) -> Probabilities:
        memory = state.memory
        outlook = self._outlook(state, wish)
        self._when(self._many, outlook, state, np.arange(self._near * COUNT))
        offsets = self._many.outputs["offsets"]
        gaps = np.arange(self._near)[:, None, None] * CELL + OFFSET_NUMBERS + EARLIEST - memory.offset
        possible = gaps >= (np.arange(COUNT) < state.order)[:, None]
        free = np.maximum(possible.sum(axis=-1, keepdims=True), 1)
        wide = np.where(possible, offsets.reshape(self._near, COUNT, OFFSETS), -np.inf)
        weights = np.exp(wide - np.maximum(wide.max(axis=-1, keepdims=True), LOWEST), dtype=np.float64)
        sums = np.maximum(weights.sum(axis=-1, keepdims=True), 1.0)  # the likeliest weighs one
        weights = ((1 - ANYWHERE) * weights / sums + ANYWHERE / free) * possible
        joint = np.exp(outlook.joint.astype(np.float64))
        joint[: self._near] *= possible.any(axis=-1)
        joint /= joint.sum()
        classes = self._classes[gaps.clip(0, len(self._classes) - 1)]
        index = np.arange(COUNT)[:, None] * len(self.ticks) + classes
        masses = weights * joint[: self._near, :, None]
        total = np.bincount(index.ravel(), masses.ravel(), COUNT * len(self.ticks)).reshape(COUNT, -1)
        total[:, -1] += joint[self._near :].sum(axis=0)
        with np.errstate(divide="ignore"):
            return np.log(total)


ENCODINGS: Mapping[str, type[DrumsModel]] = {"rnn-drummer": RnnDrummer, "groove": MetricModel}


def drums_model(session: Any, sidecar: Mapping[str, Any]) -> DrumsModel:
    """The model of an artifact, by its encoding. Raises ModelError."""
    name = str(sidecar.get("encoding"))
    if name not in ENCODINGS or not sidecar.get("ticks"):
        wrong = f"`encoding` is {name!r}" if name not in ENCODINGS else "`ticks` is missing"
        known = ", ".join(ENCODINGS)
        raise ModelError(f"the sidecar's {wrong}; a drum model has `ticks` and one of {known}: export it again")
    return ENCODINGS[name](session, sidecar)

"""A drummer's net in ONNX Runtime, hit by hit: what comes next is drawn, or told. One interface for both encodings.

    model = drums_model(artifact.session, artifact.sidecar)
    state = model.start(bar=1920, position=0, tempo=96.0)
    hit = model.draw(state, rng, temperature=0.9)
    state = model.advance(state, hit, tempo=96.0)

States never change: one can be gone on from twice, and a hit that was drawn need not be played.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from daemon.encodings import drums_groove
from daemon.encodings.drums import COUNT, Floats, Hit, Ints, Wish
from daemon.encodings.drums_groove import AHEAD, CELL, EARLIEST, OFFSETS
from daemon.engines.drums_net import NEVER, NO_WISH, DrumsModel, DrumsState, Probabilities, at_once, limits_of
from daemon.engines.sampling import pick
from daemon.errors import ModelError

__all__ = ["NEVER", "NO_WISH", "DrumsModel", "drums_model"]

KICK = 0  # what a drummer who starts from a random state has just struck
VELOCITY = 100  # of a model that knows none
ADVANCE, WHEN = (np.array(number, dtype=np.int64) for number in range(2))  # functions of our graph
TRIES = 6
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
        wish: Wish = NO_WISH,
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
        drawn = pick(scores.ravel(), temperature, top_p, rng.random())
        if drawn is None:
            return at_once(limits, VELOCITY)
        instrument, tick = divmod(drawn, len(self.ticks))
        return Hit(self.ticks[tick], instrument, VELOCITY)

    def log_probs(self, state: RnnState, wish: Wish = NO_WISH) -> Probabilities:
        return state.scores.astype(np.float64)


@dataclass(frozen=True, slots=True)
class GrooveState(DrumsState):
    """`memory`: what was played where, the last hit included; `feeds`: the inputs that the net got with it, from which
    other wishes are answered; `outlook`: its answer to the wish that is likely to come; `anchors` (9 × 17, ANCHORS)."""

    memory: drums_groove.Memory
    tempo: float
    feeds: Mapping[str, Any]
    outlook: Outlook
    anchors: Floats


@dataclass(frozen=True, slots=True)
class Outlook:
    """What comes next, if `wish` is heeded: `summary` (1, width), what the net's last part sees, and `joint`
    (AHEAD, 17), log probabilities of cell and instrument."""

    wish: Wish
    summary: Floats
    joint: Floats


class Groove(DrumsModel):
    """Our encoding: the cell and the instrument of the next hit are drawn together, then its offset and velocity."""

    follows = frozenset({"style", "fill", "loudness", "density"})

    def __init__(self, session: Any, sidecar: Mapping[str, Any]) -> None:
        super().__init__(session, sidecar)
        specs = {name: spec for name, spec in sidecar["inputs"].items() if name != "function"}
        self._dummies = {name: np.zeros([1, *spec["shape"][1:]], dtype=spec["dtype"]) for name, spec in specs.items()}
        self._answers = ["summary", "joint", *(f"{name}_next" for name in self._shapes)]
        near = (len(self._classes) + OFFSETS) // CELL + 1  # cells beyond them are in the last class whole
        self._near = min(near, AHEAD)
        self._offsets = np.arange(OFFSETS) + EARLIEST
        self._first_gaps = np.arange(AHEAD)[:, None] * CELL + EARLIEST
        self._last_gaps = self._first_gaps + OFFSETS - 1
        self._last_gaps[-1] = NEVER - 2 * CELL
        self._wish = NO_WISH  # the last one: most likely the next one as well, so it is answered ahead

    def start(self, bar: int, position: int, tempo: float, rng: np.random.Generator | None = None) -> GrooveState:
        tensors = {name: np.zeros((1, *shape), dtype=np.float32) for name, shape in self._shapes.items()}
        return self._after(tensors, drums_groove.start(bar, position), tempo)

    def advance(self, state: GrooveState, hit: Hit, tempo: float) -> GrooveState:
        return self._after(state.tensors, drums_groove.observe(state.memory, hit), tempo)

    def at_bar(self, state: GrooveState, bar: int, position: int) -> GrooveState:
        memory = drums_groove.moved(state.memory, bar, position)
        before = {name: state.feeds[name] for name in self._shapes}
        return state if memory is state.memory else self._after(before, memory, state.tempo)

    def _after(self, tensors: Mapping[str, Floats], memory: drums_groove.Memory, tempo: float) -> GrooveState:
        """The state after the last hit of `memory`; `tensors` are those before it."""
        feeds = {
            **self._dummies,
            **tensors,
            "function": ADVANCE,
            "x": drums_groove.features(memory, tempo)[None],
            "window": drums_groove.window(memory).reshape(1, AHEAD, -1),
            "places": drums_groove.places(memory)[None],
            "wishes": drums_groove.asked(self._wish, self.styles)[None],
        }
        summary, joint, *following = self._session.run(self._answers, feeds)
        outlook = Outlook(self._wish, summary, joint[0])
        tensors = dict(zip(self._shapes, following, strict=True))
        anchors = drums_groove.anchors(memory).reshape(AHEAD * COUNT, -1)
        return GrooveState(tensors, drums_groove.passed(memory), memory, tempo, feeds, outlook, anchors)

    def _outlook(self, state: GrooveState, wish: Wish) -> Outlook:
        if wish == state.outlook.wish:
            return state.outlook
        self._wish = wish
        feeds = {**state.feeds, "wishes": drums_groove.asked(wish, self.styles)[None]}
        summary, joint = self._session.run(self._answers[:2], feeds)
        return Outlook(wish, summary, joint[0])

    def _when(self, outlook: Outlook, state: GrooveState, which: Ints) -> tuple[Floats, Floats]:
        """Scores (n, 120) of the offsets and log probabilities (n, 127) of the velocities of n hits, each named by its
        17 × cell + instrument."""
        feeds = {
            **self._dummies,
            "function": WHEN,
            "seen": outlook.summary if len(which) == 1 else np.repeat(outlook.summary, len(which), axis=0),
            "which": which,
            "anchors": state.anchors[which],
        }
        offsets, velocities = self._session.run(["offsets", "velocities"], feeds)
        return offsets, velocities

    def draw(
        self,
        state: GrooveState,
        rng: np.random.Generator,
        *,
        wish: Wish = NO_WISH,
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
        scores = outlook.joint if bias is None else outlook.joint + bias
        possible = (self._last_gaps - memory.offset >= limits) & (self._first_gaps - memory.offset <= latest)
        scores = np.where(possible, scores, -np.inf).ravel()
        parts: dict[int, float] = {}
        for attempt in range(2 * TRIES):
            drawn = pick(scores, temperature, top_p, rng.random())
            if drawn is None:
                break
            ahead, instrument = divmod(drawn, COUNT)
            offsets, velocities = self._when(outlook, state, np.array([drawn]))
            gaps = self._offsets + (ahead * CELL - memory.offset)
            free, part = offsets[0], 1.0
            if gaps[0] < limits[instrument] or gaps[-1] > latest:
                natural = free if ahead else np.where(gaps >= (instrument < state.order), free, -np.inf)
                free = np.where((gaps >= limits[instrument]) & (gaps <= latest), natural, -np.inf)
                weights = np.exp(natural - natural.max())
                part = weights[free > -np.inf].sum() / weights.sum()
            if part > 0 and (attempt >= TRIES or part == 1 or rng.random() < part):
                offset = pick(free, temperature, 1.0, rng.random())
                velocity = pick(velocities[0], temperature, 1.0, rng.random())
                if offset is not None and velocity is not None:
                    return Hit(int(gaps[offset]), instrument, velocity + 1)
            parts[drawn] = part
            if part == 0:
                scores[drawn] = -np.inf
            if attempt == TRIES - 1:
                scores[list(parts)] += np.log(np.maximum(list(parts.values()), TINY))
        return at_once(limits, VELOCITY)

    def log_probs(self, state: GrooveState, wish: Wish = NO_WISH) -> Probabilities:
        memory = state.memory
        outlook = self._outlook(state, wish)
        offsets, _ = self._when(outlook, state, np.arange(self._near * COUNT))
        gaps = np.arange(self._near)[:, None, None] * CELL + self._offsets - memory.offset
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


ENCODINGS: Mapping[str, type[DrumsModel]] = {"rnn-drummer": RnnDrummer, "groove": Groove}


def drums_model(session: Any, sidecar: Mapping[str, Any]) -> DrumsModel:
    """The model of an artifact, by its encoding. Raises ModelError."""
    name = str(sidecar.get("encoding"))
    if name not in ENCODINGS or not sidecar.get("ticks"):
        wrong = f"`encoding` is {name!r}" if name not in ENCODINGS else "`ticks` is missing"
        known = ", ".join(ENCODINGS)
        raise ModelError(f"the sidecar's {wrong}; a drum model has `ticks` and one of {known}: export it again")
    return ENCODINGS[name](session, sidecar)

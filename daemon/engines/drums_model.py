"""A drummer's net in ONNX Runtime, hit by hit: what comes next is drawn, or told. One interface for both encodings.

    model = drums_model(artifact.session, artifact.sidecar)
    state = model.start(bar=1920, position=0, tempo=96.0)
    hit = model.draw(state, rng, temperature=0.9)
    state = model.advance(state, hit, tempo=96.0)

States never change: one can be gone on from twice, and a hit that was drawn need not be played.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from daemon.encodings import drums_groove
from daemon.encodings.drums import COUNT, Floats, Hit, Ints, Wish, tick_classes
from daemon.encodings.drums_groove import AHEAD, CELL, EARLIEST, OFFSETS

Probabilities = NDArray[np.float64]
NO_WISH = Wish()
NEVER = 1 << 30  # ticks: `earliest` of an instrument that must not be struck
KICK = 0  # what a drummer who starts from a random state has just struck
VELOCITY = 100  # of a model that knows none
ADVANCE, WHERE, WHEN = (np.array(number, dtype=np.int64) for number in range(3))  # functions of our graph
TRIES = 6


@dataclass(frozen=True, slots=True)
class DrumsState:
    """What the net knows up to and including one hit; `tensors` are its own, `order` the number of instruments that
    cannot follow at the same tick: there, they come in order."""

    tensors: Mapping[str, Floats]
    order: int


def pick(scores: NDArray[np.floating[Any]], temperature: float, top_p: float, draw: float) -> int | None:
    """The index of one of the `scores` (n,), log probabilities, with `draw` uniform in [0, 1); None if all are −inf.

    Temperature 0 is the most likely; with `top_p`, only the likeliest that together have this probability.
    """
    top = scores.max()
    if not top > -np.inf:
        return None
    if temperature <= 0:
        return int(scores.argmax())
    weights = np.exp((scores - top) / temperature, dtype=np.float64)
    if top_p < 1:
        rising = np.sort(weights)
        sums = rising.cumsum()
        weights[weights < rising[np.searchsorted(sums, (1 - top_p) * sums[-1], side="right")]] = 0
    sums = weights.cumsum()
    return min(int(np.searchsorted(sums, draw * sums[-1], side="right")), len(sums) - 1)


class DrumsModel(ABC):
    """`session`: an onnxruntime.InferenceSession on the model; `sidecar`: its JSON."""

    follows: ClassVar[frozenset[str]] = frozenset()  # the fields of Wish that it heeds
    velocities: ClassVar[bool] = False  # whether it knows how hard

    def __init__(self, session: Any, sidecar: Mapping[str, Any]) -> None:
        self._session = session
        self.ticks: tuple[int, ...] = tuple(sidecar["ticks"])  # the tick classes that evaluate.py measures in
        self.styles: tuple[str, ...] = tuple(sidecar.get("styles", ()))  # that it can be asked for
        self._shapes: dict[str, list[int]] = {name: sidecar["inputs"][name]["shape"][1:] for name in sidecar["states"]}
        self._classes = tick_classes(self.ticks)

    @abstractmethod
    def start(self, bar: int, position: int, tempo: float, rng: np.random.Generator | None = None) -> Any:
        """Nothing was played yet. `bar`: its ticks; `position`: ticks since the bar line, from which the first gap
        counts; `tempo` in beats per minute; `rng`: begin in a random state, where a model is made to."""

    @abstractmethod
    def advance(self, state: Any, hit: Hit, tempo: float) -> Any:
        """After a hit that was played, drawn or not."""

    @abstractmethod
    def at_bar(self, state: Any, bar: int, position: int) -> Any:
        """The same, but the last hit fell `position` ticks after the bar line of a bar of `bar` ticks."""

    @abstractmethod
    def draw(
        self,
        state: Any,
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
        """The next hit. Never fails: where nothing is left, it is whatever may come first, as soon as it may.

        `earliest` (17,): the least gap, in ticks, with which each instrument may come, NEVER: not at all; `latest`: the
        longest gap; `bias` (17,): added to the log weights of the instruments; `place` (17, ticks of the bar): to those
        of instruments at ticks of the bar, for a model that does not know the bar.
        """

    @abstractmethod
    def log_probs(self, state: Any, wish: Wish = NO_WISH) -> Probabilities:
        """(17, len(ticks)): of instrument and tick class of the next hit; they sum to one."""


def _limits(state: DrumsState, earliest: Ints | None) -> Ints:
    """(17,): the least gap of each instrument, the order of instruments at one tick included."""
    limits = (np.arange(COUNT) < state.order).astype(np.int64)
    return limits if earliest is None else np.maximum(limits, earliest)


def _at_once(limits: Ints, velocity: int) -> Hit:
    """What is played when nothing else can be."""
    instrument = int(limits.argmin())
    return Hit(int(limits[instrument]) if limits[instrument] < NEVER else 1, instrument, velocity)


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
        limits = _limits(state, earliest)
        scores = np.where((self._values >= limits[:, None]) & (self._values <= latest), state.scores, -np.inf)
        if bias is not None:
            scores += bias[:, None]
        if place is not None:
            scores += place[:, (state.tick + self._values) % place.shape[1]]
        drawn = pick(scores.ravel(), temperature, top_p, rng.random())
        if drawn is None:
            return _at_once(limits, VELOCITY)
        instrument, tick = divmod(drawn, len(self.ticks))
        return Hit(self.ticks[tick], instrument, VELOCITY)

    def log_probs(self, state: RnnState, wish: Wish = NO_WISH) -> Probabilities:
        return state.scores.astype(np.float64)


@dataclass(frozen=True, slots=True)
class GrooveState(DrumsState):
    """`memory`: what was played where; `window`, `places` and `anchors`: of the cells ahead, as the net reads them."""

    memory: drums_groove.Memory
    window: Floats
    places: Ints
    anchors: Floats


class Groove(DrumsModel):
    """Our encoding: the cell and the instrument of the next hit are drawn together, then its offset and velocity."""

    follows = frozenset({"style", "fill", "loudness", "density"})
    velocities = True

    def __init__(self, session: Any, sidecar: Mapping[str, Any]) -> None:
        super().__init__(session, sidecar)
        specs = {name: spec for name, spec in sidecar["inputs"].items() if name != "function"}
        self._dummies = {name: np.zeros([1, *spec["shape"][1:]], dtype=spec["dtype"]) for name, spec in specs.items()}
        self._following = [f"{name}_next" for name in self._shapes]
        near = (len(self._classes) + OFFSETS) // CELL + 1  # cells beyond them are in the last class whole
        self._near = min(near, AHEAD)
        self._offsets = np.arange(OFFSETS) + EARLIEST
        self._first_gaps = np.arange(AHEAD)[:, None] * CELL + EARLIEST
        self._last_gaps = self._first_gaps + OFFSETS - 1
        self._last_gaps[-1] = NEVER - 2 * CELL

    def start(self, bar: int, position: int, tempo: float, rng: np.random.Generator | None = None) -> GrooveState:
        tensors = {name: np.zeros((1, *shape), dtype=np.float32) for name, shape in self._shapes.items()}
        return self._recur(tensors, drums_groove.start(bar, position), tempo)

    def advance(self, state: GrooveState, hit: Hit, tempo: float) -> GrooveState:
        return self._recur(state.tensors, drums_groove.observe(state.memory, hit), tempo)

    def at_bar(self, state: GrooveState, bar: int, position: int) -> GrooveState:
        return self._state(state.tensors, drums_groove.moved(state.memory, bar, position))

    def _recur(self, tensors: Mapping[str, Floats], memory: drums_groove.Memory, tempo: float) -> GrooveState:
        x = drums_groove.features(memory, tempo)[None]
        following = self._session.run(self._following, {**self._dummies, **tensors, "function": ADVANCE, "x": x})
        return self._state(dict(zip(self._shapes, following, strict=True)), memory)

    def _state(self, tensors: Mapping[str, Floats], memory: drums_groove.Memory) -> GrooveState:
        window, places = drums_groove.window(memory).reshape(1, AHEAD, -1), drums_groove.places(memory)[None]
        anchors = drums_groove.anchors(memory).reshape(AHEAD * COUNT, -1)
        return GrooveState(tensors, drums_groove.passed(memory), memory, window, places, anchors)

    def _where(self, state: GrooveState, wish: Wish) -> tuple[Floats, Floats]:
        """What the heads see (1, width), and log probabilities (AHEAD, 17) of the next cell and instrument."""
        feeds = {
            **self._dummies,
            "function": WHERE,
            "context": state.tensors["h"],
            "wishes": drums_groove.asked(wish, self.styles)[None],
            "window": state.window,
            "places": state.places,
        }
        view, joint = self._session.run(["summary", "joint"], feeds)
        return view, joint[0]

    def _when(self, view: Floats, state: GrooveState, which: Ints) -> tuple[Floats, Floats]:
        """Scores (n, 120) of the offsets and log probabilities (n, 127) of the velocities of n hits, each named by its
        17 × cell + instrument."""
        feeds = {
            **self._dummies,
            "function": WHEN,
            "seen": view if len(which) == 1 else np.repeat(view, len(which), axis=0),
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
        probability. After some tries the parts that were found count as weights instead."""
        memory, limits = state.memory, _limits(state, earliest)
        view, scores = self._where(state, wish)
        if bias is not None:
            scores = scores + bias
        possible = (self._last_gaps - memory.offset >= limits) & (self._first_gaps - memory.offset <= latest)
        scores = np.where(possible, scores, -np.inf).ravel()
        for attempt in range(2 * TRIES):
            drawn = pick(scores, temperature, top_p, rng.random())
            if drawn is None:
                break
            ahead, instrument = divmod(drawn, COUNT)
            offsets, velocities = self._when(view, state, np.array([drawn]))
            gaps = self._offsets + (ahead * CELL - memory.offset)
            natural = offsets[0] if ahead else np.where(gaps >= (instrument < state.order), offsets[0], -np.inf)
            free = np.where((gaps >= limits[instrument]) & (gaps <= latest), natural, -np.inf)
            part = np.exp(free - natural.max()).sum() / np.exp(natural - natural.max()).sum()
            if part > 0 and (attempt >= TRIES or rng.random() < part):
                offset = pick(free, temperature, 1.0, rng.random())
                velocity = pick(velocities[0], temperature, 1.0, rng.random())
                if offset is not None and velocity is not None:
                    return Hit(int(gaps[offset]), instrument, velocity + 1)
            if attempt >= TRIES - 1 or part == 0:
                scores[drawn] += np.log(part) if part > 0 else -np.inf
        return _at_once(limits, VELOCITY)

    def log_probs(self, state: GrooveState, wish: Wish = NO_WISH) -> Probabilities:
        memory = state.memory
        view, scores = self._where(state, wish)
        offsets, _ = self._when(view, state, np.arange(self._near * COUNT))
        gaps = np.arange(self._near)[:, None, None] * CELL + self._offsets - memory.offset
        wide = offsets.reshape(self._near, COUNT, OFFSETS).astype(np.float64)
        possible = gaps >= (np.arange(COUNT) < state.order)[:, None]
        weights = np.exp(wide - wide.max(axis=-1, keepdims=True)) * possible
        sums = weights.sum(axis=-1, keepdims=True)
        weights /= np.where(sums > 0, sums, 1.0)
        joint = np.exp(scores.astype(np.float64))
        joint[: self._near] *= sums[..., 0] > 0
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
    """The model of an artifact, by its encoding."""
    return ENCODINGS[sidecar["encoding"]](session, sidecar)

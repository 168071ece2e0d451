"""What every drum model can do, whatever its encoding: a hit at a time, drawn or told."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from daemon.encodings.drums.hits import COUNT, Conditioning, Floats, Hit, Ints, tick_classes

Probabilities = NDArray[np.float64]
UNCONDITIONED = Conditioning()
NEVER = 1 << 30  # ticks: `earliest` of an instrument that must not be struck
IN_ORDER: Ints = np.tril(np.ones((COUNT + 1, COUNT), dtype=np.int64), -1)  # the least gaps, by DrumsState.order


@dataclass(frozen=True, slots=True)
class DrumsState:
    """What the net knows up to and including one hit; `tensors` are its own, `order` the number of instruments that
    cannot follow at the same tick: there, they come in order."""

    tensors: Mapping[str, Floats]
    order: int


class DrumsModel(ABC):
    """`session`: an onnxruntime.InferenceSession on the model; `sidecar`: its JSON."""

    follows: ClassVar[frozenset[str]] = frozenset()  # the fields of Wish that it heeds

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
        wish: Conditioning = UNCONDITIONED,
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
    def log_probs(self, state: Any, wish: Conditioning = UNCONDITIONED) -> Probabilities:
        """(17, len(ticks)): of instrument and tick class of the next hit; they sum to one."""


def limits_of(state: DrumsState, earliest: Ints | None) -> Ints:
    """(17,): the least gap of each instrument, the order of instruments at one tick included."""
    limits: Ints = IN_ORDER[state.order]
    return limits if earliest is None else np.maximum(limits, earliest)


def at_once(limits: Ints, velocity: int) -> Hit:
    """What is played when nothing else can be."""
    instrument = int(limits.argmin())
    return Hit(int(limits[instrument]) if limits[instrument] < NEVER else 1, instrument, velocity)

"""The interface of the drum models, whatever their encoding: one hit at a time, drawn from the model or given to it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from daemon.encodings.drums.hits import COUNT, Conditioning, Floats, Hit, Ints, tick_classes
from daemon.models import Artifact

Probabilities = NDArray[np.float64]
INTERFACE = "hit"
UNCONDITIONED = Conditioning()
UNREACHABLE_GAP = 1 << 30  # ticks: `earliest` of an instrument that must not be struck
IN_ORDER: Ints = np.tril(np.ones((COUNT + 1, COUNT), dtype=np.int64), -1)  # least gaps, by DrumsState.least_instrument


@dataclass(frozen=True, slots=True)
class DrumsState:
    """State of a model after one hit. `tensors`: the recurrent states of the net, by name.

    At the tick of the last hit, instruments come in order: the next one there is `least_instrument` or a later one.
    """

    tensors: Mapping[str, Floats]
    least_instrument: int


class DrawRequest(NamedTuple):
    """How to draw a hit; a tuple, because one is made for every hit and a frozen dataclass takes twice as long to make.

    `earliest` (17,): the least gap, in ticks, of each instrument, UNREACHABLE_GAP: not at all; `latest`: the longest
    gap; `instrument_bias` (17,): added to the log weights of the instruments; `bar_bias` (17, ticks of the bar): to
    those of instruments at ticks of the bar, for a model that does not know the bar.
    """

    conditioning: Conditioning = UNCONDITIONED
    temperature: float = 1.0
    top_p: float = 1.0
    earliest: Ints | None = None
    latest: int = UNREACHABLE_GAP
    instrument_bias: Floats | None = None
    bar_bias: Floats | None = None


ANY_HIT = DrawRequest()


class DrumsModel(ABC):
    """States are immutable: a state can be continued twice, and a hit that was drawn need not be played.

    Raises ModelError for a model of another interface, or without `ticks`.
    """

    follows: ClassVar[frozenset[str]] = frozenset()  # the fields of Conditioning that have an effect

    def __init__(self, artifact: Artifact) -> None:
        sidecar = artifact.sidecar
        sidecar.require_interface(INTERFACE)
        self.ticks = sidecar.integers("ticks")  # the tick classes that evaluate.py measures in
        self.styles = sidecar.names("styles")  # the styles that can be requested
        self._classes = tick_classes(self.ticks)

    @abstractmethod
    def start(self, bar: int, position: int, tempo: float, rng: np.random.Generator | None = None) -> Any:
        """The state before the first hit. `bar`: its ticks; `position`: ticks since the bar line, from which the first
        gap counts; `tempo` in beats per minute; `rng`: begin in a random state, if the model is made for that."""

    @abstractmethod
    def advance(self, state: Any, hit: Hit, tempo: float) -> Any:
        """The state after a hit that was played, whether it was drawn from the model or not."""

    @abstractmethod
    def at_bar(self, state: Any, bar: int, position: int) -> Any:
        """The same state, but the last hit fell `position` ticks after the bar line of a bar of `bar` ticks."""

    @abstractmethod
    def draw(self, state: Any, rng: np.random.Generator, request: DrawRequest = ANY_HIT) -> Hit:
        """The next hit. Never fails: if no hit is within the limits, the instrument with the least gap is struck after
        that gap."""

    @abstractmethod
    def log_probs(self, state: Any, conditioning: Conditioning = UNCONDITIONED) -> Probabilities:
        """(17, len(ticks)): of instrument and tick class of the next hit; the probabilities sum to one."""


def limits_of(state: DrumsState, earliest: Ints | None) -> Ints:
    """(17,): the least gap of each instrument, the order of instruments at one tick included."""
    limits: Ints = IN_ORDER[state.least_instrument]
    return limits if earliest is None else np.maximum(limits, earliest)


def first_possible(limits: Ints, velocity: int) -> Hit:
    """The hit of the instrument with the least gap, where no hit can be drawn; after one tick if every instrument is
    UNREACHABLE_GAP to be struck."""
    instrument = int(limits.argmin())
    return Hit(int(limits[instrument]) if limits[instrument] < UNREACHABLE_GAP else 1, instrument, velocity)

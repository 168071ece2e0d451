"""The encodings of melodies by their names in a sidecar's `encoding`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from numpy.typing import NDArray

from daemon.encodings.melody.events import Events
from daemon.encodings.melody.jamd import JamdEncoding
from daemon.encodings.melody.magenta import AttentionEncoding, BasicEncoding, LookbackEncoding


class Encoding(Protocol):
    """Turns the events heard so far into the graph's input for the next 16th, and the graph's labels into events.

    Histories, which `start` and `observe` return, are immutable: a history can be continued any number of times.
    """

    @property
    def labels(self) -> int: ...
    def transposition(self, events: Sequence[int]) -> int: ...
    def start(self, meter: float, position: float, transpose: int = 0) -> Any: ...
    def observe(self, history: Any, event: int, position: float) -> Any: ...
    def feeds(self, history: Any) -> Mapping[str, NDArray[Any]] | None: ...
    def events(self, history: Any) -> Events: ...


ENCODINGS: Mapping[str, Encoding] = {
    "basic": BasicEncoding(),
    "lookback": LookbackEncoding(),
    "attention": AttentionEncoding(),
    "jamd": JamdEncoding(),
}

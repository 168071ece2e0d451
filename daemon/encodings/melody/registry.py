"""The encodings of melodies by name, as a sidecar's `encoding` names them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from daemon.encodings.melody import jamd
from daemon.encodings.melody.events import (
    EVENTS,
    FIRST_PITCH,
    HIGHEST,
    LOWEST,
    NO_EVENT,
    NOTE_OFF,
    PITCHES,
    Events,
    event_of,
    pitch_of,
)
from daemon.encodings.melody.jamd import JamdEncoding
from daemon.encodings.melody.magenta import Attention, Basic, Lookback
from daemon.errors import ModelError

__all__ = [
    "ENCODINGS", "EVENTS", "FIRST_PITCH", "HIGHEST", "LOWEST", "NOTE_OFF", "NO_EVENT", "PITCHES", "Encoding",
    "encoding_of", "event_of", "golden_feeds", "pitch_of",
]  # fmt: skip


class Encoding(Protocol):
    """Turns what was heard into the graph's input for the next 16th, and its labels into events.

    What `start` and `heard` return is never changed afterwards: one can go on from it as often as one likes.
    """

    @property
    def labels(self) -> int: ...
    def transposition(self, events: Sequence[int]) -> int: ...
    def start(self, meter: float, position: float, transpose: int = 0) -> Any: ...
    def heard(self, history: Any, event: int, position: float) -> Any: ...
    def feeds(self, history: Any) -> Mapping[str, NDArray[Any]] | None: ...
    def events(self, history: Any) -> Events: ...


ENCODINGS: Mapping[str, Encoding] = {
    "basic": Basic(),
    "lookback": Lookback(),
    "attention": Attention(),
    "jamd": JamdEncoding(),
}


def encoding_of(sidecar: Mapping[str, Any]) -> Encoding:
    """The encoding that a sidecar names. Raises ModelError if there is none of that name."""
    name = sidecar.get("encoding")
    if not isinstance(name, str) or name not in ENCODINGS:
        known = ", ".join(ENCODINGS)
        raise ModelError(f"the sidecar's `encoding` is {name!r}, a melody model's is one of {known}: export it again")
    return ENCODINGS[name]


def golden_feeds(sidecar: Mapping[str, Any], rows: int = 2) -> dict[str, NDArray[Any]]:
    """The golden input of a melody model, by the shapes of its sidecar: `rows` rows from numpy's default_rng(seed).

    Drawn in the order of `inputs`: whole numbers uniform over their values, floats uniform over −1..1.
    """
    rng = np.random.default_rng(int(sidecar["golden"]["seed"]))
    feeds: dict[str, NDArray[Any]] = {}
    for name, spec in sidecar["inputs"].items():
        shape = [rows, *spec["shape"][1:]]
        if spec["dtype"] == "int64":
            feeds[name] = jamd.golden(name, shape, rng)
        else:
            feeds[name] = rng.uniform(-1, 1, shape).astype(np.float32)
    return feeds

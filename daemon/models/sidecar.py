"""The content of a model's sidecar, typed. docs/models.md describes the file format, parse.py reads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeGuard, TypeVar

import numpy as np
from numpy.typing import NDArray

from daemon.errors import ModelError

FORMAT = 2
REMEDY = "install jamd again, or export the model again with export_tools"
# What one run of the graph answers for; docs/models.md.
INTERFACES = ("step", "frame with hints", "hit", "block", "audio")
DTYPES = ("bool", "int64", "float32")

T = TypeVar("T")


def is_whole(value: object) -> TypeGuard[int]:
    """Whether a JSON value is a whole number."""
    return isinstance(value, int) and not isinstance(value, bool)


@dataclass(frozen=True, slots=True)
class Integers:
    """Whole numbers, uniform over `counts` values from `firsts` on: of all elements, or by column of the last axis."""

    counts: int | tuple[int, ...]
    firsts: int | tuple[int, ...] = 0


@dataclass(frozen=True, slots=True)
class Uniform:
    """Real numbers, uniform over low … high."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Constant:
    """The same number everywhere."""

    value: float


@dataclass(frozen=True, slots=True)
class OnesFrom:
    """0 in the columns of the last axis below `index`, 1 from there on."""

    index: int


Golden = Integers | Uniform | Constant | OnesFrom


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """A tensor of the graph. A name in `shape` stands for any number of rows. `golden` says how the golden value of an
    input is drawn; None for an output."""

    dtype: str
    shape: tuple[int | str, ...]
    golden: Golden | None = None

    def sized(self, rows: int) -> tuple[int, ...]:
        """The shape for so many rows."""
        return tuple(rows if isinstance(size, str) else size for size in self.shape)


@dataclass(frozen=True, slots=True, eq=False)
class GoldenRun:
    """A run of the model that can be repeated: inputs of `rows` rows, drawn in the order of the sidecar's `inputs` by
    numpy's default_rng(seed); what some or all outputs must be, within `tolerance`."""

    seed: int
    rows: int
    tolerance: float
    outputs: Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True, slots=True, eq=False)
class Sidecar:
    """`file` is the sidecar itself. `options`: of the encoding. `states`: inputs that start at zero and take the output
    NAME_next of the run before. `training`, `metrics` and `versions` are for the reader: jamd decides nothing by them.
    """

    file: Path
    engine: str
    interface: str
    encoding: str
    steps_per_beat: int | None
    inputs: Mapping[str, TensorSpec]
    outputs: Mapping[str, TensorSpec]
    states: tuple[str, ...]
    options: Mapping[str, object]
    sha256: str
    golden: GoldenRun
    training: Mapping[str, object]
    metrics: Mapping[str, object]
    versions: Mapping[str, object]

    def require_interface(self, interface: str) -> None:
        """Raises ModelError if the model has another one."""
        if self.interface != interface:
            raise ModelError(
                f"{self.file}: `interface` is {self.interface!r}, the engine {self.engine} plays models with "
                f"{interface!r}: choose another model"
            )

    def select(self, encodings: Mapping[str, T]) -> T:
        """The entry of the model's encoding. Raises ModelError if there is none."""
        if self.encoding not in encodings:
            known = ", ".join(encodings)
            raise ModelError(
                f"{self.file}: `encoding` is {self.encoding!r}, the engine {self.engine} knows {known}: "
                "export the model again"
            )
        return encodings[self.encoding]

    def integers(self, option: str) -> tuple[int, ...]:
        """An option of the encoding that is a list of whole numbers, at least one. Raises ModelError."""
        found = self.options.get(option)
        if not isinstance(found, list) or not found or not all(is_whole(each) for each in found):
            raise ModelError(
                f"{self.file}: `options.{option}` is missing or not a list of whole numbers: export the model again"
            )
        return tuple(found)

    def names(self, option: str) -> tuple[str, ...]:
        """An option of the encoding that is a list of names; none if it is missing. Raises ModelError."""
        found = self.options.get(option, [])
        if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
            raise ModelError(f"{self.file}: `options.{option}` is not a list of names: export the model again")
        return tuple(found)

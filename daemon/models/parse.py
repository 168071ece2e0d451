"""NAME.json beside NAME.onnx, parsed once into a Sidecar. Every error names the file, the key and the remedy."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeGuard, TypeVar

import numpy as np
from numpy.typing import NDArray

from daemon.errors import ModelError
from daemon.input_files import read_input
from daemon.models.sidecar import (
    DTYPES,
    FORMAT,
    INTERFACES,
    REMEDY,
    Constant,
    Golden,
    GoldenRun,
    Integers,
    OnesFrom,
    Sidecar,
    TensorSpec,
    Uniform,
    is_whole,
)

MOST_BYTES = 16 << 20  # of a sidecar
MOST_ROWS = 64  # of a golden input
MOST_VALUES = 2**53  # of a golden input, and the largest one: every whole number up to here is a float64

T = TypeVar("T")


def read_sidecar(path: Path) -> Sidecar:
    """The sidecar of the model at `path`. Raises ModelError if it is missing, no JSON or not of this format."""
    file = path.with_suffix(".json")
    try:
        content = json.loads(read_input(file, MOST_BYTES).decode("utf-8"))
    except FileNotFoundError:
        raise ModelError(f"{file}: the sidecar of {path.name} is missing: {REMEDY}") from None
    except OSError as error:
        raise ModelError(f"{file}: cannot be read ({error.strerror}): {REMEDY}") from None
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{file}: not valid JSON ({error}): {REMEDY}") from None
    return parse(file, content)


def parse(file: Path, content: object) -> Sidecar:
    """The content of a sidecar's file. Raises ModelError, which names the key."""
    version = content.get("format") if isinstance(content, dict) else None
    if version != FORMAT:
        raise ModelError(f"{file}: `format` is {version!r}, this version of jamd reads {FORMAT}: {REMEDY}")
    top = _Object(file, content)
    interface = top.take("interface", str)
    if interface not in INTERFACES:
        raise top.error("interface", f"is {interface!r}, not one of {', '.join(INTERFACES)}")
    inputs = parse_inputs(file, top.take("inputs", dict))
    outputs = {
        name: _tensor(_Object(file, spec, f"outputs.{name}")) for name, spec in top.take("outputs", dict).items()
    }
    return Sidecar(
        file=file,
        engine=top.take("engine", str),
        interface=interface,
        encoding=top.take("encoding", str),
        steps_per_beat=top.take("steps_per_beat", int) if "steps_per_beat" in top else None,
        inputs=inputs,
        outputs=outputs,
        states=_states(top, inputs, outputs),
        options=top.take("options", dict, {}),
        sha256=top.take("sha256", str),
        golden=_golden_run(_Object(file, top.take("golden", dict), "golden"), outputs),
        training=top.take("training", dict, {}),
        metrics=top.take("metrics", dict, {}),
        versions=top.take("versions", dict, {}),
    )


def parse_inputs(file: Path, inputs: Mapping[str, object]) -> dict[str, TensorSpec]:
    """The value of the sidecar's key `inputs`. Raises ModelError."""
    return {name: _input(_Object(file, spec, f"inputs.{name}")) for name, spec in inputs.items()}


class _Object:
    """A JSON object of the sidecar, whose place in it is `key`."""

    def __init__(self, file: Path, content: object, key: str = "") -> None:
        self._file, self._key = file, key
        if not isinstance(content, dict):
            raise ModelError(f"{file}: `{key}` is not an object: {REMEDY}")
        self._content: dict[str, object] = content

    def __contains__(self, key: str) -> bool:
        return key in self._content

    def error(self, key: str, what: str) -> ModelError:
        where = ".".join(part for part in (self._key, key) if part)
        return ModelError(f"{self._file}: `{where}` {what}: {REMEDY}")

    def take(self, key: str, kind: type[T], default: T | None = None) -> T:
        """The value of a key, of this type. Raises ModelError if it has another, or is missing without a default."""
        value = self._content.get(key, default)
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise self.error(key, f"is missing or not a {kind.__name__}")
        return value

    def number(self, key: str) -> float:
        value = self._content.get(key)
        if not _is_number(value):
            raise self.error(key, "is missing or not a number")
        return float(value)


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e30


def _tensor(spec: _Object) -> TensorSpec:
    dtype, shape = spec.take("dtype", str), spec.take("shape", list)
    if dtype not in DTYPES:
        raise spec.error("dtype", f"is {dtype!r}, not one of {', '.join(DTYPES)}")
    if not all(isinstance(size, str) or (is_whole(size) and size >= 0) for size in shape):
        raise spec.error("shape", f"is {shape}, not a list of sizes and of names for any number of rows")
    return TensorSpec(dtype, tuple(shape))


def _input(spec: _Object) -> TensorSpec:
    tensor = _tensor(spec)
    kinds = {"values": _values, "range": _range, "constant": _constant, "ones_from": _ones_from}
    given = [key for key in kinds if key in spec]
    if len(given) != 1:
        raise spec.error("", f"must have one of {', '.join(kinds)}: how its golden value is drawn")
    return TensorSpec(tensor.dtype, tensor.shape, kinds[given[0]](spec, tensor))


def _values(spec: _Object, tensor: TensorSpec) -> Golden:
    values = spec.take("values", object)
    if isinstance(values, list) and tensor.shape and len(values) == tensor.shape[-1]:
        ranges = [each if isinstance(each, list) else [0, each] for each in values]
        if all(len(pair) == 2 and _is_in_reach(pair[0]) and _is_count(pair[1]) for pair in ranges):
            firsts, counts = zip(*ranges, strict=True)
            return Integers(counts, firsts)
    if _is_count(values):
        return Integers(values)
    raise spec.error("values", "is not a number of values, nor a list with one, or [first, number], for each column")


def _is_in_reach(value: object) -> TypeGuard[int]:
    return is_whole(value) and abs(value) <= MOST_VALUES


def _is_count(value: object) -> TypeGuard[int]:
    return _is_in_reach(value) and value > 0


def _range(spec: _Object, tensor: TensorSpec) -> Golden:
    limits = spec.take("range", list)
    if tensor.dtype != "float32" or len(limits) != 2 or not all(map(_is_number, limits)) or limits[0] > limits[1]:
        raise spec.error("range", "is not [lowest, highest], of a float32")
    return Uniform(float(limits[0]), float(limits[1]))


def _constant(spec: _Object, tensor: TensorSpec) -> Golden:
    return Constant(spec.number("constant"))


def _ones_from(spec: _Object, tensor: TensorSpec) -> Golden:
    if not tensor.shape or isinstance(tensor.shape[-1], str):
        raise spec.error("ones_from", "needs columns: the last size in `shape` is not a number")
    return OnesFrom(spec.take("ones_from", int))


def _states(top: _Object, inputs: Mapping[str, TensorSpec], outputs: Mapping[str, TensorSpec]) -> tuple[str, ...]:
    states: Sequence[object] = top.take("states", list)
    if len({str(name) for name in states}) < len(states):
        raise top.error("states", f"is {states}, which names one twice")
    for name in states:
        taken, given = (inputs.get(name), outputs.get(f"{name}_next")) if isinstance(name, str) else (None, None)
        if taken is None or given is None or (taken.dtype, taken.shape) != (given.dtype, given.shape):
            raise top.error("states", f"names {name!r}, but there is no such input with an output NAME_next like it")
    for name in inputs:
        if f"{name}_next" in outputs and name not in states:
            raise top.error("states", f"does not name {name!r}, although there is an output '{name}_next'")
    return tuple(map(str, states))


def _golden_run(run: _Object, outputs: Mapping[str, TensorSpec]) -> GoldenRun:
    seed, rows, tolerance = run.take("seed", int), run.take("rows", int), run.number("tolerance")
    if seed < 0 or not 1 <= rows <= MOST_ROWS or tolerance < 0:
        raise run.error("", f"needs a `seed` and a `tolerance` from 0 on, and 1 to {MOST_ROWS} `rows`")
    expected: dict[str, NDArray[np.float64]] = {}
    for name, values in run.take("outputs", dict).items():
        try:
            expected[name] = np.asarray(values, dtype=np.float64)
        except (TypeError, ValueError, OverflowError):
            raise run.error(f"outputs.{name}", "is not an array of numbers") from None
        if name not in outputs:
            raise run.error(f"outputs.{name}", "is not one of `outputs`")
    if not expected:
        raise run.error("outputs", "is empty: there is nothing to compare")
    return GoldenRun(seed, rows, tolerance, expected)

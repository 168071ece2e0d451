"""The golden run of a model: whether this machine computes what the sidecar says. The sidecar alone drives the run, so
that a model of an engine that is not installed is verified like any other."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from daemon.errors import ModelError
from daemon.models.artifact import Artifact, first_line, load
from daemon.models.sidecar import REMEDY, Constant, Integers, OnesFrom, TensorSpec, Uniform

Feeds = dict[str, NDArray[Any]]


def draw(spec: TensorSpec, shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[Any]:
    """The golden value of an input, in `shape`."""
    values: NDArray[Any]
    match spec.golden:
        case Integers(counts, firsts):
            values = np.add(rng.integers(0, counts, shape, dtype=np.int64), firsts)
        case Uniform(low, high):
            values = np.asarray(rng.uniform(low, high, shape))
        case OnesFrom(index):
            values = np.broadcast_to(np.arange(shape[-1]) >= index, shape)
        case Constant(value):
            values = np.full(shape, value)
        case None:
            raise ValueError("an output is not drawn")
    return np.asarray(values, spec.dtype)


def golden_feeds(inputs: Mapping[str, TensorSpec], seed: int, rows: int) -> Feeds:
    """The golden input, by name: drawn in the order of `inputs` by numpy's default_rng(seed)."""
    rng = np.random.default_rng(seed)
    return {name: draw(spec, spec.sized(rows), rng) for name, spec in inputs.items()}


def verify(path: Path) -> Artifact:
    """Load a model, run its golden input and compare its golden output. Raises ModelError."""
    artifact = load(path)
    golden = artifact.sidecar.golden
    try:
        feeds = golden_feeds(artifact.sidecar.inputs, golden.seed, golden.rows)
        results = artifact.session.run(list(golden.outputs), feeds)
    except Exception as error:  # onnxruntime's own exceptions have no common base but this one
        raise ModelError(f"{path}: ONNX Runtime cannot run it ({first_line(error)}): {REMEDY}") from None
    for (name, expected), result in zip(golden.outputs.items(), results, strict=True):
        if result.shape != expected.shape or not np.allclose(result, expected, rtol=0, atol=golden.tolerance):
            raise ModelError(
                f"{path}: its output {name!r} is not the golden one (within {golden.tolerance}): "
                f"ONNX Runtime computes something else on this machine, or the model is damaged: {REMEDY}"
            )
    return artifact

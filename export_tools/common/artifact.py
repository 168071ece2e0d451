"""A trained model as an artifact: NAME.onnx and NAME.json, put in place after the graph agreed with torch.

Every model's export.py writes through this module (docs/models.md: the file format). Torch and onnx are imported where
they are needed: who imports somebody else's weights has neither.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnxruntime

if TYPE_CHECKING:
    import onnx
    from torch import nn

FORMAT = 1
OPSET, IR = 20, 10

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True, slots=True)
class Golden:
    """An input that can be made again, and what torch answers to it.

    `source` says how daemon.models makes `feeds` again from `seed`; `shown` names the outputs that the sidecar keeps,
    None for all of them; `tolerance` is for a machine that verifies them.
    """

    source: str
    seed: int
    feeds: Arrays
    expected: Arrays
    tolerance: float
    shown: Sequence[str] | None = None


def to_graph(module: nn.Module, feeds: Arrays, outputs: Sequence[str], rows: Sequence) -> onnx.GraphProto:
    """A torch module as a graph, without the exporter's notes on modules and source files.

    `rows` is torch.export's dynamic_shapes, an entry for each argument of `module.forward`.
    """
    import onnx
    import torch

    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(folder) / "graph.onnx"
        torch.onnx.export(
            module,
            tuple(torch.from_numpy(array) for array in feeds.values()),
            path,
            input_names=list(feeds),
            output_names=list(outputs),
            dynamo=True,
            dynamic_shapes=tuple(rows),
            external_data=False,
            verbose=False,
            opset_version=OPSET,
        )
        graph = onnx.load(path).graph
    for item in (*graph.node, *graph.initializer, *graph.input, *graph.output):
        item.doc_string = ""
        del item.metadata_props[:]
    return graph


def to_model(graph: onnx.GraphProto) -> onnx.ModelProto:
    """A graph as a whole, checked file."""
    import onnx
    from onnx import helper

    opset = helper.make_opsetid("", OPSET)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=IR, producer_name="jamd")
    onnx.checker.check_model(model, full_check=True)
    return model


def signature(arrays: Arrays) -> dict[str, dict]:
    """Type and shape by name; the first axis, where there is one, is the batch."""
    return {k: {"dtype": str(a.dtype), "shape": ["batch", *a.shape[1:]] if a.ndim else []} for k, a in arrays.items()}


def compare(draft: Path, feeds: Arrays, expected: Arrays, **tolerance: float) -> Arrays:
    """What the file gives, by name. Raises AssertionError where that differs from what torch gave."""
    session = onnxruntime.InferenceSession(draft, providers=["CPUExecutionProvider"])
    given = dict(zip(expected, session.run(list(expected), feeds), strict=True))
    for name, value in given.items():
        np.testing.assert_allclose(value, expected[name], **tolerance, err_msg=name)
    return given


def versions() -> dict[str, str]:
    """Of what writes and checks, as far as it is installed."""
    installed = {found.name for found in metadata.distributions()}
    return {name: metadata.version(name) for name in ("torch", "onnx", "onnxruntime") if name in installed}


def write(
    path: Path, model: onnx.ModelProto | bytes, golden: Golden, about: dict,
    quantise: Callable[[Path], None] | None = None,
) -> dict:  # fmt: skip
    """Compare with torch on the golden input, then put both files in place. Returns the sidecar.

    `about`: the sidecar's own keys, `engine`, `encoding`, `inputs`, `states`, `training`, `metrics` and the like.
    `quantise` changes the file at the path that it is given, after the floats have agreed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        draft, beside = Path(folder) / path.name, Path(folder) / path.with_suffix(".json").name
        draft.write_bytes(model if isinstance(model, bytes) else model.SerializeToString())
        given = compare(draft, golden.feeds, golden.expected, rtol=1e-3, atol=1e-4)
        if quantise:
            quantise(draft)
            given = compare(draft, golden.feeds, given, rtol=0, atol=0.1)
        shown = golden.shown or list(given)
        sidecar = {
            "format": FORMAT,
            **about,
            "outputs": signature(given),
            "sha256": hashlib.sha256(draft.read_bytes()).hexdigest(),
            "versions": versions(),
            "golden": {
                "input": golden.source,
                "seed": golden.seed,
                "tolerance": golden.tolerance,
                "outputs": {name: np.round(given[name].astype(float), 5).tolist() for name in shown},
            },
        }
        beside.write_text(json.dumps(sidecar, indent=1) + "\n", encoding="utf-8")
        os.replace(draft, path)
        os.replace(beside, path.with_suffix(".json"))
    return sidecar

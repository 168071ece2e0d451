"""Write a trained model as an artifact, NAME.onnx and NAME.json, if the outputs of the graph agree with torch.

Every model's export.py writes through this module (docs/models.md: the file format). Torch and onnx are imported in the
functions that use them, because the import of published weights needs neither.
"""

from __future__ import annotations

import hashlib
import json
import logging
import tempfile
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnxruntime

from daemon.models import golden
from daemon.models.parse import parse, parse_inputs
from daemon.models.sidecar import FORMAT

from . import files

if TYPE_CHECKING:
    import onnx
    from torch import nn

OPSET, IR = 20, 10
GOLDEN_SEED, GOLDEN_ROWS = 1, 2

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True, slots=True)
class Golden:
    """The golden input, made by `golden_feeds`, and torch's outputs for that input.

    `shown`: names of the outputs that the sidecar keeps, None for all; `tolerance`: largest difference on the machine
    that verifies the model.
    """

    feeds: Arrays
    expected: Arrays
    tolerance: float
    shown: Sequence[str] | None = None


def golden_feeds(inputs: dict[str, dict], rows: int = GOLDEN_ROWS) -> Arrays:
    """The golden input for the sidecar's `inputs`, as `jamd models` generates it."""
    return golden.golden_feeds(parse_inputs(Path("inputs"), inputs), GOLDEN_SEED, rows)


def to_graph(module: nn.Module, feeds: Arrays, outputs: Sequence[str], rows: Sequence) -> onnx.GraphProto:
    """A torch module as a graph, without the exporter's comments on modules and source files.

    `rows`: torch.export's dynamic_shapes, an entry for each argument of `module.forward`.
    """
    import onnx
    import torch

    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # it warns of packages that are not needed
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


def conditional(graph: onnx.GraphProto, name: str, condition: str) -> onnx.NodeProto:
    """A node that computes `graph` if the bool tensor `condition` is true, and else returns tensors without rows."""
    from onnx import compose, helper

    inner = compose.add_prefix_graph(graph, f"{name}/", rename_inputs=False)
    then = helper.make_graph(inner.node, name, [], inner.output, inner.initializer)
    constants, types = [], []
    for output in graph.output:
        tensor_type = output.type.tensor_type
        dtype, shape = tensor_type.elem_type, [0, *(axis.dim_value for axis in tensor_type.shape.dim[1:])]
        empty = helper.make_tensor("nothing", dtype, shape, [])
        constants.append(helper.make_node("Constant", [], [f"{name}/no/{output.name}"], value=empty))
        types.append(helper.make_tensor_value_info(f"{name}/no/{output.name}", dtype, shape))
    otherwise = helper.make_graph(constants, f"no {name}", [], types)
    outputs = [output.name for output in graph.output]
    return helper.make_node("If", [condition], outputs, name, then_branch=then, else_branch=otherwise)


def to_model(graph: onnx.GraphProto) -> onnx.ModelProto:
    """A graph as a model of its own, checked by onnx."""
    import onnx
    from onnx import helper

    opset = helper.make_opsetid("", OPSET)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=IR, producer_name="jamd")
    onnx.checker.check_model(model, full_check=True)
    return model


def signature(arrays: Arrays) -> dict[str, dict]:
    """Type and shape by name; the first axis, if there is one, is the batch."""
    return {k: {"dtype": str(a.dtype), "shape": ["batch", *a.shape[1:]] if a.ndim else []} for k, a in arrays.items()}


def compare(draft: Path, feeds: Arrays, expected: Arrays, **tolerance: float) -> Arrays:
    """The outputs of the file, by name. Raises AssertionError if an output differs from the expected one."""
    session = onnxruntime.InferenceSession(draft, providers=["CPUExecutionProvider"])
    outputs = dict(zip(expected, session.run(list(expected), feeds), strict=True))
    for name, value in outputs.items():
        np.testing.assert_allclose(value, expected[name], **tolerance, err_msg=name)
    return outputs


def versions() -> dict[str, str]:
    """Versions of the installed packages among those that write and check the file."""
    installed = {found.name for found in metadata.distributions()}
    return {name: metadata.version(name) for name in ("torch", "onnx", "onnxruntime") if name in installed}


def write(
    path: Path, model: onnx.ModelProto | bytes, run: Golden, about: dict,
    quantise: Callable[[Path], None] | None = None,
) -> dict:  # fmt: skip
    """Compare the outputs for the golden input with torch's, then write both files. Returns the sidecar.

    `about`: the other keys of the sidecar: `engine`, `interface`, `encoding`, `inputs`, `states`, `options`,
    `training`, `metrics`. `quantise` changes the file at the given path, after the unquantised outputs have agreed.
    Raises AssertionError if outputs differ, ModelError for a sidecar that the daemon would refuse, BadFile.
    """
    with files.draft_folder(path) as folder:
        draft = folder / path.name
        draft.write_bytes(model if isinstance(model, bytes) else model.SerializeToString())
        outputs = compare(draft, run.feeds, run.expected, rtol=1e-3, atol=1e-4)
        if quantise:
            quantise(draft)
            outputs = compare(draft, run.feeds, outputs, rtol=0, atol=0.1)
        shown = run.shown or list(outputs)
        sidecar = {
            "format": FORMAT,
            **about,
            "outputs": signature(outputs),
            "sha256": hashlib.sha256(draft.read_bytes()).hexdigest(),
            "versions": versions(),
            "golden": {
                "seed": GOLDEN_SEED,
                "rows": GOLDEN_ROWS,
                "tolerance": run.tolerance,
                "outputs": {name: np.round(outputs[name].astype(float), 5).tolist() for name in shown},
            },
        }
        text = json.dumps(sidecar, indent=1) + "\n"
        parse(path.with_suffix(".json"), json.loads(text))
        files.write_all({path: draft.read_bytes(), path.with_suffix(".json"): text.encode()})
    return sidecar

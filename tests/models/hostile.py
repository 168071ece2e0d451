"""Models that are valid ONNX files and do harm: they read other files, unfold to 4 GB, or never end."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from export_tools.drums.onnx_bytes import FLOAT, INT64, OPSET, field, to_bytes

HUGE = np.array([1 << 30])  # floats: 4 GB
UNFOLD = {  # by name: nodes that make 4 GB of "x" (float32, [1]) or of nothing, and return a float32, [1], as "y"
    "constant_of_shape": [("ConstantOfShape", ["size"], ["big"], {})],
    "expand": [("Expand", ["x", "size"], ["big"], {})],
    "tile": [("Tile", ["x", "size"], ["big"], {})],
}
EXTERNAL = field(13, field(1, "location") + field(2, "elsewhere")) + field(14, 1)  # of a tensor
TENSOR = field(1, 3) + field(2, FLOAT) + field(8, "weights")  # (3,), without its data
_SINGLE = {"dtype": "float32", "shape": [1]}


def write(folder: Path, data: bytes, engine: str = "theremin", **sidecar: Any) -> Path:
    """A model with one input, x, and one output, y."""
    path = folder / "hostile.onnx"
    path.write_bytes(data)
    content: dict[str, Any] = {
        "format": 2,
        "engine": engine,
        "interface": "step",
        "encoding": "jamd",
        "inputs": {"x": {**_SINGLE, "range": [0, 1]}},
        "outputs": {"y": _SINGLE},
        "states": [],
        "sha256": hashlib.sha256(data).hexdigest(),
        "golden": {"seed": 1, "rows": 1, "tolerance": 1e-5, "outputs": {"y": [0.0]}},
    }
    path.with_suffix(".json").write_text(json.dumps(content | sidecar))
    return path


def graph(nodes: bytes = b"", rest: bytes = b"") -> bytes:
    """A graph from x to y, of encoded nodes and other fields."""
    single = field(2, field(1, field(1, FLOAT) + field(2, field(1, field(1, 1)))))
    return nodes + field(2, "graph") + rest + field(11, field(1, "x") + single) + field(12, field(1, "y") + single)


def node(kind: str, inputs: list[str], outputs: list[str], *attributes: bytes) -> bytes:
    names = b"".join(field(1, name) for name in inputs) + b"".join(field(2, name) for name in outputs)
    return field(1, names + field(4, kind) + b"".join(field(5, attribute) for attribute in attributes))


def model(graph: bytes, rest: bytes = b"") -> bytes:
    return field(1, 10) + field(7, graph) + field(8, field(2, OPSET)) + rest


def unfolding(how: str) -> bytes:
    nodes = [*UNFOLD[how], ("ReduceSum", ["big"], ["sum"], {"keepdims": 0}), ("Add", ["sum", "x"], ["y"], {})]
    return to_bytes("bomb", nodes, {"size": HUGE}, {"x": (FLOAT, [1])}, {"y": (FLOAT, [1])})


def endless() -> bytes:
    """A loop whose condition is always true."""
    boolean = field(2, field(1, field(1, 9) + field(2, b"")))
    whole = field(2, field(1, field(1, INT64) + field(2, b"")))
    single = field(2, field(1, field(1, FLOAT) + field(2, field(1, field(1, 1)))))
    body = (
        node("Identity", ["on"], ["still on"])
        + node("Sqrt", ["value"], ["value next"])
        + field(2, "body")
        + field(11, field(1, "turn") + whole)
        + field(11, field(1, "on") + boolean)
        + field(11, field(1, "value") + single)
        + field(12, field(1, "still on") + boolean)
        + field(12, field(1, "value next") + single)
    )
    attribute = field(1, "body") + field(6, body) + field(20, 5)
    yes = field(5, field(2, 9) + field(8, "yes") + field(9, b"\x01"))
    return model(graph(node("Loop", ["", "yes", "x"], ["y"], attribute), yes))

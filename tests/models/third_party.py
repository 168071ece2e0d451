"""A recurrent model that no code of jamd knows, with its sidecar."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from export_tools.drums.onnx_bytes import FLOAT, INT64, to_bytes

TABLE = np.arange(12, dtype=np.float32).reshape(4, 3) / 10
MIX = np.array([[1, -1, 2], [0.5, 0, 3]], dtype=np.float32)
SEED, ROWS = 7, 3


def golden() -> dict[str, Any]:
    """The golden input and the outputs for it, as docs/models.md describes them."""
    rng = np.random.default_rng(SEED)
    note = rng.integers(0, 4, (ROWS,))
    pair = rng.integers(0, [2, 5], (ROWS, 2)) + np.array([1, -3])
    level = rng.uniform(0.5, 2, (ROWS, 3)).astype(np.float32)
    gate = np.tile(np.float32([0, 1, 1]), (ROWS, 1))
    total = TABLE[note] + pair @ MIX + 0.25
    return {"level_next": level + total * gate, "total": total}


def write(folder: Path) -> Path:
    nodes = [
        ("Gather", ["table", "note"], ["by_note"], {}),
        ("Cast", ["pair"], ["real_pair"], {"to": FLOAT}),
        ("MatMul", ["real_pair", "mix"], ["by_pair"], {}),
        ("Add", ["by_note", "by_pair"], ["both"], {}),
        ("Add", ["both", "offset"], ["total"], {}),
        ("Mul", ["total", "gate"], ["gated"], {}),
        ("Add", ["level", "gated"], ["level_next"], {}),
    ]
    inputs: dict[str, Any] = {
        "note": {"dtype": "int64", "shape": ["batch"], "values": 4},
        "pair": {"dtype": "int64", "shape": ["batch", 2], "values": [[1, 2], [-3, 5]]},
        "level": {"dtype": "float32", "shape": ["batch", 3], "range": [0.5, 2]},
        "gate": {"dtype": "float32", "shape": ["batch", 3], "ones_from": 1},
        "offset": {"dtype": "float32", "shape": [], "constant": 0.25},
    }
    outputs = {name: {"dtype": "float32", "shape": ["batch", 3]} for name in ("total", "level_next")}
    types = {"int64": INT64, "float32": FLOAT}
    given, made = (
        {name: (types[spec["dtype"]], spec["shape"]) for name, spec in specs.items()} for specs in (inputs, outputs)
    )
    model = to_bytes("third", nodes, {"table": TABLE, "mix": MIX}, given, made)
    sidecar = {
        "format": 2,
        "engine": "theremin",
        "interface": "step",
        "encoding": "hands in the air",
        "inputs": inputs,
        "outputs": outputs,
        "states": ["level"],
        "sha256": hashlib.sha256(model).hexdigest(),
        "golden": {
            "seed": SEED,
            "rows": ROWS,
            "tolerance": 1e-5,
            "outputs": {name: values.tolist() for name, values in golden().items()},
        },
    }
    path = folder / "theremin.onnx"
    path.write_bytes(model)
    path.with_suffix(".json").write_text(json.dumps(sidecar))
    return path

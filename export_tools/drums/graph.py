"""The RNN drummer as an ONNX graph, from weights in the published layout (Hollemans 2017).

Wx (17 notes + classes + 200 hidden + 1 bias, 800): weights of the gates, in blocks f, i, o, g of 200.
Wy (200 hidden + 1 bias, 17 + classes): weights of the logits.
"""

from __future__ import annotations

import numpy as np

from daemon.encodings.drums.hits import COUNT, TICKS
from daemon.engines.drums.interface import INTERFACE
from export_tools.common.artifact import Arrays, Golden, golden_feeds

from .onnx_bytes import FLOAT, INT64, Node, to_bytes

HIDDEN = 200


def inputs(classes: int) -> dict[str, dict]:
    """The inputs in the sidecar: type, shape and range of the golden value, by name."""
    state = {"dtype": "float32", "shape": ["batch", HIDDEN], "range": [-1, 1]}
    number = {"dtype": "int64", "shape": ["batch"]}
    return {"note": {**number, "values": COUNT}, "tick": {**number, "values": classes}, "h": state, "c": state}


def reference(wx: np.ndarray, wy: np.ndarray, feeds: Arrays) -> Arrays:
    """The outputs of one step, computed with numpy."""
    classes = len(wx) - COUNT - HIDDEN - 1
    x = np.concatenate([np.eye(COUNT)[feeds["note"]], np.eye(classes)[feeds["tick"]], feeds["h"]], axis=1)
    f, i, o, g = np.split(x @ wx[:-1] + wx[-1], 4, axis=1)
    c = feeds["c"] / (1 + np.exp(-f)) + np.tanh(g) / (1 + np.exp(-i))
    h = np.tanh(c) / (1 + np.exp(-o))
    note, tick = np.split(h @ wy[:-1] + wy[-1], [COUNT], axis=1)
    note, tick = (half - np.log(np.exp(half).sum(axis=1, keepdims=True)) for half in (note, tick))
    return {"note_log_probs": note, "tick_log_probs": tick, "h_next": h, "c_next": c}


def graph(wx: np.ndarray, wy: np.ndarray) -> bytes:
    """One step: note (batch,), tick class (batch,), h and c (batch, 200) → log probabilities, h and c."""
    classes = len(wx) - COUNT - HIDDEN - 1
    notes, ticks, hidden, bias = np.split(wx, np.cumsum([COUNT, classes, HIDDEN]))
    constants = {"notes": notes + bias, "ticks": ticks, "hidden": hidden, "wy": wy[:-1], "by": wy[-1]}
    constants["halves"] = np.array([COUNT, classes])
    nodes: list[Node] = [
        ("Gather", ["notes", "note"], ["by_note"], {}),
        ("Gather", ["ticks", "tick"], ["by_tick"], {}),
        ("Add", ["by_note", "by_tick"], ["by_input"], {}),
        ("MatMul", ["h", "hidden"], ["by_hidden"], {}),
        ("Add", ["by_input", "by_hidden"], ["gates"], {}),
        ("Split", ["gates"], ["f", "i", "o", "g"], {"axis": 1, "num_outputs": 4}),
        ("Sigmoid", ["f"], ["keep"], {}),
        ("Sigmoid", ["i"], ["write"], {}),
        ("Sigmoid", ["o"], ["show"], {}),
        ("Tanh", ["g"], ["candidate"], {}),
        ("Mul", ["keep", "c"], ["kept"], {}),
        ("Mul", ["write", "candidate"], ["written"], {}),
        ("Add", ["kept", "written"], ["c_next"], {}),
        ("Tanh", ["c_next"], ["content"], {}),
        ("Mul", ["show", "content"], ["h_next"], {}),
        ("MatMul", ["h_next", "wy"], ["by_shown"], {}),
        ("Add", ["by_shown", "by"], ["logits"], {}),
        ("Split", ["logits", "halves"], ["note_logits", "tick_logits"], {"axis": 1}),
        ("LogSoftmax", ["note_logits"], ["note_log_probs"], {"axis": 1}),
        ("LogSoftmax", ["tick_logits"], ["tick_log_probs"], {"axis": 1}),
    ]
    types = {"int64": INT64, "float32": FLOAT}
    given = {name: (types[spec["dtype"]], spec["shape"]) for name, spec in inputs(classes).items()}
    sizes = {"note_log_probs": COUNT, "tick_log_probs": classes, "h_next": HIDDEN, "c_next": HIDDEN}
    made = {name: (FLOAT, ["batch", size]) for name, size in sizes.items()}
    return to_bytes("rnn_drummer", nodes, constants, given, made)


def artifact_parts(wx: np.ndarray, wy: np.ndarray, ticks: list[int]) -> tuple[bytes, Golden, dict]:
    """The graph, its golden input and output, and the other keys of the sidecar."""
    about = {
        "engine": "drums",
        "interface": INTERFACE,
        "encoding": "rnn-drummer",
        "steps_per_beat": TICKS,
        "inputs": inputs(len(ticks)),
        "states": ["h", "c"],
        "options": {"ticks": [int(tick) for tick in ticks]},
    }
    feeds = golden_feeds(inputs(len(ticks)))
    golden = Golden(feeds, reference(wx, wy, feeds), tolerance=2e-3)
    return graph(wx, wy), golden, about

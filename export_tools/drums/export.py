"""Write a trained drum model as NAME.onnx and NAME.json, once the graph agrees with torch.

    python -m export_tools.drums.export RUN_FOLDER/best.pt models/drums.onnx GROOVE_FOLDER

For the sidecar, the file is measured on the validation split of the Groove MIDI Dataset, the baseline on the training
split as well. The graph of the encoding `metric` holds two functions, those of fused.py: the input `function` selects
the one that is run, 0 = advance (the net's `recur` and `where`), 1 = when, 2 = both. The outputs of a function that is
not run have no rows. The input `wishes` is the conditioning; its name is that of the shipped files.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import helper
from torch import Tensor

from daemon.encodings.drums.hits import COUNT
from daemon.encodings.drums.metric import AHEAD, ANCHORS, CHANNELS, FEATURES, PLACES
from daemon.engines.drums.interface import INTERFACE
from export_tools.common import artifact, checkpoint, command
from export_tools.common.artifact import Golden, conditional, golden_feeds, to_graph, to_model
from export_tools.common.files import draft_folder

from . import evaluate
from .fused import FusedAdvance, FusedWhen
from .graph import artifact_parts
from .grooves import midi_files
from .model import MetricNet, MetricShape
from .rnn_drummer import RnnDrummerNet

MUSIC = {  # by encoding
    "metric": "drum kit by ten drummers, mostly in 4/4: rock, funk, jazz, latin and other styles",
    "rnn-drummer": "drum kit by ten drummers: a baseline, the configuration of the RNN drummer",
}
DATA = "Groove MIDI Dataset 1.0.0 (Gillick, Roberts, Engel, Eck and Bamman, 'Learning to Groove', 2019; Google)"
LICENCE = "CC BY 4.0"
GOLDEN_SHOWN = ("h_next", "summary", "joint", "offsets", "velocities")


# The net, the inputs and the outputs of each function; the position in the table is the number of the function.
FUNCTIONS = {
    "advance": (FusedAdvance, ("x", "h", "c", "wishes", "window", "places"), ("h_next", "c_next", "summary", "joint")),
    "when": (FusedWhen, ("seen", "which", "anchors"), ("offsets", "velocities")),
}


def inputs(shape: MetricShape) -> dict[str, dict]:
    """The inputs in the sidecar: type, shape and range of the golden value, by name."""

    def real(*shape: int) -> dict:
        return {"dtype": "float32", "shape": ["batch", *shape], "range": [-1, 1]}

    return {
        "function": {"dtype": "int64", "shape": [], "constant": len(FUNCTIONS)},
        "x": real(FEATURES),
        "h": real(shape.hidden),
        "c": real(shape.hidden),
        "wishes": real(shape.conditioning),
        "window": real(AHEAD, COUNT * CHANNELS),
        "places": {"dtype": "int64", "shape": ["batch", AHEAD], "values": PLACES},
        "seen": real(shape.head),
        "which": {"dtype": "int64", "shape": ["batch"], "values": AHEAD * COUNT},
        "anchors": real(ANCHORS),
    }


def assemble(model: MetricNet, feeds: dict[str, np.ndarray]) -> onnx.ModelProto:
    """The graph of all functions."""
    batch = {0: torch.export.Dim("batch")}
    nodes, graph_inputs, graph_outputs = [], [helper.make_tensor_value_info("function", onnx.TensorProto.INT64, [])], []
    nodes.append(helper.make_node("Constant", [], ["all"], value_int=len(FUNCTIONS)))
    nodes.append(helper.make_node("Equal", ["function", "all"], ["run all"]))
    for number, (name, (net, input_names, output_names)) in enumerate(FUNCTIONS.items()):
        graph = to_graph(net(model), {key: feeds[key] for key in input_names}, output_names, [batch] * len(input_names))
        nodes.append(helper.make_node("Constant", [], [f"number of {name}"], value_int=number))
        nodes.append(helper.make_node("Equal", ["function", f"number of {name}"], [f"asked for {name}"]))
        nodes.append(helper.make_node("Or", ["run all", f"asked for {name}"], [f"run {name}"]))
        nodes.append(conditional(graph, name, f"run {name}"))
        graph_inputs += graph.input
        graph_outputs += graph.output
    return to_model(helper.make_graph(nodes, "drummer", graph_inputs, graph_outputs))


def write_metric(model: MetricNet, path: Path, card: dict, ticks: list[int], styles: list[str]) -> dict:
    """Write a model of the encoding `metric`. Returns the sidecar."""
    model.eval()
    about = {
        "engine": "drums",
        "interface": INTERFACE,
        "encoding": "metric",
        "steps_per_beat": 480,
        "inputs": inputs(model.shape),
        "states": ["h", "c"],
        "options": {"ticks": ticks, "styles": styles},
        **card,
    }
    feeds = golden_feeds(inputs(model.shape))
    with torch.no_grad():
        outputs = step(model, {name: torch.from_numpy(feed) for name, feed in feeds.items()})
    expected = {name: outputs[name].numpy() for _, _, output_names in FUNCTIONS.values() for name in output_names}
    golden = Golden(feeds, expected, tolerance=2e-3, shown=GOLDEN_SHOWN)
    return artifact.write(path, assemble(model, feeds), golden, about)


def write_rnn(model: RnnDrummerNet, path: Path, card: dict, ticks: list[int]) -> dict:
    """Write the baseline, with the graph of imported weights. Returns the sidecar."""
    graph, golden, about = artifact_parts(*model.layout(), ticks)
    with torch.no_grad():
        outputs = step(model, {name: torch.from_numpy(feed) for name, feed in golden.feeds.items()})
    for name, output in outputs.items():
        np.testing.assert_allclose(output.numpy(), golden.expected[name], rtol=1e-3, atol=1e-4, err_msg=name)
    return artifact.write(path, graph, golden, about | card)


def restored(saved: dict) -> MetricNet | RnnDrummerNet:
    """The net of a checkpoint of train.py."""
    if saved["encoding"] == "metric":
        model: MetricNet | RnnDrummerNet = MetricNet(MetricShape(conditioning=len(saved["styles"]) + 6))
    else:
        model = RnnDrummerNet(len(saved["ticks"]))
    model.load_state_dict(saved["weights"])
    return model


def step(model: MetricNet | RnnDrummerNet, feeds: dict[str, Tensor]) -> dict[str, Tensor]:
    """The outputs of the graph by name, computed by torch: of all functions of MetricNet, or of the baseline."""
    if isinstance(model, RnnDrummerNet):
        note, tick, (h, c) = model(feeds["note"][:, None], feeds["tick"][:, None], (feeds["h"][None], feeds["c"][None]))
        return {"note_log_probs": note[:, 0], "tick_log_probs": tick[:, 0], "h_next": h[0], "c_next": c[0]}
    context, (h, c) = model.recur(feeds["x"][:, None], (feeds["h"][None], feeds["c"][None]))
    view, joint = model.where(context[:, 0], *(feeds[name] for name in ("wishes", "window", "places")))
    offsets, velocities = model.when(*(feeds[name] for name in FUNCTIONS["when"][1]))
    return {
        "h_next": h[0],
        "c_next": c[0],
        "summary": model.head_view(view),
        "joint": joint.flatten(1),
        "offsets": offsets,
        "velocities": velocities,
    }


def metrics(path: Path, folder: Path, saved: dict) -> dict:
    """The figures of evaluate.py for the model at `path`; `folder` holds the Groove MIDI Dataset."""
    measured = evaluate.evaluate(evaluate.open_model(path), midi_files(folder, "validation"))
    figures = {name: measured[name] for name in ("nats_per_hit", "accuracy", "hits", "files")}
    figures |= {"split": "validation, of Groove's own", "definition": "export_tools/drums/evaluate.py"}
    if saved["encoding"] == "rnn-drummer":
        trained_on = evaluate.evaluate(evaluate.open_model(path), midi_files(folder, "train"))
        return figures | {
            "training_accuracy": trained_on["accuracy"],
            "training_nats_per_hit": trained_on["nats_per_hit"],
        }
    exact = saved["validation"]
    return figures | {"nats_of_exact_tick": round(exact["nats"], 4), "nats_of_velocity": round(exact["velocity"], 4)}


def main() -> None:
    parser = command.parser(__doc__)
    parser.add_argument("checkpoint", type=Path, help="best.pt of train.py")
    parser.add_argument("model", type=Path, help="NAME.onnx; NAME.json goes beside it")
    parser.add_argument("folder", type=Path, metavar="GROOVE_FOLDER")
    args = parser.parse_args()
    saved = checkpoint.load(args.checkpoint)
    with checkpoint.fitting(args.checkpoint):
        model = restored(saved)
        training = {"music": MUSIC[saved["encoding"]], "data": DATA, "licence": LICENCE, **saved["training"]}

    def write(path: Path, figures: dict) -> None:
        card = {"training": training, "metrics": figures}
        if isinstance(model, MetricNet):
            write_metric(model, path, card, saved["ticks"], saved["styles"])
        else:
            write_rnn(model, path, card, saved["ticks"])

    with draft_folder(args.model) as folder:
        draft = folder / args.model.name
        write(draft, {})
        figures = metrics(draft, args.folder, saved)
    write(args.model, figures)
    print(f"{args.model}: {args.model.stat().st_size / 1e6:.1f} MB, {json.dumps(figures)}")


if __name__ == "__main__":
    sys.exit(command.exit_code(main))

"""Write a trained harmoniser as NAME.onnx and NAME.json, if the outputs of the graph agree with torch.

    python -m export_tools.harmoniser.export RUN_FOLDER/best.pt models/bachbot.onnx

Both functions are in one graph, each in a branch of its own `If`, because ONNX Runtime cannot leave out the nodes of
outputs that are not requested: the input `function` selects which is run, 0 = advance, 1 = head, 2 = both. Outputs of a
function that is not run have no rows, and the inputs of that function may be anything of the right type.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import helper
from onnxruntime.quantization import QuantType, quantize_dynamic
from torch import nn

from daemon.encodings.chorale import COMING, DISTANCE_UNKNOWN, KEYS, STEPS_PER_BAR, STEPS_PER_BEAT, VOICES
from daemon.engines.harmoniser.model import ADVANCE, HEAD, INTERFACE
from export_tools.common import artifact, checkpoint, command
from export_tools.common.artifact import Golden, conditional, golden_feeds, to_graph, to_model

from .features import INPUT_SYMBOLS
from .model import BESIDES, HINTS, HarmoniserNet, HarmoniserShape

ENCODING = "chorale"
MUSIC = "chorales by Bach: four parts to hymns, folk songs and other singable tunes"
DATA = "music21's corpus of Bach chorales"
LICENCE = "music in the public domain, encodings distributed with permission"
BOTH = 2  # the value of the input `function` that runs ADVANCE and HEAD
GOLDEN_OUTPUTS = ("context", "logits", "tie")
FRAME = ("frame", "held", "position")
HEAD_INPUTS = ("context_in", "previous", "known", "voice")
VALUES = {  # number of values of each integer input
    "frame": INPUT_SYMBOLS, "held": 2, "position": STEPS_PER_BAR, "fermata": 3, "previous": INPUT_SYMBOLS,
    "known": INPUT_SYMBOLS, "voice": len(VOICES), "home": KEYS + 1, "ends": DISTANCE_UNKNOWN + 1,
    "coming": INPUT_SYMBOLS, "coming_in": DISTANCE_UNKNOWN + 1,
}  # fmt: skip


class Advance(nn.Module):
    """`HarmoniserNet.advance` with flat inputs and outputs."""

    def __init__(self, model: HarmoniserNet):
        super().__init__()
        self.model = model

    def forward(self, frame, held, position, *others):
        hints = dict(zip(HINTS, others, strict=False))
        present = dict(zip(self.model.states(), others[len(HINTS) :], strict=True))
        context, following = self.model.advance(frame, held, position, hints, present)
        return (context, *(following[name] for name in present))


class Head(nn.Module):
    """`HarmoniserNet.head`, with log probabilities in place of logits."""

    def __init__(self, model: HarmoniserNet):
        super().__init__()
        self.model = model

    def forward(self, context_in, previous, known, voice):
        logits, tie = self.model.head(context_in, previous, known, voice)
        return logits.log_softmax(1), tie


def function_graph(
    module: nn.Module, feeds: dict[str, np.ndarray], outputs: list[str], arguments: int
) -> onnx.GraphProto:
    """One function as a graph of its own; its first inputs are `arguments`, the others one list."""
    batch = {0: torch.export.Dim("batch")}
    rows: list = [batch] * arguments
    if len(feeds) > arguments:
        rows.append((batch,) * (len(feeds) - arguments))
    return to_graph(module, feeds, outputs, rows)


def assemble(model: HarmoniserNet, feeds: dict[str, np.ndarray]) -> onnx.ModelProto:
    """Both functions in one graph."""
    states = list(model.states())
    advance_feeds = {k: feeds[k] for k in (*FRAME, *HINTS, *states)}
    head_feeds = {k: feeds[k] for k in HEAD_INPUTS}
    advance = function_graph(
        Advance(model), advance_feeds, ["context", *(f"{name}_next" for name in states)], len(FRAME)
    )
    head = function_graph(Head(model), head_feeds, ["logits", "tie"], len(HEAD_INPUTS))
    nodes = []
    for graph, name, other in ((advance, "advance", HEAD), (head, "head", ADVANCE)):
        nodes.append(helper.make_node("Constant", [], [f"not {name}"], value_int=other))
        nodes.append(helper.make_node("Equal", ["function", f"not {name}"], [f"skip {name}"]))
        nodes.append(helper.make_node("Not", [f"skip {name}"], [f"run {name}"]))
        nodes.append(conditional(graph, name, f"run {name}"))
    function = helper.make_tensor_value_info("function", onnx.TensorProto.INT64, [])
    inputs, outputs = [function, *advance.input, *head.input], [*advance.output, *head.output]
    return to_model(helper.make_graph(nodes, "harmoniser", inputs, outputs))


def quantise(draft: Path) -> None:
    """Store the LSTM's weights as integers (7 bits, so that no CPU saturates): reading them takes most of its time."""
    branches = [attribute.g for node in onnx.load(draft).graph.node for attribute in node.attribute]
    advance = next(graph for graph in branches if graph.name == "advance")
    constants = {tensor.name for tensor in advance.initializer if not tensor.name.endswith("profiles")}
    products = [node for node in advance.node if node.op_type in ("MatMul", "Gemm") and node.input[1] in constants]
    quantize_dynamic(
        draft,
        draft,
        nodes_to_quantize=[node.name + "_MatMul" * (node.op_type == "Gemm") for node in products],
        op_types_to_quantize=["MatMul"],
        weight_type=QuantType.QInt8,
        per_channel=True,
        reduce_range=True,
        extra_options={"EnableSubgraph": True, "MatMulConstBOnly": True},
    )


def inputs_of(model: HarmoniserNet) -> dict[str, dict]:
    """The sidecar's `inputs`: type, shape and golden value by name. In the golden input, the oldest quarter of the
    memory is empty."""

    def integer(name: str, *shape: int) -> dict:
        return {"dtype": "int64", "shape": ["batch", *shape], "values": VALUES[name]}

    def real(*shape: int) -> dict:
        return {"dtype": "float32", "shape": ["batch", *shape], "range": [-1, 1]}

    states = {name: real(*shape) for name, shape in model.states().items()}
    memory = states["filled"]["shape"][-1]
    states["filled"] = {"dtype": "float32", "shape": ["batch", memory], "ones_from": memory // 4}
    return {
        "function": {"dtype": "int64", "shape": [], "constant": BOTH},
        "frame": integer("frame", 4),
        "held": integer("held", 4),
        "position": integer("position"),
        "fermata": integer("fermata"),
        "home": integer("home"),
        "ends": integer("ends", 2),
        "coming": integer("coming", COMING),
        "coming_in": integer("coming_in", COMING),
        **states,
        "context_in": real(model.shape.head + BESIDES),
        "previous": integer("previous", 4),
        "known": integer("known", 4),
        "voice": integer("voice"),
    }


def write(model: HarmoniserNet, path: Path, card: dict, int8: bool = True) -> dict:
    """Export, compare the outputs for the golden input with torch's, then write both files. Returns the sidecar.

    `card`: `training` and `metrics` of the sidecar. `int8`: quantise the LSTM. Its inputs then have one scale for all
    rows of a batch, so that rows are no longer quite independent of each other.
    """
    model.eval()
    model.fuse()
    inputs = inputs_of(model)
    feeds = golden_feeds(inputs)
    tensors = {k: torch.from_numpy(v) for k, v in feeds.items()}
    with torch.no_grad():
        context, following = model.advance(
            *(tensors[k] for k in FRAME), {k: tensors[k] for k in HINTS}, {k: tensors[k] for k in model.states()}
        )
        logits, tie = Head(model)(*(tensors[k] for k in HEAD_INPUTS))
        graph = assemble(model, feeds)
    expected = {"context": context, **{f"{k}_next": v for k, v in following.items()}, "logits": logits, "tie": tie}
    golden = Golden(feeds, {k: t.numpy() for k, t in expected.items()}, 2e-2 if int8 else 2e-3, GOLDEN_OUTPUTS)
    about = {"engine": "harmoniser", "interface": INTERFACE, "encoding": ENCODING, "steps_per_beat": STEPS_PER_BEAT}
    about |= {"inputs": inputs, "states": list(model.states()), **card}
    return artifact.write(path, graph, golden, about, quantise if int8 else None)


def main() -> None:
    parser = command.parser(__doc__)
    parser.add_argument("checkpoint", type=Path, help="best.pt of train.py")
    parser.add_argument("model", type=Path, help="NAME.onnx; NAME.json goes beside it")
    parser.add_argument("--history", default="", help="for the sidecar: how the first weights of this run were trained")
    args = parser.parse_args()
    saved = checkpoint.load(args.checkpoint)
    with checkpoint.fitting(args.checkpoint):
        model = HarmoniserNet(HarmoniserShape(**saved["shape"]))
        model.load_state_dict(saved["weights"])
        training = {"music": MUSIC, "data": DATA, "licence": LICENCE, **saved["training"]} | (
            {"history": args.history} if args.history else {}
        )
        metrics = {"nll_per_note": round(saved["validation"]["nats"], 4), **saved["metrics"]}
    card = {"training": training, "metrics": metrics}
    sidecar = write(model, args.model, card)
    print(f"{args.model}: {args.model.stat().st_size / 1e6:.1f} MB, {json.dumps(sidecar['metrics'])}")


if __name__ == "__main__":
    sys.exit(command.exit_code(main))

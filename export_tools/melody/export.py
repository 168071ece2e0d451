"""Write a trained melody net as NAME.onnx and NAME.json, if the graph agrees with torch.

python -m export_tools.melody.export RUN_FOLDER/best.pt models/melody.onnx --tunes DIR --files tunes.valid.txt
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn

from daemon.encodings.melody import jamd
from daemon.engines.melody.model import INTERFACE
from export_tools.common import artifact, checkpoint, command
from export_tools.common.artifact import Golden, golden_feeds, to_graph, to_model
from export_tools.common.files import draft_folder

from .evaluate import collect, evaluate, open_model
from .model import JamdNet, MagentaNet, MelodyShape, build

DEFINITION = "nats per 16th, without the first of each tune; labels that decode to one event summed"
GOLDEN_VALUES = {  # of inputs that are numbers of rows or classes
    "features": {"values": [list(row) for row in zip(jamd.FEATURE_STARTS, jamd.FEATURE_SIZES, strict=True)]},
    "clues": {"values": list(jamd.CLUE_SIZES)},
}
GOLDEN_RANGE = {"range": [-1, 1]}  # of all other inputs


class Step(nn.Module):
    """`step` of a net as a module, for the export."""

    def __init__(self, model: MagentaNet | JamdNet):
        super().__init__()
        self.model = model

    def forward(self, *tensors):
        return self.model.step(*tensors)


def inputs_of(model: MagentaNet | JamdNet) -> dict[str, dict]:
    """The sidecar's `inputs`: type, shape and golden values by name."""
    tensors = {**model.inputs(), **{name: ("float32", shape) for name, shape in model.states().items()}}
    return {
        name: {"dtype": dtype, "shape": ["batch", *shape], **GOLDEN_VALUES.get(name, GOLDEN_RANGE)}
        for name, (dtype, shape) in tensors.items()
    }


def write(model: MagentaNet | JamdNet, path: Path, card: dict) -> dict:
    """Export, compare with torch on the golden input, then write both files. Returns the sidecar."""
    model.eval()
    inputs = inputs_of(model)
    outputs = ["log_probs", *(f"{name}_next" for name in model.states())]
    feeds = golden_feeds(inputs)
    batch = torch.export.Dim("batch")
    with torch.no_grad():
        results = model.step(*(torch.from_numpy(array) for array in feeds.values()))
        graph = to_graph(Step(model), feeds, outputs, [({0: batch},) * len(feeds)])
    expected = {name: np.asarray(tensor) for name, tensor in zip(outputs, results, strict=True)}
    golden = Golden(feeds, expected, 2e-3, ["log_probs"])
    sidecar = {"engine": "melody", "interface": INTERFACE, "encoding": model.shape.encoding, "steps_per_beat": 4}
    sidecar |= {"inputs": inputs, "states": list(model.states()), **card}
    return artifact.write(path, to_model(graph), golden, sidecar)


def main() -> None:
    parser = command.parser(__doc__)
    parser.add_argument("checkpoint", type=Path, help="best.pt of train.py")
    parser.add_argument("model", type=Path, help="NAME.onnx; NAME.json goes beside it")
    parser.add_argument("--tunes", type=Path, required=True, help="folder of MIDI files to measure on")
    parser.add_argument("--files", type=Path, required=True, help="list of the files to use: .valid.txt of prepare.py")
    args = parser.parse_args()
    saved = checkpoint.load(args.checkpoint)
    with checkpoint.fitting(args.checkpoint):
        model, training = build(MelodyShape(**saved["shape"])), saved["training"]
        model.load_state_dict(saved["weights"])
    tunes, files, _ = collect(args.tunes, args.files)
    with draft_folder(args.model) as folder:
        draft = folder / args.model.name
        write(model, draft, {"training": {}, "metrics": {}})
        figures = evaluate(open_model(draft), tunes)
    metrics = {**figures, "split": "valid", "files": files, "definition": DEFINITION}
    write(model, args.model, {"training": training, "metrics": metrics})
    print(f"{args.model}: {args.model.stat().st_size / 1e6:.1f} MB, {json.dumps(metrics)}")


if __name__ == "__main__":
    sys.exit(command.exit_code(main))

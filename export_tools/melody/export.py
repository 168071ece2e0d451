"""Write a trained melody net as NAME.onnx and NAME.json, after the graph agreed with torch.

python -m export_tools.melody.export RUN_FOLDER/best.pt models/melody.onnx
"""

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
import torch
from torch import nn

from daemon.encodings.melody.registry import golden_feeds
from export_tools.common import artifact
from export_tools.common.artifact import Golden, to_graph, to_model

from .evaluate import collect, evaluate, open_model
from .model import Jamd, Magenta, Shape, build

DEFINITION = "nats per 16th, without the first of each tune; labels that decode to one event summed"
SOURCE = "two rows by daemon.encodings.melody.registry.golden_feeds: numpy's default_rng(seed)"


class Step(nn.Module):
    """One 16th of a net as a module of its own."""

    def __init__(self, model: Magenta | Jamd):
        super().__init__()
        self.model = model

    def forward(self, *tensors):
        return self.model.step(*tensors)


def write(model: Magenta | Jamd, path: Path, card: dict) -> dict:
    """Export, compare with torch on the golden input, then put both files in place. Returns the sidecar."""
    model.eval()
    shapes = {**model.inputs(), **{name: ("float32", shape) for name, shape in model.states().items()}}
    inputs = {name: {"dtype": kind, "shape": ["batch", *shape]} for name, (kind, shape) in shapes.items()}
    outputs = ["log_probs", *(f"{name}_next" for name in model.states())]
    feeds = golden_feeds({"inputs": inputs, "golden": {"seed": 1}})
    batch = torch.export.Dim("batch")
    with torch.no_grad():
        answer = model.step(*(torch.from_numpy(array) for array in feeds.values()))
        graph = to_graph(Step(model), feeds, outputs, [({0: batch},) * len(feeds)])
    expected = {name: np.asarray(tensor) for name, tensor in zip(outputs, answer, strict=True)}
    golden = Golden(SOURCE, 1, feeds, expected, 2e-3, ["log_probs"])
    about = {"engine": "melody", "encoding": model.shape.encoding, "steps_per_beat": 4, "inputs": inputs}
    return artifact.write(path, to_model(graph), golden, about | {"states": list(model.states()), **card})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path, help="best.pt of train.py")
    parser.add_argument("model", type=Path, help="NAME.onnx; NAME.json goes beside it")
    parser.add_argument("--tunes", type=Path, required=True, help="folder of MIDI files to measure on")
    parser.add_argument("--files", type=Path, required=True, help="which of them: .valid.txt of prepare.py")
    args = parser.parse_args()
    saved = torch.load(args.checkpoint, weights_only=True)
    model = build(Shape(**saved["shape"]))
    model.load_state_dict(saved["weights"])
    tunes, files, _ = collect(args.tunes, args.files)
    with tempfile.TemporaryDirectory() as folder:
        draft = Path(folder) / args.model.name
        write(model, draft, {"training": {}, "metrics": {}})
        figures = evaluate(open_model(draft), tunes)
    metrics = {**figures, "split": "valid", "files": files, "definition": DEFINITION}
    write(model, args.model, {"training": saved["training"], "metrics": metrics})
    print(f"{args.model}: {args.model.stat().st_size / 1e6:.1f} MB, {json.dumps(metrics)}")


if __name__ == "__main__":
    main()

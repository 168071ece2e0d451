"""Write a trained harmoniser as NAME.onnx and NAME.json, after the graph agreed with torch.

    python -m export_tools.harmoniser.export CHECKPOINT models/bachbot.onnx

Both functions are in one graph: a caller asks for the outputs of one (RunOptions.only_execute_path_to_fetches) and feeds
anything of the right type to the inputs of the other.
"""

import argparse
import hashlib
import json
import logging
import os
import tempfile
import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from torch import Tensor, nn

from .model import Harmoniser, Shape

FORMAT = 1
ENCODING = "S A T B; 0..45 = MIDI 36..81, 46 = rest, 47 = before the start or unknown; one frame per 16th"
DATA = "music21's corpus of Bach chorales (music in the public domain, encodings distributed with permission)"


class Graph(nn.Module):
    """Both functions side by side, with flat inputs and outputs."""

    def __init__(self, model: Harmoniser):
        super().__init__()
        self.model = model

    def forward(self, frame, held, position, fermata, *rest):
        names = list(self.model.states())
        state, (context, previous, known, voice) = dict(zip(names, rest, strict=False)), rest[len(names) :]
        following, state = self.model.advance(frame, held, position, fermata, state)
        return (following, *(state[name] for name in names), *self.model.head(context, previous, known, voice))


def golden_feeds(model: Harmoniser, seed: int = 1, batch: int = 2) -> dict[str, np.ndarray]:
    """Feeds that a reader can make again: numpy's default_rng(seed), in the order of the inputs."""
    rng = np.random.default_rng(seed)
    feeds = {"frame": rng.integers(0, 48, (batch, 4)), "held": rng.integers(0, 2, (batch, 4))}
    feeds |= {"position": rng.integers(0, 16, batch), "fermata": rng.integers(0, 3, batch)}
    feeds |= {k: rng.uniform(-1, 1, (batch, *s)).astype(np.float32) for k, s in model.states().items()}
    feeds["filled"] = np.broadcast_to(np.arange(model.shape.memory) >= 3, feeds["filled"].shape).astype(np.float32)
    feeds["context_in"] = rng.uniform(-1, 1, (batch, model.shape.head)).astype(np.float32)
    feeds |= {"previous": rng.integers(0, 48, (batch, 4)), "known": rng.integers(0, 48, (batch, 4))}
    return feeds | {"voice": rng.integers(0, 4, batch)}


def signature(arrays: dict[str, np.ndarray]) -> dict[str, dict]:
    return {k: {"dtype": str(a.dtype), "shape": ["batch", *a.shape[1:]]} for k, a in arrays.items()}


def write(model: Harmoniser, path: Path, card: dict) -> dict:
    """Export, compare with torch on the golden input, then put both files in place; the sidecar last. Returns it."""
    model.eval()
    feeds = golden_feeds(model)
    outputs = ["context", *(f"{name}_next" for name in model.states()), "logits", "tie"]
    tensors = tuple(torch.from_numpy(a) for a in feeds.values())
    batch = torch.export.Dim("batch")
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder, torch.no_grad():
        draft = Path(folder) / path.name
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                Graph(model), tensors, draft, input_names=list(feeds), output_names=outputs, dynamo=True,
                dynamic_shapes=(*({0: batch} for _ in range(4)), tuple({0: batch} for _ in tensors[4:])),
                external_data=False, verbose=False, optimize=True,
            )  # fmt: skip
        strip(draft)
        expected: tuple[Tensor, ...] = Graph(model)(*tensors)
        golden = {k: t.numpy() for k, t in zip(outputs, expected, strict=True)}
        session = onnxruntime.InferenceSession(draft, providers=["CPUExecutionProvider"])
        for name, value in zip(outputs, session.run(outputs, feeds), strict=True):
            np.testing.assert_allclose(value, golden[name], rtol=1e-3, atol=1e-4, err_msg=name)
        sidecar = {
            "format": FORMAT,
            "engine": "harmoniser",
            "encoding": ENCODING,
            "steps_per_beat": 4,
            "inputs": signature(feeds),
            "outputs": signature(golden),
            "states": list(model.states()),
            **card,
            "sha256": hashlib.sha256(draft.read_bytes()).hexdigest(),
            "versions": {"torch": torch.__version__, "onnx": onnx.__version__, "onnxruntime": onnxruntime.__version__},
            "golden": {
                "feeds": "in the order of `inputs`, from numpy's default_rng(seed), two rows: integers uniform over the "
                "symbols (48), flags (2), positions (16), fermatas (3), voices (4); floats uniform in -1..1; `filled` is 0 "
                "for the oldest three frames, else 1",
                "seed": 1,
                "tolerance": 1e-3,
                "outputs": {k: np.round(golden[k].astype(float), 5).tolist() for k in ("context", "logits", "tie")},
            },
        }
        (Path(folder) / "sidecar").write_text(json.dumps(sidecar, indent=1) + "\n")
        os.replace(draft, path)
        os.replace(Path(folder) / "sidecar", path.with_suffix(".json"))
    return sidecar


def strip(path: Path) -> None:
    """Leave out what names the exporter's source files and modules: it is a fifth of a small model, and of no use."""
    graph = onnx.load(path)
    graph.doc_string = ""
    for node in graph.graph.node:
        node.doc_string = ""
        del node.metadata_props[:]
    for value in (*graph.graph.value_info, *graph.graph.input, *graph.graph.output, *graph.graph.initializer):
        value.doc_string = ""
        del value.metadata_props[:]
    del graph.graph.metadata_props[:]
    del graph.graph.value_info[:]
    onnx.save(graph, path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path, help="best.pt of train.py")
    parser.add_argument("model", type=Path, help="NAME.onnx; NAME.json goes beside it")
    args = parser.parse_args()
    logging.disable(logging.WARNING)
    saved = torch.load(args.checkpoint, weights_only=True)
    model = Harmoniser(Shape(**saved["shape"]))
    model.load_state_dict(saved["average"])
    card = {"training": {"data": DATA, **saved["training"]}, "metrics": saved["metrics"]}
    sidecar = write(model, args.model, card)
    print(f"{args.model}: {args.model.stat().st_size / 1e6:.1f} MB, {json.dumps(sidecar['metrics'])}")


if __name__ == "__main__":
    main()

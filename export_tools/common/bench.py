"""How long the steps of a model take, in the daemon's way of running it: percentiles, and the main of bench.py.

Prints one JSON object: microseconds, median and 99th percentile, in a tight loop and with pauses, after which caches
are cold; with a checkpoint also the graph against the same weights in eager torch, in turns in one run.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from daemon import models
from daemon.models import Artifact
from daemon.models.golden import golden_feeds

from . import command

STEPS, PAUSED = 2000, 200  # in the tight loop, and with pauses
PAUSE = 0.02  # seconds
Arrays = dict[str, np.ndarray]
Run = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Bench:
    """How the models of one engine are measured.

    `make_model`: the daemon's model of an artifact; `play(model, steps, pause)`: what the player does, in percentiles;
    `torch_step(checkpoint, feeds)`: one step of the checkpoint's net in eager torch.
    """

    engine: str
    make_model: Callable[[Artifact], Any]
    play: Callable[[Any, int, float], dict]
    torch_step: Callable[[Path, Arrays], Run]


def percentiles(seconds: list[float]) -> dict[str, float]:
    """Microseconds."""
    median, high = np.percentile(np.array(seconds) * 1e6, [50, 99])
    return {"p50": round(float(median), 1), "p99": round(float(high), 1)}


def compared(run_graph: Run, run_torch: Run) -> dict[str, object]:
    """Both steps in turns."""
    graph: list[float] = []
    torch: list[float] = []
    for _ in range(STEPS):
        for run, taken in ((run_graph, graph), (run_torch, torch)):
            began = time.perf_counter()
            run()
            taken.append(time.perf_counter() - began)
    ratio = float(np.median(torch) / np.median(graph))
    return {"graph": percentiles(graph), "torch": percentiles(torch), "torch_to_graph": round(ratio, 2)}


def eager(step: Run) -> Run:
    """A step in torch, without gradients, on one thread as in the player."""
    import torch

    torch.set_num_threads(1)
    return torch.inference_mode()(step)


def measure(bench: Bench, path: Path, checkpoint: Path | None) -> dict[str, object]:
    """The figures of a model. Raises ModelError."""
    artifact = models.load(path, bench.engine)
    model = bench.make_model(artifact)
    figures: dict[str, object] = {"tight": bench.play(model, STEPS, 0), "paused": bench.play(model, PAUSED, PAUSE)}
    if checkpoint is not None:
        feeds, names = golden_feeds(artifact.sidecar.inputs, seed=1, rows=1), list(artifact.sidecar.outputs)
        figures |= compared(lambda: artifact.session.run(names, feeds), bench.torch_step(checkpoint, feeds))
    return figures


def main(description: str | None, bench: Bench, arguments: list[str] | None) -> int:
    """The main of a bench.py."""
    parser = command.parser(description)
    parser.add_argument("--model", type=Path, required=True, metavar="NAME.onnx")
    parser.add_argument("--checkpoint", type=Path, metavar="best.pt")
    args = parser.parse_args(arguments)

    def run() -> int:
        print(json.dumps(measure(bench, args.model, args.checkpoint)))
        return 0

    return command.exit_code(run)

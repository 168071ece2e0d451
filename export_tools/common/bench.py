"""Durations of a model's steps, run as the daemon runs them; and the main function of each bench.py.

Prints one JSON object: microseconds, median and 99th percentile, in a tight loop and with pauses, after which caches
are cold; with a checkpoint also the graph and the same weights in eager torch, alternating in one run.
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

STEPS, PAUSED = 2000, 200  # number of steps in the tight loop, and with pauses
PAUSE = 0.02  # seconds
Arrays = dict[str, np.ndarray]
Run = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Bench:
    """How the models of one engine are measured.

    `make_model`: makes the daemon's model of an artifact; `play(model, steps, pause)`: percentiles of steps run as a
    player runs them; `torch_step(checkpoint, feeds)`: a function that runs one step of the checkpoint's net in eager
    torch.
    """

    engine: str
    make_model: Callable[[Artifact], Any]
    play: Callable[[Any, int, float], dict]
    torch_step: Callable[[Path, Arrays], Run]


def percentiles(seconds: list[float]) -> dict[str, float]:
    """Median and 99th percentile, in microseconds."""
    median, high = np.percentile(np.array(seconds) * 1e6, [50, 99])
    return {"p50": round(float(median), 1), "p99": round(float(high), 1)}


def compare(run_graph: Run, run_torch: Run) -> dict[str, object]:
    """Percentiles of a step of the graph and of torch, run alternately, and the ratio of their medians."""
    graph_seconds: list[float] = []
    torch_seconds: list[float] = []
    for _ in range(STEPS):
        for run, seconds in ((run_graph, graph_seconds), (run_torch, torch_seconds)):
            began = time.perf_counter()
            run()
            seconds.append(time.perf_counter() - began)
    ratio = round(float(np.median(torch_seconds) / np.median(graph_seconds)), 2)
    return {"graph": percentiles(graph_seconds), "torch": percentiles(torch_seconds), "torch_to_graph": ratio}


def eager(step: Run) -> Run:
    """A step in torch without gradients, on one thread, as in the player."""
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
        figures |= compare(lambda: artifact.session.run(names, feeds), bench.torch_step(checkpoint, feeds))
    return figures


def main(description: str | None, bench: Bench, arguments: list[str] | None) -> int:
    """The main function of a bench.py."""
    parser = command.parser(description)
    parser.add_argument("--model", type=Path, required=True, metavar="NAME.onnx")
    parser.add_argument("--checkpoint", type=Path, metavar="best.pt")
    args = parser.parse_args(arguments)

    def run() -> int:
        print(json.dumps(measure(bench, args.model, args.checkpoint)))
        return 0

    return command.exit_code(run)

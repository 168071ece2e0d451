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

import numpy as np

from . import command

STEPS, PAUSED = 2000, 200  # in the tight loop, and with pauses
PAUSE = 0.02  # seconds
Run = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Bench:
    """One opened model. `play(steps, pause)`: what the player does, in percentiles; `run_graph`: one step of the graph
    alone; `torch_step`: the same step of the net in a checkpoint."""

    play: Callable[[int, float], dict]
    run_graph: Run
    torch_step: Callable[[Path], Run]


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


def main(description: str | None, open_bench: Callable[[Path], Bench], arguments: list[str] | None) -> int:
    """The main of a bench.py. `open_bench` raises ModelError."""
    parser = command.parser(description)
    parser.add_argument("--model", type=Path, required=True, metavar="NAME.onnx")
    parser.add_argument("--checkpoint", type=Path, metavar="best.pt")
    args = parser.parse_args(arguments)

    def run() -> int:
        bench = open_bench(args.model)
        figures: dict[str, object] = {"tight": bench.play(STEPS, 0), "paused": bench.play(PAUSED, PAUSE)}
        if args.checkpoint is not None:
            figures |= compared(bench.run_graph, bench.torch_step(args.checkpoint))
        print(json.dumps(figures))
        return 0

    return command.exit_code(run)

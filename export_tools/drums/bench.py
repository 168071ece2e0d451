"""Computing time of one step of a drum model, run as the daemon runs it.

    python -m export_tools.drums.bench --model models/drums.onnx [--checkpoint RUN_FOLDER/best.pt]

The model plays without input, on one thread. Prints one JSON object: microseconds, median and 99th percentile, of
`draw`, which delays a hit, and of `advance`, which prepares the next hit, in a tight loop and 20 ms apart, when caches
are cold. With a checkpoint also all functions of the net, once each, against the same weights in eager torch,
alternately in this run; this needs the packages of jamd[train].
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np

from daemon.engines.drums.interface import DrawRequest, DrumsModel
from daemon.engines.drums.model import drums_model
from export_tools.common import bench as common
from export_tools.common.bench import Arrays, Bench, Run, percentiles


def play(model: DrumsModel, steps: int, pause: float) -> dict[str, dict[str, float]]:
    """Percentiles of both parts of a step, with a pause in seconds before each; the model plays without input."""
    rng = np.random.default_rng(1)
    state = model.start(1920, 0, 100.0, rng)
    drawn, advanced, request = [], [], DrawRequest(temperature=0.9, top_p=0.95)
    for _ in range(steps):
        time.sleep(pause)
        start = time.perf_counter()
        hit = model.draw(state, rng, request)
        middle = time.perf_counter()
        state = model.advance(state, hit, 100.0)
        drawn.append(middle - start)
        advanced.append(time.perf_counter() - middle)
    return {"draw": percentiles(drawn), "advance": percentiles(advanced)}


def torch_step(checkpoint: Path, feeds: Arrays) -> Run:
    """All functions of the checkpoint's net, once each, in eager torch."""
    import torch

    from export_tools.common.checkpoint import fitting, load

    from .export import restored, step

    saved = load(checkpoint)
    with fitting(checkpoint):
        net = restored(saved).eval()
    tensors = {name: torch.from_numpy(array) for name, array in feeds.items()}
    return common.eager(lambda: step(net, tensors))


def main(arguments: list[str] | None = None) -> int:
    return common.main(__doc__, Bench("drums", drums_model, play, torch_step), arguments)


if __name__ == "__main__":
    sys.exit(main())

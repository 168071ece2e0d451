"""How long one step of a drum model takes, in the daemon's way of running it.

    python -m export_tools.drums.bench --model models/drums.onnx [--checkpoint RUN_FOLDER/best.pt]

The model plays by itself, on one thread. Prints one JSON object: microseconds, median and 99th percentile, of `draw`,
what is on the way of a hit, and of `advance`, which gets ready for the next one, in a tight loop and 20 ms apart
(caches are cold then). With a checkpoint also all functions of the net, once each, against the same weights in eager
torch, in turns in this run; that needs the packages of jamd[train].
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from daemon import models
from daemon.engines.drums.model import drums_model
from daemon.engines.drums.net import DrawRequest, DrumsModel
from daemon.errors import JamdError
from daemon.models.golden import golden_feeds
from export_tools.common.stopwatch import PAUSE, PAUSED, STEPS, compared, percentiles


def player(model: DrumsModel, steps: int, pause: float) -> dict[str, dict[str, float]]:
    """A groove that the model plays by itself."""
    rng = np.random.default_rng(1)
    state = model.start(1920, 0, 100.0, rng)
    drawn, advanced, request = [], [], DrawRequest(temperature=0.9, top_p=0.95)
    for _ in range(steps):
        time.sleep(pause)
        began = time.perf_counter()
        hit = model.draw(state, rng, request)
        chosen = time.perf_counter()
        state = model.advance(state, hit, 100.0)
        drawn.append(chosen - began)
        advanced.append(time.perf_counter() - chosen)
    return {"draw": percentiles(drawn), "advance": percentiles(advanced)}


def torch_step(checkpoint: Path, feeds: dict[str, Any]) -> Callable[[], object]:
    """One step of the checkpoint's net in eager torch, on one thread."""
    import torch

    from .export import restored, step

    torch.set_num_threads(1)
    net = restored(torch.load(checkpoint, weights_only=True)).eval()
    tensors = {name: torch.from_numpy(array) for name, array in feeds.items()}

    def run() -> object:
        with torch.inference_mode():
            return step(net, tensors)

    return run


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, metavar="NAME.onnx")
    parser.add_argument("--checkpoint", type=Path, metavar="best.pt")
    args = parser.parse_args(arguments)
    try:
        artifact = models.load(args.model, "drums")
    except JamdError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    model = drums_model(artifact)
    result: dict[str, object] = {"tight": player(model, STEPS, 0), "paused": player(model, PAUSED, PAUSE)}
    if args.checkpoint is not None:
        feeds, names = golden_feeds(artifact.sidecar.inputs, seed=1, rows=1), list(artifact.sidecar.outputs)
        result |= compared(lambda: artifact.session.run(names, feeds), torch_step(args.checkpoint, feeds))
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())

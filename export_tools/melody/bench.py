"""How long one 16th of a melody model takes, in the daemon's way of running it.

    python -m export_tools.melody.bench --model models/melody.onnx [--checkpoint RUN_FOLDER/best.pt]

A step is all that the player does: the encoding, the graph and the events' log probabilities, on one thread. Prints
one JSON object: microseconds a step, median and 99th percentile, in a tight loop and 20 ms apart (caches
are cold then). With a checkpoint also the graph alone against the same weights stepped by torch, both in turns in this
run; that needs the packages of jamd[train].
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from daemon import models
from daemon.engines.melody.model import MelodyModel
from daemon.errors import JamdError
from daemon.models.golden import golden_feeds
from export_tools.common.stopwatch import PAUSE, PAUSED, STEPS, compared, percentiles


def player(model: MelodyModel, steps: int, pause: float) -> dict[str, float]:
    """A melody that the model draws for itself, step by step."""
    rng = np.random.default_rng(1)
    state, taken = model.start(4.0), []
    for step in range(steps):
        chances = np.exp(state.log_probs)
        event = int(rng.choice(len(chances), p=chances / chances.sum()))
        time.sleep(pause)
        began = time.perf_counter()
        state = model.step(state, event, (step + 1) / 4 % 4)
        taken.append(time.perf_counter() - began)
    return percentiles(taken)


def torch_step(checkpoint: Path, feeds: dict[str, Any]) -> Callable[[], object]:
    """One step of the checkpoint's net in eager torch, on one thread."""
    import torch

    from .model import Shape, build

    torch.set_num_threads(1)
    saved = torch.load(checkpoint, weights_only=True)
    net = build(Shape(**saved["shape"])).eval()
    net.load_state_dict(saved["weights"])
    tensors = [torch.from_numpy(array) for array in feeds.values()]

    def step() -> object:
        with torch.inference_mode():
            return net.step(*tensors)

    return step


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, metavar="NAME.onnx")
    parser.add_argument("--checkpoint", type=Path, metavar="best.pt")
    args = parser.parse_args(arguments)
    try:
        artifact = models.load(args.model, "melody")
        model = MelodyModel(artifact)
    except JamdError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    result: dict[str, object] = {"tight": player(model, STEPS, 0), "paused": player(model, PAUSED, PAUSE)}
    if args.checkpoint is not None:
        feeds, names = golden_feeds(artifact.sidecar.inputs, seed=1, rows=1), list(artifact.sidecar.outputs)
        result |= compared(lambda: artifact.session.run(names, feeds), torch_step(args.checkpoint, feeds))
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""How long one 16th of a melody model takes, run as the daemon runs it.

    python -m export_tools.melody.bench --model models/melody.onnx [--checkpoint RUN_FOLDER/best.pt]

A step is all that the player computes: the encoding, the graph and the events' log probabilities, on one thread. Prints
one JSON object: microseconds a step, median and 99th percentile, in a tight loop and 20 ms apart, when caches are cold.
With a checkpoint also the graph alone against the same weights in eager torch, in turns in this run; that needs the
packages of jamd[train].
"""

import sys
import time
from pathlib import Path

import numpy as np

from daemon.engines.melody.model import MelodyModel
from export_tools.common import bench as common
from export_tools.common.bench import Arrays, Bench, Run, percentiles


def play(model: MelodyModel, steps: int, pause: float) -> dict[str, float]:
    """The model draws a melody by itself, one step after each pause in seconds. Percentiles of a step."""
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


def torch_step(checkpoint: Path, feeds: Arrays) -> Run:
    """One step of the checkpoint's net in eager torch."""
    import torch

    from export_tools.common.checkpoint import fitting, load

    from .model import MelodyShape, build

    saved = load(checkpoint)
    with fitting(checkpoint):
        net = build(MelodyShape(**saved["shape"])).eval()
        net.load_state_dict(saved["weights"])
    tensors = [torch.from_numpy(array) for array in feeds.values()]
    return common.eager(lambda: net.step(*tensors))


def main(arguments: list[str] | None = None) -> int:
    return common.main(__doc__, Bench("melody", MelodyModel, play, torch_step), arguments)


if __name__ == "__main__":
    sys.exit(main())

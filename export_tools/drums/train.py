"""Train a drum model on the output of prepare.py: jamd's own, or the baseline.

    python -m export_tools.drums.train drums.npz RUN_FOLDER [--model rnn-drummer] [--resume]

Writes best.pt (the weights with the lowest nats per hit, instrument and exact time, on the validation split) and
last.pt (everything, to resume from).
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from export_tools.common import command, schedule, trainer
from export_tools.common.averaging import Averaging

from .model import MetricNet
from .rnn_drummer import RnnDrummerNet
from .streams import Split

Batch = tuple[np.ndarray, np.ndarray]  # of Split.streams: numbers of hits, rows that begin a performance
States = tuple[Tensor, ...] | None
WEIGHTS = {"nats": 1.0, "velocity": 0.5, "first": 0.1}  # of the parts of the loss


@dataclass(frozen=True)
class DrumsConfig:
    """How a net is trained: `rows` performances in parallel, back-propagation through `length` hits; `average`: decay
    of the averaged weights per step (0: no averaging)."""

    net: type[MetricNet | RnnDrummerNet]
    rows: int
    length: int
    epochs: int
    rate: float
    decay: float = 0.0
    average: float = 0.0


CONFIGS = {
    "metric": DrumsConfig(MetricNet, rows=24, length=64, epochs=14, rate=2e-3, decay=0.05, average=0.998),
    "rnn-drummer": DrumsConfig(RnnDrummerNet, rows=16, length=200, epochs=40, rate=4e-3),
}


@torch.no_grad()
def validate(net: nn.Module, split: Split) -> dict[str, float]:
    """Means over the hits of a split, without the first hit of each performance."""
    net.eval()
    totals, states = trainer.Totals(), None
    for numbers, begins in split.streams(32, 256, None):
        losses, states = net.losses(split, numbers, begins, states)
        totals.add({name: (values.sum().item(), len(values)) for name, values in losses.items()})
    net.train()
    return totals.means()


def recipe(config: DrumsConfig) -> trainer.Recipe:
    """AdamW with a cosine learning rate."""
    return trainer.Recipe(
        epochs=config.epochs,
        optimiser=lambda net: trainer.adamw(net, config.rate, config.decay),
        rate=schedule.cosine_with_warm_up(config.rate),
        clip=1.0,
        averaging=Averaging(config.average),
    )


class DrumsTask:
    """Performances and a net for the training loop (trainer.Task)."""

    def __init__(self, path: Path, encoding: str):
        self.config, self.split, self.valid = CONFIGS[encoding], Split(path, "train"), Split(path, "validation")
        self.recipe = recipe(self.config)
        # The number of chunks depends on the order of the performances; any order gives about the same number.
        self.steps_per_epoch = sum(1 for _ in self.batches(np.random.default_rng(0)))
        self.about = {"encoding": encoding, "ticks": self.split.ticks, "styles": self.split.styles}
        self.training = {"performances": len(self.split.first) - 1, "hits": self.split.hits}

    def make_net(self) -> nn.Module:
        return self.config.net.of(self.split)

    def batches(self, rng: np.random.Generator) -> Iterable[Batch]:
        return self.split.streams(self.config.rows, self.config.length, rng)

    def backward(self, net: nn.Module, batch: Batch, states: States) -> tuple[trainer.Sums, States]:
        losses, states = net.losses(self.split, *batch, states)
        loss = sum(losses[name].sum() * weight for name, weight in WEIGHTS.items() if name in losses)
        (loss / max(len(losses["nats"]), 1)).backward()
        return {name: (values.sum().item(), len(values)) for name, values in losses.items()}, states

    def validate(self, net: nn.Module) -> dict[str, float]:
        return validate(net, self.valid)


def main() -> None:
    parser = trainer.parser(__doc__, grooves=".npz of prepare.py")
    parser.add_argument("--model", choices=sorted(CONFIGS), default="metric")
    args = parser.parse_args()
    trainer.main(DrumsTask(args.grooves, args.model), args)


if __name__ == "__main__":
    sys.exit(command.exit_code(main))

"""The training loop of all models: steps, averaged weights, validation, checkpoints; and the main of each train.py."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import nn
from torch.nn.utils import clip_grad_norm_
from tqdm import tqdm

from daemon.errors import Interrupted

from . import checkpoint, command
from .averaging import Averaging
from .checkpoint import Run
from .files import writing
from .schedule import Schedule

Batch = Any  # an item of a task's `batches`, the argument of its `backward`
States = Any  # passed from a batch to the next one of its epoch, such as LSTM states; None for the first batch
Sums = Mapping[str, tuple[float, int]]  # by figure: a sum, and the number of values summed


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a net is trained.

    `clip`: largest norm of the gradient; `validate_every`: a number of epochs; the last epoch is always validated.
    """

    epochs: int
    optimiser: Callable[[nn.Module], torch.optim.Optimizer]
    rate: Schedule
    clip: float
    averaging: Averaging
    validate_every: int = 1


class Task(Protocol):
    """The part of training that differs between models.

    `about`: entries of the checkpoint that export.py needs in addition to the weights; `training`: data and options of
    the training, for the sidecar; `steps_per_epoch`: may be an estimate.
    """

    recipe: Recipe
    about: dict[str, Any]
    training: dict[str, Any]
    steps_per_epoch: int

    def make_net(self) -> nn.Module:
        """A net with its initial weights, random or not. Called twice: for the net and for its averaged weights."""

    def batches(self, rng: np.random.Generator) -> Iterable[Batch]:
        """The batches of one epoch, in random order."""

    def backward(self, net: nn.Module, batch: Batch, states: States) -> tuple[Sums, States]:
        """Set the gradient, empty so far, to that of the batch's loss. Returns figures to show, and the next states."""

    def validate(self, net: nn.Module) -> dict[str, float]:
        """Figures of the validation split. `nats` is the loss that selects best.pt."""


def adamw(net: nn.Module, rate: float, decay: float, **options: Any) -> torch.optim.AdamW:
    """AdamW without weight decay for biases, gains and other vectors."""
    matrices = [parameter for parameter in net.parameters() if parameter.ndim > 1]
    vectors = [parameter for parameter in net.parameters() if parameter.ndim <= 1]
    groups = [{"params": matrices, "weight_decay": decay}, {"params": vectors, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=rate, **options)


class Totals:
    """Sums of figures, and numbers of values summed, over an epoch or a split."""

    def __init__(self) -> None:
        self._sums: dict[str, tuple[float, int]] = {}

    def add(self, sums: Sums) -> None:
        """Add the sums of one batch."""
        for name, (batch_sum, batch_count) in sums.items():
            total, count = self._sums.get(name, (0.0, 0))
            self._sums[name] = total + batch_sum, count + batch_count

    def means(self) -> dict[str, float]:
        """The mean of each figure; 0 if no value was summed."""
        return {name: total / max(count, 1) for name, (total, count) in self._sums.items()}


def train(task: Task, folder: Path, seed: int, epochs: int | None = None, resume: bool = False) -> Run:
    """Train for `epochs`, by default those of the recipe, and write best.pt and last.pt into a folder."""
    torch.set_num_threads(1)  # so that sums, and with them weights, are the same in every run
    torch.manual_seed(seed)
    recipe = task.recipe
    epochs = epochs or recipe.epochs
    run = begin(task, seed)
    if resume:
        run.restore(folder / "last.pt")
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    steps = epochs * task.steps_per_epoch
    began = time.process_time() - run.minutes * 60
    with tqdm(total=steps, initial=run.step, unit="step", mininterval=10) as progress:
        while run.epoch < epochs:
            trained = train_epoch(task, run, steps, progress)
            run.minutes = (time.process_time() - began) / 60
            if run.epoch % recipe.validate_every and run.epoch != epochs:
                continue
            validated = task.validate(run.average)
            figures = f"train {line(trained)}; valid {line(validated)}"
            tqdm.write(f"epoch {run.epoch} step {run.step} {run.minutes:.1f} min: {figures}")
            write(run, contents(task, run, seed, validated), validated["nats"], folder)
    return run


def begin(task: Task, seed: int) -> Run:
    """A new run, before its first step."""
    net, average = task.make_net(), task.make_net()
    average.load_state_dict(net.state_dict())
    return Run(net, average, task.recipe.optimiser(net), np.random.default_rng(seed))


def train_epoch(task: Task, run: Run, steps: int, progress: tqdm) -> dict[str, float]:
    """Train for one epoch of a run of `steps` steps. Returns the means of the epoch's figures."""
    recipe, totals, states = task.recipe, Totals(), None
    for batch in task.batches(run.rng):
        for group in run.optimiser.param_groups:
            group["lr"] = recipe.rate(run.step, steps)
        run.optimiser.zero_grad()
        sums, states = task.backward(run.net, batch, states)
        clip_grad_norm_(run.net.parameters(), recipe.clip)
        run.optimiser.step()
        run.step += 1
        recipe.averaging.update(run.average, run.net, run.step)
        totals.add(sums)
        progress.update()
    run.epoch += 1
    return totals.means()


def line(figures: Mapping[str, float]) -> str:
    """Figures as a line of text."""
    return " ".join(f"{name} {value:.4f}" for name, value in figures.items())


def contents(task: Task, run: Run, seed: int, validated: dict[str, float]) -> dict[str, Any]:
    """The entries of a checkpoint that export.py reads: averaged weights, and training and validation figures."""
    counts = {"epochs": run.epoch, "steps": run.step, "cpu_minutes": round(run.minutes), "seed": seed}
    weights = run.average.state_dict()
    return {**task.about, "weights": weights, "training": {**task.training, **counts}, "validation": validated}


def write(run: Run, content: dict[str, Any], loss: float, folder: Path) -> None:
    """Write last.pt, and also best.pt if `loss` is the lowest so far."""
    if loss < run.best:
        run.best = loss
        checkpoint.save(content, folder / "best.pt")
    checkpoint.save(content | run.state(), folder / "last.pt")


def parser(description: str | None, **data: str) -> argparse.ArgumentParser:
    """A parser with the arguments of every train.py: `data` files (help by name), run folder, options of the loop."""
    made = command.parser(description)
    for name, text in data.items():
        made.add_argument(name, type=Path, help=text)
    made.add_argument("run", type=Path, metavar="RUN_FOLDER", help="folder for best.pt and last.pt")
    made.add_argument("--resume", action="store_true", help="continue from RUN_FOLDER/last.pt")
    made.add_argument("--epochs", type=command.positive_integer, help="default: as many as for the shipped models")
    made.add_argument("--seed", type=int, default=1)
    return made


def main(task: Task, args: argparse.Namespace) -> None:
    """Train with the options of the command line. Prints one JSON object. Raises Interrupted, ModelError, BadFile."""
    try:
        run = train(task, args.run, args.seed, args.epochs, args.resume)
    except KeyboardInterrupt:
        last = args.run / "last.pt"
        kept = f"--resume continues from {last}" if last.is_file() else "nothing was written yet"
        raise Interrupted(f"interrupted: {kept}") from None
    print(json.dumps({"valid": round(run.best, 4), "cpu_minutes": round(run.minutes, 1)}))

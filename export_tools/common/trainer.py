"""The training loop of every model: steps, averaged weights, validation, checkpoints, and the main of train.py."""

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

from . import checkpoint, command
from .averaging import Averaging
from .checkpoint import Run
from .schedule import Schedule

Batch = Any  # what a task's `batches` gives its `backward`
States = Any  # what a batch leaves for the next one of its epoch, such as LSTM states; None before the first
Sums = Mapping[str, tuple[float, int]]  # by figure: a sum, and over how many


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a net is trained. `clip`: largest norm of the gradient; `validate_every`: epochs, and after the last one."""

    epochs: int
    optimiser: Callable[[nn.Module], torch.optim.Optimizer]
    rate: Schedule
    clip: float
    averaging: Averaging
    validate_every: int = 1


class Task(Protocol):
    """What one model brings to the loop.

    `about`: what export.py needs beside the weights; `training`: for the sidecar, what was learned from, and how;
    `steps_per_epoch` may be an estimate.
    """

    recipe: Recipe
    about: dict[str, Any]
    training: dict[str, Any]
    steps_per_epoch: int

    def make_net(self) -> nn.Module:
        """A net with its first weights, random or not. Called twice: for the net and for its averaged weights."""

    def batches(self, rng: np.random.Generator) -> Iterable[Batch]:
        """Those of one epoch, in random order."""

    def backward(self, net: nn.Module, batch: Batch, states: States) -> tuple[Sums, States]:
        """Set the gradient, none so far, to that of the batch's loss. The figures to show, and the next states."""

    def validate(self, net: nn.Module) -> dict[str, float]:
        """Figures of the validation split. `nats` is the loss: lowest is best."""


def adamw(net: nn.Module, rate: float, decay: float, **options: Any) -> torch.optim.AdamW:
    """AdamW whose weight decay spares biases, gains and other vectors."""
    matrices = [parameter for parameter in net.parameters() if parameter.ndim > 1]
    vectors = [parameter for parameter in net.parameters() if parameter.ndim <= 1]
    groups = [{"params": matrices, "weight_decay": decay}, {"params": vectors, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=rate, **options)


class Totals:
    """Sums of figures and how many values each is the sum of, over an epoch or a split."""

    def __init__(self) -> None:
        self._sums: dict[str, tuple[float, int]] = {}

    def add(self, sums: Sums) -> None:
        """Those of one more batch."""
        for name, (value, count) in sums.items():
            total, counted = self._sums.get(name, (0.0, 0))
            self._sums[name] = total + value, counted + count

    def means(self) -> dict[str, float]:
        """The mean of each figure; 0 over nothing."""
        return {name: total / max(count, 1) for name, (total, count) in self._sums.items()}


def train(task: Task, folder: Path, seed: int, epochs: int | None = None, resume: bool = False) -> Run:
    """Train for `epochs`, by default those of the recipe, and write best.pt and last.pt into a folder."""
    torch.set_num_threads(1)  # sums are the same in every run
    torch.manual_seed(seed)
    recipe = task.recipe
    epochs = epochs or recipe.epochs
    run = begin(task, seed)
    folder.mkdir(parents=True, exist_ok=True)
    if resume:
        run.restore(folder / "last.pt")
    steps = epochs * task.steps_per_epoch
    progress = tqdm(total=steps, initial=run.step, unit="step", mininterval=10)
    began = time.process_time() - run.minutes * 60
    while run.epoch < epochs:
        trained = train_epoch(task, run, steps, progress)
        run.minutes = (time.process_time() - began) / 60
        if run.epoch % recipe.validate_every and run.epoch != epochs:
            continue
        found = task.validate(run.average)
        tqdm.write(
            f"epoch {run.epoch} step {run.step} {run.minutes:.1f} min: train {shown(trained)}; valid {shown(found)}"
        )
        write(run, contents(task, run, seed, found), found["nats"], folder)
    return run


def begin(task: Task, seed: int) -> Run:
    """A run before its first step."""
    net, average = task.make_net(), task.make_net()
    average.load_state_dict(net.state_dict())
    return Run(net, average, task.recipe.optimiser(net), np.random.default_rng(seed))


def train_epoch(task: Task, run: Run, steps: int, progress: tqdm) -> dict[str, float]:
    """One epoch of a run of so many `steps`. The means of its figures."""
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


def shown(figures: Mapping[str, float]) -> str:
    """Figures as a line."""
    return " ".join(f"{name} {value:.4f}" for name, value in figures.items())


def contents(task: Task, run: Run, seed: int, found: dict[str, float]) -> dict[str, Any]:
    """What export.py reads: the averaged weights, and the training for the sidecar."""
    counts = {"epochs": run.epoch, "steps": run.step, "cpu_minutes": round(run.minutes), "seed": seed}
    weights = run.average.state_dict()
    return {**task.about, "weights": weights, "training": {**task.training, **counts}, "validation": found}


def write(run: Run, content: dict[str, Any], loss: float, folder: Path) -> None:
    """Write last.pt, and best.pt if no loss was lower."""
    if loss < run.best:
        run.best = loss
        checkpoint.save(content, folder / "best.pt")
    checkpoint.save(content | run.state(), folder / "last.pt")


def parser(description: str | None, **data: str) -> argparse.ArgumentParser:
    """The arguments of every train.py: files by name with their help, the run folder, and the options of the loop."""
    made = command.parser(description)
    for name, text in data.items():
        made.add_argument(name, type=Path, help=text)
    made.add_argument("run", type=Path, metavar="RUN_FOLDER", help="folder for best.pt and last.pt")
    made.add_argument("--resume", action="store_true", help="go on from RUN_FOLDER/last.pt")
    made.add_argument("--epochs", type=int, help="another number than that of the shipped models")
    made.add_argument("--seed", type=int, default=1)
    return made


def main(task: Task, args: argparse.Namespace) -> None:
    """Train as the command line says; prints one JSON object."""
    run = train(task, args.run, args.seed, args.epochs, args.resume)
    print(json.dumps({"valid": round(run.best, 4), "cpu_minutes": round(run.minutes, 1)}))

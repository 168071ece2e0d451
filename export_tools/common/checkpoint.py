"""Checkpoints: best.pt, the averaged weights with the lowest validation loss, and last.pt, to resume from."""

from __future__ import annotations

import contextlib
import math
import pickle
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from daemon.errors import ModelError
from daemon.input_files import open_input

from . import files
from .command import MAX_INPUT_BYTES


@dataclass
class Run:
    """The state that the next training step depends on. `best`: lowest validation loss so far; `minutes`: CPU time."""

    net: nn.Module
    average: nn.Module
    optimiser: torch.optim.Optimizer
    rng: np.random.Generator
    step: int = 0
    epoch: int = 0
    best: float = math.inf
    minutes: float = 0.0

    def state(self) -> dict[str, Any]:
        """The entries that last.pt has in addition to those of best.pt, among which are the averaged weights."""
        return {
            "model": self.net.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "rng": self.rng.bit_generator.state,
            "torch_rng": torch.get_rng_state(),
            "step": self.step,
            "epoch": self.epoch,
            "best": self.best,
            "minutes": self.minutes,
        }

    def restore(self, path: Path) -> None:
        """Resume from a last.pt: the following steps are the same, bit by bit, as without the interruption.

        Raises ModelError.
        """
        saved = load(path)
        with fitting(path):
            self.net.load_state_dict(saved["model"])
            self.average.load_state_dict(saved["weights"])
            self.optimiser.load_state_dict(saved["optimiser"])
            self.rng.bit_generator.state = saved["rng"]
            torch.set_rng_state(saved["torch_rng"])
            self.step, self.epoch, self.best, self.minutes = (
                saved[key] for key in ("step", "epoch", "best", "minutes")
            )


def load(path: Path) -> dict[str, Any]:
    """The content of a checkpoint: tensors, numbers, texts, lists and objects, never code. Raises ModelError."""
    try:
        with open_input(path, MAX_INPUT_BYTES) as file:
            saved = torch.load(file, map_location="cpu", weights_only=True)
    except OSError as error:
        reason = error.strerror or error
        raise ModelError(f"{path}: cannot be read ({reason}): name a checkpoint that train.py wrote") from None
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, LookupError, TypeError, AttributeError):
        raise ModelError(
            f"{path}: not a checkpoint of train.py, or one that holds more than tensors, numbers and texts "
            "(code in a checkpoint is never run): train again"
        ) from None
    if not isinstance(saved, dict):
        raise ModelError(f"{path}: not a checkpoint of train.py: train again")
    return saved


@contextlib.contextmanager
def fitting(path: Path) -> Iterator[None]:
    """For the block that takes a net out of the content of the checkpoint at `path`. Raises ModelError."""
    try:
        yield
    except (AttributeError, LookupError, RuntimeError, TypeError, ValueError):
        raise ModelError(
            f"{path}: a checkpoint of another model, or of other options: name one of this model, or train again"
        ) from None


def save(content: dict[str, Any], path: Path) -> None:
    """Write a file whole or not at all: if writing fails, the previous file stays. Raises BadFile."""
    draft = BytesIO()
    torch.save(content, draft)
    files.write(path, draft.getvalue())


def load_grown(net: nn.Module, weights: dict[str, torch.Tensor]) -> None:
    """Load the weights of a net without some of this one's last inputs and outputs: those begin without an effect."""
    for name, own in net.state_dict().items():
        given = weights[name]
        own.zero_()
        own[tuple(slice(0, size) for size in given.shape)] = given

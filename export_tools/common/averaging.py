"""Averaged weights: an exponential moving average, with a lower validation loss than the weights of any one step."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn


@dataclass(frozen=True, slots=True)
class Averaging:
    """`decay`: share of the average that a step keeps; 0: no averaging. The first steps keep less, because their
    weights are still random: step n keeps (n + head_start) / (n + 20), as long as that is below `decay`."""

    decay: float = 0.0
    head_start: int = 1

    @torch.no_grad()
    def update(self, average: nn.Module, net: nn.Module, step: int) -> None:
        """Move `average` towards `net` after a step; steps count from 1. Buffers, such as those of batch norm, are not
        averaged, but stay as they are in `average`."""
        keep = min(self.decay, (step + self.head_start) / (step + 20))
        torch._foreach_lerp_(list(average.parameters()), list(net.parameters()), 1 - keep)

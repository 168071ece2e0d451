"""Averaged weights: an exponential moving average, which validates better than the weights of any one step."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn


@dataclass(frozen=True, slots=True)
class Averaging:
    """`decay` per step, 0: the weights as they are. The first steps, whose weights are still random, decay faster:
    step n by (n + head_start) / (n + 20), as long as that is less."""

    decay: float = 0.0
    head_start: int = 1

    @torch.no_grad()
    def update(self, average: nn.Module, net: nn.Module, step: int) -> None:
        """Move `average` towards `net` after this step; steps count from 1. Buffers stay as they are."""
        keep = min(self.decay, (step + self.head_start) / (step + 20))
        torch._foreach_lerp_(list(average.parameters()), list(net.parameters()), 1 - keep)

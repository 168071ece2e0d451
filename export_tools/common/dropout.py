"""Dropout for recurrent nets."""

import torch
from torch import Tensor, nn


class LockedDropout(nn.Module):
    """Dropout with one mask for all time steps (Gal and Ghahramani 2016), so that recurrent states cannot average the
    dropout out."""

    def __init__(self, dropout: float):
        super().__init__()
        self.dropout = dropout

    def forward(self, x: Tensor) -> Tensor:
        """(batch, time, width) → the same."""
        if not self.training:
            return x
        return x * torch.empty_like(x[:, :1]).bernoulli_(1 - self.dropout) / (1 - self.dropout)

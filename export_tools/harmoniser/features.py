"""What the net reads of frames: intervals, the longest past passage that equals the present one, sums of embeddings."""

from itertools import combinations

import torch
from torch import Tensor, nn
from torch.nn import functional

from daemon.encodings.chorale import REST, SYMBOLS, UNKNOWN, VOICES

INPUT_SYMBOLS = SYMBOLS + 1  # with UNKNOWN
INTERVALS = 92  # classes: 0 = one of the two symbols is no pitch; 1..91 = -45..45 semitones
PAIRS = list(combinations(range(len(VOICES)), 2))
LONGEST_MATCH = 32  # frames; longer matches count as 32


def interval_table() -> Tensor:
    """Class of the interval between two input symbols, at upper x 48 + lower: one look-up in place of six sums."""
    symbols = torch.arange(INPUT_SYMBOLS)
    pitched = torch.maximum(symbols[:, None], symbols) < REST
    return torch.where(pitched, symbols[:, None] - symbols + 46, 0).flatten()


@torch.no_grad()
def longest_matches(frame: Tensor, memory: int, gap: int) -> tuple[Tensor, Tensor]:
    """For each step of the inputs (batch, T, 4): the frame (batch, T, 4) after the longest past passage that equals the
    present one, and the length (batch, T) of that passage, 0..32 frames; UNKNOWN and 0 without a match.

    `memory`, `gap`: largest and least distance in frames. As in prediction by partial matching; of matches of equal
    length, the latest one.
    """
    same = (frame[:, :, None] == frame[:, None]).all(-1)
    length = torch.zeros(same.shape, dtype=torch.int64)  # [t, s]: of equal passages, up to t and before s
    for t in range(1, frame.shape[1]):
        length[:, t, 1:] = same[:, t, :-1] * (length[:, t - 1, :-1] + 1).clamp(max=LONGEST_MATCH)
    step = torch.arange(frame.shape[1])
    distance = step[:, None] + 1 - step
    length = length * ((distance >= gap) & (distance <= memory))
    best = (length * 4096 + step).argmax(-1)
    longest = length.gather(2, best[..., None])[..., 0]
    followed = frame.gather(1, best[..., None].expand(-1, -1, len(VOICES)))
    return followed.masked_fill(longest[..., None] == 0, UNKNOWN), longest


class Lookup(nn.Module):
    """Sum of one embedding per feature, each with its own range of numbers. Dropout removes whole features."""

    def __init__(self, sizes: list[int], width: int, dropout: float):
        super().__init__()
        self.dropout = dropout
        starts = [sum(sizes[:i]) for i in range(len(sizes))]
        self.register_buffer("starts", torch.tensor(starts), persistent=False)
        self.weight = nn.Parameter(torch.randn(sum(sizes), width) * 0.5 / len(sizes) ** 0.5)

    def forward(self, features: Tensor) -> Tensor:
        """(..., features) int64 → (..., width)."""
        rows = features + self.starts
        if torch.compiler.is_exporting():
            return functional.embedding(rows, self.weight).sum(-2)
        kept = None
        if self.training:
            keep = 1 - self.dropout
            kept = torch.empty(rows.shape, device=rows.device).bernoulli_(keep).flatten(0, -2) / keep
        flat = functional.embedding_bag(rows.flatten(0, -2), self.weight, mode="sum", per_sample_weights=kept)
        return flat.unflatten(0, rows.shape[:-1])

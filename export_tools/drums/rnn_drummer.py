"""The configuration of the RNN drummer (Hollemans 2017), the baseline: an LSTM of 200 over (note, ticks) pairs.

Both halves are one-hot, concatenated at the input, with a softmax each at the output: 17 notes, 209 tick values.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from daemon.encodings.drums.hits import COUNT, tick_classes

from .streams import Split, carried

HIDDEN = 200
States = tuple[Tensor, ...] | None


class RnnDrummerNet(nn.Module):
    """The net of the encoding `rnn-drummer`."""

    def __init__(self, ticks: int):
        super().__init__()
        self.lstm = nn.LSTM(COUNT + ticks, HIDDEN, batch_first=True)
        self.out = nn.Linear(HIDDEN, COUNT + ticks)

    def forward(self, note: Tensor, tick: Tensor, states: States = None) -> tuple[Tensor, Tensor, tuple[Tensor, ...]]:
        """(rows, time) each → log probabilities of the next note and tick class, and the states."""
        ticks = self.out.out_features - COUNT
        x = torch.cat([functional.one_hot(note, COUNT), functional.one_hot(tick, ticks)], dim=-1)
        y, following = self.lstm(x.float(), states)
        out = self.out(y)
        return out[..., :COUNT].log_softmax(-1), out[..., COUNT:].log_softmax(-1), following

    @classmethod
    def of(cls, split: Split) -> RnnDrummerNet:
        """A net with random weights, for the tick classes of a split."""
        return cls(len(split.ticks))

    def losses(
        self, split: Split, numbers: np.ndarray, begins: np.ndarray, states: States
    ) -> tuple[dict[str, Tensor], States]:
        """Values of the hits after those with these numbers: `nats` of instrument and time, and whether both of them
        are `right`; and the states after the chunk."""
        classes = split.cached("classes", lambda arrays: tick_class(arrays["gap"], split.ticks))
        first = torch.from_numpy(split.first)
        following_hit = torch.from_numpy(numbers.clip(0)) + 1
        real = torch.from_numpy(numbers >= 0) & ~torch.isin(following_hit, first)
        note, tick, following = self(
            split.take("instrument", numbers), torch.from_numpy(classes[numbers]), carried(states, begins)
        )
        wanted = following_hit[real].numpy()
        next_note, next_tick = split.take("instrument", wanted), torch.from_numpy(classes[wanted])
        note, tick = note[real], tick[real]
        nats = functional.nll_loss(note, next_note, reduction="none") + functional.nll_loss(
            tick, next_tick, reduction="none"
        )
        right = (note.argmax(-1) == next_note) & (tick.argmax(-1) == next_tick)
        return {"nats": nats, "right": right.float()}, following

    def layout(self) -> tuple[np.ndarray, np.ndarray]:
        """As Hollemans publishes the weights: Wx (inputs + 200 + 1, 800), gates f, i, o, g; Wy (201, outputs)."""
        lstm = self.lstm
        stacked = torch.cat([lstm.weight_ih_l0.T, lstm.weight_hh_l0.T, (lstm.bias_ih_l0 + lstm.bias_hh_l0)[None]])
        i, f, g, o = stacked.split(HIDDEN, dim=1)
        wy = torch.cat([self.out.weight.T, self.out.bias[None]])
        return torch.cat([f, i, o, g], dim=1).detach().numpy(), wy.detach().numpy()


def tick_class(gaps: np.ndarray, ticks: list[int]) -> np.ndarray:
    """Gaps in ticks → their classes."""
    nearest = tick_classes(ticks)
    return nearest[gaps.clip(max=len(nearest) - 1)]

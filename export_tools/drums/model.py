"""The drum net of the encoding `metric`: a recurrent net over hits with their place in the bar, and two heads, which
take a conditioning: the requested style, fill, loudness and density.

`recur` reads the last hit and the features of `daemon.encodings.drums.metric`. `where` gives the joint distribution of
the cell (16th) and the instrument of the next hit: a small net, the same for every cell ahead, reads what was played in
that cell in the bars before. `when` gives, for one cell and instrument, the distribution of the offset from the middle
of the cell, in ticks, as a mixture of normal distributions, and that of the velocity. The probability of an instrument
at an exact tick is a product of two numbers, that of a class of ticks a sum of such products.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from daemon.encodings.drums.hits import COUNT
from daemon.encodings.drums.metric import AHEAD, ANCHORS, CHANNELS, EARLIEST, FEATURES, MIXED, OFFSETS, PLACES
from export_tools.common.dropout import LockedDropout

from .streams import Split, carried

VELOCITIES = 127
EIGHTH = 15  # ticks, of a cell: the unit of the means of the mixture, which are linear in the anchors that are offsets
NARROWEST, WIDEST = -1.0, 5.0  # log ticks: the standard deviations of the mixture
States = tuple[Tensor, ...] | None


@dataclass(frozen=True)
class MetricShape:
    """Sizes of the net, in units; `components` of the mixture; `conditioning`: of the vector of the requested style,
    fill, loudness and density (daemon/encodings/drums/metric.py)."""

    conditioning: int
    read: int = 160
    hidden: int = 224
    view: int = 128
    cell: int = 80
    head: int = 112
    components: int = 8


class MetricNet(nn.Module):
    """The net of the encoding `metric`."""

    def __init__(self, shape: MetricShape, dropout: float = 0.2):
        super().__init__()
        self.shape = shape
        hidden, head = shape.hidden, shape.head
        self.read = nn.Linear(FEATURES, shape.read)
        self.lstm = nn.LSTM(shape.read, hidden, batch_first=True)
        self.drop_read, self.drop_cells = LockedDropout(dropout / 2), LockedDropout(dropout / 2)
        self.drop_context = LockedDropout(dropout)
        self.dropout = nn.Dropout(dropout)
        self.view_in, self.view_out = nn.Linear(hidden + shape.conditioning, shape.view), nn.Linear(shape.view, hidden)
        self.direct = nn.Linear(hidden, AHEAD * COUNT)
        self.cell_view = nn.Linear(hidden, shape.cell)
        self.cell_window = nn.Linear(COUNT * CHANNELS, shape.cell)
        self.cell_place = nn.Embedding(PLACES, shape.cell)
        self.cell_ahead = nn.Parameter(torch.zeros(AHEAD, shape.cell))
        self.cell_out = nn.Linear(shape.cell, COUNT)
        self.head_view = nn.Linear(hidden, head)
        self.head_anchors = nn.Linear(ANCHORS, head)
        self.head_which = nn.Embedding(AHEAD * COUNT, head)
        self.head_instrument = nn.Embedding(COUNT, head)
        self.head_hidden = nn.Linear(head, head)
        self.mixture = nn.Linear(head, 3 * shape.components)
        self.mixture_anchors = nn.Linear(MIXED, shape.components, bias=False)
        self.velocity = nn.Linear(head, VELOCITIES)
        for embedding in (self.cell_place, self.head_which, self.head_instrument):
            nn.init.normal_(embedding.weight, std=0.1)
        nn.init.zeros_(self.mixture_anchors.weight)
        with torch.no_grad():
            self.mixture.bias[: shape.components] = 0.0
            self.mixture.bias[shape.components : 2 * shape.components] = torch.linspace(-3, 3, shape.components)
            self.mixture.bias[2 * shape.components :] = 2.0
        self.register_buffer("grid", torch.arange(OFFSETS, dtype=torch.float32) + EARLIEST, persistent=False)

    def recur(self, x: Tensor, states: States) -> tuple[Tensor, States]:
        """(rows, time, FEATURES), states h and c (1, rows, hidden) → context (rows, time, hidden), states."""
        y, following = self.lstm(self.drop_read(functional.gelu(self.read(x))), states)
        return self.drop_context(y), following

    def where(self, context: Tensor, conditioning: Tensor, window: Tensor, places: Tensor) -> tuple[Tensor, Tensor]:
        """(n, hidden), (n, conditioning), (n, AHEAD, 17 × CHANNELS), (n, AHEAD) → the view (n, hidden) for `head_view`,
        and log probabilities (n, AHEAD, 17) of the cell and the instrument of the next hit."""
        hidden = functional.gelu(self.view_in(torch.cat([context, conditioning], dim=1)))
        view = context + self.view_out(self.dropout(hidden))
        cells = self.cell_window(window) + self.cell_place(places) + self.cell_ahead
        cells = functional.relu(cells + self.cell_view(view)[:, None])
        logits = self.cell_out(self.drop_cells(cells)).flatten(1) + self.direct(view)
        return view, logits.log_softmax(-1).unflatten(1, (AHEAD, COUNT))

    def when(self, seen: Tensor, which: Tensor, anchors: Tensor) -> tuple[Tensor, Tensor]:
        """`head_view` of the view (n, head), 17 × cell + instrument (n,), (n, ANCHORS) → scores of the offsets
        (n, 120), log probabilities of the velocities (n, 127). The scores are log densities up to a constant, to be
        normalised over the possible offsets."""
        x = seen + self.head_which(which) + self.head_instrument(which % COUNT)
        x = functional.gelu(x + self.head_anchors(anchors))
        x = self.dropout(functional.gelu(self.head_hidden(self.dropout(x))))
        weights, means, widths = self.mixture(x).chunk(3, dim=-1)
        means = (means + self.mixture_anchors(anchors[:, :MIXED])) * EIGHTH
        widths = widths.clamp(NARROWEST, WIDEST)
        z = (self.grid - means[..., None]) * torch.exp(-widths)[..., None]
        scores = (weights - widths)[..., None] - z * z / 2
        return scores.logsumexp(1), self.velocity(x).log_softmax(-1)

    @classmethod
    def of(cls, split: Split) -> MetricNet:
        """A net with random weights, for the styles of a split."""
        return cls(MetricShape(conditioning=len(split.styles) + 6))

    def conditioning(self, split: Split, numbers: np.ndarray) -> Tensor:
        """(rows, time, conditioning). In training, each of style, fill, loudness and density is given in two of five
        rows, in evaluation none."""
        styles = len(split.styles)
        out = torch.zeros(*numbers.shape, styles + 6)
        if not self.training:
            return out
        given = torch.rand(4, len(numbers), 1) < 0.4
        out[..., :styles] = functional.one_hot(split.take("style", numbers), styles) * given[0, :, :, None]
        fill = split.take("fill", numbers)
        out[..., styles], out[..., styles + 1] = fill * given[1], (1 - fill) * given[1]
        for place, name, scale in ((2, "loudness", 1), (4, "density", 8)):
            value = split.take(name, numbers) / scale
            noisy = value * (1 + 0.1 * torch.randn_like(value))
            shown = given[place // 2 + 1]
            out[..., styles + place], out[..., styles + place + 1] = noisy * shown, shown
        return out

    def losses(
        self, split: Split, numbers: np.ndarray, begins: np.ndarray, states: States
    ) -> tuple[dict[str, Tensor], States]:
        """Values of the hits with these numbers, without first hits of performances: `nats` of instrument and time,
        `velocity`, `cell` and instrument; the nats of the `first` hits; and the states after the chunk."""
        context, following = self.recur(split.take("features", numbers), carried(states, begins))
        real = numbers >= 0
        hits, chosen = numbers[real], torch.from_numpy(real)
        window, places = split.take("window", hits).flatten(2), split.take("places", hits)
        ahead, instrument, offset = (split.take(name, hits) for name in ("ahead", "instrument", "offset"))
        view, joint = self.where(context[chosen], self.conditioning(split, numbers)[chosen], window, places)
        where = functional.nll_loss(joint.flatten(1), ahead * COUNT + instrument, reduction="none")
        scores, velocities = self.when(self.head_view(view), ahead * COUNT + instrument, split.take("anchors", hits))
        floor = split.take("floor", hits)
        scores = scores.masked_fill(self.grid < floor[:, None], -torch.inf)
        when = functional.cross_entropy(scores, offset - EARLIEST, reduction="none")
        velocity = functional.nll_loss(velocities, split.take("velocity", hits) - 1, reduction="none")
        begun = ~torch.isin(torch.from_numpy(hits), torch.from_numpy(split.first))
        nats = where + when
        return {
            "nats": nats[begun],
            "velocity": velocity[begun],
            "cell": where[begun],
            "first": nats[~begun],
        }, following

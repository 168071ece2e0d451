"""MetricNet as exported: the same function of the same weights in as few operators as possible, because an operator
takes longer than its arithmetic. Layers with the same input are one matrix, constants are added beforehand."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from daemon.encodings.drums.hits import COUNT
from daemon.encodings.drums.metric import AHEAD, ANCHORS, MIXED

from .model import EIGHTH, NARROWEST, VELOCITIES, WIDEST, MetricNet

HALF = 0.5 * math.log(2)


def layer(weight: Tensor, bias: Tensor) -> nn.Linear:
    """A linear layer with the given weights (out, in) and biases (out,)."""
    out = nn.Linear(weight.shape[1], weight.shape[0])
    out.weight.data, out.bias.data = weight.detach(), bias.detach()
    return out


def side_by_side(*layers: nn.Linear) -> nn.Linear:
    """Layers with the same input as one layer; its output is the concatenation of their outputs."""
    return layer(torch.cat([each.weight for each in layers]), torch.cat([each.bias for each in layers]))


class FusedAdvance(nn.Module):
    """`MetricNet.recur` for one hit, `MetricNet.where`, and `head_view` of the view, which `MetricNet.when` reads."""

    def __init__(self, model: MetricNet):
        super().__init__()
        self.model, lstm, shape = model, model.lstm, model.shape
        i, f, g, o = torch.cat([lstm.weight_ih_l0, lstm.weight_hh_l0], dim=1).chunk(4)
        bi, bf, bg, bo = (lstm.bias_ih_l0 + lstm.bias_hh_l0).chunk(4)
        self.gates = layer(torch.cat([i, f, o, g]), torch.cat([bi, bf, bo, bg]))
        self.heads = side_by_side(model.cell_view, model.direct, model.head_view)
        self.heads.bias.data[shape.cell : -shape.head] += model.cell_out.bias.detach().repeat(AHEAD)
        self.register_buffer("cells", (model.cell_ahead + model.cell_window.bias).detach())
        self.sizes = [shape.cell, AHEAD * COUNT, shape.head]

    def forward(
        self, x: Tensor, h: Tensor, c: Tensor, conditioning: Tensor, window: Tensor, places: Tensor
    ) -> tuple[Tensor, ...]:
        model, hidden = self.model, self.model.shape.hidden
        gates = self.gates(torch.cat([functional.gelu(model.read(x)), h], dim=1))
        open_gates, candidate = gates.split([3 * hidden, hidden], dim=1)
        i, f, o = open_gates.sigmoid().chunk(3, dim=1)
        content = f * c + i * candidate.tanh()
        context = o * content.tanh()
        view = context + model.view_out(functional.gelu(model.view_in(torch.cat([context, conditioning], dim=1))))
        cell_view, direct, summary = self.heads(view).split(self.sizes, dim=1)
        cells = window @ model.cell_window.weight.T + (model.cell_place(places) + self.cells)
        cells = functional.relu(cells + cell_view[:, None])
        logits = (cells @ model.cell_out.weight.T).flatten(1) + direct
        return context, content, summary, logits.log_softmax(-1)


class FusedWhen(nn.Module):
    """`MetricNet.when`. The mixture layer gives `sharps` = −log(width) − log(2) / 2 in place of log(width), so that the
    exponent of a normal distribution is a square without the factor 1/2."""

    def __init__(self, model: MetricNet):
        super().__init__()
        self.model, shape = model, model.shape
        self.sizes = [shape.head, 3 * shape.components]
        factor = torch.tensor([1.0, EIGHTH, -1.0]).repeat_interleave(shape.components)
        more = torch.tensor([HALF, 0.0, -HALF]).repeat_interleave(shape.components)
        mixture = layer(model.mixture.weight * factor[:, None], model.mixture.bias * factor + more)
        self.last = side_by_side(mixture, model.velocity)
        both = torch.zeros(ANCHORS, sum(self.sizes))
        both[:, : shape.head] = model.head_anchors.weight.T
        means = shape.head + shape.components
        both[:MIXED, means : means + shape.components] = EIGHTH * model.mixture_anchors.weight.T
        of_which = model.head_which.weight + model.head_instrument.weight.repeat(AHEAD, 1) + model.head_anchors.bias
        self.register_buffer("anchors", both.detach())
        self.register_buffer("of_which", functional.pad(of_which, (0, self.sizes[1])).detach())

    def forward(self, seen: Tensor, which: Tensor, anchors: Tensor) -> tuple[Tensor, Tensor]:
        known = torch.addmm(functional.embedding(which, self.of_which), anchors, self.anchors)
        x, shifts = known.split(self.sizes, dim=1)
        x = functional.gelu(self.model.head_hidden(functional.gelu(x + seen)))
        mixture, velocities = self.last(x).split([self.sizes[1], VELOCITIES], dim=1)
        weights, means, sharps = (mixture + shifts)[:, :, None].chunk(3, dim=1)
        sharps = sharps.clamp(-WIDEST - HALF, -NARROWEST - HALF)
        z = (self.model.grid - means) * sharps.exp()
        return (weights + sharps - z * z).logsumexp(1), velocities.log_softmax(-1)

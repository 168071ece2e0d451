"""The attention layer over whole tunes, with an explicit gradient.

Autograd through a loop of hundreds of steps, each of which reads the last 40, copies the window at every step and takes
four times as long; here all steps share one array, and a window is a view of it. tanh is computed as 2σ(2·)−1, which is
three times as fast on a CPU; the −1 cancels in the softmax.

`forward` has more than six parameters, because autograd needs each tensor as an argument of its own.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function


class AttentionLayer(Function):
    """`x` (time, batch, 4 × hidden), the contribution of the input to the gates → outputs (batch, time, hidden).

    With c, h the state of an LSTM, P the last `size` outputs and m their weighted mean:
    gates = x + h·Wʰ + m·Wᵐ; s = v·tanh(P·K + [c, h]·Q + q); m = softmax(s)·P; output = [h, m]·O + o.
    Weights multiply from the right.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, size: int, wh: Tensor, wm: Tensor, k: Tensor, q: Tensor, qb: Tensor, v: Tensor, o: Tensor,
        ob: Tensor,
    ) -> Tensor:  # fmt: skip
        time, batch, width = len(x), x.shape[1], wh.shape[0]
        past, keys = x.new_zeros(2, batch, time + size, width)  # keys and queries are stored doubled
        states, means = x.new_zeros(time + 1, batch, 2 * width), x.new_zeros(time + 1, batch, width)
        gates, shares = torch.empty_like(x), x.new_empty(time, batch, size)
        fits = x.new_empty(time, batch, size, width)
        for t in range(time):
            window = slice(t, t + size)
            cell, hidden = states[t].split(width, 1)
            gate_i, gate_f, gate_g, gate_o = torch.addmm(torch.addmm(x[t], hidden, wh), means[t], wm).chunk(4, 1)
            torch.cat([gate_i.sigmoid(), gate_f.sigmoid(), gate_g.tanh(), gate_o.sigmoid()], 1, out=gates[t])
            gate_i, gate_f, gate_g, gate_o = gates[t].chunk(4, 1)
            states[t + 1, :, :width] = gate_f * cell + gate_i * gate_g
            states[t + 1, :, width:] = gate_o * states[t + 1, :, :width].tanh()
            query = 2 * torch.addmm(qb, states[t + 1], q)
            fit = torch.add(keys[:, window], query[:, None], out=fits[t]).sigmoid_()
            torch.softmax(2 * (fit @ v), 1, out=shares[t])
            means[t + 1] = torch.bmm(shares[t][:, None], past[:, window])[:, 0]
            past[:, t + size] = torch.addmm(ob, torch.cat([states[t + 1, :, width:], means[t + 1]], 1), o)
            keys[:, t + size] = 2 * past[:, t + size] @ k
        ctx.save_for_backward(wh, wm, k, q, v, o, past, states, means, gates, shares, fits)
        return past[:, size:].clone()

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        wh, wm, k, q, v, o, past, states, means, gates, shares, fits = ctx.saved_tensors
        (time, _, size), width = shares.shape, wh.shape[0]
        d_past, d_keys = torch.zeros_like(past), torch.zeros_like(past)
        d_past[:, size:] = grads[0]
        d_gates, d_query, d_v = torch.empty_like(gates), torch.empty_like(means[1:]), torch.zeros_like(v)
        d_cell = d_hidden = later = torch.zeros_like(
            means[0]
        )  # later: gradient of this mean from the gates of the next step
        for t in reversed(range(time)):
            window = slice(t, t + size)
            d_past[:, t + size] += 2 * d_keys[:, t + size] @ k.T
            into_hidden, d_mean = (d_past[:, t + size] @ o.T).split(width, 1)
            d_mean = (d_mean + later)[:, :, None]
            d_share = torch.bmm(past[:, window], d_mean)[:, :, 0]
            d_past[:, window].baddbmm_(shares[t][:, :, None], d_mean.transpose(1, 2))
            d_score = 2 * shares[t] * (d_share - (shares[t] * d_share).sum(1, keepdim=True))
            d_v += d_score.flatten() @ fits[t].flatten(0, 1)
            inner = torch.ops.aten.sigmoid_backward(d_score[:, :, None] * v, fits[t])
            d_keys[:, window] += inner
            d_query[t] = 2 * inner.sum(1)
            into_cell, from_query = (d_query[t] @ q.T).split(width, 1)
            d_hidden = d_hidden + into_hidden + from_query
            gate_i, gate_f, gate_g, gate_o = gates[t].chunk(4, 1)
            bent = states[t + 1, :, :width].tanh()
            d_cell = d_cell + into_cell + d_hidden * gate_o * (1 - bent * bent)
            parts = (d_cell * gate_g, d_cell * states[t, :, :width], d_cell * gate_i, d_hidden * bent)
            slopes = (gate_i * (1 - gate_i), gate_f * (1 - gate_f), 1 - gate_g * gate_g, gate_o * (1 - gate_o))
            torch.cat([part * slope for part, slope in zip(parts, slopes, strict=True)], 1, out=d_gates[t])
            d_hidden, later, d_cell = d_gates[t] @ wh.T, d_gates[t] @ wm.T, d_cell * gate_f
        outs, d_outs = past[:, size:], d_past[:, size:]
        mixed = torch.cat([states[1:, :, width:], means[1:]], 2)
        return (
            d_gates, None, product(states[:-1, :, width:], d_gates), product(means[:-1], d_gates),
            2 * product(outs, d_keys[:, size:]), product(states[1:], d_query), d_query.sum((0, 1)), d_v,
            product(mixed, d_outs.transpose(0, 1)), d_outs.sum((0, 1)),
        )  # fmt: skip


def product(left: Tensor, right: Tensor) -> Tensor:
    """Σ over time and batch of the outer products: (time, batch, n), (time, batch, m) → (n, m)."""
    return left.flatten(0, 1).T @ right.flatten(0, 1)

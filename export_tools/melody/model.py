"""The melody nets: Magenta's basic, lookback and attention RNN, and jamd's own.

All share one interface: `forward` for whole tunes, in training; `step` for one 16th with explicit states, for export.
Sizes and dropout are Magenta's (melody_rnn_model.py, Apache-2.0): two layers of 128, dropout 0.5 behind each.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from daemon.encodings.melody import jamd
from daemon.encodings.melody.events import EVENTS, FIRST_PITCH, PITCHES
from daemon.encodings.melody.registry import ENCODINGS

from .attention import AttentionLayer

DEGREES = 12
LOGIT_TERMS = EVENTS + jamd.INTERVAL_CLASSES + DEGREES + 1 + jamd.CANDIDATES  # from which jamd's logits are added up


@dataclass(frozen=True)
class MelodyShape:
    """`encoding`: its name; widths in units; `attention`: steps, of the attention encoding; `embedding`: of jamd."""

    encoding: str
    hidden: int
    layers: int = 2
    attention: int = 40
    embedding: int = 160


def build(shape: MelodyShape, dropout: float = 0.0) -> "MagentaNet | JamdNet":
    """The net of this shape, with random weights."""
    kinds = {"basic": MagentaNet, "lookback": MagentaNet, "attention": AttentionNet, "jamd": JamdNet}
    return kinds[shape.encoding](shape, dropout)


class LstmLayer(nn.Module):
    """An LSTM layer: whole sequences in one call, or one step of it. Gates in torch's order: i, f, g, o."""

    def __init__(self, width: int, hidden: int):
        super().__init__()
        self.lstm = nn.LSTM(width, hidden, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, time, width) → (batch, time, hidden)."""
        return self.lstm(x)[0]

    def gates(self, x: Tensor) -> Tensor:
        """The contribution of the inputs to the gates: (…, width) → (…, 4 × hidden)."""
        return functional.linear(x, self.lstm.weight_ih_l0, self.lstm.bias_ih_l0 + self.lstm.bias_hh_l0)

    def step(self, gates: Tensor, hidden: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
        """One step: (batch, 4 × hidden), (batch, hidden) twice → the next hidden and cell."""
        gates = torch.addmm(gates, hidden, self.lstm.weight_hh_l0.T)
        i, f, g, o = gates.chunk(4, 1)
        cell = f.sigmoid() * cell + i.sigmoid() * g.tanh()
        return o.sigmoid() * cell.tanh(), cell


class MagentaNet(nn.Module):
    """Basic and lookback RNN: the encoding's vector through two LSTM layers to logits of its labels."""

    def __init__(self, shape: MelodyShape, dropout: float):
        super().__init__()
        encoding = ENCODINGS[shape.encoding]
        self.shape, self.width = shape, encoding.inputs
        widths = [self.width] + [shape.hidden] * (shape.layers - 1)
        self.cells = nn.ModuleList(LstmLayer(width, shape.hidden) for width in widths)
        self.drop = nn.Dropout(dropout)
        self.out = nn.Linear(shape.hidden, encoding.labels)

    def inputs(self) -> dict[str, tuple[str, tuple[int, ...]]]:
        """Type and shape of each input of a row, without the states."""
        return {"x": ("float32", (self.width,))}

    def states(self) -> dict[str, tuple[int, ...]]:
        """Recurrent tensors of a row, all zero at the start."""
        return {"hidden": (self.shape.layers, self.shape.hidden), "cell": (self.shape.layers, self.shape.hidden)}

    def forward(self, x: Tensor) -> Tensor:
        """(batch, time, inputs) → logits (batch, time, labels)."""
        for cell in self.cells:
            x = self.drop(cell(x))
        return self.out(x)

    def step(self, x: Tensor, hidden: Tensor, cell: Tensor) -> tuple[Tensor, ...]:
        """(batch, inputs), states (batch, …) → log probabilities (batch, labels), states."""
        x, *following = step_layers(self.cells, self.cells[0].gates(x), hidden, cell)
        return (self.out(x).log_softmax(1), *following)


def step_layers(cells: nn.ModuleList, gates: Tensor, hidden: Tensor, cell: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """One step of all layers, given the `gates` of the first: the last hidden state, all hidden and all cell states."""
    after: list[tuple[Tensor, Tensor]] = []
    for number, layer in enumerate(cells):
        if number:
            gates = layer.gates(after[-1][0])
        after.append(layer.step(gates, hidden[:, number], cell[:, number]))
    return after[-1][0], torch.stack([h for h, _ in after], 1), torch.stack([c for _, c in after], 1)


class AttentionNet(MagentaNet):
    """Attention RNN: the first layer also reads a mean of its last 40 outputs, weighted by attention from its state
    (Bahdanau et al. 2015; TensorFlow's AttentionCellWrapper, which mixes it into the input and the output)."""

    def __init__(self, shape: MelodyShape, dropout: float):
        super().__init__(shape, dropout)
        self.mix_in = nn.Linear(self.width + shape.hidden, self.width)
        self.key = nn.Linear(shape.hidden, shape.hidden, bias=False)
        self.query = nn.Linear(2 * shape.hidden, shape.hidden)
        self.score = nn.Linear(shape.hidden, 1, bias=False)
        self.mix_out = nn.Linear(2 * shape.hidden, shape.hidden)

    def states(self) -> dict[str, tuple[int, ...]]:
        """Recurrent tensors of a row, all zero at the start; `past`: the outputs of the last 40 steps, oldest first."""
        hidden = self.shape.hidden
        return {**super().states(), "past": (self.shape.attention, hidden), "attended": (hidden,)}

    def attend(self, hidden: Tensor, cell: Tensor, past: Tensor, keys: Tensor) -> Tensor:
        """States (batch, hidden), `past` and its `keys` (batch, 40, hidden) → the weighted mean (batch, hidden)."""
        query = self.query(torch.cat([cell, hidden], 1))
        weights = self.score(torch.tanh(keys + query[:, None])).softmax(1)
        return (weights.transpose(1, 2) @ past)[:, 0]

    def forward(self, x: Tensor) -> Tensor:
        """(batch, time, inputs) → logits (batch, time, labels)."""
        first = self.cells[0]
        from_x, from_mean = self.mix_in.weight.split([self.width, self.shape.hidden], 1)
        gates = first.gates(functional.linear(x, from_x, self.mix_in.bias)).transpose(0, 1)
        x = AttentionLayer.apply(
            gates, self.shape.attention, first.lstm.weight_hh_l0.T, from_mean.T @ first.lstm.weight_ih_l0.T,
            self.key.weight.T, self.query.weight.T, self.query.bias, self.score.weight[0], self.mix_out.weight.T,
            self.mix_out.bias,
        )  # fmt: skip
        x = self.drop(x)
        for layer in list(self.cells)[1:]:
            x = self.drop(layer(x))
        return self.out(x)

    def step(self, x: Tensor, hidden: Tensor, cell: Tensor, past: Tensor, attended: Tensor) -> tuple[Tensor, ...]:
        """(batch, inputs), states (batch, …) → log probabilities (batch, labels), states."""
        first = self.cells[0]
        h, c = first.step(first.gates(self.mix_in(torch.cat([x, attended], 1))), hidden[:, 0], cell[:, 0])
        attended = self.attend(h, c, past, self.key(past))
        output = self.mix_out(torch.cat([h, attended], 1))
        upper = self.cells[1:]
        x, above, cells = step_layers(upper, upper[0].gates(output), hidden[:, 1:], cell[:, 1:])
        hidden, cell = torch.cat([h[:, None], above], 1), torch.cat([c[:, None], cells], 1)
        past = torch.cat([past[:, 1:], output[:, None]], 1)
        return self.out(x).log_softmax(1), hidden, cell, past, attended


class JamdNet(nn.Module):
    """jamd's own: an LSTM over sums of rows of one table. The logit of an event is a sum of terms: of the event, of the
    interval from the last pitch, of the degree in the key, and of each candidate that equals the event."""

    def __init__(self, shape: MelodyShape, dropout: float):
        super().__init__()
        self.shape = shape
        count = len(jamd.FEATURE_SIZES)
        self.table = nn.Parameter(torch.randn(jamd.TABLE_ROWS, shape.embedding) * 0.5 / count**0.5)
        self.cells = nn.ModuleList(
            LstmLayer(shape.hidden if i else shape.embedding, shape.hidden) for i in range(shape.layers)
        )
        self.out = nn.Linear(shape.hidden + shape.embedding, LOGIT_TERMS)  # with a skip connection around the LSTM
        self.dropout, self.drop = dropout, nn.Dropout(dropout)
        pitch, key = torch.arange(PITCHES + 1)[:, None], torch.arange(jamd.NO_KEY + 1)[:, None]
        own = torch.arange(PITCHES)
        intervals = torch.where(pitch < PITCHES, own - pitch + PITCHES, 0)
        degrees = torch.where(key < jamd.NO_KEY, (own + jamd.LOWEST - key) % 12, DEGREES)
        self.register_buffer("intervals", intervals, persistent=False)  # (last pitch, pitch) → interval
        self.register_buffer("degrees", degrees, persistent=False)  # (key, pitch) → degree
        self.register_buffer("numbers", torch.arange(EVENTS), persistent=False)

    def inputs(self) -> dict[str, tuple[str, tuple[int, ...]]]:
        """Type and shape of each input of a row, without the states."""
        return {"features": ("int64", (len(jamd.FEATURE_SIZES),)), "clues": ("int64", (len(jamd.CLUE_SIZES),))}

    def states(self) -> dict[str, tuple[int, ...]]:
        """Recurrent tensors of a row, all zero at the start."""
        return {"hidden": (self.shape.layers, self.shape.hidden), "cell": (self.shape.layers, self.shape.hidden)}

    def look_up(self, features: Tensor) -> Tensor:
        """(batch, time, features) → sums of rows of the table (batch, time, embedding). In training, rows drop out."""
        flat, kept = features.flatten(0, 1), None
        if self.training:
            keep = 1 - self.dropout / 4
            kept = torch.empty(flat.shape).bernoulli_(keep) / keep
        x = functional.embedding_bag(flat, self.table, mode="sum", per_sample_weights=kept)
        return x.unflatten(0, features.shape[:2])

    def forward(self, features: Tensor, clues: Tensor) -> Tensor:
        """(batch, time, features), (batch, time, clues) → logits (batch, time, events)."""
        x = below = self.look_up(features)
        for cell in self.cells:
            below = cell(self.drop(below))
        terms = self.out(self.drop(torch.cat([below, x], -1)))
        return self.logits(terms.flatten(0, 1), clues.flatten(0, 1)).unflatten(0, features.shape[:2])

    def logits(self, terms: Tensor, clues: Tensor) -> Tensor:
        """(n, LOGIT_TERMS), (n, clues) → (n, 38)."""
        events, intervals, degrees, candidates = terms.split(
            [EVENTS, jamd.INTERVAL_CLASSES, DEGREES + 1, jamd.CANDIDATES], 1
        )
        pitches = intervals.gather(1, functional.embedding(clues[:, 0], self.intervals))
        pitches = pitches + degrees.gather(1, functional.embedding(clues[:, 1], self.degrees))
        is_candidate = (clues[:, 2:, None] == self.numbers).to(terms.dtype)  # (n, candidates, events)
        return events + functional.pad(pitches, (FIRST_PITCH, 0)) + (candidates[:, None] @ is_candidate)[:, 0]

    def step(self, features: Tensor, clues: Tensor, hidden: Tensor, cell: Tensor) -> tuple[Tensor, ...]:
        """(batch, features), (batch, clues), states (batch, …) → log probabilities (batch, events), states."""
        x = functional.embedding(features, self.table).sum(1)
        above, *following = step_layers(self.cells, self.cells[0].gates(x), hidden, cell)
        return (self.logits(self.out(torch.cat([above, x], 1)), clues).log_softmax(1), *following)

"""The harmoniser net: a recurrent net over frames, a memory of past frames, and a head that predicts single voices.

A frame is one 16th of four symbols, S A T B (`daemon.encodings.chorale`). `advance` reads the previous frame and
returns a context; `head` returns the distribution of one voice of the current frame, given any subset of the others.
So the chain rule over voices in any order is exact, and an answer to a key costs one small call of `head` per voice.

Harmonisation of given voices follows BachBot (Liang et al., ISMIR 2017); voices in any order as in orderless NADE (Uria
et al., 2014) and Coconet (Huang et al., 2017); the soft memory is a neural cache (Grave et al., 2017) with learned
queries and a bias per distance, so that the net repeats phrases.
"""

from dataclasses import dataclass, fields

import torch
from torch import Tensor, nn
from torch.nn import functional

from daemon.encodings import chorale
from daemon.encodings.chorale import (
    COMING,
    DISTANCE_UNKNOWN,
    KEY_UNKNOWN,
    REST,
    STEPS_PER_BAR,
    SYMBOLS,
    UNKNOWN,
    VOICES,
)
from export_tools.common.dropout import LockedDropout

from .degrees import DEGREES, RECENT, Degrees
from .features import INPUT_SYMBOLS, INTERVALS, LONGEST_MATCH, PAIRS, Lookup, interval_table, longest_matches

BESIDES = len(VOICES) + 3  # what a context holds for the head beside the net's: match, its length, two keys
Hints = dict[str, Tensor]  # daemon.encodings.chorale.Hints by name, (..., n)
HINTS = tuple(field.name for field in fields(chorale.Hints))


@dataclass(frozen=True)
class HarmoniserShape:
    """Sizes of the net: widths in units, memory in frames (16ths)."""

    embedding: int = 256
    hidden: int = 512
    layers: int = 2
    key: int = 64
    value: int = 128
    queries: int = 4
    memory: int = 256
    gap: int = 16
    head: int = 384


class HarmoniserNet(nn.Module):
    """`advance` and `head` for one frame, `contexts` for whole pieces."""

    def __init__(self, shape: HarmoniserShape = HarmoniserShape(), dropout: float = 0.4):
        super().__init__()
        self.shape = shape
        sizes = [INPUT_SYMBOLS] * 4 + [INTERVALS] * 6 + [2] * 4 + [STEPS_PER_BAR, 3]
        distances = DISTANCE_UNKNOWN + 1
        sizes += [DEGREES, 2, DEGREES] + [distances] * (2 + COMING) + [INPUT_SYMBOLS] * COMING
        sizes += [DEGREES] * (2 * len(VOICES) + COMING)
        self.lookup = Lookup(sizes, shape.embedding, dropout / 5)
        self.lstm = nn.LSTM(shape.embedding, shape.hidden, shape.layers, batch_first=True)
        self.query = nn.Linear(shape.hidden, shape.queries * shape.key)
        self.key = nn.Linear(shape.hidden, shape.key)
        self.value = nn.Linear(shape.hidden + shape.embedding, shape.value)
        self.distance = nn.Parameter(torch.zeros(shape.queries, shape.memory))  # last column: the newest frame
        self.recall = nn.Linear(shape.queries * shape.value, shape.hidden, bias=False)
        self.context = nn.Sequential(
            nn.LayerNorm(shape.hidden), LockedDropout(dropout), nn.Linear(shape.hidden, shape.head)
        )
        self.clues = Lookup(
            [4 * INPUT_SYMBOLS] * 4 + [INPUT_SYMBOLS] * 4 + [4 * INTERVALS] * 4 + [INTERVALS] * 14 + [4]
            + [INTERVALS] * 8 + [4 * (LONGEST_MATCH + 1)] + [4 * DEGREES] * 10, shape.head, dropout * 0.4,
        )  # fmt: skip
        self.gain = nn.Parameter(torch.ones(len(VOICES), shape.head))
        self.block = nn.Sequential(
            nn.LayerNorm(shape.head),
            nn.Dropout(dropout / 2),
            nn.Linear(shape.head, shape.head),
            nn.GELU(approximate="tanh"),
            nn.Dropout(dropout),
            nn.Linear(shape.head, shape.head),
        )
        self.out = nn.Sequential(
            nn.LayerNorm(shape.head),
            nn.Dropout(dropout),
            nn.Linear(shape.head, SYMBOLS + 5 * INTERVALS + 2 + 2 * DEGREES),
        )
        self.degrees = Degrees()
        self.drop_layers = nn.ModuleList(LockedDropout(dropout * (0.8 if i else 0.5)) for i in range(shape.layers))
        self.drop_weights = nn.Dropout(dropout * 0.8)
        self.drop_recall = nn.Dropout(dropout / 2)
        first, second = [i for i, _ in PAIRS], [j for _, j in PAIRS]
        table, known, previous, own, copied = interval_table(), [0, 1, 2, 3], [4, 5, 6, 7], 8, [9, 10, 11, 12]
        constants = {
            "intervals": table,
            # (own symbol, pitch) → class of the interval
            "relative": table.view(INPUT_SYMBOLS, INPUT_SYMBOLS)[:REST].T.contiguous(),
            "first": torch.tensor(first),
            "second": torch.tensor(second),
            "symbols": torch.arange(SYMBOLS),
            "ages": torch.arange(shape.memory, dtype=torch.float32),
            "upper": torch.tensor(known + previous + known + first + copied * 2),
            "lower": torch.tensor([own] * 8 + previous + second + known + [own] * 4),
            "by_voice": torch.tensor(
                [INPUT_SYMBOLS] * 4 + [0] * 4 + [INTERVALS] * 4 + [0] * 23 + [LONGEST_MATCH + 1] + [DEGREES] * 10
            ),
        }
        for name, constant in constants.items():
            self.register_buffer(name, constant, persistent=False)

    def states(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the recurrent tensors of one row, which are zero at the start. The memory begins with the oldest
        frame."""
        s = self.shape
        return {
            "hidden": (s.layers, s.hidden),
            "cell": (s.layers, s.hidden),
            "keys": (s.memory, s.key),
            "values": (s.memory, s.value),
            "filled": (s.memory,),
            "frames": (s.memory, len(VOICES)),
            "matches": (s.memory,),
            "heard": (12,),
            "recent": (12,),
        }

    def embed(self, frame: Tensor, held: Tensor, position: Tensor, hints: Hints, keys: tuple[Tensor, Tensor]) -> Tensor:
        """(..., 4), (..., 4), (...) int64 → (..., embedding). `keys` (...): the home key, known or heard, and the
        key of what was heard last."""
        upper, lower = (frame.index_select(-1, voices) for voices in (self.first, self.second))
        pairs = self.intervals[upper * INPUT_SYMBOLS + lower]
        home, recent = keys
        told = (hints["home"] < KEY_UNKNOWN).long()
        numbers = torch.stack([position, hints["fermata"], home, told, recent], -1)
        given = torch.cat([hints["ends"], hints["coming_in"], hints["coming"]], -1)
        degrees = torch.cat(
            [self.degrees.of(torch.cat([frame, hints["coming"]], -1), home), self.degrees.of(frame, recent)], -1
        )
        return self.lookup(torch.cat([frame, pairs, held, numbers, given, degrees], -1))

    def recur(self, x: Tensor) -> Tensor:
        """(batch, time, embedding) → (batch, time, hidden), with dropout on recurrent weights (Merity et al. 2018)."""
        zeros = x.new_zeros(1, len(x), self.shape.hidden)
        for i, drop in enumerate(self.drop_layers):
            weights = [getattr(self.lstm, f"{name}_l{i}") for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
            weights[1] = self.drop_weights(weights[1])
            x = torch.lstm(drop(x), (zeros, zeros), weights, True, 1, 0.0, self.training, False, True)[0]
        return x

    def contexts(
        self,
        frame: Tensor,
        held: Tensor,
        position: Tensor,
        hints: Hints,
        forgotten: Tensor | None = None,
    ) -> Tensor:
        """Contexts of whole pieces, for training: inputs (batch, time, …) → (batch, time, head + 7).

        `forgotten`, shaped like `frame`: symbols that the recurrent part gets as UNKNOWN.
        """
        visible = frame if forgotten is None else frame.masked_fill(forgotten, UNKNOWN)
        heard, recent = self.degrees.heard(frame)
        home = torch.where(hints["home"] == KEY_UNKNOWN, heard, hints["home"])
        x = self.embed(visible, held, position, hints, (home, recent))
        h = self.recur(x)
        before = functional.pad(h, (0, 0, 1, 0))[:, :-1]
        query = self.query(h).unflatten(-1, (self.shape.queries, -1)).transpose(1, 2)
        key, value = self.key(before)[:, None], self.value(torch.cat([h, x], -1))[:, None]
        time = torch.arange(h.shape[1], device=h.device)
        distance = time[:, None] - time
        inside = (distance >= 0) & (distance < self.shape.memory)
        bias = self.distance[:, (self.shape.memory - 1 - distance).clamp(0, self.shape.memory - 1)]
        scores = query @ key.transpose(-1, -2) / self.shape.key**0.5 + bias
        weights = self.drop_recall(scores.masked_fill(~inside, -1e9).softmax(-1))
        recalled = (weights @ value).transpose(1, 2).flatten(2)
        followed, length = longest_matches(frame, self.shape.memory, self.shape.gap)
        besides = torch.cat([followed, torch.stack([length, home, recent], -1)], -1)
        return torch.cat([self.context(h + self.recall(recalled)), besides], -1)

    def fuse(self) -> None:
        """Fuse the present weights of each layer, so that `advance` needs one matrix product per layer."""
        for i in range(self.shape.layers):
            input_weights, recurrent_weights, input_bias, recurrent_bias = (
                getattr(self.lstm, f"{name}_l{i}").detach() for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
            )
            weights = torch.cat([input_weights, recurrent_weights], 1).T.contiguous()
            self.register_buffer(f"weights_{i}", weights, persistent=False)
            self.register_buffer(f"bias_{i}", input_bias + recurrent_bias, persistent=False)

    def advance(
        self,
        frame: Tensor,
        held: Tensor,
        position: Tensor,
        hints: Hints,
        state: dict[str, Tensor],
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """One frame, after `fuse()`: inputs (batch, …) and states → context (batch, head + 7), next states."""
        counts = self.degrees.counts(frame)
        heard, recent = state["heard"] + counts, state["recent"] * RECENT + counts
        home, recent_key = hints["home"], self.degrees.key(recent)
        home = torch.where(home == KEY_UNKNOWN, self.degrees.key(heard), home)
        x = self.embed(frame, held, position, hints, (home, recent_key))
        below, hidden, cell = x, [], []
        for i in range(self.shape.layers):
            weights, bias = getattr(self, f"weights_{i}"), getattr(self, f"bias_{i}")
            gates = torch.cat([below, state["hidden"][:, i]], 1) @ weights + bias
            gate_i, gate_f, gate_g, gate_o = gates.chunk(4, 1)
            c = gate_f.sigmoid() * state["cell"][:, i] + gate_i.sigmoid() * gate_g.tanh()
            below = gate_o.sigmoid() * c.tanh()
            hidden.append(below)
            cell.append(c)
        key = self.key(state["hidden"][:, -1])
        value = self.value(torch.cat([below, x], -1))
        keys = torch.cat([state["keys"][:, 1:], key[:, None]], 1)
        values = torch.cat([state["values"][:, 1:], value[:, None]], 1)
        filled = torch.cat([state["filled"][:, 1:], torch.ones_like(state["filled"][:, :1])], 1)
        query = self.query(below).unflatten(-1, (self.shape.queries, -1))
        scores = query @ keys.transpose(-1, -2) / self.shape.key**0.5 + self.distance
        recalled = (scores + (filled - 1)[:, None] * 1e9).softmax(-1) @ values
        following = {"hidden": torch.stack(hidden, 1), "cell": torch.stack(cell, 1)}
        following |= {"keys": keys, "values": values, "filled": filled, "heard": heard, "recent": recent}
        now = frame.float()[:, None]
        frames = torch.cat([state["frames"][:, 1:], now], 1)
        same = ((state["frames"] - now).abs().sum(-1) < 0.5).float()
        matches = same * (state["matches"] + 1).clamp(max=LONGEST_MATCH)
        following |= {"frames": frames, "matches": matches}
        old = self.shape.memory - self.shape.gap + 1
        best = (matches[:, :old] * 4096 + self.ages[:old]).argmax(1, keepdim=True)
        length = matches.gather(1, best)
        followed = frames.gather(1, best[..., None].expand(-1, -1, len(VOICES)))[:, 0]
        followed = followed + (UNKNOWN - followed) * (length < 0.5).float()
        context = self.context(below + self.recall(recalled.flatten(1)))
        return torch.cat([context, followed, length, torch.stack([home, recent_key], 1).float()], 1), following

    def head(self, context: Tensor, previous: Tensor, known: Tensor, voice: Tensor) -> tuple[Tensor, Tensor]:
        """(n, head + 7), (n, 4), (n, 4), (n) → logits (n, 47), tie logit (n).

        A logit is a sum: one term per symbol, one per interval from the voice's previous pitch and from each known
        voice, so that "repeat", "a step up" and "a third below the soprano" are classes in any key, one per degree of
        the home key and of the key heard last, and one for the symbol after the longest match.
        """
        context, followed, length, keys = context.split([self.shape.head, len(VOICES), 1, 2], 1)
        followed, length, (home, recent) = followed.long(), length.long(), keys.long().unbind(1)
        own = previous.gather(1, voice[:, None])
        symbols = torch.cat([known, previous, own, followed], 1)
        rows = symbols.index_select(1, self.upper) * INPUT_SYMBOLS
        intervals = self.intervals[rows + symbols.index_select(1, self.lower)]
        first, second = intervals.split([18, 8], 1)
        heard = torch.cat([known, own], 1)
        degrees = torch.cat([self.degrees.of(heard, home), self.degrees.of(heard, recent)], 1)
        clues = torch.cat([known, previous, first, voice[:, None], second, length, degrees], 1)
        clues = clues + voice[:, None] * self.by_voice
        z = context * functional.embedding(voice, self.gain) + self.clues(clues)
        out = self.out(z + self.block(z))
        absolute, relative, tie, again, of_home, of_recent = out.split(
            [SYMBOLS, 5 * INTERVALS, 1, 1, DEGREES, DEGREES], 1
        )
        classes = self.relative[torch.cat([own, known], 1)]  # (n, 5, 46)
        relative = relative.unflatten(1, (5, INTERVALS)).gather(2, classes).sum(1)
        pitches = self.degrees.table[:, :REST]
        relative = relative + of_home.gather(1, pitches[home]) + of_recent.gather(1, pitches[recent])
        again = again * (self.symbols == followed.gather(1, voice[:, None]))
        return absolute + functional.pad(relative, (0, 1)) + again, tie[:, 0]

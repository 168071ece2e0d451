"""Train the harmoniser on the output of prepare.py, validate on the JSB benchmark's validation pieces.

    python -m export_tools.harmoniser.train chorales.npz PIECES.json RUN_FOLDER [--resume]

Writes best.pt (averaged weights with the lowest validation loss) and last.pt (everything, to resume from). Half of the
pieces of an epoch are shown as printed: bar positions, ties, fermatas. The other half are shown as in the benchmark:
position counted from the first note, ties and fermatas unknown, the last chord often a beat longer, repeats mostly
played. Several threads draw from one random generator, so a run with the same seed is then not the same bit by bit.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from export_tools.common import schedule, trainer
from export_tools.common.averaging import Averaging

from .model import REST, UNKNOWN, VOICES, HarmoniserNet, HarmoniserShape

SHAPE = HarmoniserShape()
LONGEST, SHORTEST = 448, 96  # frames of a crop: at most LONGEST, and at least SHORTEST where the piece has them
OPENING, OPENINGS = 16, 2  # frames of a passage shown as if the music began there; such passages of each piece
BEAT = 4  # frames
ROOM = 2  # semitones by which a transposed voice may leave its range in the data
NO_FERMATA_KNOWN = 2
FORGET = 0.1  # share of the past symbols that the recurrent part does not see, against learning pieces by heart
View = dict[str, np.ndarray]  # one piece as shown in one epoch
Shard = dict[str, Tensor]  # padded views
Batch = list[Shard]  # a shard for each thread


def option(default: float, text: str) -> Any:
    """A field with its help on the command line."""
    return field(default=default, metadata={"help": text})


@dataclass(frozen=True)
class HarmoniserConfig:
    """How the net is trained; each field is an option of the command line."""

    epochs: int = 48
    batch: int = option(8, "pieces")
    rate: float = option(1e-3, "highest learning rate")
    dropout: float = option(0.5, "of the net; some parts have less")
    decay: float = option(0.1, "of the weights, by AdamW")
    average: float = option(0.997, "decay of the averaged weights per step")
    any_order: float = option(0.5, "share of pieces whose voices are predicted in random order")
    threads: int = option(2, "that share a batch")


class Chorales:
    """The pieces of prepare.py, shown transposed, in batches of similar length."""

    def __init__(self, path: Path):
        data = np.load(path)
        names = sorted({name.rsplit("/", 1)[0] for name in data.files})
        self.pieces = {n: {k: data[f"{n}/{k}"] for k in ("midi", "held", "fermata", "position")} for n in names}
        self.printed = [name for name in names if not name.endswith("+repeats")]
        pitches = np.concatenate([self.pieces[name]["midi"] for name in self.printed]).astype(float)
        pitches[pitches < 0] = np.nan
        self.low, self.high = np.nanmin(pitches, 0), np.nanmax(pitches, 0)

    def view(self, name: str, rng: np.random.Generator) -> View:
        """A random view of one piece; `symbol` and `before`, the frame before each, are (T, 4)."""
        benchmark = rng.random() < 0.5
        if f"{name}+repeats" in self.pieces and rng.random() < (0.7 if benchmark else 0.5):
            name += "+repeats"
        piece = dict(self.pieces[name])
        if benchmark:
            longer = BEAT * (rng.random() < 0.6)
            piece = {k: np.pad(v, [(0, longer)] + [(0, 0)] * (v.ndim - 1), mode="edge") for k, v in piece.items()}
            piece["position"] = np.arange(len(piece["midi"])) % 16
        midi = piece["midi"].astype(int)
        sounding = np.where(midi >= 0, midi, np.nan)
        low, high = np.nanmin(sounding, 0), np.nanmax(sounding, 0)
        least, most = np.nanmax(self.low - low) - ROOM, np.nanmin(self.high - high) + ROOM
        shifts = np.arange(max(-6, least), min(6, most) + 1)
        shifts = shifts[(shifts + np.nanmin(low) >= 36) & (shifts + np.nanmax(high) <= 81)]
        shift = int(rng.choice(shifts)) if len(shifts) and rng.random() < 0.9 else 0
        symbol = np.where(midi >= 0, midi + shift - 36, REST)
        repeated = np.zeros_like(symbol, bool)
        repeated[1:] = (symbol[1:] == symbol[:-1]) & (symbol[1:] != REST)
        held = repeated if benchmark else piece["held"]
        unknown = benchmark or rng.random() < 0.3
        shown = {
            "symbol": symbol,
            "before": np.concatenate([np.full((1, VOICES), UNKNOWN), symbol[:-1]]),
            "held": np.concatenate([np.zeros((1, VOICES), int), held[:-1]]),
            "position": piece["position"],
            "fermata": np.full(len(symbol), NO_FERMATA_KNOWN) if unknown else piece["fermata"],
            "tie": np.where(repeated & (not benchmark), held, -1),
        }
        first = 0 if rng.random() < 0.6 else int(rng.integers(0, max(1, len(symbol) - SHORTEST)))
        return {k: v[first : first + LONGEST] for k, v in shown.items()}

    def epoch(self, size: int, shards: int, rng: np.random.Generator) -> list[Batch]:
        """Every chorale once, in batches of `size` pieces with at most so many shards."""
        views = [self.view(name, rng) for name in rng.permutation(self.printed)]
        views.sort(key=lambda v: len(v["symbol"]) + rng.uniform(-24, 24))
        groups = [views[i : i + size] for i in range(0, len(views), size)]
        batches = []
        for group in groups:
            openings = [opening(view, rng) for view in group for _ in range(OPENINGS)]
            parts = min(shards, len(group))
            shown = [part[i::parts] for part in (group, openings) for i in range(parts)]
            batches.append([collate(part) for part in shown])
        return [batches[i] for i in rng.permutation(len(batches))]


def opening(view: View, rng: np.random.Generator) -> View:
    """A bar of a piece, as if the music began there: Bach opens with few kinds of chords, players with any."""
    first = int(rng.integers(0, max(1, len(view["symbol"]) - OPENING)))
    shown = {k: v[first : first + OPENING].copy() for k, v in view.items()}
    shown["before"][0], shown["held"][0] = UNKNOWN, 0
    shown["tie"][0] = -1
    return shown


def collate(views: list[View]) -> Shard:
    """Pieces padded to the longest; `real` (batch, T) is false in the padding."""
    length = max(len(v["symbol"]) for v in views)
    batch = {}
    for key in views[0]:
        fill = [np.pad(v[key], [(0, length - len(v[key]))] + [(0, 0)] * (v[key].ndim - 1)) for v in views]
        batch[key] = torch.from_numpy(np.stack(fill).astype(np.int64))
    batch["real"] = torch.from_numpy(np.stack([np.arange(length) < len(v["symbol"]) for v in views]))
    return batch


def benchmark_view(piece: list[list[int]]) -> View:
    """A piece of PIECES.json as the benchmark shows it."""
    symbol = np.where(np.array(piece) >= 0, np.array(piece) - 36, REST)
    repeated = np.zeros_like(symbol)
    repeated[1:] = (symbol[1:] == symbol[:-1]) & (symbol[1:] != REST)
    return {
        "symbol": symbol,
        "before": np.concatenate([np.full((1, VOICES), UNKNOWN), symbol[:-1]]),
        "held": np.concatenate([np.zeros((1, VOICES), int), repeated[:-1]]),
        "position": np.arange(len(symbol)) % 16,
        "fermata": np.full(len(symbol), NO_FERMATA_KNOWN),
        "tie": np.full_like(symbol, -1),
    }


def known_before(rank: Tensor, symbol: Tensor) -> Tensor:
    """Ranks of the voices (n, 4) in the order of prediction, symbols (n, 4) → symbols known to each voice (n, 4, 4)."""
    earlier = rank[:, None, :] < rank[:, :, None]
    return torch.where(earlier, symbol[:, None, :], UNKNOWN)


def losses(model: HarmoniserNet, batch: Shard, any_order: float) -> tuple[Tensor, Tensor]:
    """Nats of all symbols per note and of the known ties per note, over the frames that are real."""
    forgotten = torch.rand(batch["before"].shape) < (FORGET if model.training else 0)
    context = model.contexts(batch["before"], batch["held"], batch["position"], batch["fermata"], forgotten)
    real = batch["real"]
    symbol, before = batch["symbol"][real], batch["before"][real]
    count = len(symbol)
    shuffled = (torch.rand(len(real), 1) < any_order).expand(real.shape)[real]
    rank = torch.where(shuffled[:, None], torch.rand(count, VOICES).argsort(1), torch.arange(VOICES))
    known = known_before(rank, symbol).flatten(0, 1)
    voice = torch.arange(VOICES).repeat(count)
    wide = context[real][:, None].expand(-1, VOICES, -1).flatten(0, 1)
    previous = before[:, None].expand(-1, VOICES, -1).flatten(0, 1)
    logits, tie = model.head(wide, previous, known, voice)
    notes = functional.cross_entropy(logits, symbol.flatten())
    struck = batch["tie"][real].flatten()
    ties = functional.binary_cross_entropy_with_logits(tie, struck.clamp(0).float(), reduction="none")
    return notes, (ties * (struck >= 0)).sum() / len(struck)


def gradient(model: HarmoniserNet, batch: Batch, any_order: float, pool: ThreadPoolExecutor) -> tuple[float, int]:
    """Set the gradient of a batch, one thread per shard. Nats per note, and the number of frames.

    Threads that synchronise once a step are faster than those within matrix products, which wait for each other
    thousands of times a step, as soon as anything else runs on the machine.
    """
    parameters = list(model.parameters())
    frames = sum(int(shard["real"].sum()) for shard in batch)

    def work(shard: Shard) -> tuple[float, tuple[Tensor, ...]]:
        notes, ties = losses(model, shard, any_order)
        share = int(shard["real"].sum()) / frames
        return notes.item() * share, torch.autograd.grad((notes + ties) * share, parameters)

    done = list(pool.map(work, batch))
    for parameter, *parts in zip(parameters, *(grads for _, grads in done), strict=True):
        parameter.grad = sum(parts[1:], parts[0])
    return sum(nats for nats, _ in done), frames


@torch.no_grad()
def validate(net: HarmoniserNet, batches: list[Shard]) -> float:
    """Nats per note, S A T B, pooled over all notes as in the benchmark."""
    net.eval()
    total = sum(losses(net, b, any_order=0)[0].item() * int(b["real"].sum()) for b in batches)
    net.train()
    return total / sum(int(b["real"].sum()) for b in batches)


def recipe(config: HarmoniserConfig) -> trainer.Recipe:
    """AdamW with a cosine learning rate."""
    return trainer.Recipe(
        epochs=config.epochs,
        optimiser=lambda net: trainer.adamw(net, config.rate, config.decay, betas=(0.9, 0.98)),
        rate=schedule.cosine_after_warm_up(config.rate),
        clip=1.0,
        averaging=Averaging(config.average),
        validate_every=2,
    )


class HarmoniserTask:
    """Chorales and a net for the training loop (trainer.Task). `start`: a checkpoint with the first weights, if any."""

    def __init__(self, chorales: Path, pieces: Path, config: HarmoniserConfig, start: Path | None = None):
        self.config, self.recipe, self.start, self.data = config, recipe(config), start, Chorales(chorales)
        views = sorted(map(benchmark_view, json.loads(pieces.read_text())["valid"]), key=lambda v: len(v["symbol"]))
        self.valid = [collate(views[i : i + 8]) for i in range(0, len(views), 8)]
        self.pool = ThreadPoolExecutor(config.threads, initializer=torch.set_num_threads, initargs=(1,))
        self.steps_per_epoch = -(-len(self.data.printed) // config.batch)
        self.training = {"chorales": len(self.data.printed), "files": self.data.printed, "options": asdict(config)}
        metrics = {
            "split": "jsb16 valid",
            "pieces": len(views),
            "notes": int(sum(b["real"].sum() for b in self.valid)) * VOICES,
            "definition": "causal, S A T B, MIDI 36-81 and rest, nats, pooled over frames x 4",
        }
        self.about = {"shape": asdict(SHAPE), "metrics": metrics}

    def make_net(self) -> nn.Module:
        net = HarmoniserNet(SHAPE, self.config.dropout)
        if self.start:
            net.load_state_dict(torch.load(self.start, weights_only=True)["weights"])
        return net

    def batches(self, rng: np.random.Generator) -> Iterable[Batch]:
        return self.data.epoch(self.config.batch, self.config.threads, rng)

    def backward(self, net: nn.Module, batch: Batch, states: None) -> tuple[trainer.Sums, None]:
        nats, frames = gradient(net, batch, self.config.any_order, self.pool)
        return {"nats": (nats * frames, frames)}, None

    def validate(self, net: nn.Module) -> dict[str, float]:
        return {"nats": validate(net, self.valid)}


def main() -> None:
    parser = trainer.parser(
        __doc__, chorales=".npz of prepare.py", pieces="validation pieces: an object with the list `valid`"
    )
    parser.add_argument("--start", type=Path, help="begin with the averaged weights of this checkpoint")
    parser.set_defaults(epochs=HarmoniserConfig.epochs)
    options = fields(HarmoniserConfig)
    for each in options[1:]:
        flag = f"--{each.name.replace('_', '-')}"
        parser.add_argument(flag, type=type(each.default), default=each.default, help=each.metadata["help"])
    args = parser.parse_args()
    config = HarmoniserConfig(**{each.name: getattr(args, each.name) for each in options})
    trainer.main(HarmoniserTask(args.chorales, args.pieces, config, args.start), args)


if __name__ == "__main__":
    main()

"""Train the harmoniser on the output of prepare.py, validate on the JSB benchmark's validation pieces.

    python -m export_tools.harmoniser.train chorales.npz PIECES.json RUN_FOLDER [--resume]

Writes best.pt (averaged weights with the lowest validation loss) and last.pt (everything, to resume from). Half of the
pieces of an epoch are shown as printed: bar positions, ties, fermatas. The other half are shown as in the benchmark:
position counted from the first note, ties and fermatas unknown, the last chord often a beat longer, repeats mostly
played. With several threads, which draw from one random generator, runs with the same seed are not bit-identical.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from daemon.encodings.chorale import (
    HIGHEST,
    LOWEST,
    REST,
    STEPS_PER_BAR,
    STEPS_PER_BEAT,
    UNKNOWN,
    VOICES,
    Symbols,
    repeated,
)
from export_tools.common import checkpoint, command, schedule, trainer
from export_tools.common.averaging import Averaging
from export_tools.common.files import read_arrays, using

from .evaluate import read_pieces
from .hints import hidden, hide, hints_of, home_of, transposed
from .model import HINTS, HarmoniserNet, HarmoniserShape

SHAPE = HarmoniserShape()
LONGEST_CROP, SHORTEST_CROP = 448, 96  # frames; a shorter piece is not cropped
OPENING_LENGTH, OPENINGS = 16, 2  # frames of a passage shown as if the music began there; passages of each piece
RANGE_MARGIN = 2  # semitones by which a transposed voice may leave its range in the data
FORGOTTEN_SHARE = 0.1  # of the past symbols: hidden from the recurrent part, so that it does not memorise pieces
View = dict[str, np.ndarray]  # one piece as shown in one epoch
Shard = dict[str, Tensor]  # padded views
Batch = list[Shard]  # for each thread, a shard of pieces and a shard of openings


def argument(default: float, help: str) -> Any:
    """A field of the configuration, with its help on the command line."""
    return field(default=default, metadata={"help": help})


@dataclass(frozen=True)
class HarmoniserConfig:
    """How the net is trained; each field is an argument of the command line."""

    epochs: int = 48
    batch: int = argument(8, "pieces of a batch")
    rate: float = argument(1e-3, "highest learning rate")
    dropout: float = argument(0.5, "dropout of the net; some parts have less")
    decay: float = argument(0.1, "weight decay of AdamW")
    average: float = argument(0.997, "decay of the averaged weights per step")
    any_order: float = argument(0.5, "share of pieces whose voices are predicted in random order")
    threads: int = argument(2, "threads that share a batch")


class Chorales:
    """The pieces of prepare.py, shown transposed, in batches of similar length."""

    def __init__(self, path: Path):
        with using(path, "prepare.py"):
            data = read_arrays(path)
            names = sorted({name.rsplit("/", 1)[0] for name in data})
            self.pieces = {n: {k: data[f"{n}/{k}"] for k in ("midi", "held", "fermata", "position")} for n in names}
            self.homes = {n: home_of(piece["midi"]) for n, piece in self.pieces.items()}
            self.printed = [name for name in names if not name.endswith("+repeats")]
            pitches = np.concatenate([self.pieces[name]["midi"] for name in self.printed]).astype(float)
        pitches[pitches < 0] = np.nan
        self.low, self.high = np.nanmin(pitches, 0), np.nanmax(pitches, 0)

    def view(self, name: str, rng: np.random.Generator) -> View:
        """A random view of one piece; `symbol`, `before`, the frame before each, `held` and `tie` are (T, 4)."""
        benchmark = rng.random() < 0.5
        if f"{name}+repeats" in self.pieces and rng.random() < (0.7 if benchmark else 0.5):
            name += "+repeats"
        piece = dict(self.pieces[name])
        if benchmark:
            added = STEPS_PER_BEAT * (rng.random() < 0.6)  # frames
            piece = {k: np.pad(v, [(0, added)] + [(0, 0)] * (v.ndim - 1), mode="edge") for k, v in piece.items()}
            piece["position"] = np.arange(len(piece["midi"])) % STEPS_PER_BAR
        midi = piece["midi"].astype(int)
        sounding = np.where(midi >= 0, midi, np.nan)
        low, high = np.nanmin(sounding, 0), np.nanmax(sounding, 0)
        least = np.nanmax(self.low - low) - RANGE_MARGIN
        most = np.nanmin(self.high - high) + RANGE_MARGIN
        shifts = np.arange(max(-6, least), min(6, most) + 1)
        shifts = shifts[(shifts + np.nanmin(low) >= LOWEST) & (shifts + np.nanmax(high) <= HIGHEST)]
        shift = int(rng.choice(shifts)) if len(shifts) and rng.random() < 0.9 else 0
        symbol = np.where(midi >= 0, midi + shift - LOWEST, REST)
        repeats = repeated(symbol)
        held = repeats if benchmark else piece["held"]
        hints = hints_of(symbol, held, piece["fermata"], transposed(self.homes[name], shift))
        shown = {
            "symbol": symbol,
            **past(symbol, held),
            "position": piece["position"],
            "tie": np.where(repeats & (not benchmark), held, -1),
            **hide(hints, rng, hides_fermata=benchmark),
        }
        first = 0 if rng.random() < 0.6 else int(rng.integers(0, max(1, len(symbol) - SHORTEST_CROP)))
        return {k: v[first : first + LONGEST_CROP] for k, v in shown.items()}

    def epoch(self, size: int, shards: int, rng: np.random.Generator) -> list[Batch]:
        """Every chorale once, in batches of `size` pieces in up to `shards` shards, and as many shards of openings."""
        views = [self.view(name, rng) for name in rng.permutation(self.printed)]
        views.sort(key=lambda v: len(v["symbol"]) + rng.uniform(-24, 24))
        groups = [views[i : i + size] for i in range(0, len(views), size)]
        batches = []
        for group in groups:
            openings = [opening(view, rng) for view in group for _ in range(OPENINGS)]
            count = min(shards, len(group))
            parts = [part[i::count] for part in (group, openings) for i in range(count)]
            batches.append([collate(part) for part in parts])
        return [batches[i] for i in rng.permutation(len(batches))]


def past(symbol: np.ndarray, held: np.ndarray) -> View:
    """`before`, the symbols of the frame before each, and `held` of that frame: (T, 4) each."""
    start = np.full((1, len(VOICES)), UNKNOWN)
    return {
        "before": np.concatenate([start, symbol[:-1]]),
        "held": np.concatenate([np.zeros_like(start), held[:-1]]),
    }


def opening(view: View, rng: np.random.Generator) -> View:
    """A bar of a piece, as if the music began there: Bach opens with few kinds of chords, musicians with any."""
    first = int(rng.integers(0, max(1, len(view["symbol"]) - OPENING_LENGTH)))
    shown = {k: v[first : first + OPENING_LENGTH].copy() for k, v in view.items()}
    shown["before"][0], shown["held"][0] = UNKNOWN, 0
    shown["tie"][0] = -1
    return shown


def collate(views: list[View]) -> Shard:
    """Views padded to the length of the longest; `real` (batch, T) is false in the padding."""
    length = max(len(v["symbol"]) for v in views)
    shard = {}
    for key in views[0]:
        padded = [np.pad(v[key], [(0, length - len(v[key]))] + [(0, 0)] * (v[key].ndim - 1)) for v in views]
        shard[key] = torch.from_numpy(np.stack(padded).astype(np.int64))
    shard["real"] = torch.from_numpy(np.stack([np.arange(length) < len(v["symbol"]) for v in views]))
    return shard


def benchmark_view(symbol: Symbols) -> View:
    """A piece of PIECES.json as the benchmark shows it."""
    return {
        "symbol": symbol,
        **past(symbol, repeated(symbol)),
        "position": np.arange(len(symbol)) % STEPS_PER_BAR,
        "tie": np.full_like(symbol, -1),
        **hidden(len(symbol)),
    }


def known_before(rank: Tensor, symbol: Tensor) -> Tensor:
    """Ranks of the voices in the order of prediction (n, 4), symbols (n, 4) → symbols known to each voice (n, 4, 4)."""
    earlier = rank[:, None, :] < rank[:, :, None]
    return torch.where(earlier, symbol[:, None, :], UNKNOWN)


def losses(model: HarmoniserNet, batch: Shard, any_order: float) -> tuple[Tensor, Tensor]:
    """Nats of all symbols and of the known ties, each per note of the real frames."""
    forgotten = torch.rand(batch["before"].shape) < (FORGOTTEN_SHARE if model.training else 0)
    hints = {name: batch[name] for name in HINTS}
    context = model.contexts(batch["before"], batch["held"], batch["position"], hints, forgotten)
    real = batch["real"]
    symbol, before = batch["symbol"][real], batch["before"][real]
    count = len(symbol)
    shuffled = (torch.rand(len(real), 1) < any_order).expand(real.shape)[real]
    rank = torch.where(shuffled[:, None], torch.rand(count, len(VOICES)).argsort(1), torch.arange(len(VOICES)))
    known = known_before(rank, symbol).flatten(0, 1)
    voice = torch.arange(len(VOICES)).repeat(count)
    by_voice = context[real][:, None].expand(-1, len(VOICES), -1).flatten(0, 1)
    previous = before[:, None].expand(-1, len(VOICES), -1).flatten(0, 1)
    logits, tie = model.head(by_voice, previous, known, voice)
    notes = functional.cross_entropy(logits, symbol.flatten())
    target = batch["tie"][real].flatten()
    ties = functional.binary_cross_entropy_with_logits(tie, target.clamp(0).float(), reduction="none")
    return notes, (ties * (target >= 0)).sum() / len(target)


def gradient(model: HarmoniserNet, batch: Batch, any_order: float, pool: ThreadPoolExecutor) -> tuple[float, int]:
    """Set the gradient of a batch, with one thread per shard. Returns nats per note, and the number of frames.

    As soon as anything else runs on the machine, threads that synchronise once a step are faster than threads within
    matrix products, which wait for each other thousands of times a step.
    """
    parameters = list(model.parameters())
    frames = sum(int(shard["real"].sum()) for shard in batch)

    def shard_gradient(shard: Shard) -> tuple[float, tuple[Tensor, ...]]:
        notes, ties = losses(model, shard, any_order)
        share = int(shard["real"].sum()) / frames
        return notes.item() * share, torch.autograd.grad((notes + ties) * share, parameters)

    results = list(pool.map(shard_gradient, batch))
    for parameter, *parts in zip(parameters, *(gradients for _, gradients in results), strict=True):
        parameter.grad = sum(parts[1:], parts[0])
    return sum(nats for nats, _ in results), frames


@torch.no_grad()
def validate(net: HarmoniserNet, batches: list[Shard]) -> float:
    """Nats per note, with the voices in the order S A T B, pooled over all notes as in the benchmark."""
    net.eval()
    total = sum(losses(net, b, any_order=0)[0].item() * int(b["real"].sum()) for b in batches)
    net.train()
    return total / sum(int(b["real"].sum()) for b in batches)


def recipe(config: HarmoniserConfig) -> trainer.Recipe:
    """AdamW with a cosine learning-rate schedule."""
    return trainer.Recipe(
        epochs=config.epochs,
        optimiser=lambda net: trainer.adamw(net, config.rate, config.decay, betas=(0.9, 0.98)),
        rate=schedule.cosine_after_warm_up(config.rate),
        clip=1.0,
        averaging=Averaging(config.average),
        validate_every=2,
    )


class HarmoniserTask:
    """Chorales and net for the training loop (trainer.Task). `start`: a checkpoint with the initial weights, if any."""

    def __init__(self, chorales: Path, pieces: Path, config: HarmoniserConfig, start: Path | None = None):
        self.config, self.recipe, self.start, self.data = config, recipe(config), start, Chorales(chorales)
        views = sorted(map(benchmark_view, read_pieces(pieces, "valid")), key=lambda v: len(v["symbol"]))
        self.valid = [collate(views[i : i + 8]) for i in range(0, len(views), 8)]
        self.pool = ThreadPoolExecutor(config.threads, initializer=torch.set_num_threads, initargs=(1,))
        self.steps_per_epoch = -(-len(self.data.printed) // config.batch)
        self.training = {"chorales": len(self.data.printed), "files": self.data.printed, "options": asdict(config)}
        metrics = {
            "split": "jsb16 valid",
            "pieces": len(views),
            "notes": int(sum(b["real"].sum() for b in self.valid)) * len(VOICES),
            "definition": "causal, S A T B, MIDI 36-81 and rest, nats, pooled over frames x 4",
        }
        self.about = {"shape": asdict(SHAPE), "metrics": metrics}

    def make_net(self) -> nn.Module:
        net = HarmoniserNet(SHAPE, self.config.dropout)
        if self.start:
            saved = checkpoint.load(self.start)
            with checkpoint.fitting(self.start):
                checkpoint.load_grown(net, saved["weights"])
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
    parser.add_argument("--start", type=Path, help="start from the averaged weights of this checkpoint")
    parser.set_defaults(epochs=HarmoniserConfig.epochs)
    options = fields(HarmoniserConfig)
    for each in options[1:]:
        flag = f"--{each.name.replace('_', '-')}"
        parser.add_argument(flag, type=type(each.default), default=each.default, help=each.metadata["help"])
    args = parser.parse_args()
    config = HarmoniserConfig(**{each.name: getattr(args, each.name) for each in options})
    trainer.main(HarmoniserTask(args.chorales, args.pieces, config, args.start), args)


if __name__ == "__main__":
    sys.exit(command.exit_code(main))

"""Train the harmoniser on the output of prepare.py, validate on the JSB benchmark's validation pieces.

    python -m export_tools.harmoniser.train chorales.npz PIECES.json RUN_FOLDER [--resume]

Writes last.pt (everything, to resume from) and best.pt (averaged weights with the lowest validation NLL). Half of the
pieces of an epoch are shown as they are printed: bar positions, ties, fermatas. The other half are shown the way the
benchmark writes them: position counted from the first note, ties and fermatas unknown, the last chord often a beat
longer, repeats mostly played.
"""

import argparse
import json
import math
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from torch.nn.utils import clip_grad_norm_
from tqdm import tqdm

from .model import REST, SYMBOLS, UNKNOWN, VOICES, Harmoniser

LONGEST, SHORTEST = 448, 96  # frames; pieces are cropped to at most the one, and may begin anywhere before the other
OPENING, OPENINGS = 16, 2  # frames, and how many of each piece are also shown as if the music began there
BEAT = 4
ROOM = 2  # semitones that a transposed voice may be out of the range it has in the data
NO_FERMATA_KNOWN = 2
FORGET = 0.1  # share of the symbols of the past that the recurrent part does not see, against learning pieces by heart
Batch = dict[str, Tensor]


class Chorales:
    """Pieces with all that prepare.py knows of them, shown transposed, as batches of similar length."""

    def __init__(self, path: Path, seed: int):
        data = np.load(path)
        names = sorted({name.rsplit("/", 1)[0] for name in data.files})
        self.pieces = {n: {k: data[f"{n}/{k}"] for k in ("midi", "held", "fermata", "position")} for n in names}
        self.printed = [name for name in names if not name.endswith("+repeats")]
        pitches = np.concatenate([self.pieces[name]["midi"] for name in self.printed]).astype(float)
        pitches[pitches < 0] = np.nan
        self.low, self.high = np.nanmin(pitches, 0), np.nanmax(pitches, 0)
        self.rng = np.random.default_rng(seed)

    def view(self, name: str) -> dict[str, np.ndarray]:
        """One piece as drawn for this epoch; `symbol` (T, 4), `before` (4) = the frame before it."""
        rng = self.rng
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

    def epoch(self, size: int, shards: int) -> list[list[Batch]]:
        """Every chorale once: batches of `size` pieces, each in shards for as many threads."""
        views = [self.view(name) for name in self.rng.permutation(self.printed)]
        views.sort(key=lambda v: len(v["symbol"]) + self.rng.uniform(-24, 24))
        groups = [views[i : i + size] for i in range(0, len(views), size)]
        batches = []
        for group in groups:
            openings = [self.opening(view) for view in group for _ in range(OPENINGS)]
            parts = min(shards, len(group))
            shown = [part[i::parts] for part in (group, openings) for i in range(parts)]
            batches.append([collate(part) for part in shown])
        return [batches[i] for i in self.rng.permutation(len(batches))]

    def opening(self, view: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """A bar from anywhere in a piece, with nothing before it: Bach begins on few kinds of chords, keys on all."""
        first = int(self.rng.integers(0, max(1, len(view["symbol"]) - OPENING)))
        shown = {k: v[first : first + OPENING].copy() for k, v in view.items()}
        shown["before"][0], shown["held"][0] = UNKNOWN, 0
        shown["tie"][0] = -1
        return shown


def collate(views: list[dict[str, np.ndarray]]) -> Batch:
    """Pieces padded to the longest; `real` (batch, T) is false in the padding."""
    length = max(len(v["symbol"]) for v in views)
    batch = {}
    for key in views[0]:
        fill = [np.pad(v[key], [(0, length - len(v[key]))] + [(0, 0)] * (v[key].ndim - 1)) for v in views]
        batch[key] = torch.from_numpy(np.stack(fill).astype(np.int64))
    batch["real"] = torch.from_numpy(np.stack([np.arange(length) < len(v["symbol"]) for v in views]))
    return batch


def benchmark_view(piece: list[list[int]]) -> dict[str, np.ndarray]:
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
    """Ranks of the voices (n, 4) within their frame, symbols (n, 4) → what each voice knows (n, 4 targets, 4)."""
    earlier = rank[:, None, :] < rank[:, :, None]
    return torch.where(earlier, symbol[:, None, :], UNKNOWN)


def losses(model: Harmoniser, batch: Batch, any_order: float) -> tuple[Tensor, Tensor]:
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


def gradient(model: Harmoniser, batch: list[Batch], any_order: float, pool: ThreadPoolExecutor) -> tuple[float, int]:
    """Sets the gradient of a batch, one thread per shard; its nats per note and count of frames.

    Threads that meet once a step beat those of one matrix product, which wait for each other thousands of times a
    step, as soon as anything else runs on the machine.
    """
    parameters = list(model.parameters())
    frames = sum(int(shard["real"].sum()) for shard in batch)

    def work(shard: Batch) -> tuple[float, tuple[Tensor, ...]]:
        notes, ties = losses(model, shard, any_order)
        share = int(shard["real"].sum()) / frames
        return notes.item() * share, torch.autograd.grad((notes + ties) * share, parameters)

    done = list(pool.map(work, batch))
    for parameter, *parts in zip(parameters, *(grads for _, grads in done), strict=True):
        parameter.grad = sum(parts[1:], parts[0])
    return sum(nats for nats, _ in done), frames


@torch.no_grad()
def validate(model: Harmoniser, batches: list[Batch]) -> float:
    """Nats per note, S A T B, pooled over all notes (REFERENCE: the benchmark)."""
    model.eval()
    total = sum(losses(model, b, any_order=0)[0].item() * int(b["real"].sum()) for b in batches)
    model.train()
    return total / sum(int(b["real"].sum()) for b in batches)


def rate(step: int, steps: int, peak: float, warm_up: int = 200) -> float:
    """Linear warm-up, then a cosine to a hundredth."""
    progress = max(0.0, (step - warm_up) / max(1, steps - warm_up))
    return peak * min(1, (step + 1) / warm_up) * (0.01 + 0.99 * (1 + math.cos(math.pi * min(1, progress))) / 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("chorales", type=Path, help=".npz of prepare.py")
    parser.add_argument("pieces", type=Path, help="validation pieces: an object with the list `valid`")
    parser.add_argument("run", type=Path, help="folder for checkpoints")
    parser.add_argument("--resume", action="store_true", help="go on from RUN_FOLDER/last.pt")
    parser.add_argument("--start", type=Path, help="begin with the averaged weights of this checkpoint")
    parser.add_argument("--epochs", type=int, default=48)
    parser.add_argument("--batch", type=int, default=8, help="pieces")
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--dropout", type=float, default=0.5)
    parser.add_argument("--decay", type=float, default=0.1, help="of the weights, AdamW")
    parser.add_argument("--average", type=float, default=0.997, help="of the weights, per step")
    parser.add_argument("--any-order", type=float, default=0.5, help="share of pieces with voices in random order")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    pool = ThreadPoolExecutor(args.threads, initializer=torch.set_num_threads, initargs=(1,))
    args.run.mkdir(parents=True, exist_ok=True)
    data = Chorales(args.chorales, args.seed)
    views = sorted(map(benchmark_view, json.loads(args.pieces.read_text())["valid"]), key=lambda v: len(v["symbol"]))
    valid = [collate(views[i : i + 8]) for i in range(0, len(views), 8)]
    model, average = Harmoniser(dropout=args.dropout), Harmoniser()
    if args.start:
        model.load_state_dict(torch.load(args.start, weights_only=True)["average"])
    average.load_state_dict(model.state_dict())
    matrices = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim <= 1]
    groups = [{"params": matrices, "weight_decay": args.decay}, {"params": others, "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, lr=args.rate, betas=(0.9, 0.98))
    steps = args.epochs * math.ceil(len(data.printed) / args.batch)
    step, epoch, best, minutes = 0, 0, math.inf, 0.0
    if args.resume:
        saved = torch.load(args.run / "last.pt", weights_only=False)
        model.load_state_dict(saved["model"])
        average.load_state_dict(saved["average"])
        optimiser.load_state_dict(saved["optimiser"])
        step, epoch, best, minutes = (saved[k] for k in ("step", "epoch", "best", "minutes"))
        data.rng.bit_generator.state = saved["rng"]
        torch.set_rng_state(saved["torch_rng"])
    bar = tqdm(total=steps, initial=step, unit="step", mininterval=10)
    began = time.perf_counter() - minutes * 60
    while epoch < args.epochs:
        notes_seen, nats = 0, 0.0
        for batch in data.epoch(args.batch, args.threads):
            for group in optimiser.param_groups:
                group["lr"] = rate(step, steps, args.rate)
            notes, count = gradient(model, batch, args.any_order, pool)
            clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            step += 1
            keep = min(args.average, (step + 1) / (step + 20))
            with torch.no_grad():
                torch._foreach_lerp_(list(average.parameters()), list(model.parameters()), 1 - keep)
            notes_seen, nats = notes_seen + count, nats + notes * count
            bar.update()
        epoch += 1
        minutes = (time.perf_counter() - began) / 60
        if epoch % 2 and epoch != args.epochs:
            continue
        nll = validate(average, valid)
        tqdm.write(f"epoch {epoch} step {step} {minutes:.1f} min: train {nats / notes_seen:.4f} valid {nll:.4f}")
        count = int(sum(b["real"].sum() for b in valid)) * VOICES
        card = {
            "shape": vars(model.shape),
            "average": average.state_dict(),
            "training": {
                "chorales": len(data.printed),
                "files": data.printed,
                "epochs": epoch,
                "steps": step,
                "minutes": round(minutes),
                "options": {k: v for k, v in vars(args).items() if isinstance(v, int | float) and k != "resume"},
            },
            "metrics": {
                "nll_per_note": round(nll, 4),
                "split": "jsb16 valid",
                "pieces": len(views),
                "notes": count,
                "definition": "causal, S A T B, MIDI 36-81 and rest, nats, pooled over frames x 4",
            },
        }
        if nll < best:
            best = nll
            save(card, args.run / "best.pt")
        state = {"model": model.state_dict(), "optimiser": optimiser.state_dict(), "rng": data.rng.bit_generator.state}
        state |= {"torch_rng": torch.get_rng_state(), "step": step, "epoch": epoch, "best": best, "minutes": minutes}
        save(card | state, args.run / "last.pt")


def save(content: dict, path: Path) -> None:
    """Whole or not at all."""
    torch.save(content, path.with_suffix(".new"))
    path.with_suffix(".new").replace(path)


if __name__ == "__main__":
    assert SYMBOLS == REST + 1
    main()

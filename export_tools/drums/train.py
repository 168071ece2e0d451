"""Train a drummer on what prepare.py wrote: ours, or the baseline.

    python -m export_tools.drums.train drums.npz RUN_FOLDER [--model rnn-drummer] [--resume]

Writes RUN_FOLDER/best.pt, the weights with the least nats per hit (instrument and exact time) on the validation split,
and RUN_FOLDER/last.pt, to go on from.
"""

from __future__ import annotations

import argparse
import math
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn.utils import clip_grad_norm_
from tqdm import tqdm

from .model import Groove
from .rnn_drummer import RnnDrummer
from .streams import Split

MODELS = {model.encoding: model for model in (Groove, RnnDrummer)}
# In the loss, beside instrument and time: what the figure leaves out counts less.
WEIGHTS = {"nats": 1.0, "velocity": 0.5, "first": 0.1}


@torch.no_grad()
def measure(model: nn.Module, split: Split) -> dict[str, float]:
    """Means over the hits of a split, but the first of each performance."""
    model.eval()
    sums: dict[str, list[float]] = {}
    states = None
    for numbers, anew in split.streams(32, 256, None):
        losses, states = model.losses(split, numbers, anew, states)
        for name, values in losses.items():
            total = sums.setdefault(name, [0.0, 0])
            total[0] += values.sum().item()
            total[1] += len(values)
    model.train()
    return {name: total / max(count, 1) for name, (total, count) in sums.items()}


def rate(progress: float, peak: float) -> float:
    """A warm-up over a fiftieth, then a cosine to a hundredth."""
    return peak * min(1.0, progress * 50 + 0.02) * (0.01 + 0.99 * (1 + math.cos(math.pi * min(1.0, progress))) / 2)


def save(content: dict, path: Path) -> None:
    """Whole or not at all."""
    torch.save(content, path.with_suffix(".new"))
    path.with_suffix(".new").replace(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("grooves", type=Path, help=".npz of prepare.py")
    parser.add_argument("run", type=Path, metavar="RUN_FOLDER")
    parser.add_argument("--model", choices=sorted(MODELS), default="metric")
    parser.add_argument("--resume", action="store_true", help="go on from RUN_FOLDER/last.pt")
    parser.add_argument("--epochs", type=int, help="by default those of the models that ship")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    train, valid = Split(args.grooves, "train"), Split(args.grooves, "validation")
    model, average = MODELS[args.model].of(train), MODELS[args.model].of(train)
    epochs = args.epochs or model.epochs
    average.load_state_dict(model.state_dict())
    matrices = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim <= 1]
    groups = [{"params": matrices, "weight_decay": model.decay}, {"params": others, "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, lr=model.rate)
    args.run.mkdir(parents=True, exist_ok=True)
    step, epoch, best, minutes = 0, 0, math.inf, 0.0
    if args.resume:
        saved = torch.load(args.run / "last.pt", weights_only=False)
        model.load_state_dict(saved["model"])
        average.load_state_dict(saved["weights"])
        optimiser.load_state_dict(saved["optimiser"])
        step, epoch, best, minutes = (saved[name] for name in ("step", "epoch", "best", "minutes"))
        rng.bit_generator.state = saved["rng"]
        torch.set_rng_state(saved["torch_rng"])
    # How many there are depends on the order of the performances: one order tells about how many.
    # How many there are depends on the order of the performances: any one tells about how many.
    pieces = sum(1 for _ in train.streams(model.rows, model.length, np.random.default_rng(0)))
    steps = epochs * pieces
    bar = tqdm(total=epochs * train.hits, initial=epoch * train.hits, unit="hit", unit_scale=True, mininterval=10)
    began = time.process_time() - minutes * 60
    while epoch < epochs:
        sums, states = np.zeros(3), None
        for numbers, anew in train.streams(model.rows, model.length, rng):
            for group in optimiser.param_groups:
                group["lr"] = rate(step / steps, model.rate)
            losses, states = model.losses(train, numbers, anew, states)
            nats = losses["nats"]
            loss = sum(losses[name].sum() * weight for name, weight in WEIGHTS.items() if name in losses)
            optimiser.zero_grad()
            (loss / max(len(nats), 1)).backward()
            clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            step += 1
            with torch.no_grad():
                lag = 1 - min(model.average, (step + 1) / (step + 20))
                torch._foreach_lerp_(
                    list(average.parameters()), list(model.parameters()), lag if model.average else 1.0
                )
            sums += nats.sum().item(), len(nats), losses["right"].sum().item() if "right" in losses else 0.0
            bar.update(int((numbers >= 0).sum()))
        epoch += 1
        minutes = (time.process_time() - began) / 60
        figures = measure(average, valid)
        shown = " ".join(f"{name} {value:.4f}" for name, value in figures.items())
        tqdm.write(
            f"epoch {epoch} {minutes:.1f} min: train {sums[0] / sums[1]:.4f} ({sums[2] / sums[1]:.4f}); valid {shown}"
        )
        content = {
            "encoding": args.model,
            "ticks": train.ticks,
            "styles": train.styles,
            "weights": average.state_dict(),
            "training": {
                "performances": len(train.first) - 1, "hits": train.hits, "epochs": epoch, "steps": step,
                "cpu_minutes": round(minutes), "seed": args.seed,
            },
            "validation": figures,
        }  # fmt: skip
        if figures["nats"] < best:
            best = figures["nats"]
            save(content, args.run / "best.pt")
        state = {"model": model.state_dict(), "optimiser": optimiser.state_dict(), "rng": rng.bit_generator.state}
        state |= {"torch_rng": torch.get_rng_state(), "step": step, "epoch": epoch, "best": best, "minutes": minutes}
        save(content | state, args.run / "last.pt")


if __name__ == "__main__":
    main()

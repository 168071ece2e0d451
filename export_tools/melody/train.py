"""Train a melody model on the output of prepare.py.

    python -m export_tools.melody.train tunes.npz RUN_FOLDER --config basic|lookback|attention|jamd [--resume]

Writes last.pt (everything, to resume from) and best.pt (the weights with the lowest loss on the validation tunes).
basic, lookback and attention are Magenta's (docs/models.md): Adam, rate 1e-3, dropout 0.5, gradients clipped, tunes in
C major. jamd has AdamW, a cosine learning rate, averaged weights, and every tune in any key that fits. The loss is nats
per 16th, without the first of each tune, of which Magenta's models know nothing.
"""

import argparse
import json
import math
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import clip_grad_norm_
from tqdm import tqdm

from daemon.encodings.melody import jamd
from daemon.encodings.melody.events import FIRST_PITCH, PITCHES
from daemon.encodings.melody.registry import ENCODINGS

from .model import Shape, build
from .tunes import Tune

DATA = "tunes of the 18th and 19th century: O'Neill's Music of Ireland (1850), Ryan's Mammoth Collection, Aird's Airs"
LICENCE = "the tunes are in the public domain"
NO_LABEL = -100
Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Config:
    """How a model is trained; `batch` in tunes, `average` per step (0: the weights as they are).

    `crop`: steps of a tune that are shown, from anywhere in it (0: all), and how often in an epoch.
    """

    shape: Shape
    epochs: int
    batch: int
    dropout: float
    clip: float
    rate: float = 1e-3
    decay: float = 0.0
    average: float = 0.0
    crop: int = 0
    shown: int = 1


CONFIGS = {
    "basic": Config(Shape("basic", 128), epochs=16, batch=8, dropout=0.5, clip=5),
    "lookback": Config(Shape("lookback", 128), epochs=16, batch=8, dropout=0.5, clip=5),
    "attention": Config(Shape("attention", 128), epochs=12, batch=16, dropout=0.5, clip=3, crop=160, shown=2),
    "jamd": Config(Shape("jamd", 256, layers=1), 4, 8, dropout=0.4, clip=1, rate=2e-3, decay=0.05, average=0.998),
}


def encoded(tune: Tune, name: str) -> Arrays:
    """What a net is fed at each 16th (time, …), and the `label` it should give (time,)."""
    encoding = ENCODINGS[name]
    positions = tune.positions()
    history = encoding.start(tune.meter, tune.position, encoding.transposition(tune.events))
    feeds, labels = [], []
    for event, position in zip(tune.events, positions[1:], strict=True):
        now = encoding.feeds(history)
        if now is not None:
            feeds.append(now)
            labels.append(event if name == "jamd" else encoding.label(history, event))
        history = encoding.observe(history, event, position)
    rows = {key: np.concatenate([row[key] for row in feeds]) for key in feeds[0]}
    small = {key: array.astype(np.int8 if array.dtype == np.float32 else np.int16) for key, array in rows.items()}
    if name == "jamd":
        labels[0] = NO_LABEL  # the loss is without the first 16th
    return {**small, "label": np.array(labels, np.int16)}


def load(path: Path, name: str) -> tuple[dict[str, list[Arrays]], dict[str, list[str]]]:
    """The encoded tunes and the files of each side. Encoding takes minutes: they are kept beside the data."""
    data = np.load(path)
    ends = np.cumsum(data["length"])
    rows = [data["events"][end - length : end].tolist() for end, length in zip(ends, data["length"], strict=True)]
    meters, positions, sides = data["meter"].tolist(), data["position"].tolist(), data["side"][data["source"]]
    tunes = [Tune(tuple(row), *place) for row, *place in zip(rows, meters, positions, strict=True)]
    kept = path.with_suffix(f".{name}.npz")
    if not kept.exists():
        everything = [encoded(tune, name) for tune in tqdm(tunes, desc=f"encoding for {name}", mininterval=5)]
        np.savez(kept, **{key: np.concatenate([one[key] for one in everything]) for key in everything[0]})
    flat = dict(np.load(kept))
    first = len(data["events"]) - len(flat["label"])  # 16ths that are not encoded: none, or the first of each tune
    lengths = data["length"] - (1 if first else 0)
    ends = np.cumsum(lengths)
    cut = [
        {key: array[end - length : end] for key, array in flat.items()}
        for end, length in zip(ends, lengths, strict=True)
    ]
    by_side = {side: [one for one, s in zip(cut, sides, strict=True) if s == side] for side in ("train", "valid")}
    files = {side: data["files"][data["side"] == side].tolist() for side in ("train", "valid")}
    return by_side, files


def collate(tunes: list[Arrays]) -> dict[str, Tensor]:
    """Tunes padded to the longest; where there is none, the label is NO_LABEL."""
    length = max(len(tune["label"]) for tune in tunes)
    batch = {}
    for key, example in tunes[0].items():
        shape = (len(tunes), length, *example.shape[1:])
        padded = np.full(shape, NO_LABEL if key == "label" else 0, np.int64 if key != "x" else np.float32)
        for row, tune in zip(padded, tunes, strict=True):
            row[: len(tune[key])] = tune[key]
        batch[key] = torch.from_numpy(padded)
    return batch


def batches(tunes: list[Arrays], size: int, rng: np.random.Generator | None) -> list[list[Arrays]]:
    """All tunes, those of similar length together; with `rng` in random order."""
    jitter = rng.uniform(-32, 32, len(tunes)) if rng else np.zeros(len(tunes))
    order = np.argsort([len(tune["label"]) for tune in tunes] + jitter)
    groups = [[tunes[i] for i in order[first : first + size]] for first in range(0, len(tunes), size)]
    return [groups[i] for i in rng.permutation(len(groups))] if rng else groups


def cropped(tune: Arrays, length: int, rng: np.random.Generator) -> Arrays:
    """So many steps from anywhere in a tune."""
    first = int(rng.integers(max(0, len(tune["label"]) - length) + 1))
    return {key: array[first : first + length] for key, array in tune.items()}


def without_pick_up(features: np.ndarray) -> np.ndarray:
    """Features of the encoding jamd as if the tune began with a bar: of files that do not tell where the bars are."""
    starts = np.array(jamd.STARTS)
    pause, sounds, long_bar, place, bar = starts[7], starts[9], starts[10], starts[11], starts[12]
    bar_steps, first = divmod(int(features[0, 10] - long_bar), jamd.LONGEST_BAR)
    if not first or bar_steps == jamd.LONGEST_BAR:
        return features
    changed, step = features.copy(), np.arange(len(features))
    now = step % bar_steps
    changed[:, 9] = sounds + now * jamd.SOUNDS + (features[:, 9] - sounds) % jamd.SOUNDS
    changed[:, 10] = long_bar + bar_steps * jamd.LONGEST_BAR + now
    changed[:, 11] = place + now * jamd.PAUSES + features[:, 7] - pause
    changed[:, 12] = bar + np.minimum(step // bar_steps + 1, jamd.BARS)
    return changed


def moved(tune: Arrays, rng: np.random.Generator) -> Arrays:
    """A tune of the encoding jamd as it is, or in another key that fits it within the pitches; some without pick-up."""
    if rng.random() < 0.25:
        tune = {**tune, "features": without_pick_up(tune["features"])}
    pitches = tune["label"][tune["label"] >= FIRST_PITCH] - FIRST_PITCH
    if not len(pitches) or rng.random() < 0.3:
        return tune
    semitones = int(rng.integers(max(-6, -pitches.min()), min(6, PITCHES - 1 - pitches.max()) + 1))
    events, own = jamd.transposed_events(semitones), jamd.transposed_pitches(semitones)
    clues = tune["clues"].copy()
    clues[:, 0] = own[clues[:, 0]]
    clues[:, 1] = np.where(clues[:, 1] == jamd.NO_KEY, clues[:, 1], (clues[:, 1] + semitones) % 12)
    clues[:, 2:] = events[clues[:, 2:]]
    label = np.where(tune["label"] == NO_LABEL, NO_LABEL, events[np.maximum(tune["label"], 0)])
    return {"features": jamd.transposed_features(semitones)[tune["features"]], "clues": clues, "label": label}


def epoch_of(tunes: list[Arrays], config: Config, rng: np.random.Generator) -> Iterator[dict[str, Tensor]]:
    """All tunes as they are shown in one epoch."""
    shown = tunes * config.shown
    if config.crop:
        shown = [cropped(tune, config.crop, rng) for tune in shown]
    for group in batches(shown, config.batch, rng):
        yield collate([moved(tune, rng) for tune in group] if config.shape.encoding == "jamd" else group)


def loss_of(model: nn.Module, batch: dict[str, Tensor]) -> tuple[Tensor, int]:
    """Nats per labelled 16th, and how many there are."""
    feeds = [array for key, array in batch.items() if key != "label"]
    label = batch["label"].flatten()
    loss = functional.cross_entropy(model(*feeds).flatten(0, 1), label, ignore_index=NO_LABEL)
    return loss, int((label != NO_LABEL).sum())


@torch.no_grad()
def validate(model: nn.Module, valid: list[dict[str, Tensor]]) -> float:
    """Nats per 16th over all tunes. Of Magenta's repeat labels each counts as a class of its own: an upper bound."""
    model.eval()
    losses = [loss_of(model, batch) for batch in valid]
    model.train()
    return sum(loss.item() * count for loss, count in losses) / sum(count for _, count in losses)


def options(config: Config) -> dict:
    """How it was trained, for the card, which has the epochs that were run beside it."""
    return {name: value for name, value in asdict(config).items() if name != "epochs"}


def rate(step: int, steps: int, config: Config) -> float:
    """Constant for Magenta's; for jamd a linear warm-up, then a cosine to a hundredth."""
    if not config.average:
        return config.rate
    progress = max(0.0, (step - 200) / max(1, steps - 200))
    return config.rate * min(1, (step + 1) / 200) * (0.01 + 0.99 * (1 + math.cos(math.pi * min(1, progress))) / 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tunes", type=Path, help=".npz of prepare.py")
    parser.add_argument("run", type=Path, help="folder for checkpoints")
    parser.add_argument("--config", required=True, choices=CONFIGS)
    parser.add_argument("--resume", action="store_true", help="go on from RUN_FOLDER/last.pt")
    parser.add_argument("--epochs", type=int, help="another number than the configuration's")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    config = CONFIGS[args.config]
    epochs = args.epochs or config.epochs
    args.run.mkdir(parents=True, exist_ok=True)
    tunes, files = load(args.tunes, args.config)
    valid = [collate(group) for group in batches(tunes["valid"], 16, None)]
    model, average = build(config.shape, config.dropout), build(config.shape)
    average.load_state_dict(model.state_dict())
    optimiser = torch.optim.AdamW(model.parameters(), lr=config.rate, weight_decay=config.decay)
    steps = epochs * math.ceil(len(tunes["train"]) * config.shown / config.batch)
    step, epoch, best, minutes = 0, 0, math.inf, 0.0
    if args.resume:
        saved = torch.load(args.run / "last.pt", weights_only=False)
        model.load_state_dict(saved["model"])
        average.load_state_dict(saved["weights"])
        optimiser.load_state_dict(saved["optimiser"])
        step, epoch, best, minutes = (saved[key] for key in ("step", "epoch", "best", "minutes"))
        rng.bit_generator.state = saved["rng"]
        torch.set_rng_state(saved["torch_rng"])
    bar = tqdm(total=steps, initial=step, unit="step", mininterval=10)
    began = time.process_time() - minutes * 60
    while epoch < epochs:
        nats, seen = 0.0, 0
        for batch in epoch_of(tunes["train"], config, rng):
            optimiser.param_groups[0]["lr"] = rate(step, steps, config)
            loss, count = loss_of(model, batch)
            optimiser.zero_grad()
            loss.backward()
            clip_grad_norm_(model.parameters(), config.clip)
            optimiser.step()
            step += 1
            keep = min(config.average, step / (step + 20))
            with torch.no_grad():
                torch._foreach_lerp_(list(average.parameters()), list(model.parameters()), 1 - keep)
            nats, seen = nats + loss.item() * count, seen + count
            bar.update()
        epoch += 1
        minutes = (time.process_time() - began) / 60
        loss = validate(average, valid)
        tqdm.write(f"epoch {epoch} step {step} {minutes:.1f} min: train {nats / seen:.4f} valid {loss:.4f}")
        training = {"data": DATA, "licence": LICENCE, "epochs": epoch, "steps": step, "minutes": round(minutes)}
        training |= {
            "seed": args.seed,
            "options": options(config),
            "files": len(files["train"]),
            "valid": files["valid"],
        }
        content = {"shape": asdict(config.shape), "weights": average.state_dict(), "training": training}
        if loss < best:
            best = loss
            save(content, args.run / "best.pt")
        state = {"model": model.state_dict(), "optimiser": optimiser.state_dict(), "rng": rng.bit_generator.state}
        state |= {"torch_rng": torch.get_rng_state(), "step": step, "epoch": epoch, "best": best, "minutes": minutes}
        save(content | state, args.run / "last.pt")
    print(json.dumps({"valid": round(best, 4), "minutes": round(minutes, 1)}))


def save(content: dict, path: Path) -> None:
    """Whole or not at all."""
    torch.save(content, path.with_suffix(".new"))
    path.with_suffix(".new").replace(path)


if __name__ == "__main__":
    main()

"""Train a melody model on the output of prepare.py.

    python -m export_tools.melody.train tunes.npz RUN_FOLDER --config basic|lookback|attention|jamd [--resume]

Writes best.pt (the weights with the lowest loss on the validation tunes) and last.pt (everything, to resume from).
basic, lookback and attention are Magenta's (docs/models.md): Adam, rate 1e-3, dropout 0.5, gradients clipped, tunes in
C major. jamd has AdamW, a cosine learning rate, averaged weights, and every tune in any key that fits. The loss is nats
per 16th, without the first of each tune, which Magenta's models do not predict.
"""

import contextlib
import sys
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from daemon.encodings.melody import jamd
from daemon.encodings.melody.events import FIRST_PITCH, PITCHES
from daemon.encodings.melody.registry import ENCODINGS
from export_tools.common import command, schedule, trainer
from export_tools.common.averaging import Averaging
from export_tools.common.files import BadFile, read_arrays, using, write_arrays

from .model import MelodyShape, build
from .tunes import Tune, unpacked

MUSIC = "dance tunes and airs: "  # and, by encoding:
KINDS = {
    "jamd": "answers and continuations in their style, in any meter",
    **{name: f"a baseline, the {name} RNN of Magenta's MelodyRNN" for name in ("basic", "lookback", "attention")},
}
DATA = "tunes of the 18th and 19th century: O'Neill's Music of Ireland (1850), Ryan's Mammoth Collection, Aird's Airs"
LICENCE = "the tunes are in the public domain"
NO_LABEL = -100  # cross_entropy ignores these steps
Arrays = dict[str, np.ndarray]  # one encoded tune: the inputs of the net, and the `label` of each 16th
Batch = dict[str, Tensor]


@dataclass(frozen=True)
class MelodyConfig:
    """How a model is trained; `batch` in tunes; `average`: decay of the averaged weights per step (0: no averaging).

    `crop`: length in steps of the random passages that are used instead of whole tunes (0: whole tunes); `shown`: how
    often each tune occurs in an epoch.
    """

    shape: MelodyShape
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
    "basic": MelodyConfig(MelodyShape("basic", 128), epochs=16, batch=8, dropout=0.5, clip=5),
    "lookback": MelodyConfig(MelodyShape("lookback", 128), epochs=16, batch=8, dropout=0.5, clip=5),
    "attention": MelodyConfig(
        MelodyShape("attention", 128), epochs=12, batch=16, dropout=0.5, clip=3, crop=160, shown=2
    ),
    "jamd": MelodyConfig(
        MelodyShape("jamd", 256, layers=1), epochs=4, batch=8, dropout=0.4, clip=1, rate=2e-3, decay=0.05, average=0.998
    ),
}


def encoded(tune: Tune, name: str) -> Arrays:
    """The inputs of a net at each 16th (time, …), and the `label` to predict (time,)."""
    encoding = ENCODINGS[name]
    positions = tune.positions()
    history = encoding.start(tune.meter, tune.position, encoding.transposition(tune.events))
    feeds, labels = [], []
    for event, position in zip(tune.events, positions[1:], strict=True):
        inputs = encoding.feeds(history)
        if inputs is not None:
            feeds.append(inputs)
            labels.append(event if name == "jamd" else encoding.label(history, event))
        history = encoding.observe(history, event, position)
    rows = {key: np.concatenate([row[key] for row in feeds]) for key in feeds[0]}
    small = {key: array.astype(np.int8 if array.dtype == np.float32 else np.int16) for key, array in rows.items()}
    if name == "jamd":
        labels[0] = NO_LABEL  # the loss is without the first 16th
    return {**small, "label": np.array(labels, np.int16)}


def load(path: Path, name: str) -> tuple[dict[str, list[Arrays]], dict[str, list[str]]]:
    """The encoded tunes and the files of each side. Raises BadFile."""
    with using(path, "prepare.py"):
        data = read_arrays(path)
        tunes, sides = unpacked(data), data["side"][data["source"]]
        files = {side: data["files"][data["side"] == side].tolist() for side in ("train", "valid")}
    if not all(files.values()):
        raise BadFile(f"{path}: no tunes to train on, or none to validate on: prepare ten different tunes or more")
    flat = encodings(path.with_suffix(f".{name}.npz"), tunes, name)
    # > 0 where the encoding leaves out the first 16th of each tune
    missing = len(data["events"]) - len(flat["label"])
    lengths = data["length"] - (1 if missing else 0)
    ends = np.cumsum(lengths)
    cut = [
        {key: array[end - length : end] for key, array in flat.items()}
        for end, length in zip(ends, lengths, strict=True)
    ]
    by_side = {side: [one for one, s in zip(cut, sides, strict=True) if s == side] for side in ("train", "valid")}
    return by_side, files


def encodings(cache: Path, tunes: list[Tune], name: str) -> Arrays:
    """The encoded tunes, one after the other. Encoding takes minutes: the file `cache` keeps the result.

    A file of other tunes, or a damaged one, is replaced. Raises BadFile if the file cannot be written.
    """
    checksum = zlib.crc32(repr(tunes).encode())
    with contextlib.suppress(BadFile), using(cache, "train.py"):
        kept = read_arrays(cache)
        if kept.pop("tunes") == checksum:
            return kept
    rows = [encoded(tune, name) for tune in tqdm(tunes, desc=f"encoding for {name}", mininterval=5)]
    flat = {key: np.concatenate([row[key] for row in rows]) for key in rows[0]}
    write_arrays(cache, {**flat, "tunes": np.array(checksum)})
    return flat


def collate(tunes: list[Arrays]) -> Batch:
    """Tunes padded to the longest; the label of the padding is NO_LABEL."""
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
    """All tunes in groups of similar length; with `rng` the groups are in random order."""
    jitter = rng.uniform(-32, 32, len(tunes)) if rng else np.zeros(len(tunes))
    order = np.argsort([len(tune["label"]) for tune in tunes] + jitter)
    groups = [[tunes[i] for i in order[first : first + size]] for first in range(0, len(tunes), size)]
    return [groups[i] for i in rng.permutation(len(groups))] if rng else groups


def cropped(tune: Arrays, length: int, rng: np.random.Generator) -> Arrays:
    """A passage of `length` steps from anywhere in a tune."""
    first = int(rng.integers(max(0, len(tune["label"]) - length) + 1))
    return {key: array[first : first + length] for key, array in tune.items()}


def without_pick_up(features: np.ndarray) -> np.ndarray:
    """Features of the encoding jamd as if the tune began on a bar line, as with files whose bar lines are unknown."""
    starts = np.array(jamd.FEATURE_STARTS)
    # numbers of features: see jamd._features
    pause, sounding, bar_and_place, place, bar = starts[7], starts[9], starts[10], starts[11], starts[12]
    bar_steps, first = divmod(int(features[0, 10] - bar_and_place), jamd.LONGEST_BAR)
    if not first or bar_steps == jamd.LONGEST_BAR:
        return features
    changed, step = features.copy(), np.arange(len(features))
    place_now = step % bar_steps
    changed[:, 9] = sounding + place_now * jamd.SOUNDING_CLASSES + (features[:, 9] - sounding) % jamd.SOUNDING_CLASSES
    changed[:, 10] = bar_and_place + bar_steps * jamd.LONGEST_BAR + place_now
    changed[:, 11] = place + place_now * jamd.PAUSE_CLASSES + features[:, 7] - pause
    changed[:, 12] = bar + np.minimum(step // bar_steps + 1, jamd.LAST_BAR)
    return changed


def augmented(tune: Arrays, rng: np.random.Generator) -> Arrays:
    """A tune of the encoding jamd, varied at random: seven of ten in a random key within the range, one of four without
    its pick-up."""
    if rng.random() < 0.25:
        tune = {**tune, "features": without_pick_up(tune["features"])}
    pitches = tune["label"][tune["label"] >= FIRST_PITCH] - FIRST_PITCH
    if not len(pitches) or rng.random() < 0.3:
        return tune
    semitones = int(rng.integers(max(-6, -pitches.min()), min(6, PITCHES - 1 - pitches.max()) + 1))
    transposed_event, transposed_pitch = jamd.transposed_events(semitones), jamd.transposed_pitches(semitones)
    clues = tune["clues"].copy()
    clues[:, 0] = transposed_pitch[clues[:, 0]]
    clues[:, 1] = np.where(clues[:, 1] == jamd.NO_KEY, clues[:, 1], (clues[:, 1] + semitones) % 12)
    clues[:, 2:] = transposed_event[clues[:, 2:]]
    label = np.where(tune["label"] == NO_LABEL, NO_LABEL, transposed_event[np.maximum(tune["label"], 0)])
    return {"features": jamd.transposed_features(semitones)[tune["features"]], "clues": clues, "label": label}


def epoch_of(tunes: list[Arrays], config: MelodyConfig, rng: np.random.Generator) -> Iterator[Batch]:
    """The batches of one epoch."""
    shown = tunes * config.shown
    if config.crop:
        shown = [cropped(tune, config.crop, rng) for tune in shown]
    for group in batches(shown, config.batch, rng):
        yield collate([augmented(tune, rng) for tune in group] if config.shape.encoding == "jamd" else group)


def loss_of(net: nn.Module, batch: Batch) -> tuple[Tensor, int]:
    """Nats per labelled 16th, and the number of labelled 16ths."""
    feeds = [array for key, array in batch.items() if key != "label"]
    label = batch["label"].flatten()
    loss = functional.cross_entropy(net(*feeds).flatten(0, 1), label, ignore_index=NO_LABEL)
    return loss, int((label != NO_LABEL).sum())


@torch.no_grad()
def validate(net: nn.Module, valid: list[Batch]) -> float:
    """Nats per 16th over all tunes. Each of Magenta's repeat labels counts as a class of its own: an upper bound."""
    net.eval()
    losses = [loss_of(net, batch) for batch in valid]
    net.train()
    return sum(loss.item() * count for loss, count in losses) / sum(count for _, count in losses)


def options(config: MelodyConfig) -> dict:
    """The options for the sidecar, which also has the number of epochs that were run."""
    return {name: value for name, value in asdict(config).items() if name != "epochs"}


def recipe(config: MelodyConfig) -> trainer.Recipe:
    """Adam at a constant rate for Magenta's; for jamd a linear warm-up, then a cosine."""
    return trainer.Recipe(
        epochs=config.epochs,
        optimiser=lambda net: torch.optim.AdamW(net.parameters(), lr=config.rate, weight_decay=config.decay),
        rate=schedule.cosine_after_warm_up(config.rate) if config.average else schedule.constant(config.rate),
        clip=config.clip,
        averaging=Averaging(config.average, head_start=0),
    )


class MelodyTask:
    """Tunes and a net for the training loop (trainer.Task)."""

    def __init__(self, path: Path, config: MelodyConfig):
        tunes, files = load(path, config.shape.encoding)
        self.config, self.recipe, self.tunes = config, recipe(config), tunes["train"]
        self.valid = [collate(group) for group in batches(tunes["valid"], 16, None)]
        self.steps_per_epoch = -(-len(self.tunes) * config.shown // config.batch)
        self.about = {"shape": asdict(config.shape)}
        music = MUSIC + KINDS[config.shape.encoding]
        self.training = {"music": music, "data": DATA, "licence": LICENCE, "options": options(config)}
        self.training |= {"files": len(files["train"]), "valid": files["valid"]}

    def make_net(self) -> nn.Module:
        return build(self.config.shape, self.config.dropout)

    def batches(self, rng: np.random.Generator) -> Iterable[Batch]:
        return epoch_of(self.tunes, self.config, rng)

    def backward(self, net: nn.Module, batch: Batch, states: None) -> tuple[trainer.Sums, None]:
        loss, count = loss_of(net, batch)
        loss.backward()
        return {"nats": (loss.item() * count, count)}, None

    def validate(self, net: nn.Module) -> dict[str, float]:
        return {"nats": validate(net, self.valid)}


def main() -> None:
    parser = trainer.parser(__doc__, tunes=".npz of prepare.py")
    parser.add_argument("--config", required=True, choices=CONFIGS)
    args = parser.parse_args()
    trainer.main(MelodyTask(args.tunes, CONFIGS[args.config]), args)


if __name__ == "__main__":
    sys.exit(command.exit_code(main))

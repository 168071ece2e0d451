"""Nats per hit of a drum model on MIDI files, through its ONNX file.

    python -m export_tools.drums.evaluate --model models/drums.onnx DIR [--split validation]

Hits are the notes on channel 10 (all notes of a file without any there), on 17 instruments, in order of time, then of
note; two hits of one instrument at one tick count as one. For every hit of a file but the first, −ln P(instrument,
class of the time since the previous hit | all previous hits): time in ticks of 480 to a quarter, in the nearest of the
classes under `ticks` in the model's sidecar; longer gaps are in the longest class. Velocity and finer timing do not
count. Models that take the place in the bar get it from the meters and tempi of the file, and no style. DIR is
searched recursively; with --split it holds Groove's info.csv, and the files of that split are measured. Prints one JSON
object: `nats_per_hit`, `accuracy` (the likeliest pair of instrument and class was right), the numbers of `hits` and
`files` that were measured, and the `refused` files: `file`, relative to DIR, and `reason`. If all files were refused,
the figures are null and the exit code is 2. Needs only the packages of jamd, not those of training.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from daemon import models
from daemon.encodings.drums.files import DrumPart, read_groove
from daemon.encodings.drums.hits import TICKS, tick_classes
from daemon.engines.drums.interface import DrumsModel
from daemon.engines.drums.model import drums_model
from daemon.errors import MelodyError
from export_tools.common import evaluate as common
from export_tools.common.evaluate import Figures
from export_tools.common.folder import must_be_file, refusal

from .grooves import midi_files


def score(model: DrumsModel, groove: DrumPart) -> tuple[list[float], int]:
    """Log probabilities of all hits but the first, and the number of hits where the likeliest pair was right."""
    classes = tick_classes(model.ticks)
    log_probs: list[float] = []
    right = 0
    position, bar = groove.bar_at(groove.start)
    tick = groove.start
    state = model.start(bar, position, groove.tempo_map.bpm_at(tick / TICKS))
    for number, hit in enumerate(groove.hits):
        tick += hit.gap
        if number:
            table = model.log_probs(state)
            pair = hit.instrument, int(classes[min(hit.gap, len(classes) - 1)])
            log_probs.append(float(table[pair]))
            right += int(table.argmax()) == pair[0] * table.shape[1] + pair[1]
        state = model.advance(state, hit, groove.tempo_map.bpm_at(tick / TICKS))
        if len(groove.tempo_map.meters) > 1:
            position, bar = groove.bar_at(tick)
            state = model.at_bar(state, bar, position)
    return log_probs, right


def read(path: Path) -> DrumPart:
    """The drum part of a file with two hits or more. Raises MelodyError."""
    must_be_file(path)
    groove = read_groove(path)
    if len(groove.hits) < 2:
        raise MelodyError(f"{path}: a single hit, so nothing to predict: choose a longer file")
    return groove


def evaluate(model: DrumsModel, paths: list[Path], folder: Path = Path()) -> Figures:
    """The figures over all files, None without hits; refused files are named relative to `folder`."""
    log_probs: list[float] = []
    right, refused = 0, []
    for path in paths:
        try:
            groove = read(path)
        except MelodyError as error:
            refused.append(refusal(path, folder, error))
            continue
        scores, correct = score(model, groove)
        log_probs += scores
        right += correct
    return {
        "nats_per_hit": round(-float(np.mean(log_probs)), 6) if log_probs else None,
        "accuracy": round(right / len(log_probs), 6) if log_probs else None,
        "hits": len(log_probs),
        "files": len(paths) - len(refused),
        "refused": refused,
    }


def open_model(path: Path) -> DrumsModel:
    """The model of an artifact, checked against its sidecar. Raises ModelError."""
    return drums_model(models.load(path, "drums"))


def measure(args: argparse.Namespace) -> Figures:
    """The figures over the music that the command line names. Raises ModelError or BadFolder."""
    paths = midi_files(args.music, args.split)
    return evaluate(open_model(args.model), paths, args.music)


def main(arguments: list[str] | None = None) -> int:
    parser = common.parser(__doc__, "DIR")
    parser.add_argument("--split", help="of Groove's info.csv in DIR: train, validation or test")
    return common.main(parser.parse_args(arguments), measure)


if __name__ == "__main__":
    sys.exit(main())

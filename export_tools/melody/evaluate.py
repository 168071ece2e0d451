"""Nats per 16th of a shipped melody model on MIDI files, through its ONNX file.

    python -m export_tools.melody.evaluate --model models/melody.onnx DIR_OF_MIDI_FILES [--files LIST]

-(1/N) sum of ln p(event | events before it in the tune) over all 16ths but the first of each tune, which some models do
not predict. Events are those of `tunes.py`, the same for every model: 36 pitches, note-off, no event; probabilities of
labels that decode to one event are summed. Magenta's three models get a tune transposed to C major by the key of the
whole tune, as in Magenta: an advantage, for the key is known ahead. Accuracies are of the likeliest event: over all
16ths, over 16ths with an event, over 16ths without. Prints one JSON object: these figures, the numbers of `steps` and
`files` that were measured, and the `refused` files: `file`, relative to the folder, and `reason`. If all files were
refused, the figures are null and the exit code is 2. Needs only the packages of jamd, not those of training.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from daemon import models
from daemon.encodings.melody.events import NO_EVENT, event_log_probs
from daemon.engines.melody.model import MelodyModel
from daemon.errors import JamdError
from daemon.input_files import read_input
from export_tools.common import evaluate as common
from export_tools.common.command import MAX_INPUT_BYTES
from export_tools.common.evaluate import Figures
from export_tools.common.folder import midi_files, refusal

from .tunes import NoTunes, Tune, read_tunes

ROWS = 48  # tunes in one batch


def encode(model: MelodyModel, tune: Tune) -> tuple[dict[str, NDArray[Any]], NDArray[np.int64]]:
    """The inputs of the graph for each 16th that has one (time, …), and, for each 16th but the first, the event of each
    label (time, labels)."""
    encoding, positions = model.encoding, tune.positions()
    history = encoding.start(tune.meter, tune.position, model.transposition(tune.events))
    rows, events = [], []
    for event, position in zip(tune.events, positions[1:], strict=True):
        rows.append(encoding.feeds(history))
        events.append(encoding.events(history))
        history = encoding.observe(history, event, position)
    inputs = [row for row in rows if row is not None]
    return {name: np.concatenate([row[name] for row in inputs]) for name in inputs[0]}, np.stack(events[1:])


def score(model: MelodyModel, tunes: Sequence[Tune]) -> Iterator[tuple[int, int, float]]:
    """The event, the likeliest event, and the log probability of the event, for every 16th but the first of each tune.

    Tunes are sorted, longest first, so that the tunes that have not ended are always the first rows.
    """
    encoded = [encode(model, tune) for tune in tunes]
    lengths = np.array([len(next(iter(feeds.values()))) for feeds, _ in encoded])
    tensors = model.session.zeros(len(tunes))
    for t in range(lengths[0]):
        rows = int((lengths > t).sum())
        feeds = {name: np.stack([inputs[name][t] for inputs, _ in encoded[:rows]]) for name in encoded[0][0]}
        (log_probs,), tensors = model.session.run(feeds, {name: tensor[:rows] for name, tensor in tensors.items()})
        for (_, events), tune, length, row in zip(encoded[:rows], tunes, lengths, log_probs, strict=False):
            number = t - length  # counted from the end, because some encodings have no row for the first 16th
            event = tune.events[number]
            if len(tune.events) + number:
                by_event = event_log_probs(row, events[number])
                yield event, int(by_event.argmax()), float(by_event[event])


def evaluate(model: MelodyModel, tunes: Sequence[Tune]) -> dict[str, float | int | None]:
    """The figures over all tunes; None where there is nothing to measure."""
    ordered = sorted(tunes, key=lambda tune: len(tune.events), reverse=True)
    scores = [row for n in range(0, len(ordered), ROWS) for row in score(model, ordered[n : n + ROWS])]
    events, likeliest, log_probs = np.array(scores, dtype=float).reshape(-1, 3).T
    right, silent = events == likeliest, events == NO_EVENT
    return {
        "nats_per_step": mean(-log_probs),
        "accuracy": mean(right),
        "event_accuracy": mean(right[~silent]),
        "no_event_accuracy": mean(right[silent]),
        "steps": len(events),
    }


def mean(values: NDArray[Any]) -> float | None:
    """To six places; None if there are no values."""
    return round(float(values.mean()), 6) if len(values) else None


def collect(folder: Path, listed: Path | None) -> tuple[list[Tune], int, list[dict[str, str]]]:
    """The tunes of all files below a folder, or of those in a list; the number of files used, and the refused files.

    Raises BadFolder or NoTunes if there are no files, or if a listed file is missing.
    """
    files = midi_files(folder)
    if listed is not None:
        try:
            wanted = [folder / line for line in read_input(listed, MAX_INPUT_BYTES).decode().split("\n") if line]
        except (OSError, UnicodeDecodeError) as error:
            raise NoTunes(f"{listed}: cannot be read ({error}): name a list of files, one per line") from None
        missing = sorted(set(wanted) - set(files))
        if missing or not wanted:
            problem = f"{missing[0]}: there is no such MIDI file" if missing else "the list is empty"
            raise NoTunes(f"{listed}: {problem}: list files relative to {folder}, one per line")
        files = wanted
    tunes, refused = [], []
    for path in files:
        try:
            tunes += read_tunes(path)
        except JamdError as error:
            refused.append(refusal(path, folder, error))
    return tunes, len(files) - len(refused), refused


def open_model(path: Path) -> MelodyModel:
    """The model of an artifact, checked against its sidecar. Raises ModelError."""
    artifact = models.load(path, "melody")
    return MelodyModel(artifact)


def measure(args: argparse.Namespace) -> Figures:
    """The figures over the music that the command line names. Raises ModelError, BadFolder or NoTunes."""
    model = open_model(args.model)
    tunes, files, refused = collect(args.music, args.files)
    return {**evaluate(model, tunes), "files": files, "refused": refused}


def main(arguments: list[str] | None = None) -> int:
    parser = common.parser(__doc__, "DIR_OF_MIDI_FILES")
    parser.add_argument("--files", type=Path, metavar="LIST", help="measure these only, one per line, relative to DIR")
    return common.main(parser.parse_args(arguments), measure)


if __name__ == "__main__":
    sys.exit(main())

"""Nats per 16th of a shipped melody model on MIDI files, through its ONNX file.

    python -m export_tools.melody.evaluate --model models/melody.onnx DIR_OF_MIDI_FILES [--files LIST]

-(1/N) sum of ln p(event | events before it in the tune) over all 16ths but the first of each tune, of which some models
know nothing. Events are those of `tunes.py`, the same for every model: 36 pitches, note-off, no event; a model's labels
that decode to one event are summed. Magenta's three hear a tune transposed to C major by its own notes, as
they do there: an advantage, for they are told its key. Accuracies are of the likeliest event: over all 16ths, over
those with an event, over those without. Prints one JSON object: these, the `steps` and `files` that were measured, and
`refused`, what could not be: `file`, relative to the folder, and `reason`. If that is all there is, figures are null
and the exit code is 2. Needs jamd's own packages only, not those of training.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from daemon import models
from daemon.encodings.melody.events import NO_EVENT, summed
from daemon.engines.melody.model import MelodyModel
from daemon.errors import JamdError
from export_tools.common.folder import midi_files, nothing_usable, refusal

from .tunes import NoTunes, Tune, read_tunes

ROWS = 48  # tunes at a time


def encode(model: MelodyModel, tune: Tune) -> tuple[dict[str, NDArray[Any]], NDArray[np.int64]]:
    """The graph's inputs before each 16th but the first (time, …), and the event that each label means there."""
    encoding, positions = model.encoding, tune.positions()
    history = encoding.start(tune.meter, tune.position, model.transposition(tune.events))
    rows, events = [], []
    for event, position in zip(tune.events, positions[1:], strict=True):
        rows.append(encoding.feeds(history))
        events.append(encoding.events(history))
        history = encoding.observe(history, event, position)
    known = [row for row in rows if row is not None]
    return {name: np.concatenate([row[name] for row in known]) for name in known[0]}, np.stack(events[1:])


def score(model: MelodyModel, tunes: Sequence[Tune]) -> Iterator[tuple[int, int, float]]:
    """The event, the likeliest event, and the log probability of the event, for every 16th of some tunes but the first.

    Tunes come longest first, so that those still running are always the first rows.
    """
    encoded = [encode(model, tune) for tune in tunes]
    lengths = np.array([len(next(iter(feeds.values()))) for feeds, _ in encoded])
    tensors = model.session.zeros(len(tunes))
    for t in range(lengths[0]):
        rows = int((lengths > t).sum())
        feeds = {name: np.stack([one[name][t] for one, _ in encoded[:rows]]) for name in encoded[0][0]}
        (log_probs,), tensors = model.session.run(feeds, {name: tensor[:rows] for name, tensor in tensors.items()})
        for (_, events), tune, length, row in zip(encoded[:rows], tunes, lengths, log_probs, strict=False):
            number = t - length  # from the end: where the first 16th is no row of the feeds, and where it is
            event = tune.events[number]
            if len(tune.events) + number:
                by_event = summed(row, events[number])
                yield event, int(by_event.argmax()), float(by_event[event])


def evaluate(model: MelodyModel, tunes: Sequence[Tune]) -> dict[str, float | int | None]:
    """The figures over all tunes; None where there is nothing to measure."""
    ordered = sorted(tunes, key=lambda tune: len(tune.events), reverse=True)
    scores = [one for n in range(0, len(ordered), ROWS) for one in score(model, ordered[n : n + ROWS])]
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
    """To six places; None of nothing."""
    return round(float(values.mean()), 6) if len(values) else None


def collect(folder: Path, listed: Path | None) -> tuple[list[Tune], int, list[dict[str, str]]]:
    """The tunes below a folder, or of the files that a list names in it; how many files, and those refused.

    Raises BadFolder or NoTunes if there are no files, or not those on the list.
    """
    files = midi_files(folder)
    if listed is not None:
        try:
            wanted = [folder / line for line in listed.read_text(encoding="utf-8").split("\n") if line]
        except (OSError, UnicodeDecodeError) as error:
            raise NoTunes(f"{listed}: cannot be read ({error}): name a list of files, one per line") from None
        missing = sorted(set(wanted) - set(files))
        if missing or not wanted:
            what = f"{missing[0]}: there is no such MIDI file" if missing else "it is empty"
            raise NoTunes(f"{listed}: {what}: list files relative to {folder}, one per line")
        files = wanted
    tunes, refused = [], []
    for path in files:
        try:
            tunes += read_tunes(path)
        except JamdError as error:
            refused.append(refusal(path, folder, error))
    return tunes, len(files) - len(refused), refused


def open_model(path: Path) -> MelodyModel:
    """The model of an artifact that agrees with its sidecar. Raises ModelError."""
    artifact = models.load(path, "melody")
    return MelodyModel(artifact)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="DIR_OF_MIDI_FILES")
    parser.add_argument("--model", type=Path, required=True, metavar="NAME.onnx")
    parser.add_argument("--files", type=Path, metavar="LIST", help="measure these only, one per line, relative to DIR")
    args = parser.parse_args(arguments)
    try:
        model = open_model(args.model)
        tunes, files, refused = collect(args.folder, args.files)
    except JamdError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    print(json.dumps({**evaluate(model, tunes), "files": files, "refused": refused}))
    if not files:
        print(f"error: {nothing_usable(args.folder, refused)}", file=sys.stderr)
    return 0 if files else 2


if __name__ == "__main__":
    sys.exit(main())

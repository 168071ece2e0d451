"""What melody models write, beside real tunes, in the figures of export_tools/common/checks.py.

    python -m export_tools.melody.checks tunes.npz models/melody.onnx models/melody_attention.onnx …

Each model hears the first two bars of tunes that were validated on and goes on for 30 bars, drawing each event from its
distribution as it is. The column "real" is how the tunes went on themselves. Without those two bars, means over tunes;
`longest_copy` in notes, in any key, against all tunes of the training part. Prints a Markdown table, and fails (exit
code 1) where the first model named is farther from real tunes than LIMITS allow.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from daemon.encodings.melody.events import FIRST_PITCH, NO_EVENT, STEPS_PER_BEAT, pitch_of, step_of
from daemon.engines.melody.model import MelodyModel
from daemon.errors import JamdError
from daemon.music.melody import Note
from export_tools.common.checks import Corpus, NoPieces, failures, figures, how_many, means, melody_tokens, table

from .evaluate import open_model
from .tunes import Tune, load_tunes

HEARD, PLAYED = 2, 30  # bars
LIMITS = {  # how far from real tunes a model's mean may be
    "pitch_class_entropy": 0.3,
    "scale_consistency": 0.04,
    "groove_consistency": 0.06,
    "empty_beat_rate": 0.02,
    "note_density": 0.3,
    "repetition_1_bar": 0.1,
    "repetition_2_bars": 0.1,
    "longest_copy": 6,
}


def notes_from(events: Sequence[int]) -> list[Note]:
    """Events per 16th as notes; what precedes the first one is left out."""
    notes: list[Note] = []
    begun: tuple[int, int] | None = None
    for step, event in enumerate([*events, FIRST_PITCH]):  # the last one ends what sounds
        if event == NO_EVENT:
            continue
        if begun is not None:
            onset, struck = begun
            length = (step - onset) / STEPS_PER_BEAT
            notes.append(Note(onset / STEPS_PER_BEAT, length, pitch_of(struck), 80))
        begun = (step, event) if event >= FIRST_PITCH else None
    return notes


def go_on(model: MelodyModel, heard: Sequence[int], tune: Tune, count: int, rng: np.random.Generator) -> list[int]:
    """`count` events that the model draws after those it heard, in the bars of the tune."""
    state = model.start(tune.meter, tune.position, model.transposition(heard))
    events: list[int] = []
    for step in range(len(heard) + count - 1):
        if step >= len(heard):
            events.append(draw(state.log_probs, rng))
        event = heard[step] if step < len(heard) else events[-1]
        state = model.step(state, event, (tune.position + (step + 1) / STEPS_PER_BEAT) % tune.meter)
    return [*events, draw(state.log_probs, rng)]


def draw(log_probs: np.ndarray, rng: np.random.Generator) -> int:
    """An event, from its distribution."""
    return int((np.exp(log_probs).cumsum() < rng.random()).sum().clip(max=len(log_probs) - 1))


def described(rows: Sequence[tuple[Sequence[int], float]], corpus: Corpus) -> dict[str, float]:
    """The mean figures of rows of events, each with its meter."""
    found = []
    for events, meter in rows:
        notes = notes_from(events)
        if len(notes) > 1:
            copied = corpus.longest_copy(melody_tokens(notes)) + 1
            found.append({**figures(notes, meter), "longest_copy": float(copied)})
    return means(found)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tunes", type=Path, help=".npz of prepare.py")
    parser.add_argument("models", type=Path, nargs="+", metavar="NAME.onnx")
    parser.add_argument("--count", type=how_many, default=100, help="tunes")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args(arguments)
    try:
        models = {path.stem: open_model(path) for path in args.models}
        tunes = load_tunes(args.tunes)
    except JamdError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    corpus = Corpus(melody_tokens(notes_from(tune.events)) for tune in tunes["train"])
    rng = np.random.default_rng(args.seed)
    chosen = [tunes["valid"][n] for n in rng.permutation(len(tunes["valid"]))]
    parts = []
    for tune in chosen:
        bar = step_of(tune.meter)
        first = bar * HEARD + (-step_of(tune.position)) % bar
        if len(tune.events) >= first + bar * HEARD:
            parts.append((tune, tune.events[:first], tune.events[first : first + PLAYED * bar]))
    parts = parts[: args.count]
    try:
        columns = {"real": described([(after, tune.meter) for tune, _, after in parts], corpus)}
        for name, model in models.items():
            drawn = [(go_on(model, heard, tune, len(after), rng), tune.meter) for tune, heard, after in parts]
            columns[name] = described(drawn, corpus)
    except NoPieces as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    print(table(columns))
    wrong = failures(columns["real"], columns[args.models[0].stem], LIMITS)
    for line in wrong:
        print(f"{args.models[0].stem}: {line}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

"""Melody models compared with real tunes, in the figures of export_tools/common/checks.py.

    python -m export_tools.melody.checks tunes.npz models/melody.onnx models/melody_attention.onnx …

Each model gets the first two bars of tunes of the validation split and continues for 30 bars, drawing each event from
its unchanged distribution. The column "real" is the tunes' own continuation. Figures are means over the continuations;
`longest_copy` is in notes, in any key, against all tunes of the training split. Prints a Markdown table. Exit code 1 if
the first model is farther from real tunes than LIMITS.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from daemon.encodings.melody.events import FIRST_PITCH, NO_EVENT, STEPS_PER_BEAT, pitch_of, step_of
from daemon.engines.melody.model import MelodyModel
from daemon.music.melody import Note
from export_tools.common import command
from export_tools.common.checks import Corpus, figures, means, melody_tokens, report

from .evaluate import open_model
from .tunes import Tune, load_tunes

GIVEN_BARS, CONTINUED_BARS = 2, 30
LIMITS = {  # largest difference of a model's mean from that of real tunes
    "pitch_class_entropy": 0.3,
    "scale_consistency": 0.04,
    "groove_consistency": 0.06,
    "empty_beat_rate": 0.02,
    "note_density": 0.3,
    "repetition_1_bar": 0.1,
    "repetition_2_bars": 0.1,
    "longest_copy": 6,
}


@dataclass(frozen=True, slots=True)
class Continuation:
    """Events of a tune: the events that a model is given, and the events that follow in the tune."""

    tune: Tune
    given: Sequence[int]
    following: Sequence[int]


def notes_from(events: Sequence[int]) -> list[Note]:
    """Events per 16th as notes; events before the first pitch are left out."""
    notes: list[Note] = []
    begun: tuple[int, int] | None = None
    for step, event in enumerate([*events, FIRST_PITCH]):  # a last pitch ends the last note
        if event == NO_EVENT:
            continue
        if begun is not None:
            onset, struck = begun
            length = (step - onset) / STEPS_PER_BEAT
            notes.append(Note(onset / STEPS_PER_BEAT, length, pitch_of(struck), 80))
        begun = (step, event) if event >= FIRST_PITCH else None
    return notes


def continue_tune(model: MelodyModel, continuation: Continuation, rng: np.random.Generator) -> list[int]:
    """Events drawn by the model after the given ones, as many as follow in the tune, at the same places of the bar."""
    tune, heard, count = continuation.tune, continuation.given, len(continuation.following)
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


def mean_figures(rows: Sequence[tuple[Sequence[int], float]], corpus: Corpus) -> dict[str, float]:
    """The figures of rows of events, each row with its meter in beats; means over the rows. Raises NoPieces."""
    measured = []
    for events, meter in rows:
        notes = notes_from(events)
        if len(notes) > 1:
            copied = corpus.longest_copy(melody_tokens(notes)) + 1
            measured.append({**figures(notes, meter), "longest_copy": float(copied)})
    return means(measured)


def continuations(tunes: Sequence[Tune]) -> list[Continuation]:
    """The continuations of all tunes with at least GIVEN_BARS more bars after the given ones."""
    found = []
    for tune in tunes:
        bar = step_of(tune.meter)
        first = bar * GIVEN_BARS + (-step_of(tune.position)) % bar
        if len(tune.events) >= first + bar * GIVEN_BARS:
            found.append(Continuation(tune, tune.events[:first], tune.events[first : first + CONTINUED_BARS * bar]))
    return found


def check(args: argparse.Namespace) -> int:
    """Compare models with tunes. Raises ModelError, BadFile or NoPieces."""
    models = {path.stem: open_model(path) for path in args.models}
    tunes = load_tunes(args.tunes)
    corpus = Corpus(melody_tokens(notes_from(tune.events)) for tune in tunes["train"])
    rng = np.random.default_rng(args.seed)
    chosen = continuations([tunes["valid"][n] for n in rng.permutation(len(tunes["valid"]))])[: args.count]
    columns = {"real": mean_figures([(each.following, each.tune.meter) for each in chosen], corpus)}
    for name, model in models.items():
        drawn = [(continue_tune(model, each, rng), each.tune.meter) for each in chosen]
        columns[name] = mean_figures(drawn, corpus)
    return report(columns, "real", args.models[0].stem, LIMITS)


def main(arguments: list[str] | None = None) -> int:
    parser = command.parser(__doc__)
    parser.add_argument("tunes", type=Path, help=".npz of prepare.py")
    parser.add_argument("models", type=Path, nargs="+", metavar="NAME.onnx")
    parser.add_argument("--count", type=command.positive_integer, default=100, help="tunes")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args(arguments)
    return command.exit_code(lambda: check(args))


if __name__ == "__main__":
    sys.exit(main())

"""Compare drum models that play without input with drummers, in the figures of export_tools/common/checks.py.

    python -m export_tools.drums.check GROOVE_FOLDER --model models/drums_rnn.onnx --model models/drums.onnx

Drummers are the beats in 4/4 of the validation split, in pieces of 16 bars. Models play pieces of the same length
without input, at the engine's default temperature and top-p. Prints a Markdown table of means over the pieces: of the
figures in export_tools/common/checks.py, and of:
  longest_copy   the longest passage, by instrument and 16ths, that is in the training split, in hits
  off_grid       mean distance from the nearest 16th, in ticks, 480 to a quarter
  loudness_sd    standard deviation of the velocities
With --grooves, a second table follows: what the engine makes of a player with the last model, in these grooves, beside
drummers; its rows are those of `groove_rows` in response.py.
Exit code 1 if the last model is farther from the drummers than LIMITS. Needs only the packages of jamd.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from daemon.encodings.drums.files import read_groove
from daemon.encodings.drums.hits import INSTRUMENTS, TICKS
from daemon.engines.drums.engine import Drums
from daemon.engines.drums.interface import DrawRequest, DrumsModel
from daemon.engines.drums.primer import shipped_grooves
from daemon.music.melody import Note
from export_tools.common import command
from export_tools.common.checks import Corpus, drum_tokens, figures, means, report

from .evaluate import open_model
from .grooves import GrooveFile, groove_files
from .response import drummer_rows, groove_rows, print_table

METER = 4.0  # beats
LENGTH = 0.05  # of a hit, in beats
TEMPO = 80, 130  # beats per minute: the range of the tempi at which models play
LIMITS = {  # distance of a model's mean from that of drummers
    "groove_consistency": 0.08,
    "empty_beat_rate": 0.02,
    "note_density": 1.0,
    "repetition_1_bar": 0.2,
    "repetition_2_bars": 0.2,
    "off_grid": 5.0,
    "loudness_sd": 8.0,
    "longest_copy": 6.0,
}


def note(tick: int, instrument: int, velocity: int) -> Note:
    """A hit as a note; a hit a little before the first bar line is moved to it."""
    return Note(max(tick, 0) / TICKS, LENGTH, INSTRUMENTS[instrument], velocity)


def notes_of(file: GrooveFile) -> list[Note]:
    """The notes of a performance from its first bar line on; none unless the performance is in 4/4 throughout."""
    groove = read_groove(file.path)
    if {meter for _, meter in groove.tempo_map.meters} != {METER}:
        return []
    ticks = np.cumsum([hit.gap for hit in groove.hits]).tolist()
    return [note(tick, hit.instrument, hit.velocity) for tick, hit in zip(ticks, groove.hits, strict=True)]


def pieces(notes: Sequence[Note], bars: int) -> list[list[Note]]:
    """A performance in pieces of `bars` bars; the remainder is left out."""
    length = bars * METER
    number = [int((hit.onset + 0.125) // length) for hit in notes]
    whole = int((notes[-1].onset + 0.5) // length)  # the last hit may be a little before the last bar line
    return [
        [
            Note(max(x.onset - k * length, 0.0), x.duration, x.pitch, x.velocity)
            for x, n in zip(notes, number, strict=True)
            if n == k
        ]
        for k in range(whole)
    ]


def play(model: DrumsModel, bars: int, rng: np.random.Generator, temperature: float, top_p: float) -> list[Note]:
    """`bars` bars that a model plays without input."""
    tempo, tick, out = float(rng.integers(*TEMPO)), 0, []
    state = model.start(round(METER * TICKS), 0, tempo, rng)
    while True:
        hit = model.draw(state, rng, DrawRequest(temperature=temperature, top_p=top_p))
        tick += hit.gap
        if tick >= (bars * METER - 0.125) * TICKS:
            return out
        out.append(note(tick, hit.instrument, hit.velocity))
        state = model.advance(state, hit, tempo)


def mean_figures(pieces_played: list[list[Note]], corpus: Corpus) -> dict[str, float]:
    """The means over the pieces that are not silent. Raises NoPieces."""
    rows = []
    for notes in filter(None, pieces_played):
        sixteenths = np.array([hit.onset for hit in notes]) * 4
        rows.append(
            {
                **figures(notes, METER, pitched=False),
                "longest_copy": corpus.longest_copy(drum_tokens(notes)),
                "off_grid": float(np.abs(sixteenths - np.rint(sixteenths)).mean()) * TICKS / 4,
                "loudness_sd": float(np.std([hit.velocity for hit in notes])),
            }
        )
    return means(rows)


def check(args: argparse.Namespace) -> int:
    """Compare models with drummers. Raises ModelError, BadFolder or NoPieces."""
    listed = groove_files(args.folder)
    models = {path.stem: open_model(path) for path in args.model}
    corpus = Corpus(drum_tokens(notes_of(file)) for file in listed if file.split == "train")
    beats = [notes_of(file) for file in listed if file.split == "validation" and not file.fill]
    drummers = [piece for notes in beats if notes for piece in pieces(notes, args.bars)]
    columns = {"drummers": mean_figures(drummers, corpus)}
    for name, model in models.items():
        rng = np.random.default_rng(args.seed)
        played = [play(model, args.bars, rng, args.temperature, args.top_p) for _ in range(args.pieces)]
        columns[name] = mean_figures(played, corpus)
    status = report(columns, "drummers", args.model[-1].stem, LIMITS)
    if args.grooves:
        filled = [notes_of(file) for file in listed if file.split == "validation" and file.fill]
        by_groove = {groove: groove_rows(groove, args.model[-1], args.seed) for groove in args.grooves}
        print()
        print_table(by_groove, drummer_rows(list(filter(None, beats)), list(filter(None, filled))))
    return status


def main(arguments: list[str] | None = None) -> int:
    defaults = {setting.name: setting.default for setting in Drums.settings}
    parser = command.parser(__doc__)
    parser.add_argument("folder", type=Path, metavar="GROOVE_FOLDER")
    parser.add_argument("--model", type=Path, action="append", required=True, metavar="NAME.onnx")
    parser.add_argument("--bars", type=command.positive_integer, default=16, help="of a piece")
    parser.add_argument("--pieces", type=command.positive_integer, default=60, help="by each model")
    parser.add_argument("--temperature", type=float, default=defaults["temperature"])
    parser.add_argument("--top-p", type=float, default=defaults["top_p"])
    parser.add_argument("--grooves", nargs="+", choices=list(shipped_grooves()), metavar="GROOVE")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args(arguments)
    return command.exit_code(lambda: check(args))


if __name__ == "__main__":
    sys.exit(main())

"""Musical checks of drum models that can fail: what they play by themselves, beside what drummers play.

    python -m export_tools.drums.check GROOVE_FOLDER --model models/drums_rnn.onnx --model models/drums.onnx

Drummers are the beats in 4/4 of the validation split, in pieces of 16 bars; models play pieces as long by themselves,
from nothing, or from a random state where they are made to, as freely as the engine lets them. Prints a table with the
means over the pieces of the figures in export_tools/common/checks.py, and of:
  longest_copy   hits in a row, by instrument and 16ths, that are somewhere in the training split
  off_grid       mean distance from the nearest 16th, in ticks, 480 to a quarter
  loudness_sd    standard deviation of the velocities
Exits with 1, and says why, if the last model is farther from the drummers than LIMITS. Needs jamd's own packages only.
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
from daemon.engines.drums.net import DrawRequest, DrumsModel
from daemon.errors import JamdError
from daemon.music.melody import Note
from export_tools.common.checks import Corpus, NoPieces, drum_tokens, failures, figures, how_many, means, table

from .evaluate import open_model
from .grooves import Performance, performances

METER = 4.0  # beats
LENGTH = 0.05  # of a hit, in beats
TEMPO = 80, 130  # of what models play
LIMITS = {
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
    """A hit as the note that it is written as; one a little before the first bar line falls on it."""
    return Note(max(tick, 0) / TICKS, LENGTH, INSTRUMENTS[instrument], velocity)


def played(performance: Performance) -> list[Note]:
    """A performance from its first bar line on; nothing if it is not in 4/4 throughout."""
    groove = read_groove(performance.path)
    if {meter for _, meter in groove.tempo_map.meters} != {METER}:
        return []
    ticks = np.cumsum([hit.gap for hit in groove.hits]).tolist()
    return [note(tick, hit.instrument, hit.velocity) for tick, hit in zip(ticks, groove.hits, strict=True)]


def pieces(notes: Sequence[Note], bars: int) -> list[list[Note]]:
    """A performance in pieces of so many bars; what is left over is left out."""
    length = bars * METER
    number = [int((each.onset + 0.125) // length) for each in notes]
    whole = int((notes[-1].onset + 0.5) // length)  # it may end a little before its last bar line
    return [
        [
            Note(max(x.onset - k * length, 0.0), x.duration, x.pitch, x.velocity)
            for x, n in zip(notes, number, strict=True)
            if n == k
        ]
        for k in range(whole)
    ]


def play(model: DrumsModel, bars: int, rng: np.random.Generator, temperature: float, top_p: float) -> list[Note]:
    """So many bars by a model alone."""
    tempo, tick, out = float(rng.integers(*TEMPO)), 0, []
    state = model.start(round(METER * TICKS), 0, tempo, rng)
    while True:
        hit = model.draw(state, rng, DrawRequest(temperature=temperature, top_p=top_p))
        tick += hit.gap
        if tick >= (bars * METER - 0.125) * TICKS:
            return out
        out.append(note(tick, hit.instrument, hit.velocity))
        state = model.advance(state, hit, tempo)


def judge(every: list[list[Note]], corpus: Corpus) -> dict[str, float]:
    """The means over the pieces; silent ones are left out."""
    rows = []
    for notes in filter(None, every):
        sixteenths = np.array([each.onset for each in notes]) * 4
        rows.append(
            {
                **figures(notes, METER, pitched=False),
                "longest_copy": corpus.longest_copy(drum_tokens(notes)),
                "off_grid": float(np.abs(sixteenths - np.rint(sixteenths)).mean()) * TICKS / 4,
                "loudness_sd": float(np.std([each.velocity for each in notes])),
            }
        )
    return means(rows)


def main(arguments: list[str] | None = None) -> int:
    defaults = {setting.name: setting.default for setting in Drums.settings}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="GROOVE_FOLDER")
    parser.add_argument("--model", type=Path, action="append", required=True, metavar="NAME.onnx")
    parser.add_argument("--bars", type=how_many, default=16, help="of a piece")
    parser.add_argument("--pieces", type=how_many, default=60, help="by each model")
    parser.add_argument("--temperature", type=float, default=defaults["temperature"])
    parser.add_argument("--top-p", type=float, default=defaults["top_p"])
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args(arguments)
    try:
        listed = performances(args.folder)
        models = {path.stem: open_model(path) for path in args.model}
    except JamdError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    corpus = Corpus(drum_tokens(played(each)) for each in listed if each.split == "train")
    beats = [played(each) for each in listed if each.split == "validation" and not each.fill]
    try:
        columns = {"drummers": judge([piece for notes in beats if notes for piece in pieces(notes, args.bars)], corpus)}
        for name, model in models.items():
            rng = np.random.default_rng(args.seed)
            every = [play(model, args.bars, rng, args.temperature, args.top_p) for _ in range(args.pieces)]
            columns[name] = judge(every, corpus)
    except NoPieces as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    print(table(columns))
    wrong = failures(columns["drummers"], columns[name], LIMITS)
    print("\n".join(wrong), file=sys.stderr, end="\n" if wrong else "")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

"""Musical checks of drum models that can fail: what they play by themselves, beside what drummers play.

    python -m export_tools.drums.check GROOVE_FOLDER --model models/drums_rnn.onnx --model models/drums.onnx

Every model plays 4/4 for some bars, a number of times, at temperature 1, from nothing, or from a random state where it
is made to; drummers are the beats in 4/4 of the validation split, in pieces as long. Prints one JSON object; for each:
  groove_consistency   1 − the share of the 16ths that are struck in one of two neighbouring bars and not in the other
                       (muspy's definition at four steps to a beat)
  empty_beat_rate      share of the beats in which nothing is struck (muspy's, a hit having no length)
  hits_per_beat        density
  repeated_1_bar, repeated_2_bars   share of the hits that the same instrument struck on the same 16th that long before
  longest_copy         the longest run of hits, by 16ths and instruments, that is somewhere in the training split; the
                       median and the greatest over the pieces
  off_grid             standard deviation of the time from the nearest 16th, in ticks, 480 to a quarter
  velocity_sd          standard deviation of the velocities
Needs jamd's own packages only.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from daemon.encodings.drums import COUNT, TICKS
from daemon.encodings.drums_files import read_groove
from daemon.engines.drums_model import DrumsModel
from daemon.errors import JamdError

from .evaluate import open_model
from .grooves import Performance, performances

CELL = TICKS // 4  # a 16th
BAR = 4 * TICKS
CELLS = BAR // CELL
BASE, MODULUS = 1_000_003, (1 << 61) - 1  # of the rolling hash

Hits = np.ndarray  # (n, 3): tick since a bar line, instrument, velocity


def played(performance: Performance) -> Hits | None:
    """A performance from its first bar line on; None if it is not in 4/4 throughout."""
    groove = read_groove(performance.path)
    if groove.tempo_map.meters != ((0.0, 4.0),):
        return None
    ticks = np.cumsum([hit.gap for hit in groove.hits])
    return np.array([(tick, hit.instrument, hit.velocity) for tick, hit in zip(ticks, groove.hits, strict=True)])


def pieces(hits: Hits, bars: int) -> list[Hits]:
    """A performance in pieces of so many bars; what is left over is left out."""
    number = (hits[:, 0] + CELL // 2) // (bars * BAR)
    whole = int(hits[-1, 0] + BAR // 8) // (bars * BAR)  # a performance may end a little before its last bar line
    return [hits[number == n] - np.array([n * bars * BAR, 0, 0]) for n in range(whole)]


def play(model: DrumsModel, bars: int, rng: np.random.Generator, tempo: float) -> Hits:
    """So many bars by a model alone."""
    state, tick, out = model.start(BAR, 0, tempo, rng), 0, []
    while True:
        hit = model.draw(state, rng)
        tick += hit.gap
        if tick + CELL // 2 >= bars * BAR:
            return np.array(out).reshape(-1, 3)
        out.append((tick, hit.instrument, hit.velocity))
        state = model.advance(state, hit, tempo)


def grid(hits: Hits, bars: int) -> np.ndarray:
    """(bars, 16, 17): which instrument is struck on which 16th."""
    struck = np.zeros((bars * CELLS, COUNT), dtype=bool)
    struck[(hits[:, 0] + CELL // 2) // CELL, hits[:, 1]] = True
    return struck.reshape(bars, CELLS, COUNT)


def repeated(struck: np.ndarray, bars: int) -> float:
    """Share of the hits that were struck so many bars before as well; of those that have such bars."""
    later = struck[bars:]
    return float((later & struck[:-bars]).sum() / max(later.sum(), 1))


def words(hits: Hits) -> list[int]:
    """One number for every hit: instrument, and 16ths since the hit before."""
    cells = (hits[:, 0] + CELL // 2) // CELL
    gaps = np.diff(cells, prepend=cells[:1])
    return (gaps * COUNT + hits[:, 1] + 1).tolist()


def runs(text: list[int], length: int) -> set[int]:
    """Hashes of all runs of this length."""
    head, value, out = pow(BASE, length - 1, MODULUS), 0, set()
    for place, word in enumerate(text):
        if place >= length:
            value -= text[place - length] * head
        value = (value * BASE + word) % MODULUS
        if place >= length - 1:
            out.add(value)
    return out


class Corpus:
    """All runs of hits of the training split, by length, made when they are asked for."""

    def __init__(self, texts: list[list[int]]):
        self._texts = texts
        self._runs: dict[int, set[int]] = {}

    def has(self, text: list[int], length: int) -> bool:
        if length not in self._runs:
            self._runs[length] = set().union(*(runs(known, length) for known in self._texts))
        return not self._runs[length].isdisjoint(runs(text, length))

    def longest_copy(self, text: list[int]) -> int:
        """Length of the longest run of `text` that is in the corpus; the first word of a piece, whose gap is not known,
        is left out."""
        text, low, high = text[1:], 0, len(text)
        step = 1
        while step < len(text) and self.has(text, step):
            low, step = step, step * 2
        high = min(step, len(text) + 1)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self.has(text, middle) else (low, middle)
        return low


def judge(every: list[Hits], bars: int, corpus: Corpus) -> dict[str, Any]:
    """The figures over all pieces."""
    struck = [grid(hits, bars) for hits in every]
    onsets = np.stack([piece.any(axis=2) for piece in struck])
    together = np.concatenate(every)
    shift = (together[:, 0] + CELL // 2) % CELL - CELL // 2
    copies = [corpus.longest_copy(words(hits)) for hits in every if len(hits)]
    figures = {
        "groove_consistency": 1 - float((onsets[:, 1:] != onsets[:, :-1]).mean()),
        "empty_beat_rate": 1 - float(onsets.reshape(-1, 4).any(axis=1).mean()),
        "hits_per_beat": len(together) / (len(every) * bars * 4),
        "repeated_1_bar": float(np.mean([repeated(piece, 1) for piece in struck])),
        "repeated_2_bars": float(np.mean([repeated(piece, 2) for piece in struck])),
        "off_grid": float(shift.std()),
        "velocity_sd": float(together[:, 2].std()),
    }
    rounded: dict[str, Any] = {name: round(value, 3) for name, value in figures.items()}
    return {**rounded, "longest_copy": [float(np.median(copies)), max(copies)], "pieces": len(every)}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="GROOVE_FOLDER")
    parser.add_argument("--model", type=Path, action="append", required=True, metavar="NAME.onnx")
    parser.add_argument("--bars", type=int, default=16, help="of a piece")
    parser.add_argument("--pieces", type=int, default=60, help="by each model")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args(arguments)
    try:
        listed = performances(args.folder)
        models = {path.stem: open_model(path) for path in args.model}
    except JamdError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    every = [(p, played(p)) for p in listed if p.split in ("train", "validation")]
    corpus = Corpus([words(hits) for p, hits in every if p.split == "train" and hits is not None])
    real = [
        piece
        for p, hits in every
        if p.split == "validation" and not p.fill and hits is not None
        for piece in pieces(hits, args.bars)
    ]
    report = {"drummers": judge(real, args.bars, corpus)}
    for name, model in models.items():
        rng = np.random.default_rng(args.seed)
        report[name] = judge(
            [play(model, args.bars, rng, float(rng.integers(80, 131))) for _ in range(args.pieces)], args.bars, corpus
        )
    print(json.dumps(report, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())

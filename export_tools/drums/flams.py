"""Count the flams and drags of drummers: the table of daemon/engines/drums/flams.py.

    python -m export_tools.drums.flams GROOVE_FOLDER [--split train]

Two strokes of the snare within FLAM seconds count as one, of the velocity of the second. Prints, by class of velocity,
the strokes, the share of doubled ones, the median velocity of their first strokes as a multiple of the second, the
share whose first stroke is less than SOFT times as loud, and the mean and standard deviation of the time between them.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from daemon.encodings.drums.files import read_groove
from daemon.encodings.drums.hits import TICKS
from daemon.engines.drums.flams import BINS, DRUM
from export_tools.common import command

from .grooves import groove_files
from .response import FLAM

SOFT = 0.6

Stroke = tuple[float, int]  # seconds, velocity


def strokes_of(path: Path) -> list[Stroke]:
    """The strokes of the snare in a file, which has one tempo. Raises MelodyError."""
    groove = read_groove(path)
    second = groove.tempo_map.bpm_at(0.0) / 60 * TICKS
    ticks = groove.start + np.cumsum([hit.gap for hit in groove.hits])
    return [
        (float(tick) / second, hit.velocity)
        for tick, hit in zip(ticks, groove.hits, strict=True)
        if hit.instrument in DRUM
    ]


def pairs(strokes: Sequence[Stroke]) -> Iterator[tuple[Stroke | None, Stroke]]:
    """The first stroke, if there is one, and the stroke that it precedes."""
    first: Stroke | None = None
    for number, stroke in enumerate(strokes):
        after = strokes[number + 1][0] if number + 1 < len(strokes) else np.inf
        if first is None and after - stroke[0] <= FLAM:
            first = stroke
        else:
            yield first, stroke
            first = None


def row(found: Sequence[tuple[Stroke | None, Stroke]]) -> list[float]:
    """The figures of one class."""
    doubled = [(first, second) for first, second in found if first is not None]
    ratios = [first[1] / second[1] for first, second in doubled]
    times = [second[0] - first[0] for first, second in doubled]
    soft = np.mean([ratio < SOFT for ratio in ratios])
    return [len(doubled) / len(found), np.median(ratios), soft, np.mean(times), np.std(times)]


def count(args: argparse.Namespace) -> int:
    """Print the table. Raises BadFolder, MelodyError."""
    found = [pair for file in groove_files(args.folder, args.split) for pair in pairs(strokes_of(file.path))]
    print("| velocities | strokes | doubled | first | soft first | seconds | deviation |\n" + "|---" * 7 + "|")
    for kind in range(128 // BINS):
        of_kind = [pair for pair in found if pair[1][1] // BINS == kind]
        figures = " | ".join(f"{figure:.3f}" for figure in row(of_kind)) if of_kind else "–"
        print(f"| {kind * BINS}–{kind * BINS + BINS - 1} | {len(of_kind)} | {figures} |")
    return 0


def main() -> None:
    parser = command.parser(__doc__)
    parser.add_argument("folder", type=Path, metavar="GROOVE_FOLDER")
    parser.add_argument("--split", default="train")
    args = parser.parse_args()
    sys.exit(command.exit_code(lambda: count(args)))


if __name__ == "__main__":
    main()

"""The choir beside real settings: what the engine plays to the sopranos of four-part pieces, known and live.

    python -m export_tools.harmoniser.compare PIECES --model models/bachbot.onnx [--count 20] [--save FOLDER]

PIECES is a folder of MIDI files with four parts, or PIECES.json of evaluate.py. Needs no torch. Prints the rows of
table.py for the pieces' own settings, for the engine with the soprano known, and live on keys, in percent unless a row
says otherwise; and the most frequent endings. The last pieces are left out with --count.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

from daemon.engines.base import Setup
from daemon.engines.harmoniser.engine import Harmoniser
from export_tools.common import command
from export_tools.common.files import write, writing

from .table import Rows, count
from .tunes import SOURCE, Frames, ahead, frames_of, live, read

METHODS = {"ahead": ahead, "live": live}


def compare(args: argparse.Namespace) -> int:
    """Print the table. Raises BadPieces, MelodyError, ModelError."""
    pieces = read(args.pieces, args.split, args.count)
    settings = {name: getattr(args, name) for name in ("temperature", "top_p") if getattr(args, name) is not None}
    engine = Harmoniser(Setup(Harmoniser.Options(), settings, args.model, (SOURCE,)))
    engine.prepare()
    made: dict[str, list[Frames]] = {"own": [piece.frames for piece in pieces]}
    spent: dict[str, float] = {}
    for name in args.methods:
        began = time.process_time()
        made[name] = [
            frames_of(METHODS[name](engine, piece, args.seed + number), len(piece.frames))
            for number, piece in enumerate(pieces)
        ]
        spent[name] = time.process_time() - began
    tables = {name: Rows() for name in made}
    for name, settings_made in made.items():
        for frames, piece in zip(settings_made, pieces, strict=True):
            count(tables[name], frames, piece.frames)
    total = sum(len(piece.frames) for piece in pieces)
    print(
        f"{len(pieces)} pieces, {total} 16ths"
        + "".join(f", {n} {1000 * s / total:.1f} ms CPU a 16th" for n, s in spent.items())
    )
    print(f"{'':52s}" + "".join(f"{name:>10s}" for name in tables))
    for row in tables["own"].counts:
        print(f"{row:52s}" + "".join(f"{table.share(row):10.2f}" for table in tables.values()))
    for name, table in tables.items():
        print(f"endings, {name}: " + "; ".join(f"{chords} {number}" for chords, number in table.endings.most_common(8)))
    if args.save:
        with writing(args.save):
            args.save.mkdir(parents=True, exist_ok=True)
        for name, settings_made in made.items():
            write(args.save / f"{name}.json", json.dumps([frames.tolist() for frames in settings_made]).encode())
    return 0


def main(arguments: list[str] | None = None) -> int:
    parser = command.parser(__doc__)
    parser.add_argument("pieces", type=Path, metavar="PIECES")
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--split", help="which list of PIECES.json")
    parser.add_argument("--count", type=command.positive_integer, help="use only so many pieces, evenly chosen")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--temperature", type=float)
    parser.add_argument("--top-p", type=float)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--save", type=Path, help="folder for the settings as PIECES.json, one for each column")
    args = parser.parse_args(arguments)
    return command.exit_code(lambda: compare(args))


if __name__ == "__main__":
    sys.exit(main())

"""Convert the published weights of the RNN drummer (Hollemans 2017) to a model for jamd and evaluate.py.

    python -m export_tools.drums.import_rnn_drummer WX WY TABLES.json -o FILE.onnx

WX and WY are files of float32, row by row: WX (17 notes + tick classes + 200 hidden units + 1 bias, 4 × 200 gates
in the order f, i, o, g), WY (200 hidden units + 1 bias, 17 notes + tick classes). TABLES.json holds `notes`, the 17
MIDI notes, and `ticks`, the tick classes, 480 ticks to a quarter. The files have no licence, so jamd does not ship
them. Needs only the packages of jamd.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from daemon.encodings.drums.hits import COUNT, INSTRUMENTS
from daemon.errors import InputError
from daemon.input_files import read_input
from export_tools.common import artifact, command
from export_tools.common.command import MAX_INPUT_BYTES

from .graph import HIDDEN, artifact_parts

CARD = {
    "training": {
        "music": "drum kit, by one drummer",
        "data": "the RNN drummer's published weights (M. Hollemans, 2017), imported",
        "licence": "none given: for your own use, not to be passed on",
    },
    "metrics": {},
}


class BadWeights(InputError):
    """Files that are not weights of the RNN drummer. The message names file, problem and remedy."""


def read_tables(path: Path) -> list[int]:
    """The tick classes. Raises BadWeights."""
    try:
        tables = json.loads(read_input(path, MAX_INPUT_BYTES).decode())
        notes, ticks = tables["notes"], tables["ticks"]
    except OSError as error:
        raise BadWeights(f"{path}: cannot be read ({error.strerror}): name the JSON file of the tables") from None
    except (ValueError, RecursionError, KeyError, TypeError) as error:
        raise BadWeights(
            f"{path}: not an object with `notes` and `ticks` ({error}): name the file of the tables"
        ) from None
    if notes != list(INSTRUMENTS):
        raise BadWeights(f"{path}: `notes` must be the 17 MIDI notes {list(INSTRUMENTS)}, in this order; here: {notes}")
    whole = isinstance(ticks, list) and all(type(tick) is int for tick in ticks)
    if not whole or len(ticks) < 2 or ticks[0] != 0 or ticks[-1] > 1 << 16 or sorted(set(ticks)) != ticks:
        raise BadWeights(f"{path}: `ticks` must be whole numbers in ascending order from 0: correct the list")
    return ticks


def read_matrix(path: Path, rows: int, columns: int) -> np.ndarray:
    """A file of little-endian float32 as (rows, columns). Raises BadWeights."""
    try:
        data = read_input(path, MAX_INPUT_BYTES)
    except OSError as error:
        raise BadWeights(f"{path}: cannot be read ({error.strerror}): name a file of weights") from None
    if len(data) != rows * columns * 4:
        raise BadWeights(
            f"{path}: {len(data)} bytes, but {rows} × {columns} float32 are {rows * columns * 4} bytes: "
            "name WX, then WY, and the tables that belong to them"
        )
    matrix = np.frombuffer(data, dtype="<f4").reshape(rows, columns)
    if not np.isfinite(matrix).all():
        raise BadWeights(
            f"{path}: holds values that are not finite numbers: the file is damaged, or not of little-endian float32"
        )
    return matrix


def convert(wx: Path, wy: Path, tables: Path, output: Path) -> None:
    """Write the artifact. Raises BadWeights."""
    if output.suffix != ".onnx":
        raise BadWeights(f"{output}: -o must end in .onnx")
    ticks = read_tables(tables)
    outputs = COUNT + len(ticks)
    weights = read_matrix(wx, outputs + HIDDEN + 1, 4 * HIDDEN), read_matrix(wy, HIDDEN + 1, outputs)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        graph, golden, about = artifact_parts(*weights, ticks)
    try:
        artifact.write(output, graph, golden, about | CARD)
    except AssertionError:
        raise BadWeights(
            f"{wx}, {wy}: ONNX Runtime computes wrong results from these weights, some of which are too large: "
            "the files are damaged, or not of little-endian float32"
        ) from None


def main(arguments: list[str] | None = None) -> int:
    parser = command.parser(__doc__)
    parser.add_argument("wx", type=Path, metavar="WX")
    parser.add_argument("wy", type=Path, metavar="WY")
    parser.add_argument("tables", type=Path, metavar="TABLES.json")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE.onnx")
    args = parser.parse_args(arguments)

    def run() -> int:
        convert(args.wx, args.wy, args.tables, args.output)
        print(f"{args.output}: {args.output.stat().st_size / 1e6:.1f} MB")
        return 0

    return command.exit_code(run)


if __name__ == "__main__":
    raise SystemExit(main())

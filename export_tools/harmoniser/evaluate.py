"""Nats per note of a shipped harmoniser on the JSB benchmark, through its ONNX file.

    python -m export_tools.harmoniser.evaluate --model models/bachbot.onnx PIECES.json [--split valid]

-(1/N) sum over pieces, frames t and voices v of ln p(x[t,v] | x[<t,.], x[t,<v]), voices in the order S A T B, symbols
MIDI 36..81 and rest, pooled over all N = frames x 4 notes, rests included, untransposed. PIECES.json is a list of
pieces, or an object of such lists; a piece is a list of frames of four MIDI numbers, negative = rest. The file has no
bar lines, ties or fermatas: positions count from the first frame, repeated pitches are held, fermatas are unknown.
Prints one JSON object. A single bad piece is an error: exit code 2. Needs only the packages of jamd, not those of
training.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from daemon import models
from daemon.encodings.chorale import (
    STEPS_PER_BAR,
    SYMBOLS,
    UNKNOWN,
    VOICES,
    Symbols,
    no_hints,
    repeated,
    to_symbols,
)
from daemon.engines.harmoniser.model import ChoraleModel
from daemon.errors import JamdError
from daemon.input_files import read_input
from export_tools.common import evaluate as common
from export_tools.common.command import MAX_INPUT_BYTES
from export_tools.common.evaluate import Figures

ROWS = 32  # pieces of a batch


class BadPieces(JamdError):
    """An unusable file of pieces. The message names the file, the place in the file and the remedy."""

    exit_code = 2


def read_pieces(path: Path, split: str | None) -> list[Symbols]:
    """The pieces of a file as symbols (frames, 4). Raises BadPieces."""
    try:
        content = json.loads(read_input(path, MAX_INPUT_BYTES).decode())
    except OSError as error:
        raise BadPieces(f"{path}: cannot be read ({error.strerror}): name a JSON file of pieces") from None
    except (ValueError, RecursionError) as error:
        raise BadPieces(f"{path}: not valid JSON ({error}): name a JSON file of pieces") from None
    if isinstance(content, dict):
        lists = ", ".join(content) or "none"
        if split is None:
            raise BadPieces(f"{path}: holds several lists: choose one with --split ({lists})")
        if split not in content:
            raise BadPieces(f"{path}: has no list {split!r}: choose --split from {lists}")
        content, where = content[split], f"{path}: {split}"
    elif split is not None:
        raise BadPieces(f"{path}: is one list of pieces: leave out --split")
    else:
        where = f"{path}: pieces"
    if not isinstance(content, list) or not content:
        raise BadPieces(f"{where}: must be a list of pieces that is not empty")
    return [read_piece(piece, f"{where}[{number}]") for number, piece in enumerate(content)]


def read_piece(piece: Any, where: str) -> Symbols:
    """One piece as symbols (frames, 4). Raises BadPieces."""
    if not isinstance(piece, list) or not piece:
        raise BadPieces(f"{where}: must be a list of frames that is not empty")
    for number, frame in enumerate(piece):
        numbers = isinstance(frame, list) and all(type(pitch) is int for pitch in frame)
        if not numbers or len(frame) != len(VOICES):
            raise BadPieces(f"{where}[{number}]: a frame is four integers, S A T B, negative = rest; here is {frame!r}")
        try:
            to_symbols(np.clip(frame, -1, 1 << 30))
        except ValueError as error:
            raise BadPieces(f"{where}[{number}]: {error}: transpose it, or write a rest as -1") from None
    return to_symbols(np.clip(piece, -1, None))


def batches(pieces: list[Symbols]) -> Iterator[list[Symbols]]:
    """Batches of pieces of similar length, longest first."""
    ordered = sorted(pieces, key=len, reverse=True)
    for first in range(0, len(ordered), ROWS):
        yield ordered[first : first + ROWS]


def score(model: ChoraleModel, pieces: list[Symbols]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Log probability of every note, and whether the note was the most likely one: (notes of all pieces,) each.

    `pieces` are sorted, longest first, so that the pieces that have not ended are always the first rows.
    """
    lengths = np.array([len(piece) for piece in pieces])
    symbols = np.full((len(pieces), lengths[0], len(VOICES)), UNKNOWN)
    held = np.zeros_like(symbols)
    for row, piece in enumerate(pieces):
        symbols[row, : len(piece)], held[row, : len(piece)] = piece, repeated(piece)
    state = model.start(len(pieces))
    log_probs, hits = [], []
    for t in range(lengths[0]):
        rows = int((lengths > t).sum())
        if rows < len(state.context):
            state = state.select(np.arange(rows))
        now = symbols[:rows, t]
        before = symbols[:rows, t - 1] if t else np.full_like(now, UNKNOWN)
        tied = held[:rows, t - 1] if t else np.zeros_like(now)
        ones = np.ones(rows, dtype=np.int64)
        state = model.advance(state, before, tied, ones * (t % STEPS_PER_BAR), no_hints(1))
        known = np.full_like(now, UNKNOWN)
        for voice in range(len(VOICES)):
            predicted, _ = model.head(state, before, known, ones * voice)
            assert predicted.shape == (rows, SYMBOLS)
            log_probs.append(predicted[np.arange(rows), now[:, voice]].astype(np.float64))
            hits.append(predicted.argmax(1) == now[:, voice])
            known[:, voice] = now[:, voice]
    return np.concatenate(log_probs), np.concatenate(hits)


def evaluate(model: ChoraleModel, pieces: list[Symbols]) -> Figures:
    """The figures over all pieces."""
    scores = [score(model, batch) for batch in batches(pieces)]
    log_probs, hits = (np.concatenate(column) for column in zip(*scores, strict=True))
    return {
        "nll_per_note": round(float(-log_probs.mean()), 6),
        "accuracy": round(float(hits.mean()), 6),
        "notes": len(log_probs),
        "pieces": len(pieces),
    }


def open_model(path: Path) -> ChoraleModel:
    """The model of an artifact, checked against its sidecar. Raises ModelError."""
    artifact = models.load(path, "harmoniser")
    return ChoraleModel(artifact)


def measure(args: argparse.Namespace) -> Figures:
    """The figures over the music that the command line names. Raises BadPieces or ModelError."""
    pieces = read_pieces(args.music, args.split)
    return evaluate(open_model(args.model), pieces)


def main(arguments: list[str] | None = None) -> int:
    parser = common.parser(__doc__, "PIECES.json")
    parser.add_argument("--split", help="which list of PIECES.json")
    return common.main(parser.parse_args(arguments), measure)


if __name__ == "__main__":
    sys.exit(main())

"""Compare harmonisations of Bach's sopranos, from left to right and with the future known, with Bach's own settings.

    python -m export_tools.harmoniser.compare --model models/bachbot.onnx PIECES.json [--split valid]

PIECES.json is that of evaluate.py. Needs no torch. Prints one JSON object. For Bach and each method:
  nll_per_note      nats per note of alto, tenor and bass under the model, given the past and the soprano
  nll_all           the same over all four voices, the soprano predicted too: how well the harmony leads to the melody
  fifths, octaves   parallels per 100 frames: two voices move in one direction from a fifth (octave) to another
  moves             changes of pitch per 100 frames and voice, without the soprano
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from daemon.encodings.chorale import FERMATA_UNKNOWN, REST, STEPS_PER_BAR, UNKNOWN, VOICES
from daemon.engines.harmoniser.causal_writer import CausalWriter
from daemon.engines.harmoniser.engine import Harmoniser
from daemon.engines.harmoniser.look_ahead import LAG, PARTICLES
from daemon.engines.harmoniser.model import ChoraleModel
from daemon.engines.harmoniser.particle_filter import ParticleFilter
from export_tools.common import command

from .evaluate import BadPieces, open_model, read_pieces

Piece = np.ndarray  # (frames, 4) symbols


@dataclass(frozen=True, slots=True)
class Sampling:
    """How notes are drawn."""

    seed: int
    temperature: float
    top_p: float


def read(path: Path, split: str | None) -> list[Piece]:
    """The pieces of a file, those whose sopranos have no rests. Raises BadPieces."""
    pieces = [piece for piece in read_pieces(path, split) if (piece[:, 0] != REST).all()]
    if not pieces:
        raise BadPieces(f"{path}: every soprano has rests: name pieces whose sopranos have none")
    return pieces


def onsets(soprano: np.ndarray) -> np.ndarray:
    """Whether each frame has an onset: where the pitch changes, because these pieces have no ties."""
    return np.concatenate([[True], soprano[1:] != soprano[:-1]])


def left_to_right(model: ChoraleModel, soprano: np.ndarray, sampling: Sampling) -> Piece:
    """Harmonise a soprano as one played on keys, of which no future is known."""
    writer, out = CausalWriter(model), []
    writer.reseed(sampling.seed)
    for frame, (symbol, struck) in enumerate(zip(soprano.tolist(), onsets(soprano).tolist(), strict=True)):
        writer.next_step(frame % STEPS_PER_BAR)
        known = [symbol, UNKNOWN, UNKNOWN, UNKNOWN]
        list(writer.write(known, [struck, False, False, False], sampling.temperature, sampling.top_p))
        assert writer.symbols is not None
        out.append(writer.symbols[0])
    return np.array(out)


def look_ahead(model: ChoraleModel, soprano: np.ndarray, sampling: Sampling, particles: int, lag: int) -> Piece:
    """Harmonise a soprano as a melody whose future is known."""
    particle_filter = ParticleFilter(model, particles, np.random.default_rng(sampling.seed), 0)
    struck, out = onsets(soprano), []
    for frame in range(len(soprano) + lag):
        if frame < len(soprano):
            particle_filter.extend(
                np.array([soprano[frame], UNKNOWN, UNKNOWN, UNKNOWN]),
                np.array([struck[frame], False, False, False]),
                frame % STEPS_PER_BAR,
                sampling.temperature,
                sampling.top_p,
            )
        if frame >= lag:
            out.append(particle_filter.next_step().symbols[0])
    return np.array(out)


def nll(model: ChoraleModel, pieces: list[Piece]) -> np.ndarray:
    """(4,) nats per note of each voice given the past and the higher voices, pooled over all frames."""
    length, count = max(len(piece) for piece in pieces), len(pieces)
    frames = np.full((length, count, len(VOICES)), REST)
    for i, piece in enumerate(pieces):
        frames[: len(piece), i] = piece
    inside = np.arange(length)[:, None] < [len(piece) for piece in pieces]
    state, total = model.start(count), np.zeros(len(VOICES))
    previous, held = np.full_like(frames[0], UNKNOWN), np.zeros_like(frames[0])
    for t in range(length):
        position, fermata = np.full(count, t % STEPS_PER_BAR), np.full(count, FERMATA_UNKNOWN)
        state = model.advance(state, previous, held, position, fermata)
        known = np.full_like(previous, UNKNOWN)
        for voice in range(len(VOICES)):
            log_probs, _ = model.head(state, previous, known, np.full(count, voice))
            total[voice] -= log_probs[np.arange(count), frames[t, :, voice]][inside[t]].sum()
            known[:, voice] = frames[t, :, voice]
        held = ((frames[t] == previous) & (frames[t] != REST)).astype(np.int64)
        previous = frames[t]
    return np.asarray(total / inside.sum())


def count_parallels(piece: Piece) -> tuple[int, int]:
    """Numbers of parallel fifths, and of parallel octaves and unisons, among all pairs of voices."""
    fifths = octaves = 0
    for high, low in combinations(range(len(VOICES)), 2):
        for before, after in zip(piece[:-1, [high, low]].tolist(), piece[1:, [high, low]].tolist(), strict=True):
            if REST in before or REST in after:
                continue
            upper_motion, lower_motion = after[0] - before[0], after[1] - before[1]
            if upper_motion * lower_motion <= 0 or (before[0] - before[1] - after[0] + after[1]) % 12:
                continue
            fifths += (after[0] - after[1]) % 12 == 7
            octaves += (after[0] - after[1]) % 12 == 0
    return fifths, octaves


def measure(model: ChoraleModel, pieces: list[Piece]) -> dict[str, float]:
    """The figures of the module's docstring, pooled over pieces."""
    frames = sum(len(piece) for piece in pieces)
    by_voice = nll(model, pieces)
    fifths, octaves = np.sum([count_parallels(piece) for piece in pieces], axis=0)
    moves = sum(int((piece[1:, 1:] != piece[:-1, 1:]).sum()) for piece in pieces)
    return {
        "nll_per_note": round(float(by_voice[1:].mean()), 4),
        "nll_all": round(float(by_voice.mean()), 4),
        "fifths": round(100 * int(fifths) / frames, 3),
        "octaves": round(100 * int(octaves) / frames, 3),
        "moves": round(100 * moves / frames / 3, 2),
    }


def compare(args: argparse.Namespace) -> int:
    """Print the figures of Bach's pieces and of both methods on their sopranos. Raises ModelError, BadPieces."""
    model = open_model(args.model)
    bach = read(args.pieces, args.split)[: args.limit]
    report: dict[str, Any] = {"pieces": len(bach), "frames": sum(map(len, bach)), "bach": measure(model, bach)}
    methods = {
        "left to right": left_to_right,
        "look-ahead": partial(look_ahead, particles=args.particles, lag=args.lag),
    }
    for name, harmonise in methods.items():
        started = time.process_time()
        harmonised = [
            harmonise(model, piece[:, 0], Sampling(args.seed + number, args.temperature, args.top_p))
            for number, piece in enumerate(bach)
        ]
        seconds = time.process_time() - started
        report[name] = {**measure(model, harmonised), "cpu_ms_per_frame": round(1000 * seconds / report["frames"], 2)}
    report["options"] = {k: getattr(args, k) for k in ("temperature", "top_p", "particles", "lag", "seed")}
    print(json.dumps(report, indent=1))
    return 0


def main(arguments: list[str] | None = None) -> int:
    defaults = {setting.name: setting.default for setting in Harmoniser.settings}
    parser = command.parser(__doc__)
    parser.add_argument("pieces", type=Path, metavar="PIECES.json")
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--split", help="which list of PIECES.json")
    parser.add_argument("--limit", type=command.positive_integer, help="use only this many pieces, the first ones")
    parser.add_argument("--temperature", type=float, default=defaults["temperature"])
    parser.add_argument("--top-p", type=float, default=defaults["top_p"])
    parser.add_argument("--particles", type=int, default=PARTICLES)
    parser.add_argument("--lag", type=int, default=LAG)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args(arguments)
    return command.exit_code(lambda: compare(args))


if __name__ == "__main__":
    sys.exit(main())

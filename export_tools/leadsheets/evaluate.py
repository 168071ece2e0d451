"""Nats per event of a style on music that it leaves out, and how its samples differ from its pieces.

    python -m export_tools.leadsheets.evaluate --model models/NAME.npz [--seed N]

Each composer in turn, or each traditional tune, is left out of the counts; of a style by one composer, each title. The
weights of the orders are chosen on one half of the composers and measured on the other, and the other way round. Events
that the counts lack altogether are counted apart.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from daemon.song.styles.back_off import Fit, HeldOut, blended, fitted, measured
from daemon.song.styles.style import LAYERS, Style
from daemon.song.styles.style_file import load_style
from daemon.song.styles.style_maker import ORDERS, Collection, left_out
from export_tools.common import command

from .groups import grouped, grouped_background
from .samples import distances

Figures = dict[str, Any]
SHARES = (0.1, 0.3, 0.5, 0.7, 0.9)  # of the background, that are tried


def figures(style: Style, seed: int) -> Figures:
    """Of both layers."""
    return {layer: _of_layer(style, layer, seed) | {"pairs": distances(style, layer, seed)} for layer in LAYERS}


def _of_layer(style: Style, layer: str, seed: int) -> Figures:
    music, background = grouped(style.pieces, style.card.sources), style.background
    halves = _halves(music, seed)
    own = [left_out(half, music, layer) for half in halves]
    if background is not None:
        of_background = grouped_background(background.pieces, background.card.sources, style.card.sources)
        others = [left_out(half, of_background, layer) for half in halves]
    events = sum(part.events for part in own)
    found: Figures = {"events": events}
    for order in range(1, ORDERS + 1):
        found[f"order {order}"] = _crossed([part.up_to(order) for part in own])
        found[f"order {order}, chain"] = _chain(own, order)
    if background is not None:
        tried = {
            share: _crossed([blended(part, other, share) for part, other in zip(own, others, strict=True)])
            for share in SHARES
        }
        share = min(tried, key=lambda share: tried[share]["nats"])
        found["with background"] = tried[share] | {"share": share}
    return found


def _halves(music: Collection, seed: int) -> list[Collection]:
    names = sorted(set(music.groups))
    first = set(np.random.default_rng(seed).permutation(names)[: len(names) // 2].tolist())
    pairs = list(zip(music.pieces, music.groups, strict=True))
    sides = ([pair for pair in pairs if (pair[1] in first) is side] for side in (True, False))
    return [Collection([piece for piece, _ in side], [group for _, group in side]) for side in sides]


def _crossed(halves: list[HeldOut]) -> Figures:
    """Nats per event, the weights being those of the other half; the number of impossible events."""
    return _pooled(halves, [measured(half, fitted(other).weights) for half, other in (halves, halves[::-1])])


def _pooled(halves: list[HeldOut], fits: list[Fit]) -> Figures:
    possible = [half.events - fit.impossible for half, fit in zip(halves, fits, strict=True)]
    nats = sum(fit.nats * count for fit, count in zip(fits, possible, strict=True) if count)
    return {"nats": round(nats / sum(possible), 3), "impossible": sum(fit.impossible for fit in fits)}


def _chain(halves: list[HeldOut], order: int) -> Figures:
    """Without any back-off: nats of the events that are possible, and how many are not."""
    found = np.concatenate([half.probabilities[:, :, order].ravel() for half in halves])
    possible = found[found > 0]
    events = sum(half.events for half in halves)
    return {"nats": round(float(-np.log(possible).mean()), 3), "impossible": events - len(possible)}


def main(arguments: list[str] | None = None) -> int:
    parser = command.parser(__doc__)
    parser.add_argument("--model", type=Path, required=True, metavar="NAME.npz")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args(arguments)

    def evaluate() -> None:
        print(json.dumps(figures(load_style(args.model), args.seed), indent=1))

    return command.exit_code(evaluate)


if __name__ == "__main__":
    sys.exit(main())

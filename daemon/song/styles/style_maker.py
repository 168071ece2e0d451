"""The back-off of a style: weights chosen on pieces that the counts leave out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from daemon.song.styles.back_off import Fit, HeldOut, blended, fitted, held_out
from daemon.song.styles.pieces import Piece
from daemon.song.styles.style import LAYERS, MODES, BackOff

ORDERS = 4  # the highest order that a card has a weight for
COMPOSED = 2  # the order that songs are composed with, unless they name another
# By layer: as many events of a style as its background counts for, and its largest share. With more, the style would
# not sound like itself; with fewer, nearly all melodies of 32 bars are copies in a style of ten pieces.
BACKGROUND = {"melody": (500, 0.3), "chords": (200, 1.0)}
UNFITTED = (0.0, 0.1, 0.7, 0.1, 0.1)  # weights for a folder that is too small to choose any


@dataclass(frozen=True, slots=True)
class Collection:
    """Pieces, and the group of each: pieces of one group, such as a composer's, are left out together."""

    pieces: Sequence[Piece]
    groups: Sequence[str]


def left_out(music: Collection, corpus: Collection, layer: str) -> HeldOut:
    """How probable the events of `music` are in `corpus` without the group of each piece; modes are kept apart."""
    sequence, parts = LAYERS[layer], []
    for mode in MODES:
        here, there = _in_mode(music, mode), _in_mode(corpus, mode)
        pieces, sources = [sequence(piece) for piece in here.pieces], [sequence(piece) for piece in there.pieces]
        parts.append(held_out(pieces, here.groups, sources, there.groups, ORDERS))
    longest = max(part.probabilities.shape[1] for part in parts)
    tables = [
        np.pad(part.probabilities, ((0, 0), (0, longest - part.probabilities.shape[1]), (0, 0)), constant_values=np.nan)
        for part in parts
    ]
    return HeldOut(np.concatenate(tables), np.concatenate([part.lengths for part in parts]))


def back_off(music: Collection, background: Collection | None, layer: str) -> BackOff:
    """The share of the background by the size of the style, and the weights of the orders that make most probable what
    the chain of order COMPOSED can continue with: the other events would only say how small the style is. Order 0 has
    none: it is music at random."""
    known, share = left_out(music, music, layer), 0.0
    if background is not None:
        events, most = BACKGROUND[layer]
        share = round(min(events / (events + known.events), most), 3)
        known = blended(known, left_out(music, background, layer), share)
    possible = np.nan_to_num(known.probabilities[:, :, COMPOSED]) > 0
    return BackOff(_rounded(fitted(known.only(possible, 1))) if possible.any() else UNFITTED, share)


def _rounded(fit: Fit) -> tuple[float, ...]:
    """The weights to four digits, still with the sum 1."""
    digits = np.round(fit.weights, 4)
    digits[digits.argmax()] += 1 - digits.sum()
    return tuple(round(float(weight), 4) for weight in digits)


def _in_mode(music: Collection, mode: str) -> Collection:
    kept = [number for number, piece in enumerate(music.pieces) if piece.mode == mode]
    return Collection([music.pieces[number] for number in kept], [music.groups[number] for number in kept])

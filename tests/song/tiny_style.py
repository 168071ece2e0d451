"""A style of a few pieces that are made up, for tests."""

from __future__ import annotations

from pathlib import Path
from random import Random

from daemon.song.styles.pieces import Piece
from daemon.song.styles.style import BackOff, Card, Source, Training
from daemon.song.styles.style_file import FORMAT, write_style

SCALE = (-5, -3, -1, 0, 2, 4, 5, 7, 9, 11, 12, 14)
RHYTHMS = ((12, 12, 12, 12), (24, 12, 12), (12, 6, 6, 24), (24, 24), (48,), (36, 12))
CHORDS = (((0, ""), (5, ""), (7, "7"), (0, "")), ((0, ""), (9, "m"), (2, "m7"), (7, "7")))


def write_tiny_style(
    folder: Path, name: str = "tiny", orders: tuple[tuple[float, ...], ...] = ((0.1, 0.3, 0.6), (0.2, 0.8))
) -> tuple[Piece, ...]:
    """Sixteen pieces of eight bars in 4/4: walks on the scale over simple chords. `orders`: of melody and chords."""
    random = Random(1)
    pieces = tuple(_piece(f"piece {number}", random) for number in range(16))
    sources = tuple(Source(piece.title) for piece in pieces)
    about = Training("walks", "made up", "none")
    card = Card(FORMAT, about, "", sources, *map(BackOff, orders))
    write_style(folder / f"{name}.npz", card, pieces)
    return pieces


def _piece(title: str, random: Random) -> Piece:
    place, melody = 5, []
    for bar in range(8):
        for ticks in (24, 24) if bar == 7 else random.choice(RHYTHMS):
            place = min(max(place + random.choice((-2, -1, -1, 0, 1, 1, 2)), 0), len(SCALE) - 1)
            melody.append((SCALE[place], ticks))
    melody[-1] = (0, melody[-1][1])
    chords = [(root, quality, 48) for row in (random.choice(CHORDS), CHORDS[0]) for root, quality in row]
    return Piece(title, "major", (4, 4), 0, tuple(melody), tuple(chords))

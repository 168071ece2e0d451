"""Groups of pieces that are left out together when a style is measured: those of one composer."""

from __future__ import annotations

from collections.abc import Sequence

from daemon.song.styles.pieces import Piece
from daemon.song.styles.style import Source
from daemon.song.styles.style_maker import Collection


def grouped(pieces: Sequence[Piece], sources: Sequence[Source]) -> Collection:
    """The pieces of a style, by composer; of a style by one composer, by title."""
    return Collection(pieces, _groups(sources))


def grouped_background(pieces: Sequence[Piece], sources: Sequence[Source], of_style: Sequence[Source]) -> Collection:
    """The pieces of a background: pieces of the sources `of_style` are in their groups there."""
    named = dict(zip((source.file for source in of_style), _groups(of_style), strict=True))
    return Collection(pieces, [named.get(source.file, _group(source)) for source in sources])


def _groups(sources: Sequence[Source]) -> list[str]:
    found = [_group(source) for source in sources]
    return found if len(set(found)) > 1 else [source.title for source in sources]


def _group(source: Source) -> str:
    return ", ".join(source.composers) or source.title

"""The files of a song's styles as they were when the song was read: what is composed stays the same when they change.

The sha256 of a style's card identifies the style, as the card holds the sha256 of the events.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import zlib
from pathlib import Path

from daemon.errors import ModelError
from daemon.input_files import read_input
from daemon.song.description import KeptStyle, StyleFiles
from daemon.song.styles.style import Style
from daemon.song.styles.style_file import MOST_BYTES, backing_off, card_of, find_style, read_files, style_of

MOST_KEPT = 1 << 20  # bytes of both files of a style; of larger ones the hash is kept


def keep(name: str, base: Path) -> KeptStyle:
    """The style of that name and the one to which it backs off. `base`: the song's folder. Raises ModelError."""
    path = find_style(name, base)
    card, data = read_files(path)
    if not (background := card_of(path, card).background):
        return KeptStyle(name, _kept(path, card, data))
    other = find_style(background, path.parent)
    return KeptStyle(name, _kept(path, card, data), _kept(other, *read_files(other)))


def style_of_kept(kept: KeptStyle) -> Style:
    """Raises ModelError: a style of which only the hash was kept is gone, or another one now."""
    style = _style(kept.name, kept.files)
    if kept.background is None:
        return style
    return backing_off(Path(kept.files.path), style, _style(kept.name, kept.background))


def _kept(path: Path, card: bytes, data: bytes) -> StyleFiles:
    sha256 = hashlib.sha256(card).hexdigest()
    if len(card) + len(data) > MOST_KEPT:
        return StyleFiles(str(path.absolute()), sha256)
    return StyleFiles(str(path.absolute()), sha256, _text(card), _text(data))


def _style(name: str, files: StyleFiles) -> Style:
    path = Path(files.path)
    if files.data:
        return style_of(path, _bytes(path, files.card), _bytes(path, files.data))
    card, problem = path.with_suffix(".json"), ""
    try:
        found = hashlib.sha256(read_input(card, MOST_BYTES)).hexdigest()
        if found == files.sha256:
            return style_of(path, *read_files(path))
        problem = f"has the sha256 {found} now"
    except OSError as error:
        problem = f"cannot be read ({error.strerror})"
    raise ModelError(
        f"the style {name!r} is not as it was when the song was read: {card} had the sha256 {files.sha256} and "
        f"{problem}: put the files of the style back as they were"
    )


def _text(data: bytes) -> str:
    return base64.b64encode(zlib.compress(data)).decode("ascii")


def _bytes(path: Path, text: str) -> bytes:
    try:
        return zlib.decompressobj().decompress(base64.b64decode(text, validate=True), MOST_BYTES)
    except (binascii.Error, ValueError, zlib.error):
        raise ModelError(f"{path}: what was kept of this style is damaged") from None

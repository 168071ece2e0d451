"""Style files: NAME.npz, the events of a style's pieces, and its card NAME.json. docs/models.md describes both.

They are data, never code, and may come from anywhere: what is damaged, too large or not as the card says is a
ModelError.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import asdict
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from daemon import models
from daemon.errors import ModelError
from daemon.input_files import read_input
from daemon.json_decoding import decoder
from daemon.markov.events import REST
from daemon.paths import expand
from daemon.replacement import replace_files
from daemon.song.styles.pieces import HIGHEST, LONGEST, LOWEST, QUALITIES, SILENT, Piece, bar_ticks
from daemon.song.styles.style import MODES, Card, Style
from daemon.suggestions import nearest

FORMAT = 2
SUFFIX = ".npz"
MOST_BYTES = 16 << 20  # of each of the two files, and of all arrays when they are unpacked
MOST_PIECES, MOST_EVENTS = 20_000, 1_000_000

REMEDY = "install jamd again, or make the style again with `jamd style`"
_COLUMNS = {"pieces": 6, "melody": 2, "chords": 3}  # of each array
_DAMAGED = (
    *(ArithmeticError, AttributeError, EOFError, LookupError, MemoryError, NotImplementedError, OSError, RuntimeError),
    *(TypeError, ValueError, zipfile.BadZipFile, zlib.error),
)

Integers = NDArray[np.int64]


def find_style(name_or_path: str, base: Path = Path()) -> Path:
    """The file of a style: NAME.npz in the folder `base`, else one that ships with jamd, or a path, relative to `base`.

    Raises ModelError if there is none.
    """
    try:
        wanted = expand(name_or_path)
    except ValueError as error:
        raise ModelError(str(error)) from None
    path = base / (wanted if wanted.suffix == SUFFIX else wanted.parent / f"{wanted.name}{SUFFIX}")
    shipped = models.folder() / path.name
    if not _is_file(path) and len(wanted.parts) == 1:
        path = shipped
    if not _is_file(path):
        near = nearest(wanted.stem, names := shipped_styles())
        meant = f"did you mean {near!r}?" if near else f"choose from {', '.join(names)}, or name a file"
        raise ModelError(f"there is no style {name_or_path[:200]!r}: {meant}")
    return path


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that is too long, a folder that may not be read
        return False


def shipped_styles() -> list[str]:
    """The names of the styles that ship with jamd."""
    return sorted(path.stem for path in models.folder().glob(f"*{SUFFIX}"))


def load_style(path: Path) -> Style:
    """The style in the file at `path`, and the one to which it backs off. Raises ModelError."""
    style = _load(path)
    if not (name := style.card.background):
        return style
    return backing_off(path, style, _load(find_style(name, path.parent)))


def backing_off(path: Path, style: Style, background: Style) -> Style:
    """The style at `path` with the one to which it backs off. Raises ModelError."""
    if background.card.background:
        raise ModelError(f"{path}: backs off to {style.card.background!r}, which backs off itself: {REMEDY}")
    return Style(style.name, style.card, style.pieces, background)


def write_style(path: Path, card: Card, pieces: Sequence[Piece]) -> None:
    """Write NAME.npz and NAME.json, with the hash of the first in the second. Raises OSError."""
    names = list(QUALITIES)
    content = BytesIO()
    np.savez_compressed(
        content,
        pieces=_table([_row(piece) for piece in pieces], _COLUMNS["pieces"]),
        melody=_table([event for piece in pieces for event in piece.melody], 2),
        chords=_table([(r, names.index(q), ticks) for piece in pieces for r, q, ticks in piece.chords], 3),
        qualities=np.array(names),
    )
    data = content.getvalue()
    written = asdict(card) | {"sha256": hashlib.sha256(data).hexdigest()}
    text = json.dumps(written, indent=1, ensure_ascii=False) + "\n"
    replace_files({path: data, path.with_suffix(".json"): text.encode()})


def _row(piece: Piece) -> tuple[int, ...]:
    return len(piece.melody), len(piece.chords), MODES.index(piece.mode), *piece.meter, piece.start


def _table(rows: Sequence[tuple[int, ...]], columns: int) -> NDArray[np.int32]:
    return np.array(rows, np.int32).reshape(-1, columns)


def _load(path: Path) -> Style:
    return style_of(path, *read_files(path))


def read_files(path: Path) -> tuple[bytes, bytes]:
    """The card and the events of the style at `path`, unchecked. Raises ModelError."""
    card = _read_card(path)
    try:
        return card, read_input(path, MOST_BYTES)
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror}): {REMEDY}") from None


def style_of(path: Path, card_file: bytes, data: bytes) -> Style:
    """The style in two files, whose content is given, without the one to which it backs off. Raises ModelError."""
    card = card_of(path, card_file)
    if hashlib.sha256(data).hexdigest() != card.sha256:
        beside = path.with_suffix(".json").name
        raise ModelError(f"{path}: truncated or changed: its sha256 is not the one in {beside}: {REMEDY}")
    try:
        pieces = _pieces(_arrays(data), [source.title for source in card.sources])
    except _DAMAGED as error:
        reason = str(error) if type(error) is ValueError else "damaged"
        raise ModelError(f"{path}: not a style ({reason}): {REMEDY}") from None
    return Style(path.stem, card, pieces)


def read_card(path: Path) -> Card:
    """The card beside the style at `path`. Raises ModelError."""
    return card_of(path, _read_card(path))


def _read_card(path: Path) -> bytes:
    file = path.with_suffix(".json")
    try:
        return read_input(file, MOST_BYTES)
    except FileNotFoundError:
        raise ModelError(f"{file}: the card of {path.name} is missing: {REMEDY}") from None
    except OSError as error:
        raise ModelError(f"{file}: cannot be read ({error.strerror}): {REMEDY}") from None


def card_of(path: Path, data: bytes) -> Card:
    """The card of the style at `path`, in a file whose content is given. Raises ModelError."""
    file = path.with_suffix(".json")
    try:
        content: Any = json.loads(data.decode())
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{file}: not valid JSON ({error}): {REMEDY}") from None
    version = content.get("format") if isinstance(content, dict) else None
    if version != FORMAT:
        raise ModelError(f"{file}: `format` is {version!r}, this version of jamd reads {FORMAT}: {REMEDY}")
    try:
        card: Card = decoder(Card)(content)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{file}: not the card of a style ({error}): {REMEDY}") from None
    return card


def _arrays(data: bytes) -> dict[str, NDArray[Any]]:
    """The arrays of the file, by name, checked for their types and shapes. Raises _DAMAGED."""
    with zipfile.ZipFile(BytesIO(data)) as archive:
        if sum(info.file_size for info in archive.infolist()) > MOST_BYTES:
            raise ValueError(f"its arrays are larger than {MOST_BYTES >> 20} MiB")
    with np.load(BytesIO(data), allow_pickle=False) as file:
        if set(file.files) != {*_COLUMNS, "qualities"}:
            raise ValueError(f"its arrays are {', '.join(file.files)[:200]}")
        arrays = {name: file[name] for name in file.files}
    for name, columns in _COLUMNS.items():
        array = arrays[name]
        if array.dtype.kind not in "iu" or array.shape[1:] != (columns,):
            raise ValueError(f"`{name}` has the type {array.dtype} and the shape {list(array.shape)}")
        if len(array) > (MOST_PIECES if name == "pieces" else MOST_EVENTS):
            raise ValueError(f"`{name}` has {len(array):,} rows")
        arrays[name] = array.astype(np.int64)
    if arrays["qualities"].dtype.kind != "U" or arrays["qualities"].ndim != 1:
        raise ValueError("`qualities` is not a list of names")
    return arrays


def _pieces(arrays: dict[str, NDArray[Any]], titles: Sequence[str]) -> tuple[Piece, ...]:
    """Raises ValueError for values out of range, and counts that do not agree."""
    table, qualities = arrays["pieces"], arrays["qualities"].tolist()
    if not len(table) or len(table) != len(titles):
        raise ValueError(f"{len(table)} pieces, of which the card lists {len(titles)}")
    if unknown := [name for name in qualities if name not in QUALITIES]:
        raise ValueError(f"unknown quality of chords {str(unknown[0])[:20]!r}")
    _check_columns(table, [1, 1, 0, 1, 1, -LONGEST], [MOST_EVENTS, MOST_EVENTS, 1, 64, 64, 0], "pieces")
    pitches = arrays["melody"][:, 0]
    if not np.all((pitches == REST) | ((pitches >= LOWEST) & (pitches <= HIGHEST))):
        raise ValueError("`melody` has pitches out of range")
    _check_columns(arrays["melody"], [REST, 1], [HIGHEST, LONGEST], "melody")
    _check_columns(arrays["chords"], [0, 0, 1], [11, len(qualities) - 1, LONGEST], "chords")
    parts = []
    for column, name in enumerate(("melody", "chords")):
        counts = table[:, column]
        if counts.sum() != len(arrays[name]):
            raise ValueError(f"`{name}` has {len(arrays[name])} rows, its pieces {counts.sum()}")
        parts.append(np.split(arrays[name], np.cumsum(counts)[:-1]))
    rows = zip(titles, table.tolist(), *parts, strict=True)
    return tuple(_piece(title, row[2:], qualities, *columns) for title, row, *columns in rows)


def _check_columns(table: Integers, low: Sequence[int], high: Sequence[int], name: str) -> None:
    if not np.all((table >= low) & (table <= high)):
        raise ValueError(f"`{name}` has values out of range")


def _piece(title: str, about: Sequence[int], qualities: Sequence[str], *columns: Integers) -> Piece:
    mode, beats, unit, start = about
    melody, chords = (column.tolist() for column in columns)
    end = sum(ticks for *_, ticks in chords)
    if unit & (unit - 1) or not -bar_ticks((beats, unit)) < start:
        raise ValueError(f"{title!r} has the meter {beats}/{unit} and begins at the tick {start}")
    if start + sum(ticks for _, ticks in melody) != end:
        raise ValueError(f"melody and chords of {title!r} do not end together")
    return Piece(
        title,
        MODES[mode],
        (beats, unit),
        start,
        tuple((pitch, ticks) for pitch, ticks in melody),
        tuple(
            (*SILENT, ticks) if not QUALITIES[qualities[q]] else (root, qualities[q], ticks)
            for root, q, ticks in chords
        ),
    )

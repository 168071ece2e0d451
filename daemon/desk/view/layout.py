"""A picture as lines of a terminal of any size: fixed places for fixed things, no line wider than the terminal."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from daemon.desk.view.picture import Picture, Row

NARROW = 40  # columns, below which everything is set closer
NOTES = 4  # columns of a voice's notes: C♯-1
DRUM = 10  # columns of a drum: closed hat
STATE = 6  # columns of a chord or a word: F♯m7♭5


@dataclass(frozen=True, slots=True)
class Line:
    text: str
    style: str = ""  # bold, dim or none


def lay_out(picture: Picture, columns: int, rows: int) -> list[Line]:
    """Lines of less than `columns`, fewer than `rows`: where there is no room for all, the notice and sources are left
    out first, then the last players."""
    room = max(rows - 1, 1)
    players = [row for row in picture.rows if row.is_player]
    sources = [row for row in picture.rows if not row.is_player] if 1 + len(picture.rows) <= room else []
    form = [Line(picture.form)] if picture.form and 1 + len(picture.rows) < room else []
    shown = [*sources, *players][: room - 1 - len(form)]
    gap = " " if columns < NARROW else "  "
    name_columns = max((width(row.name) for row in shown), default=0)
    name_columns = min(name_columns, max(columns // 4, 4))
    lines = [Line(_first_line(picture, gap), "bold"), *form]
    lines += [Line(_row(row, name_columns, gap, columns), "dim" if row.dim else "") for row in shown]
    if len(lines) < room:
        lines.append(Line(picture.notice))
    return [Line(fit(line.text, columns - 1).rstrip(), line.style) for line in lines]


def width(text: str) -> int:
    """Columns on the screen."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )


def fit(text: str, columns: int) -> str:
    """`text`, cut to `columns`."""
    while width(text) > columns:
        text = text[:-1]
    return text


def _pad(text: str, columns: int) -> str:
    return text + " " * (columns - width(text))


def _first_line(picture: Picture, gap: str) -> str:
    if gap == " ":
        return gap.join((_pad(picture.place, 4), _pad(picture.bpm, 6), picture.state))
    return gap.join((_pad(f"bar {picture.place}", 9), _pad(picture.bpm, 9), picture.state))


def _row(row: Row, name_columns: int, gap: str, columns: int) -> str:
    head = f"{_pad(fit(row.name, name_columns), name_columns)}{gap}{_pad(row.state, STATE)}"
    return gap.join((head, _voices(row, columns - 1 - name_columns - STATE - 2 * len(gap), gap))).rstrip()


def _voices(row: Row, room: int, gap: str) -> str:
    """The voices at fixed places, with their names or initials if there is room for them."""
    if row.is_drums:
        if len(row.voices) * (DRUM + len(gap)) <= room:
            return gap.join(_pad(text, DRUM) for _, text in row.voices)
        return ", ".join(text for _, text in row.voices if text)
    labels: Sequence[str] = [label for label, _ in row.voices]
    if len(labels) < 2:
        return "".join(text for _, text in row.voices)
    for shown in (labels, [label[:1].upper() for label in labels]):
        if sum(width(label) + 1 + NOTES + len(gap) for label in shown) - len(gap) <= room:
            return gap.join(f"{label} {_pad(text, NOTES)}" for label, (_, text) in zip(shown, row.voices, strict=True))
    return " ".join(_pad(text, NOTES - 1) for _, text in row.voices)

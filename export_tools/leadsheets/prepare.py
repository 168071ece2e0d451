"""Which lead sheets of a data set may be shipped as statistics, and which not.

    python -m export_tools.leadsheets.prepare LEADSHEETS

LEADSHEETS holds index.json (title, authors, years of their deaths) and mxl/*.mxl. Prints each file that titles.json
lists, with its authors, then the titles that the index alone would allow but that were left out by hand, then counts.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from export_tools.common import command
from export_tools.common.files import using

from .titles import DIED_BEFORE, Title, titles


def read_index(folder: Path) -> dict[str, dict[str, Any]]:
    """By the name of the file. Raises BadFile."""
    path = folder / "index.json"
    with using(path, "OpenEWLD"):
        return {name: dict(about) for name, about in json.loads(path.read_text(encoding="utf-8")).items()}


def allowed_by_index(about: dict[str, Any]) -> bool:
    """Whether all authors that the index names are tradition, or died early enough."""
    pairs = zip(about["authors"], about["deaths"], strict=True)
    return all(name.startswith("[") if died is None else died < DIED_BEFORE for name, died in pairs)


def authors(title: Title) -> str:
    named = [f"{name} († {died})" for name, died in [*title.music.items(), *title.words.items()]]
    return ", ".join((["traditional"] if title.traditional else []) + named)


def prepare(folder: Path) -> int:
    index, chosen = read_index(folder), titles()
    for name in sorted(chosen):
        there = "" if name in index else " (not in this folder)"
        print(f"ships: {name}: {authors(chosen[name])}{there}")
    doubtful = [name for name in sorted(index) if name not in chosen and allowed_by_index(index[name])]
    for name in doubtful:
        print(f"left out: {name}: {', '.join(dict.fromkeys(index[name]['authors']))}; see {index[name]['src']}")
    print(
        f"{len(index)} sheets, {len(index.keys() & chosen.keys())} of them ship, {len(doubtful)} are left out by hand"
    )
    return 0


def main(arguments: list[str] | None = None) -> int:
    parser = command.parser(__doc__)
    parser.add_argument("folder", type=Path, metavar="LEADSHEETS")
    args = parser.parse_args(arguments)
    return command.exit_code(lambda: prepare(args.folder))


if __name__ == "__main__":
    sys.exit(main())

"""The lead sheets that may be shipped → models/NAME.npz and models/NAME.json for each style.

    python -m export_tools.leadsheets.compile LEADSHEETS models [--seed N]

LEADSHEETS holds the data set's mxl/*.mxl, of which those in titles.json are read. Prints the refused files with
reasons, and a line about each style.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from daemon import __version__
from daemon.song.styles.pieces import Piece
from daemon.song.styles.style import LAYERS, Card, Source, Style, Training
from daemon.song.styles.style_file import FORMAT, SUFFIX, load_style, write_style
from daemon.song.styles.style_folder import Compiled, StyleError, compiled, counts_of, sheet_files
from daemon.song.styles.style_maker import back_off
from daemon.usage import progress
from export_tools.common import command
from export_tools.common.files import writing

from .evaluate import figures
from .groups import grouped, grouped_background
from .titles import Title, titles

DATA = (
    "OpenEWLD (MIT licence), lead sheets as MusicXML: works that are traditional, or whose authors all died before 1948"
)
LICENCE = "statistics of music in the public domain; the authors of each work are in the card"
BACKGROUND = "songbook"


@dataclass(frozen=True, slots=True)
class Work:
    """A title, and its sheet as events."""

    title: Title
    file: str
    piece: Piece

    @property
    def source(self) -> Source:
        return self.title.source(self.file)


@dataclass(frozen=True, slots=True)
class Spec:
    """`music`: what the style is, in a line; `holds`: whether a work belongs to it."""

    music: str
    holds: Callable[[Work], bool]


def of_genres(*genres: str) -> Callable[[Work], bool]:
    return lambda work: work.title.genre in genres


def by(composer: str) -> Callable[[Work], bool]:
    return lambda work: composer in work.title.music


STYLES = {
    BACKGROUND: Spec(
        "all lead sheets of the other styles, marches, airs and songs of vaudeville and music hall", lambda work: True
    ),
    "folk": Spec("folk songs, spirituals and old popular songs", of_genres("folk")),
    "hymns": Spec("hymns and carols", of_genres("hymn", "carol")),
    "jazz": Spec("ragtime, blues and songs of 1900 to 1930 that jazz musicians play", of_genres("jazz")),
    "waltz": Spec(
        "songs in 3/4, from folk songs to vaudeville",
        lambda work: work.piece.meter == (3, 4) and work.title.genre in ("folk", "song", "jazz"),
    ),
    "foster": Spec("songs by Stephen Foster", by("Stephen Foster")),
    "donaldson": Spec("songs by Walter Donaldson", by("Walter Donaldson")),
}


def read_works(folder: Path) -> tuple[list[Work], list[Compiled]]:
    """The works that may be shipped, and the refused files. Raises StyleError."""
    chosen = titles()
    wrong = [name for name, title in chosen.items() if not title.may_be_shipped]
    if wrong:
        raise StyleError(f"titles.json: {', '.join(wrong)}: may not be shipped: remove them")
    files = [path for path in sheet_files(folder / "mxl") if path.stem in chosen]
    results = []
    with progress("reading") as report:
        for result in compiled(folder / "mxl", files):
            results.append(result)
            report(len(results) / len(files))
    works = []
    for result in results:
        if result.piece is not None:
            title = chosen[Path(result.file).stem]
            works.append(Work(title, result.file, replace(result.piece, title=title.title)))
    return works, [result for result in results if result.refused]


def make(name: str, works: Sequence[Work], everything: Sequence[Work], out: Path, seed: int) -> Style:
    """Write the style, with its figures on its card."""
    pieces, sources, spec = [work.piece for work in works], tuple(work.source for work in works), STYLES[name]
    music, background = grouped(pieces, sources), None
    if name != BACKGROUND:
        background = grouped_background(
            [work.piece for work in everything], [work.source for work in everything], sources
        )
    weights = {layer: back_off(music, background, layer) for layer in LAYERS}
    card = Card(
        FORMAT, Training(spec.music, DATA, LICENCE), "", sources, weights["melody"], weights["chords"],
        "" if name == BACKGROUND else BACKGROUND, counts_of(pieces), versions={"jamd": __version__},
    )  # fmt: skip
    path = out / f"{name}{SUFFIX}"
    with writing(path):
        write_style(path, card, pieces)
        card = replace(card, metrics=figures(load_style(path), seed))
        write_style(path, card, pieces)
    return load_style(path)


def compile_styles(args: argparse.Namespace) -> int:
    works, refused = read_works(args.folder)
    for each in refused:
        print(f"refused: {each.file}: {each.refused}")
    for name, spec in STYLES.items():
        style = make(name, [work for work in works if spec.holds(work)], works, args.out, args.seed)
        size = (args.out / f"{name}{SUFFIX}").stat().st_size
        print(f"{name}: {style.card.counts}; {size / 1e3:.0f} kB", flush=True)
    return 0


def main(arguments: list[str] | None = None) -> int:
    parser = command.parser(__doc__)
    parser.add_argument("folder", type=Path, metavar="LEADSHEETS")
    parser.add_argument("out", type=Path, metavar="models")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args(arguments)
    return command.exit_code(lambda: compile_styles(args))


if __name__ == "__main__":
    sys.exit(main())

"""`jamd style`: a folder of lead sheets made into a style."""

from __future__ import annotations

import sys
from pathlib import Path

from daemon import __version__, models
from daemon.errors import JamdError, printable, printable_name
from daemon.output_files import OutputFile
from daemon.song.styles.style import LAYERS, Card, Source, Training
from daemon.song.styles.style_file import FORMAT, MOST_EVENTS, SUFFIX, load_style, write_style
from daemon.song.styles.style_folder import Compiled, StyleError, compiled, counts_of, sheet_files
from daemon.song.styles.style_maker import Collection, back_off
from daemon.usage import busy, progress, warn

BACKGROUND = "songbook"  # the style to which styles of users back off
SMALL = 2000  # melody events; a style of fewer backs off often


def make_style(folder: Path, name: str) -> str:
    """Compile the folder, print the refused files, and write NAME.npz and NAME.json. Returns a line about them."""
    path = Path(name if name.endswith(SUFFIX) else f"{name}{SUFFIX}")
    card_file = path.with_suffix(".json")
    for each in (path, card_file):
        OutputFile(str(each), "-o", (each.suffix,))
    if card_file.exists() and not path.exists():
        raise JamdError(f"{card_file}: exists already, and is no card of a style: choose another name with -o")
    files = sheet_files(folder)
    results: list[Compiled] = []
    with progress("reading") as report:
        for result in compiled(folder, files):
            results.append(result)
            report(len(results) / len(files))
    for refused in (result for result in results if result.refused):
        print(printable(f"refused: {refused.file}: {refused.refused}"), file=sys.stderr)
    used = [result for result in results if result.piece is not None]
    if not used:
        raise StyleError(f"{folder}: none of {len(files)} lead sheets can be used: see the reasons above")
    pieces = [result.piece for result in used if result.piece is not None]
    if any(sum(len(sequence(piece)) for piece in pieces) > MOST_EVENTS for sequence in LAYERS.values()):
        raise StyleError(f"{folder}: more than {MOST_EVENTS:,} notes or chords: name a smaller folder")
    with busy("choosing the weights"):
        card = _card(folder, used, Collection(pieces, [result.composer or result.file for result in used]))
    try:
        write_style(path, card, pieces)
    except OSError as error:
        raise JamdError(f"{path}: cannot be written ({error.strerror}): choose another place with -o") from None
    counts = card.counts
    if counts["melody events"] < SMALL:
        warn(
            f"{path}: only {counts['melody events']} notes and rests: melodies will often back off, or copy; add sheets"
        )
    return printable_name(
        f"{path}: {counts['sheets']} sheets, {counts['melody events']:,} notes and rests, "
        f"{counts['chord events']:,} chords; {len(files) - len(used)} of {len(files)} files refused"
    )


def _card(folder: Path, used: list[Compiled], music: Collection) -> Card:
    shipped = models.folder() / f"{BACKGROUND}{SUFFIX}"
    style = load_style(shipped) if shipped.is_file() else None
    groups = dict(zip((piece.title.casefold() for piece in music.pieces), music.groups, strict=True))
    names = (
        [groups.get(piece.title.casefold(), f"{BACKGROUND}: {piece.title}") for piece in style.pieces] if style else []
    )
    background = Collection(style.pieces, names) if style else None  # without the songs that are in the folder as well
    weights = {layer: back_off(music, background, layer) for layer in LAYERS}
    sources = tuple(
        Source(result.piece.title, result.file, composers={result.composer: None} if result.composer else {})
        for result in used
        if result.piece is not None
    )
    return Card(
        FORMAT,
        Training(
            f"{len(used)} lead sheets in {folder.resolve().name}",
            folder.resolve().name,
            "that of the sheets: ask their owners before you pass the style on",
        ),
        "",
        sources,
        weights["melody"],
        weights["chords"],
        BACKGROUND if background else "",
        counts_of(music.pieces),
        versions={"jamd": __version__},
    )

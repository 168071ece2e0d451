"""The files of `jamd sheet`: of one lead sheet with its arrangement and recording, or of several to choose from."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np

from daemon.config import Config
from daemon.errors import JamdError
from daemon.leadsheet.musicxml_writer import musicxml_of
from daemon.music.leadsheet import LeadSheet
from daemon.output_files import FLAC, MIDI, PICTURE, OutputFile, OutputFiles
from daemon.paths import find_file
from daemon.render.files import rendered, results
from daemon.render.song import leader_of
from daemon.sheet.engraving import EngravingError, engraved
from daemon.sheet.table import table
from daemon.song.composer import Composer
from daemon.song.description import Song
from daemon.song.reader import read_song
from daemon.usage import busy, warn

MUSICXML = (".musicxml",)
_PAGE = re.compile(r"(-page-[0-9]+)?")  # in the name of a page
FIRST = 1  # the number of the chorus that the sheet shows


def write(config: Config, folder: Path, count: int, has_seed: bool, sound: bool) -> Iterator[str]:
    """Lines about the files of one sheet or of several. `has_seed`: whether the seed of `config` is the user's, and not
    only that of the band, in whose place is the one of the song. Raises JamdError; then no file is changed."""
    song = read_song(find_file(leader_of(config).options.song))
    if song.seed is not None and not has_seed:
        config = replace(config, seed=song.seed)
    return write_sheet(config, song, folder, sound) if count == 1 else write_sheets(config, song, folder, count)


def write_sheet(config: Config, song: Song, folder: Path, sound: bool) -> Iterator[str]:
    """Compose the song of the band's leader with the seed of `config`, and write sheet, page, arrangement, piano roll
    and recording. Returns a line about each file. Raises JamdError; then all files are as they were."""
    with _made(folder), OutputFiles() as files:
        outputs = _Outputs(folder / Path(song.file).stem, (Path(song.file), config.path))
        written, roll = outputs.file(".musicxml", MUSICXML), outputs.file("-roll.svg", PICTURE)
        played = [outputs.file(".mid", MIDI), *([outputs.file(".flac", FLAC)] if sound else [])]
        sheet = _composed(song, [config.seed])[0]
        files.write(written, musicxml_of(sheet))
        pages = outputs.pages(_pages([sheet])[0])
        for output, page in pages:
            files.write(output, page)
        leader = leader_of(config)
        options = replace(leader.options, seed=config.seed)
        band = tuple(replace(each, options=options) if each is leader else each for each in config.band)
        config = replace(config, band=band)
        rendering = rendered(files, config, played, roll)
    outputs.remove_old_pages(pages)
    yield f"{written.path}: {described(sheet)}, seed {config.seed}"
    yield from (f"{output.path}: page {number} of {len(pages)}" for number, (output, _) in enumerate(pages, 1))
    yield from results(config, rendering, played)
    yield f"{roll.path}: the piano roll"


def write_sheets(config: Config, song: Song, folder: Path, count: int) -> Iterator[str]:
    """As `write_sheet`, `count` sheets with their pages, composed with the seed of `config` and those after it. Returns
    a table of how the sheets differ."""
    if not song.style:
        warn(f"{song.file}: nothing is composed without a style, so all sheets are the same: add `style`")
    seeds = [config.seed + number for number in range(count)]
    with _made(folder), OutputFiles() as files:
        inputs = Path(song.file), config.path
        outputs = [_Outputs(folder / f"{Path(song.file).stem}-{seed}", inputs) for seed in seeds]
        written = [each.file(".musicxml", MUSICXML) for each in outputs]
        sheets = _composed(song, seeds)
        for output, sheet in zip(written, sheets, strict=True):
            files.write(output, musicxml_of(sheet))
        pages = [each.pages(found) for each, found in zip(outputs, _pages(sheets), strict=True)]
        for output, page in chain.from_iterable(pages):
            files.write(output, page)
    for each, written_pages in zip(outputs, pages, strict=True):
        each.remove_old_pages(written_pages)
    yield from table(song, seeds, sheets)
    yield f"{folder}: {count} sheets; --seed SEED without --count writes one of them with its arrangement and recording"


def described(sheet: LeadSheet) -> str:
    melody = f"{len(sheet.melody)} notes" if sheet.melody else "no melody"
    return f"{sheet.bars} bars, {len(sheet.chords)} chords, {melody}"


def _composed(song: Song, seeds: Sequence[int]) -> list[LeadSheet]:
    """The first chorus that the leader composes with each seed."""
    with busy("composing"):
        composer = Composer(song)
        warnings = composer.warnings()
        sheets = [composer.compose(np.random.default_rng([seed, FIRST])) for seed in seeds]
    warn(*warnings)
    return sheets


def _pages(sheets: Sequence[LeadSheet]) -> list[list[bytes]]:
    """The pages of each sheet. Without verovio none, with a warning."""
    try:
        with busy("engraving"):
            return engraved(sheets)
    except EngravingError as error:
        warn(f"no engraved page: {error}")
        return [[] for _ in sheets]


class _Outputs:
    """Files whose names begin with `stem`; `inputs` are not overwritten. Each raises JamdError if it cannot be
    written."""

    def __init__(self, stem: Path, inputs: tuple[Path, ...]) -> None:
        self._stem, self._inputs = stem, inputs

    def file(self, ending: str, suffixes: tuple[str, ...]) -> OutputFile:
        return OutputFile(str(self._stem.with_name(self._stem.name + ending)), "-o", suffixes, self._inputs)

    def pages(self, pages: Sequence[bytes]) -> list[tuple[OutputFile, bytes]]:
        endings = [".svg"] if len(pages) == 1 else [f"-page-{number}.svg" for number in range(1, len(pages) + 1)]
        return [(self.file(ending, PICTURE), page) for ending, page in zip(endings, pages, strict=True)]

    def remove_old_pages(self, pages: Sequence[tuple[OutputFile, bytes]]) -> None:
        """Those of an earlier sheet with another number of pages, if there are new ones."""
        kept = {output.path for output, _ in pages}
        for path in self._stem.parent.glob("*.svg") if kept else ():
            ending = path.stem.removeprefix(self._stem.name)
            if path not in kept and path.name.startswith(self._stem.name) and _PAGE.fullmatch(ending):
                with suppress(OSError):
                    path.unlink()


@contextmanager
def _made(folder: Path) -> Iterator[None]:
    """The folder exists; folders that are made here are removed again after an error. Raises JamdError."""
    made: list[Path] = []
    try:
        _make(folder, made)
        yield
    except BaseException:
        for each in reversed(made):
            with suppress(OSError):
                each.rmdir()
        raise


def _make(folder: Path, made: list[Path]) -> None:
    """Make the folder and those above; list them in `made`. Raises JamdError."""
    try:
        for each in reversed([each for each in (folder, *folder.parents) if not each.exists()]):
            each.mkdir(exist_ok=True)
            made.append(each)
        if not folder.is_dir():
            raise JamdError(f"{folder}: a file, not a folder: name a folder with -o")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a path"
        raise JamdError(f"{folder}: cannot be made ({reason}): name another folder with -o") from None

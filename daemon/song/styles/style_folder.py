"""The pieces of a folder of lead sheets: MusicXML, and MIDI files with chords. Others are refused with a reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from daemon.errors import JamdError
from daemon.leadsheet.document import SUFFIXES as MUSICXML
from daemon.leadsheet.midi_sheet import read_midi_sheet
from daemon.leadsheet.musicxml import read_musicxml
from daemon.music.key_estimate import estimated_key
from daemon.music.leadsheet import LeadSheet
from daemon.song.styles.pieces import Piece, piece_of

MIDI = (".mid", ".midi")
SUFFIXES = (*MUSICXML, *MIDI)
MOST_FILES = 20_000


class StyleError(JamdError):
    """A folder from which no style can be made. The message names the folder and the remedy."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Compiled:
    """A file, relative to the folder, and its piece, of the composer that the sheet names; or why it is refused."""

    file: str
    piece: Piece | None = None
    composer: str = ""
    refused: str = ""


def sheet_files(folder: Path) -> list[Path]:
    """All files below a folder that may be lead sheets, sorted by name. Raises StyleError."""
    if not folder.is_dir():
        raise StyleError(f"{folder}: there is no such folder: name a folder of lead sheets")
    found: list[Path] = []
    for path in folder.rglob("*"):
        if path.suffix.lower() in SUFFIXES and not path.is_dir():
            found.append(path)
        if len(found) > MOST_FILES:
            raise StyleError(f"{folder}: more than {MOST_FILES:,} lead sheets: name a smaller folder")
    if not found:
        raise StyleError(f"{folder}: no lead sheets in it: name a folder with some ({', '.join(SUFFIXES)})")
    return sorted(found)


def compiled(folder: Path, files: Iterable[Path]) -> Iterator[Compiled]:
    """Each file in turn."""
    for path in files:
        name = path.relative_to(folder).as_posix()
        try:
            sheet = _sheet(path)
            yield Compiled(name, piece_of(sheet, sheet.key), sheet.composer)
        except JamdError as error:
            yield Compiled(name, refused=_first(str(error).removeprefix(f"{path}: ")))
        except ValueError as error:
            yield Compiled(name, refused=str(error))


def _first(problems: str) -> str:
    """The first of the lines, and how many there are."""
    first, *more = problems.split("\n")
    return f"{first} (and {len(more)} more)" if more else first


def _sheet(path: Path) -> LeadSheet:
    """In its estimated key."""
    if path.suffix.lower() in MIDI:
        return read_midi_sheet(path)
    sheet = read_musicxml(path)
    return replace(sheet, key=estimated_key(sheet, sheet.key.fifths))


def counts_of(pieces: Sequence[Piece]) -> dict[str, object]:
    """What a card says about the size of a style."""
    meters = Counter(f"{beats}/{unit}" for beats, unit in (piece.meter for piece in pieces))
    return {
        "sheets": len(pieces),
        "modes": dict(sorted(Counter(piece.mode for piece in pieces).items())),
        "meters": dict(meters.most_common()),
        "melody events": sum(len(piece.melody) for piece in pieces),
        "kinds of melody event": len({event for piece in pieces for event in piece.melody}),
        "chord events": sum(len(piece.chords) for piece in pieces),
        "kinds of chord event": len({event for piece in pieces for event in piece.chords}),
    }

"""The folder of Groove (Gillick et al. 2019) as lists of files, and any folder of MIDI files."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from daemon.errors import JamdError

SUFFIXES = (".mid", ".midi")


class BadFolder(JamdError):
    """A folder that cannot be used: says which, and what to do."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Performance:
    """One line of info.csv: `style` is its primary style, `fill`: a fill, not a beat."""

    path: Path
    split: str
    style: str
    fill: bool


def performances(folder: Path) -> list[Performance]:
    """All that info.csv lists and that is there. Raises BadFolder."""
    table = folder / "info.csv"
    try:
        with table.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        listed = [
            Performance(
                folder / row["midi_filename"], row["split"], row["style"].split("/")[0], row["beat_type"] == "fill"
            )
            for row in rows
        ]
    except OSError as error:
        raise BadFolder(
            f"{table}: cannot be read ({error.strerror}): name the folder of Groove, with info.csv"
        ) from None
    except (KeyError, AttributeError, ValueError, csv.Error) as error:
        raise BadFolder(f"{table}: not the table of Groove ({error}): name the folder of Groove") from None
    there = [performance for performance in listed if performance.path.is_file()]
    if not there:
        raise BadFolder(f"{folder}: none of the files in info.csv is there: unpack Groove's MIDI files into it")
    return there


def midi_files(folder: Path, split: str | None = None) -> list[Path]:
    """The MIDI files in a folder and its folders; with `split`, those of this split of Groove. Raises BadFolder."""
    if split is not None:
        every = performances(folder)
        found = [performance.path for performance in every if performance.split == split]
        if not found:
            splits = ", ".join(sorted({performance.split for performance in every}))
            raise BadFolder(f"{folder}: has no split {split!r}: choose --split from {splits}")
        return sorted(found)
    if not folder.is_dir():
        raise BadFolder(f"{folder}: there is no such folder: name a folder of MIDI files")
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    if not found:
        raise BadFolder(f"{folder}: no MIDI files (.mid, .midi) in it: name a folder of MIDI files")
    return found

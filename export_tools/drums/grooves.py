"""The folder of Groove (Gillick et al. 2019) as lists of files, and any folder of MIDI files."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from export_tools.common import folder as midi_folder
from export_tools.common.folder import BadFolder


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
    return midi_folder.midi_files(folder)

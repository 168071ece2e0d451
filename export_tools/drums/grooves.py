"""The files of the Groove MIDI Dataset (Gillick et al. 2019), or of any folder of MIDI files."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path

from daemon.input_files import read_input
from export_tools.common import folder as midi_folder
from export_tools.common.command import MAX_INPUT_BYTES
from export_tools.common.folder import BadFolder


@dataclass(frozen=True, slots=True)
class GrooveFile:
    """A line of info.csv: `style` is the primary style; `fill`: a fill, not a beat."""

    path: Path
    split: str
    style: str
    fill: bool


def groove_files(folder: Path, split: str | None = None) -> list[GrooveFile]:
    """The files of info.csv that exist; with `split`, those of a split, at least one. Raises BadFolder."""
    table = folder / "info.csv"
    try:
        rows = list(csv.DictReader(io.StringIO(read_input(table, MAX_INPUT_BYTES).decode(), newline="")))
        listed = [
            GrooveFile(
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
    existing = [file for file in listed if file.path.is_file()]
    if not existing:
        raise BadFolder(f"{folder}: none of the files in info.csv exists: unpack Groove's MIDI files into it")
    if split is None:
        return existing
    found = [file for file in existing if file.split == split]
    if not found:
        splits = ", ".join(sorted({file.split for file in existing}))
        raise BadFolder(f"{folder}: has no split {split!r}: choose from {splits}, or list files of it in info.csv")
    return found


def midi_files(folder: Path, split: str | None = None) -> list[Path]:
    """The MIDI files below a folder; with `split`, those of a split of Groove. Raises BadFolder."""
    if split is not None:
        return sorted(file.path for file in groove_files(folder, split))
    return midi_folder.midi_files(folder)

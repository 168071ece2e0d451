"""Folders of MIDI files to train or measure a model on, and reports of files that cannot be used."""

from __future__ import annotations

from collections.abc import Sequence
from os.path import isdir, isfile, islink, relpath
from pathlib import Path

from daemon.errors import InputError, JamdError, MelodyError

SUFFIXES = (".mid", ".midi")


class BadFolder(InputError):
    """An unusable folder. The message names the folder and the remedy."""


def midi_files(folder: Path) -> list[Path]:
    """All files named .mid or .midi below a folder, sorted by name. Raises BadFolder."""
    if not folder.is_dir():
        raise BadFolder(f"{folder}: there is no such folder: name a folder that holds MIDI files")
    candidates = (path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    found = sorted(path for path in candidates if islink(path) or not isdir(path))
    if not found:
        raise BadFolder(f"{folder}: there are no MIDI files in it: name a folder that holds some (.mid or .midi)")
    return found


def must_be_file(path: Path) -> None:
    """Raises MelodyError if `path` is not a file: a broken link, or a pipe, which would block for ever when read."""
    if not isfile(path):
        raise MelodyError(f"{path}: not a file, nor a link to a file: replace it by a MIDI file, or remove it")


def refusal(path: Path, folder: Path, error: JamdError) -> dict[str, str]:
    """An entry for the list of refused files: `file`, relative to the folder, and `reason`."""
    return {"file": Path(relpath(path, folder)).as_posix(), "reason": str(error).removeprefix(f"{path}: ")}


def nothing_usable(folder: Path, refused: Sequence[dict[str, str]]) -> str:
    """The error message for a folder of which all files were refused."""
    first = refused[0]
    return f"{folder}: none of {len(refused)} MIDI files can be used; the first, {first['file']}: {first['reason']}"

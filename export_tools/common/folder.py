"""A folder of MIDI files to learn from, or to measure a model on, and how it is told what cannot be used."""

from __future__ import annotations

from collections.abc import Sequence
from os.path import isdir, isfile, islink, relpath
from pathlib import Path

from daemon.errors import JamdError, MelodyError

SUFFIXES = (".mid", ".midi")


class BadFolder(JamdError):
    """A folder that cannot be used: says which, and what to do."""

    exit_code = 2


def midi_files(folder: Path) -> list[Path]:
    """All that is named .mid or .midi below a folder and is no folder, in order of name. Raises BadFolder."""
    if not folder.is_dir():
        raise BadFolder(f"{folder}: there is no such folder: name one that holds MIDI files")
    named = (path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    found = sorted(path for path in named if islink(path) or not isdir(path))
    if not found:
        raise BadFolder(f"{folder}: there are no MIDI files in it: name a folder that holds some (.mid or .midi)")
    return found


def must_be_file(path: Path) -> None:
    """Raises MelodyError for a link to nothing, a pipe (which would wait for ever) and the like."""
    if not isfile(path):
        raise MelodyError(f"{path}: no file, nor a link to one: put a MIDI file in its place, or remove it")


def refusal(path: Path, folder: Path, error: JamdError) -> dict[str, str]:
    """A file that cannot be used, as the commands that measure print it: `file`, relative to the folder, and why."""
    return {"file": Path(relpath(path, folder)).as_posix(), "reason": str(error).removeprefix(f"{path}: ")}


def nothing_usable(folder: Path, refused: Sequence[dict[str, str]]) -> str:
    """A line for a folder of which every file was refused."""
    first = refused[0]
    return f"{folder}: none of {len(refused)} MIDI files can be used; the first, {first['file']}: {first['reason']}"

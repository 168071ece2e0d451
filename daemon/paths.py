"""Paths that a person wrote; and the folder of the models, melodies and configuration that ship with jamd."""

import contextlib
import os
import re
import sys
from itertools import islice
from pathlib import Path

from daemon.suggestions import MAX_SEARCHED, nearest

_SHIPPED = ("bands", "grooves", "melodies", "songs")  # folders of files that a person may name
_VARIABLE = re.compile(r"\$(?:(\w+)|{(\w+)})(?=[/\\]|$)")


def resources() -> Path:
    """The folder that holds `models/`, `melodies/` and `config.yaml`: the checkout (also after an editable
    install, so that edits take effect at once), else `share/jamd` in the environment of the installed wheel."""
    checkout = Path(__file__).resolve().parents[1]
    if (checkout / "pyproject.toml").is_file():
        return checkout
    return Path(sys.prefix) / "share" / "jamd"


def expand(text: str) -> Path:
    """A path that may begin with ~, ~USER, $VARIABLE or ${VARIABLE}. Raises ValueError if that stands for nothing."""
    if (variable := _VARIABLE.match(text)) is not None:
        name = variable[1] or variable[2]
        if value := os.environ.get(name):
            return Path(value + text[variable.end() :])
        if name != "HOME":
            raise ValueError(f"the environment variable {name} is not set: write the path without it")
        text = "~" + text[variable.end() :]
    if not text.startswith("~"):
        return Path(text)
    try:
        path = Path(text).expanduser()
    except RuntimeError:  # an unknown user, or one without an entry in the user database
        path = Path()
    if not path.is_absolute() or (os.environ.get("HOME") == "" and Path(text).parts[0] == "~"):
        raise ValueError(f"there is no home folder for {text!r}: write the path without ~")
    return path


def find_file(wanted: str, folder: Path = Path()) -> Path:
    """The file at a path that a person wrote: relative to `folder`, else to the files that ship with jamd.

    Where there is neither, the path in `folder`. Raises ValueError as `expand` does.
    """
    if os.path.exists(folder / wanted):
        return folder / wanted
    path = folder / (expanded := expand(wanted))
    shipped = resources() / expanded
    return shipped if not os.path.exists(path) and os.path.isfile(shipped) else path


def unreadable(path: Path, error: OSError, remedy: str) -> str:
    """The message about a file that cannot be read; where the file is missing, a near name takes the remedy's place."""
    if not isinstance(error, FileNotFoundError):
        return f"{path}: cannot be read ({error.strerror}): {remedy}"
    near = near_file(path)
    return f"{path}: there is no such file: {f'did you mean {str(near)!r}?' if near else remedy}"


def near_file(missing: Path) -> Path | None:
    """A file that may be meant by a path without one: of a similar name in the same folder, else one that ships with
    jamd."""
    shipped = {file.stem: file for folder in _SHIPPED for file in _files(resources() / folder, missing.suffix)}
    for found in ({file.stem: file for file in _files(missing.parent, missing.suffix)}, shipped):
        if (name := nearest(missing.stem, found)) is not None:
            file = found[name]
            return file if found is not shipped else file.relative_to(resources())
    return None


def _files(folder: Path, suffix: str) -> list[Path]:
    """Some files of the suffix in `folder`: none if they are too many to be compared."""
    found: list[Path] = []
    with contextlib.suppress(OSError, ValueError):
        files = (file for file in folder.iterdir() if file.suffix == suffix and file.exists())  # no dangling link
        found += islice(files, MAX_SEARCHED + 1)
    return found

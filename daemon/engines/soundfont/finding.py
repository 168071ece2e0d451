"""Where systems keep soundfonts, and the one that is played where the configuration names none."""

from __future__ import annotations

import contextlib
import os
import sys
from itertools import islice
from pathlib import Path

from daemon.engines.soundfont.sf2_file import REMEDY, SoundfontFile, read_header
from daemon.errors import ModelError
from daemon.suggestions import MAX_SEARCHED, suggestion

_SUFFIXES = (".sf2", ".sf3")  # samples of SF3 are decoded when a program is first chosen: SF2 is preferred
_UNIX = ("soundfonts", "sounds/sf2", "sounds/sf3")  # Arch and Fedora; Debian and Ubuntu
_DEFAULTS = ("default-gm", "default")  # the system's choice: Debian's alternative, and Fedora's and Arch's link
_KNOWN = ("fluidr3_gm", "fluidr3", "generaluser", "musescore_general", "timgm6mb")  # beginnings of names, best first


def folders() -> list[Path]:
    """Where soundfonts are looked for, the user's own folders first."""
    home = Path(os.path.expanduser("~"))
    if sys.platform == "win32":
        bases = [Path(base) for name in ("APPDATA", "PROGRAMDATA") if (base := os.environ.get(name))]
        return [home / "Documents" / "SoundFonts", *(base / "SoundFonts" for base in bases), Path("C:/soundfonts")]
    if sys.platform == "darwin":
        own = [base / "Library/Audio/Sounds/Banks" for base in (home, Path("/"))]
        return [*own, *(Path(base) / name for base in ("/opt/homebrew/share", "/usr/local/share") for name in _UNIX)]
    data = Path(os.environ.get("XDG_DATA_HOME") or home / ".local/share")
    return [base / name for base in (data, Path("/usr/local/share"), Path("/usr/share")) for name in _UNIX]


def soundfonts() -> list[Path]:
    """The files in these folders; of each folder the best first."""
    return [path for folder in folders() for path in sorted(_files(folder), key=_rank)]


def general_midi() -> list[SoundfontFile]:
    """The soundfonts of `soundfonts` that have the programs of General MIDI."""
    found = []
    for path in soundfonts():
        with contextlib.suppress(ModelError):
            found.append(read_header(path))
    return [file for file in found if file.is_general_midi]


def named(name: str) -> SoundfontFile:
    """The soundfont at an absolute path, or of a name in these folders, with or without its suffix. Raises
    ModelError."""
    path = Path(name)
    if path.is_absolute() and os.path.lexists(path):
        return read_header(path)
    found = soundfonts()
    for each in found:
        if path.name.casefold() in (each.name.casefold(), each.stem.casefold()):
            return read_header(each)
    if path.is_absolute():
        return read_header(path)  # the error names a near file
    names = dict.fromkeys(each.stem for each in found)
    raise ModelError(f"no soundfont {name!r} is installed{suggestion(name, names) if names else f': {REMEDY}'}")


def _rank(path: Path) -> tuple[int, int, int, str]:
    name = path.stem.casefold()
    default = _DEFAULTS.index(name) if name in _DEFAULTS else len(_DEFAULTS)
    known = next((n for n, start in enumerate(_KNOWN) if name.startswith(start)), len(_KNOWN))
    return default, _SUFFIXES.index(path.suffix.lower()), known, name


def _files(folder: Path) -> list[Path]:
    with contextlib.suppress(OSError):
        files = (path for path in folder.iterdir() if path.suffix.lower() in _SUFFIXES)
        return list(islice(files, MAX_SEARCHED))
    return []

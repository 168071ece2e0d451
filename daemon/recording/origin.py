"""What decides whether a replay gives the same notes: versions of programs, and files that players read."""

from __future__ import annotations

import contextlib
import hashlib
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from daemon.input_files import open_input

MAX_BYTES = 2 << 30  # of a file


def versions() -> dict[str, str]:
    """Versions that decide whether a replay gives the same notes."""
    return {"python": sys.version.split()[0], **{name: version(name) for name in ("jamd", "numpy", "onnxruntime")}}


def hashes(members: Mapping[str, Any]) -> dict[str, str]:
    """The sha256 of every readable model, and of every file that an option of a player names, such as a song, by path.
    Instruments read files only to sound."""
    players = [member for member in members.values() if not member.get("rate")]
    options = [value for member in players for value in member.get("options", {}).values() if isinstance(value, str)]
    paths = {member["model"] for member in members.values() if member["model"]}
    paths |= {value for value in options if Path(value).is_absolute()}
    found = {}
    for path in sorted(paths):
        with contextlib.suppress(OSError), open_input(Path(path), MAX_BYTES) as file:
            found[path] = hashlib.file_digest(file, "sha256").hexdigest()
    return found

"""What decides whether a replay gives the same notes: versions of programs, and files that players read."""

from __future__ import annotations

import contextlib
import hashlib
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from daemon.engines.base import brings_contents, engine_class
from daemon.engines.options import options_of
from daemon.errors import JamdError
from daemon.input_files import open_input

MAX_BYTES = 2 << 30  # of a file


def versions() -> dict[str, str]:
    """Versions that decide whether a replay gives the same notes."""
    return {"python": sys.version.split()[0], **{name: version(name) for name in ("jamd", "numpy", "onnxruntime")}}


def files_of(member: Mapping[str, Any]) -> dict[str, Path]:
    """By option, the files that options of a member name and that its process reads itself."""
    texts = {name: value for name, value in member.get("options", {}).items() if isinstance(value, str)}
    paths = {name: Path(text) for name, text in texts.items() if name not in member.get("contents", {})}
    return {name: path for name, path in paths.items() if path.is_absolute()}


def hashes(members: Mapping[str, Any]) -> dict[str, str]:
    """The sha256 of every readable model, and of every file that an option of a player names, by path; not of one whose
    content is part of the recording, such as a song. Instruments read files only to sound."""
    paths = {member["model"] for member in members.values() if member.get("model")}
    paths |= {str(path) for member in members.values() if not member.get("rate") for path in files_of(member).values()}
    found = {}
    for path in sorted(paths):
        with contextlib.suppress(OSError), open_input(Path(path), MAX_BYTES) as file:
            found[path] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def other_versions(header: Mapping[str, Any]) -> Iterator[str]:
    """What is not as it was in the session with that header."""
    here = versions()
    for name, then in header.get("versions", {}).items():
        if here.get(name) != then:
            yield f"recorded with {name} {then}, replayed with {here.get(name)}: the notes may differ"
    now = hashes(header["members"])
    for path, checksum in header.get("models", {}).items():
        if path in now and now[path] != checksum:
            yield f"{path} is not as in the recording: the notes may differ"


def other_jamd(header: Mapping[str, Any]) -> str:
    """What explains a difference, if another version of jamd made the music; empty if the same one did."""
    then, here = header.get("versions", {}).get("jamd"), version("jamd")
    return "" if then in (None, here) else f"; jamd {then} made this music, and another version may play other notes"


def read_now(members: Mapping[str, Any]) -> Iterator[str]:
    """About each file that a replay reads because its session was recorded without the file's content."""
    for name, member in members.items():
        with contextlib.suppress(JamdError):  # an engine that is not installed, as is reported where it is needed
            engine = engine_class(member["engine"])
            files = [option.name for option in options_of(engine.Options) if option.file and brings_contents(engine)]
            for option in files:
                if option not in member.get("contents", {}) and (path := member.get("options", {}).get(option)):
                    why = f"the session holds no {option}, because an older jamd recorded it"
                    yield f"{name}: {why}: {path} is read as it is today"

"""The journal that is meant by the name of a session."""

from __future__ import annotations

import re
from pathlib import Path

from daemon import paths
from daemon.errors import JamdError


def journal_of(session: Path) -> Path:
    """The journal of a session, which may be named by its MIDI file, its sound, or without a suffix. Raises
    JamdError."""
    if not session.name:
        raise JamdError(f"{session}: a folder: name a session that `jamd run` wrote")
    if session.suffix.lower() == ".flac":
        return session.with_name(re.sub(r" part \d+$", "", session.stem) + ".journal")
    return session.with_suffix(".journal") if session.suffix.lower() in ("", ".mid") else session


def unreadable(session: Path, journal: Path, error: OSError) -> str:
    """The message about a journal that cannot be read."""
    if isinstance(error, FileNotFoundError) and session.is_dir():
        return f"{session}: a folder: name a session in it"
    if isinstance(error, FileNotFoundError) and session != journal and session.is_file():
        return (
            f"{session}: {journal.name}, its journal, is not beside it: only a session that `jamd run` wrote can be "
            "replayed, and only from its journal"
        )
    return paths.unreadable(journal, error, "name a session that `jamd run` wrote")

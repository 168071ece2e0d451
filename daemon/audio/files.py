"""The files of audio in the runtime folder, which the desk makes."""

from __future__ import annotations

from hashlib import blake2b
from pathlib import Path


def clock_path(folder: Path) -> Path:
    return folder / "audio.clock"


def mix_path(folder: Path) -> Path:
    return folder / "audio.mix"


def ring_path(folder: Path, instrument: str) -> Path:
    """Of any name, also one that is no file name."""
    return folder / f"audio-{blake2b(instrument.encode(errors='backslashreplace'), digest_size=8).hexdigest()}.ring"

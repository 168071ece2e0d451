"""The files in the runtime folder through which audio passes between processes."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from daemon.audio.clock import ClockPage, clock_path
from daemon.audio.ring import MIX_CAPACITY, Ring, mix_path, ring_path
from daemon.errors import JamdError


def make_audio_files(folder: Path, instruments: Iterable[str]) -> None:
    """Make those that are not there yet: the clock, the mix, and a ring for each instrument. Raises JamdError."""
    made = folder
    try:
        with suppress(FileExistsError):
            ClockPage(made := clock_path(folder), create=True)
        with suppress(FileExistsError):
            Ring(made := mix_path(folder), MIX_CAPACITY, create=True)
        for instrument in instruments:
            with suppress(FileExistsError):
                Ring(made := ring_path(folder, instrument), create=True)
    except OSError as error:
        made.unlink(missing_ok=True)
        problem = f"no room for the sound, which takes 4 MB, and 0.1 MB an instrument ({error.strerror or error})"
        raise JamdError(f"{folder}: {problem}: delete other files there, or start jamd with --no-sound") from error

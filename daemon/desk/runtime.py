"""The runtime folder of a running jamd: sockets and the ledger, in memory where possible, private to the user."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from io import FileIO
from pathlib import Path

from daemon.locks import lock
from daemon.midi.ledger import open_ledger

FOLDER_PREFIX, LOCK_FILE = "jamd-", "desk.lock"
LOCK_ATTEMPTS = 3


@contextlib.contextmanager
def runtime_folder() -> Iterator[Path]:
    """Make the folder. It is removed at the end; if desk and stage were both killed, by the next jamd that starts."""
    candidates = [os.environ.get("XDG_RUNTIME_DIR", ""), "/dev/shm", tempfile.gettempdir()]
    place = Path(next(place for place in candidates if place and os.access(place, os.W_OK)))
    tidy(place)
    folder, held = _make(place)
    try:
        open_ledger(folder / "ledger", create=True).close()
        yield folder
    finally:
        held.close()
        shutil.rmtree(folder, ignore_errors=True)


def tidy(place: Path) -> None:
    """Remove the folders of desks that are gone: their locks are free."""
    for path in place.glob(f"{FOLDER_PREFIX}*/{LOCK_FILE}"):
        with contextlib.suppress(OSError), FileIO(path, "rb+") as file:
            if lock(file):
                shutil.rmtree(path.parent, ignore_errors=True)


def _make(place: Path) -> tuple[Path, FileIO]:
    """A new folder, and its lock file, which marks the folder as in use while open."""
    for attempt in range(1, LOCK_ATTEMPTS + 1):
        folder = Path(tempfile.mkdtemp(prefix=FOLDER_PREFIX, dir=place))
        file = FileIO(folder / LOCK_FILE, "xb+")
        # Another desk that tidies up between the two steps takes the new lock file for an abandoned one.
        if (lock(file) and (folder / LOCK_FILE).exists()) or attempt == LOCK_ATTEMPTS:
            break
        file.close()
    return folder, file

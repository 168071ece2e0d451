"""The runtime folder of a running jamd: sockets and the ledger, in memory where possible, private to the user.

The place may be shared with other users (/dev/shm, /tmp), who may put anything there: nothing is followed, opened or
removed there that is not this user's own.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from io import FileIO
from pathlib import Path

from daemon.errors import JamdError
from daemon.locks import lock
from daemon.midi.ledger import open_ledger

FOLDER_PREFIX, LOCK_FILE = "jamd-", "desk.lock"
LOCK_ATTEMPTS = 3
_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


@contextlib.contextmanager
def runtime_folder() -> Iterator[Path]:
    """Make the folder. It is removed at the end; if desk and stage were both killed, by the next jamd that starts.

    Raises JamdError.
    """
    candidates = [os.environ.get("XDG_RUNTIME_DIR", ""), "/dev/shm", tempfile.gettempdir()]
    place = next((Path(place) for place in candidates if place and _is_safe(place)), None)
    if place is None:
        raise JamdError("no folder for sockets: set XDG_RUNTIME_DIR to a folder that only you can write to")
    tidy(place)
    folder, held = _make(place)
    try:
        open_ledger(folder / "ledger", create=True).close()
        yield folder
    finally:
        held.close()
        shutil.rmtree(folder, ignore_errors=True)


def _is_safe(place: str) -> bool:
    """Whether a folder of ours in `place` stays ours: no other user but root can rename or remove it."""
    try:
        found = os.stat(place)
    except (OSError, ValueError):
        return False
    if not stat.S_ISDIR(found.st_mode) or not os.access(place, os.W_OK | os.X_OK):
        return False
    if sys.platform == "win32":
        return True
    return found.st_uid in (os.geteuid(), 0) and (
        not found.st_mode & _WRITABLE_BY_OTHERS or bool(found.st_mode & stat.S_ISVTX)
    )


def tidy(place: Path) -> None:
    """Remove the folders of this user's desks that are gone: their locks are free."""
    with contextlib.suppress(OSError):
        for name in os.listdir(place):
            if name.startswith(FOLDER_PREFIX):
                with contextlib.suppress(OSError):
                    _remove_abandoned(place / name)


def _remove_abandoned(folder: Path) -> None:
    """Raises OSError for a folder that is not ours alone, or has no lock file of ours."""
    if sys.platform == "win32":
        with FileIO(folder / LOCK_FILE, "rb+") as file:
            abandoned = lock(file)
        if abandoned:
            shutil.rmtree(folder, ignore_errors=True)
        return
    inside = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        if not _is_ours(os.fstat(inside)):
            return
        flags = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK
        with FileIO(os.open(LOCK_FILE, flags, dir_fd=inside), "rb+") as file:
            found = os.fstat(file.fileno())
            if stat.S_ISREG(found.st_mode) and _is_ours(found) and found.st_nlink == 1 and lock(file):
                shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(inside)


def _is_ours(found: os.stat_result) -> bool:
    """Whether the file or folder is this user's, and no other user can write there."""
    return sys.platform == "win32" or (found.st_uid == os.geteuid() and not found.st_mode & _WRITABLE_BY_OTHERS)


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

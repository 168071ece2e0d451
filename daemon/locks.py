"""File locks that mark a running process: the system releases them even when the process is killed."""

from __future__ import annotations

import sys
from io import FileIO


def lock(file: FileIO) -> bool:
    """Lock the file for as long as it is open; False if another process holds the lock."""
    try:
        if sys.platform == "win32":
            import msvcrt

            file.seek(1 << 40)  # a byte beyond the contents, because a locked byte cannot be read
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            file.seek(0)
        else:
            import fcntl

            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True

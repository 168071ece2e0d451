"""Files that say by their lock that somebody lives: the system lets go of it even for one who was killed."""

from __future__ import annotations

import sys
from io import FileIO


def lock(file: FileIO) -> bool:
    """Take the file for as long as it is open; False if somebody else has it."""
    try:
        if sys.platform == "win32":
            import msvcrt

            file.seek(1 << 40)  # a byte that is never written: such a lock forbids to read
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            file.seek(0)
        else:
            import fcntl

            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True

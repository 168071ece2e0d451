"""Memory that processes share, and that outlives the process that writes there: files in the runtime folder, mapped."""

from __future__ import annotations

import mmap
import os
from pathlib import Path


def map_file(path: Path, size: int, create: bool = False) -> mmap.mmap:
    """Map the first `size` bytes of a file. The desk creates the file, full of zeros (in memory-backed storage where
    there is one), and removes it.

    Raises FileExistsError if there is anything where it is to be created, OSError for a link, ValueError for a file
    that is shorter.
    """
    if create:
        with path.open("xb") as file:
            file.write(bytes(size))
    descriptor = os.open(path, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0))
    try:
        return mmap.mmap(descriptor, size)
    finally:
        os.close(descriptor)

"""Opening the files that a command reads: regular files of a limited size, so nothing that blocks or never ends."""

from __future__ import annotations

import errno
import os
import stat
from io import BufferedReader
from pathlib import Path

MIN_CHUNK = 1 << 16  # bytes read at once, at least
_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def open_input(path: Path, most: int) -> BufferedReader:
    """Open a regular file of at most `most` bytes, or a link to one, for reading.

    Raises OSError, whose `strerror` says why: the file is missing, a folder, a pipe, a device, too large, and so on.
    """
    try:
        _check(os.stat(path), path, most)  # before the file is opened, because opening alone can start a device
        flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
        file = os.fdopen(os.open(path, flags), "rb")  # not blocking: the path may be a pipe by now
    except ValueError:  # a null character, or a character that the file system's encoding lacks
        raise OSError(errno.EINVAL, "not a path", str(path)) from None
    try:
        _check(os.fstat(file.fileno()), path, most)
    except OSError:
        file.close()
        raise
    return file


def read_input(path: Path, most: int) -> bytes:
    """The content of a regular file of at most `most` bytes. Raises OSError, as `open_input` does."""
    chunks, left = [], most + 1
    with open_input(path, most) as file:
        at_once = max(os.fstat(file.fileno()).st_size, MIN_CHUNK)  # not `left`: that much memory would be reserved
        while left and (chunk := _read(file, min(at_once, left), path)):  # a file may grow; in /proc the size is 0
            chunks.append(chunk)
            left -= len(chunk)
    data = b"".join(chunks)
    if len(data) > most:
        raise _too_large(path, most)
    return data


def _read(file: BufferedReader, size: int, path: Path) -> bytes:
    data: bytes | None = file.read(size)
    if data is None:  # some files of /proc wait for content
        raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN), str(path))
    return data


def _check(status: os.stat_result, path: Path, most: int) -> None:
    if not stat.S_ISREG(status.st_mode):
        kind = _KINDS.get(stat.S_IFMT(status.st_mode), "something else")
        raise OSError(errno.EINVAL, f"{kind}, not a file", str(path))
    if status.st_size > most:
        raise _too_large(path, most)


def _too_large(path: Path, most: int) -> OSError:
    size = f"{most >> 20} MiB" if most >= 1 << 20 else f"{most >> 10} KiB"
    return OSError(errno.EFBIG, f"larger than {size}", str(path))

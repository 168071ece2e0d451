"""The first steps of every jamd command, before anything slow is imported."""

from __future__ import annotations

import contextlib
import os
import sys
from io import TextIOWrapper

from daemon.errors import JamdError

OPEN_FILES = 64  # that every command needs, as `ulimit -n` counts them
MOST_OPEN_FILES = 1024  # `select` takes no file descriptors beyond


def prepare() -> None:
    """Complete the standard streams, and allow open files."""
    _open_standard_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # the locale may lack characters of a message
    try:
        require_open_files(OPEN_FILES)
    except JamdError as error:
        sys.exit(f"jamd: {error}")


def _open_standard_streams() -> None:
    """Where one is closed, its number would go to a file or a socket, into which libraries would write messages."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            with contextlib.suppress(OSError):
                os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # it gets the lowest free number


def require_open_files(number: int) -> None:
    """Raise the limit of open files as far as it may be. Raises JamdError if fewer than `number` may be open."""
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = resource.RLIM_INFINITY
    wanted = MOST_OPEN_FILES if hard == unlimited else min(hard, MOST_OPEN_FILES)
    if soft != unlimited and soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
    if soft != unlimited and soft < number:
        raise JamdError(f"only {soft} files may be open at once, {number} are needed: raise the limit (`ulimit -n`)")

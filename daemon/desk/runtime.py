"""The runtime folder of a running jamd: sockets and the ledger, in memory where possible, private to the user.

The place may be shared with other users (/dev/shm, /tmp), who may put anything there: nothing is followed, opened or
removed there that is not this user's own.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import json
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from io import FileIO
from pathlib import Path

from daemon.errors import JamdError
from daemon.input_files import read_input
from daemon.locks import lock
from daemon.midi.ledger import open_ledger
from daemon.sockets import serve

FOLDER_PREFIX, LOCK_FILE = "jamd-", "desk.lock"
DESCRIPTION_FILE, DESK_SOCKET = "desk.json", "desk.sock"
MAX_DESCRIPTION = 64 << 10  # bytes; a path has a few thousand at most
LOCK_ATTEMPTS = 3
SHARED_MEMORY = Path("/dev/shm")
_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH
_OWN_CHOICE = "XDG_RUNTIME_DIR"
_LONGEST_NAME = "stage.sock"  # of the sockets that will be made in the folder


@contextlib.contextmanager
def runtime_folder(say: Callable[[str], object] = lambda text: None) -> Iterator[Path]:
    """Make the folder. It is removed at the end; if desk and stage were both killed, by the next jamd that starts.

    The first place that can be used is taken; `say` is told of those before that cannot. Raises JamdError if no place
    can be used.
    """
    problems = []
    for name, place in _places():
        try:
            _check_owner(place)
            tidy(place)
            folder, held = _make(place)
        except OSError as error:
            problems.append(f"{name} ({place}): {error.strerror or error}")
            continue
        if problems:
            remedy = f"correct {_OWN_CHOICE}" if problems[0].startswith(_OWN_CHOICE) else "mount a tmpfs there"
            say(f"{'; '.join(problems)}: {remedy}; jamd uses {place} instead")
        break
    else:
        remedy = f"set {_OWN_CHOICE} to a folder with a short path that you can write to"
        raise JamdError(f"there is no place for jamd's sockets: {'; '.join(problems)}: {remedy}")
    try:
        yield folder
    finally:
        held.close()
        shutil.rmtree(folder, ignore_errors=True)


def check_folder(folder: Path) -> None:
    """Raises JamdError if the folder, which every process opens as it starts, was removed."""
    if not (folder / DESK_SOCKET).exists():
        raise JamdError(
            f"{folder}: this folder of jamd's sockets was removed while jamd ran, at the user's last logout or by a "
            f"program that cleans up {folder.parent}; without the folder no process can be replaced: start jamd again "
            "(`loginctl enable-linger` keeps the folder after a logout)"
        )


def _places() -> Iterator[tuple[str, Path]]:
    """The places to try, each with its name in messages."""
    if own := os.environ.get(_OWN_CHOICE):
        yield _OWN_CHOICE, Path(own)
    if sys.platform == "linux":
        yield "shared memory", SHARED_MEMORY
    with contextlib.suppress(FileNotFoundError):  # none of the usual ones can be used
        yield "temporary files", Path(tempfile.gettempdir())


def _check_owner(place: Path) -> None:
    """Raises PermissionError if another user than root could rename or remove a folder of ours in `place`."""
    found = place.stat()
    if sys.platform == "win32" or not stat.S_ISDIR(found.st_mode):
        return
    shared = found.st_mode & _WRITABLE_BY_OTHERS and not found.st_mode & stat.S_ISVTX
    if shared or found.st_uid not in (os.geteuid(), 0):
        raise PermissionError(errno.EPERM, "other users could replace jamd's folder there")


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


def describe(folder: Path, config: Path) -> None:
    """Note in the runtime folder this process's id and the path of its configuration, for `running`."""
    with contextlib.suppress(OSError):  # without the note jamd plays all the same
        text = json.dumps([os.getpid(), str(config.absolute())])
        (folder / DESCRIPTION_FILE).write_text(text, encoding="ascii")


def running() -> list[str]:
    """This user's desks that run (their locks are held): process and configuration of each, or its folder."""
    found = []
    for _, place in _places():
        with contextlib.suppress(OSError):
            found += [_described(place / name) for name in sorted(os.listdir(place)) if _is_held(place / name)]
    return found


def _described(folder: Path) -> str:
    with contextlib.suppress(OSError, ValueError, RecursionError):
        match json.loads(read_input(folder / DESCRIPTION_FILE, MAX_DESCRIPTION)):
            case [int(number), str(config)]:
                return f"PID {number}, {config}"
    return str(folder)


def _is_held(folder: Path) -> bool:
    if not folder.name.startswith(FOLDER_PREFIX):
        return False
    with contextlib.suppress(OSError):
        if _is_ours(folder.lstat()) and not folder.is_symlink():
            flags = os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
            with FileIO(os.open(folder / LOCK_FILE, flags), "rb+") as file:
                return not lock(file)
    return False


def _is_ours(found: os.stat_result) -> bool:
    """Whether the file or folder is this user's, and no other user can write there."""
    return sys.platform == "win32" or (found.st_uid == os.geteuid() and not found.st_mode & _WRITABLE_BY_OTHERS)


def _make(place: Path) -> tuple[Path, FileIO]:
    """A new folder with the ledger, and its lock file, which marks the folder as in use while open.

    Raises OSError, with nothing left behind, where files, sockets or memory for the ledger cannot be had.
    """
    for attempt in itertools.count(1):
        folder = Path(tempfile.mkdtemp(prefix=FOLDER_PREFIX, dir=place))
        with contextlib.ExitStack() as undo:
            undo.callback(shutil.rmtree, folder, ignore_errors=True)
            file = undo.enter_context(FileIO(folder / LOCK_FILE, "xb+"))
            # Another desk that tidies up between the two steps takes the new lock file for an abandoned one.
            if (lock(file) and (folder / LOCK_FILE).exists()) or attempt == LOCK_ATTEMPTS:
                open_ledger(folder / "ledger", create=True).close()
                serve(folder / _LONGEST_NAME).close()  # the path may be too long for a socket
                undo.pop_all()
                break
    return folder, file

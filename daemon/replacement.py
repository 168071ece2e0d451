"""Replacing files: whole or not at all, several that belong together all or none."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO, Protocol


class Draft(Protocol):
    """The content of an output while it is made: written, closed, which may be repeated, then put in its place.

    Methods raise OSError; `undo` and `discard` do not.
    """

    file: BinaryIO

    def close(self) -> None: ...
    def take_place(self, is_alone: bool) -> None: ...
    def undo(self) -> None: ...
    def discard(self) -> None: ...


Reporting = Callable[[], contextlib.AbstractContextManager[None]]


def replace_file(path: Path, data: bytes) -> None:
    """Make a regular file at `path`, or replace one and keep its permissions: whole or not at all. Raises OSError.

    A symbolic link at `path` is replaced, not followed; nothing else is.
    """
    replace_files({path: data})


def replace_files(contents: dict[Path, bytes]) -> None:
    """As `replace_file`, for files that belong together: all or none. Raises OSError."""
    drafts: list[tuple[Draft, Reporting]] = []
    written = False
    try:
        for path, data in reversed(contents.items()):  # the last one here is replaced first
            drafts.append((FileDraft(path), contextlib.nullcontext))
            drafts[-1][0].file.write(data)
            drafts[-1][0].close()
        written = True
    finally:
        finish(drafts, written)


def finish(drafts: Sequence[tuple[Draft, Reporting]], is_written: bool) -> None:
    """If all are written, let all take their places; after an error none of them."""
    try:
        if not is_written:
            return
        for draft, reporting in drafts:
            with reporting():
                draft.close()
        with contextlib.ExitStack() as undone:
            for draft, reporting in drafts:
                undone.callback(draft.undo)
                with reporting():
                    draft.take_place(len(drafts) == 1)
            undone.pop_all()
    finally:
        for draft, _ in drafts:
            draft.discard()


class FileDraft:
    """A hidden file beside `path`, which replaces the file there."""

    def __init__(self, path: Path) -> None:
        before = _replaceable(path)
        self._path, self._is_new = path, before is None
        self._part, self._before = (path.with_name(f".{secrets.token_hex(8)}.part") for _ in range(2))
        opened = os.open(self._part, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
        self.file: BinaryIO = open(opened, "w+b")  # noqa: SIM115
        try:
            if before is not None and stat.S_ISREG(before.st_mode):
                _keep_permissions(before, opened)
        except BaseException:
            self.discard()
            raise

    def close(self) -> None:
        if not self.file.closed:
            self.file.flush()
            os.fsync(self.file.fileno())
            self.file.close()

    def take_place(self, is_alone: bool) -> None:
        if not is_alone and not self._is_new:
            with contextlib.suppress(OSError):  # FAT has no hard links: then this replacement is not undone
                os.link(self._path, self._before)
        self._part.replace(self._path)

    def undo(self) -> None:
        with contextlib.suppress(OSError):
            if self._is_new:
                self._path.unlink()
            else:
                self._before.replace(self._path)

    def discard(self) -> None:
        with contextlib.suppress(OSError):
            self.file.close()
        for path in (self._part, self._before):
            with contextlib.suppress(OSError):
                path.unlink()


def _replaceable(path: Path) -> os.stat_result | None:
    """The status of the file or link at `path`, None if there is nothing. Raises OSError for other kinds of files."""
    try:
        before = path.lstat()
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(before.st_mode) and not stat.S_ISLNK(before.st_mode):
        raise FileExistsError(errno.EEXIST, "not a regular file", str(path))
    return before


def _keep_permissions(before: os.stat_result, opened: int) -> None:
    if sys.platform != "win32":
        with contextlib.suppress(PermissionError):  # only root may give files away
            os.fchown(opened, before.st_uid, before.st_gid)
        os.fchmod(opened, before.st_mode & 0o777)

"""Writing the files that a command makes: whole or not at all, and over regular files only."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import secrets
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, cast

from daemon.errors import JamdError

MIDI, PICTURE = (".mid", ".midi", ".smf"), (".svg",)
WAV, FLAC = (".wav", ".wave"), (".flac",)
_FORMATS = {MIDI: "MIDI", PICTURE: "SVG", MIDI + WAV + FLAC: "MIDI, WAV or FLAC"}


class OutputFile:
    """The file that a user names with `option`, checked before its content is made.

    Its name ends in one of `suffixes` or has no suffix. A regular file is replaced, a symbolic link followed; a pipe, a
    character device and the file that standard output goes to are written to. `others`: inputs and other outputs of the
    command, which this file must not be.
    """

    def __init__(self, name: str, option: str, suffixes: tuple[str, ...], others: Iterable[Path] = ()) -> None:
        """Raises JamdError."""
        self.path, self._option = Path(name), option
        if self.path.suffix and self.path.suffix.lower() not in suffixes:
            raise self._error(f"{_FORMATS[suffixes]} is written: name a file that ends in {' or '.join(suffixes)}")
        try:
            self._target = Path(os.path.realpath(self.path))
            status = _status(self.path)
            if name.endswith(("/", os.sep)) or (status and stat.S_ISDIR(status.st_mode)):
                raise self._error("a folder: name a file in it")
            if status and (stat.S_ISSOCK(status.st_mode) or stat.S_ISBLK(status.st_mode)):
                raise self._error("a socket or a disk, which no file may replace: name another file")
            there = _status(self._target)  # a name in /proc of an open file may lead nowhere
            is_file = status is None or (stat.S_ISREG(status.st_mode) and there and os.path.samestat(status, there))
            self._descriptor = _own_stream(status) if is_file else None
            self.is_stream = not is_file or self._descriptor is not None  # a pipe, a device, or where output goes
            if not self.is_stream:
                self._compare(status, others)
                os.stat(self._target.parent)
            needed = ([] if status is None else [self.path]) + ([] if self.is_stream else [self._target.parent])
            if not all(os.access(path, os.W_OK) for path in needed):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        except OSError as error:
            raise self.failure(error) from None
        except ValueError:  # a null character, or a character that the file system's encoding lacks
            raise self._error("not a path: name a file") from None

    def _compare(self, status: os.stat_result | None, others: Iterable[Path]) -> None:
        for other in others:
            is_same = False
            with contextlib.suppress(OSError, ValueError):  # an input that cannot be opened is reported by its reader
                is_same = self._target == Path(os.path.realpath(other))
                is_same = is_same or (status is not None and os.path.samestat(status, os.stat(other)))
            if is_same:
                raise self._error(
                    f"this is {other}, the input or another output of the command, which would be overwritten: "
                    "name another file"
                )

    def write(self, data: bytes) -> None:
        """Raises JamdError; then a regular file is as it was."""
        try:
            if self.is_stream:
                self._write_stream(io.BytesIO(data))
            else:
                replace_file(self._target, data)
        except OSError as error:
            raise self.failure(error) from None

    @contextlib.contextmanager
    def opened(self) -> Iterator[BinaryIO]:
        """A file to write at any place of, which becomes the output when the context ends without an exception.

        An OSError in the context is one of this file, and raised as a JamdError; then a regular file is as it was.
        """
        try:
            if self.is_stream:
                with tempfile.TemporaryFile() as temporary:
                    file = cast(BinaryIO, temporary)
                    yield file
                    file.seek(0)
                    self._write_stream(file)
            else:
                with _replacing(self._target) as file:
                    yield file
        except OSError as error:
            raise self.failure(error) from None

    def _write_stream(self, content: BinaryIO) -> None:
        """To a pipe or a device, or to a copy of a descriptor. A pipe that no program reads cannot be opened, instead
        of blocking."""
        flags = os.O_WRONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
        target = os.open(self.path, flags) if self._descriptor is None else os.dup(self._descriptor)
        with open(target, "wb") as file:
            if sys.platform != "win32":
                os.set_blocking(file.fileno(), True)
            shutil.copyfileobj(content, file)

    def failure(self, error: OSError) -> JamdError:
        """The error to raise where writing to the opened file has failed."""
        reason = "no program reads this pipe" if error.errno == errno.ENXIO else error.strerror
        return self._error(f"cannot be written ({reason}): choose another place")

    def _error(self, problem: str) -> JamdError:
        return JamdError(f"{self.path}: {problem} with {self._option}")


def replace_file(path: Path, data: bytes) -> None:
    """Make a regular file at `path`, or replace one and keep its permissions: whole or not at all. Raises OSError.

    A symbolic link at `path` is replaced, not followed; nothing else is.
    """
    replace_files({path: data})


def replace_files(contents: dict[Path, bytes]) -> None:
    """As `replace_file`, for files that belong together: none is replaced before all are written. Raises OSError."""
    with contextlib.ExitStack() as replaced_together:
        for path, data in reversed(contents.items()):  # the last one here is replaced first
            file = replaced_together.enter_context(_replacing(path))
            file.write(data)
            _sync(file)


@contextlib.contextmanager
def _replacing(path: Path) -> Iterator[BinaryIO]:
    """A file that replaces the one at `path` when the context ends without an exception."""
    before, part = _replaceable(path), path.with_name(f".{secrets.token_hex(8)}.part")
    opened = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
    try:
        with open(opened, "w+b") as file:
            if before is not None and stat.S_ISREG(before.st_mode):
                _keep_permissions(before, opened)
            yield file
            _sync(file)
        part.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink()
        raise


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


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


def _status(path: Path) -> os.stat_result | None:
    try:
        return os.stat(path)
    except FileNotFoundError:
        return None


def _own_stream(status: os.stat_result | None) -> int | None:
    """The descriptor of this process's standard output or error, if that goes to the file with this status.

    `-o /dev/stdout >> FILE` names FILE, which must not be replaced.
    """
    for number in (1, 2):
        with contextlib.suppress(OSError):
            if status is not None and os.path.samestat(status, os.fstat(number)):
                return number
    return None

"""Writing the files that a command makes: whole or not at all, and over regular files only."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, cast

from daemon.errors import JamdError
from daemon.replacement import Draft, FileDraft, finish

MIDI, PICTURE = (".mid", ".midi", ".smf"), (".svg",)
WAV, FLAC = (".wav", ".wave"), (".flac",)
FULL = (errno.ENOSPC, errno.EDQUOT)
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
        with OutputFiles() as files:
            files.write(self, data)

    def draft(self) -> Draft:
        """Raises OSError."""
        return StreamDraft(self._copy_to_stream) if self.is_stream else FileDraft(self._target)

    @contextlib.contextmanager
    def reporting(self) -> Iterator[None]:
        """An OSError in the context is one of this file, and raised as a JamdError."""
        try:
            yield
        except OSError as error:
            raise self.failure(error) from None

    def _copy_to_stream(self, content: BinaryIO) -> None:
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
        remedy = "delete files there, or choose another place" if error.errno in FULL else "choose another place"
        return self._error(f"cannot be written ({reason}): {remedy}")

    def _error(self, problem: str) -> JamdError:
        return JamdError(f"{self.path}: {problem} with {self._option}")


class OutputFiles:
    """The outputs of a command, which belong together: a context in which they are made.

    If it ends without an exception, all take their places; else all regular files are as they were.
    """

    def __init__(self) -> None:
        self._drafts: list[tuple[OutputFile, Draft]] = []

    def open(self, output: OutputFile) -> BinaryIO:
        """A file to write at any place of, which becomes the output. Raises JamdError."""
        return self._begin(output).file

    def write(self, output: OutputFile, data: bytes) -> None:
        """Raises JamdError."""
        draft = self._begin(output)
        with output.reporting():
            draft.file.write(data)
            draft.close()

    def _begin(self, output: OutputFile) -> Draft:
        with output.reporting():
            draft = output.draft()
        self._drafts.append((output, draft))
        return draft

    def __enter__(self) -> OutputFiles:
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        """Raises JamdError."""
        drafts = sorted(self._drafts, key=lambda pair: not pair[0].is_stream)  # what was sent cannot be called back
        finish([(draft, output.reporting) for output, draft in drafts], error is None)


class StreamDraft:
    """A temporary file, which `copy` takes to a pipe or a device."""

    def __init__(self, copy: Callable[[BinaryIO], None]) -> None:
        self._copy = copy
        self.file = cast(BinaryIO, tempfile.TemporaryFile())  # noqa: SIM115

    def close(self) -> None:
        """Its content is read from it."""
        self.file.flush()

    def take_place(self, is_alone: bool) -> None:
        self.file.seek(0)
        self._copy(self.file)

    def undo(self) -> None:
        """Nothing: what was sent is gone."""

    def discard(self) -> None:
        with contextlib.suppress(OSError):
            self.file.close()


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

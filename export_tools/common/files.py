"""Files that the tools hand to each other: written whole or not at all; a file that cannot be used is one line."""

from __future__ import annotations

import contextlib
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from daemon.errors import InputError
from daemon.input_files import open_input
from daemon.replacement import replace_files

from .command import MAX_INPUT_BYTES


class BadFile(InputError):
    """A file that a tool cannot read, use or write. The message names the file and the remedy."""


@contextlib.contextmanager
def using(path: Path, source: str) -> Iterator[None]:
    """For the block that reads and takes apart the file at `path`, which `source` wrote. Raises BadFile."""
    try:
        yield
    except OSError as error:
        raise BadFile(f"{path}: cannot be read ({error.strerror or error}): name a file of {source}") from None
    except (
        *(ArithmeticError, AttributeError, EOFError, LookupError, MemoryError, NotImplementedError),
        *(TypeError, ValueError, BadZipFile, zlib.error),
    ):
        raise BadFile(f"{path}: damaged, or not a file of {source}: name another one, or make it again") from None


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays of an .npz. Raises what `using` expects."""
    with open_input(path, MAX_INPUT_BYTES) as file:  # np.load(path) would leave an unreadable file open
        return dict(np.load(file))


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """For the block that makes the file or folder at `path`. Raises BadFile."""
    try:
        yield
    except OSError as error:
        raise BadFile(f"{path}: cannot be written ({error.strerror or error}): choose another place") from None


@contextlib.contextmanager
def draft_folder(path: Path) -> Iterator[Path]:
    """A temporary folder beside `path`, whose folder is made if it is missing. Raises BadFile, also for the block."""
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            yield Path(folder)


def write(path: Path, data: bytes) -> None:
    """Raises BadFile; then the file is as it was."""
    write_all({path: data})


def write_all(contents: Mapping[Path, bytes]) -> None:
    """Write files that belong together, the first of which names them. Raises BadFile; then all are as they were."""
    with writing(next(iter(contents))):
        replace_files(contents)


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray], compressed: bool = False) -> None:
    """Write an .npz, whose suffix is added where it is missing. Raises BadFile."""
    path = path if path.suffix == ".npz" else path.with_name(f"{path.name}.npz")
    content = BytesIO()
    (np.savez_compressed if compressed else np.savez)(content, **arrays)
    write(path, content.getvalue())

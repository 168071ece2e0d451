"""Files that the tools hand to each other: written whole or not at all; a file that cannot be used is one line."""

from __future__ import annotations

import contextlib
import json
import zlib
from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from daemon.errors import JamdError
from daemon.input_files import open_input, read_input
from daemon.output_files import replace_file

from .command import MAX_INPUT_BYTES


class BadFile(JamdError):
    """A file that a tool cannot read, use or write. The message names the file and the remedy."""

    exit_code = 2


@contextlib.contextmanager
def using(path: Path, source: str) -> Iterator[None]:
    """For the block that reads and takes apart the file at `path`, which `source` wrote. Raises BadFile."""
    try:
        yield
    except OSError as error:
        raise BadFile(f"{path}: cannot be read ({error.strerror or error}): name a file of {source}") from None
    except (
        *(ArithmeticError, AttributeError, EOFError, LookupError, MemoryError, NotImplementedError, RecursionError),
        *(TypeError, ValueError, BadZipFile, zlib.error),
    ):
        raise BadFile(f"{path}: damaged, or not a file of {source}: name another one, or make it again") from None


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays of an .npz. Raises what `using` expects."""
    with open_input(path, MAX_INPUT_BYTES) as file:  # np.load(path) would leave an unreadable file open
        return dict(np.load(file))


def read_json(path: Path) -> Any:
    """Raises what `using` expects."""
    return json.loads(read_input(path, MAX_INPUT_BYTES).decode())


def write(path: Path, data: bytes) -> None:
    """Raises BadFile; then the file is as it was."""
    try:
        replace_file(path, data)
    except OSError as error:
        raise BadFile(f"{path}: cannot be written ({error.strerror or error}): choose another place") from None


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray], compressed: bool = False) -> None:
    """Write an .npz, whose suffix is added where it is missing. Raises BadFile."""
    path = path if path.suffix == ".npz" else path.with_name(f"{path.name}.npz")
    content = BytesIO()
    (np.savez_compressed if compressed else np.savez)(content, **arrays)
    write(path, content.getvalue())

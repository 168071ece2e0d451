"""`jamd models`: what each model and style is for, its source and licence, and whether its results are right on this
machine."""

from __future__ import annotations

import contextlib
import shutil
import sys
import textwrap
from pathlib import Path

from daemon import models
from daemon.errors import JamdError, ModelError, printable, printable_name
from daemon.player.trial import trials
from daemon.song.styles.style_file import SUFFIX, load_style
from daemon.usage import busy


def show() -> int:
    """Print every model and every style that ships with jamd. Returns the exit code."""
    paths = sorted(models.folder().glob("*.onnx"))
    if not paths:
        raise JamdError(f"no models in {models.folder()}: install jamd again")
    failed = 0
    with contextlib.closing(trials((path, None) for path in paths)) as results:  # also if the output cannot be written
        for path in paths:
            with busy(f"verifying {printable_name(path.stem)}"):
                wrong = next(results)
            if wrong is None:
                print(_description(path), flush=True)
            else:
                failed += 1
                print(printable(f"{path.stem}: {wrong}"), file=sys.stderr)
    for path in sorted(models.folder().glob(f"*{SUFFIX}")):
        try:
            print(_style(path), flush=True)
        except ModelError as error:
            failed += 1
            print(printable(f"{path.stem}: {error}"), file=sys.stderr)
    return 1 if failed else 0


def _description(path: Path) -> str:
    """Three lines: the model, its music, the source and licence of what it was trained on."""
    sidecar = models.read_sidecar(path)
    music, source, licence = (str(sidecar.training.get(key, "")) for key in ("music", "data", "licence"))
    return _lines(f"{path.stem} ({sidecar.engine}, {_size(path)}): verified", music, source, licence)


def _style(path: Path) -> str:
    """The same about a style. Raises ModelError."""
    about = load_style(path).card.training
    return _lines(f"{path.stem} (style, {_size(path)}): verified", about.music, about.data, about.licence)


def _size(path: Path) -> str:
    size = path.stat().st_size
    return f"{size / 1e6:.1f} MB" if size > 1e5 else f"{size / 1e3:.0f} kB"


def _lines(title: str, music: str, source: str, licence: str) -> str:
    lines = [title, music, "; ".join(part for part in (source, licence) if part)]
    width = shutil.get_terminal_size().columns
    wrapped = (textwrap.wrap(printable_name(line), width - 4) for line in lines)
    return "\n    ".join(line for each in wrapped for line in each)

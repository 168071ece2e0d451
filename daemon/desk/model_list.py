"""`jamd models`: what each model is for, its source and licence, and whether its results are right on this machine."""

from __future__ import annotations

import contextlib
import shutil
import sys
import textwrap
from pathlib import Path

from daemon import models
from daemon.errors import JamdError, printable, printable_name
from daemon.player.trial import trials
from daemon.usage import busy


def show() -> int:
    """Print every model that ships with jamd. Returns the exit code."""
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
    return 1 if failed else 0


def _description(path: Path) -> str:
    """Three lines: the model, its music, the source and licence of what it was trained on."""
    sidecar = models.read_sidecar(path)
    music, source, licence = (str(sidecar.training.get(key, "")) for key in ("music", "data", "licence"))
    lines = [
        f"{path.stem} ({sidecar.engine}, {path.stat().st_size / 1e6:.1f} MB): verified",
        music,
        "; ".join(part for part in (source, licence) if part),
    ]
    width = shutil.get_terminal_size().columns
    wrapped = (textwrap.wrap(printable_name(line), width - 4) for line in lines)
    return "\n    ".join(line for each in wrapped for line in each)

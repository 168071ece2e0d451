"""The main function of each evaluate.py: figures of a model on a folder or file of music, as one JSON object."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import command
from .folder import nothing_usable

Figures = dict[str, Any]


def parser(description: str | None, music: str) -> argparse.ArgumentParser:
    """A parser with the arguments of every evaluate.py: the music to measure on, and the model."""
    made = command.parser(description)
    made.add_argument("music", type=Path, metavar=music)
    made.add_argument("--model", type=Path, required=True, metavar="NAME.onnx")
    return made


def main(args: argparse.Namespace, measure: Callable[[argparse.Namespace], Figures]) -> int:
    """Print the figures that `measure` returns. Returns the exit code: 2 if all files were `refused`, that of the error
    if `measure` raises JamdError."""

    def run() -> int:
        figures = measure(args)
        print(json.dumps(figures))
        if figures.get("files") != 0:
            return 0
        print(f"error: {nothing_usable(args.music, figures['refused'])}", file=sys.stderr)
        return 2

    return command.exit_code(run)

"""Command lines: the argument parser, and errors as one line on stderr with an exit code."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

from daemon.errors import Interrupted, JamdError

MAX_INPUT_BYTES = 1 << 30  # of a file of tunes, pieces, tables or weights


def parser(description: str | None) -> argparse.ArgumentParser:
    """An argument parser whose help prints a module's docstring unchanged."""
    return argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)


def exit_code(command: Callable[[], int | None]) -> int:
    """Run a command and return its exit code. A JamdError, or Ctrl-C, is one line on stderr and has its own code."""
    try:
        return command() or 0
    except KeyboardInterrupt:
        print("error: interrupted", file=sys.stderr)
        return Interrupted.exit_code
    except JamdError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code


def positive_integer(text: str) -> int:
    """The type of an argument that is a number of things, at least 1. Raises ArgumentTypeError."""
    if not text.isascii() or not text.isdigit() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r}: choose a whole number from 1 on")
    return int(text)

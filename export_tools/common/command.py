"""What all commands share: the parser, and errors as one line on stderr with an exit code."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

from daemon.errors import JamdError


def parser(description: str | None) -> argparse.ArgumentParser:
    """A parser that prints a module's docstring as it is written."""
    return argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)


def exit_code(command: Callable[[], int]) -> int:
    """Run a command. Its exit code, or that of the JamdError that it raises, which is printed."""
    try:
        return command()
    except JamdError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code


def positive_integer(text: str) -> int:
    """An argument that counts something. Raises ArgumentTypeError."""
    if not text.isascii() or not text.isdigit() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r}: choose a whole number from 1 on")
    return int(text)

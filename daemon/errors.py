"""Errors shown to the user: each names the file, the key and the remedy."""

from __future__ import annotations


class JamdError(Exception):
    """An error that the user can correct. The command line prints it without a traceback."""

    exit_code = 1


class Interrupted(JamdError):
    """Ctrl-C, or SIGINT."""

    exit_code = 130


class ConfigError(JamdError):
    """An invalid configuration: all mistakes of one file, in the file's order."""

    exit_code = 2

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class ModelError(JamdError):
    """A model artifact that is missing, damaged or made for another engine or encoding."""

    exit_code = 2


class MelodyError(JamdError):
    """A Standard MIDI File that cannot be read or played."""

    exit_code = 2


class PortError(JamdError):
    """A MIDI port that cannot be opened."""

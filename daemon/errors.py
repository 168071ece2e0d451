"""Errors that reach a person: each names the file, the key and the remedy."""

from __future__ import annotations


class JamdError(Exception):
    """Something a person can put right. The command line prints it without a traceback."""

    exit_code = 1


class ConfigError(JamdError):
    """A wrong configuration: all mistakes of one file, in the file's order."""

    exit_code = 2

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class ModelError(JamdError):
    """A model artifact that is missing, damaged or made for something else."""

    exit_code = 2


class MelodyError(JamdError):
    """A Standard MIDI File that cannot be used."""

    exit_code = 2


class PortError(JamdError):
    """A MIDI port that cannot be opened."""

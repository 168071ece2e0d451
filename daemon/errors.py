"""Errors shown to the user: each names the file, the key and the remedy. What a terminal or a log may be shown."""

from __future__ import annotations

import unicodedata

_UNSAFE = {"Cc", "Cs", "Zl", "Zp"}  # categories: control characters, halves of characters, separators of lines
_BIDI = set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")  # they change the order of what follows


def printable_name(name: str) -> str:
    """The name of another program's port, or of a file, which may hold any character, as part of a line."""
    return printable(name, keep="")


def printable(text: str, keep: str = "\n\t") -> str:
    """`text` with escapes such as \\x1b in place of characters that would control a terminal or forge lines of a log.
    Characters in `keep` stay."""
    if text.isprintable():
        return text
    return "".join(
        char.encode("unicode_escape").decode()
        if char not in keep and (unicodedata.category(char) in _UNSAFE or char in _BIDI)
        else char
        for char in text
    )


class JamdError(Exception):
    """An error that the user can correct. The command line prints it without a traceback."""

    exit_code = 1


class Interrupted(JamdError):
    """Ctrl-C, or SIGINT."""

    exit_code = 130


class InputError(JamdError):
    """Something is wrong with what jamd was given: a command line, or a file."""

    exit_code = 2


class MistakesError(InputError):
    """All mistakes of one file, in the file's order."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class UsageError(InputError):
    """A wrong command line."""


class ConfigError(MistakesError):
    """An invalid configuration."""


class SongError(MistakesError):
    """A song that cannot be read or composed."""


class ModelError(InputError):
    """A model artifact that is missing, damaged or made for another engine or encoding."""


class EngineError(InputError):
    """An engine that cannot be loaded, or whose class attributes are wrong."""


class MelodyError(InputError):
    """A Standard MIDI File that cannot be read or played."""


class LeadSheetError(InputError):
    """A lead sheet or chord chart that cannot be read."""


class PortError(JamdError):
    """A MIDI port that cannot be opened."""


class AudioError(JamdError):
    """An audio device that cannot be used."""

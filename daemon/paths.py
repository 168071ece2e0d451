"""Paths that a person wrote; and the folder of the models, melodies and configuration that ship with jamd."""

import os
import re
import sys
from pathlib import Path

_VARIABLE = re.compile(r"\$(?:(\w+)|{(\w+)})(?=[/\\]|$)")


def resources() -> Path:
    """The folder that holds `models/`, `melodies/` and `config.yaml`: the checkout (also after an editable
    install, so that edits take effect at once), else `share/jamd` in the environment of the installed wheel."""
    checkout = Path(__file__).resolve().parents[1]
    if (checkout / "pyproject.toml").is_file():
        return checkout
    return Path(sys.prefix) / "share" / "jamd"


def expand(text: str) -> Path:
    """A path that may begin with ~, ~USER, $VARIABLE or ${VARIABLE}. Raises ValueError if that stands for nothing."""
    if (variable := _VARIABLE.match(text)) is not None:
        name = variable[1] or variable[2]
        if value := os.environ.get(name):
            return Path(value + text[variable.end() :])
        if name != "HOME":
            raise ValueError(f"the environment variable {name} is not set: write the path without it")
        text = "~" + text[variable.end() :]
    if not text.startswith("~"):
        return Path(text)
    try:
        path = Path(text).expanduser()
    except RuntimeError:  # an unknown user, or one without an entry in the user database
        path = Path()
    if not path.is_absolute() or (os.environ.get("HOME") == "" and Path(text).parts[0] == "~"):
        raise ValueError(f"there is no home folder for {text!r}: write the path without ~")
    return path

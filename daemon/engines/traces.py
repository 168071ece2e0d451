"""Where in its own code an engine failed."""

from __future__ import annotations

import linecache
import traceback
from pathlib import Path


def described(error: BaseException, module: str) -> str:
    """`error` in one line: type, text, and the last line of code that belongs to the package of `module`."""
    text = " ".join(str(error).split())[:300]
    name = type(error).__name__
    return f"{name}: {text}{_place(error, module)}" if text else f"{name}{_place(error, module)}"


def _place(error: BaseException, module: str) -> str:
    """ " (file:line: code)", or "" if no frame is one of the package."""
    package = ".".join(module.split(".")[: 3 if module.startswith("daemon.") else 1])
    frames = [
        (frame.f_code.co_filename, line)
        for frame, line in traceback.walk_tb(error.__traceback__)
        if _is_within(frame.f_globals.get("__name__"), package)
    ]
    if not frames:
        return ""
    file, line = frames[-1]
    code = linecache.getline(file, line).strip()
    return f" ({Path(file).name}:{line}{f': {code}' if code else ''})"


def _is_within(module: object, package: str) -> bool:
    return isinstance(module, str) and f"{module}.".startswith(f"{package}.")

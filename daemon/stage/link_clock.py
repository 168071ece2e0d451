"""Ableton Link as the clock, where the extra `jamd[link]` is installed."""

from __future__ import annotations

from importlib.util import find_spec

MODULE = "link"  # of the package LinkPython-extern


def lacking() -> str:
    """What to install first, or nothing."""
    if find_spec(MODULE) is not None:
        return ""
    return "Ableton Link needs a package that is GPL-licensed and so not installed by itself: pip install 'jamd[link]'"

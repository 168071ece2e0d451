"""Near names: what a misspelt word may stand for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

MAX_NAMES = 50  # that a message lists
MAX_SEARCHED = 150  # names that are compared with a word: a comparison takes up to 50 µs


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The most similar one of `known`, if `word` may be a misspelling; None for very many: the search is slow."""
    known = list(known)
    if len(known) > MAX_SEARCHED:
        return None
    close = get_close_matches(word, known, 1) or get_close_matches(word.lower(), known, 1)
    return close[0] if close else None


def suggestion(word: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown `word`: the one of `known` that may be meant, or all of them."""
    known = list(known)
    if (near := nearest(word, known)) is not None:
        return f": did you mean {near!r}?"
    return f": choose from {listed(known)}" if known else ": there are none: add one"


def listed(names: Sequence[str], most: int = MAX_NAMES) -> str:
    return ", ".join(names if len(names) <= most else [*names[:most], "…"])

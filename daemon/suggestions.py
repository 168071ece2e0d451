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
    names = {name.lstrip("-"): name for name in known}  # the dashes of options would make any two of them similar
    word = word.lstrip("-")
    close = get_close_matches(word, names, 1, _cutoff(word)) or get_close_matches(word.lower(), names, 1, _cutoff(word))
    close = close or [name for name in names if min(len(name), len(word)) > 1 and _is_start(name, word)]
    return names[close[0]] if close else None


def _is_start(one: str, other: str) -> bool:
    """Whether one of the two begins with the other, as `output` with `out`."""
    return one.startswith(other) or other.startswith(one)


def _cutoff(word: str) -> float:
    """The least similarity, 0–1, of a misspelling: half of the letters of a short word are those of any other one."""
    if len(word) <= 3:
        return 0.65  # two letters of three
    return 0.7 if len(word) <= 8 else 0.6


def suggestion(word: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown `word`: the one of `known` that may be meant, or all of them."""
    known = list(known)
    if (near := nearest(word, known)) is not None:
        return f": did you mean {near!r}?"
    return f": choose from {listed(known)}" if known else ": there are none: add one"


def listed(names: Sequence[str], most: int = MAX_NAMES) -> str:
    return ", ".join(names if len(names) <= most else [*names[:most], "…"])

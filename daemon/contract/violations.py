"""Broken rules, and the fewest calls that show them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

SHORTEN_SECONDS = 5.0  # spent on leaving out calls that are not needed to show a violation
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Violation:
    """`calls`: Python that shows the violation, after `prepare`. `trace`: of the engine's exception."""

    rule: int
    problem: str
    session: str
    calls: tuple[str, ...] = ()
    trace: str = ""


def shortest(calls: list[T], shows: Callable[[list[T]], bool], kept: int = 0) -> list[T]:
    """The calls without those that are not needed to show a violation. The first ones, `kept` in number, stay."""
    until, size = time.monotonic() + SHORTEN_SECONDS, len(calls) // 2
    while size:
        place = kept
        while place < len(calls) and time.monotonic() < until:
            shorter = calls[:place] + calls[place + size :]
            if shows(shorter):
                calls = shorter
            else:
                place += size
        size //= 2
    return calls

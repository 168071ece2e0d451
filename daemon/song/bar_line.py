"""What charts and melody lines have in common: bars between bar lines, and mistakes with their bar and beat."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Generic, TypeVar

RuleT = TypeVar("RuleT")
_EMPTY = "an empty bar: write % for the bar before once more, ? for a bar that is composed"
_REPEATS = "repeat signs are not read: write the bars out, or repeat a section in the form"


@dataclass(slots=True)
class Line(Generic[RuleT]):
    """What a text gives in so many `bars`, from its first bar line on. `problems`: (position, problem with remedy)."""

    rules: list[RuleT] = field(default_factory=list)
    bars: int = 0
    problems: list[tuple[str, str]] = field(default_factory=list)


def split_bars(text: str, line: Line[RuleT]) -> tuple[str, list[str]]:
    """What stands before the first bar line, and the bars. Mistakes are added to `line`."""
    if "|:" in text or ":|" in text:
        line.problems.append(("1.1", _REPEATS))
        text = text.replace("|:", "|").replace(":|", "|")
    upbeat, *rest = re.split(r"\|+", text)
    if rest and not rest[-1].strip():
        rest.pop()
    bars = [bar for bar in rest if bar.strip() or "\n" not in bar]
    for number, bar in enumerate(bars):
        if not bar.strip():
            line.problems.append((f"{number + 1}.1", _EMPTY))
    return upbeat, [bar.strip() or "?" for bar in bars]

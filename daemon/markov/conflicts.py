"""Constraints that contradict each other: the smallest set found, and where."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import cached_property

from daemon.errors import InputError
from daemon.markov.constraints import Constraint
from daemon.markov.events import TICKS


class ImpossibleError(InputError):
    """No sequence of the model meets all constraints.

    `conflict`: a set of constraints that cannot be met together, while the others of the set could without any one of
    them; empty if the model itself has no sequence of this length. `tick`: the first place of the set that no sequence
    passes. Both are searched for when they are first needed: a search takes as long as compiling many times.
    """

    def __init__(
        self, constraints: Sequence[Constraint], furthest: Callable[[Sequence[Constraint]], int | None], bar_ticks: int
    ) -> None:
        super().__init__()
        self._constraints, self._furthest, self._bar = constraints, furthest, bar_ticks

    @cached_property
    def conflict(self) -> tuple[Constraint, ...]:
        return smallest_conflict(self._constraints, self._furthest)

    @cached_property
    def tick(self) -> int:
        return self._furthest(self.conflict) or 0

    def __str__(self) -> str:
        place = bar_beat(self.tick, self._bar)
        names = " and ".join(f"{each.name} ({bar_beat(each.where, self._bar)})" for each in self.conflict)
        if not self.conflict:
            return f"{place}: the style has no sequence of this length"
        if len(self.conflict) == 1:
            return f"{place}: the style cannot meet {names}"
        return f"{place}: the style cannot meet these together: {names}"


def bar_beat(tick: int, bar_ticks: int) -> str:
    """bar.beat, both from 1, as in songs: 3.2, or 3.2+1/3 for a third of a beat later."""
    bar, rest = divmod(tick, bar_ticks)
    beat, rest = divmod(rest, TICKS)
    return f"{bar + 1}.{beat + 1}" + (f"+{Fraction(rest, TICKS)}" if rest else "")


def smallest_conflict(
    constraints: Sequence[Constraint], furthest: Callable[[Sequence[Constraint]], int | None]
) -> tuple[Constraint, ...]:
    """A set of which no constraint can be left out. `furthest(set)`: None if all of the set can be met.

    Grows the set by the constraint with which, after those before it, the set became impossible, found by bisection;
    later ones are then not needed. In two orders; the smaller set of the two.
    """
    by_place = sorted(constraints, key=lambda constraint: constraint.where)
    return min((_conflict(order, furthest) for order in (by_place, by_place[::-1])), key=len)


def _conflict(
    candidates: Sequence[Constraint], furthest: Callable[[Sequence[Constraint]], int | None]
) -> tuple[Constraint, ...]:
    found: list[Constraint] = []
    while furthest(found) is None:
        low, high = 0, len(candidates)  # the first `low` can be met together with `found`; the first `high` cannot
        while high - low > 1:
            middle = (low + high) // 2
            if furthest([*found, *candidates[:middle]]) is None:
                low = middle
            else:
                high = middle
        found.append(candidates[high - 1])
        candidates = candidates[: high - 1]
    return tuple(sorted(found, key=lambda constraint: constraint.where))

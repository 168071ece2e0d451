"""Constraints on a sequence of events, and their weights by tick.

A sequence fills the ticks from 0 to a length without gaps: each event begins where the one before ends. A constraint
multiplies the probability of a sequence by weights that are 0 or more: 0 forbids, 1 changes nothing, others are soft.
An event that begins at tick t and lasts d ticks *begins at* t, *sounds at* t to t + d - 1 and *crosses* t + 1 to
t + d - 1. `ticks` is an ascending range: range(96, 97) is one tick, range(0, 1536, 48) are bar lines. `name` is for
errors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from daemon.markov.automaton import Automaton, Event

Weight = Callable[[Event], float]


class Term(NamedTuple):
    """A weight for each of `ticks` from `lead` ticks after an event's beginning to its end, or only where it begins."""

    ticks: range
    weight: Weight
    lead: int
    to_end: bool


class Constraint(Protocol):
    """`where`: the tick that an error names."""

    @property
    def name(self) -> str: ...
    @property
    def where(self) -> int: ...
    def terms(self) -> tuple[Term, ...]: ...


class _ByTicks:
    ticks: range

    @property
    def where(self) -> int:
        return self.ticks[0] if self.ticks else 0


@dataclass(frozen=True)
class Begins(_ByTicks):
    """`weight` of each event that begins at one of `ticks`. No event has to begin there: see Fixed."""

    ticks: range
    weight: Weight
    name: str

    def terms(self) -> tuple[Term, ...]:
        return (Term(self.ticks, self.weight, 0, to_end=False),)


@dataclass(frozen=True)
class Sounds(_ByTicks):
    """`weight` of the event that sounds at each of `ticks`: once for each tick, so an event that sounds at three of
    them has the weight's third power."""

    ticks: range
    weight: Weight
    name: str

    def terms(self) -> tuple[Term, ...]:
        return (Term(self.ticks, self.weight, 0, to_end=True),)


@dataclass(frozen=True)
class Boundary(_ByTicks):
    """An event begins at each of `ticks`: phrases, sections, bar lines that no event crosses. `crossing`: the weight
    of an event for each of `ticks` that the event crosses; 0 forbids crossing."""

    ticks: range
    name: str
    crossing: float = 0.0

    def terms(self) -> tuple[Term, ...]:
        return (Term(self.ticks, lambda event: self.crossing, 1, to_end=True),)


@dataclass(frozen=True)
class Fixed:
    """An event begins at `where`, with `weight`. `before`: the weight of the event that ends there. A fixed note has a
    weight that is 1 for that note and 0 otherwise; a cadence has the last chord or note, and the one before."""

    where: int
    weight: Weight
    name: str
    before: Weight | None = None

    def terms(self) -> tuple[Term, ...]:
        tick = range(self.where, self.where + 1)
        must_begin = Term(tick, never, 1, to_end=True)
        begins = Term(tick, self.weight, 0, to_end=False)
        if self.before is None:
            return (must_begin, begins)
        return (must_begin, begins, Term(range(self.where - 1, self.where), self.before, 0, to_end=True))


@dataclass(frozen=True)
class Regular:
    """The whole sequence is accepted by `automaton`."""

    automaton: Automaton
    name: str
    where: int = 0

    def terms(self) -> tuple[Term, ...]:
        return ()


@dataclass(frozen=True, eq=False)
class Table:
    """`logs[tick, event]`: the logarithm of the weight of each event of the model that begins there, for every tick; it
    counts `times`. No weight is 0. `also`: another table that counts as well."""

    logs: NDArray[np.float64]
    name: str
    times: float = 1.0
    also: Table | None = None
    where: int = 0

    def terms(self) -> tuple[Term, ...]:
        return ()

    def at(self, tick: int) -> NDArray[np.float64]:
        """By event. Tables are added tick by tick: of long songs they are large."""
        logs: NDArray[np.float64] = self.logs[tick] * self.times
        return logs if self.also is None else self.also.at(tick) + logs


def never(event: Event) -> float:
    """The weight that forbids every event."""
    return 0.0


class TickWeights:
    """Logarithms of the weights of events by the tick where they begin: `rows[row_of_tick[tick], event]`, where -inf
    forbids, and tables.

    Raises ValueError for a weight that is negative or not finite, and for a table of another shape.
    """

    def __init__(self, constraints: Sequence[Constraint], events: Sequence[Event], length: int) -> None:
        self._events = events
        self._durations = np.array([event[-1] for event in events], np.int64)
        self._reach = int(self._durations.max())
        self._known: dict[Weight, NDArray[np.float64]] = {}
        self._rows = [np.zeros(len(events))]
        self.row_of_tick = np.zeros(length, np.int64)
        self._add(Term(range(length, length + 1), never, 1, to_end=True), "the end")
        for constraint in constraints:
            for term in constraint.terms():
                self._add(term, constraint.name)
        used, self.row_of_tick = np.unique(self.row_of_tick, return_inverse=True)
        self.rows = np.array([self._rows[row] for row in used])
        self._tables: tuple[Table, ...] = ()
        for table in constraints:
            if isinstance(table, Table):
                self._add_table(table)

    def at(self, tick: int) -> NDArray[np.float64]:
        """By event that begins there."""
        logs: NDArray[np.float64] = self.rows[self.row_of_tick[tick]]
        for table in self._tables:
            logs = logs + table.at(tick)
        return logs

    def with_table(self, table: Table) -> TickWeights:
        result = copy(self)
        result._add_table(table)
        return result

    def _add_table(self, table: Table) -> None:
        if table.logs.shape != (len(self.row_of_tick), len(self._events)):
            raise ValueError(f"{table.name}: a table needs a row for each tick and a column for each event")
        if not np.isfinite(table.logs).all():
            raise ValueError(f"{table.name}: a weight is 0 or not finite")
        self._tables = (*self._tables, table)

    def _add(self, term: Term, name: str) -> None:
        """Ticks that had a row in common, and have the same of `term.ticks` ahead, get a new row in common."""
        logs = self._logarithms(term.weight, name)
        ticks, step = term.ticks, term.ticks.step
        if not ticks:
            return
        reach = self._reach if term.to_end else 1
        onsets = np.arange(max(ticks[0] - reach + 1, 0), min(ticks[-1] - term.lead + 1, len(self.row_of_tick)))
        first = np.maximum(-((ticks[0] - term.lead - onsets) // step), 0)  # index of the first of `ticks` that counts
        nearest = ticks[0] + first * step - onsets
        count = np.clip((reach - 1 - nearest) // step + 1, 0, len(ticks) - first)
        onsets, nearest, count = (values[count > 0] for values in (onsets, nearest, count))
        if not len(onsets):
            return
        keys = (self.row_of_tick[onsets] * reach + nearest) * (reach + 1) + count
        _, index, inverse = np.unique(keys, return_index=True, return_inverse=True)
        old = self.row_of_tick[onsets[index]]
        self.row_of_tick[onsets] = len(self._rows) + inverse
        ends = self._durations if term.to_end else np.ones_like(self._durations)
        powers = np.clip((ends - 1 - nearest[index, None]) // step + 1, 0, count[index, None])
        with np.errstate(invalid="ignore"):  # 0 * -inf
            self._rows += list([self._rows[row] for row in old] + np.where(powers > 0, powers * logs, 0.0))

    def _logarithms(self, weight: Weight, name: str) -> NDArray[np.float64]:
        if weight not in self._known:
            values = np.array([float(weight(event)) for event in self._events])
            if not (np.isfinite(values).all() and (values >= 0).all()):
                raise ValueError(f"{name}: a weight is negative or not finite")
            with np.errstate(divide="ignore"):
                self._known[weight] = np.log(values)
        return self._known[weight]

"""A context graph, unrolled by ticks: the pairs of tick and state that can be reached, and how their sums are formed.

Ticks that reach the same states share the index arrays for this, which are most of the work.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from daemon.markov.constraints import TickWeights
from daemon.markov.graph import Floats, Graph, Ints, ranges

CACHED = 10_000_000  # numbers in the cache of steps
COLUMNS = 16
NO_STATES = np.empty(0, np.int64)


class Key(NamedTuple):
    """Of a step: which events are allowed, as bytes, and which states are reached, as bits."""

    allowed: bytes
    reached: bytes


@dataclass(frozen=True, slots=True)
class Groups:
    """Groups of values to be added, as columns: the first value of each group, the second of each that has two, …
    Groups are sorted by size, large ones first, so that a column is added to the front of the sums; what is left after
    COLUMNS columns follows group by group.

    `sizes` of the columns. `rest`: where the rest of each group begins, in the rest. `place`: of each group among the
    sums; an empty one is at the end of the sums.
    """

    sizes: list[int]
    rest: Ints
    place: Ints

    @classmethod
    def of(cls, counts: Ints) -> tuple[Groups, Ints]:
        """Groups of consecutive values; and the values' numbers, in the order of the columns."""
        begins = np.cumsum(counts) - counts
        columns_of = np.minimum(counts, COLUMNS + 1).astype(np.int8)  # eight bits are sorted faster
        groups = np.argsort(-columns_of, kind="stable")
        *sizes, more = (int(np.count_nonzero(columns_of > column)) for column in range(COLUMNS + 1))
        columns = [begins[groups[:size]] + column for column, size in enumerate(sizes)]
        long = groups[:more]
        left = counts[long] - COLUMNS
        ends = np.cumsum(left)
        columns.append(
            np.arange(ends[-1] if len(ends) else 0) + np.repeat(begins[long] + COLUMNS - (ends - left), left)
        )
        place = np.empty(len(counts), np.int64)
        place[groups] = np.minimum(np.arange(len(counts)), sizes[0])
        return cls([size for size in sizes if size], ends - left, place), np.concatenate(columns)

    def sums(self, values: Floats) -> Floats:
        """Of each group that is not empty, by `place`; then 0."""
        if not self.sizes:
            return np.zeros(1)
        at = self.sizes[0]
        result = np.append(values[:at], 0.0)
        for size in self.sizes[1:]:
            result[:size] += values[at : at + size]
            at += size
        if len(self.rest):
            result[: len(self.rest)] += np.add.reduceat(values[at:], self.rest)
        return result


@dataclass(frozen=True, slots=True)
class Plan:
    """How sums of states follow from sums of later pairs: arrays by pair of event and target, by edge, by arc."""

    event: Ints  # by pair
    duration: Ints
    target: Ints
    pair: Ints  # by edge
    probability: Floats
    edges: Groups  # by row
    row: Ints  # by arc: its row's place among the sums of rows
    arc_probability: Floats
    arcs: Groups | None  # by state; None: each state has one arc, to its own row

    @property
    def of_states(self) -> Groups:
        return self.edges if self.arcs is None else self.arcs

    @property
    def sums(self) -> int:
        """How many there are: one of each state that goes on, and one of all others."""
        return sum(self.of_states.sizes[:1]) + 1


@dataclass(frozen=True, slots=True)
class Step:
    """The states that are reached, and the pairs of the plan that are reached from there. `whole`: the plan is for all
    states, else for these."""

    key: Key
    states: Ints
    plan: Plan
    duration: Ints  # by pair that is reached
    target: Ints
    whole: bool

    def place(self) -> Ints:
        """Of each state among the sums of the plan."""
        place = self.plan.of_states.place
        return place.take(self.states) if self.whole else place


class Lattice:
    """The steps of a graph. `least`: the smallest product of the probabilities of an arc and an edge."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.height = int(graph.durations.max()) + 1
        self.least = float(graph.probability.min(initial=1.0) * graph.arc_probability.min(initial=1.0))
        self._pair_event, self._pair_target, self._pair = _pairs(graph)
        self._own_rows = np.array_equal(graph.arc_row, np.flatnonzero(np.diff(graph.arc_first)))
        self._rank = np.zeros(graph.states, np.int64)  # of rows
        self._whole: Plan | None = None
        self._plans: dict[bytes, tuple[Plan, NDArray[np.bool_]]] = {}
        self._steps: dict[Key, Step] = {}
        self._cached = 0

    def begins(self, tick: int) -> Ints:
        """By duration: where the row of the tick after it begins in a ring of `height` rows."""
        return (tick + np.arange(self.height)) % self.height * self.graph.states

    def step(self, key: Key) -> Step:
        if (step := self._steps.get(key)) is None:
            if self._cached > CACHED:
                self._steps.clear()
                self._plans.clear()
                self._cached = 0
            bits = np.frombuffer(key.reached, np.uint8)
            states = np.flatnonzero(np.unpackbits(bits, count=self.graph.states).view(bool))
            plan, used = self._plans.get(key.reached) or self._new_plan(key.reached, states)
            reached = used & np.frombuffer(key.allowed, bool)[plan.event]
            step = Step(key, states, plan, plan.duration[reached], plan.target[reached], plan is self._whole)
            self._cached += len(states) + 2 * len(step.target)
            self._steps[key] = step
        return step

    def _new_plan(self, reached: bytes, states: Ints) -> tuple[Plan, NDArray[np.bool_]]:
        """The plan for these states, if they are few, else that for all; which of its pairs are of these states."""
        if len(states) * 6 < self.graph.states:
            plan = self._plan(states)
            used = np.ones(len(plan.event), bool)
            self._cached += 3 * len(plan.event) + 2 * len(plan.pair)
        else:
            self._whole = plan = self._whole or self._plan(None)
            used = np.zeros(len(plan.event), bool)
            used[self._pair[ranges(self.graph.first, self._rows(states))[0]]] = True
            self._cached += len(used) // 8
        self._plans[reached] = plan, used
        return plan, used

    def _rows(self, states: Ints) -> Ints:
        if self._own_rows:
            return states
        rows = np.zeros(self.graph.states, bool)
        rows[self.graph.arc_row[ranges(self.graph.arc_first, states)[0]]] = True
        return np.flatnonzero(rows)

    def _plan(self, chosen: Ints | None) -> Plan:
        """For these states, with their pairs; None: for all states, with all pairs."""
        graph = self.graph
        states = np.arange(graph.states) if chosen is None else chosen
        arcs, arc_counts = ranges(graph.arc_first, NO_STATES if self._own_rows else states)
        rows = self._rows(states)
        edges, counts = ranges(graph.first, rows)
        by_row, order = Groups.of(counts)
        edges = edges[order]
        by_state = None
        if not self._own_rows:
            by_state, order = Groups.of(arc_counts)
            arcs = arcs[order]
        self._rank[rows] = by_row.place
        row = self._rank[graph.arc_row[arcs]]
        pairs, pair = np.arange(len(self._pair_event)), self._pair[edges]
        if chosen is not None:
            pairs, pair = np.unique(pair, return_inverse=True)
        return Plan(
            event=self._pair_event[pairs],
            duration=graph.durations[self._pair_event[pairs]].astype(np.int64),
            target=self._pair_target[pairs],
            pair=pair,
            probability=graph.probability[edges],
            edges=by_row,
            row=row,
            arc_probability=graph.arc_probability[arcs],
            arcs=by_state,
        )


def _pairs(graph: Graph) -> tuple[Ints, Ints, Ints]:
    """Event and target of each pair that edges have, and the pair of each edge."""
    event = np.full(graph.states, -1)
    event[graph.target] = graph.event
    if (event[graph.target] == graph.event).all():  # a state remembers the last event
        target = np.flatnonzero(event >= 0)
        place = np.empty(graph.states, np.int64)
        place[target] = np.arange(len(target))
        return event[target], target, place[graph.target]
    pairs, pair = np.unique(graph.event.astype(np.int64) * graph.states + graph.target, return_inverse=True)
    return *np.divmod(pairs, graph.states), pair


class Reached(NamedTuple):
    """By tick: the step's key, and the states that can be reached, ascending; of the end, the states only."""

    keys: list[Key]
    states: list[Ints]


def reachable(lattice: Lattice, weights: TickWeights) -> Reached:
    """From the start at tick 0."""
    length = len(weights.row_of_tick)
    ring = np.zeros((lattice.height, lattice.graph.states), bool)
    flat = ring.reshape(-1)
    allowed = [row.tobytes() for row in np.isfinite(weights.rows)]
    ring[0, lattice.graph.start] = True
    reached = Reached([], [])
    for tick in range(length):
        row = ring[tick % lattice.height]
        step = lattice.step(Key(allowed[weights.row_of_tick[tick]], np.packbits(row).tobytes()))
        reached.keys.append(step.key)
        reached.states.append(step.states)
        row.fill(False)
        flat[lattice.begins(tick).take(step.duration) + step.target] = True
    reached.states.append(np.flatnonzero(ring[length % lattice.height]))
    return reached

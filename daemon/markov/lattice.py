"""A context graph, unrolled by ticks: the pairs of tick and state that can be reached, and how their sums are formed.

Ticks that reach the same states and allow the same events share the index arrays for this, which are most of the work.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from daemon.markov.constraints import TickWeights
from daemon.markov.graph import Floats, Graph, Ints, ranges

CACHED = 6_000_000  # numbers in the cache of steps
COLUMNS = 16


class Key(NamedTuple):
    """Of a step: as bytes, which events are allowed, and which states are reached."""

    allowed: bytes
    reached: bytes


@dataclass(frozen=True, slots=True)
class Groups:
    """Groups of values to be folded, as columns: the first value of each group, the second of each that has two, …
    Groups are sorted by size, large ones first, so that a column is added to the front of the sums; what is left after
    COLUMNS columns follows group by group.

    `order`: the values' places before. `sizes` of the columns. `rest`: where the rest of each group begins, in the
    rest. `place`: of each group among the sums; an empty one is at the end of the sums.
    """

    order: Ints
    sizes: list[int]
    rest: Ints
    place: Ints

    @classmethod
    def of(cls, counts: Ints) -> Groups:
        begins = np.cumsum(counts) - counts
        groups = np.argsort(-counts, kind="stable")
        sorted_counts = counts[groups]
        sizes = [int(np.searchsorted(-sorted_counts, -column)) for column in range(COLUMNS)]
        columns = [begins[groups[:size]] + column for column, size in enumerate(sizes)]
        long = groups[: int(np.searchsorted(-sorted_counts, -COLUMNS))]
        left = counts[long] - COLUMNS
        ends = np.cumsum(left)
        columns.append(
            np.arange(ends[-1] if len(ends) else 0) + np.repeat(begins[long] + COLUMNS - (ends - left), left)
        )
        place = np.empty(len(counts), np.int64)
        place[groups] = np.minimum(np.arange(len(counts)), sizes[0])
        return cls(np.concatenate(columns), [size for size in sizes if size], ends - left, place)

    def folded(self, values: Floats, ufunc: np.ufunc, empty: float) -> Floats:
        """Of each group that is not empty, by `place`; then `empty`."""
        if not self.sizes:
            return np.array([empty])
        at = self.sizes[0]
        result = np.append(values[:at], empty)
        for size in self.sizes[1:]:
            ufunc(result[:size], values[at : at + size], out=result[:size])
            at += size
        if len(self.rest):
            ufunc(result[: len(self.rest)], ufunc.reduceat(values[at:], self.rest), out=result[: len(self.rest)])
        return result

    def spread(self, values: NDArray[Any]) -> NDArray[Any]:
        """The group's value for each value of the group; `values` by `place`."""
        counts = np.diff(self.rest, append=len(self.order) - sum(self.sizes))
        return np.concatenate([*(values[:size] for size in self.sizes), np.repeat(values[: len(self.rest)], counts)])


@dataclass(frozen=True, slots=True)
class Plan:
    """How sums of states follow from sums of later pairs: arrays by pair of duration and target, by edge, by arc."""

    duration: Ints  # by pair
    target: Ints
    pair: Ints  # by edge
    event: Ints
    probability: Floats
    edges: Groups  # by row
    row: Ints  # by arc: its row's place among the sums of rows
    arc_probability: Floats
    arcs: Groups | None  # by state; None: each state has one arc, to its own row
    rows: Ints  # the row of each group of edges

    @property
    def of_states(self) -> Groups:
        return self.edges if self.arcs is None else self.arcs

    @property
    def sums(self) -> int:
        """How many there are: one of each state that goes on, and one of all others."""
        return sum(self.of_states.sizes[:1]) + 1


@dataclass(frozen=True, slots=True)
class Step:
    """The states that are reached, and which pairs of a plan are reached from there; None: the plan is for these states
    only, else for all."""

    key: Key
    states: Ints
    plan: Plan
    pairs: Ints | None

    def targets(self, begins: Ints) -> Ints:
        """The places of what is reached, in a ring; `begins`: of its rows, by duration."""
        plan = self.plan
        if self.pairs is None:
            return begins.take(plan.duration) + plan.target
        return begins.take(plan.duration[self.pairs]) + plan.target[self.pairs]

    def place(self) -> Ints:
        """Of each state among the sums of the plan."""
        place = self.plan.of_states.place
        return place if self.pairs is None else place.take(self.states)


class Lattice:
    """The steps of a graph."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.height = int(graph.durations.max()) + 1
        duration = graph.durations[graph.event].astype(np.int64)
        pairs, self._pair = np.unique(duration * graph.states + graph.target, return_inverse=True)
        self._pair_duration, self._pair_target = np.divmod(pairs, graph.states)
        self._own_rows = np.array_equal(graph.arc_row, np.flatnonzero(np.diff(graph.arc_first)))
        self._used = np.zeros(len(pairs), bool)
        self._rank = np.zeros(max(len(pairs), graph.states), np.int64)
        self._whole: dict[bytes, Plan] = {}
        self._steps: dict[Key, Step] = {}
        self._cached = 0

    def begins(self, tick: int) -> Ints:
        """By duration: where the row of the tick after it begins in a ring of `height` rows."""
        return (tick + np.arange(self.height)) % self.height * self.graph.states

    def step(self, key: Key) -> Step:
        if (step := self._steps.get(key)) is None:
            reached = np.frombuffer(key.reached, bool)
            states = np.flatnonzero(reached)
            if len(states) * 6 < self.graph.states:
                plan = self._plan(key.allowed, states)
                step = Step(key, states, plan, None)
                self._cached += len(states) + 2 * len(plan.target) + 3 * len(plan.pair)
            else:
                step = self._part(key, reached, states)
                self._cached += len(states) + len(step.plan.target)
            if self._cached > CACHED:
                self._steps.clear()
                self._cached = 0
            self._steps[key] = step
        return step

    def _part(self, key: Key, reached: NDArray[np.bool_], states: Ints) -> Step:
        """Of a plan for all states."""
        if key.allowed not in self._whole:
            self._whole[key.allowed] = self._plan(key.allowed, np.arange(self.graph.states))
        plan = self._whole[key.allowed]
        rows = reached
        if not self._own_rows:
            rows = np.zeros(self.graph.states, bool)
            rows[self.graph.arc_row[ranges(self.graph.arc_first, states)[0]]] = True
        of_groups = np.zeros(len(plan.rows) + 1, bool)
        of_groups[plan.edges.place] = rows[plan.rows]
        used = np.zeros(len(plan.target), bool)
        used[plan.pair[plan.edges.spread(of_groups)]] = True
        return Step(key, states, plan, np.flatnonzero(used))

    def _plan(self, allowed: bytes, states: Ints) -> Plan:
        graph = self.graph
        arcs, arc_counts = ranges(graph.arc_first, states)
        rows = states if self._own_rows else np.unique(graph.arc_row[arcs])
        edges, counts = ranges(graph.first, rows)
        kept = np.frombuffer(allowed, bool)[graph.event[edges]]
        before = np.concatenate(([0], np.cumsum(kept)))
        ends = np.cumsum(counts)
        by_row = Groups.of(before[ends] - before[ends - counts])
        edges = edges[kept][by_row.order]
        by_state = None if self._own_rows else Groups.of(arc_counts)
        if by_state is not None:
            arcs = arcs[by_state.order]
        self._rank[rows] = by_row.place
        row = self._rank[graph.arc_row[arcs]]
        pair = self._pair[edges]
        self._used[pair] = True
        used = np.flatnonzero(self._used)
        self._used[used] = False
        self._rank[used] = np.arange(len(used))
        return Plan(
            duration=self._pair_duration[used],
            target=self._pair_target[used],
            pair=self._rank[pair],
            event=graph.event[edges],
            probability=graph.probability[edges],
            edges=by_row,
            row=row,
            arc_probability=graph.arc_probability[arcs],
            arcs=by_state,
            rows=rows,
        )


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
        step = lattice.step(Key(allowed[weights.row_of_tick[tick]], row.tobytes()))
        reached.keys.append(step.key)
        reached.states.append(step.states)
        row.fill(False)
        flat[step.targets(lattice.begins(tick))] = True
    reached.states.append(np.flatnonzero(ring[length % lattice.height]))
    return reached

"""The context graph that a sampler works on: states, rows of events, and the product with an automaton.

A state is what a model remembers. In a state, an arc to a row is drawn, then one of the row's edges: an event, and the
state after the event. States and rows share their numbers: the row of a state is what comes after exactly that context.
Arrays are in compressed sparse rows: the edges of row r are `first[r]` to `first[r + 1]`, likewise the arcs of a state.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from daemon.markov.automaton import Automaton, Event

Ints = NDArray[Any]  # int32 or int64
Floats = NDArray[np.float64]

LARGEST_PRODUCT = 4_000_000  # edges of a graph and an automaton


@dataclass(frozen=True, eq=False, slots=True)
class Graph:
    """`events`: the alphabet; `durations` in ticks, of each event. `final`: the weight of each state at the end."""

    events: tuple[Event, ...]
    durations: Ints
    arc_first: Ints
    arc_row: Ints
    arc_probability: Floats
    first: Ints
    event: Ints
    target: Ints
    probability: Floats
    final: Floats
    start: int

    @property
    def states(self) -> int:
        return len(self.final)


def ranges(first: Ints, nodes: Ints) -> tuple[Ints, Ints]:
    """The indices of the entries of `nodes` in compressed sparse rows, one node after the other; how many each has."""
    begin = first[nodes]
    counts = first[nodes + 1] - begin
    ends = np.cumsum(counts)
    total = int(ends[-1]) if len(ends) else 0
    return np.arange(total, dtype=first.dtype) + np.repeat(begin - (ends - counts).astype(first.dtype), counts), counts


def trimmed(graph: Graph) -> Graph:
    """Without the nodes that cannot be reached from the start."""
    seen = np.zeros(graph.states, bool)
    frontier: Ints = np.array([graph.start])
    while len(frontier):
        seen[frontier] = True
        arcs, _ = ranges(graph.arc_first, frontier)
        edges, _ = ranges(graph.first, frontier)
        reached = np.zeros(graph.states, bool)
        reached[graph.arc_row[arcs]] = True
        reached[graph.target[edges]] = True
        frontier = np.flatnonzero(reached & ~seen)
    kept = np.flatnonzero(seen)
    return graph if len(kept) == graph.states else _selected(graph, kept)


def _selected(graph: Graph, kept: Ints) -> Graph:
    """The part of the graph with the nodes `kept`, ascending; no arc or edge leads out of them."""
    number = np.zeros(graph.states, np.int32)
    number[kept] = np.arange(len(kept))
    arcs, arc_counts = ranges(graph.arc_first, kept)
    edges, counts = ranges(graph.first, kept)
    return replace(
        graph,
        arc_first=offsets(arc_counts),
        arc_row=number[graph.arc_row[arcs]],
        arc_probability=graph.arc_probability[arcs],
        first=offsets(counts),
        event=graph.event[edges],
        target=number[graph.target[edges]],
        probability=graph.probability[edges],
        final=graph.final[kept],
        start=int(number[graph.start]),
    )


def offsets(counts: Ints) -> Ints:
    """Where each of compressed sparse rows with `counts` entries begins, and the end of the last."""
    return np.concatenate(([0], np.cumsum(counts))).astype(np.int32)


def product(graph: Graph, automaton: Automaton) -> Graph:
    """The graph whose sequences are those of `graph` that `automaton` accepts, with the same probabilities.

    Only pairs of node and automaton state that are reached from the start become nodes. Raises ValueError if the
    product has more than LARGEST_PRODUCT edges.
    """
    steps = _Steps(automaton, graph.events)
    width = graph.states
    known = np.empty(0, np.int64)  # automaton state * width + node, ascending
    frontier = np.array([graph.start], np.int64)
    size = 0
    while len(frontier):
        known = np.insert(known, np.searchsorted(known, frontier), frontier)
        states, nodes = np.divmod(frontier, width)
        arcs, arc_counts = ranges(graph.arc_first, nodes)
        edges, counts = ranges(graph.first, nodes)
        after = steps.after(np.repeat(states, counts), graph.event[edges])
        size += int(np.count_nonzero(after >= 0))
        if size > LARGEST_PRODUCT:
            raise ValueError(f"the automaton has too many states: over {LARGEST_PRODUCT:,} edges with this model")
        rows = np.repeat(states, arc_counts) * width + graph.arc_row[arcs]
        targets = (after * width + graph.target[edges])[after >= 0]
        found = np.unique(np.concatenate((rows, targets)))
        places = np.minimum(np.searchsorted(known, found), len(known) - 1)
        frontier = found[known[places] != found]
    states, nodes = np.divmod(known, width)
    edges, counts = ranges(graph.first, nodes)
    before = np.repeat(states, counts)
    after = steps.after(before, graph.event[edges])
    kept = after >= 0
    edges = edges[kept]
    node_of_edge = np.repeat(np.arange(len(known)), counts)[kept]
    arcs, arc_counts = ranges(graph.arc_first, nodes)
    accepted = np.array([automaton.accepts(state) for state in steps.states], bool)
    return replace(
        graph,
        arc_first=offsets(arc_counts),
        arc_row=np.searchsorted(known, np.repeat(states, arc_counts) * width + graph.arc_row[arcs]).astype(np.int32),
        arc_probability=graph.arc_probability[arcs],
        first=offsets(np.bincount(node_of_edge, minlength=len(known))),
        event=graph.event[edges],
        target=np.searchsorted(known, after[kept] * width + graph.target[edges]).astype(np.int32),
        probability=graph.probability[edges],
        final=graph.final[nodes] * accepted[states],
        start=int(np.searchsorted(known, graph.start)),  # of the automaton's start, which is number 0
    )


class _Steps:
    """The transitions of an automaton, numbered and computed when first needed."""

    def __init__(self, automaton: Automaton, events: tuple[Event, ...]) -> None:
        self._automaton, self._events = automaton, events
        self.states = [automaton.start]
        self._numbers = {automaton.start: 0}
        self._pairs = np.empty(0, np.int64)  # automaton state * number of events + event, ascending
        self._after = np.empty(0, np.int64)

    def after(self, states: Ints, events: Ints) -> Ints:
        """The automaton's states after `events` in `states`; -1 where an event is rejected."""
        pairs = states.astype(np.int64) * len(self._events) + events
        needed, inverse = np.unique(pairs, return_inverse=True)
        if len(self._pairs):
            places = np.minimum(np.searchsorted(self._pairs, needed), len(self._pairs) - 1)
            new = needed[self._pairs[places] != needed]
        else:
            new = needed
        if len(new):
            at = np.searchsorted(self._pairs, new)
            after = [self._step(*divmod(int(pair), len(self._events))) for pair in new]
            self._after = np.insert(self._after, at, after)
            self._pairs = np.insert(self._pairs, at, new)
        result: Ints = self._after[np.searchsorted(self._pairs, needed)][inverse]
        return result

    def _step(self, state: int, event: int) -> int:
        after = self._automaton.step(self.states[state], self._events[event])
        if after is None:
            return -1
        if after not in self._numbers:
            self._numbers[after] = len(self.states)
            self.states.append(after)
        return self._numbers[after]

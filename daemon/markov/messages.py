"""Messages on the pairs of tick and state of a context graph (Roy and Pachet, 2013).

beta(t, s) is the total weight of all ways to fill the ticks from t to the end, when the state at t is s:

    beta(length, s) = final(s)
    beta(t, s) = sum over arcs a of s, edges e of the row of a:  p(a) * p(e) * weight(t, e) * beta(t + duration(e), s')

where s' is the state after e. Forward first: only pairs that can be reached from the start at tick 0 are computed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from daemon.markov.constraints import TickWeights
from daemon.markov.graph import Floats, Graph, Ints, ranges

SAFE = 200.0  # logarithms of weights and sums between -SAFE and SAFE can be multiplied without loss


class EdgeSets:
    """For each tick, the edges that its weights allow, in compressed sparse rows; ticks that allow the same events
    share a set."""

    def __init__(self, graph: Graph, weights: TickWeights) -> None:
        masks = np.isfinite(weights.rows)
        sets, self._set_of_row = np.unique(masks, axis=0, return_inverse=True)
        self._set_of_row = self._set_of_row.ravel()
        self._sets = [_allowed(graph, mask) for mask in sets]
        self._row_of_tick = weights.row_of_tick

    def at(self, tick: int) -> tuple[Ints, Ints]:
        """`first` and the edges' numbers."""
        return self._sets[int(self._set_of_row[self._row_of_tick[tick]])]


def _allowed(graph: Graph, mask: Ints) -> tuple[Ints, Ints]:
    kept = mask[graph.event]
    before = np.zeros(len(kept) + 1, np.int32)
    np.cumsum(kept, out=before[1:])
    return before[graph.first], np.flatnonzero(kept).astype(np.int32)


def reachable(graph: Graph, edge_sets: EdgeSets, length: int) -> list[Ints]:
    """The states that can be reached at each tick, ascending."""
    height = int(graph.durations.max()) + 1
    ring = np.zeros((height, graph.states), bool)
    flat = ring.reshape(-1)
    duration = graph.durations[graph.event]
    ring[0, graph.start] = True
    reached: list[Ints] = []
    for tick in range(length):
        row = ring[tick % height]
        states = np.flatnonzero(row).astype(np.int32)
        reached.append(states)
        if len(states):
            row[states] = False
            first, edges = edge_sets.at(tick)
            chosen = edges[ranges(first, rows_of(graph, states))[0]]
            begins = (tick + np.arange(height)) % height * graph.states
            flat[begins[duration[chosen]] + graph.target[chosen]] = True
    reached.append(np.flatnonzero(ring[length % height] & (graph.final > 0)).astype(np.int32))
    return reached


def rows_of(graph: Graph, states: Ints) -> Ints:
    return np.unique(graph.arc_row[ranges(graph.arc_first, states)[0]])


@dataclass(frozen=True, slots=True)
class Messages:
    """The logarithm of beta of each pair: `keys` are tick * states + state, ascending. -inf: a dead end."""

    keys: Ints
    logs: Floats

    def log(self, key: int) -> float:
        place = int(np.searchsorted(self.keys, key))
        return float(self.logs[place]) if place < len(self.keys) and self.keys[place] == key else -np.inf


def messages(graph: Graph, weights: TickWeights, edge_sets: EdgeSets, reached: list[Ints]) -> Messages:
    """Of the pairs `reached`."""
    length = len(reached) - 1
    height = int(graph.durations.max()) + 1
    window = np.full((height, graph.states), -np.inf)
    flat = window.reshape(-1)
    duration = graph.durations[graph.event]
    with np.errstate(divide="ignore"):
        log_probability = np.log(graph.probability)
        log_arc = np.log(graph.arc_probability)
        logs: list[Floats] = [np.log(graph.final[reached[length]])]
    window[length % height, reached[length]] = logs[0]
    of_row = np.empty(graph.states)
    for tick in range(length - 1, -1, -1):
        states = reached[tick]
        if not len(states):
            logs.append(np.empty(0))
            continue
        first, edges = edge_sets.at(tick)
        rows = rows_of(graph, states)
        chosen, counts = ranges(first, rows)
        chosen = edges[chosen]
        begins = (tick + np.arange(height)) % height * graph.states
        values = flat[begins[duration[chosen]] + graph.target[chosen]]
        values += log_probability[chosen]
        values += weights.rows[weights.row_of_tick[tick]][graph.event[chosen]]
        of_row[rows] = log_sums(values, counts)
        arcs, counts = ranges(graph.arc_first, states)
        logs.append(log_sums(log_arc[arcs] + of_row[graph.arc_row[arcs]], counts))
        window[tick % height, states] = logs[-1]
    kind = "int32" if (length + 1) * graph.states < 2**31 else "int64"
    keys = [(states.astype(np.int64) + tick * graph.states).astype(kind) for tick, states in enumerate(reached)]
    return Messages(np.concatenate(keys), np.concatenate(logs[::-1]))


def log_sums(values: Floats, counts: Ints) -> Floats:
    """Logarithms of the sums of the exponentials of consecutive groups of `counts` values; -inf: an empty group."""
    result = np.full(len(counts), -np.inf)
    filled = counts > 0
    begin = (np.cumsum(counts) - counts)[filled]
    if len(begin):
        most = np.maximum.reduceat(values, begin)
        most[most == -np.inf] = 0.0
        sums = np.add.reduceat(np.exp(values - np.repeat(most, counts[filled])), begin)
        with np.errstate(divide="ignore"):
            result[filled] = most + np.log(sums)
    return result

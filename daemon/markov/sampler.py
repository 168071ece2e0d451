"""Exact samples of a Markov model under constraints.

The distribution. Among the sequences of events that fill `length_ticks` exactly, a sequence has a probability
proportional to

    its probability in the model * the weights of all constraints * [each automaton accepts the sequence]
        * the probability that a piece ends after the sequence, if `end`

A sample is one draw from exactly this distribution, from a table of messages (daemon.markov.messages).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

import numpy as np

from daemon.markov.automaton import Event
from daemon.markov.conflicts import ImpossibleError, smallest_conflict
from daemon.markov.constraints import Constraint, Regular, TickWeights
from daemon.markov.graph import Graph, Ints, product
from daemon.markov.messages import EdgeSets, Messages, messages, reachable
from daemon.markov.model import MarkovModel

REMEMBERED = 50_000  # pairs of tick and state whose choices are kept


class Sampler:
    """`log_mass`: the logarithm of the normalising sum. If all weights are 0 or 1, this is the probability that the
    model's sequence has an event boundary at `length_ticks` and meets all constraints (and, if `end`, ends there)."""

    def __init__(self, graph: Graph, weights: TickWeights, edge_sets: EdgeSets, table: Messages) -> None:
        self._graph, self._weights, self._edge_sets, self._table = graph, weights, edge_sets, table
        self._choices: dict[int, tuple[list[float], list[int], list[int]]] = {}
        self._end = len(weights.row_of_tick) * graph.states
        self._duration = graph.durations[graph.event]
        self.log_mass = table.log(graph.start)

    def sample(self, random: np.random.Generator) -> tuple[Event, ...]:
        events = []
        key = self._graph.start  # tick * states + state
        while key < self._end:
            choice = self._choices.get(key) or self._choice(key)
            cumulative, numbers, keys = choice
            chosen = bisect_right(cumulative, random.random() * cumulative[-1], hi=len(cumulative) - 1)
            events.append(self._graph.events[numbers[chosen]])
            key = keys[chosen]
        return tuple(events)

    def _choice(self, key: int) -> tuple[list[float], list[int], list[int]]:
        """Cumulative weights of the edges at a pair, their events, and the pairs after them."""
        graph = self._graph
        tick, state = divmod(key, graph.states)
        first, edges = self._edge_sets.at(tick)
        chosen, factors = [], []
        for arc in range(graph.arc_first[state], graph.arc_first[state + 1]):
            row = graph.arc_row[arc]
            of_row = edges[first[row] : first[row + 1]]
            chosen.append(of_row)
            factors.append(graph.probability[of_row] * graph.arc_probability[arc])
        of_state = np.concatenate(chosen)
        kind = self._table.keys.dtype.type
        keys = (tick + self._duration[of_state]).astype(kind) * kind(graph.states) + graph.target[of_state]
        places = np.minimum(np.searchsorted(self._table.keys, keys), len(self._table.keys) - 1)
        logs = np.where(self._table.keys[places] == keys, self._table.logs[places], -np.inf)
        logs += self._weights.rows[self._weights.row_of_tick[tick]][graph.event[of_state]]
        shares = np.concatenate(factors) * np.exp(logs - logs.max())
        kept = shares > 0
        choice = np.cumsum(shares[kept]).tolist(), graph.event[of_state][kept].tolist(), keys[kept].tolist()
        if len(self._choices) >= REMEMBERED:
            self._choices.clear()
        self._choices[key] = choice
        return choice


def compile_sampler(
    model: MarkovModel,
    length_ticks: int,
    bar_ticks: int,
    constraints: Sequence[Constraint] = (),
    context: Sequence[Event] | None = None,
    end: bool = False,
) -> Sampler:
    """`context`: events that were played before, None for a piece's beginning; `end`: as pieces end, both as in
    MarkovModel.graph. `bar_ticks`: of a bar, for errors. Raises ImpossibleError; ValueError for a wrong weight."""
    graph = model.graph(context, end)

    def prepared(chosen: Sequence[Constraint]) -> tuple[Graph, TickWeights, EdgeSets, list[Ints]]:
        result = graph
        for constraint in chosen:
            if isinstance(constraint, Regular):
                result = product(result, constraint.automaton)
        weights = TickWeights(chosen, graph.events, length_ticks)
        edge_sets = EdgeSets(result, weights)
        return result, weights, edge_sets, reachable(result, edge_sets, length_ticks)

    def furthest(chosen: Sequence[Constraint]) -> int | None:
        reached = prepared(chosen)[-1]
        return None if len(reached[-1]) else max(tick for tick, states in enumerate(reached) if len(states))

    graph_of_all, weights, edge_sets, reached = prepared(constraints)
    if not len(reached[-1]):
        conflict = smallest_conflict(constraints, furthest)
        tick = furthest(conflict)
        assert tick is not None
        raise ImpossibleError(conflict, tick, bar_ticks)
    return Sampler(graph_of_all, weights, edge_sets, messages(graph_of_all, weights, edge_sets, reached))

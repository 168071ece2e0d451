"""Exact samples of a Markov model under constraints.

The distribution. Among the sequences of events that fill `length_ticks` exactly, a sequence has a probability
proportional to

    its probability in the model * the weights of all constraints * [each automaton accepts the sequence]
        * the probability that a piece ends after the sequence, if `end`

A sample is one draw from exactly this distribution, by the messages of daemon.markov.messages.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from math import exp, inf

import numpy as np

from daemon.markov.automaton import Automaton, Event
from daemon.markov.conflicts import ImpossibleError, smallest_conflict
from daemon.markov.constraints import Constraint, Regular, TickWeights
from daemon.markov.graph import Floats, Graph, product
from daemon.markov.lattice import Lattice, Reached, reachable
from daemon.markov.messages import messages
from daemon.markov.model import MarkovModel

Edge = tuple[float, int, int, int]  # probability, event, duration, target


@dataclass(frozen=True)
class Problem:
    """A graph of the model, unrolled with the automata of all constraints, and what the constraints allow."""

    graph: Graph
    bar_ticks: int
    automata: tuple[Automaton, ...]
    lattice: Lattice
    weights: TickWeights
    reached: Reached

    def possible(self) -> bool:
        return bool((self.lattice.graph.final[self.reached.states[-1]] > 0).any())

    def at_the_end(self) -> Floats:
        """The logarithms of the weights of the states reached at the end."""
        with np.errstate(divide="ignore"):
            return np.log(self.lattice.graph.final[self.reached.states[-1]])

    def same_since(self, other: Problem) -> int:
        """From which tick on both allow the same, with the same weights; the number of ticks and one more if never."""
        tick = len(self.reached.states)
        if self.lattice is other.lattice and np.array_equal(self.reached.states[-1], other.reached.states[-1]):
            tick -= 1
            while tick and self._same_at(tick - 1, other):
                tick -= 1
        return tick

    def _same_at(self, tick: int, other: Problem) -> bool:
        rows = self.weights.rows[self.weights.row_of_tick[tick]], other.weights.rows[other.weights.row_of_tick[tick]]
        return self.reached.keys[tick] == other.reached.keys[tick] and np.array_equal(*rows)


class Sampler:
    """`log_mass`: the logarithm of the normalising sum. If all weights are 0 or 1, this is the probability that the
    model's sequence has an event boundary at `length_ticks` and meets all constraints (and, if `end`, ends there)."""

    def __init__(self, problem: Problem, latest: list[Floats]) -> None:
        self._problem = problem
        self._messages = messages(problem.lattice, problem.weights, problem.reached, latest)
        self._graph, self._weights = problem.lattice.graph, problem.weights
        self._states = [states.data for states in problem.reached.states]
        self._logs = [logs.data for logs in self._messages]
        self._rows_of_weights: dict[int, list[float]] = {}
        self._edges: dict[int, list[Edge]] = {}
        self._arcs: dict[int, list[tuple[float, list[Edge]]]] = {}
        self.log_mass = float(self._messages[0][0])

    def sample(self, random: np.random.Generator) -> tuple[Event, ...]:
        events: list[Event] = []
        tick, state, log = 0, self._graph.start, self.log_mass
        while tick < len(self._states) - 1:
            event, tick, state, log = self._next(tick, state, log, random.random())
            events.append(self._graph.events[event])
        return tuple(events)

    def _next(self, tick: int, state: int, log: float, left: float) -> tuple[int, int, int, float]:
        """The event where the cumulative probability exceeds `left`, and the pair after the event with its message."""
        weights = self._weights_at(tick)
        found = None
        for share, edges in self._arcs.get(state) or self._arcs_of(state):
            for probability, event, duration, target in edges:
                if (weight := weights[event]) == -inf:
                    continue
                after = tick + duration
                later = self._logs[after][bisect_left(self._states[after], target)]
                if later > -inf:
                    found = event, after, target, later
                    left -= share * probability * exp(later + weight - log)
                    if left < 0:
                        return found
        assert found is not None  # rounding: the shares add up to a little less than 1
        return found

    def _weights_at(self, tick: int) -> list[float]:
        number = int(self._weights.row_of_tick[tick])
        if number not in self._rows_of_weights:
            self._rows_of_weights[number] = self._weights.rows[number].tolist()
        return self._rows_of_weights[number]

    def _arcs_of(self, state: int) -> list[tuple[float, list[Edge]]]:
        """The shares and edges of the rows of a state, likely ones first, so that a draw ends early."""
        graph = self._graph
        arcs = slice(graph.arc_first[state], graph.arc_first[state + 1])
        pairs = zip(graph.arc_probability[arcs].tolist(), graph.arc_row[arcs].tolist(), strict=True)
        self._arcs[state] = [(share, self._edges_of(row)) for share, row in sorted(pairs, reverse=True)]
        return self._arcs[state]

    def _edges_of(self, row: int) -> list[Edge]:
        if row not in self._edges:
            graph = self._graph
            edges = slice(graph.first[row], graph.first[row + 1])
            events = graph.event[edges]
            columns = graph.probability[edges], events, graph.durations[events], graph.target[edges]
            self._edges[row] = sorted(zip(*(column.tolist() for column in columns), strict=True), reverse=True)
        return self._edges[row]

    def revised(self, constraints: Sequence[Constraint]) -> Sampler:
        """With other constraints, for the same model, length, context and end. What both have in common is not
        computed again. Raises like compile_sampler."""
        old = self._problem
        problem = _solvable(old.graph, len(self._states) - 1, old.bar_ticks, constraints, old)
        return Sampler(problem, self._messages[problem.same_since(old) :] or [problem.at_the_end()])


def compile_sampler(
    model: MarkovModel,
    length_ticks: int,
    bar_ticks: int,
    constraints: Sequence[Constraint] = (),
    context: Sequence[Event] | None = None,
    end: bool = False,
) -> Sampler:
    """`context`: events that were played before, None for a piece's beginning; `end`: as pieces end, both as in
    MarkovModel.graph. `bar_ticks`: of a bar, for errors. Raises ImpossibleError; ValueError for a wrong weight or
    length, or a constraint that lies outside."""
    problem = _solvable(model.graph(context, end), length_ticks, bar_ticks, constraints)
    return Sampler(problem, [problem.at_the_end()])


def _solvable(
    graph: Graph, length: int, bar_ticks: int, constraints: Sequence[Constraint], like: Problem | None = None
) -> Problem:
    if length < 1:
        raise ValueError(f"a length of {length} ticks")
    for constraint in constraints:
        if not 0 <= constraint.where <= length:
            raise ValueError(f"{constraint.name}: tick {constraint.where} lies outside of 0 to {length}")
    problem = _prepared(graph, length, bar_ticks, constraints, like)

    def furthest(chosen: Sequence[Constraint]) -> int | None:
        part = _prepared(graph, length, bar_ticks, chosen, problem)
        return None if part.possible() else max(tick for tick, states in enumerate(part.reached.states) if len(states))

    if not problem.possible():
        conflict = smallest_conflict(constraints, furthest)
        raise ImpossibleError(conflict, furthest(conflict) or 0, bar_ticks)
    return problem


def _prepared(
    graph: Graph, length: int, bar_ticks: int, constraints: Sequence[Constraint], like: Problem | None
) -> Problem:
    automata = tuple(constraint.automaton for constraint in constraints if isinstance(constraint, Regular))
    same = like is not None and like.automata == automata
    lattice = like.lattice if like and same else Lattice(reduce(product, automata, graph))
    weights = TickWeights(constraints, graph.events, length)
    known = like is not None and same and weights.allows_as(like.weights)
    reached = like.reached if like and known else reachable(lattice, weights)
    return Problem(graph, bar_ticks, automata, lattice, weights, reached)

"""Exact samples of a Markov model under constraints.

The distribution. Among the sequences of events that fill `length_ticks` exactly, a sequence has a probability
proportional to

    its probability in the model, as pieces begin * the weights of all constraints * [each automaton accepts it]

A sample is one draw from exactly this distribution, by the messages of daemon.markov.messages.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property, reduce
from itertools import accumulate
from math import exp, inf

import numpy as np

from daemon.markov.automaton import Automaton, Event
from daemon.markov.conflicts import ImpossibleError
from daemon.markov.constraints import Constraint, Regular, Table, TickWeights
from daemon.markov.graph import Floats, product
from daemon.markov.lattice import Lattice, Reached, reachable
from daemon.markov.messages import messages
from daemon.markov.model import MarkovModel

MOST_TICKS = 4096  # whose weights are kept for the next sample
Edge = tuple[float, int, int, int]  # probability, event, duration, target


@dataclass(frozen=True)
class Problem:
    """A graph of the model, unrolled with the automata of all constraints, and what the constraints allow."""

    lattice: Lattice
    weights: TickWeights
    reached: Reached

    def possible(self) -> bool:
        return bool((self.lattice.graph.final[self.reached.states[-1]] > 0).any())


class Sampler:
    """Messages are computed when the first sample or the mass is asked for, and kept from the first sample on."""

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self._graph, self._weights = problem.lattice.graph, problem.weights
        self._states = [states.data for states in problem.reached.states]
        self._weights_by_tick: dict[int, memoryview] = {}
        self._edges: dict[int, list[Edge]] = {}
        self._arcs: dict[int, list[tuple[float, list[Edge]]]] = {}

    def _messages(self) -> Iterator[Floats]:
        return messages(self._problem.lattice, self._weights, self._problem.reached)

    @cached_property
    def _logs(self) -> list[memoryview]:
        return [logs.data for logs in self._messages()][::-1]

    @cached_property
    def log_mass(self) -> float:
        """The logarithm of the normalising sum. If all weights are 0 or 1, this is the probability that the model's
        sequence has an event boundary at `length_ticks` and meets all constraints.

        Without a sample the messages, which take most of the memory, are not kept."""
        if "_logs" in self.__dict__:
            return float(self._logs[0][0])
        (last,) = deque(self._messages(), 1)
        return float(last[0])

    def weighted(self, table: Table) -> Sampler:
        """Of the same sequences, weighted by a table as well. Raises ValueError for a table that forbids anything."""
        result = Sampler(replace(self._problem, weights=self._weights.with_table(table)))
        result._edges, result._arcs = self._edges, self._arcs
        return result

    def sample(
        self,
        random: np.random.Generator,
        stop: Callable[[Sequence[Event]], bool] | None = None,
        begun: Sequence[Event] = (),
    ) -> tuple[Event, ...]:
        """`stop(events)`, after each event: the sample ends here, as it will be rejected. `begun`: the events at its
        beginning, which must be possible; the sample is drawn given these."""
        events: list[Event] = list(begun)
        tick, state, log = self._after(begun, random)
        while tick < len(self._states) - 1:
            event, tick, state, log = self._next(tick, state, log, random.random())
            events.append(self._graph.events[event])
            if stop is not None and stop(events):
                break
        return tuple(events)

    def _after(self, begun: Sequence[Event], random: np.random.Generator) -> tuple[int, int, float]:
        """The tick, one of the states that these events may lead to, drawn given all that comes after, and its message.

        An event may lead to several states: it does not tell how much of what came before was forgotten."""
        chances = {self._graph.start: 1.0}
        for event in begun:
            later: dict[int, float] = defaultdict(float)
            for state, chance in chances.items():
                for share, edges in self._arcs.get(state) or self._arcs_of(state):
                    for probability, number, _, target in edges:
                        if self._graph.events[number] == event:
                            later[target] += chance * share * probability
            total = sum(later.values())
            chances = {state: chance / total for state, chance in later.items()}
        tick = sum(event[-1] for event in begun)
        logs = {state: self._logs[tick][bisect_left(self._states[tick], state)] for state in chances}
        largest = max(logs.values())
        weights = [chance * exp(logs[state] - largest) for state, chance in chances.items()]
        ends = list(accumulate(weights))
        state = (
            list(chances)[bisect_right(ends, random.random() * ends[-1], hi=len(ends) - 1)]
            if begun
            else self._graph.start
        )
        return tick, state, logs[state]

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

    def _weights_at(self, tick: int) -> memoryview:
        if (weights := self._weights_by_tick.get(tick)) is None:
            if len(self._weights_by_tick) == MOST_TICKS:
                self._weights_by_tick.clear()
            weights = self._weights_by_tick[tick] = self._weights.at(tick).data
        return weights

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


def compile_sampler(
    model: MarkovModel, length_ticks: int, bar_ticks: int, constraints: Sequence[Constraint] = ()
) -> Sampler:
    """`bar_ticks`: of a bar, for errors. Raises ImpossibleError; ValueError for a wrong weight or length, or a
    constraint that lies outside."""
    if length_ticks < 1:
        raise ValueError(f"a length of {length_ticks} ticks")
    for constraint in constraints:
        if not 0 <= constraint.where <= length_ticks:
            raise ValueError(f"{constraint.name}: tick {constraint.where} lies outside of 0 to {length_ticks}")

    @cache
    def lattice(*automata: Automaton) -> Lattice:
        return Lattice(reduce(product, automata, model.graph))

    def problem(chosen: Sequence[Constraint]) -> Problem:
        unrolled = lattice(*(constraint.automaton for constraint in chosen if isinstance(constraint, Regular)))
        weights = TickWeights(chosen, model.events, length_ticks)
        return Problem(unrolled, weights, reachable(unrolled, weights))

    def furthest(chosen: Sequence[Constraint]) -> int | None:
        part = problem(chosen)
        return None if part.possible() else max(tick for tick, states in enumerate(part.reached.states) if len(states))

    whole = problem(constraints)
    if not whole.possible():
        raise ImpossibleError(constraints, furthest, bar_ticks)
    return Sampler(whole)

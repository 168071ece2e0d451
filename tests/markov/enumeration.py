"""The distribution of daemon.markov.model and daemon.markov.sampler again, by listing all sequences; shares no code."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence

Event = tuple
Sequences = dict[tuple[Event, ...], float]
Rule = Callable[[tuple[Event, ...]], float]  # the weight of a whole sequence


class Reference:
    def __init__(self, blend: Sequence[tuple[Sequence[Sequence[Event]], float]], order: int, weights: Sequence[float]):
        self.order, self.weights, self.shares = order, list(weights), [share for _, share in blend]
        self.start: tuple = (None,) * order
        self._rows: dict[tuple, dict[Event, float]] = {}
        self.counts: list[dict[tuple, Counter]] = [defaultdict(Counter) for _ in blend]
        for pieces, counts in zip((pieces for pieces, _ in blend), self.counts, strict=True):
            for piece in filter(None, pieces):
                items = [None] * order + list(piece) + ["end"]
                for place in range(order, len(items)):
                    for length in range(order + 1):
                        counts[tuple(items[place - length : place])][items[place]] += 1

    def of_row(self, row: tuple) -> dict[Event, float]:
        """Probabilities of the events after `row`."""
        if row in self._rows:
            return self._rows[row]
        result: dict[Event, float] = defaultdict(float)
        known = [m for m, counts in enumerate(self.counts) if any(e != "end" for e in counts.get(row, ()))]
        for m in known:
            share = self.shares[m] / sum(self.shares[other] for other in known)
            following = {event: count for event, count in self.counts[m][row].items() if event != "end"}
            for event, count in following.items():
                result[event] += share * count / sum(following.values())
        self._rows[row] = result
        return result

    def _of_levels(self, context: tuple) -> list[tuple[tuple, float]]:
        size = len(context)
        weights = [*self.weights[:size], sum(self.weights[size:])]
        return [(context[size - length :], weights[length]) for length in range(size + 1)]

    def after(self, contexts: dict[tuple, float]) -> dict[Event, dict[tuple, float]]:
        """The events that can follow, each with the contexts after it and their probabilities."""
        result: dict[Event, dict[tuple, float]] = defaultdict(lambda: defaultdict(float))
        for context, probability in contexts.items():
            rows = [(row, weight) for row, weight in self._of_levels(context) if weight and self.of_row(row)]
            for row, weight in rows:
                share = probability * weight / sum(weight for _, weight in rows)
                for event, chance in self.of_row(row).items():
                    longer = (*row, event)
                    result[event][longer[max(len(longer) - self.order, 0) :]] += share * chance
        return result

    def sequences(self, length: int, rule: Rule = lambda _: 1.0) -> Sequences:
        """The weight of each sequence that fills `length` ticks, if above 0."""
        found = {}
        for events, contexts in self._all((), {self.start: 1.0}, length):
            if weight := math.fsum(contexts.values()) * rule(events):
                found[events] = weight
        return found

    def _all(self, events: tuple, contexts: dict[tuple, float], left: int) -> Iterator[tuple[tuple, dict]]:
        if left == 0:
            yield events, contexts
            return
        for event, after in self.after(contexts).items():
            if event[-1] <= left:
                yield from self._all((*events, event), after, left - event[-1])


def spans(events: Sequence[Event]) -> Iterator[tuple[int, int, Event]]:
    """Begin, end and event."""
    begin = 0
    for event in events:
        yield begin, begin + event[-1], event
        begin += event[-1]


def chi_squared_p(counts: Counter, expected: Sequences) -> float:
    """The p value of a χ² test of `counts` against weights; cells below 5 are put together. 0 for what cannot occur."""
    if set(counts) - set(expected):
        return 0.0
    number, mass = sum(counts.values()), math.fsum(expected.values())
    cells, rest_seen, rest_expected = [], 0.0, 0.0
    for events, weight in expected.items():
        expectation = number * weight / mass
        if expectation >= 5:
            cells.append((counts[events], expectation))
        else:
            rest_seen, rest_expected = rest_seen + counts[events], rest_expected + expectation
    if rest_expected >= 5 or (rest_expected and rest_seen > 40):
        cells.append((rest_seen, rest_expected))
    freedom = len(cells) - 1
    if freedom < 1:
        return 1.0
    statistic = sum((seen - expectation) ** 2 / expectation for seen, expectation in cells)
    third = 2 / (9 * freedom)  # Wilson and Hilferty's approximation by a normal distribution
    return math.erfc(((statistic / freedom) ** (1 / 3) - 1 + third) / math.sqrt(2 * third)) / 2

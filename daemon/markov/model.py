"""Markov models of event sequences, with an explicit back-off.

An *event* is a tuple of hashable items that ends with its duration in ticks. A *context* is what was remembered of the
events so far: the latest ones, at most `order`; before a piece begins, each missing one is the mark BEGINNING.

The distribution. In a context c of n items, a row of j items, j from 0 to n, is drawn with a probability proportional
to `weights[j]` for j < n and to the sum of `weights[n:]` for j = n, among the rows that were followed by an event in
the corpora. All but the latest j items are forgotten. Then an event e is drawn from what followed these j items:

    p(e | c_j) = sum over corpora m of v_m(c_j) * count_m(c_j, e) / count_m(c_j)

where v_m is the corpora's blend, normalised over the corpora that know c_j. The new context is c_j with e, at most the
latest `order` items. So a back-off forgets, and the memory grows again with each event: the distribution of a sequence
is the sum over all such choices of j, one sum-product over one graph. With weights (0, …, 0, 1) it is the plain Markov
chain of that order; a context that only ever ended a piece is then a dead end.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from daemon.markov.automaton import Event
from daemon.markov.graph import Floats, Graph, Ints, offsets, trimmed

WIDEST = 1e100  # ratio of weights


@dataclass(frozen=True, slots=True)
class Corpus:
    """Pieces as sequences of events, in one key."""

    pieces: tuple[tuple[Event, ...], ...]


class MarkovModel:
    """`blend`: corpora and their weights. `weights` of the orders 0 to `order`; none: the plain chain of that order.
    `graph`: of sequences that begin as pieces do.

    Raises ValueError for weights that are negative, all 0, too far apart or not as many as the orders, for a duration
    that is no whole number of ticks, and for corpora without events.
    """

    def __init__(
        self, blend: Sequence[tuple[Corpus, float]], order: int, weights: Sequence[float] | None = None
    ) -> None:
        self.order = order
        self.weights = (0.0,) * order + (1.0,) if weights is None else tuple(map(float, weights))
        _check(blend, order, self.weights)
        blend = [(corpus, float(weight)) for corpus, weight in blend if weight > 0]
        table = _Table(blend, order)
        self.events = table.events
        self.graph = trimmed(table.graph(self.weights))


def _check(blend: Sequence[tuple[Corpus, float]], order: int, weights: tuple[float, ...]) -> None:
    if order < 0 or len(weights) != order + 1:
        raise ValueError(f"{len(weights)} weights for the orders 0 to {order}")
    for kind, values in (("order", weights), ("corpus", [weight for _, weight in blend])):
        if not all(math.isfinite(value) and value >= 0 for value in values) or not sum(values) > 0:
            raise ValueError(f"the weights by {kind} are negative or all 0")
        if max(values) > WIDEST * min(value for value in values if value):
            raise ValueError(f"a weight by {kind} is over {WIDEST:g} times as large as another")
    events = {event for corpus, weight in blend if weight > 0 for piece in corpus.pieces for event in piece}
    if not events:
        raise ValueError("the corpus has no events")
    for event in events:
        if not (isinstance(event[-1], int) and event[-1] > 0):
            raise ValueError(f"the duration of the event {event} is no whole number of ticks above 0")


class _Table:
    """Counts of what follows each context. A context of j items is a pair of a context of j - 1 items and the item
    before them, numbered in the order of these pairs; `bases`: the node of the first context of each length."""

    def __init__(self, blend: Sequence[tuple[Corpus, float]], order: int) -> None:
        pieces = [(source, piece) for source, (corpus, _) in enumerate(blend) for piece in corpus.pieces if piece]
        self.numbers: dict[Event, int] = {}
        for _, piece in pieces:
            for event in piece:
                self.numbers.setdefault(event, len(self.numbers))
        self.events = tuple(self.numbers)
        self._order = order
        self._blend = np.array([weight for _, weight in blend])
        lengths = np.array([len(piece) for _, piece in pieces])
        beginning = [len(self.events)] * order
        stream = np.array(
            list(chain.from_iterable(chain(beginning, map(self.numbers.__getitem__, piece)) for _, piece in pieces)),
            np.int64,
        )
        # The places between events: before each event, and after the last.
        piece_of_place = np.repeat(np.arange(len(pieces)), lengths + 1)
        places = np.arange(len(piece_of_place)) + piece_of_place * (order - 1) + order
        self._source = np.array([source for source, _ in pieces])[piece_of_place]
        self._last = np.append(piece_of_place[1:] != piece_of_place[:-1], True)
        self._next = np.append(stream, 0)[places]  # the event after each place that is not the last of a piece
        self._number_contexts(stream, places)

    def _number_contexts(self, stream: Ints, places: Ints) -> None:
        self.keys: list[Ints] = [np.zeros(1, np.int64)]
        self.bases = [0]
        self._nodes = [np.zeros(len(places), np.int64)]  # by length: the context of each place
        self._shorter = [np.zeros(1, np.int64)]  # by length: the node of each context without its oldest item
        for length in range(1, self._order + 1):
            base = self.bases[-1] + len(self.keys[-1])
            symbols = len(self.events) + 1
            pairs = (self._nodes[-1] - self.bases[-1]) * symbols + stream[places - length]
            keys, numbers = np.unique(pairs, return_inverse=True)
            self._shorter.append(self.bases[-1] + keys // symbols)
            self.keys.append(keys)
            self.bases.append(base)
            self._nodes.append(base + numbers)

    @property
    def _size(self) -> int:
        return self.bases[-1] + len(self.keys[-1])

    def graph(self, weights: Sequence[float]) -> Graph:
        rows, events, targets, probabilities = (
            np.concatenate(parts) for parts in zip(*map(self._edges, range(self._order + 1)), strict=True)
        )
        counts = np.bincount(rows, minlength=self._size)
        arcs = [self._arcs(length, weights, counts > 0) for length in range(self._order + 1)]
        arc_counts, arc_rows, arc_probabilities = (np.concatenate(parts) for parts in zip(*arcs, strict=True))
        return Graph(
            events=self.events,
            durations=np.array([event[-1] for event in self.events], np.int32),
            arc_first=offsets(arc_counts),
            arc_row=arc_rows.astype(np.int32),
            arc_probability=arc_probabilities,
            first=offsets(counts),
            event=events.astype(np.int32),
            target=targets.astype(np.int32),
            probability=probabilities,
            final=np.ones(self._size),
            start=int(self._nodes[-1][0]),
        )

    def _edges(self, length: int) -> tuple[Ints, Ints, Ints, Floats]:
        """Rows, events, targets and probabilities of what follows the contexts of one length, in this order."""
        sources = len(self._blend)
        going = np.flatnonzero(~self._last)
        nodes, source = self._nodes[length][going], self._source[going]
        shares = self._shares(nodes, source)
        keys = (nodes * len(self.events) + self._next[going]) * sources + source
        keys, first, counts = np.unique(keys, return_index=True, return_counts=True)
        totals = np.bincount(nodes * sources + source, minlength=self._size * sources)
        parts = shares[keys // (len(self.events) * sources), keys % sources] * counts
        parts /= totals[keys // (len(self.events) * sources) * sources + keys % sources]
        pairs, begin = np.unique(keys // sources, return_index=True)
        rows, events = np.divmod(pairs, len(self.events))
        targets = self._nodes[min(length + 1, self._order)][going[first[begin]] + 1]
        return rows, events, targets, np.add.reduceat(parts, begin)

    def _shares(self, nodes: Ints, source: Ints) -> Floats:
        """The blend's weights by node, normalised over the corpora of `source` that have the node in `nodes`."""
        known = np.zeros((self._size, len(self._blend)), bool)
        known[nodes, source] = True
        shares = known * self._blend
        total = shares.sum(axis=1, keepdims=True)
        return np.asarray(np.divide(shares, total, out=np.zeros_like(shares), where=total > 0))

    def _suffixes(self, length: int) -> list[Ints]:
        """The nodes of the latest 0, 1, … `length` items of each context of that length."""
        nodes = [self.bases[length] + np.arange(len(self.keys[length]))]
        for shorter in range(length, 0, -1):
            nodes.append(self._shorter[shorter][nodes[-1] - self.bases[shorter]])
        return nodes[::-1]

    def _arcs(self, length: int, weights: Sequence[float], followed: Ints) -> tuple[Ints, Ints, Floats]:
        """How many arcs each context of one length has, their rows and probabilities."""
        suffixes = np.stack(self._suffixes(length), axis=1)
        shares = np.array([*weights[:length], sum(weights[length:])]) * followed[suffixes]
        total = shares.sum(axis=1, keepdims=True)
        shares = np.divide(shares, total, out=np.zeros_like(shares), where=total > 0)
        used = shares > 0
        return used.sum(axis=1), suffixes[used], shares[used]

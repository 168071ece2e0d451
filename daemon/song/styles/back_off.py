"""The weights with which a style's model backs off, chosen on music that its counts leave out.

The model is that of daemon.markov.model: it remembers some of the latest events, chooses by the weights how many of
them count, forgets the others, and draws what followed these in the corpus. The number that counted is not known: the
weights are fitted by expectation and maximisation over the number of remembered events.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Events = Sequence[Hashable]
Counts = Counter[tuple[Hashable, ...]]
STEPS, ENOUGH = 40, 2e-4  # of the fit; nats per event that a step must gain
LONGER, LONGEST_STRIDE, SMALLEST = 1.5, 10.0, 1e-9  # growth and length of the steps; weight
LONGEST = 256  # events: memory and time are for the longest passage
_START, _CONTEXT = ("start",), ("context",)  # before the first event; before a run that is counted as a context


@dataclass(frozen=True, slots=True, eq=False)
class HeldOut:
    """[passage, event, order]: the probability of each event after its latest 0, 1, 2 … events in a corpus without the
    group of its piece; NaN where that lacks the context, and after the end. Pieces are cut into passages of at most
    LONGEST events, `lengths` of them."""

    probabilities: Array
    lengths: NDArray[np.int64]

    @property
    def events(self) -> int:
        return int(self.lengths.sum())

    def up_to(self, order: int) -> HeldOut:
        return HeldOut(self.probabilities[:, :, : order + 1], self.lengths)

    def only(self, events: NDArray[np.bool_], lowest: int) -> HeldOut:
        """Of these events, the orders from `lowest` on; the others count as impossible."""
        kept = np.where(events[:, :, None], self.probabilities, np.nan)
        kept[:, :, :lowest] = np.nan
        return HeldOut(kept, self.lengths)


@dataclass(frozen=True, slots=True)
class Fit:
    """`impossible`: the number of events that the corpus lacks; `nats`: −ln p per event of the others."""

    weights: Array
    nats: float
    impossible: int


def held_out(
    pieces: Sequence[Events], groups: Sequence[str], corpus: Sequence[Events], corpus_groups: Sequence[str], most: int
) -> HeldOut:
    """`most`: the highest order."""
    total = _counts(corpus, most)
    members: dict[str, list[Events]] = defaultdict(list)
    for piece, group in zip(corpus, corpus_groups, strict=True):
        members[group].append(piece)
    left_out: dict[str, Counts] = {group: _counts(members[group], most) for group in set(groups) & members.keys()}
    passages: list[Array] = []
    for piece, group in zip(pieces, groups, strict=True):
        less, rows = left_out.get(group, Counter()), np.full((len(piece), most + 1), np.nan)
        for at, runs in enumerate(_runs(piece, most)):
            for order, run in enumerate(runs):
                context = (_CONTEXT, *run[:-1])
                if seen := total[context] - less[context]:
                    rows[at, order] = (total[run] - less[run]) / seen
        passages += [rows[at : at + LONGEST] for at in range(0, len(rows), LONGEST)]
    lengths = np.array([len(rows) for rows in passages], np.int64)
    table = np.full((len(passages), int(lengths.max(initial=0)), most + 1), np.nan)
    for number, rows in enumerate(passages):
        table[number, : len(rows)] = rows
    return HeldOut(table, lengths)


def blended(own: HeldOut, background: HeldOut, share: float) -> HeldOut:
    """In a blend of two corpora; where only one of them has the context, that one counts alone."""
    shares = (
        np.where(np.isnan(own.probabilities), 0.0, 1 - share),
        np.where(np.isnan(background.probabilities), 0.0, share),
    )
    total = shares[0] + shares[1]
    mixed = shares[0] * np.nan_to_num(own.probabilities) + shares[1] * np.nan_to_num(background.probabilities)
    return HeldOut(np.divide(mixed, total, out=np.full_like(total, np.nan), where=total > 0), own.lengths)


def fitted(music: HeldOut) -> Fit:
    """The weights of the orders that make the music most probable.

    Expectation and maximisation takes small steps: they are lengthened as long as that helps.
    """
    orders = music.probabilities.shape[2]
    better, best = _step(music, np.full(orders, 1 / orders))
    stride = 1.0
    for _ in range(STEPS):
        before, after = np.log(np.maximum(best.weights, SMALLEST)), np.log(np.maximum(better, SMALLEST))
        longer = np.exp(before + stride * (after - before))
        following, tried = _step(music, longer / longer.sum())
        gain = best.nats - tried.nats
        if gain > 0:
            better, best, stride = following, tried, min(stride * LONGER, LONGEST_STRIDE)
        elif stride == 1:
            return best
        else:
            stride = 1.0
        if 0 < gain < ENOUGH:
            return best
    return best


def measured(music: HeldOut, weights: Array) -> Fit:
    return _step(music, weights.astype(float))[1]


def _step(music: HeldOut, weights: Array) -> tuple[Array, Fit]:
    """Better weights, and what the given ones achieve.

    `alphas`: the probability of each number of remembered events, given the events so far; `beta`: of the events to
    come, given that number, up to a factor. After an impossible event all is remembered again.
    """
    known, there = np.nan_to_num(music.probabilities), ~np.isnan(music.probabilities)
    pieces, length, orders = known.shape
    remembered = np.minimum(np.arange(orders) + 1, orders - 1)  # events, after one that was drawn by each order
    moved = np.eye(orders)[remembered]
    choices = np.tril(np.broadcast_to(weights, (orders, orders)))  # [remembered events, order]
    np.fill_diagonal(choices, np.cumsum(weights[::-1])[::-1])
    alphas, masses = np.zeros((length + 1, pieces, orders)), np.zeros((length, pieces))
    alphas[0, :, -1] = 1
    moves = []
    for at in range(length):
        among = choices * there[:, at, None, :]
        total = among.sum(axis=2, keepdims=True)
        move = np.divide(among, total, out=np.zeros_like(among), where=total > 0) * known[:, at, None, :]
        moves.append(move)
        by_order = np.einsum("pn,pnj->pj", alphas[at], move)
        masses[at] = by_order.sum(axis=1)
        possible = masses[at] > 0
        alphas[at + 1] = (by_order / np.where(possible, masses[at], 1)[:, None]) @ moved
        alphas[at + 1, ~possible, -1] = 1
    gains, uses = np.zeros(orders), np.zeros(orders)
    beta = np.ones((pieces, orders))
    for at in range(length)[::-1]:
        within = (at < music.lengths) & (masses[at] > 0)
        ahead = moves[at] * beta[:, None, remembered] / np.where(within, masses[at], 1)[:, None, None]
        posterior = alphas[at][:, :, None] * ahead * within[:, None, None]  # [piece, remembered, order]
        _collect(posterior, there[:, at], choices, weights, gains, uses)
        beta = np.where(within[:, None], ahead.sum(axis=2), 1.0)
    inside = np.arange(length)[:, None] < music.lengths
    impossible = int((inside & (masses == 0)).sum())
    nats = -np.log(masses[inside & (masses > 0)])
    better = gains / np.maximum(uses, 1e-300)
    fit = Fit(weights, float(nats.mean()) if len(nats) else np.inf, impossible)
    return (better / better.sum() if better.sum() > 0 else weights), fit


def _collect(
    posterior: Array, there: NDArray[np.bool_], choices: Array, weights: Array, gains: Array, uses: Array
) -> None:
    """Add to `gains` how often each order was chosen, and to `uses` how often it could have been (the MM algorithm of a
    choice among those that are there). The order of all that is remembered has the weights of the higher ones too."""
    orders = len(weights)
    total = (choices * there[:, None, :]).sum(axis=2)
    visits = np.divide(posterior.sum(axis=2), total, out=np.zeros_like(total), where=total > 0)
    for remembered in range(orders):
        chosen = posterior[:, remembered].sum(axis=0)
        possible = (visits[:, remembered, None] * there).sum(axis=0)
        gains[:remembered] += chosen[:remembered]
        uses[:remembered] += possible[:remembered]
        higher = weights[remembered:]
        gains[remembered:] += chosen[remembered] * higher / max(float(higher.sum()), 1e-300)
        uses[remembered:] += possible[remembered]


def _counts(pieces: Sequence[Events], most: int) -> Counts:
    """How often each run of up to `most` events and one more occurs, and each run as a context."""
    counts: Counts = Counter()
    for piece in pieces:
        for runs in _runs(piece, most):
            counts.update(runs)
            counts.update((_CONTEXT, *run[:-1]) for run in runs)
    return counts


def _runs(piece: Events, most: int) -> Iterator[list[tuple[Hashable, ...]]]:
    """For each event, the runs of 1 … most + 1 events that end with it."""
    padded = [*[_START] * most, *piece]
    for at in range(most, len(padded)):
        yield [tuple(padded[at - order : at + 1]) for order in range(most + 1)]

"""Messages on the pairs of tick and state of a context graph (Roy and Pachet, 2013).

beta(t, s) is the total weight of all ways to fill the ticks from t to the end, when the state at t is s:

    beta(length, s) = final(s)
    beta(t, s) = sum over arcs a of s, edges e of the row of a:  p(a) * p(e) * weight(t, e) * beta(t + duration(e), s')

where s' is the state after e. Only pairs that can be reached from the start are computed. Messages are logarithms.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from daemon.markov.constraints import TickWeights
from daemon.markov.graph import Floats
from daemon.markov.lattice import Lattice, Plan, Reached

NOTHING = np.empty(0)
EXACT = 600.0  # sums are linear down to exp(-EXACT) of the largest term: smaller terms are lost, and count for nothing


def messages(lattice: Lattice, weights: TickWeights, reached: Reached) -> Iterator[Floats]:
    """By tick, from the end to 0: the logarithms of beta of the states reached; -inf: a dead end."""
    height, length = lattice.height, len(reached.keys)
    window = np.full((height, lattice.graph.states), -np.inf)
    flat = window.reshape(-1)
    bound = EXACT + np.log(lattice.least)
    with np.errstate(divide="ignore", over="ignore"):
        logs = np.log(lattice.graph.final[reached.states[-1]])
    window[length % height, reached.states[-1]] = logs
    yield logs
    for tick in range(length - 1, -1, -1):
        row = window[tick % height]
        row.fill(-np.inf)  # so that states that are not reached set no scale
        if not len(reached.states[tick]):
            yield NOTHING
            continue
        step = lattice.step(reached.keys[tick])
        plan = step.plan
        later = flat.take(lattice.begins(tick).take(plan.duration) + plan.target)
        later += weights.at(tick).take(plan.event)
        with np.errstate(divide="ignore", over="ignore"):
            logs = _sums(plan, later, bound).take(step.place())
        row[step.states] = logs
        yield logs


def _sums(plan: Plan, later: Floats, bound: float) -> Floats:
    """Messages from those of later pairs: first with the largest term as 1. Sums that are too small for this have only
    terms that are smaller by `bound` or more: they are computed again from these alone, and so on."""
    logs, exact = np.full(plan.sums, -np.inf), np.inf
    while (highest := later.max(initial=-np.inf)) > -np.inf:
        values = np.exp(later - highest).take(plan.pair)
        values *= plan.probability
        sums = plan.edges.sums(values)
        if plan.arcs is not None:
            sums = plan.arcs.sums(sums.take(plan.row) * plan.arc_probability)
        logs = np.where(logs > exact, logs, np.log(sums) + highest)
        small = later < highest - bound
        if not small.any():
            break
        exact = highest - EXACT
        later = np.where(small, later, -np.inf)
    return logs

"""Messages on the pairs of tick and state of a context graph (Roy and Pachet, 2013).

beta(t, s) is the total weight of all ways to fill the ticks from t to the end, when the state at t is s:

    beta(length, s) = final(s)
    beta(t, s) = sum over arcs a of s, edges e of the row of a:  p(a) * p(e) * weight(t, e) * beta(t + duration(e), s')

where s' is the state after e. Only pairs that can be reached from the start are computed. Messages are logarithms.
"""

from __future__ import annotations

import numpy as np

from daemon.markov.constraints import TickWeights
from daemon.markov.graph import Floats
from daemon.markov.lattice import Groups, Lattice, Plan, Reached

# Logarithms, for linear sums: what a factor and a sum of factors may be, so that what is lost is too small to count.
FACTOR = 115.0  # of the smallest probability times weight; the largest is the inverse
EXACT = 300.0  # of the smallest sum, if the largest term is 1


def messages(lattice: Lattice, weights: TickWeights, reached: Reached, latest: list[Floats]) -> list[Floats]:
    """By tick: the logarithms of beta of the states reached; -inf: a dead end. `latest`: those of the latest ticks, at
    least of the end, which are known."""
    least = np.log(lattice.graph.probability).min() + np.log(lattice.graph.arc_probability).min()
    finite = np.where(np.isfinite(weights.rows), weights.rows, 0.0)
    narrow = [least + row.min() > -FACTOR and row.max() < FACTOR for row in finite]
    soft = [bool(row.any()) for row in finite]
    height = lattice.height
    window = np.full((height, lattice.graph.states), -np.inf)
    flat = window.reshape(-1)
    since = len(reached.states) - len(latest)
    for tick, logs in enumerate(latest[:height], since):
        window[tick % height, reached.states[tick]] = logs
    result = latest[::-1]
    with np.errstate(divide="ignore", over="ignore"):
        for tick in range(since - 1, -1, -1):
            row = window[tick % height]
            row.fill(-np.inf)
            step, number = lattice.step(reached.keys[tick]), weights.row_of_tick[tick]
            plan = step.plan
            later = flat.take(lattice.begins(tick).take(plan.duration) + plan.target)
            if narrow[number]:
                logs = _by_linear_sums(plan, later, np.exp(weights.rows[number]) if soft[number] else None)
            else:
                logs = _by_logarithms(plan, later, weights.rows[number])
            result.append(logs.take(step.place()))
            row[step.states] = result[-1]
    return result[::-1]


def _by_linear_sums(plan: Plan, later: Floats, factors: Floats | None) -> Floats:
    """Messages from those of later pairs: first with the largest term as 1. Sums that are too small for this have only
    terms of pairs below `bound`: they are computed again from these alone, and so on."""
    logs, exact = np.full(plan.sums, -np.inf), np.inf
    while (highest := later.max(initial=-np.inf)) > -np.inf:
        values = np.exp(later - highest).take(plan.pair)
        values *= plan.probability
        if factors is not None:
            values *= factors.take(plan.event)
        sums = plan.edges.folded(values, np.add, 0.0)
        if plan.arcs is not None:
            sums = plan.arcs.folded(sums.take(plan.row) * plan.arc_probability, np.add, 0.0)
        logs = np.where(logs > exact, logs, np.log(sums) + highest)
        exact, bound = highest - EXACT, highest - EXACT + FACTOR
        if later.min() >= bound:
            break
        later = np.where(later < bound, later, -np.inf)
    return logs


def _by_logarithms(plan: Plan, later: Floats, weights: Floats) -> Floats:
    sums = _log_sums(plan.edges, later.take(plan.pair) + np.log(plan.probability) + weights.take(plan.event))
    if plan.arcs is not None:
        sums = _log_sums(plan.arcs, sums.take(plan.row) + np.log(plan.arc_probability))
    return sums


def _log_sums(groups: Groups, values: Floats) -> Floats:
    most = groups.folded(values, np.maximum, -np.inf)
    most[most == -np.inf] = 0.0
    sums: Floats = most + np.log(groups.folded(np.exp(values - groups.spread(most)), np.add, 0.0))
    return sums

"""Messages on the pairs of tick and state of a context graph (Roy and Pachet, 2013).

beta(t, s) is the total weight of all ways to fill the ticks from t to the end, when the state at t is s:

    beta(length, s) = final(s)
    beta(t, s) = sum over arcs a of s, edges e of the row of a:  p(a) * p(e) * weight(t, e) * beta(t + duration(e), s')

where s' is the state after e. Only pairs that can be reached from the start are computed. Sums are linear, on a common
scale that follows them; if they spread too far for that, they are computed as logarithms.
"""

from __future__ import annotations

import numpy as np

from daemon.markov.constraints import TickWeights
from daemon.markov.graph import Floats
from daemon.markov.lattice import Groups, Lattice, Reached

# Logarithms: a sum times a factor is a normal number, so that no linear sum loses a term.
SMALLEST_FACTOR = -115.0  # a probability times a weight; the largest is the inverse
LARGEST_SUM = 575.0  # the smallest is the inverse
RESCALED = 230.0  # beyond this, or its inverse, the largest sum of a tick becomes 1


def messages(lattice: Lattice, weights: TickWeights, reached: Reached, latest: list[Floats]) -> list[Floats]:
    """By tick: the logarithms of beta of the states reached; -inf: a dead end. `latest`: those of the latest ticks, at
    least of the end, which are known."""
    graph = lattice.graph
    finite = weights.rows[np.isfinite(weights.rows)]
    least = np.log(graph.probability).min() + np.log(graph.arc_probability).min()
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        logs = None
        if finite.min() + least > SMALLEST_FACTOR and finite.max() < -SMALLEST_FACTOR:
            logs = _linear(lattice, weights, reached, latest)
        return logs or _logarithmic(lattice, weights, reached, latest)


def _linear(lattice: Lattice, weights: TickWeights, reached: Reached, latest: list[Floats]) -> list[Floats] | None:
    """None if the sums spread too far."""
    height = lattice.height
    factors = np.exp(weights.rows)
    soft = (np.isfinite(weights.rows) & (weights.rows != 0)).any(axis=1)
    window = np.zeros((height, lattice.graph.states))
    flat = window.reshape(-1)
    since = len(reached.states) - len(latest)
    scale = max(logs.max(initial=-np.inf) for logs in latest[:height])
    for tick, logs in enumerate(latest[:height], since):
        window[tick % height, reached.states[tick]] = np.exp(logs - scale)
        if _spread(logs - scale):
            return None
    result = latest[::-1]
    for tick in range(since - 1, -1, -1):
        row = window[tick % height]
        row.fill(0.0)
        if not len(reached.states[tick]):
            result.append(np.empty(0))
            continue
        step = lattice.step(reached.keys[tick])
        plan, number = step.plan, weights.row_of_tick[tick]
        values = flat.take(lattice.begins(tick).take(plan.duration) + plan.target).take(plan.pair)
        values *= plan.probability
        if soft[number]:
            values *= factors[number].take(plan.event)
        sums = plan.edges.folded(values, np.add, 0.0)
        if plan.arcs is not None:
            sums = plan.arcs.folded(sums.take(plan.row) * plan.arc_probability, np.add, 0.0)
        sums = sums.take(step.place())
        row[step.states] = sums
        logs = np.log(sums)
        if _spread(logs):
            return None
        result.append(logs + scale)
        highest = logs.max(initial=-np.inf)
        if RESCALED < abs(highest) < np.inf:
            scale += highest
            window *= np.exp(-highest)
            if _spread(np.log(window)):
                return None
    return result[::-1]


def _spread(logs: Floats) -> bool:
    """Whether sums with these logarithms are too large or too small for linear sums; -inf is an exact 0."""
    least = logs.min(initial=0.0)
    if least == -np.inf:
        least = logs[logs > -np.inf].min(initial=0.0)
    return not (least > -LARGEST_SUM and logs.max(initial=0.0) < LARGEST_SUM)


def _logarithmic(lattice: Lattice, weights: TickWeights, reached: Reached, latest: list[Floats]) -> list[Floats]:
    window = np.full((lattice.height, lattice.graph.states), -np.inf)
    flat = window.reshape(-1)
    since = len(reached.states) - len(latest)
    for tick, logs in enumerate(latest[: lattice.height], since):
        window[tick % lattice.height, reached.states[tick]] = logs
    result = latest[::-1]
    for tick in range(since - 1, -1, -1):
        step = lattice.step(reached.keys[tick])
        plan = step.plan
        values = flat.take(lattice.begins(tick).take(plan.duration) + plan.target).take(plan.pair)
        values += np.log(plan.probability) + weights.rows[weights.row_of_tick[tick]].take(plan.event)
        sums = _log_sums(plan.edges, values)
        if plan.arcs is not None:
            sums = _log_sums(plan.arcs, sums.take(plan.row) + np.log(plan.arc_probability))
        sums = sums.take(step.place())
        row = window[tick % lattice.height]
        row.fill(-np.inf)
        row[step.states] = sums
        result.append(sums)
    return result[::-1]


def _log_sums(groups: Groups, values: Floats) -> Floats:
    most = groups.folded(values, np.maximum, -np.inf)
    most[most == -np.inf] = 0.0
    sums: Floats = most + np.log(groups.folded(np.exp(values - groups.spread(most)), np.add, 0.0))
    return sums

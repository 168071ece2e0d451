"""Exactness: masses and frequencies against the enumeration of all sequences, for each kind of constraint."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from daemon.markov.conflicts import ImpossibleError
from daemon.markov.constraints import Begins, Boundary, Sounds
from daemon.markov.sampler import Sampler, compile_sampler
from tests.markov.enumeration import Reference, chi_squared_p, spans
from tests.markov.probability import log_probability
from tests.markov.problems import PROBLEMS, Problem

SEEDS = range(3)
SAMPLES = 1500
# Bonferroni: one false alarm in a thousand runs of the whole file; the generator is fixed, so none at all.
LEVEL = 1e-3 / (len(PROBLEMS) * len(SEEDS))
expected_of = cache(Problem.expected)
each_problem = pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: problem.name)


def compiled(problem: Problem) -> Sampler:
    return compile_sampler(problem.model(), problem.length, 4, problem.constraints)


@each_problem
def test_the_mass_is_that_of_the_enumeration(problem: Problem) -> None:
    expected = expected_of(problem)
    assert len(expected) > 2
    assert math.exp(compiled(problem).log_mass) == pytest.approx(math.fsum(expected.values()), rel=1e-10)


@each_problem
def test_the_frequencies_are_those_of_the_enumeration(problem: Problem) -> None:
    expected = expected_of(problem)
    sampler = compiled(problem)
    for seed in SEEDS:
        random = np.random.default_rng(seed)
        counts = Counter(sampler.sample(random) for _ in range(SAMPLES))
        assert chi_squared_p(counts, expected) > LEVEL


@each_problem
def test_a_sample_that_is_begun_is_drawn_given_its_beginning(problem: Problem) -> None:
    """Of which the last event may lead to several states, as the model may have forgotten what came before."""
    expected = expected_of(problem)
    ((begun, _),) = Counter(events[:2] for events in expected).most_common(1)
    given = {events: weight for events, weight in expected.items() if events[:2] == begun}
    random, sampler = np.random.default_rng(1), compiled(problem)
    counts = Counter(sampler.sample(random, begun=begun) for _ in range(SAMPLES))
    assert chi_squared_p(counts, given) > LEVEL


def greedily(problem: Problem) -> Callable[[np.random.Generator], tuple[tuple, ...]]:
    """A wrong sampler: the model's next event among those that leave a way on. Not exact."""
    reference = Reference(problem.blend, problem.order, problem.weights)
    open_ones = {events[:size] for events in expected_of(problem) for size in range(len(events) + 1)}
    after_start = {(): {reference.start: 1.0}}

    @cache
    def choices(events: tuple) -> tuple[list[tuple], np.ndarray]:
        after = reference.after(after_start[events])
        found = [event for event in after if (*events, event) in open_ones]
        after_start.update(((*events, event), after[event]) for event in found)
        shares = np.array([sum(after[event].values()) for event in found])
        return found, np.cumsum(shares / shares.sum())

    def sample(random: np.random.Generator) -> tuple[tuple, ...]:
        events: tuple[tuple, ...] = ()
        while events not in expected_of(problem):
            found, cumulative = choices(events)
            events = (*events, found[min(int(np.searchsorted(cumulative, random.random())), len(found) - 1)])
        return events

    return sample


@pytest.mark.parametrize("name", ["sounds, hard", "cadence", "everything, back-off"])
def test_a_sampler_that_only_avoids_dead_ends_is_rejected(name: str) -> None:
    problem = next(problem for problem in PROBLEMS if problem.name == name)
    sample, random = greedily(problem), np.random.default_rng(0)
    counts = Counter(sample(random) for _ in range(SAMPLES))
    assert chi_squared_p(counts, expected_of(problem)) < LEVEL


@pytest.mark.parametrize("problem", [p for p in PROBLEMS if not p.constraints], ids=lambda p: p.name)
def test_the_probability_of_each_sequence(problem: Problem) -> None:
    model = problem.model()
    for events, weight in list(expected_of(problem).items())[:50]:
        assert math.exp(log_probability(model, events)) == pytest.approx(weight, rel=1e-10)
    assert log_probability(model, (("unknown", 3),)) == -math.inf


CONSTRAINTS = (
    (
        lambda events, ticks, by_name: math.prod(by_name[e[0]] for begin, _, e in spans(events) if begin in ticks),
        lambda ticks, weight: Begins(ticks, weight, "begins"),
    ),
    (
        lambda events, ticks, by_name: math.prod(
            by_name[e[0]] for begin, end, e in spans(events) for tick in ticks if begin <= tick < end
        ),
        lambda ticks, weight: Sounds(ticks, weight, "sounds"),
    ),
    (
        lambda events, ticks, by_name: math.prod(
            0.5 for begin, end, e in spans(events) for tick in ticks if begin < tick < end
        ),
        lambda ticks, weight: Boundary(ticks, "boundaries", crossing=0.5),
    ),
)
pieces = st.lists(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 3)), min_size=1, max_size=6).map(tuple),
    min_size=1,
    max_size=3,
)
weight_values = st.sampled_from([0.0, 1e-9, 0.5, 1.0, 3.0])


@settings(max_examples=60, deadline=None)
@given(pieces, pieces, st.lists(st.sampled_from([0.0, 0.2, 1.0]), min_size=1, max_size=4), st.data())
def test_any_small_problem(one: list, other: list, weights: list[float], data: st.DataObject) -> None:
    assume(any(weights))
    by_name = data.draw(st.fixed_dictionaries(dict.fromkeys("abc", weight_values)))
    length = data.draw(st.integers(1, 5))
    first, step = data.draw(st.integers(0, length)), data.draw(st.integers(1, 3))
    ticks = range(first, data.draw(st.integers(first + 1, 8)), step)
    rule, constraint = data.draw(st.sampled_from(CONSTRAINTS))
    problem = Problem(
        "any",
        length,
        (constraint(ticks, lambda event: by_name[event[0]]),),
        lambda events: rule(events, ticks, by_name),
        len(weights) - 1,
        tuple(weights),
        ((one, 0.25), (other, 0.75)),
    )
    expected = problem.expected()
    if not expected:
        with pytest.raises(ImpossibleError):
            compiled(problem)
    else:
        assert math.exp(compiled(problem).log_mass) == pytest.approx(math.fsum(expected.values()), rel=1e-10)

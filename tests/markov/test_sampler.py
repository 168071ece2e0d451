"""Exactness: masses and frequencies against the enumeration of all sequences, for each kind of constraint."""

from __future__ import annotations

import math
from collections import Counter
from functools import cache

import numpy as np
import pytest

from daemon.markov.sampler import Sampler, compile_sampler
from tests.markov.enumeration import chi_squared_p
from tests.markov.problems import PROBLEMS, Problem

SEEDS = range(3)
SAMPLES = 1500
# Bonferroni: one false alarm in a thousand runs of the whole file; the generator is fixed, so none at all.
LEVEL = 1e-3 / (len(PROBLEMS) * len(SEEDS))
expected_of = cache(Problem.expected)
each_problem = pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: problem.name)


def compiled(problem: Problem) -> Sampler:
    return compile_sampler(problem.model(), problem.length, 4, problem.constraints, problem.context, problem.end)


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

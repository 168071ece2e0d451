"""A sampler with other constraints is the one that is compiled from the start."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.markov import messages
from daemon.markov.conflicts import ImpossibleError
from daemon.markov.constraints import Begins, Boundary, Constraint, Fixed, Regular, Sounds
from daemon.markov.sampler import Sampler, compile_sampler
from tests.markov.problems import AT_MOST_TWO_A, EVEN_NUMBER, PROBLEMS, likes_a, no_c, only_b, only_long

MODEL = next(problem for problem in PROBLEMS if problem.name == "back-off").model()
CONSTRAINTS: tuple[Constraint, ...] = (
    Boundary(range(0, 24, 4), "bars"),
    Begins(range(1, 24, 3), likes_a, "rather a"),
    Begins(range(23, 24), likes_a, "rather a at the end"),
    Fixed(8, only_b, "b"),
    Fixed(20, only_b, "b", before=no_c),
    Sounds(range(23, 24), only_long, "long"),
    Sounds(range(12), no_c, "no c"),
    Regular(EVEN_NUMBER, "even"),
    Regular(AT_MOST_TWO_A, "at most two a"),
)
subsets = st.lists(st.sampled_from(CONSTRAINTS), unique=True)


def outcome(make: Callable[[Sequence[Constraint]], Sampler], chosen: Sequence[Constraint]) -> tuple[object, ...]:
    try:
        sampler = make(chosen)
    except ImpossibleError as error:
        return error.tick, error.conflict
    return round(sampler.log_mass, 8), [sampler.sample(np.random.default_rng(seed)) for seed in range(3)]


@pytest.mark.parametrize("constraint", CONSTRAINTS, ids=lambda constraint: constraint.name)
def test_one_constraint_more_and_less(constraint: Constraint) -> None:
    free = compile_sampler(MODEL, 24, 4)
    bound = free.revised([constraint])
    assert bound.log_mass == pytest.approx(compile_sampler(MODEL, 24, 4, [constraint]).log_mass, rel=1e-12)
    assert bound.revised([]).log_mass == pytest.approx(free.log_mass, rel=1e-12)
    assert bound.log_mass != free.log_mass


@settings(max_examples=25, deadline=None)
@given(st.lists(subsets, min_size=1, max_size=4))
def test_revisions_give_what_compiling_gives(revisions: list[list[Constraint]]) -> None:
    sampler = compile_sampler(MODEL, 24, 4)
    for chosen in revisions:
        assert outcome(sampler.revised, chosen) == outcome(lambda chosen: compile_sampler(MODEL, 24, 4, chosen), chosen)
        try:
            sampler = sampler.revised(chosen)
        except ImpossibleError:
            continue


def test_later_ticks_are_not_computed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    sampler = compile_sampler(MODEL, 400, 4, CONSTRAINTS[:1])
    computed = []
    sums = messages._sums
    monkeypatch.setattr(messages, "_sums", lambda *args: computed.append(1) or sums(*args))
    sampler.revised((*CONSTRAINTS[:1], Fixed(100, only_b, "b")))
    assert 100 <= len(computed) < 130

"""Impossible constraints: which set of them, and where."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.markov import conflicts
from daemon.markov.automaton import Automaton
from daemon.markov.conflicts import ImpossibleError, bar_beat, smallest_conflict
from daemon.markov.constraints import Begins, Boundary, Constraint, Fixed, Regular, Sounds
from daemon.markov.model import Corpus, MarkovModel
from daemon.markov.sampler import compile_sampler
from tests.markov.problems import AT_MOST_TWO_A, PROBLEMS, no_c

MODEL = PROBLEMS[0].model()


def only_c(event: tuple) -> float:
    return float(event[0] == "c")


C = Fixed(3, only_c, "c")
NO_C = Begins(range(3, 4), no_c, "no c here")
FEW_A = Regular(AT_MOST_TWO_A, "at most two a")
OTHERS: tuple[Constraint, ...] = (Boundary(range(4, 5), "bar"), Sounds(range(6, 8), no_c, "no c at the end"))


FEW_B = Regular(
    Automaton(0, lambda state, event: state + (event[0] == "b") if state + (event[0] == "b") <= 2 else None),
    "at most two b",
)


def error_of(*constraints: Constraint, length: int = 8) -> ImpossibleError:
    with pytest.raises(ImpossibleError) as caught:
        compile_sampler(MODEL, length, 48, constraints)
    return caught.value


def test_two_constraints_that_contradict_each_other_are_found_among_others() -> None:
    error = error_of(OTHERS[0], NO_C, OTHERS[1], C)
    assert set(error.conflict) == {C, NO_C}
    assert error.tick == 3
    assert str(error) == "1.1+1/4: the style cannot meet these together: c (1.1+1/4) and no c here (1.1+1/4)"


def test_one_constraint_that_the_style_cannot_meet() -> None:
    nothing = Fixed(5, lambda event: 0.0, "nothing")
    error = error_of(*OTHERS, nothing)
    assert (error.conflict, error.tick) == ((nothing,), 5)


def test_three_constraints_of_which_any_two_can_be_met() -> None:
    no_c_later = Sounds(range(4, 8), no_c, "no c from the second bar on")
    conflict = {FEW_A, FEW_B, no_c_later}
    for constraint in conflict:
        compile_sampler(MODEL, 8, 48, (OTHERS[0], *(conflict - {constraint})))
    assert set(error_of(OTHERS[0], *conflict).conflict) == conflict


def test_a_length_that_the_style_does_not_have() -> None:
    model = MarkovModel([(Corpus(((("a", 2), ("b", 4), ("a", 2), ("a", 2)),)), 1.0)], 1)
    with pytest.raises(ImpossibleError, match=r"1\.1\+1/2: the style has no sequence of this length") as caught:
        compile_sampler(model, 7, 48, OTHERS)
    assert caught.value.conflict == ()


def test_places_in_bars() -> None:
    assert [bar_beat(tick, 36) for tick in (0, 12, 36, 39, 44)] == ["1.1", "1.2", "2.1", "2.1+1/4", "2.1+2/3"]


@given(st.lists(st.frozensets(st.integers(0, 7), min_size=1), min_size=1, max_size=4))
def test_the_set_found_is_a_conflict_and_none_of_its_parts_is(conflicts: list[frozenset[int]]) -> None:
    constraints = [Boundary(range(tick, tick + 1), str(tick)) for tick in range(8)]

    def furthest(chosen: Sequence[Constraint]) -> int | None:
        return 0 if any(conflict <= {constraint.where for constraint in chosen} for conflict in conflicts) else None

    found = smallest_conflict(constraints, furthest)
    assert furthest(found) == 0
    assert all(furthest([other for other in found if other != constraint]) is None for constraint in found)


def test_the_smaller_of_two_conflicts_is_found_from_either_side() -> None:
    early = [Boundary(range(tick, tick + 1), f"early {tick}") for tick in range(3)]
    late = [Boundary(range(tick, tick + 1), f"late {tick}") for tick in (8, 9)]

    def furthest(chosen: Sequence[Constraint]) -> int | None:
        return 1 if any(set(conflict) <= set(chosen) for conflict in (early, late)) else None

    assert smallest_conflict([*early, *late], furthest) == tuple(late)


def test_the_set_is_searched_for_when_first_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Songs try other constraints after an error, and a search takes as long as compiling many times."""
    searches: list[int] = []
    search = conflicts.smallest_conflict
    monkeypatch.setattr(conflicts, "smallest_conflict", lambda *args: searches.append(1) or search(*args))
    error = error_of(C, NO_C)
    assert not searches
    assert str(error) and set(error.conflict) == {C, NO_C}
    assert len(searches) == 1

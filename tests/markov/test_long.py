"""Long sequences and tiny masses: no underflow, no recursion, nothing lost at the end."""

from __future__ import annotations

import math

import numpy as np
import pytest

from daemon.markov.automaton import Automaton
from daemon.markov.constraints import Begins, Boundary, Fixed, Regular, Sounds
from daemon.markov.model import Corpus, MarkovModel
from daemon.markov.sampler import compile_sampler
from tests.markov.enumeration import spans

A, B, C, D = ("a", 1), ("b", 1), ("c", 1), ("d", 1)
COIN = MarkovModel([(Corpus(((A, B, A, A),)), 1.0)], 0)  # independent events: 3/4 a, 1/4 b


@pytest.mark.parametrize("of_a, of_b", [(1e-300, 1e-300), (1e-40, 1e-39), (1e300, 1.0), (1.0, 1e-300), (1e-200, 0.0)])
def test_two_thousand_events_with_extreme_weights(of_a: float, of_b: float) -> None:
    weights = Begins(range(2000), lambda event: of_a if event == A else of_b, "extreme")
    sampler = compile_sampler(COIN, 2000, 48, (weights,))
    each = math.log(0.75 * of_a + 0.25 * of_b) if of_a < 1e300 else math.log(0.75) + 300 * math.log(10)
    assert sampler.log_mass == pytest.approx(2000 * each, rel=1e-10)
    events = sampler.sample(np.random.default_rng(1))
    assert len(events) == 2000
    assert abs(events.count(B) - 2000 * 0.25 * of_b / math.exp(each)) < 100


@pytest.mark.parametrize("tiny", [1e-200, 1e-40])
def test_a_state_that_is_unlikely_later_and_likely_before_is_kept(tiny: float) -> None:
    """At tick 1000 the sums of the two states differ by thousands of orders of magnitude; the smaller one counts."""
    model = MarkovModel([(Corpus(((A, B, A, B, A),)), 0.5), (Corpus(((C, D, C, D, C),)), 0.5)], 1)
    before = Begins(range(800, 1000), lambda event: 1.0 if event in (A, B) else tiny, "rather a and b")
    later = Begins(range(1000, 1100), lambda event: tiny if event in (A, B) else 1.0, "rather c and d")
    sampler = compile_sampler(model, 2000, 48, (before, later))
    assert sampler.log_mass == pytest.approx(math.log(0.5) + 100 * math.log(tiny), rel=1e-10)
    assert set(sampler.sample(np.random.default_rng(0))) == {A, B}


def test_an_event_with_a_weight_below_the_smallest_number() -> None:
    model = MarkovModel([(Corpus(((("a", 2), ("b", 2)),)), 1.0)], 1)
    rarely = Sounds(range(4), lambda event: 1e-300, "rarely")
    assert compile_sampler(model, 4, 48, (rarely,)).log_mass == pytest.approx(4 * math.log(1e-300), rel=1e-10)


def test_a_thousand_bars() -> None:
    quarter, half, dotted = ("a", 12), ("b", 24), ("c", 36)
    model = MarkovModel([(Corpus(((quarter, quarter, half, dotted),)), 1.0)], 0)
    end = Fixed(47_964, lambda event: float(event == dotted), "last note", before=lambda event: float(event == quarter))
    sampler = compile_sampler(model, 48_000, 48, (Boundary(range(0, 48_000, 48), "bar lines"), end))
    ways = [1.0]  # of filling that many quarters of a bar
    for quarters in range(1, 5):
        ways.append(sum(p * ways[quarters - n] for p, n in ((0.5, 1), (0.25, 2), (0.25, 3)) if n <= quarters))
    assert sampler.log_mass == pytest.approx(999 * math.log(ways[4]) + math.log(0.5 * 0.25), rel=1e-10)
    events = sampler.sample(np.random.default_rng(2))
    begins = [begin for begin, _, _ in spans(events)]
    assert set(range(0, 48_000, 48)) <= set(begins)
    assert events[-2:] == (quarter, dotted)


def test_every_last_event_that_is_allowed_occurs() -> None:
    model = MarkovModel([(Corpus(((A, B), (A, C), (A, D))), 1.0)], 1)
    sampler = compile_sampler(model, 2, 48)
    random = np.random.default_rng(3)
    assert {sampler.sample(random)[-1] for _ in range(200)} == {B, C, D}


def test_automata_with_other_names_and_states_that_accept_the_same_give_the_same() -> None:
    """The number of b is divisible by three: as remainders, as words, with needless states."""
    words = {"none": "one", "one": "two", "two": "none"}
    acceptors = (
        Automaton(0, lambda state, event: (state + (event == B)) % 3, lambda state: state == 0),
        Automaton("none", lambda state, event: words[state] if event == B else state, lambda state: state == "none"),
        Automaton((0, 0), lambda s, event: ((s[0] + (event == B)) % 6, s[1] ^ 1), lambda s: s[0] % 3 == 0),
    )
    samplers = [compile_sampler(COIN, 20, 48, (Regular(automaton, "all"),)) for automaton in acceptors]
    exact = sum(math.comb(20, b) * 0.25**b * 0.75 ** (20 - b) for b in range(0, 21, 3))
    for sampler in samplers:
        assert math.exp(sampler.log_mass) == pytest.approx(exact, rel=1e-10)
        assert {sampler.sample(np.random.default_rng(seed)).count(B) % 3 for seed in range(50)} == {0}


def test_an_automaton_with_endless_states_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daemon.markov.graph.LARGEST_PRODUCT", 1000)
    endless = Regular(Automaton(0, lambda state, event: state + 1), "endless")
    with pytest.raises(ValueError, match="too many states"):
        compile_sampler(COIN, 20, 48, (endless,))


def test_small_weights_behind_improbable_events() -> None:
    """A term that is not small by itself, but with the probability of its event."""
    often, rarely = ((("a", 1),) * 3, (("b", 1), ("c", 1), ("c", 1))), ((("b", 1), ("d", 1), ("d", 1)),)
    model = MarkovModel([(Corpus(often), 1.0), (Corpus(rarely), 1e-90)], 1)
    weights = {"c": 0.0, "d": 1e-256}
    constraints = [
        *[Begins(range(1), lambda event: 1e-300 if event[0] == "a" else 1.0, "seldom a")] * 2,
        Begins(range(1, 2), lambda event: weights.get(event[0], 1.0), "no c, seldom d"),
    ]
    mass = math.log(0.5) + math.log(1e-90) + math.log(1e-256)
    assert compile_sampler(model, 3, 4, constraints).log_mass == pytest.approx(mass, abs=1e-9)

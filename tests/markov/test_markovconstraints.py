"""Agreement with the sampler of another author, on the problems that both solve: unary constraints."""

from __future__ import annotations

import math
from itertools import product

import pytest
from markovconstraints.markov_chain import get_markov_process, parse_sequences

from daemon.markov.constraints import Begins
from daemon.markov.model import Corpus, MarkovModel
from daemon.markov.sampler import compile_sampler

PIECES = ("ECDECC", "CCEEDC", "DEDCCDEE")


@pytest.mark.parametrize("begin", ["E", "C", "D", "EC", "CC", "DE"])
@pytest.mark.parametrize("then", [(None, None, "D"), ("DEC", None, None, "C"), (None,) * 4, ("CED", None, "CE", "ED")])
def test_each_sequence_has_the_same_probability(begin: str, then: tuple[str | None, ...]) -> None:
    """The peer begins anywhere in a piece: the first notes are given, as many as are remembered."""
    order, allowed = len(begin), (*begin, *then)
    process = get_markov_process(parse_sequences(PIECES, order), [list(names) if names else None for names in allowed])
    model = MarkovModel([(Corpus(tuple(tuple((name, 1) for name in piece) for piece in PIECES)), 1.0)], order)

    def log_mass(names: tuple[str | None, ...]) -> float:
        constraints = [
            Begins(range(tick, tick + 1), lambda event, of=of: float(event[0] in of), str(tick))
            for tick, of in enumerate(names)
            if of
        ]
        return compile_sampler(model, len(names), 4, constraints).log_mass

    whole = log_mass(allowed)
    total = 0.0
    for names in product("CDE", repeat=len(allowed)):
        theirs = 1.0
        for place, name in enumerate(names):
            matrix = process[place]
            theirs *= matrix.get(names[max(place - min(place, order), 0) : place], {}).get(name, 0.0)
        if theirs:
            assert math.exp(log_mass(names) - whole) == pytest.approx(theirs, rel=1e-10)
            total += theirs
    assert total == pytest.approx(1.0)

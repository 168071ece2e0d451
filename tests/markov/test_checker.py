"""100,000 samples, checked by plain rules that share no code with the sampler."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from daemon.markov.automaton import Automaton
from daemon.markov.constraints import Begins, Boundary, Fixed, Regular, Sounds
from daemon.markov.model import Corpus, MarkovModel
from daemon.markov.sampler import compile_sampler

BAR, LENGTH = 12, 48
PIECES = (
    tuple(zip("efgfedcde", (3, 3, 6, 3, 3, 6, 4, 4, 4), strict=True)),
    tuple(zip("gagfedecd", (6, 3, 3, 6, 6, 12, 3, 9, 6), strict=True)),
    tuple(zip("cdefgagfedc", (4, 4, 4, 6, 6, 3, 3, 3, 3, 6, 6), strict=True)),
    tuple(zip("ccceeeegggcec", (3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 6, 6, 6), strict=True)),
    tuple(zip("cdcegecegc", (3, 3, 3, 3, 6, 6, 6, 6, 12, 12), strict=True)),
)


def runs(state: tuple[str, int], event: tuple[str, int]) -> tuple[str, int] | None:
    """No note three times in a row."""
    times = state[1] + 1 if event[0] == state[0] else 1
    return (event[0], times) if times < 3 else None


CONSTRAINTS = (
    Boundary(range(0, LENGTH, BAR), "bar lines"),
    Begins(range(24, 48), lambda event: float(event[0] != "a"), "no a in the second half"),
    Sounds(range(18, 19), lambda event: 3.0 if event[0] in "ceg" else 0.0, "a chord"),
    Fixed(36, lambda event: float(event[0] in "eg"), "e or g", before=lambda event: float(event[1] >= 3)),
    Sounds(range(47, 48), lambda event: float(event[0] == "c" and event[1] >= 6), "cadence"),
    Regular(Automaton(("", 0), runs), "no note three times"),
)


def violations(events: Sequence[tuple[str, int]]) -> list[str]:
    found = []
    sounding = [name for name, duration in events for _ in range(duration)]
    starts = {sum(duration for _, duration in events[:place]): event for place, event in enumerate(events)}
    if len(sounding) != LENGTH:
        found.append("length")
    if any(bar not in starts for bar in (0, 12, 24, 36)):
        found.append("bar lines")
    if any(name == "a" for start, (name, _) in starts.items() if start >= 24):
        found.append("a")
    if sounding[18] not in "ceg" or sounding[36] not in "eg" or sounding[47] != "c":
        found.append("notes")
    if events[-1][1] < 6 or next(d for start, (_, d) in starts.items() if start + d == 36) < 3:
        found.append("durations")
    if any(a[0] == b[0] == c[0] for a, b, c in zip(events, events[1:], events[2:], strict=False)):
        found.append("three times")
    followers = {pair for piece in PIECES for pair in pairwise(piece)}
    if events[0] not in {piece[0] for piece in PIECES} or not followers.issuperset(pairwise(events)):
        found.append("transitions")
    return found


def test_no_sample_violates_anything() -> None:
    sampler = compile_sampler(MarkovModel([(Corpus(PIECES), 1.0)], 1), LENGTH, BAR, CONSTRAINTS)
    random = np.random.default_rng(5)
    samples = {sampler.sample(random) for _ in range(100_000)}
    assert len(samples) > 100
    assert [violations(events) for events in samples if violations(events)] == []


def test_the_checker_finds_what_is_wrong_without_each_constraint() -> None:
    model = MarkovModel([(Corpus(PIECES), 1.0)], 1)
    for constraint in CONSTRAINTS:
        sampler = compile_sampler(model, LENGTH, BAR, [other for other in CONSTRAINTS if other is not constraint])
        random = np.random.default_rng(6)
        assert any(violations(sampler.sample(random)) for _ in range(2000)), constraint

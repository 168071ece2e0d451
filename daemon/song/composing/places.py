"""Beats of a section as ticks of the sampler; weights that allow or forbid what an event is."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Sequence
from typing import TypeVar

from daemon.markov.automaton import Event
from daemon.markov.constraints import Boundary, Constraint, Sounds, Weight
from daemon.markov.events import TICKS
from daemon.song.description import ChordRule, NoteRule
from daemon.song.rules import names

Of = Callable[[Event], Hashable]
RuleT = TypeVar("RuleT", ChordRule, NoteRule)


def ticks_of(beats: float) -> int:
    return round(beats * TICKS)


def span_of(rule: ChordRule | NoteRule) -> range:
    """The ticks of a rule, at least one."""
    start = ticks_of(rule.onset)
    return range(start, max(ticks_of(rule.onset + rule.duration), start + 1))


def regions_of(rules: Sequence[RuleT]) -> list[list[RuleT]]:
    """Rules side by side."""
    regions: list[list[RuleT]] = []
    for rule in sorted(rules, key=lambda rule: rule.onset):
        if regions and span_of(regions[-1][-1]).stop == span_of(rule).start:
            regions[-1].append(rule)
        else:
            regions.append([rule])
    return regions


def edges_of(
    rules: Iterable[RuleT], values: Callable[[RuleT], Collection[Hashable]], of: Of, length: int
) -> Iterator[Constraint]:
    """Of what is given side by side only the first and the last: in between the style need not know it."""
    lasting = [rule for rule in rules if rule.duration and not rule.forbidden and rule.onset >= 0]
    for region in regions_of(lasting):
        start, stop = span_of(region[0]).start, span_of(region[-1]).stop
        for tick, rule in ((start, region[0]), (stop - 1, region[-1])):
            if allowed := values(rule):
                yield Sounds(range(tick, tick + 1), one_of(allowed, of), names(rule))
        for tick in (start, stop):
            if 0 < tick < length:
                yield Boundary(range(tick, tick + 1), names(region[0]))


def one_of(allowed: Collection[Hashable], of: Of) -> Weight:
    return lambda event: float(of(event) in allowed)


def none_of(forbidden: Collection[Hashable], of: Of) -> Weight:
    return lambda event: float(of(event) not in forbidden)

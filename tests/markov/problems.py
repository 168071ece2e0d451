"""Small problems, each with constraints of daemon.markov and the same as a rule on whole sequences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from daemon.markov.automaton import Automaton
from daemon.markov.constraints import Begins, Boundary, Constraint, Fixed, Regular, Sounds
from daemon.markov.model import Corpus, MarkovModel
from tests.markov.enumeration import Event, Reference, Rule, spans

A1, B1, C1, A2, B2, C3 = ("a", 1), ("b", 1), ("c", 1), ("a", 2), ("b", 2), ("c", 3)
PIECES = (
    (A1, B1, A2, B1, C1, A1, A1, C3, B2, A2),
    (B2, A1, B1, A2, C1, C1, B1, A1, A2, B1, C3),
    (C1, A1, B1, B2, A1, C3, A1, B1, C1),
)
MANY_EVENTS = tuple((A1, (f"n{n}", 1 + n % 2), A1, (f"n{n % 7}", 1 + n % 3), A2) for n in range(40))
OTHER_PIECES = ((A1, A1, A2, ("d", 1), B1), (B1, ("d", 1), C3, ("d", 2), A1, B1, B1), ())


@dataclass(frozen=True, eq=False)
class Problem:
    name: str
    length: int
    constraints: tuple[Constraint, ...] = ()
    rule: Rule = lambda events: 1.0
    order: int = 2
    weights: tuple[float, ...] = (0.0, 0.0, 1.0)
    blend: tuple[tuple[Sequence[Sequence[Event]], float], ...] = ((PIECES, 1.0),)

    def model(self) -> MarkovModel:
        return MarkovModel([(Corpus(tuple(p)), share) for p, share in self.blend], self.order, self.weights)

    def expected(self) -> dict[tuple[Event, ...], float]:
        reference = Reference(self.blend, self.order, self.weights)
        return reference.sequences(self.length, self.rule)


def likes_a(event: Event) -> float:
    return {"a": 1.5, "b": 0.25}.get(event[0], 1.0)


def only_b(event: Event) -> float:
    return float(event[0] == "b")


def only_long(event: Event) -> float:
    return float(event[-1] > 1)


def no_c(event: Event) -> float:
    return float(event[0] != "c")


def begin_ticks(events: Sequence[Event]) -> list[int]:
    return [begin for begin, _, _ in spans(events)]


def product(values: object) -> float:
    result = 1.0
    for value in values:  # type: ignore[attr-defined]
        result *= value
    return result


def at_most_two_a(state: int, event: Event) -> int | None:
    count = state + (event[0] == "a")
    return count if count <= 2 else None


AT_MOST_TWO_A = Automaton(0, at_most_two_a)
OTHER = {"even": "odd", "odd": "even"}
EVEN_NUMBER = Automaton("even", lambda state, event: OTHER[state], lambda state: state == "even")
MIXED = {"weights": (0.1, 0.3, 0.6)}
BLEND = {"blend": ((PIECES, 0.7), (OTHER_PIECES, 0.3))}


def _begins_softly(events: Sequence[Event]) -> float:
    return product(likes_a(event) for begin, _, event in spans(events) if begin in range(1, 8, 3))


def _sounds_softly(events: Sequence[Event]) -> float:
    return product(likes_a(event) for begin, end, event in spans(events) for tick in range(2, 6) if begin <= tick < end)


def _crosses_softly(events: Sequence[Event]) -> float:
    return product(0.2 for begin, end, _ in spans(events) for tick in range(0, 9, 2) if begin < tick < end)


def _b_at_3(events: Sequence[Event]) -> float:
    return float(any(begin == 3 and only_b(event) for begin, _, event in spans(events)))


def _cadence(events: Sequence[Event]) -> float:
    last = [event for begin, _, event in spans(events) if begin == 6]
    before = [event for _, end, event in spans(events) if end == 6]
    return float(bool(last) and only_b(last[0]) * no_c(before[0]))


def _everything(events: Sequence[Event]) -> float:
    bars = 4 in begin_ticks(events)
    few = sum(event[0] == "a" for event in events) <= 2
    return float(bars and few) * _sounds_softly(events)


EVERYTHING = (
    Boundary(range(0, 9, 4), "bars"),
    Regular(AT_MOST_TWO_A, "at most two a"),
    Sounds(range(2, 6), likes_a, "rather a"),
)
PROBLEMS = (
    Problem("model", 7),
    Problem("order 1", 6, order=1, weights=(0.0, 1.0)),
    Problem("order 0", 4, order=0, weights=(1.0,)),
    Problem("order 3", 8, order=3, weights=(0.0, 0.0, 0.0, 1.0)),
    Problem("back-off", 6, **MIXED),
    Problem("back-off over a gap", 6, order=3, weights=(0.2, 0.0, 0.0, 0.8)),
    Problem("rows that no state draws", 4, weights=(0.2, 0.0, 0.0)),
    Problem(
        "many events",
        4,
        (Begins(range(1, 8, 3), likes_a, "rather a"),),
        _begins_softly,
        1,
        blend=((MANY_EVENTS, 1.0),),
        weights=(0.25, 0.75),
    ),
    Problem("blend", 7, **BLEND),
    Problem("blend with back-off", 5, **BLEND, **MIXED),
    Problem("begins", 8, (Begins(range(1, 8, 3), likes_a, "rather a"),), _begins_softly),
    Problem("sounds", 8, (Sounds(range(2, 6), likes_a, "rather a"),), _sounds_softly),
    Problem(
        "sounds, hard",
        8,
        (Sounds(range(3, 5), no_c, "no c"),),
        lambda events: float(all(no_c(e) for begin, end, e in spans(events) if begin < 5 and end > 3)),
    ),
    Problem("boundaries", 8, (Boundary(range(0, 9, 4), "bars"),), lambda events: float(4 in begin_ticks(events))),
    Problem("soft boundaries", 8, (Boundary(range(0, 9, 2), "bars", crossing=0.2),), _crosses_softly),
    Problem("fixed", 7, (Fixed(3, only_b, "b"),), _b_at_3),
    Problem("cadence", 8, (Fixed(6, only_b, "cadence", before=no_c),), _cadence),
    Problem("last event", 8, (Sounds(range(7, 8), only_long, "long"),), lambda events: only_long(events[-1])),
    Problem(
        "regular",
        8,
        (Regular(AT_MOST_TWO_A, "at most two a"),),
        lambda events: float(sum(event[0] == "a" for event in events) <= 2),
    ),
    Problem(
        "two automata",
        7,
        (Regular(AT_MOST_TWO_A, "at most two a"), Regular(EVEN_NUMBER, "even")),
        lambda events: float(sum(event[0] == "a" for event in events) <= 2 and len(events) % 2 == 0),
    ),
    Problem("everything", 8, EVERYTHING, _everything),
    Problem("everything, back-off", 6, EVERYTHING, _everything, **MIXED),
    Problem("everything, back-off, blend", 6, EVERYTHING, _everything, **MIXED, **BLEND),
)

"""Finite automata over events, for regular constraints."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

Event = tuple[Any, ...]  # hashable items; the last one is the duration in ticks, 1 or more


@dataclass(frozen=True)
class Automaton:
    """A deterministic automaton that reads a sequence of events from `start` on.

    `step(state, event)`: the state after `event`, or None if the event is rejected; a pure function. `accepts(state)`:
    whether the sequence may end in `state`. States are any hashable values but None, finitely many of them reachable.
    """

    start: Hashable
    step: Callable[[Any, Event], Hashable | None]
    accepts: Callable[[Any], bool] = lambda state: True

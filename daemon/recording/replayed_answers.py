"""The answers that the engines of a replay give, handed out in the parts in which the session had them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from daemon.wire import Answer, encode_answer


class ReplayedAnswers:
    """The answers of all players, by the numbers of the calls. A journal has few of the ends of answers, so what is
    left of an answer when the next entry with one comes is a difference: `differs(seconds, what is left)` is called.

    Of calls before a player's latest reset, the session may lack any part.
    """

    def __init__(self, differs: Callable[[float, Any], None]) -> None:
        self._differs = differs
        self._left: dict[str, dict[int, tuple[float, deque[Answer]]]] = {}  # with the seconds of the call
        self._resets: dict[str, int] = {}  # the call that reset the player last
        self._before = 0  # the last call before the session

    def begin(self, before: int = 0) -> None:
        """Calls are numbered after `before`, by another stage process or another session."""
        self._left, self._resets, self._before = {}, {}, before

    def begin_player(self, name: str) -> None:
        """The player's process starts."""
        self._left.pop(name, None)

    def reset(self, name: str, number: int) -> None:
        """Call `number` resets the player."""
        self._resets[name] = number

    def add(self, name: str, number: int, seconds: float, items: Iterable[Answer]) -> None:
        """The answer to a call at `seconds`. An empty one needs no place."""
        if left := deque(items):
            self._left.setdefault(name, {})[number] = seconds, left

    def take(self, name: str, number: int, was: Sequence[Answer], last: bool) -> Sequence[Answer]:
        """As many items of the answer to call `number` as the session had at that moment: `was`, and none after that if
        `last`."""
        if number <= self._before:
            return was
        answers = self._left.get(name, {})
        for other in [other for other in answers if other < number]:
            asked, left = answers.pop(other)
            if other >= self._resets.get(name, 0):
                self._differs(asked, ["answer", asked, name, other, [*map(encode_answer, left)]])
        _, left = answers.get(number, (0.0, deque()))
        items = [left.popleft() for _ in range(len(left) if last else min(len(was), len(left)))]
        if not left:
            answers.pop(number, None)
        return items

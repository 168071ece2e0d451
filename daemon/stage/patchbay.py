"""Remembers what others connected our ports to, and connects it again when one end was away.

The desk keeps the list while there is no stage, because a JACK client of its own would cost it dearly: libjack locks
all memory of a process that has one, and may hang with it when the server dies.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

MOST = 256  # connections that are remembered
Wish = tuple[str, str, str]  # MIDI system, our port, the other's


class Board(Protocol):
    """A MIDI system, seen as a patchbay."""

    def ports(self, is_output: bool) -> list[str]:
        """All ports that give (or take) messages."""

    def connections(self, own: str) -> set[str]:
        """Names of the ports that our port `own` is connected to."""

    def exists(self, port: str) -> bool: ...

    def connect(self, own: str, other: str, is_output: bool) -> bool:
        """Whether it could be done."""

    def disconnect(self, own: str) -> None:
        """Cut all connections of `own`, an input."""


class Patchbay:
    """One `look` after the other."""

    def __init__(self, private: Iterable[str] = ()) -> None:
        self._private = set(private)  # ports of ours that connect themselves
        self._wishes: dict[Wish, None] = {}  # in order of their appearance
        self._seen: set[Wish] = set()  # connected at the last look

    def wish(self, wishes: Iterable[Iterable[str]]) -> None:
        """What was connected before we came."""
        for system, own, other in wishes:
            self._wishes[system, own, other] = None

    def to_json(self) -> list[Any]:
        return [list(wish) for wish in self._wishes]

    def closed(self, own: str) -> None:
        """Our port was away: what is not connected now was not cut by anybody."""
        self._seen = {wish for wish in self._seen if wish[1] != own}

    def keep(self, owns: Iterable[str]) -> None:
        """Only these ports are still ours."""
        names = set(owns)
        self._wishes = {wish: None for wish in self._wishes if wish[1] in names}

    def look(self, boards: Mapping[str, Board], ports: Iterable[tuple[str, str, bool]]) -> tuple[bool, list[str]]:
        """Take note, and restore: of our open `ports` (system, name, whether it is an output).

        Returns whether the list changed, and which of our ports were connected again.
        """
        before = list(self._wishes)
        restored = []
        now: set[Wish] = set()
        for system, own, is_output in ports:
            board = boards[system]
            connected = {other for other in board.connections(own) if other not in self._private}
            now |= {(system, own, other) for other in connected}
            for wish in [wish for wish in self._wishes if wish[:2] == (system, own) and wish[2] not in connected]:
                if not board.exists(wish[2]):
                    continue
                if wish in self._seen:  # both ends were there, and are: somebody cut it
                    del self._wishes[wish]
                elif board.connect(own, wish[2], is_output):
                    now.add(wish)
                    restored.append(own)
        for wish in sorted(now):
            self._wishes.setdefault(wish)
        while len(self._wishes) > MOST:
            del self._wishes[next(iter(self._wishes))]
        self._seen = now
        return before != list(self._wishes), restored

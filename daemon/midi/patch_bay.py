"""Remembers what others connected our ports to, and connects it again when one end was away.

The desk keeps the list while there is no stage, because a JACK client of its own would cost it dearly: libjack locks
all memory of a process that has one, and may hang with it when the server dies.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

MOST = 256  # connections that are remembered
_WHICH = re.compile(r" \(\d+\)$")  # see AlsaGraph
Wish = tuple[str, str, str]  # MIDI system, our port, the other's


class ConnectionGraph(Protocol):
    """A MIDI system, seen as a patchbay."""

    def ports(self, is_output: bool) -> list[str]:
        """All ports that give (or take) messages."""

    def connections(self, own: str) -> set[str]:
        """Names of the ports that our port `own` is connected to."""

    def exists(self, port: str) -> bool: ...

    def identity(self, port: str) -> Hashable:
        """Something that is another one if `port` went, and came back under its name. None: that cannot be told."""

    def connect(self, own: str, other: str, is_output: bool) -> bool:
        """Whether it could be done."""

    def disconnect(self, own: str) -> None:
        """Cut all connections of `own`, an input."""


@dataclass(frozen=True, slots=True)
class PatchChanges:
    """What happened between two looks; of `back` and `lost`, an item for each connection: (our port, the other's).

    One whose other end was away in between is in both.
    """

    changed: bool  # what is remembered
    back: list[tuple[str, str]]  # one that was remembered is there again
    lost: list[tuple[str, str]]  # one is gone: somebody cut it, or the other end is away


class PatchBay:
    """One `look` after the other."""

    def __init__(self, private: Iterable[str] = ()) -> None:
        self._private = set(private)  # ports of ours that connect themselves
        self._wishes: dict[Wish, None] = {}  # in order of their appearance
        self._seen: set[Wish] = set()  # connected at the last look
        self._known: dict[Wish, Hashable] = {}  # of those, and of those that were cut: who was connected
        self._cut: set[Wish] = set()  # not connected at the last look, though both ends were there

    def wish(self, wishes: Iterable[Iterable[str]]) -> None:
        """What was connected before we came."""
        for system, own, other in wishes:
            self._wishes[system, own, other] = None

    def to_json(self) -> list[Any]:
        return [list(wish) for wish in self._wishes]

    def closed(self, own: str) -> None:
        """Our port was away: what is not connected now was not cut by anybody."""
        self._seen = {wish for wish in self._seen if wish[1] != own}
        self._cut = {wish for wish in self._cut if wish[1] != own}

    def keep(self, owns: Iterable[str]) -> None:
        """Only these ports are still ours."""
        names = set(owns)
        self._wishes = {wish: None for wish in self._wishes if wish[1] in names}
        self._seen = {wish for wish in self._seen if wish[1] in names}

    def is_lonely(self, own: str) -> bool:
        """Whether nobody is connected to `own`."""
        return not any(seen[1] == own for seen in self._seen)

    def is_deserted(self, own: str) -> bool:
        """Whether all who were connected to `own` are away. One that nobody was ever connected to is not."""
        return any(wish[1] == own for wish in self._wishes) and self.is_lonely(own)

    def is_complete(self, system: str, own: str) -> bool:
        """Whether all who are remembered are connected to `own`."""
        return all(wish in self._seen for wish in self._wishes if wish[:2] == (system, own))

    def look(
        self,
        boards: Mapping[str, ConnectionGraph],
        ports: Collection[tuple[str, str, bool, str | None]],
        in_time: bool = True,
    ) -> PatchChanges:
        """Take note, and restore: of our open `ports` (system, name, whether it is an output, what it is joined to).

        What a port is joined to by the configuration is not remembered here: the device may be another one of that
        name next time. `in_time`: the last look is long enough ago for a server to be rid of a client that died right
        before it.
        """
        before = list(self._wishes)
        suspects, self._cut = self._cut, {wish for wish in self._cut if wish[0] not in boards}
        looked_at = {(system, own) for system, own, _, _ in ports}
        joined = {own: foreign for _, own, _, foreign in ports}

        def is_joined(wish: Wish) -> bool:
            foreign = joined.get(wish[1])
            return foreign is not None and (wish[2] == foreign or wish[2].startswith(f"{foreign} ("))

        self._wishes = {wish: None for wish in self._wishes if not is_joined(wish)}
        now = {wish for wish in self._seen if wish[:2] not in looked_at}
        replaced = set()
        for system, own, is_output, _ in ports:
            board = boards[system]
            connected = {other for other in board.connections(own) if other not in self._private}
            now |= {(system, own, other) for other in connected}
            for wish in [wish for wish in self._wishes if wish[:2] == (system, own) and wish[2] not in connected]:
                if not board.exists(wish[2]):
                    continue
                known = self._known.get(wish)
                if wish in self._seen | suspects and (known is None or board.identity(wish[2]) in (known, None)):
                    # Both ends were there, and are. A server takes a while (40 ms were seen) to be rid of the ports of
                    # a client that died, without its connections: only what stays so was cut by somebody.
                    if wish in suspects and in_time:
                        del self._wishes[wish]
                    else:
                        self._cut.add(wish)
                elif board.connect(own, wish[2], is_output):
                    now.add(wish)
                    if wish in self._seen:
                        replaced.add(wish)
        for wish in now - self._seen | replaced:
            if wish[:2] in looked_at:
                self._known[wish] = boards[wish[0]].identity(wish[2])
        back = sorted(wish[1:] for wish in now - self._seen | replaced if wish in self._wishes)
        # Of two that are named alike, the second is called the first when the first is gone: so they are counted.
        gone = Counter(map(_whichever, self._seen)) - Counter(map(_whichever, now - replaced))
        lost = sorted(gone.elements())
        for wish in sorted(now):
            if wish[:2] in looked_at and not is_joined(wish):
                self._wishes.setdefault(wish)
        while len(self._wishes) > MOST:
            del self._wishes[next(iter(self._wishes))]
        self._seen = now
        self._known = {wish: who for wish, who in self._known.items() if wish in now or wish in self._cut}
        return PatchChanges(before != list(self._wishes), back, lost)


def _whichever(wish: Wish) -> tuple[str, str]:
    """Our port and the name of the other, whichever of that name it is."""
    return wish[1], _WHICH.sub("", wish[2])

"""Remembers what others connected our ports to, and connects it again when one end was away.

The desk keeps the list while there is no stage process, because a JACK client of its own would cost the desk dearly:
libjack locks all memory of a process that has a client, and may hang with it when the server dies.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

MAX_REMEMBERED = 256  # connections; beyond that the oldest are forgotten
_NUMBER = re.compile(r" \(\d+\)$")  # of the second port of one name: see AlsaGraph


class PortConnection(NamedTuple):
    api: str  # the MIDI system, as in port_names
    own: str  # our port
    other: str


class OwnPort(NamedTuple):
    """An open port of ours."""

    api: str
    name: str
    is_output: bool
    peer: str | None  # the port that the configuration connects it to: see Device.peer


class ConnectionGraph(Protocol):
    """The ports and connections of a MIDI system."""

    def ports(self, is_output: bool) -> list[str]:
        """All ports that give (or take) messages."""

    def connections(self, own: str) -> set[str]:
        """Names of the ports that our port `own` is connected to."""

    def has_port(self, name: str) -> bool: ...

    def identity(self, port: str) -> Hashable:
        """A value that differs if `port` went and came back under its name. None: unknown."""

    def connect(self, own: str, other: str, is_output: bool) -> bool:
        """Whether the connection was made."""

    def disconnect(self, own: str) -> None:
        """Cut all connections of `own`, an input."""


@dataclass(frozen=True, slots=True)
class PatchChanges:
    """What happened between two calls of `update`; in `restored` and `lost` an item per connection: (own, other).

    A connection whose other end was away in between is in both.
    """

    changed: bool  # whether the list of remembered connections changed
    restored: list[tuple[str, str]]  # remembered connections that exist again
    lost: list[tuple[str, str]]  # connections that are gone: they were cut, or the other end is away


class PatchBay:
    """Follows the connections of our ports from one `update` to the next."""

    def __init__(self, private: Iterable[str] = ()) -> None:
        self._private = set(private)  # ports of ours that connect themselves
        self._remembered: dict[PortConnection, None] = {}  # in order of appearance
        self._connected: set[PortConnection] = set()  # at the last update
        self._missing: set[PortConnection] = set()  # not connected at the last update, though both ends existed
        self._identities: dict[PortConnection, Hashable] = {}  # of the other port, for those connected or missing

    def remember(self, connections: Iterable[Iterable[str]]) -> None:
        """Add connections that a previous stage process remembered."""
        for api, own, other in connections:
            self._remembered[PortConnection(api, own, other)] = None

    def to_json(self) -> list[Any]:
        return [list(connection) for connection in self._remembered]

    def reopened(self, own: str) -> None:
        """Our port was closed in between: connections that are missing now were not cut by a person."""
        self._connected = {connection for connection in self._connected if connection.own != own}
        self._missing = {connection for connection in self._missing if connection.own != own}

    def keep_only(self, own_names: Iterable[str]) -> None:
        """Forget the connections of all other ports."""
        names = set(own_names)
        self._remembered = {connection: None for connection in self._remembered if connection.own in names}
        self._connected = {connection for connection in self._connected if connection.own in names}

    def is_unconnected(self, own: str) -> bool:
        return not any(connection.own == own for connection in self._connected)

    def has_lost_all(self, own: str) -> bool:
        """Whether all ports that were connected to `own` are away. False if there were none."""
        return any(connection.own == own for connection in self._remembered) and self.is_unconnected(own)

    def is_complete(self, api: str, own: str) -> bool:
        """Whether all remembered connections of `own` exist."""
        return all(connection in self._connected for connection in self._remembered if connection[:2] == (api, own))

    def update(
        self, graphs: Mapping[str, ConnectionGraph], ports: Collection[OwnPort], full_interval: bool = True
    ) -> PatchChanges:
        """Compare the connections of our open `ports` with those of the last update; connect what can be restored.

        The connection to a port's peer is not remembered: next time the device may be another one of that name.
        `full_interval`: the last update is long enough ago for a server to have removed a client that died just before.
        """
        before = list(self._remembered)
        looked_at = {port[:2] for port in ports}
        peers = {port.name: port.peer for port in ports}

        def is_to_peer(connection: PortConnection) -> bool:
            peer = peers.get(connection.own)
            return peer is not None and (connection.other == peer or connection.other.startswith(f"{peer} ("))

        self._remembered = {connection: None for connection in self._remembered if not is_to_peer(connection)}
        connected, replaced = self._restore(graphs, ports, full_interval)
        appeared = connected - self._connected | replaced
        for connection in appeared:
            if connection[:2] in looked_at:
                self._identities[connection] = graphs[connection.api].identity(connection.other)
        restored = sorted((c.own, c.other) for c in appeared if c in self._remembered)
        # Of two ports of one name, the second takes the first one's name when that is gone: so they are counted.
        gone = Counter(map(_without_number, self._connected)) - Counter(map(_without_number, connected - replaced))
        lost = sorted(gone.elements())
        for connection in sorted(connected):
            if connection[:2] in looked_at and not is_to_peer(connection):
                self._remembered.setdefault(connection)
        while len(self._remembered) > MAX_REMEMBERED:
            del self._remembered[next(iter(self._remembered))]
        self._connected = connected
        self._identities = {c: value for c, value in self._identities.items() if c in connected or c in self._missing}
        return PatchChanges(before != list(self._remembered), restored, lost)

    def _restore(
        self, graphs: Mapping[str, ConnectionGraph], ports: Collection[OwnPort], full_interval: bool
    ) -> tuple[set[PortConnection], set[PortConnection]]:
        """Connect what is to be restored, forget what was cut.

        Returns all connections, and those of them whose other end went and came back since the last update.
        """
        missing_before, self._missing = self._missing, {c for c in self._missing if c.api not in graphs}
        looked_at = {port[:2] for port in ports}
        connected = {connection for connection in self._connected if connection[:2] not in looked_at}
        replaced = set()
        for api, own, is_output, _ in ports:
            graph = graphs[api]
            others = {other for other in graph.connections(own) if other not in self._private}
            connected |= {PortConnection(api, own, other) for other in others}
            for connection in [c for c in self._remembered if c[:2] == (api, own) and c.other not in others]:
                if not graph.has_port(connection.other):
                    continue
                identity = self._identities.get(connection)
                if connection in self._connected | missing_before and (
                    identity is None or graph.identity(connection.other) in (identity, None)
                ):
                    # Both ends existed, and exist. A server takes a while (40 ms were seen) to remove the ports of a
                    # client that died, without its connections: only what is missing twice was cut by a person.
                    if connection in missing_before and full_interval:
                        del self._remembered[connection]
                    else:
                        self._missing.add(connection)
                elif graph.connect(own, connection.other, is_output):
                    connected.add(connection)
                    if connection in self._connected:
                        replaced.add(connection)
        return connected, replaced


def _without_number(connection: PortConnection) -> tuple[str, str]:
    """Our port, and the name of the other without the number that distinguishes ports of one name."""
    return connection.own, _NUMBER.sub("", connection.other)

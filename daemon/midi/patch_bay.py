"""Remembers what others connected our ports to, and connects it again when one end was away.

What a person cuts stays cut, until a person connects it again or the configuration is reloaded.

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

    def disconnect(self, own: str, is_output: bool) -> None:
        """Cut all connections of `own`."""


@dataclass(frozen=True, slots=True)
class PatchChanges:
    """What happened between two calls of `update`; in the lists an item per connection: (own, other).

    A connection that was away in between is in `restored` and `lost`.
    """

    changed: bool  # whether what `to_json` returns changed
    restored: list[tuple[str, str]]  # remembered connections that exist again, and cut ones that a person made again
    lost: list[tuple[str, str]]  # connections that are gone: they were cut, or the other end is away
    added: list[tuple[str, str]]  # connections that were not known
    cut: list[tuple[str, str]]  # connections that are gone and were cut by a person, as is certain now


class PatchBay:
    """Follows the connections of our ports from one `update` to the next."""

    def __init__(self, private: Iterable[str] = ()) -> None:
        self._private = set(private)  # ports of ours that connect themselves
        self._remembered: dict[PortConnection, None] = {}  # in order of appearance
        self._cut: dict[PortConnection, None] = {}  # by a person
        self._to_peers: set[PortConnection] = set()  # those of `_remembered` and `_cut` that the configuration asks for
        self._connected: set[PortConnection] = set()  # at the last update
        self._missing: set[PortConnection] = set()  # not connected at the last update, though both ends existed
        self._refused: set[PortConnection] = set()  # could not be made: tried again after a full interval
        self._identities: dict[PortConnection, Hashable] = {}  # of the other port, for those connected or missing

    def remember(self, connections: Iterable[Iterable[str]], cut: Iterable[Iterable[str]] = ()) -> None:
        """Add connections that a previous stage process remembered, and those that were cut there."""
        self._remembered |= {PortConnection(*connection): None for connection in connections}
        self._cut |= {PortConnection(*connection): None for connection in cut}

    def to_json(self) -> list[Any]:
        """The arguments of `remember`."""
        remembered = [list(connection) for connection in self._remembered if connection not in self._to_peers]
        return [remembered, [list(connection) for connection in self._cut]]

    def forget_cuts(self) -> None:
        """The configuration is reloaded: what was cut is restored at the next update."""
        self._remembered |= self._cut
        self._cut = {}

    def is_cut(self, own: OwnPort) -> bool:
        """Whether a person cut the connection of our port to its peer."""
        return any(c[:2] == own[:2] and _is_named(c.other, own.peer) for c in self._cut)

    def lost(self, own: str) -> None:
        """Our port is lost, and so is what was known of its peer: the next one is connected."""
        self._cut = {c: None for c in self._cut if c.own != own or c not in self._to_peers}

    def reopened(self, own: str) -> None:
        """Our port was closed in between: connections that are missing now were not cut by a person."""
        self._connected = {connection for connection in self._connected if connection.own != own}
        self._missing = {connection for connection in self._missing if connection.own != own}
        self._forget(c for c in self._to_peers if c.own == own and c not in self._cut)

    def keep_only(self, own_names: Iterable[str]) -> None:
        """Forget the connections of all other ports."""
        names = set(own_names)
        self._forget(c for c in {*self._remembered, *self._cut} if c.own not in names)
        self._connected = {connection for connection in self._connected if connection.own in names}

    def is_unconnected(self, own: str) -> bool:
        return not any(connection.own == own for connection in self._connected)

    def has_lost_all(self, own: str) -> bool:
        """Whether all ports that were connected to `own` are away, or cut. False if there were none."""
        return any(c.own == own for c in (*self._remembered, *self._cut)) and self.is_unconnected(own)

    def are_connected(self, graph: ConnectionGraph, own_ports: Iterable[OwnPort]) -> bool:
        """Whether the connections of `own_ports` at the last update exist."""
        found = {port[:2]: graph.connections(port.name) for port in own_ports}
        return all(c.other in found[c[:2]] for c in self._connected if c[:2] in found)

    def is_complete(self, api: str, own: str) -> bool:
        """Whether `own` has a connection, and all that are remembered or were cut."""
        known = (c for c in (*self._remembered, *self._cut) if c[:2] == (api, own))
        return not self.is_unconnected(own) and all(connection in self._connected for connection in known)

    def update(
        self,
        graphs: Mapping[str, ConnectionGraph],
        ports: Collection[OwnPort],
        full_interval: bool = True,
        interrupted: Collection[PortConnection] = (),
    ) -> PatchChanges:
        """Compare the connections of our open `ports` with those of the last update; connect what can be restored.

        The connection to a port's peer is not remembered when the port is opened again: the device may be another one
        of that name. `full_interval`: the last update is long enough ago for a server to have removed a client that
        died just before. `interrupted`: were cut since the last update, even if they exist.
        """
        before = self.to_json()
        looked_at = {port[:2] for port in ports}
        peers = {port.name: port.peer for port in ports}

        def is_to_peer(connection: PortConnection) -> bool:
            return _is_named(connection.other, peers.get(connection.own))

        self._to_peers |= {c for c in self._cut if is_to_peer(c)}
        self._forget([c for c in self._remembered if is_to_peer(c) and c not in self._to_peers])
        cut_before = list(self._cut)
        connected, replaced = self._restore(graphs, ports, full_interval)
        replaced |= {c for c in interrupted if c[:2] in looked_at} & connected & self._connected
        appeared = connected - self._connected | replaced
        for connection in appeared:
            if connection[:2] in looked_at:
                self._identities[connection] = graphs[connection.api].identity(connection.other)
        restored = sorted((c.own, c.other) for c in appeared if c in self._remembered or c in cut_before)
        added = sorted((c.own, c.other) for c in appeared if c not in self._remembered and c not in cut_before)
        # Of two ports of one name, the second takes the first one's name when that is gone: so they are counted.
        gone = Counter(map(_without_number, self._connected)) - Counter(map(_without_number, connected - replaced))
        lost = sorted(gone.elements())
        for connection in sorted(connected):
            if connection[:2] in looked_at:
                self._cut.pop(connection, None)
                self._remembered.setdefault(connection)
                if is_to_peer(connection):
                    self._to_peers.add(connection)
        for known in (self._remembered, self._cut):
            self._forget(list(known)[: max(len(known) - MAX_REMEMBERED, 0)])
        self._connected = connected
        self._identities = {c: value for c, value in self._identities.items() if c in connected or c in self._missing}
        cut = [(c.own, c.other) for c in self._cut if c not in cut_before]
        return PatchChanges(before != self.to_json(), restored, lost, added, cut)

    def _forget(self, connections: Iterable[PortConnection]) -> None:
        for connection in list(connections):
            self._remembered.pop(connection, None)
            self._cut.pop(connection, None)
            self._to_peers.discard(connection)

    def _restore(
        self, graphs: Mapping[str, ConnectionGraph], ports: Collection[OwnPort], full_interval: bool
    ) -> tuple[set[PortConnection], set[PortConnection]]:
        """Connect what is to be restored, note what was cut.

        Returns all connections, and those of them whose other end went and came back since the last update.
        """
        missing_before, self._missing = self._missing, {c for c in self._missing if c.api not in graphs}
        looked_at = {port[:2] for port in ports}
        connected = {connection for connection in self._connected if connection[:2] not in looked_at}
        replaced = set()
        if full_interval:
            self._refused.clear()
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
                        self._cut[connection] = None
                    else:
                        self._missing.add(connection)
                elif connection not in self._refused:
                    if graph.connect(own, connection.other, is_output):
                        connected.add(connection)
                        if connection in self._connected:
                            replaced.add(connection)
                    else:  # ALSA announces the attempt itself, which leads to the next update
                        self._refused.add(connection)
        return connected, replaced


def _is_named(other: str, peer: str | None) -> bool:
    """Whether `other` is `peer`, or one of several ports of that name."""
    return _NUMBER.sub("", other) == peer


def _without_number(connection: PortConnection) -> tuple[str, str]:
    """Our port, and the name of the other without the number that distinguishes ports of one name."""
    return connection.own, _NUMBER.sub("", connection.other)

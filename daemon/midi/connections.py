"""Watches the connections of our open ports: what inputs hold is released, what receivers missed is repeated."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from daemon.errors import printable_name
from daemon.midi.alsa import Address, AlsaGraph
from daemon.midi.inbox import Inbox, InputPort
from daemon.midi.output import NEVER, Output
from daemon.midi.patch_bay import ConnectionGraph, OwnPort, PatchBay, PortConnection
from daemon.midi.port_names import ALSA, JACK, Device, without_numbers
from daemon.midi.systems import EOX_PORT, Systems
from daemon.spec import PortSpec

CONNECTION_INTERVAL = 0.2  # seconds between updates of the connections, unless a MIDI system tells of changes
IN_FLIGHT = 0.1  # seconds in which a message that was sent has been received: two JACK periods, but for the longest
LATE = 0.02  # seconds from a notice of JACK to the update, within which no person cuts a connection and makes it again


class PortObserver(Protocol):
    """Gets the events of the ports (the stage)."""

    def port_changed(self, name: str, is_open: bool) -> None:
        """A port was lost (`is_open` is false) or is back."""

    def connections_changed(self, connections: list[Any]) -> None:
        """What the patch bay remembers (`PatchBay.to_json`), which has changed."""

    def log(self, level: str, cause: str, text: str, is_change: bool = False) -> None:
        """A line for the log; at most one a minute for each cause, but for changes."""


@dataclass(eq=False, slots=True)
class Port:
    """A port of the configuration, open or not."""

    spec: PortSpec
    output: Output | None = None  # of an output, also while it is not open
    device: Device | None = None  # None: it is not open
    input: InputPort | None = None  # of an open input
    had_own: bool = False  # it once had a peer that no other port of ours was connected to: it waits for such a one
    retry_at: float = 0.0
    malformed_at: float = NEVER  # when it last brought bytes that are not MIDI
    was_open: bool = False
    is_reported: bool = False  # that it cannot be opened


class ConnectionWatch:
    """Restores connections; releases the notes that inputs hold when a sender is gone; repeats missed note-offs."""

    def __init__(self, systems: Systems, inbox: Inbox, observer: PortObserver) -> None:
        self.patch_bay = PatchBay(private=[EOX_PORT])
        self.connected: dict[str, bool] = {}  # by open output whose connections can be seen: whether it has any
        self._systems, self._inbox, self._observer = systems, inbox, observer
        self._update_at = NEVER
        self._update_soon = False
        self._updated_at = 0.0  # when the last update began

    def reconfigured(self, now: float) -> None:
        """The ports are other ones: update soon, and again within CONNECTION_INTERVAL."""
        self.update_soon()
        self._update_at = min(self._update_at, now + CONNECTION_INTERVAL)

    def update_soon(self) -> None:
        self._update_soon = True

    def are_connected(self, ports: Iterable[Port]) -> bool:
        """Whether the connections of the open `ports` on JACK that are known exist."""
        own_ports = [own_port(port.device) for port in ports if port.device is not None and port.device.api == JACK]
        graph = self._systems.graphs().get(JACK)
        return graph is not None and self.patch_bay.are_connected(graph, own_ports)

    def update(self, now: float, ports: Collection[Port]) -> bool:
        """Look at the connections of `ports` when it is time to, or when a MIDI system tells that some changed.

        Returns whether a port has lost its peer.
        """
        if now < self._update_at and not self._update_soon and not self._systems.changes.pending:
            return False
        full_interval = now >= self._update_at
        self._update_at, self._update_soon = now + CONNECTION_INTERVAL, False
        before, began = self._updated_at, time.perf_counter()
        self._updated_at = began
        notices = self._systems.changes.take()
        graphs = self._systems.graphs()
        devices = {port.device.name: (port, port.device) for port in ports if port.device is not None}
        own_ports = [own_port(device) for _, device in devices.values() if device.api in graphs]
        interrupted = _interrupted(graphs.get(ALSA), notices.alsa_cut)
        changes = self.patch_bay.update(graphs, own_ports, full_interval, interrupted)
        if changes.changed:
            self._observer.connections_changed(self.patch_bay.to_json())
        peer_lost = False
        for own, other in changes.lost:
            peer_lost |= self._lost_connection(*devices[own], other, now)
        for own, other in changes.cut:
            name = devices[own][0].spec.name
            text = (
                f"port {name}: the connection to {printable_name(other)} was cut; it stays cut until it is made again"
            )
            self._log_connection(name, other, f"{text} by hand or the configuration is reloaded")
        for own, other in changes.restored + changes.added:
            port, device = devices[own]
            ends = (
                [printable_name(other), port.spec.name] if device.is_input else [port.spec.name, printable_name(other)]
            )
            self._log_connection(port.spec.name, other, " → ".join(ends))
        for own in dict(changes.restored + changes.added):
            if (output := devices[own][0].output) is not None:
                (output.repeat_note_offs if own in dict(changes.restored) else output.repeat_owed)()
                output.repeat_sounds()
        self.connected = {
            port.spec.name: is_connected
            for port, device in devices.values()
            if port.output is not None
            and (graph := graphs.get(device.api)) is not None
            # ALSA's list may be hidden from this process.
            and ((is_connected := not self.patch_bay.is_unconnected(device.name)) or graph.has_port(device.name))
        }
        if notices.alsa_lost:
            self._presume_cuts(before, now, [port for port, device in devices.values() if device.api == ALSA])
        for port, device in devices.values():
            self._release_unconnected(port, device, began, now)
            if port.output is not None:
                if device.api == JACK and len(notices.jack) > 1 and began > notices.jack[0] + LATE:
                    # A connection may have been cut and made again.
                    port.output.repeat_sent(notices.jack[0] - IN_FLIGHT, notices.jack[-1])
                port.output.has_receiver = not self.patch_bay.has_lost_all(device.name)
                if device.api in graphs or device.api not in (ALSA, JACK):
                    port.output.confirm_note_offs(now)
        return peer_lost

    def _lost_connection(self, port: Port, device: Device, other: str, now: float) -> bool:
        """Release what an input holds, whether the other end is gone or the connection was cut.

        In neither case will the note-offs come. Of several keyboards on one input it is unknown which one holds what:
        those that remain lose what they hold, which their next keys bring back; a note that never ends is worse.
        Returns whether the port has lost its peer: then it is lost itself.
        """
        if device.peer is not None and self._systems.failure(device) is not None:
            return True
        if port.input is not None:
            self._release(port.input, now)
            self._systems.end_exclusive(device)  # the sender may have been within an exclusive message
            text = f"port {port.spec.name}: {printable_name(other)} is no longer connected; its held notes are released"
            self._log_connection(port.spec.name, other, text)
        elif port.output is not None:
            port.output.receiver_lost()
            text = f"port {port.spec.name}: {printable_name(other)} is no longer connected; the note-offs that it"
            self._log_connection(port.spec.name, other, f"{text} misses are sent when it is connected again")
        return False

    def _log_connection(self, own: str, other: str, text: str) -> None:
        self._observer.log("info", f"connection {own} {other}", text, is_change=True)

    def _presume_cuts(self, since: float, now: float, ports: Iterable[Port]) -> None:
        """Any connection of these ports may have been cut and made again since the last update."""
        for port in ports:
            if port.output is not None:
                port.output.repeat_sent(since - IN_FLIGHT, now)
            elif port.input is not None:
                self._release(port.input, now)
        text = (
            "ALSA changed more connections at once than jamd could follow: the notes that its inputs hold are released"
        )
        self._observer.log("info", "announcements", text)

    def _release_unconnected(self, port: Port, device: Device, began: float, now: float) -> None:
        """Release the notes of a sender that came, played and went between two updates.

        Only on JACK and without a peer: on ALSA a sender need not be connected to play. A message that came in after
        this update `began` may be from a sender that was connected since.
        """
        if port.input is None or device.api != JACK or device.peer is not None:
            return
        if self.patch_bay.is_unconnected(device.name) and port.input.released_at < port.input.last_message_at < began:
            self._release(port.input, now)

    def _release(self, port: InputPort, now: float) -> None:
        port.released_at = now
        self._inbox.post(port, None)


def own_port(device: Device) -> OwnPort:
    """The device as the patch bay knows it."""
    return OwnPort(device.api, device.name, not device.is_input, without_numbers(device.peer))


def _interrupted(alsa: ConnectionGraph | None, cut: Iterable[tuple[Address, Address]]) -> set[PortConnection]:
    """The connections that were `cut`, as the sender knows them and as the receiver does."""
    if not isinstance(alsa, AlsaGraph):
        return set()
    names = [found for ends in cut if (found := alsa.names(ends)) is not None]
    return {PortConnection(ALSA, *pair) for one, other in names for pair in ((one, other), (other, one))}

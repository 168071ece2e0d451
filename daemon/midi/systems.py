"""The MIDI systems of this machine: our ports on them are opened, watched and closed."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

try:
    import rtmidi
except ImportError as _error:  # no libasound, or a Python without a wheel: no ports, which is logged once
    rtmidi = None
    IMPORT_ERROR = str(_error)

from daemon.errors import printable_name
from daemon.midi.alsa import AlsaGraph, read_clients
from daemon.midi.connection_changes import ConnectionChanges
from daemon.midi.jack_server import JackServer
from daemon.midi.patch_bay import ConnectionGraph
from daemon.midi.port_names import (
    ALSA,
    CORE_MIDI,
    JACK,
    WINDOWS,
    Device,
    NameTaken,
    NotThere,
    choose_port,
    client_name,
    find_port,
    own_name,
)
from daemon.spec import PortSpec

EOX_PORT = "jamd stage out:midi"  # a port of ours, connected to our own inputs only; see Systems.end_exclusive
CALLBACK_END = 0.02  # seconds in which a thread that has begun to hand over a message ends that
_never_deleted: list[object] = []  # see Systems.close


class Systems:
    """Opens, watches and closes ports.

    Until `handover_until` (monotonic seconds) a port of the wanted name may belong to a stage process that was killed
    just before. Calls that lock the interpreter for 20 to 40 ms in rtmidi are made within `locked`. `wake` is called
    from any thread when connections have changed.
    """

    def __init__(
        self, locked: Callable[[], AbstractContextManager[None]] = nullcontext, wake: Callable[[], None] = lambda: None
    ) -> None:
        self.handover_until = 0.0
        self.changes = ConnectionChanges(wake)
        self.jack = JackServer(self.changes)
        self._locked = locked
        self._eox_sender: Device | None = None
        self._connected: list[Device] = []  # those with a `peer`

    def open(self, spec: PortSpec, may_share: bool = True) -> Device:
        """Open a port on the first system where that succeeds; `connect:` is resolved by `choose_port`.

        Raises NotThere, whose text lists what was tried; NameTaken.
        """
        tried = []
        for name, number in self.compiled():
            try:
                return self._open_on(name, number, spec, may_share)
            except NotThere as error:
                tried.append(f"{name} ({error})")
            except (OSError, rtmidi.RtMidiError) as error:
                tried.append(f"{name} ({str(error).strip() or 'not running'})")
        if rtmidi is None:
            tried.append(f"none, because python-rtmidi cannot be imported: {IMPORT_ERROR}")
        what = "no MIDI system" if spec.connect is None else f"port {spec.name}: nothing to connect to"
        raise NotThere(f"{what}; tried {', '.join(tried) or 'none, because this python-rtmidi was built without any'}")

    def failure(self, device: Device) -> str | None:
        """Why the device no longer works; None if it works."""
        if device.api == JACK:
            if not self.jack.is_alive:
                return "the JACK server is gone"
            if not self.jack.has_port(device.name):
                return "the JACK server closed the port"
            return (
                None
                if device.peer is None or self.jack.has_port(device.peer)
                else f"{printable_name(device.peer)} is gone"
            )
        if device.peer is None:
            return None
        # rtmidi counts the ports and then asks for one after the other: when some come or go meanwhile, the one that we
        # look for may be missing. The kernel makes its list in one step.
        names = AlsaGraph(read_clients()).ports(device.is_input) if device.api == ALSA else []
        return None if device.peer in (names or device.handle.get_ports()) else f"{printable_name(device.peer)} is gone"

    def close(self, device: Device) -> None:
        """Close a device, also one that has failed.

        Deleting a client of a dead JACK server takes a second per output, with the interpreter locked; the next client
        that is opened finds the clients that were left and cleans them up, after which deleting them crashes. So they
        are never deleted.
        A working input must be disconnected CALLBACK_END seconds before: rtmidi waits for its thread with the
        interpreter locked, and if that thread waits for the interpreter to hand over a message, both wait for ever.
        """
        self._connected = [other for other in self._connected if other is not device]
        if self._is_dead(device):
            _never_deleted.append(device.handle)
            return
        with self._locked():
            device.handle.close_port()
            device.handle.delete()

    def disconnect(self, device: Device) -> None:
        """Cut all connections of `device`."""
        graphs = self.graphs()
        if device.api in graphs and not self._is_dead(device):
            graphs[device.api].disconnect(device.name, not device.is_input)

    def _is_dead(self, device: Device) -> bool:
        return device.api == JACK and not self.jack.has_port(device.name)

    def graphs(self) -> dict[str, ConnectionGraph]:
        """The systems whose connections can be seen and made, as they are now."""
        graphs: dict[str, ConnectionGraph] = {ALSA: AlsaGraph(read_clients())}
        if self.jack.is_running():
            graphs[JACK] = self.jack.client
        return graphs

    def end_exclusive(self, device: Device) -> None:
        """Send a lone end of exclusive to an input of ours on JACK.

        Once rtmidi has seen the start of a system exclusive message there, be it garbage, it takes everything after it
        for its continuation and hands over nothing until an end of exclusive comes; no sign of that is visible from
        outside. To an input in any other state a lone end of exclusive means nothing; a long message that is only slow
        is cut by it.
        """
        sender = self._eox_sender
        if device.api != JACK or sender is None or not self.jack.is_running():
            return
        if self.failure(device) is None and self.failure(sender) is None:
            # The server is asked for the connection once, and not every second.
            if EOX_PORT not in self.jack.client.connections(device.name):
                self.jack.client.connect(EOX_PORT, device.name, True)
            sender.handle.send_message(b"\xf7")

    def _open_eox_sender(self) -> None:
        """Open the port for `end_exclusive` before it is needed: that takes 40 ms, in which nothing is sent."""
        if self._eox_sender is not None and self.failure(self._eox_sender) is not None:
            self.close(self._eox_sender)
            self._eox_sender = None
        if self._eox_sender is None:
            with self._locked():
                handle = rtmidi.MidiOut(rtmidi.API_UNIX_JACK, "jamd stage out")
                handle.open_virtual_port("midi")
            self._eox_sender = Device(JACK, handle, EOX_PORT, None, False)

    def close_clients(self) -> None:
        """Close the clients that are not ports of the configuration. To be called last."""
        if self._eox_sender is not None:
            self.close(self._eox_sender)
        self.jack.close()

    @staticmethod
    def compiled() -> Iterator[tuple[str, int]]:
        """The systems that ports are opened on, in this order, with rtmidi's numbers; they need not be running."""
        if rtmidi is None:
            return
        compiled = rtmidi.get_compiled_api()
        for name, number in (
            (ALSA, rtmidi.API_LINUX_ALSA),
            (JACK, rtmidi.API_UNIX_JACK if sys.platform == "linux" else -1),  # JackClient works on Linux only
            (CORE_MIDI, rtmidi.API_MACOSX_CORE),
            (WINDOWS, rtmidi.API_WINDOWS_MM),
        ):
            if number in compiled:
                yield name, number

    def has_unshared(self, device: Device) -> bool:
        """Whether there is a port that the shared `device` could be connected to alone."""
        graph = self.graphs().get(device.api)
        taken = self._taken(device.api, device.is_input)
        return (
            device.wanted is not None
            and graph is not None
            and find_port(graph.ports(device.is_input), device.wanted, taken) is not None
        )

    def _taken(self, api: str, is_input: bool) -> list[str]:
        """Ports of others that our inputs (or outputs) are connected to for `connect:`."""
        return [d.peer for d in self._connected if d.peer is not None and (d.api, d.is_input) == (api, is_input)]

    def _open_on(self, api: str, number: int, spec: PortSpec, may_share: bool) -> Device:
        self._check_in_advance(api, spec, may_share)
        if api == WINDOWS and spec.connect is None:
            raise NotThere("no virtual ports: make a port with loopMIDI and name it with connect:")
        kind, opposite = (rtmidi.MidiIn, rtmidi.MidiOut) if spec.direction == "in" else (rtmidi.MidiOut, rtmidi.MidiIn)
        name = own_name(api, spec.name)
        self._wait_for_name(api, number, opposite, name)
        with self._locked():
            device = self._open_handle(api, kind(number, client_name(spec.name)), name, spec, may_share)
        if device.peer is not None:
            self._connected.append(device)
        if api == ALSA:
            self.changes.watch_alsa()
        if api == JACK and device.is_input:
            self._open_eox_sender()
        return device

    def _open_handle(self, api: str, handle: Any, name: str, spec: PortSpec, may_share: bool) -> Device:
        """Open a port of rtmidi's `handle`, which is deleted if that fails."""
        try:
            peer, is_shared, is_input = None, False, spec.direction == "in"
            if spec.connect is None:
                handle.open_virtual_port("midi" if api in (ALSA, JACK) else client_name(spec.name))
            else:
                names = handle.get_ports()
                index, is_shared = choose_port(names, spec.connect, self._taken(api, is_input), may_share)
                peer = names[index]
                handle.open_port(index, "midi")
            if api == JACK and not self.jack.has_port(name):
                raise NotThere(f"another program has the name {client_name(spec.name)!r}")
            return Device(api, handle, name, peer, is_input, spec.connect, is_shared)
        except BaseException:
            handle.delete()
            raise

    def _check_in_advance(self, api: str, spec: PortSpec, may_share: bool) -> None:
        """Raise NotThere where the attempt to open would fail with noise, or slowly: making a client takes 20 ms."""
        if api == ALSA and not os.access("/dev/snd/seq", os.R_OK | os.W_OK):
            raise NotThere("/dev/snd/seq does not exist, or this user may not use it")
        if api == JACK and not self.jack.is_alive:
            self.jack.find()
        if api == JACK and not self.jack.is_running():
            raise NotThere("the server does not respond")
        if spec.connect is not None and (graph := self.graphs().get(api)) is not None:
            is_input = spec.direction == "in"
            names = graph.ports(is_output=is_input)
            if names or api == JACK:  # ALSA's list may be hidden from this process
                choose_port(names, spec.connect, self._taken(api, is_input), may_share)

    def _wait_for_name(self, api: str, number: int, opposite: Any, name: str) -> None:
        """Wait until the ports of a killed stage process are gone; raise NameTaken if the name stays in use."""
        while self._is_name_used(api, number, opposite, name):
            if time.monotonic() > self.handover_until:
                raise NameTaken(
                    f'the MIDI port "{name}" exists already: another jamd is running; stop it, or give the port'
                    " another name in config.yaml"
                )
            time.sleep(0.02)

    def _is_name_used(self, api: str, number: int, opposite: Any, name: str) -> bool:
        if api == JACK:
            return self.jack.has_port(name)
        if api == ALSA:
            return f'"{name.partition(":")[0]}" [User' in read_clients()
        if api == WINDOWS:  # only ports of others, which may be shared
            return False
        probe = opposite(number, "jamd look")
        try:
            return any(port == name or port.startswith(f"{name} ") for port in probe.get_ports())
        finally:
            probe.delete()

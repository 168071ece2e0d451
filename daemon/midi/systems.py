"""The MIDI systems of this machine, tried one after the other, and our ports on them."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

try:
    import rtmidi
except ImportError as _error:  # no libasound, or a Python without a wheel: no ports, which is said once
    rtmidi = None
    IMPORT_ERROR = str(_error)

from daemon.errors import PortError
from daemon.midi.alsa import AlsaGraph, read_clients
from daemon.midi.patch_bay import ConnectionGraph
from daemon.midi.port_names import ALSA, CORE_MIDI, JACK, WINDOWS, client_name, find_port, is_ours, own_name
from daemon.spec import PortSpec

ENDER = "jamd stage out:midi"  # a port of ours for our own inputs only; see Systems.end_exclusive
KNOCK, KNOCK_MOST = 0.1, 1.0  # seconds between looks for a JACK server, for all ports together; each takes 5 ms
KNOCK_SLOWER = 1.2  # … which become rarer while there is none: its return is noticed the sooner the shorter it was away
QUIET = 0.02  # seconds in which threads that were bringing a message will have brought it
MOURNING = 0.25  # the same after the death of a JACK server: the next client that is opened ends them (see JackClient)
_lost: list[object] = []  # see Systems.close


class NotThere(PortError):
    """No MIDI system can give this port now; later one may."""


class NameTaken(PortError):
    """Someone else has a port of this name."""


@dataclass(eq=False, slots=True)
class Device:
    """A port of ours that is open. `handle` is rtmidi's; `foreign` names the port of others that it is joined to.

    `shared`: another port of ours is joined to it too, because none of that name was free.
    """

    api: str
    handle: Any
    own: str
    foreign: str | None
    is_input: bool
    wanted: str | None = None  # connect: in the configuration
    shared: bool = False


class Systems:
    """Opens ports, watches them, closes them.

    Until `hand_over` (monotonic seconds) a port of the same name may be that of a stage that was killed just now.
    What rtmidi does with the interpreter locked, 20 to 40 ms each time, is done within `locked`.
    """

    def __init__(self, locked: Callable[[], AbstractContextManager[None]] = nullcontext) -> None:
        self.hand_over = 0.0
        self._locked = locked
        self.jack: Any = None  # JackClient, while there was a server
        self._ender: Device | None = None
        self._joined: list[Device] = []  # to ports of others
        self._knock_at, self._knock_gap = 0.0, KNOCK  # monotonic seconds: when a JACK server is looked for again
        self._died_at = 0.0  # monotonic seconds at which the JACK server's death was noticed; 0: it lives

    def open(self, spec: PortSpec, may_share: bool = True) -> Device:
        """Join a port of others that none of ours is joined to, or else, where that is allowed, the first of the name.

        Raises NotThere, saying what was tried; NameTaken.
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
            tried.append(f"nothing, for python-rtmidi cannot be imported: {IMPORT_ERROR}")
        what = "no MIDI system" if spec.connect is None else f"port {spec.name}: nothing to connect to"
        raise NotThere(f"{what}; tried {', '.join(tried) or 'none, for this python-rtmidi was built without any'}")

    def gone(self, device: Device) -> str | None:
        """Why the device no longer works, or None."""
        if device.api == JACK:
            if self.jack is None or not self.jack.alive:
                return "the JACK server is gone"
            if not self.jack.has_port(device.own):
                return "the JACK server closed it"
            return None if device.foreign is None or self.jack.has_port(device.foreign) else f"{device.foreign} is gone"
        if device.foreign is None:
            return None
        # rtmidi counts the ports and then asks for one after the other: when some come or go meanwhile, ours may slip
        # through. The kernel makes its list at once.
        names = AlsaGraph(read_clients()).ports(device.is_input) if device.api == ALSA else []
        return None if device.foreign in (names or device.handle.get_ports()) else f"{device.foreign} is gone"

    def close(self, device: Device) -> None:
        """Also one that is gone.

        Deleting a client of a dead JACK server takes a second per output, with the interpreter locked; the next client
        that is opened finds those that were left and cleans them up, after which deleting them crashes. So they stay.
        A living input is to be cut off before, and given QUIET seconds: rtmidi waits for its thread, with the
        interpreter locked, and if that thread waits for the interpreter meanwhile, to bring a message, both wait for
        ever.
        """
        self._joined = [joined for joined in self._joined if joined is not device]
        if self._dead(device):
            _lost.append(device.handle)
            return
        with self._locked():
            device.handle.close_port()
            device.handle.delete()

    def cut_off(self, device: Device) -> None:
        """Let nothing come in there any more."""
        boards = self.boards()
        if device.is_input and device.api in boards and not self._dead(device):
            boards[device.api].disconnect(device.own)

    def _dead(self, device: Device) -> bool:
        return device.api == JACK and not (self.jack is not None and self.jack.has_port(device.own))

    def boards(self) -> dict[str, ConnectionGraph]:
        """The systems whose connections can be seen and made, as they are now."""
        boards: dict[str, ConnectionGraph] = {ALSA: AlsaGraph(read_clients())}
        if self.jack is not None and self.jack.is_running():
            boards[JACK] = self.jack
        return boards

    @property
    def jack_died(self) -> bool:
        if self.jack is None or self.jack.alive:
            self._died_at = 0.0
            return False
        self._died_at = self._died_at or time.monotonic()
        return True

    def end_exclusive(self, device: Device) -> None:
        """Send a lone end of exclusive to an input of ours on JACK.

        Once rtmidi saw the start of a system exclusive message there, be it garbage, it takes all that follows for its
        continuation, and passes on nothing until its end comes. Nothing tells from outside that it does so. To an
        input that hears, a lone end says nothing; in a long message that is only slow, it would be a wrong one.
        """
        ender = self._ender
        if device.api != JACK or ender is None or not self.jack.is_running():
            return
        if self.gone(device) is None and self.gone(ender) is None:
            if ENDER not in self.jack.connections(device.own):  # the server is asked for it once, and not every second
                self.jack.connect(ENDER, device.own, True)
            ender.handle.send_message(b"\xf7")

    def _have_ender(self) -> None:
        """Early, for making a client takes 40 ms, in which no note is sent."""
        if self._ender is not None and self.gone(self._ender) is not None:
            self.close(self._ender)
            self._ender = None
        if self._ender is None:
            with self._locked():
                handle = rtmidi.MidiOut(rtmidi.API_UNIX_JACK, "jamd stage out")
                handle.open_virtual_port("midi")
            self._ender = Device(JACK, handle, ENDER, None, False)

    def leave(self) -> None:
        """The last thing: let go of the systems themselves."""
        if self._ender is not None:
            self.close(self._ender)
        if self.jack is not None:
            self.jack.close()

    @staticmethod
    def compiled() -> Iterator[tuple[str, int]]:
        """The systems that ports are opened on, in this order, with rtmidi's numbers; whether they run is not asked."""
        if rtmidi is None:
            return
        compiled = rtmidi.get_compiled_api()
        for name, number in (
            (ALSA, rtmidi.API_LINUX_ALSA),
            (JACK, rtmidi.API_UNIX_JACK if sys.platform == "linux" else -1),  # elsewhere nobody could watch over it
            (CORE_MIDI, rtmidi.API_MACOSX_CORE),
            (WINDOWS, rtmidi.API_WINDOWS_MM),
        ):
            if number in compiled:
                yield name, number

    def has_free(self, device: Device) -> bool:
        """Whether there is a port that a shared `device` could have for itself."""
        board = self.boards().get(device.api)
        taken = self._taken(device.api, device.is_input)
        return (
            device.wanted is not None
            and board is not None
            and find_port(board.ports(device.is_input), device.wanted, taken) is not None
        )

    def _taken(self, api: str, is_input: bool) -> list[str]:
        """Ports of others that ours of this direction are joined to."""
        return [d.foreign for d in self._joined if d.foreign is not None and (d.api, d.is_input) == (api, is_input)]

    def _find(self, api: str, names: list[str], spec: PortSpec, may_share: bool) -> tuple[int, bool]:
        """Index of the port to be joined, and whether it is shared."""
        assert spec.connect is not None
        index = find_port(names, spec.connect, self._taken(api, spec.direction == "in"))
        if index is not None:
            return index, False
        index = find_port(names, spec.connect)
        if index is None:
            raise _nothing_like(spec.connect, names)
        if not may_share:
            raise NotThere(f"{names[index]} is joined to another port of ours")
        return index, True

    def _open_on(self, api: str, number: int, spec: PortSpec, may_share: bool) -> Device:
        self._look_for(api, spec, may_share)
        if api == WINDOWS and spec.connect is None:
            raise NotThere("it has no virtual ports: make one with loopMIDI and name it with connect:")
        kind, opposite = (rtmidi.MidiIn, rtmidi.MidiOut) if spec.direction == "in" else (rtmidi.MidiOut, rtmidi.MidiIn)
        client = client_name(spec.name)
        own = own_name(api, spec.name)
        self._see_that_free(api, number, opposite, own)
        with self._locked():
            device = self._make(api, kind(number, client), own, spec, may_share)
        if device.foreign is not None:
            self._joined.append(device)
        if api == JACK and device.is_input:
            self._have_ender()
        return device

    def _make(self, api: str, handle: Any, own: str, spec: PortSpec, may_share: bool) -> Device:
        """Of rtmidi's `handle`, which is deleted where that fails."""
        try:
            foreign, shared = None, False
            if spec.connect is None:
                handle.open_virtual_port("midi" if api in (ALSA, JACK) else client_name(spec.name))
            else:
                names = handle.get_ports()
                index, shared = self._find(api, names, spec, may_share)
                foreign = names[index]
                handle.open_port(index, "midi")
            if api == JACK and not self.jack.has_port(own):
                raise NotThere(f"the server gave the name {client_name(spec.name)!r} to someone else")
            return Device(api, handle, own, foreign, spec.direction == "in", spec.connect, shared)
        except BaseException:
            handle.delete()
            raise

    def _look_for(self, api: str, spec: PortSpec, may_share: bool) -> None:
        """Raise NotThere where the attempt itself would be noisy or slow: making a client takes 20 ms."""
        if api == ALSA and not os.access("/dev/snd/seq", os.R_OK | os.W_OK):
            raise NotThere("/dev/snd/seq is not there, or not for this user")
        if api == JACK and (self.jack is None or not self.jack.alive):
            self._look_for_jack()
        if api == JACK and not self.jack.is_running():
            raise NotThere("its server stands still")
        if spec.connect is not None and (board := self.boards().get(api)) is not None:
            names = board.ports(is_output=spec.direction == "in")
            if names or api == JACK:  # ALSA's list may be hidden from us
                self._find(api, names, spec, may_share)

    def _look_for_jack(self) -> None:
        from daemon.midi.jack import open_client

        now = time.monotonic()
        if self.jack_died and now < self._died_at + MOURNING:
            raise NotThere("its server has just died")
        if self.jack is not None:
            self._knock_at, self._knock_gap = 0.0, KNOCK
        if now >= self._knock_at:
            self.jack = open_client()
        if self.jack is None:
            if now >= self._knock_at:
                self._knock_at = now + self._knock_gap
                self._knock_gap = min(self._knock_gap * KNOCK_SLOWER, KNOCK_MOST)
            raise NotThere("no server is running")

    def _see_that_free(self, api: str, number: int, opposite: Any, own: str) -> None:
        """Wait for a stage that was killed to lose its ports; raise NameTaken if someone keeps them."""
        while self._exists(api, number, opposite, own):
            if time.monotonic() > self.hand_over:
                raise NameTaken(
                    f'there is a MIDI port "{own}" already: another jamd is running; stop it, or name the port'
                    " otherwise in config.yaml"
                )
            time.sleep(0.02)

    def _exists(self, api: str, number: int, opposite: Any, own: str) -> bool:
        if api == JACK:
            return bool(self.jack.has_port(own))
        if api == ALSA:
            return f'"{own.partition(":")[0]}" [User' in read_clients()
        if api == WINDOWS:  # only ports of others, which may be shared
            return False
        looker = opposite(number, "jamd look")
        try:
            return any(name == own or name.startswith(f"{own} ") for name in looker.get_ports())
        finally:
            looker.delete()


def _nothing_like(wanted: str, names: list[str]) -> NotThere:
    others = [name for name in names if not is_ours(name)]
    return NotThere(f"it has no port like {wanted!r}; it has: {', '.join(others) or 'none'}")

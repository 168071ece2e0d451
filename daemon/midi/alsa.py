"""The ports and connections of ALSA's sequencer: read from /proc, changed through libasound."""

from __future__ import annotations

import ctypes
import errno
import os
import re
from collections.abc import Iterator
from ctypes import POINTER, byref, c_char_p, c_int, c_ubyte, c_void_p, string_at
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

_CLIENT = re.compile(r'Client\s+(\d+) : "(.*)" \[')
_PORT = re.compile(r'\s+Port\s+(\d+) : "(.*)" \((..)')
_CONNECTIONS = re.compile(r"\s+(Connecting To|Connected From): (.*)")
_OPEN_INPUT, _OPEN_DUPLEX = 2, 3  # SND_SEQ_OPEN_…
_WRITE, _NO_EXPORT = 1 << 1, 1 << 7  # SND_SEQ_PORT_CAP_…
_APPLICATION = 1 << 20  # SND_SEQ_PORT_TYPE_APPLICATION
_ANNOUNCE = 0, 1  # SND_SEQ_CLIENT_SYSTEM, SND_SEQ_PORT_SYSTEM_ANNOUNCE
_PORT_UNSUBSCRIBED = 67  # SND_SEQ_EVENT_…
Address = tuple[int, int]  # client, port


class Announcement(Enum):
    OTHER = "a change that cuts no connection"
    LOST = "changes that could not be read"


Cut = tuple[Address, Address]  # the sender and the receiver of a connection


class _Address(ctypes.Structure):
    _fields_ = (("client", c_ubyte), ("port", c_ubyte))


@dataclass(slots=True)
class _Port:
    name: str
    access: str = ""  # R: others may read from this port, W: write to it
    connected: list[Address] = field(default_factory=list)


def read_clients() -> str:
    """The kernel's list of the sequencer's clients; empty where there is no sequencer."""
    try:
        return Path("/proc/asound/seq/clients").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


class AlsaGraph:
    """All ports and connections at one moment.

    Ports are named `CLIENT:PORT`, a second port of that name `CLIENT:PORT (2)`. Numbers are no names: a device may get
    other ones whenever it is plugged in.
    """

    def __init__(self, clients: str) -> None:
        self._ports: dict[Address, _Port] = {}
        client, name, port = 0, "", _Port("")
        for line in clients.splitlines():
            if found := _CLIENT.match(line):
                client, name = int(found[1]), found[2]
            elif found := _PORT.match(line):
                port = self._ports[client, int(found[1])] = _Port(f"{name}:{found[2]}", found[3])
            elif found := _CONNECTIONS.match(line):
                port.connected += [(int(c), int(p)) for c, p in re.findall(r"(\d+):(\d+)", found[2])]
        self._addresses: dict[str, Address] = {}
        self._names: dict[Address, str] = {}
        for address, found_port in self._ports.items():
            name, number = found_port.name, 1
            while name in self._addresses:
                number += 1
                name = f"{found_port.name} ({number})"
            self._addresses[name], self._names[address] = address, name

    def connections(self, own: str) -> set[str]:
        address = self._addresses.get(own)
        connected = self._ports[address].connected if address is not None else []
        return {self._names[other] for other in connected if other in self._ports}

    def ports(self, is_output: bool) -> list[str]:
        """All ports that give (or take) messages, as rtmidi names them."""
        wanted = "R" if is_output else "W"
        return [f"{port.name} {c}:{p}" for (c, p), port in self._ports.items() if c and wanted in port.access]

    def has_port(self, name: str) -> bool:
        return name in self._addresses

    def identity(self, port: str) -> Address | None:
        """The port's numbers. A device may get the same ones when it is plugged in again, but not within a second."""
        return self._addresses.get(port)

    def connect(self, own: str, other: str, is_output: bool) -> bool:
        ends = self._addresses.get(own), self._addresses.get(other)
        sender, receiver = ends if is_output else reversed(ends)
        return sender is not None and receiver is not None and _subscribe(sender, receiver)

    def disconnect(self, own: str, is_output: bool) -> None:
        address = self._addresses.get(own)
        if address is not None:
            for other in self._ports[address].connected:
                _subscribe(*((address, other) if is_output else (other, address)), undo=True)

    def names(self, ends: tuple[Address, Address]) -> tuple[str, str] | None:
        """The names of both ends of a connection; None if a port is gone."""
        sender, receiver = (self._names.get(end) for end in ends)
        return None if sender is None or receiver is None else (sender, receiver)


def announcements() -> Iterator[Cut | Announcement]:
    """Wait for changes of the sequencer's clients, ports and connections, and yield each.

    The ends of a connection that was cut, or what else is announced. Ends where there is no sequencer.
    """
    opened = _open(_OPEN_INPUT, b"jamd-connections")
    if opened is None:
        return
    library, handle = opened
    library.snd_seq_event_input.argtypes = (c_void_p, POINTER(c_void_p))
    # Only its owner connects a port that is not exported; `aconnect` does not list the port.
    port = library.snd_seq_create_simple_port(handle, b"announcements", _WRITE | _NO_EXPORT, _APPLICATION)
    library.snd_seq_connect_from(handle, port, *_ANNOUNCE)
    event = c_void_p()
    while (result := library.snd_seq_event_input(handle, byref(event))) >= 0 or result in (-errno.ENOSPC, -errno.EINTR):
        if result < 0 or event.value is None:
            yield Announcement.LOST if result == -errno.ENOSPC else Announcement.OTHER  # the queue was full
            continue
        data = string_at(event.value, 20)  # struct snd_seq_event; from byte 16 on, the ends of a connection
        is_cut = data[0] == _PORT_UNSUBSCRIBED
        yield ((data[16], data[17]), (data[18], data[19])) if is_cut else Announcement.OTHER


def _open(mode: int, name: bytes) -> tuple[ctypes.CDLL, c_void_p] | None:
    """libasound and a client of the sequencer; None where either is missing."""
    if not os.path.exists("/dev/snd/seq"):  # libasound prints a message then
        return None
    try:
        library = ctypes.CDLL("libasound.so.2")
    except OSError:
        return None
    library.snd_seq_open.argtypes = (POINTER(c_void_p), c_char_p, c_int, c_int)
    handle = c_void_p()
    if library.snd_seq_open(byref(handle), b"default", mode, 0) < 0:
        return None
    library.snd_seq_set_client_name(handle, name)
    return library, handle


def _subscribe(sender: Address, receiver: Address, undo: bool = False) -> bool:
    opened = _open(_OPEN_DUPLEX, b"jamd patchbay")
    if opened is None:
        return False
    library, handle = opened
    subscription = c_void_p()
    library.snd_seq_port_subscribe_malloc(byref(subscription))
    library.snd_seq_port_subscribe_set_sender(subscription, byref(_Address(*sender)))
    library.snd_seq_port_subscribe_set_dest(subscription, byref(_Address(*receiver)))
    result = (library.snd_seq_unsubscribe_port if undo else library.snd_seq_subscribe_port)(handle, subscription)
    library.snd_seq_port_subscribe_free(subscription)
    library.snd_seq_close(handle)
    return int(result) >= 0

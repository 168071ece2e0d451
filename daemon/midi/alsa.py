"""The ports and connections of ALSA's sequencer: read from /proc, changed through libasound."""

from __future__ import annotations

import ctypes
import re
from ctypes import POINTER, byref, c_char_p, c_int, c_ubyte, c_void_p
from dataclasses import dataclass, field

_CLIENT = re.compile(r'Client\s+(\d+) : "(.*)" \[')
_PORT = re.compile(r'\s+Port\s+(\d+) : "(.*)" \((..)')
_CONNECTIONS = re.compile(r"\s+(Connecting To|Connected From): (.*)")
Address = tuple[int, int]  # client, port


class _Address(ctypes.Structure):
    _fields_ = (("client", c_ubyte), ("port", c_ubyte))


@dataclass(slots=True)
class _Port:
    name: str
    access: str = ""  # R: others may read from this port, W: write to it
    connected: list[Address] = field(default_factory=list)


def read_clients(path: str = "/proc/asound/seq/clients") -> str:
    """The kernel's list of the sequencer's clients; empty where there is no sequencer."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
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

    def disconnect(self, own: str) -> None:
        address = self._addresses.get(own)
        if address is not None:
            for other in self._ports[address].connected:
                _subscribe(other, address, undo=True)


def _subscribe(sender: Address, receiver: Address, undo: bool = False) -> bool:
    try:
        library = ctypes.CDLL("libasound.so.2")
    except OSError:
        return False
    library.snd_seq_open.argtypes = (POINTER(c_void_p), c_char_p, c_int, c_int)
    handle, subscription = c_void_p(), c_void_p()
    if library.snd_seq_open(byref(handle), b"default", 3, 0) < 0:  # SND_SEQ_OPEN_DUPLEX
        return False
    library.snd_seq_set_client_name(handle, b"jamd patchbay")
    library.snd_seq_port_subscribe_malloc(byref(subscription))
    library.snd_seq_port_subscribe_set_sender(subscription, byref(_Address(*sender)))
    library.snd_seq_port_subscribe_set_dest(subscription, byref(_Address(*receiver)))
    result = (library.snd_seq_unsubscribe_port if undo else library.snd_seq_subscribe_port)(handle, subscription)
    library.snd_seq_port_subscribe_free(subscription)
    library.snd_seq_close(handle)
    return int(result) >= 0

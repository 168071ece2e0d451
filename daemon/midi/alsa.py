"""ALSA's sequencer as a patchbay: what the kernel tells in /proc, and one call of libasound."""

from __future__ import annotations

import ctypes
import re
from ctypes import POINTER, byref, c_char_p, c_int, c_ubyte, c_void_p
from dataclasses import dataclass, field

_CLIENT = re.compile(r'Client\s+(\d+) : "(.*)" \[')
_PORT = re.compile(r'\s+Port\s+(\d+) : "(.*)" \((..)')
_LINKS = re.compile(r"\s+(Connecting To|Connected From): (.*)")
Address = tuple[int, int]  # client, port


class _Address(ctypes.Structure):
    _fields_ = (("client", c_ubyte), ("port", c_ubyte))


@dataclass(slots=True)
class _Port:
    name: str
    access: str = ""  # R: others may subscribe to what it gives; W: to what it takes
    links: list[Address] = field(default_factory=list)


def read_clients(path: str = "/proc/asound/seq/clients") -> str:
    """What the kernel knows of the sequencer's clients; nothing where there is none."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


class AlsaGraph:
    """What there is at one moment. Ports are named `CLIENT:PORT`, and `CLIENT:PORT (2)` the second one named alike.

    Their numbers would be no name: a device may have another one whenever it is plugged in.
    """

    def __init__(self, clients: str) -> None:
        self._ports: dict[Address, _Port] = {}
        client, name, port = 0, "", _Port("")
        for line in clients.splitlines():
            if found := _CLIENT.match(line):
                client, name = int(found[1]), found[2]
            elif found := _PORT.match(line):
                port = self._ports[client, int(found[1])] = _Port(f"{name}:{found[2]}", found[3])
            elif found := _LINKS.match(line):
                port.links += [(int(c), int(p)) for c, p in re.findall(r"(\d+):(\d+)", found[2])]
        self._addresses: dict[str, Address] = {}
        self._names: dict[Address, str] = {}
        for address, found_port in self._ports.items():
            name, alike = found_port.name, 1
            while name in self._addresses:
                alike += 1
                name = f"{found_port.name} ({alike})"
            self._addresses[name], self._names[address] = address, name

    def connections(self, own: str) -> set[str]:
        address = self._addresses.get(own)
        links = self._ports[address].links if address is not None else []
        return {self._names[link] for link in links if link in self._ports}

    def ports(self, is_output: bool) -> list[str]:
        """All that give (or take) messages, as rtmidi names them."""
        wanted = "R" if is_output else "W"
        return [f"{port.name} {c}:{p}" for (c, p), port in self._ports.items() if c and wanted in port.access]

    def exists(self, port: str) -> bool:
        return port in self._addresses

    def identity(self, port: str) -> Address | None:
        """Its numbers. A device that is plugged in again may get the same ones, but not within a look or two."""
        return self._addresses.get(port)

    def connect(self, own: str, other: str, is_output: bool) -> bool:
        ends = self._addresses.get(own), self._addresses.get(other)
        sender, receiver = ends if is_output else reversed(ends)
        return sender is not None and receiver is not None and _subscribe(sender, receiver)

    def disconnect(self, own: str) -> None:
        address = self._addresses.get(own)
        if address is not None:
            for other in self._ports[address].links:
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

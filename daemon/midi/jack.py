"""Whether the JACK server lives, and which ports it has: what python-rtmidi does not tell.

A client without ports of the same libjack that python-rtmidi has loaded. When the server dies, rtmidi's `get_ports`
goes on listing what was there and `send_message` goes on succeeding, until its ring is full: then it spins for ever,
holding the interpreter. This client is told of the death within milliseconds, and sees whether the server's cycles
go on.
"""

from __future__ import annotations

import ctypes
import os
import re
import time
from ctypes import POINTER, c_char_p, c_int, c_size_t, c_uint32, c_ulong, c_void_p, string_at
from itertools import takewhile
from pathlib import Path
from typing import Any

import rtmidi  # noqa: F401 (it loads the library that is looked for below)

_NO_START_SERVER = 1  # JackNoStartServer
_INPUT, _OUTPUT = 1, 2  # JackPortIsInput, JackPortIsOutput
_MIDI = b"8 bit raw midi"  # JACK_DEFAULT_MIDI_TYPE
SOON = 0.05  # seconds: by then the next cycle has begun, unless a period is longer than 2,048 frames
LONG_PERIOD = 0.18  # seconds: 8,192 frames at 48 kHz
STANDSTILL = 2.0  # seconds without a cycle, above any period (8,192 frames at 8 kHz: 1 s), after which it may be dead
_kept: list[object] = []  # memory that libjack may write to at any time


class JackClient:
    """One client of a living server. It is not closed when the server died: the next one that is opened does that."""

    def __init__(self, library: ctypes.CDLL, client: int, sockets: frozenset[str] = frozenset()) -> None:
        """`sockets` are the server's."""
        self._library, self._client, self._sockets = library, client, sockets
        self._open = True
        self._ran_at = time.monotonic()
        self._cycle = self._seen = -1
        self._looked_at, self._running = 0.0, True
        # When the server dies, libjack posts a semaphore. A callback in Python would do more harm than good: the next
        # client that is opened ends the threads of the dead one, and a thread that is ended while it waits for the
        # interpreter takes the interpreter's lock with it.
        self._libc = ctypes.CDLL(None)
        self._death = (c_ulong * 8)()  # a sem_t, and more than that
        self._libc.sem_init(self._death, 0, 0)
        _kept.append(self._death)
        library.jack_on_shutdown(client, self._libc.sem_post, self._death)

    @property
    def alive(self) -> bool:
        """Whether this client may still be asked anything."""
        if self._open and self._libc.sem_trywait(self._death) == 0:
            self._open = False
        return self._open

    def cycle(self) -> int:
        """The frame at which the server's current cycle began: it stands still when the server does."""
        if self.alive:
            self._cycle = int(self._library.jack_last_frame_time(self._client))
        return self._cycle

    def is_running(self) -> bool:
        """Whether cycles went on of late: a server that stands still answers nothing, and must not be asked."""
        now = time.monotonic()
        if now - self._looked_at > LONG_PERIOD:
            before, self._seen, self._looked_at = self._seen, self.cycle(), now
            self._running = self._seen != before
            if self._running:
                self._ran_at = now
            elif now > self._ran_at + STANDSTILL and self._sockets and not self._sockets & server_sockets():
                self._open = False  # it died before libjack could be asked to tell of that
        return self.alive and self._running

    def _answers(self) -> bool:
        """Whether the server goes on at this very moment: one that has just been stopped would keep whoever asks it."""
        before, end = self.cycle(), time.monotonic() + SOON
        while self.cycle() == before:
            if time.monotonic() > end:
                return False
            time.sleep(0.0002)
        return self.alive

    def has_port(self, name: str) -> bool:
        return self.alive and bool(self._library.jack_port_by_name(self._client, name.encode()))

    exists = has_port

    def ports(self, is_output: bool) -> list[str]:
        """Names of all MIDI ports that give (or take) messages."""
        flags = _OUTPUT if is_output else _INPUT
        return self._names(self._library.jack_get_ports(self._client, None, _MIDI, flags)) if self.alive else []

    def connections(self, own: str) -> set[str]:
        """Names of the ports that are connected to `own`."""
        port = self._library.jack_port_by_name(self._client, own.encode()) if self.alive else None
        names = self._library.jack_port_get_all_connections(self._client, port) if port else None
        return set(self._names(names))

    def _names(self, names: Any) -> list[str]:
        """Of a list that libjack made."""
        if not names:
            return []
        try:
            return [name.decode() for name in takewhile(bool, names)]
        finally:
            self._library.jack_free(names)

    def identity(self, port: str) -> bytes | None:
        """The number of its client, which the server gives to no other; a port's own is given again to the next."""
        if not self._answers():
            return None
        number = self._library.jack_get_uuid_for_client_name(self._client, port.partition(":")[0].encode())
        if not number:
            return None
        try:
            return string_at(number)
        finally:
            self._library.jack_free(number)

    def connect(self, own: str, other: str, is_output: bool) -> bool:
        source, target = (own, other) if is_output else (other, own)
        return self._answers() and self._library.jack_connect(self._client, source.encode(), target.encode()) == 0

    def disconnect(self, own: str) -> None:
        """Cut all connections of `own`, an input."""
        for other in self.connections(own) if self._answers() else ():
            self._library.jack_disconnect(self._client, other.encode(), own.encode())

    def close(self) -> None:
        if self.alive:
            self._open = False
            self._library.jack_client_close(self._client)


def open_client() -> JackClient | None:
    """None without a server, or without a library to ask."""
    library = _library()
    if library is None:
        return None
    status, sockets = c_int(), server_sockets()
    client = library.jack_client_open(b"jamd stage", _NO_START_SERVER, ctypes.byref(status))
    return JackClient(library, client, sockets) if client else None


def server_sockets() -> frozenset[str]:
    """The kernel's numbers of the sockets of the server that clients of this process join; none once its process ended.

    A server that is suspended, or stopped by a signal, keeps them; the next one of its name has others.
    """
    path = f"/jack_{os.environ.get('JACK_DEFAULT_SERVER') or 'default'}_"
    try:
        lines = Path("/proc/net/unix").read_text(errors="replace").splitlines()
    except OSError:
        return frozenset()
    return frozenset(line.split()[6] for line in lines if path in line)


def _library() -> ctypes.CDLL | None:
    """The libjack that rtmidi uses: another copy would not know that rtmidi's clients are this process's too.

    On Linux only, where the process can look for it in /proc.
    """
    found = re.search(r"/\S*libjack\S*", Path("/proc/self/maps").read_text())
    if found is None:
        return None
    library = ctypes.CDLL(found[0])
    for name, result, arguments in (
        ("jack_client_open", c_void_p, (c_char_p, c_int, c_void_p)),
        ("jack_client_close", c_int, (c_void_p,)),
        ("jack_on_shutdown", None, (c_void_p, c_void_p, c_void_p)),
        ("jack_last_frame_time", c_uint32, (c_void_p,)),
        ("jack_port_by_name", c_void_p, (c_void_p, c_char_p)),
        ("jack_port_get_all_connections", POINTER(c_char_p), (c_void_p, c_void_p)),
        ("jack_get_ports", POINTER(c_char_p), (c_void_p, c_char_p, c_char_p, c_ulong)),
        ("jack_get_uuid_for_client_name", c_void_p, (c_void_p, c_char_p)),
        ("jack_free", None, (c_void_p,)),
        ("jack_connect", c_int, (c_void_p, c_char_p, c_char_p)),
        ("jack_disconnect", c_int, (c_void_p, c_char_p, c_char_p)),
    ):
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    # What libjack has to say at every look for a server that is not there is said by us, once. Its callbacks take a
    # string and are called from its own threads: a function of the C library that does nothing saves the detour through
    # the interpreter.
    nothing = ctypes.CDLL(None).strlen
    nothing.restype, nothing.argtypes = c_size_t, (c_char_p,)
    library.jack_set_error_function(nothing)
    library.jack_set_info_function(nothing)
    return library

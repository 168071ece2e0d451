"""Whether the JACK server lives, and which ports it has: what python-rtmidi does not tell.

A client without ports of the same libjack that python-rtmidi has loaded. When the server dies, rtmidi's `get_ports`
goes on listing what was there and `send_message` goes on succeeding, until its ring is full: then it spins for ever,
holding the interpreter. This client is told of the death within milliseconds, and sees whether the server's cycles
go on.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import re
import sys
from collections.abc import Callable
from ctypes import CFUNCTYPE, c_char_p, c_int, c_size_t, c_uint32, c_void_p
from pathlib import Path

import rtmidi  # noqa: F401 (it loads the library that is looked for below)

_NO_START_SERVER = 1  # JackNoStartServer
_ShutdownCallback = CFUNCTYPE(None, c_void_p)
_kept: list[object] = []  # callbacks that libjack may call at any time


class JackWatch:
    """One client of a living server. It is not closed when the server died: the next one that is opened does that."""

    def __init__(self, library: ctypes.CDLL, client: int, on_death: Callable[[], None]) -> None:
        self._library, self._client = library, client
        self.alive = True
        self._cycle = 0

        def died(_: int | None) -> None:
            self.alive = False
            on_death()

        callback = _ShutdownCallback(died)
        _kept.append(callback)
        library.jack_on_shutdown(client, callback, None)

    def cycle(self) -> int:
        """The frame at which the server's current cycle began: it stands still when the server does."""
        if self.alive:
            self._cycle = int(self._library.jack_last_frame_time(self._client))
        return self._cycle

    def has_port(self, name: str) -> bool:
        return self.alive and bool(self._library.jack_port_by_name(self._client, name.encode()))

    def connect(self, source: str, target: str) -> None:
        if self.alive:
            self._library.jack_connect(self._client, source.encode(), target.encode())

    def close(self) -> None:
        if self.alive:
            self.alive = False
            self._library.jack_client_close(self._client)


def open_watch(on_death: Callable[[], None]) -> JackWatch | None:
    """None without a server, or without a library to ask. `on_death` is called from a thread of JACK's."""
    library = _library()
    if library is None:
        return None
    status = c_int()
    client = library.jack_client_open(b"jamd stage", _NO_START_SERVER, ctypes.byref(status))
    return JackWatch(library, client, on_death) if client else None


def _library() -> ctypes.CDLL | None:
    """The libjack that rtmidi uses: another copy would not know that rtmidi's clients are this process's too."""
    path: str | None = ctypes.util.find_library("jack") if sys.platform != "linux" else None
    if sys.platform == "linux" and (found := re.search(r"/\S*libjack\S*", Path("/proc/self/maps").read_text())):
        path = found[0]
    if path is None:
        return None
    try:
        library = ctypes.CDLL(path)
    except OSError:
        return None
    for name, result, arguments in (
        ("jack_client_open", c_void_p, (c_char_p, c_int, c_void_p)),
        ("jack_client_close", c_int, (c_void_p,)),
        ("jack_on_shutdown", None, (c_void_p, _ShutdownCallback, c_void_p)),
        ("jack_last_frame_time", c_uint32, (c_void_p,)),
        ("jack_port_by_name", c_void_p, (c_void_p, c_char_p)),
        ("jack_connect", c_int, (c_void_p, c_char_p, c_char_p)),
    ):
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    if sys.platform == "linux":
        # What libjack has to say at every look for a server that is not there is said by us, once. Its callbacks take
        # a string and are called from its own threads: a function of the C library that does nothing saves the detour
        # through the interpreter.
        nothing = ctypes.CDLL(None).strlen
        nothing.restype, nothing.argtypes = c_size_t, (c_char_p,)
        library.jack_set_error_function(nothing)
        library.jack_set_info_function(nothing)
    return library

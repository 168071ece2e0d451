"""A JACK client without ports: whether the server lives, its ports and connections. python-rtmidi does not tell.

It uses the libjack that python-rtmidi has loaded. When the server dies, rtmidi's `get_ports` keeps listing the old
ports and `send_message` keeps succeeding until rtmidi's ring is full: then it spins for ever with the interpreter
locked. This client is notified of the death within milliseconds, and sees whether the server's cycles go on.
"""

from __future__ import annotations

import ctypes
import os
import time
from ctypes import POINTER, c_char_p, c_int, c_size_t, c_uint32, c_ulong, c_void_p, string_at
from itertools import takewhile
from pathlib import Path
from typing import Any

import rtmidi  # noqa: F401 (it loads the libjack that `_library` looks for)

_NO_START_SERVER = 1  # JackNoStartServer
_INPUT, _OUTPUT = 1, 2  # JackPortIsInput, JackPortIsOutput
_MIDI = b"8 bit raw midi"  # JACK_DEFAULT_MIDI_TYPE
NEXT_CYCLE = 0.05  # seconds until the next cycle has begun, unless a period is longer than 2,048 frames
SAME_MOMENT = 0.005  # seconds after a cycle in which another one is not waited for
LONGEST_PERIOD = 0.18  # seconds: 8,192 frames at 48 kHz
STANDSTILL = 2.0  # seconds without a cycle after which the server may be dead; any period is shorter (8,192 frames at
# 8 kHz: 1 s)
_kept_for_libjack: list[object] = []  # memory that libjack may write to at any time


class Semaphore:
    """One of the C library, which libjack's threads post without the interpreter."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None)
        self._memory = (c_ulong * 8)()  # room for a sem_t, and more than that
        self._libc.sem_init(self._memory, 0, 0)
        _kept_for_libjack.append(self._memory)

    @property
    def callback(self) -> tuple[Any, Any]:
        """The function that libjack is to call, and its argument."""
        return self._libc.sem_post, self._memory

    def wait(self) -> None:
        while self._libc.sem_wait(self._memory) != 0:  # interrupted by a signal
            pass

    def try_wait(self) -> bool:
        """Whether it was posted; without waiting."""
        return bool(self._libc.sem_trywait(self._memory) == 0)


class JackClient:
    """A client of one server. When the server dies it is not closed: libjack does that when the next one is opened."""

    def __init__(
        self,
        library: ctypes.CDLL,
        client: int,
        sockets: frozenset[str] = frozenset(),
        graph_changes: Semaphore | None = None,
    ) -> None:
        """`sockets`: see `server_sockets`. `graph_changes` is posted whenever ports or connections have changed."""
        self._library, self._client, self._sockets = library, client, sockets
        self._open = True
        self._ran_at = time.monotonic()
        self._answered_at = -SAME_MOMENT  # when a cycle was last waited for
        self._cycle = self._cycle_before = -1
        self._looked_at, self._running = 0.0, True  # the result of the last look at the cycles
        # When the server dies, libjack posts a semaphore. A callback in Python would be dangerous: the next client that
        # is opened ends the threads of the dead one, and a thread that is ended while it waits for the interpreter
        # takes the interpreter's lock with it.
        self._death_notice = Semaphore()
        library.jack_on_shutdown(client, *self._death_notice.callback)
        if graph_changes is not None:
            library.jack_set_graph_order_callback(client, *graph_changes.callback)
            library.jack_activate(client)  # or there are no notices; without a process callback it joins no cycle

    @property
    def alive(self) -> bool:
        """Whether the server may still be asked anything."""
        if self._open and self._death_notice.try_wait():
            self._open = False
        return self._open

    def cycle(self) -> int:
        """The frame at which the server's current cycle began; it does not change while the server stands still."""
        if self.alive:
            self._cycle = int(self._library.jack_last_frame_time(self._client))
        return self._cycle

    def is_running(self) -> bool:
        """Whether cycles went on recently: a server that stands still answers nothing, and must not be asked."""
        now = time.monotonic()
        if now - self._looked_at > LONGEST_PERIOD:
            before, self._cycle_before, self._looked_at = self._cycle_before, self.cycle(), now
            self._running = self._cycle_before != before
            if self._running:
                self._ran_at = now
            elif now > self._ran_at + STANDSTILL and self._sockets and not self._sockets & server_sockets():
                self._open = False  # it died before libjack was asked to give notice
        return self.alive and self._running

    def _answers(self) -> bool:
        """Whether the server goes on at this moment: a request to one that was just stopped would block the caller.

        Of requests in a row only the first waits for the next cycle, which takes up to 20 ms.
        """
        if time.monotonic() < self._answered_at + SAME_MOMENT:
            return self.alive
        before, end = self.cycle(), time.monotonic() + NEXT_CYCLE
        while self.cycle() == before:
            if time.monotonic() > end:
                return False
            time.sleep(0.0002)
        self._answered_at = time.monotonic()
        return self.alive

    def has_port(self, name: str) -> bool:
        return self.alive and bool(self._library.jack_port_by_name(self._client, name.encode(errors="surrogateescape")))

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
        """The strings of a list that libjack made, which is freed."""
        if not names:
            return []
        try:
            return [name.decode(errors="surrogateescape") for name in takewhile(bool, names)]
        finally:
            self._library.jack_free(names)

    def identity(self, port: str) -> bytes | None:
        """The number of the port's client, which no later client gets; that of a port is given again to the next."""
        if not self._answers():
            return None
        number = self._library.jack_get_uuid_for_client_name(
            self._client, port.partition(":")[0].encode(errors="surrogateescape")
        )
        if not number:
            return None
        try:
            return string_at(number)
        finally:
            self._library.jack_free(number)

    def connect(self, own: str, other: str, is_output: bool) -> bool:
        source, target = (own, other) if is_output else (other, own)
        return (
            self._answers()
            and self._library.jack_connect(
                self._client, source.encode(errors="surrogateescape"), target.encode(errors="surrogateescape")
            )
            == 0
        )

    def disconnect(self, own: str, is_output: bool) -> None:
        """Cut all connections of `own`."""
        for other in self.connections(own) if self._answers() else ():
            source, target = (own, other) if is_output else (other, own)
            self._library.jack_disconnect(
                self._client, source.encode(errors="surrogateescape"), target.encode(errors="surrogateescape")
            )

    def close(self) -> None:
        if self.alive:
            self._open = False
            self._library.jack_client_close(self._client)


def open_client(graph_changes: Semaphore | None = None) -> JackClient | None:
    """None without a server, or without libjack. `graph_changes`: see JackClient."""
    library = _library()
    if library is None:
        return None
    status, sockets = c_int(), server_sockets()
    client = library.jack_client_open(b"jamd stage", _NO_START_SERVER, ctypes.byref(status))
    return JackClient(library, client, sockets, graph_changes) if client else None


def server_sockets() -> frozenset[str]:
    """The kernel's numbers of the sockets of the server that this process uses; none once the server's process ended.

    A server that is suspended, or stopped by a signal, keeps them; the next server of its name has others.
    """
    path = f"/jack_{os.environ.get('JACK_DEFAULT_SERVER') or 'default'}_"
    try:
        lines = Path("/proc/net/unix").read_text(errors="replace").splitlines()
    except OSError:
        return frozenset()
    return frozenset(line.split()[6] for line in lines if path in line)


def _library() -> ctypes.CDLL | None:
    """The libjack that rtmidi uses: another copy would not know that rtmidi's clients belong to this process.

    On Linux only.
    """
    path = next((name for name in _loaded_libraries() if b"libjack" in os.path.basename(name)), None)
    if path is None:
        return None
    library = ctypes.CDLL(os.fsdecode(path))
    for name, result, arguments in (
        ("jack_client_open", c_void_p, (c_char_p, c_int, c_void_p)),
        ("jack_client_close", c_int, (c_void_p,)),
        ("jack_on_shutdown", None, (c_void_p, c_void_p, c_void_p)),
        ("jack_set_graph_order_callback", c_int, (c_void_p, c_void_p, c_void_p)),
        ("jack_activate", c_int, (c_void_p,)),
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
    # libjack prints a message at every search for a server that is not there; jamd logs that once itself. The function
    # that libjack calls instead takes a string, from its own threads: one of the C library without an effect avoids
    # the interpreter.
    no_output = ctypes.CDLL(None).strlen
    no_output.restype, no_output.argtypes = c_size_t, (c_char_p,)
    library.jack_set_error_function(no_output)
    library.jack_set_info_function(no_output)
    return library


class _LoadedObject(ctypes.Structure):
    """The beginning of a struct dl_phdr_info (dl_iterate_phdr(3))."""

    _fields_ = (("address", c_void_p), ("name", c_char_p))


def _loaded_libraries() -> list[bytes]:
    """The paths of the shared libraries of this process; also where /proc is not mounted.

    PyDLL keeps the interpreter's lock: without that lock, the call waits in `take` for a thread that has the lock and
    imports a library, and the import waits for the end of the call.
    """
    names: list[bytes] = []

    def take(loaded: Any, size: int, data: object) -> int:
        names.append(loaded.contents.name or b"")
        return 0

    callback = ctypes.PYFUNCTYPE(c_int, POINTER(_LoadedObject), c_size_t, c_void_p)(take)
    ctypes.PyDLL(None).dl_iterate_phdr(callback, None)
    return names

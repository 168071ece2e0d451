"""Child processes and the connections to them: each runs a module of jamd and says hello on the desk's socket."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from daemon.sockets import serve
from daemon.wire import pack

END_TIMEOUT = 2.0  # seconds that a child has to end after it was asked to
MAX_MESSAGE = 64 << 20  # bytes
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
_SYSTEMD = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")  # only the desk talks to systemd

OnMessage = Callable[["Child", list[Any]], None]


class Child:
    """One child process, from its start to its end. `on_message` gets every message of the child, from its hello on."""

    def __init__(self, module: str, *arguments: str, on_message: OnMessage) -> None:
        loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[int] = loop.create_future()
        self.on_message = on_message
        self._writer: asyncio.StreamWriter | None = None
        self._status: int | None = None
        self._connected = False
        # -P: a file in the folder where jamd was started is not a module of jamd, whatever its name
        self._process = _spawn([sys.executable, "-P", "-m", module, *arguments])
        threading.Thread(target=self._watch, args=(loop,), daemon=True).start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def has_said_hello(self) -> bool:
        return self._writer is not None

    @property
    def alive(self) -> bool:
        return not self._ended.done()

    async def ended(self) -> int:
        """The exit status (−N: signal N), once the process is gone and all its messages have been handled."""
        return await asyncio.shield(self._ended)

    def send(self, message: list[Any]) -> None:
        """Queue the message. Without effect while the child is not connected."""
        if self._writer is not None and not self._writer.is_closing():
            self._writer.write(pack([message]))

    def kill(self) -> None:
        self._process.kill()

    async def end(self, closing: Sequence[list[Any]] = ()) -> None:
        """Ask the child to end, by the `closing` messages or by hanging up; kill it when END_TIMEOUT is over."""
        if self._writer is None:
            self.kill()
        elif closing:
            for message in closing:
                self.send(message)
        else:
            self._writer.close()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.ended(), END_TIMEOUT)
        await self.end_by_force()

    async def end_by_force(self) -> None:
        """Kill the child. A child that waits for a disk may end later; that is not waited for."""
        self.kill()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.ended(), END_TIMEOUT)

    async def serve(self, hello: list[Any], reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass every message on until the child hangs up."""
        self._writer, self._connected = writer, True
        self.on_message(self, hello)
        try:
            while line := await reader.readline():
                self.on_message(self, json.loads(line))
        finally:
            self._connected = False
            self._finish()
            asyncio.get_running_loop().call_later(END_TIMEOUT, self.kill)  # a child that has hung up is to end

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        status = self._process.wait()
        with contextlib.suppress(RuntimeError):  # the loop is closed: the status is no longer needed
            loop.call_soon_threadsafe(self._exited, status)

    def _exited(self, status: int) -> None:
        self._status = status
        self._finish()

    def _finish(self) -> None:
        if self._status is not None and not self._connected and self.alive:
            self._ended.set_result(self._status)


class ChildServer:
    """Listens at `path` and hands every connection to the child that opened it."""

    def __init__(self, path: Path) -> None:
        self._children: list[Child] = []
        self._connections: set[asyncio.Task[None]] = set()
        self._listener = serve(path)
        asyncio.get_running_loop().add_reader(self._listener.fileno(), self._accept)

    def start(self, module: str, *arguments: str, on_message: OnMessage) -> Child:
        """A new child process, which will connect to this server."""
        child = Child(module, *arguments, on_message=on_message)
        self._children = [*self.children, child]
        return child

    @property
    def children(self) -> list[Child]:
        """The children that are alive, in the order of their start."""
        return [child for child in self._children if child.alive]

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._listener.fileno())
        self._listener.close()

    def _accept(self) -> None:
        if (connection := self._listener.accept()) is not None:
            task = asyncio.get_running_loop().create_task(self._serve(connection))
            self._connections.add(task)
            task.add_done_callback(self._connections.discard)

    async def _serve(self, connection: socket.socket) -> None:
        reader, writer = await asyncio.open_connection(sock=connection, limit=MAX_MESSAGE)
        with contextlib.suppress(OSError, ValueError), contextlib.closing(writer):
            hello = json.loads(await reader.readline())
            child = next(filter(lambda child: self._is(child, hello), self._children), None)
            if child is not None:
                await child.serve(hello, reader, writer)

    @staticmethod
    def _is(child: Child, hello: list[Any]) -> bool:
        # On Windows the interpreter of a virtual environment is a launcher, whose pid differs from the child's own.
        return not child.has_said_hello and (hello[-1] == child.pid or sys.platform == "win32")


def _spawn(command: list[str]) -> subprocess.Popen[bytes]:
    """In a session of its own (Ctrl-C reaches only the desk), without stdin; its stdout is the desk's stderr."""
    environment = {k: v for k, v in os.environ.items() if k not in _SYSTEMD} | dict.fromkeys(_ONE_THREAD, "1")
    quiet = subprocess.DEVNULL
    errors = sys.stderr.fileno() if sys.stderr is not None else quiet
    if sys.platform == "win32":
        group = subprocess.CREATE_NEW_PROCESS_GROUP
        return subprocess.Popen(command, stdin=quiet, stdout=errors, env=environment, creationflags=group)
    return subprocess.Popen(command, stdin=quiet, stdout=errors, env=environment, start_new_session=True)

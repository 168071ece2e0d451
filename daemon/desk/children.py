"""Child processes and the lines to them: each runs a module of ours and says hello on the desk's socket."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from daemon.sockets import serve
from daemon.wire import pack

STUBBORN = 2.0  # seconds that a child which was asked to end is given
LONGEST = 64 << 20  # bytes of one message
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
_SYSTEMD = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")  # the desk alone speaks for all

OnMessage = Callable[["Child", list[Any]], None]


class Child:
    """One process of ours, from its start to its end. `on_message` gets what it says, its hello included."""

    def __init__(self, module: str, *arguments: str, on_message: OnMessage) -> None:
        loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[int] = loop.create_future()
        self.on_message = on_message
        self._writer: asyncio.StreamWriter | None = None
        self._status: int | None = None
        self._talking = False
        # -P: a file in the folder where jamd was started is no module of ours, whatever its name
        self._process = _spawn([sys.executable, "-P", "-m", module, *arguments])
        threading.Thread(target=self._watch, args=(loop,), daemon=True).start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def has_said_hello(self) -> bool:
        return self._writer is not None

    @property
    def lives(self) -> bool:
        return not self._ended.done()

    async def ended(self) -> int:
        """Its exit status (−N: signal N), once it is gone and all that it said was heard."""
        return await asyncio.shield(self._ended)

    def send(self, message: list[Any]) -> None:
        """Post it. Nothing happens when the child is not there (any more)."""
        if self._writer is not None and not self._writer.is_closing():
            self._writer.write(pack([message]))

    def kill(self) -> None:
        self._process.kill()

    async def end(self, farewell: list[Any] | None = None) -> None:
        """Let it end, asked by a message or else by hanging up, and see that it does."""
        if self._writer is None:
            self.kill()
        elif farewell is not None:
            self.send(farewell)
        else:
            self._writer.close()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.ended(), STUBBORN)
        self.kill()
        await self.ended()

    async def converse(self, hello: list[Any], reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Hear it out."""
        self._writer, self._talking = writer, True
        self.on_message(self, hello)
        try:
            while line := await reader.readline():
                self.on_message(self, json.loads(line))
        finally:
            self._talking = False
            self._finish()
            asyncio.get_running_loop().call_later(STUBBORN, self.kill)  # it hung up: then it is to go, too

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        status = self._process.wait()
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody asks any more
            loop.call_soon_threadsafe(self._exited, status)

    def _exited(self, status: int) -> None:
        self._status = status
        self._finish()

    def _finish(self) -> None:
        if self._status is not None and not self._talking and self.lives:
            self._ended.set_result(self._status)


class ChildServer:
    """Waits at `path` and gives every connection to the child that opened it."""

    def __init__(self, path: Path) -> None:
        self._children: list[Child] = []
        self._talks: set[asyncio.Task[None]] = set()
        self._listener = serve(path)
        asyncio.get_running_loop().add_reader(self._listener.fileno(), self._accept)

    def start(self, module: str, *arguments: str, on_message: OnMessage) -> Child:
        """A new child process, which will find us."""
        child = Child(module, *arguments, on_message=on_message)
        self._children = [*self.children, child]
        return child

    @property
    def children(self) -> list[Child]:
        """Those that live, in the order of their start."""
        return [child for child in self._children if child.lives]

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._listener.fileno())
        self._listener.close()

    def _accept(self) -> None:
        if (connection := self._listener.accept()) is not None:
            talk = asyncio.get_running_loop().create_task(self._talk(connection))
            self._talks.add(talk)
            talk.add_done_callback(self._talks.discard)

    async def _talk(self, connection: socket.socket) -> None:
        reader, writer = await asyncio.open_connection(sock=connection, limit=LONGEST)
        with contextlib.suppress(OSError, ValueError), contextlib.closing(writer):
            hello = json.loads(await reader.readline())
            child = next(filter(lambda child: self._is(child, hello), self._children), None)
            if child is not None:
                await child.converse(hello, reader, writer)

    @staticmethod
    def _is(child: Child, hello: list[Any]) -> bool:
        # On Windows the interpreter of a virtual environment is a launcher, so that the pid we know is another one.
        return not child.has_said_hello and (hello[-1] == child.pid or sys.platform == "win32")


def _spawn(command: list[str]) -> subprocess.Popen[bytes]:
    """Out of the terminal's reach (Ctrl-C is the desk's), without an input; what it prints is no part of our output."""
    environment = {k: v for k, v in os.environ.items() if k not in _SYSTEMD} | dict.fromkeys(_ONE_THREAD, "1")
    quiet = subprocess.DEVNULL
    errors = sys.stderr.fileno() if sys.stderr is not None else quiet
    if sys.platform == "win32":
        group = subprocess.CREATE_NEW_PROCESS_GROUP
        return subprocess.Popen(command, stdin=quiet, stdout=errors, env=environment, creationflags=group)
    return subprocess.Popen(command, stdin=quiet, stdout=errors, env=environment, start_new_session=True)

"""Child processes and the connections to them: each runs a module of jamd, reads the secret of this start from its
standard input and says hello with the secret on the desk's socket."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from daemon.sockets import HELLO_LIMIT, HELLO_TIMEOUT, MOST_UNNAMED, REFUSAL_PAUSE, REFUSED, is_secret, serve
from daemon.wire import MESSAGE_LIMIT, Unpacker, pack

END_TIMEOUT = 2.0  # seconds that a child has to end after it was asked to
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
_SYSTEMD = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")  # only the desk talks to systemd

CHUNK = 1 << 16  # bytes read at once

OnMessage = Callable[["Child", list[Any]], None]


class Child:
    """One child process, from its start to its end. `on_message` gets every message of the child, from its hello on."""

    def __init__(self, module: str, *arguments: str, secret: str, on_message: OnMessage) -> None:
        loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[int] = loop.create_future()
        self.on_message = on_message
        self._writer: asyncio.StreamWriter | None = None
        self._status: int | None = None
        self._connected = False
        # -P: a file in the folder where jamd was started is not a module of jamd, whatever its name
        self._process = _spawn([sys.executable, "-P", "-m", module, *arguments], secret)
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

    @property
    def status(self) -> int | None:
        """The exit status (−N: signal N); None while the process lives."""
        return self._status

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

    async def serve(
        self, hello: list[Any], unpacker: Unpacker, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Pass every message on until the child hangs up."""
        self._writer, self._connected = writer, True
        self.on_message(self, hello)
        try:
            while data := await reader.read(CHUNK):
                for message in unpacker.feed(data):
                    self.on_message(self, message)
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
    """Listens at `path` and hands every connection to the child that opened it.

    Others are closed; `refused` is called with a log line.
    """

    def __init__(self, path: Path, refused: Callable[[str], object]) -> None:
        self._children: list[Child] = []
        self._connections: set[asyncio.Task[None]] = set()
        self._unnamed: dict[socket.socket, asyncio.Task[None]] = {}
        self._secret, self._refused = secrets.token_hex(16), refused
        self._listener = serve(path)
        self._closed = False
        self._listen()

    def start(self, module: str, *arguments: str, on_message: OnMessage) -> Child:
        """A new child process, which will connect to this server."""
        child = Child(module, *arguments, secret=self._secret, on_message=on_message)
        self._children = [*self.children, child]
        return child

    @property
    def children(self) -> list[Child]:
        """The children that are alive, in the order of their start."""
        return [child for child in self._children if child.alive]

    def close(self) -> None:
        self._closed = True
        asyncio.get_running_loop().remove_reader(self._listener.fileno())
        self._listener.close()

    def _listen(self) -> None:
        if not self._closed:
            asyncio.get_running_loop().add_reader(self._listener.fileno(), self._accept)

    def _accept(self) -> None:
        if (connection := self._listener.accept()) is None:
            return
        if len(self._unnamed) >= MOST_UNNAMED:
            self._unnamed.pop(next(iter(self._unnamed))).cancel()
            self._refuse()
        task = asyncio.get_running_loop().create_task(self._serve(connection))
        self._connections.add(task)
        self._unnamed[connection] = task
        task.add_done_callback(self._connections.discard)

    def _refuse(self) -> None:
        """A stranger was disconnected."""
        self._refused(REFUSED.format(socket="desk.sock"))
        loop = asyncio.get_running_loop()
        if not self._closed and loop.remove_reader(self._listener.fileno()):
            loop.call_later(REFUSAL_PAUSE, self._listen)

    async def _serve(self, connection: socket.socket) -> None:
        reader, writer = await asyncio.open_connection(sock=connection, limit=CHUNK)
        with contextlib.suppress(OSError, ValueError), contextlib.closing(writer):
            unpacker = Unpacker(HELLO_LIMIT)
            try:
                hello = await self._hello(reader, unpacker)
            finally:
                self._unnamed.pop(connection, None)
            if (child := next(filter(lambda child: self._is(child, hello), self._children), None)) is not None:
                unpacker.limit = MESSAGE_LIMIT
                await child.serve(hello, unpacker, reader, writer)
        with contextlib.suppress(OSError):  # else asyncio may print the error with which the connection ended
            await writer.wait_closed()

    async def _hello(self, reader: asyncio.StreamReader, unpacker: Unpacker) -> list[Any]:
        """The hello of a connection, without its secret; empty if the connection ended or is not one of a child."""
        messages: list[Any] = []
        with contextlib.suppress(TimeoutError, ValueError):
            async with asyncio.timeout(HELLO_TIMEOUT):
                while not messages:
                    if not (data := await reader.read(HELLO_LIMIT)):
                        if not unpacker.has_part:  # a process may look whether there is a desk, without a word
                            return []
                        break
                    messages = unpacker.feed(data)
        match messages:
            case [["hello", secret, *rest]] if is_secret(secret, self._secret):
                return ["hello", *rest]
        self._refuse()
        return []

    @staticmethod
    def _is(child: Child, hello: list[Any]) -> bool:
        # On Windows the interpreter of a virtual environment is a launcher, whose pid differs from the child's own.
        return bool(hello) and not child.has_said_hello and (hello[-1] == child.pid or sys.platform == "win32")


def _spawn(command: list[str], secret: str) -> subprocess.Popen[bytes]:
    """In a session of its own (Ctrl-C reaches only the desk); its stdin holds the secret, its stdout is the desk's
    stderr. Command lines and, on some systems, environments can be read by others."""
    environment = {k: v for k, v in os.environ.items() if k not in _SYSTEMD} | dict.fromkeys(_ONE_THREAD, "1")
    errors = sys.stderr.fileno() if sys.stderr is not None else subprocess.DEVNULL
    if sys.platform == "win32":
        group = subprocess.CREATE_NEW_PROCESS_GROUP
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=errors, env=environment, creationflags=group)
    else:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=errors, env=environment, start_new_session=True
        )
    assert process.stdin is not None
    with contextlib.suppress(OSError), process.stdin:  # the child may have ended already
        process.stdin.write(f"{secret}\n".encode())
    return process

"""The desk's socket: only children that know the secret of this start are heard."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from daemon.desk import children
from daemon.desk.children import Child, ChildServer
from daemon.sockets import HELLO_LIMIT, MOST_UNNAMED, connect

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="finds children by their process ids")

# Says hello and then a long message.
PROGRAM = """
import os, sys, time
from pathlib import Path
from daemon.sockets import connect, read_secret
from daemon.wire import pack

time.sleep(0.2)
with connect(Path(sys.argv[1]) / "desk.sock") as desk:
    desk.sendall(pack([["hello", read_secret(), "toy", os.getpid()], ["long", "x" * 300_000]]))
    desk.recv(1)
"""


def serve(
    folder: Path, monkeypatch: pytest.MonkeyPatch, meanwhile: Callable[[Child, Path], Awaitable[None]]
) -> tuple[list[Any], list[str]]:
    """What a child said, and the log lines about strangers, which `meanwhile` may play while the child starts."""
    (folder / "toy.py").write_text(PROGRAM)
    monkeypatch.setenv("PYTHONPATH", f"{folder}:{Path(__file__).parents[2]}")
    heard: list[Any] = []
    said: list[str] = []

    async def run() -> None:
        server = ChildServer(folder / "desk.sock", said.append)
        child = server.start("toy", str(folder), on_message=lambda _, message: heard.append(message))
        await meanwhile(child, folder / "desk.sock")
        async with asyncio.timeout(10):
            while len(heard) < 2:
                await asyncio.sleep(0.01)
        await child.end()
        server.close()

    asyncio.run(run())
    return heard, said


async def is_closed(client: socket.socket) -> bool:
    client.setblocking(False)
    async with asyncio.timeout(5):
        try:
            return await asyncio.get_running_loop().sock_recv(client, 1) == b""
        except ConnectionError:
            return True


@pytest.mark.parametrize(
    "hello",
    [
        b"",  # nothing in time
        b'["hello", "guessed", "toy", PID]\n',
        b'["hello", "toy", PID]\n',
        b'["hello"]\n',
        b"[" * 900 + b"\n",
        b"x" * 2 * HELLO_LIMIT,
    ],
)
def test_a_stranger_is_no_child_whatever_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hello: bytes) -> None:
    monkeypatch.setattr(children, "HELLO_TIMEOUT", 1.0)

    async def pose(child: Child, path: Path) -> None:
        client = connect(path)
        client.sendall(hello.replace(b"PID", str(child.pid).encode()))
        assert await is_closed(client)
        client.close()

    heard, said = serve(tmp_path, monkeypatch, pose)
    assert [message[0] for message in heard] == ["hello", "long"] and len(heard[1][1]) == 300_000
    assert heard[0][1] == "toy", "handlers never see the secret"
    assert said == ["a program that is not part of this jamd connected to its socket desk.sock, and was disconnected"]


def test_a_child_gets_in_however_many_strangers_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clients: list[socket.socket] = []

    async def crowd(child: Child, path: Path) -> None:
        clients.extend(connect(path) for _ in range(40))

    heard, said = serve(tmp_path, monkeypatch, crowd)
    assert [message[0] for message in heard] == ["hello", "long"]
    assert len(said) >= 40 - MOST_UNNAMED
    for client in clients:
        client.close()


def test_a_stranger_that_sends_a_part_of_a_line_and_hangs_up_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def pose(_: Child, path: Path) -> None:
        with connect(path) as client:
            client.sendall(b"half a hello")

    assert len(serve(tmp_path, monkeypatch, pose)[1]) == 1


def test_a_process_that_hangs_up_without_a_word_is_no_stranger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stage whose desk was killed looks in this way whether there is still one."""

    async def look(_: Child, path: Path) -> None:
        connect(path).close()

    assert serve(tmp_path, monkeypatch, look)[1] == []


def test_a_child_that_is_killed_with_unread_messages_leaves_no_error_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "toy.py").write_text(PROGRAM.replace("desk.recv(1)", "time.sleep(60)"))
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{Path(__file__).parents[2]}")
    futures: list[asyncio.Future[Any]] = []

    async def run() -> None:
        loop = asyncio.get_running_loop()
        make = loop.create_future
        monkeypatch.setattr(loop, "create_future", lambda: futures.append(make()) or futures[-1])
        heard: list[Any] = []
        server = ChildServer(tmp_path / "desk.sock", print)
        child = server.start("toy", str(tmp_path), on_message=lambda _, message: heard.append(message))
        async with asyncio.timeout(10):
            while len(heard) < 2:
                await asyncio.sleep(0.01)
        child.send(["unread"])
        await asyncio.sleep(0.01)
        child.kill()
        await child.ended()
        await asyncio.sleep(0.01)
        server.close()

    asyncio.run(run())
    failed = [f for f in futures if f.done() and not f.cancelled() and f._exception is not None]
    assert failed and not any(future._log_traceback for future in failed)

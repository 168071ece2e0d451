"""The stage's socket: only players that know the secret of this start take part; strangers cost nothing."""

from __future__ import annotations

import select
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from daemon.sockets import HELLO_LIMIT, HELLO_TIMEOUT, MOST_UNNAMED, REFUSAL_PAUSE, connect
from daemon.stage.connection import Connection
from daemon.stage.player_listener import PlayerListener
from daemon.wire import pack

SECRET = "0123456789abcdef"


class Door:
    """A listener on a clock of the test, and what it said of strangers."""

    def __init__(self, folder: Path) -> None:
        self.path, self.now, self.said = folder / "stage.sock", 100.0, list[str]()
        self.listener = PlayerListener(self.path, SECRET, self.said.append, lambda: self.now)
        self.clients: list[socket.socket] = []

    def knock(self, *messages: Any, raw: bytes = b"") -> socket.socket:
        client = connect(self.path)
        client.settimeout(5)
        client.sendall(pack(messages) + raw)
        self.clients.append(client)
        return client

    def turn(
        self, expected: tuple[str, ...] = ("ann",), seconds: float = REFUSAL_PAUSE
    ) -> list[tuple[str, Connection]]:
        self.now += seconds
        readable = select.select(self.listener.sockets(), [], [], 0)[0]
        return list(self.listener.arrivals(readable, expected))

    def turns(self, number: int = 3) -> list[str]:
        arrived = [each for _ in range(number) for each in self.turn()]
        for _, connection in arrived:
            connection.close()
        return [name for name, _ in arrived]


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    door = Door(tmp_path)
    yield door
    door.listener.close()
    for client in door.clients:
        client.close()


def ended(client: socket.socket) -> bool:
    try:
        return client.recv(1) == b""
    except ConnectionError:  # closed with unread bytes
        return True


def test_a_player_with_the_secret_takes_part_and_may_send_long_messages(door: Door) -> None:
    player = door.knock(["hello", SECRET, "ann", 1])
    arrived = [each for _ in range(3) for each in door.turn()]
    ((name, connection),) = arrived
    message = [1, ["x" * 3 * HELLO_LIMIT], True]
    player.sendall(pack([message]))
    assert (name, connection.receive(), connection.broken) == ("ann", [message], False)
    assert not door.said
    connection.close()


@pytest.mark.parametrize(
    "hello",
    [
        pack([["hello", "fedcba9876543210", "ann", 1]]),
        pack([["hello", "", "ann", 1]]),
        pack([["hello", None, "ann", 1]]),
        pack([["hello", "ann", 1]]),
        pack([["hello", SECRET, ["ann"], 1]]),
        pack([["hello", SECRET, "ann", 1], ["hello", SECRET, "ann", 1]]),
        b"GET / HTTP/1.1\r\n\r\n",
        b"\n",
        b"[" * 900 + b"\n",
        b"\xff" * 100 + b"\n",
        b"x" * (HELLO_LIMIT + 1),
        b'["hello","' + b"x" * 100_000,
    ],
)
def test_a_stranger_is_disconnected_and_named(door: Door, hello: bytes) -> None:
    stranger = door.knock(raw=hello)
    assert door.turns(5) == []
    assert ended(stranger)
    assert door.said == [
        "a program that is not part of this jamd connected to its socket stage.sock, and was disconnected"
    ]


def test_a_stranger_that_sends_a_part_of_a_line_and_hangs_up_is_named(door: Door) -> None:
    door.knock(raw=b"half a hello").close()
    door.turns(5)
    assert len(door.said) == 1
    door.knock(raw=b"").close()
    door.turns(5)
    assert len(door.said) == 1, "a process that hangs up without a word is none"


def test_a_player_that_is_not_expected_yet_is_no_stranger(door: Door) -> None:
    player = door.knock(["hello", SECRET, "bob", 1])
    assert door.turns() == [] and ended(player) and not door.said


def test_a_silent_stranger_is_disconnected_in_time(door: Door) -> None:
    stranger = door.knock()
    door.turn()
    door.turn(seconds=HELLO_TIMEOUT / 2)
    assert not door.said
    door.turn(seconds=HELLO_TIMEOUT / 2)
    assert door.said and ended(stranger)


def test_a_player_gets_in_however_many_strangers_wait(door: Door) -> None:
    for number in range(40):
        door.knock(raw=b"half a hello" if number % 2 else b"")
    door.knock(["hello", SECRET, "ann", 1])
    assert door.turns(43) == ["ann"]
    assert len(door.listener.sockets()) <= MOST_UNNAMED + 1
    assert len(door.said) == 41 - MOST_UNNAMED


def test_after_a_stranger_the_listener_pauses(door: Door) -> None:
    door.knock(raw=b"?\n")
    door.turn()
    door.turn(seconds=0.0)
    assert door.said and door.listener.sockets() == []
    assert door.listener.next_deadline() == door.now + REFUSAL_PAUSE
    door.now += REFUSAL_PAUSE
    assert len(door.listener.sockets()) == 1 and door.listener.next_deadline() == float("inf")


def test_a_stranger_is_read_a_little_at_a_time(door: Door) -> None:
    """However fast a stranger writes, a turn of the stage reads no more than a hello."""
    stranger = door.knock(raw=b"")
    door.turn()
    stranger.setblocking(False)
    with pytest.raises(BlockingIOError):
        while True:
            stranger.send(b"[" * 4096)
    read: list[int] = []
    (connection,) = door.listener._unnamed
    original = connection._socket

    class Counting:
        def recv(self, size: int) -> bytes:
            read.append(size)
            return original.recv(size)

        def __getattr__(self, name: str) -> Any:
            return getattr(original, name)

    connection._socket = Counting()  # type: ignore[assignment]
    door.turns()
    assert sum(read) <= 2 * HELLO_LIMIT and ended(stranger)

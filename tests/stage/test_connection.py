"""Connections of the stage, which never block."""

from __future__ import annotations

import socket

from daemon.stage.connection import Connection


def test_a_connection_that_is_not_read_breaks_at_its_limit() -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        connection = Connection(ours, 1 << 16)
        for _ in range(10_000):
            connection.send([["x" * 100]])
        assert connection.broken and connection.is_full and not connection.has_unsent
        connection.close()


def test_a_connection_returns_complete_messages_until_its_end() -> None:
    ours, theirs = socket.socketpair()
    connection = Connection(ours, 1 << 16)
    theirs.sendall(b"[1]\n[2")
    assert connection.receive() == [[1]]
    theirs.sendall(b"]\n")
    theirs.close()
    assert connection.receive() == [[2]] and not connection.broken
    assert connection.receive() == [] and connection.broken and not connection.is_full
    connection.close()

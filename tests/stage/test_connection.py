"""Connections of the stage, which never block."""

from __future__ import annotations

import json
import socket

import pytest

from daemon.entries import Advanced, Entry, Reconfigured, Sent, encode_entry
from daemon.music.events import note_on
from daemon.music.tempo import TempoMap
from daemon.spec import StageSpec
from daemon.stage import desk_connection
from daemon.stage.connection import Connection
from daemon.stage.desk_connection import BATCH_ENTRIES, BATCH_SECONDS, DESK_BACKLOG, DeskConnection


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


def test_entries_are_encoded_when_they_are_sent_and_not_while_a_note_is_about_to_sound(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    encoded: list[Entry] = []
    monkeypatch.setattr(desk_connection, "encode_entry", lambda entry: encoded.append(entry) or encode_entry(entry))
    ours, theirs = socket.socketpair()
    with theirs:
        desk = DeskConnection(Connection(ours, DESK_BACKLOG))
        entries = [Advanced(1.0), Sent(1.0, "choir", "alto", "out", note_on(1, 60, 90))]
        for entry in entries:
            desk.record(entry)
        desk.post(desk.next_deadline() - BATCH_SECONDS / 2)
        assert encoded == []
        desk.post(desk.next_deadline())
        assert encoded == entries
        assert json.loads(theirs.recv(1 << 16)) == ["journal", [encode_entry(entry) for entry in entries]]
        assert desk.next_deadline() == float("inf")
        desk.record(Reconfigured(2.0, StageSpec(TempoMap(((0.0, 96.0),), ((0.0, 4.0),)))))
        desk.post()
        assert json.loads(theirs.recv(1 << 16)) == ["journal", [["configured", 2.0]]]  # the desk knows the rest
        for _ in range(BATCH_ENTRIES):
            desk.record(entries[0])
        desk.post(0.0)
        assert len(encoded) == BATCH_ENTRIES + 2
        desk.connection.close()

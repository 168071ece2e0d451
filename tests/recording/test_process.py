"""The recording process: what it does with each message, and what it says when that fails."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, ClassVar

import pytest

from daemon.entries import Started, encode_entry
from daemon.recording import process as module
from daemon.recording.journal import Place
from daemon.recording.journal_file import JournalReader
from daemon.recording.process import RecordingProcess
from daemon.wire import pack
from tests.recording.test_journal import HEADER, ON


class FakeJournal:
    """Keeps what it gets; fails when told to."""

    place, unwritten = Place("a.journal", 9), 1

    calls: ClassVar[list[Any]] = []
    trouble: ClassVar[Exception | None] = None

    def __init__(self, directory: Path, header: dict[str, Any], *_: object, **options: Any) -> None:
        self.calls.append(("begin", directory, header, options["place"]))

    def write(self, entries: Any) -> None:
        self._note("write", list(entries))

    def leave_gap(self) -> None:
        self._note("gap")

    def tick(self) -> float:
        self._note("tick")
        return 0.25

    def close(self) -> bool:
        self._note("close")
        return True

    def _note(self, *call: object) -> None:
        if self.trouble is not None:
            raise self.trouble
        self.calls.append(call)


@pytest.fixture
def journal(monkeypatch: pytest.MonkeyPatch) -> type[FakeJournal]:
    monkeypatch.setattr(module, "Journal", FakeJournal)
    monkeypatch.setattr(FakeJournal, "calls", [])
    return FakeJournal


def test_every_message_is_carried_out_in_order(journal: type[FakeJournal], tmp_path: Path) -> None:
    told: list[list[Any]] = []
    process = RecordingProcess(told.append)
    process.hear(["begin", str(tmp_path), {"jamd": "0"}, "b.journal", 7, 5, False, True])
    process.hear(["entries", 40, [encode_entry(Started(0.0))]])
    process.hear(["gap"])
    process.hear(["sync"])
    process.hear(["close"])
    assert process.complete
    assert journal.calls == [
        ("begin", tmp_path, {"jamd": "0"}, Place("b.journal", 7, 5, False, True)),
        ("write", [Started(0.0)]),
        ("gap",),
        ("tick",),
        ("close",),
    ]
    written = ["written", 40, "a.journal", 9, 0, False, False]
    assert told == [written, ["synced", 0.25], written]


@pytest.mark.parametrize(
    ("trouble", "words"),
    [(PermissionError(13, "denied", "/sessions"), "nothing is recorded: /sessions: denied"), (KeyError("x"), "Key")],
)
def test_trouble_is_said_and_a_sync_is_answered_nevertheless(
    journal: type[FakeJournal], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trouble: Exception, words: str
) -> None:
    told: list[list[Any]] = []
    process = RecordingProcess(told.append)
    process.hear(["begin", str(tmp_path), {}])
    monkeypatch.setattr(journal, "trouble", trouble)
    for message in (["entries", 0, []], ["sync"]):
        process.hear(message)
    process.hear(["close"])
    assert not process.complete
    assert [message[0] for message in told] == ["say", "written", "synced", "say", "written", "say"]
    assert all(words in message[1] for message in told if message[0] == "say")


def test_a_desk_that_is_killed_leaves_a_session_without_an_end(tmp_path: Path) -> None:
    messages: list[Any] = [["begin", str(tmp_path), HEADER], ["entries", 0, [encode_entry(ON)]]]
    command = [sys.executable, "-m", "daemon.recording.process"]
    sent = pack(messages) + json.dumps(["entries", 0, []]).encode()[:-3]
    assert subprocess.run(command, input=sent, capture_output=True).stderr == b""
    (path,) = tmp_path.glob("*.journal")
    assert [entry.kind for entry in JournalReader(path)] == ["session", "heard"]
    assert not path.with_suffix(".mid").exists()

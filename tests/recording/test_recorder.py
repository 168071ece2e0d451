import asyncio
import threading
from pathlib import Path
from typing import Any, ClassVar

import pytest

from daemon.entries import PlayerUp, Started
from daemon.recording import recorder as module
from daemon.recording.recorder import Recorder


class FakeJournal:
    """Keeps what it gets; fails when told to."""

    calls: ClassVar[list[Any]] = []
    trouble: ClassVar[Exception | None] = None
    rotates_in: ClassVar[float | None] = None

    def __init__(self, directory: Path, header: dict[str, Any], *_: object, **__: object) -> None:
        self._note("begin", directory, header)

    def write(self, entries: list[Any]) -> None:
        self._note("write", entries)

    def tick(self) -> float | None:
        return self.rotates_in

    def close(self) -> None:
        self._note("close")

    def _note(self, *call: object) -> None:
        assert threading.current_thread() is not threading.main_thread()
        if self.trouble is not None:
            raise self.trouble
        self.calls.append(call)


@pytest.fixture(autouse=True)
def journal(monkeypatch: pytest.MonkeyPatch) -> type[FakeJournal]:
    monkeypatch.setattr(module, "Journal", FakeJournal)
    monkeypatch.setattr(FakeJournal, "calls", [])
    monkeypatch.setattr(module, "SYNC_INTERVAL", 0.01)
    return FakeJournal


async def record(directory: Path | None, said: list[str], rotations: list[bool]) -> None:
    recorder = Recorder(directory, lambda level, cause, text: said.append(text), lambda: rotations.append(True))
    recorder.begin({"jamd": "0"})
    recorder.entries([Started(0.0)])
    recorder.entries([PlayerUp(0.1, "ann")])
    await asyncio.sleep(0.1)
    await recorder.close()


def test_everything_is_written_in_order_by_another_thread(journal: type[FakeJournal], tmp_path: Path) -> None:
    asyncio.run(record(tmp_path, [], []))
    assert journal.calls == [
        ("begin", tmp_path, {"jamd": "0"}),
        ("write", [Started(0.0)]),
        ("write", [PlayerUp(0.1, "ann")]),
        ("close",),
    ]


@pytest.mark.parametrize(("wait", "rotates"), [(0.0, True), (0.05, True), (60.0, False), (None, False)])
def test_another_session_begins_when_the_journal_says(
    journal: type[FakeJournal], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wait: float | None, rotates: bool
) -> None:
    monkeypatch.setattr(journal, "rotates_in", wait)
    asyncio.run(record(tmp_path, [], rotations := []))
    assert bool(rotations) == rotates


@pytest.mark.parametrize(
    ("trouble", "words"),
    [(PermissionError(13, "denied", "/sessions"), "/sessions: denied"), (KeyError("x"), "KeyError")],
)
def test_trouble_is_said_and_hurts_nobody(
    journal: type[FakeJournal], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trouble: Exception, words: str
) -> None:
    monkeypatch.setattr(journal, "trouble", trouble)
    asyncio.run(record(tmp_path, said := [], []))
    assert any(words in text for text in said)


def test_without_a_directory_nothing_is_kept(journal: type[FakeJournal]) -> None:
    asyncio.run(record(None, [], []))
    assert journal.calls == []

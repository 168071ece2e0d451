"""The desk's side of the recording, with real and with misbehaving processes."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from daemon.entries import Entry, Gap, MembersChanged, Reconfigured, SessionBegan, StateSaved
from daemon.music.events import note_on
from daemon.recording import child
from daemon.recording import recorder as module
from daemon.recording.journal import Journal
from daemon.recording.journal_file import JournalReader
from daemon.recording.recorder import Recorder
from daemon.spec import StageSpec
from tests.recording.test_journal import HEADER, OFF, ON, heard

SAVED = StateSaved(1000.2, {"running": False})
HANGS = "import time; time.sleep(60)"
HANGS_FOR_A_SECOND = "import time; time.sleep(1); from daemon.recording.process import main; main()"
FAILS = "import sys; sys.stdin.readline(); sys.exit(3)"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SYNC_INTERVAL", 0.05)
    monkeypatch.setattr(module, "RESTART_PAUSE", 0.05)


def run(monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    """Have a recorder run this program instead of the recording process."""
    monkeypatch.setattr(module, "COMMAND", [sys.executable, "-c", program])


class Desk:
    """A recorder and what it does."""

    def __init__(self, directory: Path | None, padding: str = "") -> None:
        self.said: list[str] = []
        self.rotations = 0
        self.recorder = Recorder(directory, lambda level, cause, text: self.said.append(text), self._rotate)
        self.recorder.begin({**HEADER, "padding": padding})

    def _rotate(self) -> None:
        self.rotations += 1

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(20):
            while not condition():
                await asyncio.sleep(0.01)


def sessions(directory: Path) -> list[list[str]]:
    """The kinds of the entries of every session."""
    return [[entry.kind for entry in JournalReader(path)] for path in directory.glob("*.journal")]


def test_everything_is_written_in_order(tmp_path: Path) -> None:
    async def record() -> None:
        desk = Desk(tmp_path)
        desk.recorder.entries([ON])
        desk.recorder.entries([OFF])
        await desk.recorder.close()
        assert desk.recorder.complete
        assert desk.said == []

    asyncio.run(record())
    assert sessions(tmp_path) == [["session", "heard", "heard", "end"]]
    assert len(list(tmp_path.glob("*.mid"))) == 1


def test_a_session_whose_end_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    async def record() -> None:
        desk = Desk(tmp_path / "file")
        desk.recorder.entries([ON])
        await desk.recorder.close()
        assert not desk.recorder.complete
        assert "recording is interrupted" in desk.said[0]
        assert "may lack its end: not everything could be written" in desk.said[1]

    asyncio.run(record())


def test_an_end_that_no_process_writes_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RESTART_PAUSE", 60.0)

    async def record() -> None:
        desk = Desk(tmp_path)
        desk.recorder.entries([ON])
        await desk.until(lambda: sessions(tmp_path) == [["session", "heard"]])
        process = desk.recorder._process
        assert process is not None
        process._process.kill()
        await desk.until(lambda: desk.recorder._process is None)
        await desk.recorder.close()  # before there is another process
        assert not desk.recorder.complete
        assert "lacks its end" in desk.said[-1]

    asyncio.run(record())


def test_without_a_directory_there_is_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    async def record() -> None:
        desk = Desk(None)
        desk.recorder.entries([ON])
        await desk.recorder.close()
        assert desk.recorder.complete and not desk.said

    monkeypatch.setattr(module, "COMMAND", ["no such program"])
    asyncio.run(record())


def test_a_disk_that_hangs_is_said_once_memory_is_bounded_and_the_end_is_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "HANG_TIME", 0.2)
    monkeypatch.setattr(module, "CLOSE_TIMEOUT", 1.0)
    run(monkeypatch, HANGS)

    async def record() -> float:
        desk = Desk(tmp_path, padding="x" * 200_000)  # more than a pipe holds
        await desk.until(lambda: desk.said)
        batch: list[Entry] = [ON] * 2000
        for _ in range(200):  # 20 MB
            desk.recorder.entries(batch)
        process = desk.recorder._process
        assert process is not None
        assert sum(map(len, process._queue)) <= child.MAX_QUEUED_BYTES + 100
        assert module._SYNC in process._queue  # it was asked for, and is still to be answered
        await asyncio.sleep(0.3)
        begun = time.monotonic()
        await desk.recorder.close()
        process._process.kill()
        assert not desk.recorder.complete
        first, last = desk.said
        assert first.startswith("recording is interrupted, the music continues: ") and "does not answer" in first
        assert "may lack its end" in last
        return time.monotonic() - begun

    assert asyncio.run(record()) < 10


def test_a_disk_that_answers_again_leaves_a_gap_only_if_too_much_came(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "HANG_TIME", 0.2)
    monkeypatch.setattr(child, "MAX_QUEUED_BYTES", 10_000)
    run(monkeypatch, HANGS_FOR_A_SECOND)

    async def record(directory: Path, batches: int) -> None:
        desk = Desk(directory)
        for _ in range(batches):
            desk.recorder.entries([ON, OFF] * 50)
            await asyncio.sleep(0)
        await desk.until(lambda: len(desk.said) == 2)
        assert desk.said[1].startswith("recording continues")
        await desk.recorder.close()
        assert desk.recorder.complete

    asyncio.run(record(tmp_path / "few", 1))
    asyncio.run(record(tmp_path / "many", 100))
    assert sessions(tmp_path / "few") == [["session", *["heard"] * 100, "end"]]
    ((first, *rest),) = sessions(tmp_path / "many")
    assert Gap.kind in rest and rest.count("heard") < 10_000 and (first, rest[-1]) == ("session", "end")


def test_long_melodies_of_a_reload_leave_no_gap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "MAX_QUEUED_BYTES", 10_000)
    run(monkeypatch, HANGS_FOR_A_SECOND)
    members = {"choir": {"model": None, "padding": "x" * 200_000}}

    async def record() -> None:
        desk = Desk(tmp_path, padding="x" * 200_000)  # more than a pipe holds
        await asyncio.sleep(0.1)
        desk.recorder.entries([ON, OFF])
        for _ in range(2):  # two reloads
            desk.recorder.entries([MembersChanged(1000.2, members)])
            desk.recorder.entries([Reconfigured(1000.2, StageSpec.from_json(HEADER["spec"]))])
        desk.recorder.entries([ON])
        process = desk.recorder._process
        assert process is not None and module._GAP not in process._queue
        for _ in range(100):  # that is bounded, too
            desk.recorder.entries([MembersChanged(1000.2, members)])
        assert sum(map(len, process._queue)) < (child.MAX_QUEUED_SPECS + 1) * 200_000
        await desk.recorder.close()

    async def reload() -> None:
        desk = Desk(tmp_path / "played")
        desk.recorder.entries([ON, OFF, MembersChanged(1000.2, members)])
        desk.recorder.entries([Reconfigured(1000.2, StageSpec.from_json(HEADER["spec"])), ON])
        await desk.recorder.close()
        assert desk.recorder.complete

    asyncio.run(record())
    asyncio.run(reload())
    assert sessions(tmp_path / "played") == [["session", "heard", "heard", "members", "spec", "heard", "end"]]


def kill(recorder: Recorder) -> None:
    assert recorder._process is not None
    recorder._process._process.kill()


@pytest.mark.parametrize("pause", [0.0, 0.3])
def test_another_process_continues_the_session_of_one_that_was_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pause: float
) -> None:
    monkeypatch.setattr(module, "RESTART_PAUSE", pause)
    notes: list[Entry] = [heard(1000.0 + n, note_on(1, 40 + n, 90)) for n in range(60)]

    async def record() -> None:
        desk = Desk(tmp_path)
        for number, note in enumerate(notes):
            desk.recorder.entries([note])
            if number % 20 == 10:
                if number == 30:
                    await desk.until(lambda: not desk.recorder._unwritten.entries)
                kill(desk.recorder)
            await asyncio.sleep(0.01)
            if number % 20 == 19:
                await desk.until(lambda: desk.recorder._process is not None)
        await desk.recorder.close()
        assert desk.recorder.complete and not desk.rotations
        assert len(desk.recorder.files) == 1
        assert all("ended" in line and "another one continues the session" in line for line in desk.said)

    asyncio.run(record())
    (journal,) = tmp_path.glob("*.journal")
    assert [*JournalReader(journal)][1:-1] == notes
    assert len(list(tmp_path.glob("*.mid"))) == 1


def test_a_session_that_began_with_the_killed_process_has_the_configuration_of_its_beginning(tmp_path: Path) -> None:
    """Entries that only wait for an audible one are kept, too."""
    spec = Reconfigured(1000.05, StageSpec.from_json({**HEADER["spec"], "seed": 77}))

    async def record() -> None:
        desk = Desk(tmp_path)
        desk.recorder.entries([ON, OFF, spec, SAVED])
        await desk.until(lambda: len(desk.recorder._unwritten.entries) == 1)
        kill(desk.recorder)
        desk.recorder.entries([ON])
        await desk.until(lambda: desk.said)
        await desk.until(lambda: not desk.recorder._unwritten.entries)
        await desk.recorder.close()
        assert desk.recorder.complete

    asyncio.run(record())
    first, second = sorted(tmp_path.glob("*.journal"), key=lambda path: path.stat().st_mtime_ns)
    assert [entry.kind for entry in JournalReader(first)] == ["session", "heard", "heard", "spec", "end"]
    began, *rest = JournalReader(second)
    assert [entry.kind for entry in rest] == ["state", "heard", "end"]
    assert isinstance(began, SessionBegan) and began.header["spec"]["seed"] == 77


def test_more_than_is_kept_while_no_process_records_leaves_a_gap_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_UNWRITTEN", 10)
    monkeypatch.setattr(module, "RESTART_PAUSE", 0.5)

    async def record() -> None:
        desk = Desk(tmp_path)
        desk.recorder.entries([ON])
        await desk.until(lambda: not desk.recorder._unwritten.entries)
        desk.recorder._started_at = asyncio.get_running_loop().time()  # just now, so that the next one waits
        kill(desk.recorder)
        await desk.until(lambda: desk.recorder._process is None)
        for _ in range(9):
            desk.recorder.entries([ON, OFF])
        await desk.until(lambda: desk.recorder._process is not None)
        await desk.recorder.close()
        assert "the session has a gap" in desk.said[-1]

    asyncio.run(record())
    ((*kinds, last),) = sessions(tmp_path)
    assert kinds[:3] == ["session", "heard", "gap"] and 0 < kinds.count("heard") < 12 and last == "end"


def test_a_session_whose_file_is_gone_is_followed_by_another_with_a_rotation(tmp_path: Path) -> None:
    async def record() -> None:
        desk = Desk(tmp_path)
        desk.recorder.entries([ON])
        await desk.until(lambda: not desk.recorder._unwritten.entries)
        kill(desk.recorder)
        next(tmp_path.glob("*.journal")).unlink()
        await desk.until(lambda: desk.rotations)
        desk.recorder.entries([OFF])  # of a session whose beginning is lost
        desk.recorder.entries([SAVED, ON])
        await desk.recorder.close()
        assert desk.recorder.complete
        assert "cannot be continued (No such file" in desk.said[-1]

    asyncio.run(record())
    assert sessions(tmp_path) == [["session", "state", "heard", "end"]]


@pytest.mark.parametrize("program", [FAILS, None])
def test_a_process_that_does_not_start_is_tried_again_and_delays_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str | None
) -> None:
    if program is None:
        monkeypatch.setattr(module, "COMMAND", [str(tmp_path / "no such program")])
    else:
        run(monkeypatch, program)

    async def record() -> None:
        desk = Desk(tmp_path)
        desk.recorder.entries([ON])
        await desk.until(lambda: len(desk.said) > 2)
        await desk.recorder.close()
        assert all("recording process ended" in line or "nothing is recorded" in line for line in desk.said[:2])

    asyncio.run(record())


def test_what_is_removed_while_it_is_written_begins_anew(tmp_path: Path) -> None:
    """Without processes: file, folder, both ways of losing them."""
    said: list[str] = []
    directory = tmp_path / "sessions"
    journal = Journal(directory, HEADER, said.append)
    losses: list[Callable[[], object]] = [
        lambda: next(directory.glob("*.journal")).unlink(),
        lambda: directory.rename(tmp_path / "renamed"),
        lambda: (directory.rename(tmp_path / "other"), directory.touch()),
    ]
    for loss in losses:
        journal.write([SAVED, ON])
        loss()
        assert journal.tick() == 0.0  # a rotation at once
        assert len(said) == 1 and "was removed or renamed; a new session begins in " in said.pop()
        journal.write([OFF])
        assert journal.tick() is None  # it was asked for
    directory.unlink()
    journal.write([SAVED, OFF])
    journal.close()
    assert said == []
    assert sessions(directory) == [["session", "state", "heard", "end"]]
    assert sessions(tmp_path / "renamed") == [["session", "state", "heard", "end"]]

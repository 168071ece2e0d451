"""The journal: what it keeps, when it writes, and what is left of it after a cut at any byte."""

from __future__ import annotations

import contextlib
import json
import os
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from itertools import compress
from pathlib import Path
from typing import Any

import mido
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.commands import RotateSession
from daemon.entries import (
    Advanced,
    Answered,
    Commanded,
    Entry,
    Gap,
    Heard,
    MembersChanged,
    PlayerUp,
    PortLost,
    Reconfigured,
    SessionBegan,
    SessionEnded,
    Started,
    StateSaved,
    TempoChanged,
)
from daemon.music.events import note_off, note_on
from daemon.music.melody import Melody, Note
from daemon.music.tempo import TempoMap
from daemon.recording import journal as journal_module
from daemon.recording import rotation
from daemon.recording.journal import MAX_BUFFERED_BYTES, Journal
from daemon.recording.journal_file import MAGIC, Damage, JournalReader, frame
from daemon.recording.process import open_journal
from daemon.recording.rotation import REQUEST_TIMEOUT, SESSION_SILENCE
from daemon.recording.to_midi import midi_file
from daemon.spec import MelodySpec, StageSpec

STEADY = TempoMap(((0.0, 120.0),), ((0.0, 4.0),))
HEADER: dict[str, Any] = {"jamd": "1", "members": {}, "spec": json.loads(json.dumps(StageSpec(STEADY).to_json()))}


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def heard(seconds: float, message: bytes, source: str = "keys") -> Entry:
    return Heard(seconds, source, seconds, message)


ON, OFF = heard(1000.0, note_on(1, 60, 90)), heard(1000.5, note_off(1, 60))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def journal(tmp_path: Path, clock: Clock, said: list[str]) -> Iterator[Journal]:
    journal = open_journal(tmp_path / "sessions", HEADER, said.append, clock)
    yield journal
    journal.close()


def files(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "sessions").glob("*.journal"))


def entries(path: Path) -> list[list[Any]]:
    """Without the header and the end."""
    return [entry for entry in JournalReader(path) if not isinstance(entry, SessionBegan | SessionEnded)]


def small_file() -> tuple[bytes, list[list[Any]], list[int]]:
    """A journal, its entries, and where each of them ends."""
    kept = [
        SessionBegan(999.0, HEADER),
        Advanced(999.5),
        Started(999.9, 0.0),
        TempoChanged(999.9, -0.2, 120.0),
        ON,
        OFF,
    ]
    kept += [heard(1001.0, note_on(1, 64, 90)), SessionEnded(1002.0)]
    data, ends = MAGIC, []
    for entry in kept:
        data += frame(entry)
        ends.append(len(data))
    return data, kept, ends


def test_every_whole_record_survives_a_cut_at_any_byte(tmp_path: Path) -> None:
    data, kept, ends = small_file()
    path = tmp_path / "cut.journal"
    for length in range(len(data) + 1):
        path.write_bytes(data[:length])
        whole = sum(end <= length for end in ends)
        assert list(JournalReader(path)) == kept[:whole]
        if whole:
            smf = midi_file(JournalReader(path))
            assert bool(smf) == (whole > kept.index(ON))


@given(st.data())
def test_damage_takes_the_entries_that_it_hits_and_no_other(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    content, kept, ends = small_file()
    at = data.draw(st.integers(0, len(content) - 1))
    damage = data.draw(st.binary(min_size=1, max_size=12))
    path = tmp_path_factory.mktemp("damaged") / "x.journal"
    after = (content[:at] + damage + content[at + len(damage) :])[: len(content)]
    path.write_bytes(after)
    begins = [len(MAGIC), *ends]
    whole = [after[a:b] == content[a:b] for a, b in zip(begins, ends, strict=False)]
    reader = JournalReader(path)
    found = list(reader)
    assert [entry for entry in found if not isinstance(entry, Damage)] == list(compress(kept, whole))
    assert [entry for entry in found if isinstance(entry, Damage)] == reader.damages
    assert {damage.seconds for damage in reader.damages} <= {0.0, *(entry.seconds for entry in kept)}
    read = sum(b - a for a, b, is_whole in zip(begins, ends, whole, strict=False) if is_whole)
    read += len(MAGIC) if after.startswith(MAGIC) else 0
    assert sum(each.unread for each in reader.damages) + reader.unread == len(after) - read
    assert reader.complete == whole[-1]


@pytest.mark.parametrize("junk", [b"", b"MThd", MAGIC[:-1], bytes(100), MAGIC + bytes(100), MAGIC + b"\xff" * 100])
def test_what_is_no_journal_has_no_entries(tmp_path: Path, junk: bytes) -> None:
    (tmp_path / "x.journal").write_bytes(junk)
    assert list(JournalReader(tmp_path / "x.journal")) == []


def test_zeros_that_a_power_cut_left_are_no_records(tmp_path: Path) -> None:
    data, kept, _ = small_file()
    (tmp_path / "x.journal").write_bytes(data + bytes(4096))
    assert list(JournalReader(tmp_path / "x.journal")) == kept


def test_nothing_is_written_while_nobody_plays(tmp_path: Path, journal: Journal, clock: Clock) -> None:
    for n in range(2000):
        clock.now += 0.1
        journal.write(
            [Advanced(clock.now), Answered(clock.now, "choir", n, [], True), TempoChanged(clock.now, 0, 96.0)]
        )
        assert journal.tick() is None
    journal.close()
    assert not (tmp_path / "sessions").exists()


def test_what_nobody_hears_waits_for_what_somebody_does_and_stands_before_it(tmp_path: Path, journal: Journal) -> None:
    silent = [PlayerUp(999.0, "choir"), Started(999.1, 0.0), Advanced(999.2)]
    for entry in silent:
        journal.write([entry])
    assert files(tmp_path) == []
    journal.write([ON])
    (path,) = files(tmp_path)
    assert entries(path) == [*silent, ON]
    size = path.stat().st_size
    journal.write([Advanced(1000.1)])
    journal.tick()
    assert path.stat().st_size == size
    journal.write([OFF])
    assert entries(path) == [*silent, ON, Advanced(1000.1), OFF]
    assert next(JournalReader(path)).header["spec"]["seed"] == 0


def test_it_is_synced_at_a_tick_when_there_is_something_new(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    journal.write([ON])
    monkeypatch.setattr(journal_module.os, "fsync", synced.append)
    journal.tick()
    assert len(synced) == 1
    journal.write([Advanced(1000.1)])
    journal.tick()
    assert len(synced) == 1
    journal.write([OFF])
    journal.tick()
    journal.tick()
    assert len(synced) == 2


def test_a_killed_desk_loses_nothing_that_was_written(tmp_path: Path) -> None:
    program = (
        "import os; from pathlib import Path; from tests.recording.test_journal import *\n"
        f"open_journal(Path({str(tmp_path / 'sessions')!r}), HEADER).write([ON, OFF]); os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", program], cwd=Path(__file__).parents[2]).returncode == 9
    (path,) = files(tmp_path)
    assert entries(path) == [ON, OFF]
    assert not path.with_suffix(".mid").exists()
    open_journal(tmp_path / "sessions", HEADER)  # the next start
    assert path.exists()
    assert [m.note for m in mido.MidiFile(path.with_suffix(".mid")) if m.type == "note_on"] == [60]


def test_leftovers_that_are_in_use_or_done_are_left_alone(tmp_path: Path, journal: Journal, said: list[str]) -> None:
    journal.write([ON, OFF])
    (path,) = files(tmp_path)
    done = path.with_name("done.journal")
    done.write_bytes(small_file()[0])
    done.with_suffix(".mid").write_bytes(b"mine")
    open_journal(tmp_path / "sessions", HEADER, said.append)
    assert not path.with_suffix(".mid").exists()
    assert done.with_suffix(".mid").read_bytes() == b"mine"
    assert said == []


def test_a_leftover_that_cannot_be_converted_is_said_and_kept(tmp_path: Path, said: list[str]) -> None:
    path = tmp_path / "sessions" / "bad.journal"
    path.parent.mkdir()
    payload = b'["heard",1.0]'
    path.write_bytes(MAGIC + struct.pack("<II", len(payload), zlib.crc32(payload)) + payload)
    open_journal(path.parent, HEADER, said.append)
    assert len(said) == 1
    assert "bad.journal" in said[0]
    assert path.exists()


def test_five_minutes_of_silence_end_a_session(tmp_path: Path, journal: Journal, clock: Clock) -> None:
    journal.write([ON, OFF])
    journal.write([Advanced(clock.now)] * 1000)
    clock.now += SESSION_SILENCE - 1
    assert journal.tick() is None
    clock.now += 2
    assert journal.tick() == 0.0
    assert journal.tick() is None
    clock.now += REQUEST_TIMEOUT + 1
    assert journal.tick() == 0.0  # the stage did not hear it
    (first,) = files(tmp_path)
    assert not first.with_suffix(".mid").exists()
    spec = {**HEADER["spec"], "seed": 7}
    journal.write(
        [
            Reconfigured(clock.now, StageSpec.from_json(spec)),
            Commanded(clock.now, RotateSession(), clock.now),
            StateSaved(clock.now, {"running": False}),
        ]
    )
    assert first.with_suffix(".mid").exists()
    assert entries(first) == [ON, OFF]
    assert journal.tick() is None
    journal.write([Reconfigured(clock.now, StageSpec.from_json(HEADER["spec"])), Advanced(clock.now), OFF])
    second = next(path for path in files(tmp_path) if path != first)
    assert [entry.kind for entry in entries(second)] == ["state", "spec", "advance", "heard"]
    assert next(JournalReader(second)).header["spec"]["seed"] == 7  # as it was when the session began
    journal.close()
    assert second.with_suffix(".mid").exists()


@pytest.mark.parametrize("seconds", [0, -5])
def test_sessions_of_one_moment_have_distinct_names(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch, seconds: int
) -> None:
    """A clock without a battery begins at the same time whenever it is switched on, or jumps backwards."""
    strftime, moment = time.strftime, time.localtime(seconds)
    monkeypatch.setattr(time, "strftime", lambda form: strftime(form, moment))
    name = time.strftime("%Y-%m-%d %H-%M-%S")
    taken = [tmp_path / f"{name}.mid", *(tmp_path / f"{name} ({number}).journal" for number in range(2, 1000))]
    for path in taken:
        path.write_bytes(b"of another session")
    for number in (1000, 1001):
        journal = Journal(tmp_path, HEADER, clock=clock)
        journal.write([ON])
        journal.close()
        assert entries(tmp_path / f"{name} ({number}).journal") == [ON]
    assert {path.read_bytes() for path in taken} == {b"of another session"}


def test_a_held_note_is_no_silence(journal: Journal, clock: Clock) -> None:
    journal.write([ON])
    clock.now += 2 * SESSION_SILENCE
    assert journal.tick() is None
    journal.write([PortLost(clock.now, "keys")])
    assert journal.tick() == 0.0


def test_silence_before_anything_was_heard_rotates_too_so_that_memory_stays_bounded(
    journal: Journal, clock: Clock
) -> None:
    journal.write([Advanced(clock.now)])
    clock.now += SESSION_SILENCE + 1
    assert journal.tick() == 0.0


@pytest.mark.skipif(sys.platform == "win32", reason="no such permissions")
@pytest.mark.parametrize(("chosen", "mode"), [(None, 0o700), (0o775, 0o775)])
def test_a_folder_that_is_made_is_private_and_one_that_was_chosen_stays_as_it_is(
    tmp_path: Path, chosen: int | None, mode: int
) -> None:
    folder = tmp_path / "music" / "sessions"
    umask = os.umask(0o022)
    try:
        if chosen is not None:
            folder.mkdir(parents=True)
            folder.chmod(chosen)
        journal = open_journal(folder, HEADER)
        journal.write([ON, OFF])
        journal.close()
    finally:
        os.umask(umask)
    assert folder.stat().st_mode & 0o777 == mode
    assert {path.suffix: path.stat().st_mode & 0o777 for path in folder.iterdir()} == {".mid": 0o644, ".journal": 0o644}


def test_sessions_of_the_same_second_have_names_of_their_own(tmp_path: Path) -> None:
    for _ in range(3):
        journal = open_journal(tmp_path / "sessions", HEADER)
        journal.write([ON, OFF])
        journal.close()
    assert len(list((tmp_path / "sessions").glob("*.mid"))) == 3
    assert len(files(tmp_path)) == 3


@contextlib.contextmanager
def largest_file(size: int) -> Iterator[Callable[[], None]]:
    """No file may be larger: the operating system's own error, EFBIG, in place of ENOSPC. Yields what lifts that."""
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield lambda: resource.setrlimit(resource.RLIMIT_FSIZE, before)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.skipif(sys.platform == "win32", reason="no limit of a file's size")
@pytest.mark.parametrize("room", [0, 10, 300, 700])
def test_a_full_disk_is_said_once_and_the_recording_goes_on_when_there_is_room(
    tmp_path: Path, journal: Journal, said: list[str], room: int
) -> None:
    with largest_file(room) as lift:
        for n in range(50):
            journal.write([heard(1000.0 + n, note_on(1, 60, 90)), heard(1000.5 + n, note_off(1, 60))])
            journal.tick()
        assert len(said) == 1
        assert "recording is interrupted" in said[0]
        lift()
        journal.tick()
    assert len(said) == 2
    (path,) = files(tmp_path)
    assert len(entries(path)) == 100
    assert [entry.seconds for entry in entries(path)] == sorted(entry.seconds for entry in entries(path))


def test_a_directory_that_is_a_file_is_said_once(tmp_path: Path, said: list[str]) -> None:
    (tmp_path / "sessions").write_bytes(b"")
    journal = open_journal(tmp_path / "sessions", HEADER, said.append)
    for _ in range(5):
        journal.write([ON])
        journal.tick()
    journal.close()
    assert len(said) == 1
    assert "sessions" in said[0]


def test_large_melodies_at_the_beginning_of_a_session_do_not_end_it(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotation, "LARGE", 10_000)
    melody = Melody("m", tuple(Note(float(n), 1.0, 60, 80) for n in range(1000)), 1000.0, False, STEADY)
    header = {**HEADER, "spec": StageSpec(STEADY, melodies=(MelodySpec(melody),)).to_json()}
    journal = open_journal(tmp_path / "sessions", header, clock=clock)
    clock.now += REQUEST_TIMEOUT + 1
    journal.write([ON])
    assert journal.tick() is None
    journal.write([heard(1000.5, note_on(1, 60, 90))] * 2000)
    assert journal.tick() is not None
    journal.close()


@pytest.mark.skipif(sys.platform == "win32", reason="no limit of a file's size")
def test_a_long_outage_leaves_a_gap_and_memory_stays_bounded(tmp_path: Path, journal: Journal) -> None:
    many = [heard(1000.0 + n / 1000, note_on(1, 60, 90)) for n in range(1000)]
    size = sum(len(frame(entry)) for entry in many)
    with largest_file(0) as lift:
        for _ in range(MAX_BUFFERED_BYTES // size + 2):
            journal.write(many)
            assert journal._size <= MAX_BUFFERED_BYTES
        lift()
        journal.write([OFF])
    (path,) = files(tmp_path)
    assert isinstance(entries(path)[0], Gap)
    assert entries(path)[-1] == OFF


def test_long_melodies_of_a_reload_leave_no_gap(
    tmp_path: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "MAX_BUFFERED_BYTES", 1000)
    change = MembersChanged(1000.0, {"choir": {"model": None, "padding": "x" * 2000}})
    journal.write([ON, OFF])
    journal.write([change, Advanced(1000.0), change, ON])
    assert entries(files(tmp_path)[0]) == [ON, OFF, change, Advanced(1000.0), change, ON]


@pytest.mark.skipif(sys.platform == "win32", reason="folders are not synced there")
def test_the_name_of_a_new_session_survives_a_power_cut(
    tmp_path: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[os.stat_result] = []
    monkeypatch.setattr(journal_module.os, "fsync", lambda number: synced.append(os.fstat(number)))
    journal.write([ON])
    (path,) = files(tmp_path)
    assert any(os.path.samestat(status, path.parent.stat()) for status in synced)

"""The runtime folder: abandoned folders of killed desks are removed, and nothing else."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from io import FileIO
from pathlib import Path

import pytest

from daemon.desk import runtime
from daemon.desk.runtime import LOCK_FILE, runtime_folder, tidy
from daemon.midi.ledger import SIZE, open_ledger


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    yield tmp_path
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("jamd-") and path.name != "jamd-other"]


def leave(place: Path) -> Path:
    folder = place / "jamd-left"
    folder.mkdir()
    (folder / LOCK_FILE).touch()
    (folder / "ledger").write_bytes(b"\0")
    return folder


def test_the_folder_of_a_killed_desk_is_removed(place: Path) -> None:
    left = leave(place)
    with runtime_folder() as folder:
        assert not left.exists()
        assert (folder / "ledger").exists()
        assert folder.stat().st_mode & 0o077 == 0


@pytest.mark.skipif(sys.platform != "linux", reason="shared memory has a folder on Linux only")
def test_without_shared_memory_the_next_place_is_used_and_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = tmp_path / "shm"
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setattr(runtime, "SHARED_MEMORY", missing)
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(tmp_path))
    said: list[str] = []
    with runtime_folder(said.append) as folder:
        assert folder.parent == tmp_path
    assert said == [
        f"shared memory ({missing}): No such file or directory: mount a tmpfs there; jamd uses {tmp_path} instead"
    ]


def test_folders_in_use_and_other_files_stay(place: Path) -> None:
    other, file = place / "jamd-other", place / "file"
    other.mkdir()
    (other / "ledger").touch()
    file.touch()
    with runtime_folder() as first, runtime_folder() as second:
        tidy(place)
        assert {path.name for path in place.iterdir()} == {first.name, second.name, "jamd-other", "file"}
    assert (other / "ledger").exists()


def test_a_new_folder_that_another_desk_removes_is_made_again(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    def lock(file: FileIO) -> bool:
        made.append(Path(str(file.name)).parent)
        if len(made) == 1:  # just before the lock is taken
            tidy(place)
        return real(file)

    real = runtime.lock
    monkeypatch.setattr(runtime, "lock", lock)
    with runtime_folder() as folder:
        assert folder.exists()
        assert folder == made[-1]
        assert not made[0].exists()


def test_links_of_others_are_not_followed(place: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """In a shared folder anybody may plant a link, named as an abandoned folder or lock."""
    precious = tmp_path_factory.mktemp("precious")
    (precious / LOCK_FILE).write_bytes(b"mine")
    planted = place / "jamd-planted"
    planted.symlink_to(precious, target_is_directory=True)
    lured = place / "jamd-lured"
    lured.mkdir()
    (lured / LOCK_FILE).symlink_to(precious / LOCK_FILE)
    hard = place / "jamd-hard"
    hard.mkdir()
    (hard / LOCK_FILE).hardlink_to(precious / LOCK_FILE)
    piped = place / "jamd-piped"
    piped.mkdir()
    os.mkfifo(piped / LOCK_FILE)
    locked: list[object] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runtime, "lock", lambda file: locked.append(file))
        tidy(place)
    tidy(place)
    assert not locked and (precious / LOCK_FILE).read_bytes() == b"mine"
    for path in (planted, lured / LOCK_FILE, hard / LOCK_FILE, piped / LOCK_FILE):
        assert path.is_symlink() or path.exists()
        path.unlink()
    for folder in (lured, hard, piped):
        folder.rmdir()


def test_a_folder_that_others_can_write_to_is_left_alone(place: Path) -> None:
    left = leave(place)
    left.chmod(0o777)
    tidy(place)
    assert left.exists()
    left.chmod(0o700)
    tidy(place)
    assert not left.exists()


def test_the_folder_of_another_user_is_left_alone(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left = leave(place)
    with monkeypatch.context() as patch:
        patch.setattr(os, "geteuid", lambda: os.getuid() + 1)
        tidy(place)
    assert left.exists()
    tidy(place)


@pytest.mark.parametrize("spoil", ["writable", "file", "missing"])
def test_a_place_where_others_can_replace_the_folder_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoil: str
) -> None:
    shared = tmp_path / "shared"
    if spoil == "file":
        shared.touch()
    elif spoil == "writable":
        shared.mkdir()
        shared.chmod(0o777)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(shared))
    with runtime_folder() as folder:
        assert shared not in folder.parents
    if spoil == "writable":
        shared.chmod(0o1777)  # sticky, as /tmp: only the owner of a folder can rename it
        with runtime_folder() as folder:
            assert folder.parent == shared


def test_a_ledger_is_never_a_link(tmp_path: Path) -> None:
    target, ledger = tmp_path / "target", tmp_path / "ledger"
    target.write_bytes(bytes(SIZE))
    ledger.symlink_to(target)
    with pytest.raises(FileExistsError):
        open_ledger(ledger, create=True)
    with pytest.raises(OSError, match="symbolic links"):
        open_ledger(ledger)

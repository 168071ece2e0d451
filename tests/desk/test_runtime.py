"""The runtime folder: abandoned folders of killed desks are removed, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from io import FileIO
from pathlib import Path

import pytest

from daemon.desk import runtime
from daemon.desk.runtime import LOCK_FILE, runtime_folder, tidy


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

"""Inputs are regular files of a limited size; all else is refused at once, with its reason."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from daemon import config
from daemon.engines.drums.primer import find_groove
from daemon.errors import JamdError
from daemon.input_files import open_input, read_input
from daemon.music.midi_file import read_midi_file
from daemon.recording.replay import replay

MOST = 1 << 20


def link_to(target: str) -> Callable[[Path], None]:
    return lambda path: path.symlink_to(target)


def sparse(path: Path) -> None:
    path.touch()
    os.truncate(path, 10 << 30)


def a_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        os.chdir(path.parent)  # a socket's path is short
        made.bind(path.name)


REFUSED: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda path: None, "No such file"),
    "folder": (Path.mkdir, "a folder, not a file"),
    "pipe": (os.mkfifo, "a pipe, not a file"),
    "link to a pipe": (lambda path: (os.mkfifo(f"{path}.pipe"), path.symlink_to(f"{path}.pipe")), "a pipe, not a file"),
    "socket": (a_socket, "a socket, not a file"),
    "endless device": (link_to("/dev/zero"), "a device, not a file"),
    "terminal": (link_to("/dev/tty"), "a device, not a file"),
    "circle of links": (lambda path: path.symlink_to(path.name), "Too many levels of symbolic links"),
    "broken link": (link_to("nowhere"), "No such file"),
    "10 GB of nothing": (sparse, "larger than 1 MiB"),
    "one byte too many": (lambda path: path.write_bytes(bytes(MOST + 1)), "larger than 1 MiB"),
    "below a file": (lambda path: None, "Not a directory"),
    "no path": (lambda path: None, "not a path"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_file_of_a_limited_size_is_refused_at_once(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path, (make, reason) = tmp_path / "input", REFUSED[name]
    make(path)
    if name == "below a file":
        path.touch()
        path /= "x"
    elif name == "no path":
        path = tmp_path / "a\0b"
    for opened in (open_input, read_input):
        with pytest.raises(OSError) as caught:
            opened(path, MOST)
        assert reason in (caught.value.strerror or "")
        assert caught.value.filename == str(path) or Path(caught.value.filename) == path


def test_a_file_of_just_the_size_is_read_also_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"\r\n\x1a" + bytes(MOST - 3))
    (tmp_path / "link").symlink_to("file")
    assert read_input(tmp_path / "link", MOST) == (tmp_path / "file").read_bytes()
    with open_input(tmp_path / "link", MOST) as file:
        assert file.read(3) == b"\r\n\x1a"


def test_memory_is_reserved_for_the_file_not_for_the_limit(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(100))
    assert read_input(tmp_path / "file", 1 << 60) == bytes(100)


def test_a_file_without_a_size_is_read_to_its_end() -> None:
    assert read_input(Path("/proc/self/status"), MOST).startswith(b"Name:")


def test_a_file_that_grows_while_it_is_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_bytes(bytes(MOST))
    before = os.stat(tmp_path / "file")
    (tmp_path / "file").write_bytes(bytes(2 * MOST))
    monkeypatch.setattr(os, "stat", lambda path: before)
    monkeypatch.setattr(os, "fstat", lambda number: before)
    with pytest.raises(OSError, match="larger than 1 MiB"):
        read_input(tmp_path / "file", MOST)


def test_a_pipe_that_takes_the_files_place_while_it_is_opened_does_not_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    os.mkfifo(tmp_path / "pipe")
    before = os.stat(tmp_path / "file")
    monkeypatch.setattr(os, "stat", lambda path: before)
    with pytest.raises(OSError, match="a pipe, not a file"):
        open_input(tmp_path / "pipe", MOST)


def test_a_file_that_is_larger_than_it_says_is_not_read_on(tmp_path: Path) -> None:
    """Files in /proc have the size 0 and any length."""
    assert len(read_input(Path("/proc/self/status"), MOST)) > 100
    with pytest.raises(OSError, match="larger than 0 KiB"):
        read_input(Path("/proc/self/status"), 10)


READERS: dict[str, Callable[[Path], object]] = {
    "configuration": config.load,
    "melody": read_midi_file,
    "groove": lambda path: find_groove(str(path)),
    "session": replay,
}


@pytest.mark.parametrize("kind", ["folder", "pipe", "endless device", "circle of links", "10 GB of nothing"])
@pytest.mark.parametrize("reader", READERS)
def test_every_reader_refuses_in_one_line(reader: str, kind: str, tmp_path: Path) -> None:
    path = tmp_path / ("input.journal" if reader == "session" else "input")
    make, reason = REFUSED[kind]
    make(path)
    with pytest.raises(JamdError) as caught:
        READERS[reader](path)
    text = str(caught.value)
    assert text.startswith(f"{path}: cannot be read (") and "\n" not in text
    assert reason.replace("1 MiB", "") in text

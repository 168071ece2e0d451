"""Files that commands write: whole or not at all, over regular files only, never over an input."""

from __future__ import annotations

import contextlib
import errno
import os
import select
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon import output_files, replacement
from daemon.errors import JamdError
from daemon.output_files import MIDI, PICTURE, OutputFile, OutputFiles
from daemon.replacement import replace_file, replace_files

posix = pytest.mark.skipif(sys.platform == "win32", reason="no such files")
root = pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="only root makes devices")


def write(path: Path, data: bytes = b"new", *others: Path) -> None:
    OutputFile(str(path), "-o", MIDI, others).write(data)


@contextlib.contextmanager
def refused(path: Path | str, reason: str, *others: Path) -> Iterator[None]:
    """The output is refused in one line that names the file and the option."""
    yield
    with pytest.raises(JamdError) as raised:
        OutputFile(str(path), "-o", MIDI, others).write(b"new")
    assert str(raised.value).startswith(f"{Path(path)}: ") and reason in str(raised.value)
    assert str(raised.value).endswith(" with -o") and "\n" not in str(raised.value)


@pytest.fixture(autouse=True)
def no_leftovers(tmp_path: Path) -> Iterator[None]:
    yield
    assert not list(tmp_path.rglob("*.part"))


def test_a_file_is_made_and_replaced(tmp_path: Path) -> None:
    for data in (b"old", b"new"):
        write(tmp_path / "x.mid", data)
        assert (tmp_path / "x.mid").read_bytes() == data


def test_a_file_is_there_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x.mid").write_bytes(b"old")

    def fail(error: BaseException) -> None:
        def raise_it(_: int) -> None:
            raise error

        monkeypatch.setattr(replacement.os, "fsync", raise_it)

    fail(OSError(28, "No space left on device"))
    with refused(tmp_path / "x.mid", "No space left on device"), refused(tmp_path / "y.mid", "No space"):
        pass
    fail(KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "x.mid")
    assert (tmp_path / "x.mid").read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [tmp_path / "x.mid"]


@posix
def test_files_that_belong_together_are_replaced_after_all_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [tmp_path / name for name in ("x.onnx", "x.json")]
    replace_files(dict.fromkeys(paths, b"old"))
    written: list[int] = []

    def full_at_the_second(descriptor: int) -> None:
        written.append(descriptor)
        if len(written) == 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(replacement.os, "fsync", full_at_the_second)
    with pytest.raises(OSError, match="No space left"):
        replace_files(dict.fromkeys(paths, b"new"))
    assert [path.read_bytes() for path in paths] == [b"old", b"old"]


@posix
def test_outputs_of_a_command_all_take_their_places_or_none_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outputs = [OutputFile(str(tmp_path / f"{name}.mid"), "-o", MIDI) for name in "abc"]
    for output in outputs[:2]:
        output.write(b"old")

    def make() -> None:
        with OutputFiles() as files:
            for output in outputs:
                files.write(output, b"new")

    def content() -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    before, replaced = content(), Path.replace

    def in_use(self: Path, target: Path) -> Path:
        if target.name == "c.mid" and self.suffix == ".part":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return replaced(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", in_use)
        with pytest.raises(JamdError, match=r"c\.mid: cannot be written \(Permission denied\)"):
            make()
        assert content() == before
    with pytest.raises(KeyError), OutputFiles() as files:
        files.write(outputs[0], b"new")
        raise KeyError
    assert content() == before
    make()
    assert content() == dict.fromkeys(("a.mid", "b.mid", "c.mid"), b"new")


@posix
def test_a_stream_is_written_before_files_are_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "x.mid").write_bytes(b"old")
    with pytest.raises(JamdError, match="no program reads this pipe"), OutputFiles() as files:
        for name in ("x.mid", "pipe"):
            files.write(OutputFile(str(tmp_path / name), "-o", MIDI), b"new")
    assert (tmp_path / "x.mid").read_bytes() == b"old"


def test_permissions_are_those_of_a_new_file_or_of_the_one_that_was_there(tmp_path: Path) -> None:
    umask = os.umask(0o027)
    try:
        write(tmp_path / "new.mid")
        (tmp_path / "old.mid").touch()
        (tmp_path / "old.mid").chmod(0o604)
        write(tmp_path / "old.mid")
    finally:
        os.umask(umask)
    assert [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("new.mid", "old.mid")] == [0o640, 0o604]


@posix
def test_the_temporary_file_is_new_and_beside_the_target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A link under the name of the temporary file is not followed."""
    trap = tmp_path / "trap"
    monkeypatch.setattr(replacement.secrets, "token_hex", lambda _: "foreseen")
    (tmp_path / ".foreseen.part").symlink_to(trap)
    with refused(tmp_path / "x.mid", "File exists"):
        pass
    assert not trap.exists()
    (tmp_path / ".foreseen.part").unlink()
    names = {replacement.secrets.token_hex(8) for _ in range(3)}
    monkeypatch.undo()
    assert len(names) == 1 and len({replacement.secrets.token_hex(8) for _ in range(3)}) == 3


@posix
def test_a_link_is_followed_and_stays(tmp_path: Path) -> None:
    (tmp_path / "music").mkdir()
    target, link, dangling = tmp_path / "music" / "x.mid", tmp_path / "x.mid", tmp_path / "y.mid"
    target.write_bytes(b"old")
    link.symlink_to(target)
    dangling.symlink_to("music/y.mid")
    write(link)
    write(dangling)
    assert link.is_symlink() and dangling.is_symlink()
    assert target.read_bytes() == (tmp_path / "music" / "y.mid").read_bytes() == b"new"
    replace_file(link, b"own")  # a recording follows no link in its folder
    assert not link.is_symlink() and target.read_bytes() == b"new"


@posix
def test_links_without_a_target_are_refused(tmp_path: Path) -> None:
    (tmp_path / "loop.mid").symlink_to("loop.mid")
    (tmp_path / "lost.mid").symlink_to("no/such/folder.mid")
    with refused(tmp_path / "loop.mid", "Too many levels"), refused(tmp_path / "lost.mid", "No such file"):
        pass
    assert (tmp_path / "loop.mid").is_symlink()


def test_folders_and_impossible_paths_are_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        refused(tmp_path, "a folder"),
        refused(".", "a folder"),
        refused("", "a folder"),
        refused(f"{tmp_path / 'new'}/", "a folder"),
        refused(tmp_path / "no" / "x.mid", "No such file or directory"),
        refused(tmp_path / "file" / "x.mid", "cannot be written"),
        refused(tmp_path / f"{'x' * 300}.mid", "cannot be written"),
        refused("x\0.mid", "not a path"),
    ):
        pass


@posix
def test_protected_files_and_folders_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if os.geteuid() == 0:  # root may write anywhere
        monkeypatch.setattr(output_files.os, "access", lambda path, mode: bool(os.stat(path).st_mode & 0o200))
    (tmp_path / "x.mid").write_bytes(b"old")
    (tmp_path / "x.mid").chmod(0o444)
    (tmp_path / "folder").mkdir(0o555)
    with refused(tmp_path / "x.mid", "Permission denied"), refused(tmp_path / "folder" / "x.mid", "Permission denied"):
        pass
    assert (tmp_path / "x.mid").read_bytes() == b"old"


@posix
def test_the_file_that_standard_output_is_appended_to_is_written_to(tmp_path: Path) -> None:
    program = "from daemon.output_files import MIDI, OutputFile as O; O('/dev/stdout', '-o', MIDI).write(b'new')"
    (tmp_path / "all").write_bytes(b"old")
    with (tmp_path / "all").open("ab") as file:
        subprocess.run([sys.executable, "-c", program], stdout=file, check=True)
    assert (tmp_path / "all").read_bytes() == b"oldnew"


@pytest.mark.parametrize("name", ["x.wav", "x.mid.gz", "x.MIDX", "config.yaml", "S.journal", "no. 2"])
def test_the_suffix_must_be_that_of_the_format(tmp_path: Path, name: str) -> None:
    with refused(tmp_path / name, "MIDI is written: name a file that ends in .mid or .midi or .smf"):
        pass
    assert not (tmp_path / name).exists()


def test_the_suffixes_of_midi_files_and_pictures_or_none(tmp_path: Path) -> None:
    for name in ("a.mid", "b.MID", "c.midi", "d.smf", "e"):
        write(tmp_path / name)
        assert (tmp_path / name).read_bytes() == b"new"
    OutputFile(str(tmp_path / "x.SVG"), "--picture", PICTURE).write(b"new")
    with pytest.raises(JamdError, match=r"SVG is written: name a file that ends in .svg with --picture$"):
        OutputFile(str(tmp_path / "x.png"), "--picture", PICTURE)


@posix
def test_an_input_is_never_overwritten(tmp_path: Path) -> None:
    given = tmp_path / "in.mid"
    given.write_bytes(b"input")
    (tmp_path / "soft.mid").symlink_to(given)
    os.link(given, tmp_path / "hard.mid")
    for name in ("in.mid", "soft.mid", "hard.mid", "../" + tmp_path.name + "/in.mid"):
        with refused(tmp_path / name, f"this is {given}", tmp_path / "other", given):
            pass
    (tmp_path / "to.mid").symlink_to(tmp_path / "fresh.mid")  # another output, which is not there yet
    with refused(tmp_path / "to.mid", "would be overwritten", tmp_path / "fresh.mid"):
        pass
    assert given.read_bytes() == b"input"


@posix
def test_a_pipe_is_written_to_and_stays(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with refused(pipe, "no program reads this pipe"):
        pass
    with pytest.raises(OSError, match="not a regular file"):
        replace_file(pipe, b"new")  # it came while the content was made
    data, read = bytes(range(256)) * 1000, bytearray()
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)

    def take() -> None:
        while len(read) < len(data) and select.select([reader], [], [], 10)[0]:
            with contextlib.suppress(BlockingIOError):
                read.extend(os.read(reader, 1 << 16))

    thread = threading.Thread(target=take)
    output = OutputFile(str(pipe), "-o", MIDI)
    assert output.is_stream
    thread.start()
    output.write(data)
    thread.join(10)
    os.close(reader)
    assert read == data and stat.S_ISFIFO(pipe.stat().st_mode)


@posix
def test_a_pipe_whose_reader_ends(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    output = OutputFile(str(tmp_path / "pipe"), "-o", MIDI)
    threading.Timer(0.05, os.close, [reader]).start()
    with pytest.raises(JamdError, match=r"cannot be written \(Broken pipe\)"):
        output.write(bytes(1 << 20))


@posix
def test_a_socket_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # a socket's path is short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("s.mid")
        with refused("s.mid", "a socket"):
            pass
    assert stat.S_ISSOCK(os.stat("s.mid").st_mode)


@root
def test_a_device_stays_a_device(tmp_path: Path) -> None:
    null, full, disk = tmp_path / "null", tmp_path / "full.mid", tmp_path / "disk"
    try:
        os.mknod(null, stat.S_IFCHR | 0o666, os.makedev(1, 3))
        os.mknod(full, stat.S_IFCHR | 0o666, os.makedev(1, 7))
        os.mknod(disk, stat.S_IFBLK | 0o666, os.makedev(7, 250))
        write(null)
    except PermissionError:
        pytest.skip("no devices can be made or opened here")
    write(null)
    write(null, b"new", null)  # nothing is overwritten there
    (tmp_path / "link.mid").symlink_to(null)
    write(tmp_path / "link.mid")
    with refused(full, "No space left on device"), refused(disk, "a socket or a disk"):
        pass
    assert stat.S_ISCHR(null.stat().st_mode) and stat.S_ISBLK(disk.stat().st_mode)


@posix
def test_a_deleted_file_that_is_still_open(tmp_path: Path) -> None:
    """/dev/stdout may be one; its name in /proc leads to "x (deleted)"."""
    with (tmp_path / "x").open("w+b") as file:
        (tmp_path / "x").unlink()
        if not Path(f"/proc/self/fd/{file.fileno()}").exists():
            pytest.skip("no /proc")
        write(Path(f"/proc/self/fd/{file.fileno()}"))
        assert file.read() == b"new" and list(tmp_path.iterdir()) == []


@root
def test_a_full_disk(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", disk], capture_output=True).returncode:
        pytest.skip("nothing can be mounted here")
    try:
        write(disk / "x.mid", b"old")
        with pytest.raises(JamdError, match=r"No space left on device\): delete files there, or choose another place"):
            write(disk / "x.mid", bytes(100_000))
        assert (disk / "x.mid").read_bytes() == b"old" and len(list(disk.iterdir())) == 1
    finally:
        subprocess.run(["umount", disk], check=True)

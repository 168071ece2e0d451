"""Files that the tools hand to each other: whole or not at all, and errors of one line."""

import errno
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

from export_tools.common import files
from export_tools.common.files import BadFile, draft_folder, read_arrays, using, write, write_all, write_arrays

ARRAYS = {"first": np.arange(5), "styles": np.array(["rock", "funk"])}


def same(path):
    return {name: array.tolist() for name, array in read_arrays(path).items()} == {
        name: array.tolist() for name, array in ARRAYS.items()
    }


@pytest.mark.parametrize("compressed", [False, True])
def test_arrays_are_written_and_read(tmp_path, compressed):
    write_arrays(tmp_path / "data", ARRAYS, compressed)
    assert same(tmp_path / "data.npz")


def test_an_interrupted_write_leaves_the_previous_file(tmp_path, monkeypatch):
    path = tmp_path / "data.npz"
    write_arrays(path, ARRAYS)

    def interrupted(number):
        raise KeyboardInterrupt

    monkeypatch.setattr("daemon.output_files.os.fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_arrays(path, {"first": np.zeros(1)})
    assert same(path)
    assert list(tmp_path.iterdir()) == [path]


def test_what_cannot_be_written_is_one_line(tmp_path):
    with pytest.raises(BadFile, match=r"data\.npz: cannot be written \(No such file or directory\): choose another"):
        write(tmp_path / "none" / "data.npz", b"")


def damaged(path):
    """The names and contents of files that are no such file."""
    write_arrays(path, ARRAYS, compressed=True)
    whole = path.read_bytes()
    with zipfile.ZipFile(path.with_name("empty.npz"), "w"):
        pass
    flipped = bytearray(whole)
    for at in range(60, 90):
        flipped[at] ^= 255
    return [b"", b"\x93NUMPY", whole[: len(whole) // 2], bytes(flipped), path.with_name("empty.npz").read_bytes()]


def test_a_damaged_file_of_arrays_is_one_line(tmp_path):
    path = tmp_path / "data.npz"
    for content in damaged(path):
        path.write_bytes(content)
        with pytest.raises(BadFile) as error, using(path, "prepare.py"):
            read_arrays(path)["first"].tolist()
        assert str(error.value) == f"{path}: damaged, or not a file of prepare.py: name another one, or make it again"
    path.unlink()
    missing = r"cannot be read \(No such file or directory\): name a file of prepare\.py"
    with pytest.raises(BadFile, match=missing), using(path, "prepare.py"):
        read_arrays(path)


def test_files_that_belong_together_are_all_written_or_none(tmp_path):
    model, sidecar = tmp_path / "tiny.onnx", tmp_path / "tiny.json"
    write_all({model: b"old", sidecar: b"old"})
    sidecar.unlink()
    sidecar.mkdir()
    with pytest.raises(BadFile, match=r"tiny\.onnx: cannot be written \(not a regular file\): choose another place"):
        write_all({model: b"new", sidecar: b"new"})
    assert model.read_bytes() == b"old" and sorted(tmp_path.iterdir()) == [sidecar, model]


def test_a_full_disk_is_one_line_and_leaves_no_draft(tmp_path):
    path = tmp_path / "models" / "tiny.onnx"
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with pytest.raises(BadFile, match=r"tiny\.onnx: cannot be written \(No space left"), draft_folder(path) as folder:
        (folder / "draft").write_bytes(b"half")
        raise full
    assert not list(path.parent.iterdir())
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(BadFile, match="cannot be written"), draft_folder(tmp_path / "file" / "tiny.onnx"):
        pass


def test_all_tools_write_through_this_module():
    """No other module of export_tools writes a file by itself."""
    folder = files.__file__.removesuffix("common/files.py")
    ways = ("np.savez", "write_text(", "write_bytes(", "torch.save(", "os.replace(", ', "w"')
    found = {
        (str(path.relative_to(folder)), way)
        for path in Path(folder).rglob("*.py")
        for way in ways
        if way in path.read_text()
    }
    assert found == {
        ("common/files.py", "np.savez"),
        ("common/checkpoint.py", "torch.save("),  # to memory
        ("common/artifact.py", "write_bytes("),  # in a temporary folder
    }

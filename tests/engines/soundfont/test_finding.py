"""Soundfont files: which are found, which are refused, and why."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.engines.soundfont import finding
from daemon.engines.soundfont.finding import general_midi, named, soundfonts
from daemon.engines.soundfont.sf2_file import MOST_BYTES, read_header
from daemon.errors import ModelError
from tests.engines.soundfont.make_soundfont import make_soundfont

GENERAL_MIDI = [(128, 0), *((0, program) for program in range(128))]


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folders that are looked into: `own` and `system`."""
    folders = [tmp_path / "own", tmp_path / "missing", tmp_path / "system"]
    monkeypatch.setattr(finding, "folders", lambda: folders)
    folders[0].mkdir()
    folders[2].mkdir()
    yield tmp_path


def test_the_header_of_a_soundfont(tmp_path: Path) -> None:
    path = make_soundfont(tmp_path / "some.sf2", [(0, 3), (8, 3), (128, 0)])
    found = read_header(path)
    assert found.presets == {(0, 3), (8, 3), (128, 0)}
    assert not found.is_compressed and not found.is_general_midi and found.size == path.stat().st_size
    assert read_header(make_soundfont(tmp_path / "gm.sf2", GENERAL_MIDI)).is_general_midi


def test_a_soundfont_of_version_3_is_compressed(tmp_path: Path) -> None:
    path = make_soundfont(tmp_path / "some.sf3")
    path.write_bytes(path.read_bytes().replace(b"ifil\4\0\0\0\2\0", b"ifil\4\0\0\0\3\0"))
    assert read_header(path).is_compressed


def test_no_soundfont_at_all(installed: Path) -> None:
    assert general_midi() == [] == soundfonts()
    with pytest.raises(ModelError, match="no soundfont 'piano' is installed: choose"):
        named("piano")


def test_the_order_of_soundfonts(installed: Path) -> None:
    for name in ("Zither.sf2", "TimGM6mb.sf2", "FluidR3_GM.SF2", "FluidR3Mono_GM.sf3", "default-GM.sf2", "notes.txt"):
        make_soundfont(installed / "system" / name, GENERAL_MIDI)
    make_soundfont(installed / "own" / "any.sf3", GENERAL_MIDI)
    expected = ["any", "default-GM", "FluidR3_GM", "TimGM6mb", "Zither", "FluidR3Mono_GM"]
    assert [path.stem for path in soundfonts()] == expected
    assert [file.path.stem for file in general_midi()] == expected


def test_what_is_not_general_midi_or_damaged_is_not_played_unasked(installed: Path) -> None:
    make_soundfont(installed / "own" / "piano.sf2")
    (installed / "own" / "broken.sf2").write_bytes(b"RIFF")
    (installed / "own" / "dangling.sf2").symlink_to(installed / "nowhere.sf2")
    (installed / "own" / "folder.sf2").mkdir()
    good = make_soundfont(installed / "system" / "good.sf2", GENERAL_MIDI)
    assert [file.path for file in general_midi()] == [good]


@pytest.mark.parametrize("name", ["good", "GOOD", "Good.sf2"])
def test_a_soundfont_by_name(installed: Path, name: str) -> None:
    good = make_soundfont(installed / "system" / "Good.sf2")
    assert named(name).path == good
    assert named(str(good)).path == good
    other = make_soundfont(installed / "own" / "good.sf2")
    assert named(str(good)).path == good
    other.unlink()
    assert named(str(installed / "Good.sf2")).path == good  # a name, which the configuration took for a path


def test_a_misspelt_name(installed: Path) -> None:
    make_soundfont(installed / "system" / "FluidR3_GM.sf2")
    with pytest.raises(ModelError, match=r"no soundfont 'FluidR3GM' is installed: did you mean 'FluidR3_GM'\?"):
        named("FluidR3GM")
    with pytest.raises(ModelError, match=r"there is no such file: did you mean '.*FluidR3_GM.sf2'\?"):
        named(str(installed / "system" / "FluidR3GM.sf2"))


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is no soundfont"),
        (b"<region> sample=a.wav key=60\n", "is no soundfont"),
        (b"RIFF\4\0\0\0DLS ", "is a DLS collection"),
        (b"RIFF\4\0\0\0WAVE", "is an audio file"),
        (b"RIFF\4\0\0\0sfbk", "is damaged"),
        (b"RIFF\xff\xff\xff\xffsfbk", "is cut off"),
        (b"PK\3\4" + bytes(100), "is no soundfont"),
    ],
)
def test_what_is_no_soundfont_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    with pytest.raises(ModelError, match=f"font.sf2: {said}.*: (choose a soundfont|copy or download)"):
        read_header(write(tmp_path / "font.sf2", content))


def test_a_file_that_is_cut_off_anywhere_is_refused(tmp_path: Path) -> None:
    whole = make_soundfont(tmp_path / "whole.sf2").read_bytes()
    for size in range(0, len(whole), 97):
        with pytest.raises(ModelError, match=r"cut off \(the file has|is no soundfont"):
            read_header(write(tmp_path / "part.sf2", whole[:size]))


def test_paths_that_are_no_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="a folder, not a file"):
        read_header(tmp_path)
    with pytest.raises(ModelError, match="there is no such file"):
        named(str(tmp_path / "none.sf2.zip"))
    if sys.platform != "win32":
        os.mkfifo(tmp_path / "pipe.sf2")
        with pytest.raises(ModelError, match="a pipe, not a file"):
            named(str(tmp_path / "pipe.sf2"))


def test_only_the_first_chunks_are_looked_at(tmp_path: Path) -> None:
    """A file of gigabytes may consist of empty chunks."""
    content = make_soundfont(tmp_path / "some.sf2").read_bytes()[12:]
    for count in (10, 100):
        chunks = b"sfbk" + count * b"none\0\0\0\0" + content
        path = write(tmp_path / "some.sf2", b"RIFF" + len(chunks).to_bytes(4, "little") + chunks)
        if count == 10:
            assert read_header(path).presets == {(0, 0)}
    with pytest.raises(ModelError, match="is damaged"):
        read_header(path)


@pytest.mark.skipif(sys.platform == "win32", reason="files of zeros take space there")
def test_a_file_that_is_too_large_for_the_format_is_refused(tmp_path: Path) -> None:
    with open(tmp_path / "large.sf2", "wb") as file:
        file.truncate(MOST_BYTES + 1)
    with pytest.raises(ModelError, match="larger than 4096 MiB"):
        read_header(tmp_path / "large.sf2")

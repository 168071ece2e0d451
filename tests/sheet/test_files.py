"""`jamd sheet`: the files of a song, of several, after errors; the sheet is what the band plays."""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path

import mido
import pytest

from daemon import config, replacement
from daemon.config import Config, option_values
from daemon.errors import JamdError
from daemon.leadsheet.musicxml import read_musicxml
from daemon.render.offline import Rendering
from daemon.sheet import files
from daemon.sheet.engraving import EngravingError
from daemon.sheet.files import write

BAND = """
clock: {source: lead}
ports: {band: {direction: out}}
band:
  lead: {engine: leadsheet, play: {port: band, channels: {melody: 4}, program: flute}, options: {song: song.yaml}}
  choir: {engine: bass, listen: [lead], play: {port: band, channels: {bass: 3}, program: acoustic bass}}
"""
SONG = """
title: A Song
key: C
tempo: 90
meter: 3/4
chords: '| C | G7 |'
melody: '| E5 - D5 | B4 - - |'
choruses: 2
"""


def load(folder: Path, text: str = SONG, **options: object) -> Config:
    (folder / "band.yaml").write_text(BAND)
    (folder / "song.yaml").write_text(text)
    return config.load(folder / "band.yaml", given=option_values(**options))  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def engraved_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process has tests of its own."""
    monkeypatch.setattr(files, "engraved", lambda sheets: [[b"<svg/>"] for _ in sheets])


def test_one_command_gives_sheet_arrangement_and_recording(tmp_path: Path) -> None:
    out = tmp_path / "new" / "folder"
    lines = list(write(load(tmp_path), out, 1, False, True))
    names = ["song-roll.svg", "song.flac", "song.mid", "song.musicxml", "song.svg"]
    assert sorted(os.listdir(out)) == names
    assert [line.partition(": ")[0] for line in lines] == [
        str(out / name) for name in ("song.musicxml", "song.svg", "song.mid", "song.flac", "song-roll.svg")
    ]
    assert lines[0].endswith("song.musicxml: 2 bars, 2 chords, 3 notes, seed 0")
    sheet = read_musicxml(out / "song.musicxml")
    assert (sheet.title, sheet.meter, sheet.bpm) == ("A Song", (3, 4), 90)
    played = mido.MidiFile(out / "song.mid")
    assert [track.name for track in played.tracks] == ["tempo", "lead melody", "choir bass"]
    programs = [[m.program for m in track if m.type == "program_change"] for track in played.tracks]
    assert programs == [[], [73], [32]]
    struck = [m.note for m in played.tracks[1] if m.type == "note_on" and m.velocity]
    assert struck[:3] == [note.pitch for note in sheet.melody] == [76, 74, 71]


def test_the_band_plays_the_sheet_that_is_composed(tmp_path: Path) -> None:
    style = "style: foster\norder: 1\nmax_order: none\n"
    song = f"{style}key: F\nbars: 4\nchords: '| F | C7 | F | F |'\nchoruses: 2\nseed: 3\n"
    melodies = set()
    for seed, given in (("3", {}), ("8", {"seed": "8"})):
        out = tmp_path / seed
        (line, *_) = write(load(tmp_path, song, **given), out, 1, bool(given), False)
        assert line.endswith(f"seed {seed}")
        pitches = [note.pitch for note in read_musicxml(out / "song.musicxml").melody]
        struck = [m.note for m in mido.MidiFile(out / "song.mid").tracks[1] if m.type == "note_on" and m.velocity]
        assert struck[: len(pitches)] == pitches
        melodies.add(tuple(pitches))
    assert len(melodies) == 2


def test_without_sound(tmp_path: Path) -> None:
    list(write(load(tmp_path), tmp_path / "out", 1, False, False))
    assert not (tmp_path / "out" / "song.flac").exists()


def test_several_pages_are_numbered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "engraved", lambda sheets: [[b"<svg/>"] * 2])
    list(write(load(tmp_path), tmp_path / "out", 1, False, False))
    assert {"song-page-1.svg", "song-page-2.svg"} < set(os.listdir(tmp_path / "out"))


def test_pages_of_a_longer_sheet_do_not_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    others = {"song-page-4.txt", "song-page-four.svg", "song2.svg", "song-page-2-page-3.svg"}
    (tmp_path / "out").mkdir()
    for name in ("song.svg", "song-page-1.svg", "song-page-3.svg", "song-7.svg", "song-7-page-2.svg", *others):
        (tmp_path / "out" / name).write_text("old")
    for pages, expected in ((2, {"song-page-1.svg", "song-page-2.svg"}), (1, {"song.svg"}), (0, {"song.svg"})):
        monkeypatch.setattr(files, "engraved", lambda sheets, pages=pages: [[b"<svg/>"] * pages])
        list(write(load(tmp_path), tmp_path / "out", 1, False, False))
        found = {name for name in os.listdir(tmp_path / "out") if re.fullmatch(r"song(-page-\d)?\.svg", name)}
        assert found == expected
    monkeypatch.setattr(files, "engraved", lambda sheets: [[b"<svg/>"]] * len(sheets))
    list(write(load(tmp_path, seed="7"), tmp_path / "out", 2, True, False))
    assert {"song-7.svg", "song-8.svg", "song.svg", *others} < set(os.listdir(tmp_path / "out"))
    assert not (tmp_path / "out" / "song-7-page-2.svg").exists()


def test_several_sheets_and_their_differences(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = list(write(load(tmp_path, seed="7"), tmp_path / "out", 3, True, True))
    assert "nothing is composed without a style, so all sheets are the same" in capsys.readouterr().err
    assert sorted(os.listdir(tmp_path / "out")) == [
        f"song-{seed}.{ending}" for seed in (7, 8, 9) for ending in ("musicxml", "svg")
    ]
    assert lines[0].split() == ["seed", "notes", "range", "melody", "chords", "other", "than", "in", "longest", "copy"]
    assert [line.split() for line in lines[1:4]] == [
        *(["7", "3", "B4–E5"], ["8", "3", "B4–E5", "0%", "0%", "7"], ["9", "3", "B4–E5", "0%", "0%", "7"])
    ]


def test_the_song_has_a_seed_unless_another_is_given(tmp_path: Path) -> None:
    def seed(song: str, has_seed: bool, **options: object) -> str:
        lines = list(write(load(tmp_path, song, **options), tmp_path / "out", 1, has_seed, False))
        return lines[0].rpartition(" ")[2]

    assert seed(SONG, False) == "0"
    assert seed(SONG + "seed: 5\n", False) == "5"
    assert seed(SONG + "seed: 5\n", True, seed="9") == "9"


def test_without_verovio_the_rest_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(sheets: object) -> list[list[bytes]]:
        raise EngravingError("the package verovio is missing: pip install verovio")

    monkeypatch.setattr(files, "engraved", fail)
    for count in (1, 3):
        list(write(load(tmp_path), tmp_path / "out", count, False, False))
        warning = "jamd: warning: no engraved page: the package verovio is missing: pip install verovio\n"
        assert capsys.readouterr().err.count(warning) == 1
    assert (tmp_path / "out" / "song.mid").exists() and (tmp_path / "out" / "song-2.musicxml").exists()


def test_nothing_is_left_after_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> Rendering:
        raise JamdError("the disk is full")

    monkeypatch.setattr(files, "rendered", fail)
    with pytest.raises(JamdError, match="the disk is full"):
        list(write(load(tmp_path), tmp_path / "out", 1, False, False))
    assert not (tmp_path / "out").exists()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "song.musicxml").write_text("mine")
    with pytest.raises(JamdError):
        list(write(load(tmp_path), tmp_path / "out", 1, False, False))
    assert [path.read_text() for path in (tmp_path / "out").iterdir()] == ["mine"]


@pytest.mark.parametrize("count", [1, 3])
def test_on_a_full_disk_all_files_are_as_they_were(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    """Whichever of the files is the first that there is no room for."""
    out, loaded, room = tmp_path / "out", load(tmp_path), 0
    out.mkdir()
    files_there = ["song.musicxml", "song.mid", "song-roll.svg", "song-0.musicxml", "song-2.svg"]
    for name in files_there:
        (out / name).write_text("mine")

    def full(descriptor: int) -> None:
        nonlocal room
        room -= 1
        if room < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(replacement.os, "fsync", full)
    for place in range(4 if count == 1 else 6):
        for folder in (out, tmp_path / "new" / "folder"):
            room = place
            problem = r"song(-\d)?\.(musicxml|svg|mid)|song-roll\.svg"
            with pytest.raises(JamdError, match=rf"folder|out/({problem}): cannot be written") as raised:
                list(write(loaded, folder, count, False, False))
            remedy = "(No space left on device): delete files there, or choose another place with -o"
            assert str(raised.value).startswith(str(folder)) and str(raised.value).endswith(remedy)
        assert {path.name: path.read_text() for path in out.iterdir()} == dict.fromkeys(files_there, "mine")
        assert not (tmp_path / "new").exists()
    room = 6
    list(write(loaded, out, count, False, False))
    assert (out / ("song.mid" if count == 1 else "song-0.svg")).exists()


def test_a_folder_that_may_not_be_written_to_is_named_before_composing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path).name != "out")  # root may write anywhere
    monkeypatch.setattr(files, "Composer", None)
    (tmp_path / "out").mkdir()
    for count in (1, 2):
        with pytest.raises(JamdError, match=r"musicxml: cannot be written \(Permission denied\): .* with -o$"):
            list(write(load(tmp_path), tmp_path / "out", count, False, False))


def test_the_input_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "song.yaml").write_text(SONG)
    list(write(load(tmp_path), tmp_path / "out", 1, False, False))
    given = tmp_path / "out" / "song.musicxml"
    before = given.read_bytes()
    with pytest.raises(JamdError, match="the input or another output of the command"):
        list(write(load(tmp_path, song=given), tmp_path / "out", 1, False, False))
    assert given.read_bytes() == before


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("song.yaml", "a file, not a folder: name a folder with -o"),
        ("song.yaml/x", "cannot be made"),
        ("a\0b", "cannot be"),
    ],
)
def test_an_impossible_folder(tmp_path: Path, name: str, message: str) -> None:
    loaded = load(tmp_path)
    with pytest.raises(JamdError, match=message):
        list(write(loaded, tmp_path / name, 1, False, False))

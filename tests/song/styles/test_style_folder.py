"""`jamd style`: a folder of lead sheets made into a style; what cannot be used is refused with its reason."""

from __future__ import annotations

import io
import json
import re
import zipfile
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from daemon.__main__ import app
from daemon.desk import style_command
from daemon.errors import JamdError
from daemon.song.styles import style_folder
from daemon.song.styles.style import model_of
from daemon.song.styles.style_file import load_style
from daemon.song.styles.style_folder import StyleError, compiled, sheet_files
from tests.leadsheet.scores import score, written
from tests.leadsheet.test_midi_sheet import CHORDS, TUNE, track
from tests.leadsheet.test_midi_sheet import written as written_midi
from tests.markov.probability import log_probability

TUNES = (
    ("C:major C4:12 D4:12 E4:24", "G:dominant G4:12 F4:12 D4:24", "C:major C4:48"),
    ("C:major E4:12 D4:12 C4:24", "F:major F4:12 A4:12 F4:24", "G:dominant G4:24 B4:24", "C:major C5:48"),
    ("|: C:major C4:12 D4:12 E4:24 :|", "G:dominant G4:12 F4:12 D4:24", "C:major C4:48"),
)


def packed(text: str | bytes) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("score.xml", text)
    return content.getvalue()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three sheets as MusicXML, plain and packed, one as MIDI, in folders; six files that cannot be used."""
    made = tmp_path / "sheets"
    (made / "more").mkdir(parents=True)
    for number, bars in enumerate(TUNES[:2]):
        written(made, score(*bars), f"song {number}.musicxml")
    written(made / "more", packed(score(*TUNES[2])), "Packed.MXL")
    written_midi(made / "more", track(TUNE), track(texts=CHORDS))
    written(made, score("C4:48"), "without chords.xml")
    written(made, score("C:major r:48", "G:major r:24 r:24"), "without notes.xml")
    written(made, packed(score(*TUNES[0]))[:200], "corrupt.mxl")
    written(made, packed(b" " * (64 << 20)), "bomb.mxl")
    written(made, score("C:nonsense C4:48", "C:nonsense C4:48"), "unknown chord.xml")
    written(made, "MThd", "damaged.mid")
    written(made, "not a sheet", "notes.txt")
    return made


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(app, ["style", *map(str, arguments)], catch_exceptions=True)
    assert result.exception is None or isinstance(result.exception, JamdError | SystemExit), result.exception
    return result


def test_a_folder_becomes_a_style(folder: Path, tmp_path: Path) -> None:
    result = run(folder, "-o", tmp_path / "mine")
    assert result.exit_code == 0
    assert re.search(r"mine\.npz: 4 sheets, \d+ notes and rests, \d+ chords; 6 of 10 files refused", result.output)
    refused = dict(re.findall(r"^refused: (.*?): (.*)$", result.output, re.MULTILINE))
    names = ("without chords.xml", "without notes.xml", "corrupt.mxl", "bomb.mxl", "unknown chord.xml", "damaged.mid")
    assert sorted(refused) == sorted(names)
    assert "no melody: add one" in refused["without notes.xml"]
    assert "no chord symbols" in refused["without chords.xml"] and "larger than" in refused["bomb.mxl"]
    assert (
        re.fullmatch(r"bar 1: .* \(and 1 more\)", refused["unknown chord.xml"])
        and "no header" in refused["damaged.mid"]
    )
    assert "jamd: warning: " in result.output and "add sheets" in result.output

    style = load_style(tmp_path / "mine.npz")
    assert [source.file for source in style.card.sources] == [
        *("more/Packed.MXL", "more/song.mid", "song 0.musicxml", "song 1.musicxml")
    ]
    assert style.card.sources[0].composers == {"N. N.": None} and style.card.training.music == "4 lead sheets in sheets"
    assert style.background is not None and style.background.name == "songbook"
    packed_piece = style.pieces[0]
    assert packed_piece.melody[:6] == ((0, 12), (2, 12), (4, 24)) * 2  # the repeat is unfolded
    assert -50 < log_probability(model_of([(style, 1.0)], "melody", "major", 2), [(0, 12), (2, 12)]) < 0


def test_the_same_folder_gives_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    for name in ("one", "other"):
        run(folder, "-o", tmp_path / name)
    for suffix in (".npz", ".json"):
        assert (tmp_path / f"one{suffix}").read_bytes() == (tmp_path / f"other{suffix}").read_bytes()


def test_a_folder_without_sheets(tmp_path: Path) -> None:
    for name, problem in (("none", "there is no such folder"), ("", r"no lead sheets in it: name .*\.mxl")):
        result = run(tmp_path / name, "-o", tmp_path / "x")
        assert isinstance(result.exception, StyleError) and result.exception.exit_code == 2
        assert re.search(problem, str(result.exception))
    written(tmp_path, score("C4:48"), "song.xml")
    result = run(tmp_path, "-o", tmp_path / "x")
    assert "none of 1 lead sheets can be used" in str(result.exception)
    assert "refused: song.xml: no chord symbols" in result.output
    assert not (tmp_path / "x.npz").exists()


def test_too_many_files(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(style_folder, "MOST_FILES", 3)
    with pytest.raises(StyleError, match="more than 3 lead sheets"):
        sheet_files(folder)


def test_too_many_events(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(style_command, "MOST_EVENTS", 20)
    assert "more than 20 notes or chords: name a smaller" in str(run(folder, "-o", tmp_path / "x").exception)


def test_a_pipe_or_a_folder_named_like_a_sheet_does_no_harm(tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "pipe.mxl")
    (tmp_path / "folder.xml").mkdir()
    (tmp_path / "nowhere.mid").symlink_to("none")
    results = list(compiled(tmp_path, sheet_files(tmp_path)))
    assert [(result.file, result.piece) for result in results] == [("nowhere.mid", None), ("pipe.mxl", None)]
    assert all(result.refused for result in results)


def test_other_files_are_not_overwritten(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text("{}")
    result = run(folder, "-o", tmp_path / "settings")
    assert "settings.json: exists already, and is no card of a style" in str(result.exception)
    assert (tmp_path / "settings.json").read_text() == "{}"
    result = run(folder, "-o", tmp_path / "nowhere" / "mine")
    assert "cannot be written (No such file or directory): choose another place with -o" in str(result.exception)


def test_without_the_songbook_a_style_backs_off_to_none(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(style_command, "BACKGROUND", "none")
    run(folder, "-o", tmp_path / "mine")
    card = json.loads((tmp_path / "mine.json").read_text())
    assert card["background"] == "" and card["melody"]["background"] == 0

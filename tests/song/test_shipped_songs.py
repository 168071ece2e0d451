"""The songs that ship, and the examples of docs/songs.md."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from daemon.music.chords import NO_CHORD, chord_of
from daemon.paths import resources
from daemon.song.arrangement import chorus, final_chorus, opening
from daemon.song.composer import Composer
from daemon.song.progressions import PROGRESSIONS
from daemon.song.reader import TOP_KEYS, read_song
from daemon.song.section_reader import SECTION_KEYS

SONGS = sorted((resources() / "songs").glob("*.yaml"))
PAGE = (resources() / "docs" / "songs.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def plays(path: Path) -> None:
    """The song is composed and arranged without gaps."""
    song = read_song(path)
    sheet = Composer(song).compose(np.random.default_rng(song.seed or 0))
    assert sheet.length == song.length and bool(sheet.melody) is song.has_melody
    assert sum(chord.duration for chord in sheet.chords) == pytest.approx(sheet.length)
    first = opening(song, sheet, 0.0)
    last = final_chorus(song, sheet, chorus(sheet, first.end).end)
    tonic = last.chords[-1].symbol
    assert tonic != NO_CHORD and chord_of(tonic).root == song.key.tonic


@pytest.mark.parametrize("path", SONGS, ids=lambda path: path.stem)
def test_every_song_that_ships_plays_to_its_end(path: Path) -> None:
    plays(path)
    assert path.read_text(encoding="utf-8").startswith("# "), "the file says what the song is"


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_every_example_of_the_page_plays(tmp_path: Path, number: int) -> None:
    (tmp_path / "example.yaml").write_text(EXAMPLES[number], encoding="utf-8")
    plays(tmp_path / "example.yaml")


def test_the_page_names_every_key_and_every_progression() -> None:
    named = set(re.findall(r"`(\w+)`", PAGE))
    assert {*TOP_KEYS, *SECTION_KEYS} <= named
    text = " ".join(PAGE.split())
    assert all(name in text for name in PROGRESSIONS)


def test_the_page_is_found_from_the_readme() -> None:
    assert "](docs/songs.md)" in (resources() / "README.md").read_text(encoding="utf-8")

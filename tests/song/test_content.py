"""Songs as JSON with their styles: what is composed stays the same, whatever becomes of the files."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from daemon.errors import SongError
from daemon.paths import resources
from daemon.song.composer import Composer
from daemon.song.composing.models import load_styles
from daemon.song.content import song_from_json, song_to_json
from daemon.song.description import Song
from daemon.song.reader import read_song
from daemon.song.styles import kept_style
from tests.song.tiny_style import write_tiny_style

SHIPPED = sorted((resources() / "songs").glob("*.yaml"))
STYLED = "key: F\nstyle: tiny\nbars: 4\nmax_order: none\nseed: 1\n"


def again(song: Song) -> Song:
    """As a journal gives it back."""
    return song_from_json(json.loads(json.dumps(song_to_json(song))))


def styled(folder: Path) -> Song:
    write_tiny_style(folder)
    (folder / "song.yaml").write_text(STYLED)
    return read_song(folder / "song.yaml")


def composed(song: Song) -> Any:
    return Composer(song).compose(np.random.default_rng(1))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_each_shipped_song_is_the_same_after_it_was_written(path: Path) -> None:
    song = read_song(path)
    kept = again(song)
    assert [each.name for each in kept.kept_styles] == [name for name, _ in song.style]
    assert song_to_json(kept) == song_to_json(song)
    assert len(json.dumps(song_to_json(song))) < 150_000


def test_what_is_composed_needs_no_file(tmp_path: Path) -> None:
    song = styled(tmp_path)
    before, kept = composed(song), again(song)
    for path in tmp_path.iterdir():
        path.unlink()
    assert composed(kept) == before


def test_the_style_to_which_a_style_backs_off_is_kept(tmp_path: Path) -> None:
    (tmp_path / "song.yaml").write_text(STYLED.replace("tiny", "foster"))
    song = read_song(tmp_path / "song.yaml")
    (kept,) = again(song).kept_styles
    assert kept.background is not None and kept.background.path.endswith("songbook.npz")
    ((style, _),) = load_styles(again(song))
    ((read, _),) = load_styles(song)
    assert style.background is not None and read.background is not None
    assert (style.card, style.pieces, style.background.pieces) == (read.card, read.pieces, read.background.pieces)


def test_of_a_large_style_the_hash_is_kept_and_names_another_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_style, "MOST_KEPT", 100)
    song = styled(tmp_path)
    card = tmp_path / "tiny.json"
    before, kept, was = composed(song), again(song), hashlib.sha256(card.read_bytes()).hexdigest()
    assert not kept.kept_styles[0].files.data and len(json.dumps(song_to_json(song))) < 3000
    assert composed(kept) == before
    write_tiny_style(tmp_path, orders=((0.2, 0.8), (0.2, 0.8)))
    now = hashlib.sha256(card.read_bytes()).hexdigest()
    with pytest.raises(SongError, match=f"the style 'tiny' is not as it was .* sha256 {was} and has the sha256 {now}"):
        Composer(kept)
    card.unlink()
    with pytest.raises(SongError, match=f"the style 'tiny' is not as it was .* sha256 {was} and cannot be read"):
        Composer(kept)


def test_a_style_that_cannot_be_read_is_an_error_of_the_song(tmp_path: Path) -> None:
    song = styled(tmp_path)
    (tmp_path / "tiny.json").write_text("{")
    with pytest.raises(SongError, match=r"song.yaml: style: .*tiny.json: not valid JSON"):
        song_to_json(song)


@pytest.mark.parametrize(
    "change",
    [
        {"form": []},
        {"form": ["X"]},
        {"sections": []},
        {"meter": "4/4"},
        {"unknown": 1},
        {"form": ["A"] * 2000},
        {"meter": [4000, 4]},
        {"meter": [4, 0]},
        {"bpm": 0.0},
        {"order": 9},
        {"max_order": 10**6},
        {"intro": 100},
        {"style": [["folk", 1e-300]]},
        {"sections": [{"name": "A", "bars": 10**9}]},
        {"sections": [{"name": "A", "bars": -1}]},
        {"sections": [{"name": "A", "bars": 4, "variation_of": "X"}]},
    ],
)
def test_what_is_no_song_is_refused(change: dict[str, Any]) -> None:
    data = song_to_json(read_song(resources() / "songs" / "blues.yaml"))
    with pytest.raises(SongError, match="this is no song"):
        song_from_json(data | change)


def test_a_composed_bar_that_the_reader_refuses_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SongError, match=r"this is no song.*a bar has 64 quarter notes"):
        song_from_json(song_to_json(styled(tmp_path)) | {"meter": [32, 2]})


@pytest.mark.parametrize(("key", "value"), [("data", "?"), ("data", "AAAA"), ("card", "AAAA")])
def test_damaged_files_of_a_style_are_refused(tmp_path: Path, key: str, value: str) -> None:
    data = json.loads(json.dumps(song_to_json(styled(tmp_path))))
    data["kept_styles"][0]["files"][key] = value
    with pytest.raises(SongError, match="style: "):
        Composer(song_from_json(data))

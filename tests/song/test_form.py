"""Form: sections in order, at their beats."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.song.form import names_in, sections_of
from daemon.song.reader import read_song

SONG = "key: C\nform: AABA\nsections:\n  A: {chords: '| C | G |'}\n  B: {chords: '| F | F | G |'}"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("AABA", ("A", "A", "B", "A")),
        ("AA'BA'", ("A", "A'", "B", "A'")),
        ("A A’ B", ("A", "A'", "B")),
        ("verse chorus verse", ("verse", "chorus", "verse")),
        ("Verse, Chorus", ("Verse", "Chorus")),
        ("verse", ("verse",)),
        ("", ()),
    ],
)
def test_names_in_a_form(text: str, names: tuple[str, ...]) -> None:
    assert names_in(text) == names


def test_sections_follow_each_other(tmp_path: Path) -> None:
    (tmp_path / "song.yaml").write_text(SONG)
    song = read_song(tmp_path / "song.yaml")
    assert [(s.onset, s.duration, s.name) for s in sections_of(song)] == [
        (0, 8, "A"),
        (8, 8, "A"),
        (16, 12, "B"),
        (28, 8, "A"),
    ]
    assert song.length == 36

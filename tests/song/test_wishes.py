"""Choruses to the wishes of a leader: like an earlier one, with more notes or fewer."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from daemon.song.composer import Composer, Wishes
from daemon.song.reader import read_song


def test_a_chorus_has_the_chords_of_an_earlier_one_and_as_much_of_its_melody_as_is_wished(tmp_path: Path) -> None:
    path = tmp_path / "song.yaml"
    path.write_text("key: F\nstyle: foster\nbars: 8\ncadence: full\n")
    composer, random = Composer(read_song(path)), np.random.default_rng(1)
    first = composer.compose(random)
    notes = {(note.onset, note.pitch) for note in first.melody}

    def shared(similarity: float) -> float:
        sheets = [composer.compose(random, first, Wishes(0.0, similarity)) for _ in range(8)]
        assert all(sheet.chords == first.chords for sheet in sheets)
        common = sum(len(notes & {(note.onset, note.pitch) for note in sheet.melody}) for sheet in sheets)
        return common / len(notes) / len(sheets)

    assert shared(1.0) == 1.0 > shared(0.8) > shared(0.4) > shared(0.0)


def test_more_notes_and_fewer(tmp_path: Path) -> None:
    path = tmp_path / "song.yaml"
    path.write_text("key: F\nstyle: foster\nbars: 8\n")
    composer, random = Composer(read_song(path)), np.random.default_rng(1)

    def count(density: float) -> int:
        return sum(len(composer.compose(random, None, Wishes(density)).melody) for _ in range(8))

    assert count(1.0) > 1.3 * count(0.0) > 1.3 * 1.1 * count(-1.0)

"""Choruses of a song with a style: composed ahead, to the wishes of a person."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest

from daemon.engines.base import Setup
from daemon.engines.leadsheet import choruses
from daemon.engines.leadsheet.choruses import WITHOUT_WISHES, Choruses, Order, blended
from daemon.engines.leadsheet.engine import Leader
from daemon.engines.leadsheet.options import LeaderOptions
from daemon.errors import SongError
from daemon.music.events import Play
from daemon.song.composer import Composer, Wishes
from daemon.song.reader import read_song
from tests.engines.leadsheet.leader import Song
from tests.song.tiny_style import write_tiny_style

STYLED = "key: F\nfeel: swing\nstyle: tiny\nmax_order: none\nbars: 8\ncadence: full\n"


@pytest.fixture(autouse=True)
def _style(tmp_path: Path) -> None:
    write_tiny_style(tmp_path)


def melody(song: Song, chorus: int) -> list[tuple[float, int]]:
    """(beat of the chorus, pitch), as announced."""
    (plan,) = (plan for _, plan in song.announced if plan.sections and plan.sections[0].chorus == chorus)
    return [(round(note.onset - plan.beat, 6), note.pitch) for note in plan.melody]


def chords_of(song: Song) -> list[list[str]]:
    return [[chord.symbol for chord in plan.chords] for _, plan in song.announced]


def test_each_chorus_has_another_melody_on_the_same_chords(tmp_path: Path) -> None:
    song = Song(tmp_path, STYLED).until(3 * 32.0 - 4)
    first, second, third = (melody(song, number) for number in (1, 2, 3))
    assert first and first != second != third
    assert len(chords_of(song)) == 4 and all(chords == chords_of(song)[0] for chords in chords_of(song))
    assert [note.pitch for note in song.notes][: len(first)] == [pitch for _, pitch in first]


def test_a_similar_chorus_and_the_same_one(tmp_path: Path) -> None:
    song = Song(tmp_path, STYLED).until(1.0)
    song.turn("similarity", 1.0)
    song.until(30.0)
    assert melody(song, 2) == melody(song, 1)


def test_a_chorus_is_similar_to_the_one_before_and_not_to_the_first_one(tmp_path: Path) -> None:
    song = Song(tmp_path, STYLED).until(33.0)
    song.turn("similarity", 1.0)
    song.until(62.0)
    assert melody(song, 3) == melody(song, 2) != melody(song, 1)


def test_the_same_seed_gives_the_same_music_and_another_one_other_melodies(tmp_path: Path) -> None:
    def played(seed: int) -> list[Play]:
        song = Song(tmp_path, STYLED)
        song.start(0.0, seed)
        return song.until(70.0).notes

    once, other = played(1), played(2)
    assert once == played(1) != other
    assert [note.pitch for note in once if note.onset < 28] == [note.pitch for note in other if note.onset < 28], (
        "the first chorus is that of the band's seed"
    )


def test_a_new_process_composes_on_the_chords_of_the_one_before(tmp_path: Path) -> None:
    song = Song(tmp_path, STYLED).until(10.0)
    before = chords_of(song)[0]
    song.start(11.0, seed=5, recalls=True)
    song.until(30.0)
    assert chords_of(song)[-1] == before


def test_another_share_of_the_second_style(tmp_path: Path) -> None:
    song = Song(tmp_path, STYLED.replace("tiny", "{ foster: 0.6, folk: 0.4 }"))
    choruses = Choruses(read_song(song.path))
    first = choruses.sheet(Order(1, 1))
    sheets = [choruses.sheet(Order(1, 2, blend=blend, before=first)) for blend in (0.0, 0.5, 1.0)]
    assert len({sheet.melody for sheet in sheets}) == 3
    assert [blended(read_song(song.path), share).style for share in (0.0, 0.25, 0.5, 1.0)] == [
        (("foster", 1.0),), (("foster", 0.8), ("folk", 0.2)), (("foster", 0.6), ("folk", 0.4)), (("folk", 1.0),)
    ]  # fmt: skip


def test_a_song_with_a_mistake_has_no_content(tmp_path: Path) -> None:
    path = tmp_path / "song.yaml"
    path.write_text(STYLED + "notes: { 1.1: C9 }\nrange: C4-C5\n")
    with pytest.raises(SongError, match=str(path)):
        Leader.content("song", str(path))


def test_a_song_that_cannot_be_composed_is_no_leader_s(tmp_path: Path) -> None:
    path = tmp_path / "song.yaml"
    path.write_text(STYLED + "notes_at: { 1-8: not C4 or D4 or E4 or F4 or G4 or A4 or Bb4 or B4 }\nrange: C4-B4\n")
    leader = Leader(Setup(LeaderOptions(song=str(path)), contents={"song": Leader.content("song", str(path))}))
    with pytest.raises(SongError, match=str(path)):
        leader.prepare()


def test_the_content_of_a_song_is_played_whatever_its_file_says(tmp_path: Path) -> None:
    path = tmp_path / "song.yaml"
    path.write_text(STYLED)
    setup = Setup(LeaderOptions(song=str(path), choruses=3), contents={"song": Leader.content("song", str(path))})
    timing = Leader.timing(setup)
    path.unlink()
    leader = Leader(setup)
    leader.prepare()
    assert timing == Leader.timing(setup) and timing is not None and timing.bpm == 120.0
    with pytest.raises(SongError, match="there is no such file"):
        Leader(Setup(setup.options)).prepare()  # in an older journal


def test_a_setting_that_is_swept_composes_each_chorus_twice_at_most(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    composed: list[Wishes] = []
    compose = Composer.compose

    def counted(self: Composer, random: Any, like: Any = None, wishes: Wishes = WITHOUT_WISHES) -> Any:
        composed.append(wishes)
        return compose(self, random, like, wishes)

    monkeypatch.setattr(Composer, "compose", counted)
    song = Song(tmp_path, STYLED).until(1.0)
    for beat in range(2, 33):
        song.turn("density", beat / 64)
        song.until(float(beat))
    assert len(composed) <= 4, "the first chorus, the second one twice, the third"
    assert Wishes(9 / 64) in composed, "as it was turned a quarter into the chorus"


def test_the_next_chorus_is_there_whenever_a_person_asks_for_it(tmp_path: Path) -> None:
    song = Song(tmp_path, STYLED).until(2.0)
    song.turn("next")
    assert song.place(5.0).chorus == 2 and song.announced[-1][1].melody


def test_nothing_is_composed_for_a_jump(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    song = Song(tmp_path, STYLED).until(1.0)
    monkeypatch.setattr(song.leader._form._choruses, "begin", lambda order: None)
    song.now = 7 * 32.0 + 4
    song.until(song.now + 1)
    assert song.place(song.now).chorus == 8 and song.announced[-1][1].melody


@pytest.fixture
def stuck(monkeypatch: pytest.MonkeyPatch) -> Iterator[set[Wishes]]:
    """Wishes to which composing the second chorus does not end."""
    wishes, end, compose = set[Wishes](), Event(), Composer.compose

    def slow(self: Composer, random: Any, like: Any = None, wanted: Wishes = WITHOUT_WISHES) -> Any:
        if like is not None and wanted in wishes:
            end.wait(60)
        return compose(self, random, like, wanted)

    monkeypatch.setattr(Composer, "compose", slow)
    yield wishes
    end.set()


def test_wishes_that_come_late_are_not_waited_for(tmp_path: Path, stuck: set[Wishes]) -> None:
    """The next chorus is the one that was composed before the wishes."""
    written = Song(tmp_path, STYLED).until(30.0)
    stuck.add(Wishes(0.5))
    song = Song(tmp_path, STYLED).until(2.0)
    song.turn("density", 0.5)
    song.until(8.5)
    song.turn("next")
    assert song.place(13.0).chorus == 2
    assert melody(song, 2) == melody(written, 2)


def test_the_band_does_not_wait_for_a_chorus_that_takes_too_long(
    tmp_path: Path, stuck: set[Wishes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It plays the one before once more, and goes on."""
    clock = count()
    monkeypatch.setattr(
        choruses, "time", SimpleNamespace(monotonic=lambda: 60.0 * next(clock))
    )  # as if the band played
    monkeypatch.setattr(choruses, "GRACE", 0.01)
    stuck.add(WITHOUT_WISHES)
    song = Song(tmp_path, STYLED).until(3 * 32.0 - 4)
    assert melody(song, 1) == melody(song, 2) == melody(song, 3)

"""A DAW that locates while a band follows its clock: the leader plays the bar of the form that is there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.entries import Sent
from daemon.music.events import CLOCK_CONTINUE, CLOCK_START, CLOCK_STOP, CLOCK_TICK, SONG_POSITION, is_note_on
from daemon.recording.replay import replay
from daemon.stage.clock_driver import ClockDriver
from tests.recording.test_song_replay import BAND, SONG, Live

TICK = 60 / 120 / 24  # seconds
CHORUS = 16  # beats
MELODY = ((0.0, 72), (1.0, 74), (2.0, 76), (4.0, 69), (8.0, 74), (10.0, 77), (12.0, 79))  # beats of the chorus
WITH_INTRO = SONG.replace("key: C", "key: C\nintro: 1\nfeel: bossa")  # straight eighths


class Daw:
    """The master of a band's clock, one tick after the other."""

    def __init__(self, folder: Path) -> None:
        self.live = Live(folder, WITH_INTRO, band=BAND.replace("source: lead", "source: midi, port: keys"))
        self.live.up("lead", "piano", "bass")
        self.driver = ClockDriver(self.live.performance, lambda *_: None)
        self.driver.begin(0.0)
        self.live.answer()

    def send(self, status: int, *data: int) -> None:
        self.driver.hear(self.live.now, "keys", bytes((status, *data)), self.live.now)
        self.live.answer()

    def locate(self, beat: float) -> None:
        self.send(SONG_POSITION, round(beat * 4) % 128, round(beat * 4) // 128)

    def run(self, beats: float) -> list[tuple[float, int]]:
        """The melody that was played: (beat, pitch), on the grid."""
        before, performance = len(self.live.entries), self.live.performance
        for _ in range(round(beats * 24)):
            self.send(CLOCK_TICK)
            self.live.until(self.live.now + TICK)
        sent = [entry for entry in self.live.entries[before:] if isinstance(entry, Sent) and entry.player == "lead"]
        notes = [entry for entry in sent if is_note_on(entry.message)]
        return [(round(performance.beat_at(entry.seconds) * 4) / 4, entry.message[1]) for entry in notes]


def written(begin: float, end: float) -> list[tuple[float, int]]:
    """The notes of the song from beat `begin` to `end`, inclusive; the introduction has a bar."""
    notes = [(4 + CHORUS * chorus + beat, pitch) for chorus in range(20) for beat, pitch in MELODY]
    return [note for note in notes if begin <= note[0] <= end]


@pytest.fixture
def daw(tmp_path: Path) -> Iterator[Daw]:
    daw = Daw(tmp_path)
    daw.send(CLOCK_START)
    assert daw.run(10) == written(0, 10)
    yield daw
    daw.live.journal.close()


@pytest.mark.parametrize("beat", [0.0, 2.0, 4.0, 9.0, 13.25, 20.0, 33.0, 150.0])
def test_after_a_jump_while_the_song_runs(daw: Daw, beat: float) -> None:
    daw.locate(beat)
    assert daw.run(12) == written(beat, beat + 12)


@pytest.mark.parametrize("beat", [0.0, 9.0, 40.0])
def test_after_a_jump_by_stop_and_continue(daw: Daw, beat: float) -> None:
    daw.send(CLOCK_STOP)
    daw.locate(beat)
    daw.send(CLOCK_CONTINUE)
    assert daw.run(12) == written(beat, beat + 12)


def test_after_scrubbing_nothing_sounds_and_the_song_is_at_the_last_place(daw: Daw, tmp_path: Path) -> None:
    daw.send(CLOCK_STOP)
    assert not any(daw.live.performance.sounding().values())
    for beat in (3, 40, 17.5, 2, 24):
        daw.locate(beat)
        assert daw.run(1) == []
    daw.send(CLOCK_CONTINUE)
    assert daw.run(12) == written(24, 36)
    for beat in (3, 30, 17.5, 8):
        daw.locate(beat)
        daw.run(0.25)
    assert daw.run(10) == written(8.25, 18.25)
    daw.send(CLOCK_STOP)
    daw.live.until(daw.live.now + 1)
    assert not any(daw.live.performance.sounding().values())
    daw.live.journal.close()
    (path,) = (tmp_path / "sessions").glob("*.journal")
    assert replay(path).difference == ""

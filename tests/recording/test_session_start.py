"""The second in which a session's MIDI file begins, and with it the sound of the session."""

from dataclasses import asdict

from daemon.entries import Heard, StateSaved, TempoChanged
from daemon.music.events import note_on
from daemon.music.tempo import TempoMap
from daemon.recording.session_start import SessionStart

HEADER = {"spec": {"tempo_map": asdict(TempoMap(((0.0, 120.0),), ((0.0, 4.0),)))}}


def heard(seconds: float) -> Heard:
    return Heard(seconds, "keys", seconds, note_on(1, 60, 80))


def test_a_session_begins_with_the_bar_of_its_first_note() -> None:
    start = SessionStart(HEADER)
    start.follow(TempoChanged(100.0, 0.0, 60.0))  # beat 0, one beat a second
    assert start.seconds is None
    start.follow(heard(106.5))
    start.follow(heard(110.0))
    assert start.seconds == 104.0


def test_without_a_clock_that_runs_it_begins_with_the_note() -> None:
    start = SessionStart(HEADER)
    start.follow(heard(3.25))
    assert start.seconds == 3.25


def test_after_a_rotation_the_clock_of_the_session_before_counts_while_it_runs() -> None:
    for is_running, expected in ((True, 124.0), (False, 126.5)):
        start = SessionStart(HEADER)
        start.follow(TempoChanged(100.0, 0.0, 60.0))
        start.follow(heard(101.0))
        tempo = {"tempo": [0.0, 100.0, 60.0]}
        start.follow(StateSaved(120.0, {"running": is_running, **tempo}))
        assert start.seconds is None
        start.follow(heard(126.5))
        assert start.seconds == expected

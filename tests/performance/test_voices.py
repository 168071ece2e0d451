"""The notes of a player: work in proportion to their number."""

from __future__ import annotations

import pytest

from daemon.music.events import Play, Stop, note_off, note_on
from daemon.music.tempo import Tempo
from daemon.performance.timeline import Timeline
from daemon.performance.voices import Voices
from daemon.spec import PlayerSpec


class Counted(float):
    """A beat that counts comparisons with it."""

    comparisons = 0

    def __le__(self, other: float) -> bool:
        Counted.comparisons += 1
        return super().__le__(other)

    def __gt__(self, other: float) -> bool:
        Counted.comparisons += 1
        return super().__gt__(other)


@pytest.mark.parametrize("duration", [0.25, None])
def test_many_notes_of_one_voice_within_a_16th_take_linear_time(duration: float | None) -> None:
    spec = PlayerSpec("arpeggio", (), "choir", {"voice": 1}, monophonic=True, lead=0.1, tolerance=0.05)
    sent: list[bytes] = []
    voices = Voices(
        spec,
        Timeline(Tempo(0.0, 0.0, 120.0)),
        lambda: 0.0,
        lambda due, voice, message, beat, cause: sent.append(message),
        lambda due, voice, message: None,
    )
    Counted.comparisons = 0
    for number in range(1000):
        voices.act(Play(Counted(1 + number / 4000), 60, 80, "voice", duration))
    assert 0 < Counted.comparisons < 10_000
    voices.release(0.0)
    assert sent == []


def heard(*actions: tuple[float, Play | Stop], monophonic: bool = True) -> list[tuple[float, bytes]]:
    """What a player with one voice sends: (seconds, action), at 60 beats a minute."""
    spec = PlayerSpec("choir", (), "choir", {"voice": 1}, monophonic=monophonic, lead=0.1, tolerance=0.05)
    now, sent = [0.0], list[tuple[float, bytes]]()
    timeline = Timeline(Tempo(0.0, 0.0, 60.0))
    voices = Voices(
        spec,
        timeline,
        lambda: now[0],
        lambda due, voice, message, beat, cause: sent.append((round(due, 3), message)),
        lambda due, voice, message: None,
    )
    for seconds, action in actions:
        timeline.advance(seconds)
        now[0] = seconds
        voices.act(action)
    timeline.advance(10.0)
    return sent


@pytest.mark.parametrize(
    ("tied", "sent"),
    [
        (Play(1.01, 60, 80, "voice", None, True), []),
        (Play(1.01, 60, 80, "voice", 0.49, True), [(1.5, note_off(1, 60))]),
        (Play(1.01, 62, 80, "voice", None, True), [(1.01, note_off(1, 60)), (1.01, note_on(1, 62, 80))]),
    ],
)
def test_a_tied_note_goes_on_instead_of_ending(tied: Play, sent: list[tuple[float, bytes]]) -> None:
    """Another pitch is struck, tied or not."""
    played = heard((0.0, Play(0.0, 60, 80, "voice")), (1.0, Stop(1.02, "voice")), (1.01, tied))
    assert played == [(0.0, note_on(1, 60, 80)), *sent]


def test_a_tied_note_that_ended_is_struck_again() -> None:
    played = heard(
        (0.0, Play(0.0, 60, 80, "voice")), (1.0, Stop(1.02, "voice")), (1.1, Play(1.1, 60, 80, "voice", None, True))
    )
    assert played == [(0.0, note_on(1, 60, 80)), (1.02, note_off(1, 60)), (1.1, note_on(1, 60, 80))]


def test_a_tied_note_cancels_what_was_queued() -> None:
    played = heard(
        (0.0, Play(0.0, 60, 80, "voice")),
        (1.0, Play(1.02, 64, 80, "voice")),
        (1.01, Play(1.01, 60, 80, "voice", None, True)),
    )
    assert played == [(0.0, note_on(1, 60, 80))]


def test_a_tied_note_of_a_polyphonic_voice_leaves_the_queued_ones() -> None:
    played = heard(
        (0.0, Play(0.0, 60, 80, "voice")),
        (1.0, Play(1.02, 64, 80, "voice")),
        (1.01, Play(1.01, 60, 80, "voice", None, True)),
        monophonic=False,
    )
    assert played == [(0.0, note_on(1, 60, 80)), (1.02, note_on(1, 64, 80))]

"""The notes of a player: work in proportion to their number."""

from __future__ import annotations

import pytest

from daemon.music.events import Play
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

"""The tempo, meter and count-in of a song, for the clock."""

from __future__ import annotations

from dataclasses import dataclass

from daemon.song.description import Song


@dataclass(frozen=True, slots=True)
class Timing:
    """`bpm`: quarter notes per minute. `bar`: its length in beats. `count_in`: in bars; None: that of the clock."""

    bpm: float
    bar: float
    count_in: int | None = None


def timing_of(song: Song) -> Timing:
    return Timing(song.bpm, song.bar, song.count_in)

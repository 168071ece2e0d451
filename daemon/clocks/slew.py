"""The line of beats that those who keep the time have given to the performance, and when a new one is worth giving."""

from __future__ import annotations

import math

from daemon.music.tempo import Tempo

AHEAD = 0.25  # seconds: where the line that was given last and the present one are compared
CLOSE = 0.0002  # seconds: by less they may differ
JUMP = 0.004  # seconds: by more the beat does not jump, but is slewed


class SlewedTempo:
    """`tempo` is what was given last.

    A new one is given when the prediction for AHEAD has changed by CLOSE. The beat jumps by JUMP at most, forwards or
    backwards; where it has to be repaired by more, the line runs at half to one and a half times the tempo until it is
    right. More than that it jumps only where somebody asked for it.
    """

    def __init__(self, tempo: Tempo) -> None:
        self.tempo = tempo
        self.slew_end = -math.inf  # seconds

    def jump(self, tempo: Tempo) -> None:
        """Give this one, wherever it is."""
        self.tempo, self.slew_end = tempo, -math.inf

    def follow(self, now: float, truth: Tempo, slew: float) -> Tempo | None:
        """What is to be given at `now` if `truth` is the present line: nothing if that was given already.

        A slew takes `slew` seconds at least. Somebody has to ask when it is over, or the line runs on as fast.
        """
        given = self.tempo
        beat = 60 / truth.bpm  # seconds
        at = self.slew_end if now < self.slew_end else now + AHEAD
        if abs(truth.beat_at(at) - given.beat_at(at)) * beat <= CLOSE:
            return None
        missing = (truth.beat_at(now) - given.beat_at(now)) * beat
        if abs(missing) <= JUMP:
            self.jump(truth)
        else:
            slew = max(slew, 2 * abs(missing))
            self.tempo = Tempo(given.beat_at(now), now, truth.bpm * (1 + missing / slew))
            self.slew_end = now + slew
        return self.tempo

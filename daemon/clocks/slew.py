"""The tempo that a clock source reports: a measured tempo, limited in how far and how often the beat jumps."""

from __future__ import annotations

import math

from daemon.music.tempo import Tempo

COMPARISON_DELAY = 0.25  # seconds from now to the moment at which the reported and the measured tempo are compared
TOLERANCE = 0.0002  # seconds by which they may differ there
MAX_JUMP = 0.004  # seconds; a larger error is slewed


class SlewedTempo:
    """`tempo` is the one that was reported last.

    A new one is due when the beat predicted for COMPARISON_DELAY from now has changed by more than TOLERANCE. The beat
    jumps by MAX_JUMP at most, forwards or backwards. A larger error is slewed: the beat runs at half to one and a half
    times the tempo until it is right. Only `jump`, for a start or a jump of the transport, moves it further.
    """

    def __init__(self, tempo: Tempo) -> None:
        self.tempo = tempo
        self.slew_end = -math.inf  # seconds

    def jump(self, tempo: Tempo) -> None:
        """Report `tempo`, however far it is from the last one."""
        self.tempo, self.slew_end = tempo, -math.inf

    def follow(self, now: float, measured: Tempo, slew: float) -> Tempo | None:
        """The tempo to report at `now`, or None if the last one is still good enough.

        A slew takes at least `slew` seconds. It ends only if this is called at `slew_end` or soon after.
        """
        reported = self.tempo
        beat = 60 / measured.bpm  # seconds
        at = self.slew_end if now < self.slew_end else now + COMPARISON_DELAY
        if abs(measured.beat_at(at) - reported.beat_at(at)) * beat <= TOLERANCE:
            return None
        error = (measured.beat_at(now) - reported.beat_at(now)) * beat  # seconds
        if abs(error) <= MAX_JUMP:
            self.jump(measured)
        else:
            slew = max(slew, 2 * abs(error))
            self.tempo = Tempo(reported.beat_at(now), now, measured.bpm * (1 + error / slew))
            self.slew_end = now + slew
        return self.tempo

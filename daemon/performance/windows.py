"""The requests for music in time: a window of one 16th after the other, each shortly before it is due."""

from __future__ import annotations

import math
from collections.abc import Callable

from daemon.music.events import Window
from daemon.music.tempo import SIXTEENTH, TempoMap
from daemon.performance.player_state import PlayerState
from daemon.performance.timeline import Timeline
from daemon.wire import Generate

RANK_ASK = 1


class Windows:
    """`call` sends a request to a player; `clock()` gives the seconds of the current entry."""

    def __init__(
        self, timeline: Timeline, clock: Callable[[], float], call: Callable[[PlayerState, Generate], None]
    ) -> None:
        self._timeline, self._clock, self._call = timeline, clock, call
        self._tempo_map: TempoMap

    def take(self, tempo_map: TempoMap) -> None:
        self._tempo_map = tempo_map

    def at(self, start: float) -> Window:
        """The window that starts at beat `start`."""
        bar_start, meter = self._tempo_map.bar_at(start)
        return Window(start, start + SIXTEENTH, bar_start, meter, self._timeline.tempo.bpm)

    def request(self, player: PlayerState, start: float) -> None:
        """Request the window at beat `start` now, and each following one when it is due."""
        self._call(player, Generate(self.at(start)))
        self.schedule(player, start + SIXTEENTH)

    def schedule(self, player: PlayerState, start: float) -> None:
        """Request the window at beat `start`, and each following one, when it is due."""

        def run(due: float) -> None:
            beat, tempo = start, self._timeline.tempo
            if self._clock() - due > player.lead + 60 / tempo.bpm * SIXTEENTH:
                # The stage itself stood still: skip to the present.
                beat = math.ceil(tempo.beat_at(self._clock() + player.lead) / SIXTEENTH) * SIXTEENTH
            self.request(player, beat)

        player.ask = self._timeline.add(start, RANK_ASK, run, offset=-player.lead)

"""The requests for music in time: a window of one 16th after the other, each shortly before it is due."""

from __future__ import annotations

import math
from collections.abc import Callable

from daemon.music.events import Window
from daemon.music.tempo import SIXTEENTH, TempoMap, next_sixteenth
from daemon.performance.player_state import PlayerState
from daemon.performance.timeline import Timeline
from daemon.wire import Anticipate, Generate, Reset

RANK_ASK = 1
PLAN_TIME = 0.05  # seconds after a start that a first window waits for a plan, where the start itself is sooner


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

    def anticipation(self, player: PlayerState, standing_at: float, seed: int) -> Anticipate | None:
        """The next start to be anticipated, if `player` is reset then with `seed`: one from `standing_at` (beats), and
        one from the song's beginning."""
        for beat in (standing_at, 0.0):
            start = next_sixteenth(beat)
            call = Anticipate(Reset(start, seed), self.at(start))
            if call not in player.anticipated:
                same = {sent for sent in player.anticipated if sent.reset.seed == seed}
                player.anticipated = same | {call}
                return call
        return None

    def request(self, player: PlayerState, start: float) -> None:
        """Request the window at beat `start` now, and each following one when it is due."""
        player.first_window = None
        self._call(player, Generate(self.at(start)))
        self.schedule(player, start + SIXTEENTH)

    def wait_for_plan(self, player: PlayerState, start: float) -> None:
        """Request the window at beat `start` when `plan_came`, or when it is due, or after PLAN_TIME."""
        player.first_window = start
        self.schedule(player, start, self._clock() + PLAN_TIME)

    def plan_came(self, player: PlayerState) -> None:
        """Request the first window now, if it waits."""
        if (start := player.first_window) is not None and player.ask is not None:
            player.ask.cancelled = True
            self.request(player, start)

    def schedule(self, player: PlayerState, start: float, floor: float = float("-inf")) -> None:
        """Request the window at beat `start`, and each following one, when it is due, not before `floor` seconds."""

        def run(due: float) -> None:
            beat, tempo = start, self._timeline.tempo
            if self._clock() - due > player.lead + 60 / tempo.bpm * SIXTEENTH:
                # The stage itself stood still: skip to the present.
                beat = math.ceil(tempo.beat_at(self._clock() + player.lead) / SIXTEENTH) * SIXTEENTH
            self.request(player, beat)

        player.ask = self._timeline.add(start, RANK_ASK, run, -player.lead, floor)

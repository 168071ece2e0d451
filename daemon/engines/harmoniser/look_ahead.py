"""Harmonises a melody whose future is known, some 16ths ahead of what sounds."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from daemon.encodings.chorale import LOWEST, REST, STEPS_PER_BAR, UNKNOWN, VOICES
from daemon.engines.base import SEEDS
from daemon.engines.harmoniser.chord_limits import chord_begins, planned_limits
from daemon.engines.harmoniser.density import Density
from daemon.engines.harmoniser.given_melody import Lines
from daemon.engines.harmoniser.melody_hints import MelodyHints
from daemon.engines.harmoniser.model import ChoraleModel
from daemon.engines.harmoniser.particle_filter import ChoraleStep, ParticleFilter, StepSettings
from daemon.engines.harmoniser.place import HOLD_COST, STRUCK_COST
from daemon.engines.harmoniser.voice_leading import fold
from daemon.engines.shared.followed_plan import FollowedPlan
from daemon.engines.shared.line import STEP
from daemon.music.events import Window

PARTICLES = 6  # harmonisations of a known melody that are written side by side
LAG = 10  # 16ths by which the particles are ahead of what sounds, at least
BURST = 8  # 16ths written at a time, after what is due was sent: all but the first find the CPU's caches warm


class LookAhead:
    """`settings` and `plan` are the engine's own, and change while it plays."""

    def __init__(
        self, model: ChoraleModel, settings: Mapping[str, float], plan: FollowedPlan, density: Density
    ) -> None:
        self._model, self._settings, self._plan, self._density = model, settings, plan, density
        self._anticipated: dict[tuple[float, ...], ParticleFilter] = {}  # by `_start`
        self._hints: tuple[Lines, MelodyHints] | None = None  # of the lines that were harmonised last

    def warm_up(self) -> None:
        warm_up = ParticleFilter(self._model, PARTICLES, np.random.default_rng(0), 0)
        warm_up.extend(np.array([30, UNKNOWN, UNKNOWN, UNKNOWN]), np.ones(4, dtype=np.bool_), 0, 1.0, 1.0)

    def reset(self, seed: int, has_keys: bool) -> None:
        """`has_keys`: whether keys may lead, too."""
        self._seed, self._has_keys = seed, has_keys
        self._random = np.random.default_rng((seed & SEEDS, 1))
        self._lines: Lines = {}  # that are harmonised
        self.stop()

    def stop(self) -> None:
        """Forget what was written: no melody leads, or another one."""
        self._filter: ParticleFilter | None = None

    @property
    def is_running(self) -> bool:
        return self._filter is not None

    def anticipate(self, lines: Lines, frame: int, seed: int, window: Window) -> None:
        """Harmonise the beginning of the `lines` from 16th number `frame` on, unless chords are planned."""
        if self._plan.has_chords:
            return
        ahead = ParticleFilter(self._model, PARTICLES, np.random.default_rng((seed & SEEDS, 1)), frame)
        self._extend(ahead, lines, window)
        self._anticipated = {start: made for start, made in self._anticipated.items() if start[0] == seed}
        self._anticipated[self._start(seed, frame, window)] = ahead

    def _start(self, seed: int, frame: int, window: Window) -> tuple[float, ...]:
        """What the first harmonised 16ths after a start depend on, besides the melody."""
        return seed, frame, window.bar_start, window.meter, self._settings["temperature"], self._settings["top_p"]

    def step(self, frame: int, lines: Lines, window: Window) -> ChoraleStep:
        """16th number `frame` of the best harmonisation."""
        ahead = self._filter
        if ahead is None or lines is not self._lines or not 0 <= frame - ahead.frame <= STEPS_PER_BAR:
            made = self._anticipated.get(self._start(self._seed, frame, window))
            self._anticipated.clear()  # `made` changes as the music goes on
            ahead = self._filter = made or ParticleFilter(self._model, PARTICLES, self._random, frame)
            self._random = ahead.random
            self._lines = lines
        while ahead.frame <= frame:
            if ahead.frontier == ahead.frame:
                self._extend(ahead, lines, window)
            step = ahead.next_step()
        return step

    def extend(self, frame: int, window: Window) -> None:
        """Write on, where less than LAG 16ths are left after number `frame`."""
        if self._filter is not None and self._filter.frontier <= frame + LAG:
            self._extend(self._filter, self._lines, window)

    def replan(self, frame: int, before: Lines | None, after: Lines | None) -> None:
        """From 16th number `frame` on, other chords are planned; the lines `before` go on as those `after`."""
        self._anticipated.clear()
        if self._filter is not None:
            self._filter.rewind(frame)
            if self._lines is before and after is not None:
                self._lines = after

    def _extend(self, ahead: ParticleFilter, lines: Lines, window: Window) -> None:
        """Write the next BURST 16ths of all particles."""
        hints = self._hints_of(lines)
        for _ in range(BURST):
            known, struck = np.full(len(VOICES), UNKNOWN), np.zeros(len(VOICES), dtype=np.bool_)
            position = position_of(ahead.frontier, window)
            melody = {voice: line.at(ahead.frontier) for voice, line in lines.items()}
            rests = "soprano" in melody and melody["soprano"].pitch is None
            told = hints.at(ahead.frontier)
            if rests or not any(line.continues_after(ahead.frontier * STEP) for line in lines.values()):
                ahead.extend_rest(position, self._has_keys, told)  # keys go on from the state
                continue
            for voice, note in melody.items():
                index = VOICES.index(voice)
                if note.pitch is not None:
                    pitch = fold(note.pitch + lines[voice].transposition, voice)
                    known[index], struck[index] = pitch - LOWEST, note.struck
                elif lines[voice].is_part:
                    known[index] = REST
            limits = planned_limits(self._plan, ahead.frontier, position)
            temperature, top_p = self._settings["temperature"], self._settings["top_p"]
            hold_cost = (STRUCK_COST if struck[0] else HOLD_COST) if hints.holds(ahead.frontier) else 0.0
            keeps = not chord_begins(self._plan, ahead.frontier) and not (
                self._density.moves(position, hints.begins_long(ahead.frontier))
            )
            ahead.extend(known, struck, position, temperature, top_p, StepSettings(limits, told, hold_cost, keeps))

    def _hints_of(self, lines: Lines) -> MelodyHints:
        if self._hints is None or self._hints[0] is not lines:
            self._hints = lines, MelodyHints(lines)
        return self._hints[1]


def position_of(frame: int, window: Window) -> int:
    """16ths since the bar line, modulo the model's bar."""
    return round(frame - window.bar_start / STEP) % max(1, round(window.meter / STEP)) % STEPS_PER_BAR

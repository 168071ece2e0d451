"""A melody player: answers what the musician plays, or plays a second voice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar

from daemon import models
from daemon.encodings.melody.events import HIGHEST, LOWEST, step_of
from daemon.engines.base import ON, SEEDS, Engine, Setting, Setup
from daemon.engines.melody.duet import Duet
from daemon.engines.melody.event_sampler import EventSampler
from daemon.engines.melody.line_memory import LineMemory
from daemon.engines.melody.mode_state import VOICE, ModeState
from daemon.engines.melody.model import MelodyModel
from daemon.engines.melody.respond import Respond
from daemon.engines.melody.top_line import TopLine
from daemon.engines.options import option
from daemon.engines.shared.followed_plan import FIRST_BEAT, FollowedPlan
from daemon.engines.shared.grid import Grid
from daemon.engines.shared.line import STEP
from daemon.music.events import Action, MidiEvent, Window
from daemon.music.melody import Melodies
from daemon.music.plan import Plan


class MelodyPlayer(Engine):
    """One voice, in one of two modes (respond.py, duet.py)."""

    @dataclass(frozen=True)
    class Options:
        phrase: str = option(
            "rest", "what ends your phrase: a rest, a number of bars, or the pedal", choices=("rest", "bars", "control")
        )

    needs_model: ClassVar[bool] = True
    voices: ClassVar[tuple[str, ...]] = (VOICE,)
    settings: ClassVar[tuple[Setting, ...]] = (
        Setting("duet", 0, 1, 0, "from 0.5 on: play a second voice to yours instead of answering"),
        Setting("answer", 0, 1, 0, "turned up to 0.5 or more: answer now, that is, from the next beat on"),
        Setting("rest", 0.25, 8, 1, "beats with keys and pedal up that end a phrase"),
        Setting("bars", 1, 8, 2, "length of a phrase in bars"),
        Setting("longest", 1, 64, 8, "most bars of an answer"),
        Setting(
            "align", 0, 1, 0, "from 0.5 on: after a rest, begin at your phrase's place in the bar, not on the next beat"
        ),
        Setting("loop", 0, 1, 0, "from 0.5 on: repeat the answer again and again"),
        Setting("mutate", 0, 1, 0, "share of the answer's notes that each repeat replaces"),
        Setting("temperature", 0, 1.5, 1, "how freely notes are chosen; 0: always the most likely"),
        Setting("top_p", 0.05, 1, 0.95, "choose only from the likeliest events that together have this probability"),
        Setting("density", -4, 4, 0, "nats by which a new note is favoured over holding the last one, or a rest"),
        Setting("low", LOWEST, HIGHEST, LOWEST, "lowest note, as a MIDI number"),
        Setting("high", LOWEST, HIGHEST, HIGHEST, "highest note, as a MIDI number"),
        Setting("key", -1, 24, 0, "0: your key; 1 to 12: C to B major; 13 to 24: C to B minor; -1: any note"),
        Setting("copy", 1, 32, 4, "most notes in a row that may repeat yours or an earlier answer"),
        Setting("velocity", 0, 1, 0.8, "how far velocities follow yours; 0: always 80"),
    )

    options: Options

    @classmethod
    def mistakes(cls, setup: Setup[Options]) -> Iterator[tuple[str, str]]:
        low, high = setup.settings["low"], setup.settings["high"]
        if low > high:
            yield "low", f"{low:g} lies above high, {high:g}: exchange them"

    def prepare(self) -> None:
        artifact = models.load(self.setup.require_model("melody"), engine="melody")
        memory = LineMemory(MelodyModel(artifact))
        memory.warm_up(Grid())
        listen = self.setup.listen
        self._state = ModeState(memory, TopLine(listen), EventSampler(self.values))
        self._respond = Respond(self._state, self.values, listen, self.options.phrase)
        self._duet = Duet(self._state, self.values)
        self._plan = FollowedPlan(listen)
        self.reset({}, 0.0, 0)

    @property
    def _selected(self) -> Respond | Duet:
        return self._duet if self.values["duet"] >= ON else self._respond

    def reset(self, known: Melodies, beat: float, seed: int) -> None:
        """Start again. Known melodies are heard as they sound, like keys, but answered at their
        place in the bar."""
        self._grid, self._mode = Grid(), self._selected
        self._plan.clear()
        self._state.reset(seed & SEEDS)
        self._respond.reset()
        self._respond.learn(known)
        self._duet.reset()

    def control(self, name: str, value: float, beat: float) -> Iterable[Action]:
        before = self.values.get(name, value)
        super().control(name, value, beat)
        return self._mode.control(name, before, value, beat, self._grid)

    def learn(self, source: str, plan: Plan) -> Iterable[Action]:
        self._plan.learn(source, plan)
        return ()

    def _follow_plan(self, frame: int) -> None:
        """Play 16th number `frame` as it is planned. Notes of the chord are required at the beginning of the chord and
        on strong beats: the first of the bar and, in bars of an even number, every second one after it."""
        plan, beat, sampler = self._plan, frame * STEP, self._state.sampler
        silent = plan.in_break(beat) or plan.in_ending(beat, FIRST_BEAT) or plan.is_over(beat)
        if (harmony := plan.harmony(beat)) is None:
            sampler.follow(None, silent=silent)
            return
        position, even = self._grid.position(frame), self._grid.meter % 2 == 0
        strong = position < STEP or (even and position % 2 < STEP) or beat - harmony.onset < STEP
        sampler.follow(harmony, strong, self._grid.on_beat(frame), silent)

    def listen(self, event: MidiEvent) -> Iterator[Action]:
        if event.source == self._plan.source:
            return  # the leader's melody has no gaps for answers
        self._state.line.swing = self._plan.swing(event.beat)
        self._follow_plan(step_of(event.beat))
        yield from self._change_mode(event.beat)
        yield from self._mode.hear(event, self._grid)

    def generate(self, window: Window) -> Iterator[Action]:
        yield from self._change_mode(window.start)
        for frame in self._grid.fill(window):
            if self._plan.is_over(frame * STEP):  # the band has ended
                self._mode.reset(frame)
                yield from self._state.sounding.stop(max(frame * STEP, window.start), VOICE)
                continue
            self._follow_plan(frame)
            yield from self._mode.step(frame, self._plan.sounding(max(frame * STEP, window.start)), self._grid)

    def _change_mode(self, beat: float) -> Iterator[Action]:
        """Change to the mode that the setting `duet` selects: end the note that sounds and forget what was heard."""
        if self._mode is not self._selected:
            frame, self._mode = self._mode.frame, self._selected
            self._mode.reset(frame)
            yield from self._state.sounding.stop(beat, VOICE)

    def owes(self, beat: float) -> bool:
        """Whether a phrase is to be answered without a request, or is being answered for the first time."""
        return self._mode.owes(beat)

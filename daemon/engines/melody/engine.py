"""A melody player: it answers what you play, or sings a second voice to it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar

from daemon import models
from daemon.encodings.melody.events import HIGHEST, LOWEST
from daemon.engines.base import ON, SEEDS, Option, Setting, Setup
from daemon.engines.melody.choice import VOICE, Chooser, LineMemory, Voice
from daemon.engines.melody.duet import Duet
from daemon.engines.melody.model import MelodyModel
from daemon.engines.melody.respond import Respond
from daemon.engines.melody.top_line import TopLine
from daemon.engines.shared.grid import Grid
from daemon.engines.shared.line import STEP
from daemon.errors import ModelError
from daemon.music.events import Action, MidiEvent, Window
from daemon.music.melody import Melodies


class MelodyPlayer:
    """One voice, in one of two modes (respond.py, duet.py)."""

    needs_model: ClassVar[bool] = True
    voices: ClassVar[tuple[str, ...]] = (VOICE,)
    monophonic: ClassVar[bool] = True
    lead: ClassVar[float] = 0.03
    tolerance: ClassVar[float] = 0.1
    options: ClassVar[tuple[Option, ...]] = (
        Option("phrase", "rest", "what ends your phrase: a rest, bars, or the pedal", ("rest", "bars", "control")),
    )  # fmt: skip
    settings: ClassVar[tuple[Setting, ...]] = (
        Setting("duet", 0, 1, 0, "up: go on beside you as a second voice, instead of answering"),
        Setting("answer", 0, 1, 0, "turned up: answer now, that is, from the next beat on"),
        Setting("rest", 0.25, 8, 1, "beats of silence that end a phrase"),
        Setting("bars", 1, 8, 2, "bars that a phrase lasts"),
        Setting("loop", 0, 1, 0, "up: play the answer again and again"),
        Setting("mutate", 0, 1, 0, "how many of its notes are replaced each time"),
        Setting("temperature", 0, 1.5, 1, "how free the choice of notes is; 0: always the most likely"),
        Setting(
            "top_p", 0.05, 1, 0.95, "only the likeliest events that together have this probability are chosen from"
        ),
        Setting("density", -4, 4, 0, "nats by which new notes are favoured"),
        Setting("low", LOWEST, HIGHEST, LOWEST, "its lowest note, as a MIDI number"),
        Setting("high", LOWEST, HIGHEST, HIGHEST, "its highest note"),
        Setting("key", -1, 24, 0, "-1: any note; 0: your key; 1 to 12: C to B major; 13 to 24: C to B minor"),
        Setting("copy", 1, 32, 4, "notes in a row that it may copy from you or an earlier answer"),
        Setting("velocity", 0, 1, 0.8, "how much its velocity follows yours"),
    )

    def __init__(self, setup: Setup) -> None:
        self._end = str(setup.options.get("phrase", "rest"))
        self._settings = {s.name: float(setup.settings.get(s.name, s.default)) for s in self.settings}
        self._path, self._listen = setup.model, setup.listen

    @classmethod
    def mistakes(cls, setup: Setup) -> Iterator[tuple[str, str]]:
        low, high = setup.settings["low"], setup.settings["high"]
        if low > high:
            yield "low", f"{low:g} lies above high, {high:g}: exchange them"

    def prepare(self) -> None:
        if self._path is None:
            raise ModelError("the melody player has no model: name one under `model:`, for instance melody")
        artifact = models.load(self._path, engine="melody")
        memory = LineMemory(MelodyModel(artifact))
        memory.warm(Grid())
        voice = Voice(memory, TopLine(self._listen), Chooser(self._settings))
        self._respond = Respond(voice, self._settings, self._listen, self._end)
        self._duet = Duet(voice, self._settings)
        self._voice, self._mode = voice, self._wanted
        self.reset({}, 0.0, 0)

    @property
    def _wanted(self) -> Respond | Duet:
        return self._duet if self._settings["duet"] >= ON else self._respond

    def reset(self, known: Melodies, beat: float, seed: int) -> None:
        """Melodies are heard like keys, as they sound."""
        self._grid, self._mode = Grid(), self._wanted
        self._voice.reset(seed & SEEDS)
        self._respond.reset()
        self._duet.reset()

    def control(self, name: str, value: float, beat: float) -> Iterable[Action]:
        if name not in self._settings:
            return ()
        before, self._settings[name] = self._settings[name], value
        return self._mode.control(name, before, value, beat, self._grid)

    def listen(self, event: MidiEvent) -> Iterator[Action]:
        yield from self._change_mode(event.beat)
        yield from self._mode.hear(event, self._grid)

    def generate(self, window: Window) -> Iterator[Action]:
        yield from self._change_mode(window.start)
        for frame in self._grid.fill(window):
            yield from self._mode.step(frame, max(frame * STEP, window.start), self._grid)

    def _change_mode(self, beat: float) -> Iterator[Action]:
        """Into the other mode, if that is wanted: what sounds ends, and it listens anew."""
        if self._mode is not self._wanted:
            frame, self._mode = self._mode.frame, self._wanted
            self._mode.reset(frame)
            yield from self._voice.choir.stop(beat, VOICE)

    def owes(self, beat: float) -> bool:
        """Whether a phrase is still to be answered, or is being answered."""
        return self._mode.owes(beat)

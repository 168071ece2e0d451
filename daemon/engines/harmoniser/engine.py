"""Four-part harmony in the style of Bach's chorales, for keys as they are played or a melody whose future is known."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from daemon import models
from daemon.encodings.chorale import FERMATA, LOWEST, NO_FERMATA, REST, STEPS_PER_BAR, UNKNOWN, VOICES
from daemon.engines.base import SEEDS, Engine, Setting, Setup
from daemon.engines.harmoniser.causal_writer import CausalWriter
from daemon.engines.harmoniser.model import ChoraleModel
from daemon.engines.harmoniser.particle_filter import ParticleFilter, Written
from daemon.engines.harmoniser.voice_leading import fold
from daemon.engines.options import option
from daemon.engines.shared.draw import Ints
from daemon.engines.shared.grid import MAX_WINDOW
from daemon.engines.shared.lead import GRACE, Given, Lead
from daemon.engines.shared.line import EPSILON, NEAR, STEP, Line
from daemon.engines.shared.sounding_voices import SoundingVoices
from daemon.errors import ModelError
from daemon.music.events import Action, MidiEvent, Window
from daemon.music.melody import Melodies

CHORD = 0.020  # seconds within which keys are one chord
PARTICLES = 6  # harmonisations of a known melody written side by side
LAG = 10  # 16ths that they are ahead of what sounds, at least
BURST = 8  # 16ths written at a time, after the due ones were sent: all but the first find the CPU's caches warm
SOFTER = {"soprano": 1.0, "alto": 0.85, "tenor": 0.85, "bass": 0.95}  # velocity relative to the melody's
# A composed chorale: 16ths of a phrase, number of phrases, and 16ths of rest after the last one.
PHRASE, PHRASES, LAST = 32, 6, 16
BACK = 16.0  # beats: a window that starts less than this before the last one's end is a repeat, else a jump

Early = tuple[Ints | None, Ints]  # symbols and held flags of a 16th before keys arrived in its second half


class Harmoniser(Engine):
    """Harmonises live keys from left to right (causal_writer.py), a known melody ahead of time (particle_filter.py)."""

    @dataclass(frozen=True)
    class Options:
        given: tuple[str, ...] = option(
            ("soprano",), "the voices that keys or melody lead; none: compose chorales", choices=(*VOICES, "none")
        )
        release: str = option(
            "at once", "when the voices end after the last key and pedal", choices=("at once", "next step")
        )

    needs_model: ClassVar[bool] = True
    voices: ClassVar[tuple[str, ...]] = VOICES
    settings: ClassVar[tuple[Setting, ...]] = (
        Setting("temperature", 0.0, 1.5, 0.5, "how freely notes are chosen; 0: always the most likely"),
        Setting("top_p", 0.05, 1.0, 0.95, "choose only from the likeliest notes that together have this probability"),
    )

    options: Options

    def __init__(self, setup: Setup[Options]) -> None:
        super().__init__(setup)
        self._given_voices = tuple(voice for voice in VOICES if voice in self.options.given)
        self._lead = Lead(setup.listen, self._given_voices)
        self._sounding = SoundingVoices()

    def prepare(self) -> None:
        if self.setup.model is None:
            raise ModelError("the harmoniser has no model: name one under `model:`, for instance bachbot")
        artifact = models.load(self.setup.model, engine="harmoniser")
        self._model = ChoraleModel(artifact)
        self._writer = CausalWriter(self._model)
        ahead = ParticleFilter(self._model, PARTICLES, np.random.default_rng(0), 0)
        ahead.extend(np.array([30, UNKNOWN, UNKNOWN, UNKNOWN]), np.ones(4, dtype=np.bool_), 0, 1.0, 1.0)
        self.reset({}, 0.0, 0)

    def reset(self, known: Melodies, beat: float, seed: int) -> None:
        self._lead.reset(known)
        self._sounding.silence()
        self._writer.reseed(seed & SEEDS)
        self._random = np.random.default_rng((seed & SEEDS, 1))
        self._ahead: ParticleFilter | None = None
        self._lines: Mapping[str, Line] = {}  # the lines of `_ahead`
        self._given: Given = {}  # the leading keys, as last harmonised
        self._frame: int | None = None  # number of the 16th that sounds or is next
        self._struck: set[str] = set()  # voices struck in `_frame`
        self._early: Early | None = None
        self._chord = -math.inf  # beat of the first key of the last chord
        self._bar, self._tempo = 4.0, 120.0
        self._until = -math.inf  # end of the last window; −∞: no window yet, the transport is stopped
        self._composed = 0  # 16ths of the present chorale composed so far

    # keys

    def listen(self, event: MidiEvent) -> Iterator[Action]:
        if not self._given_voices or not self._lead.hear(event):
            return
        keys = self._lead.keys(event.beat, self._bar)
        given = keys.leading if keys else {}
        if given == self._given:
            return
        if given:
            yield from self._answer(event.beat, given)
            return
        self._given = {}
        if self.options.release == "at once" or self._until == -math.inf:  # stopped transport: no 16th comes
            yield from self._silence(event.beat)
        else:
            yield from self._silence(event.beat, [v for v in VOICES if self._sounding.waits(event.beat, v)])

    def _answer(self, beat: float, given: Given) -> Iterator[Action]:
        """Harmonise changed keys now; the present 16th is rewritten."""
        chord = bool(self._given) and beat - self._chord <= CHORD * self._tempo / 60
        if not chord:
            self._chord = beat
        self._ahead = None
        if self._frame is not None and beat > self._frame * STEP + NEAR and self._early is None:
            self._early = (self._writer.symbols, self._writer.held)
        yield from self._sing(beat, given, chord)

    def _sing(self, beat: float, given: Given, chord: bool = False) -> Iterator[Action]:
        """Play this 16th under the `given` keys: first the voices that they lead, then the others."""
        before, self._given = self._given, given
        known = [UNKNOWN] * len(VOICES)
        for voice, key in given.items():
            known[VOICES.index(voice)] = fold(key.pitch, voice) - LOWEST
            if before.get(voice) is not key:
                self._struck.add(voice)
                yield self._sounding.play(beat, voice, key.pitch, key.velocity)
        yield from self._write(beat, known, max(key.velocity for key in given.values()), chord)

    def _write(self, beat: float, known: list[int], velocity: int, chord: bool = False) -> Iterator[Action]:
        struck = [voice in self._struck or self._sounding.sings(beat, voice) is None for voice in VOICES]
        for sung in self._writer.write(known, struck, self.values["temperature"], self.values["top_p"], chord):
            voice = VOICES[sung.voice]
            strike = not sung.held and not chord and voice not in self._struck
            action = self._sounding.move(beat, voice, LOWEST + sung.symbol, round(velocity * SOFTER[voice]), strike)
            if action is not None:
                self._struck.add(voice)
                yield action

    def _silence(self, beat: float, voices: Iterable[str] = VOICES) -> Iterator[Action]:
        for voice in voices:
            yield from self._sounding.stop(beat, voice)

    # the grid

    def generate(self, window: Window) -> Iterator[Action]:
        if self._until - BACK < window.start < self._until:  # requested again, in part or as a whole
            window = replace(window, start=min(self._until, window.end))
        elif window.start < self._until:  # a jump without a reset
            self._ahead, self._frame = None, None
        self._until = max(window.start, window.end)
        self._bar, self._tempo = max(window.meter, STEP), window.tempo
        if self._given_voices and self._lead.keys(window.start, self._bar) is None:
            yield from self._play_lines(self._lead.lines(window.start) or {}, window)
        first = math.ceil(window.start / STEP - EPSILON)
        last = math.ceil(window.end / STEP - EPSILON)
        for frame in range(max(first, last - MAX_WINDOW), last):
            yield from self._step(frame, max(frame * STEP, window.start), window)
        if len(self._given_voices) == 1 and self._lead.listens and self._ahead is None:
            self._writer.foresee(VOICES.index(self._given_voices[0]))

    def _step(self, frame: int, beat: float, window: Window) -> Iterator[Action]:
        self._frame = frame
        struck, self._struck = self._struck, set()
        early, self._early = self._early, None
        position = _position(frame, window)
        if not self._given_voices:
            yield from self._compose(beat, position)
        elif (keys := self._lead.keys(beat, self._bar)) is not None:
            self._ahead = None
            yield from self._follow(beat, position, keys.leading, early, struck)
        elif (lines := self._lead.lines(beat)) is not None:
            self._given = {}
            yield from self._accompany(frame, beat, lines, window)
        else:
            self._given, self._ahead = {}, None
            self._writer.forget(position)
            yield from self._silence(beat)

    def _follow(
        self, beat: float, position: int, given: Given, early: Early | None, struck: set[str]
    ) -> Iterator[Action]:
        """Play the next 16th under the held keys, or silence after them."""
        if early is not None and given and given == self._given:
            self._writer.shift(*early, position, [voice in struck for voice in VOICES])
            return
        self._writer.turn(position)
        if given:
            waits = GRACE * self._tempo / 60 if given == self._given else 0.0
            yield from self._sing(beat + waits, given)
        else:
            self._given = given
            yield from self._silence(beat)

    def _play_lines(self, lines: Mapping[str, Line], window: Window) -> Iterator[Action]:
        """Play the known melody itself, unquantised, and the rest of a note that began before the melody led."""
        for voice, line in lines.items():
            start, note = window.start, line.sounding(window.start)
            if note is not None and note.onset < start - EPSILON and not self._sounding.sings(start, voice):
                rest = note.onset + note.duration - start
                yield self._sounding.play(start, voice, note.pitch, note.velocity, rest)
            for note in line.between(window.start, window.end):
                yield self._sounding.play(note.onset, voice, note.pitch, note.velocity, note.duration)

    def _accompany(self, frame: int, beat: float, lines: Mapping[str, Line], window: Window) -> Iterator[Action]:
        """Play the next 16th of the best harmonisation of a known melody."""
        ahead = self._ahead
        if ahead is None or lines is not self._lines or not 0 <= frame - ahead.frame <= STEPS_PER_BAR:
            ahead = self._ahead = ParticleFilter(self._model, PARTICLES, self._random, frame)
            self._lines = lines
        while ahead.frame <= frame:
            if ahead.frontier == ahead.frame:
                self._run_ahead(ahead, lines, window)
            written = ahead.hear()
        self._writer.take(written)
        yield from self._play_written(written, frame, beat, lines)
        if ahead.frontier <= frame + LAG:
            self._run_ahead(ahead, lines, window)

    def _play_written(self, written: Written, frame: int, beat: float, lines: Mapping[str, Line]) -> Iterator[Action]:
        if written.rests:
            yield from self._silence(beat, (voice for voice in VOICES if not self._sounding.ends_by_itself(voice)))
            return
        steps = {voice: line.at(frame) for voice, line in lines.items()}
        velocity = max(step.velocity for step in steps.values())
        for index, voice in enumerate(VOICES):
            symbol, held = int(written.symbols[0, index]), bool(written.held[0, index])
            if symbol < REST and (voice not in steps or steps[voice].pitch is None):
                action = self._sounding.move(beat, voice, LOWEST + symbol, round(velocity * SOFTER[voice]), not held)
                if action is not None:
                    self._struck.add(voice)
                    yield action

    def _run_ahead(self, ahead: ParticleFilter, lines: Mapping[str, Line], window: Window) -> None:
        for _ in range(BURST):
            known, struck = np.full(len(VOICES), UNKNOWN), np.zeros(len(VOICES), dtype=np.bool_)
            position = _position(ahead.frontier, window)
            steps = {voice: line.at(ahead.frontier) for voice, line in lines.items()}
            rests = "soprano" in steps and steps["soprano"].pitch is None
            if rests or not any(line.goes_on(ahead.frontier * STEP) for line in lines.values()):
                ahead.rest(position)
                continue
            for voice, step in steps.items():
                index = VOICES.index(voice)
                if step.pitch is not None:
                    known[index], struck[index] = fold(step.pitch + lines[voice].shift, voice) - LOWEST, step.struck
                elif lines[voice].written:
                    known[index] = REST
            ahead.extend(known, struck, position, self.values["temperature"], self.values["top_p"])

    def _compose(self, beat: float, position: int) -> Iterator[Action]:
        """Compose a chorale: phrases of two bars, a fermata on the seventh beat of each; then a bar of rest."""
        place = self._composed
        if place == 0 and position != 0:
            return
        self._composed = (place + 1) % (PHRASE * PHRASES + LAST)
        if place >= PHRASE * PHRASES:
            yield from self._silence(beat)
            return
        if place == 0:
            self._writer.forget(position)
        self._writer.turn(position, FERMATA if place % PHRASE in range(24, 28) else NO_FERMATA)
        if place < PHRASE * PHRASES - 7:  # the last chord is held
            yield from self._write(beat, [UNKNOWN] * len(VOICES), 72)


def _position(frame: int, window: Window) -> int:
    """16ths since the bar line, modulo the model's bar."""
    return round(frame - window.bar_start / STEP) % max(1, round(window.meter / STEP)) % STEPS_PER_BAR

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
from daemon.engines.harmoniser.particle_filter import ChoraleStep, ParticleFilter
from daemon.engines.harmoniser.voice_leading import fold
from daemon.engines.options import option
from daemon.engines.shared.draw import Ints
from daemon.engines.shared.grid import MAX_WINDOW, REPEAT_BEATS
from daemon.engines.shared.lead import CHORD_SPREAD, KEY_GRACE, GivenKeys, LeadSelector
from daemon.engines.shared.line import EPSILON, HALF_STEP, STEP, Line
from daemon.engines.shared.sounding_voices import SoundingVoices
from daemon.music.events import Action, MidiEvent, Window
from daemon.music.melody import Melodies

PARTICLES = 6  # harmonisations of a known melody that are written side by side
LAG = 10  # 16ths by which the particles are ahead of what sounds, at least
BURST = 8  # 16ths written at a time, after what is due was sent: all but the first find the CPU's caches warm
VELOCITY_FACTORS = {"soprano": 1.0, "alto": 0.85, "tenor": 0.85, "bass": 0.95}  # relative to the key's or melody's
# A composed chorale: 16ths of a phrase, number of phrases, and 16ths of rest after the last one.
PHRASE_STEPS, PHRASES, FINAL_REST = 32, 6, 16

LateKeys = tuple[Ints | None, Ints]  # symbols and held flags of a 16th before keys arrived in its second half


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

    @classmethod
    def gives_way(cls, options: Options) -> bool:
        """A melody makes room for keys, a chorale that is composed does not."""
        return any(voice in options.given for voice in VOICES)

    def __init__(self, setup: Setup[Options]) -> None:
        super().__init__(setup)
        self._given_voices = tuple(voice for voice in VOICES if voice in self.options.given)
        self._lead = LeadSelector(setup.listen, self._given_voices)
        self._sounding = SoundingVoices()
        self._anticipated: dict[tuple[float, ...], ParticleFilter] = {}  # by `_start`

    def prepare(self) -> None:
        artifact = models.load(self.setup.require_model("harmoniser"), engine="harmoniser")
        self._model = ChoraleModel(artifact)
        self._writer = CausalWriter(self._model)
        warm_up = ParticleFilter(self._model, PARTICLES, np.random.default_rng(0), 0)
        warm_up.extend(np.array([30, UNKNOWN, UNKNOWN, UNKNOWN]), np.ones(4, dtype=np.bool_), 0, 1.0, 1.0)
        self.reset({}, 0.0, 0)

    def reset(self, known: Melodies, beat: float, seed: int) -> None:
        self._seed = seed
        self._lead.reset(known)
        self._sounding.clear()
        self._writer.reseed(seed & SEEDS)
        self._random = np.random.default_rng((seed & SEEDS, 1))
        self._ahead: ParticleFilter | None = None
        self._lines: Mapping[str, Line] = {}  # the lines that `_ahead` harmonises
        self._given: GivenKeys = {}  # the leading keys, as last harmonised
        self._frame: int | None = math.ceil(beat / STEP - EPSILON)  # number of the 16th that sounds or is next
        self._struck: set[str] = set()  # voices struck in `_frame`
        self._late_keys: LateKeys | None = None
        self._chord_start = -math.inf  # beat of the first key of the last chord
        self._bar, self._tempo = 4.0, 120.0  # beats per bar, beats per minute
        self._until = -math.inf  # end of the last window; −∞: no window yet, the transport is stopped
        self._composed = 0  # 16ths of the present chorale composed so far

    def anticipate(self, known: Melodies, beat: float, seed: int, window: Window) -> None:
        """Harmonise the beginning of a known melody."""
        lead, frame = LeadSelector(self.setup.listen, self._given_voices), math.ceil(window.start / STEP - EPSILON)
        lead.reset(known)
        if (lines := lead.melody_lines(max(frame * STEP, window.start))) is not None:
            ahead = ParticleFilter(self._model, PARTICLES, np.random.default_rng((seed & SEEDS, 1)), frame)
            self._extend(ahead, lines, window)
            self._anticipated = {start: made for start, made in self._anticipated.items() if start[0] == seed}
            self._anticipated[self._start(seed, frame, window)] = ahead

    def _start(self, seed: int, frame: int, window: Window) -> tuple[float, ...]:
        """What the first harmonised 16ths after a start depend on, besides the melody."""
        return seed, frame, window.bar_start, window.meter, self.values["temperature"], self.values["top_p"]

    # keys

    def listen(self, event: MidiEvent) -> Iterator[Action]:
        if not self._given_voices or not self._lead.hear(event):
            return
        source = self._lead.live_source(event.beat, self._bar)
        given = source.leading if source else {}
        if given == self._given:
            return
        if given:
            yield from self._answer(event.beat, given)
            return
        self._given = {}
        if self.options.release == "at once" or self._until == -math.inf:  # the transport is stopped: no 16th follows
            yield from self._stop(event.beat)
        else:
            yield from self._stop(event.beat, [v for v in VOICES if self._sounding.is_queued(event.beat, v)])

    def _answer(self, beat: float, given: GivenKeys) -> Iterator[Action]:
        """Harmonise changed keys now; the present 16th is rewritten."""
        same_chord = bool(self._given) and beat - self._chord_start <= CHORD_SPREAD * self._tempo / 60
        if not same_chord:
            self._chord_start = beat
        self._ahead = None
        if self._frame is not None and beat > self._frame * STEP + HALF_STEP and self._late_keys is None:
            self._late_keys = (self._writer.symbols, self._writer.held)
        yield from self._harmonise(beat, given, same_chord)

    def _harmonise(self, beat: float, given: GivenKeys, same_chord: bool = False) -> Iterator[Action]:
        """Play this 16th under the `given` keys: first the voices that the keys lead, then the others.

        `same_chord`: the keys complete the chord that was harmonised last.
        """
        before, self._given = self._given, given
        known = [UNKNOWN] * len(VOICES)
        for voice, key in given.items():
            known[VOICES.index(voice)] = fold(key.pitch, voice) - LOWEST
            if before.get(voice) is not key:
                self._struck.add(voice)
                yield self._sounding.play(beat, voice, key.pitch, key.velocity)
        yield from self._write(beat, known, max(key.velocity for key in given.values()), same_chord)

    def _write(self, beat: float, known: list[int], velocity: int, same_chord: bool = False) -> Iterator[Action]:
        """Write this 16th, and play the voices that are not `known`."""
        struck = [voice in self._struck or self._sounding.note_at(beat, voice) is None for voice in VOICES]
        for note in self._writer.write(known, struck, self.values["temperature"], self.values["top_p"], same_chord):
            voice = VOICES[note.voice]
            strike = not note.held and not same_chord and voice not in self._struck
            yield from self._move(beat, voice, note.symbol, velocity, strike)

    def _move(self, beat: float, voice: str, symbol: int, velocity: int, strike: bool) -> Iterator[Action]:
        """Play a symbol in a voice, if the voice does not sound it already. `velocity`: that of the leading note."""
        softened = round(velocity * VELOCITY_FACTORS[voice])
        action = self._sounding.move(beat, voice, LOWEST + symbol, softened, strike)
        if action is not None:
            self._struck.add(voice)
            yield action

    def _stop(self, beat: float, voices: Iterable[str] = VOICES) -> Iterator[Action]:
        for voice in voices:
            yield from self._sounding.stop(beat, voice)

    # the grid

    def generate(self, window: Window) -> Iterator[Action]:
        if self._until - REPEAT_BEATS < window.start < self._until:  # requested again, in part or as a whole
            window = replace(window, start=min(self._until, window.end))
        elif window.start < self._until:  # a jump without a reset
            self._ahead, self._frame = None, None
        self._until = max(window.start, window.end)
        self._bar, self._tempo = max(window.meter, STEP), window.tempo
        if self._given_voices and self._lead.live_source(window.start, self._bar) is None:
            yield from self._play_melody(self._lead.melody_lines(window.start) or {}, window)
        first = math.ceil(window.start / STEP - EPSILON)
        last = math.ceil(window.end / STEP - EPSILON)
        for frame in range(max(first, last - MAX_WINDOW), last):
            yield from self._step(frame, max(frame * STEP, window.start), window)
        if len(self._given_voices) == 1 and self._lead.has_live_source and self._ahead is None:
            self._writer.precompute(VOICES.index(self._given_voices[0]))

    def _step(self, frame: int, beat: float, window: Window) -> Iterator[Action]:
        """Play 16th number `frame`, from `beat` on."""
        self._frame = frame
        struck, self._struck = self._struck, set()
        late_keys, self._late_keys = self._late_keys, None
        position = _position(frame, window)
        if not self._given_voices:
            yield from self._compose(beat, position)
        elif (source := self._lead.live_source(beat, self._bar)) is not None:
            self._ahead = None
            yield from self._step_with_keys(beat, position, source.leading, late_keys, struck)
        elif (lines := self._lead.melody_lines(beat)) is not None:
            self._given = {}
            yield from self._step_with_melody(frame, beat, lines, window)
        else:
            self._given, self._ahead = {}, None
            self._writer.restart(position)
            yield from self._stop(beat)

    def _step_with_keys(
        self, beat: float, position: int, given: GivenKeys, late_keys: LateKeys | None, struck: set[str]
    ) -> Iterator[Action]:
        """Play the next 16th under the held keys, or silence after them. `struck`: voices struck in the last 16th."""
        if late_keys is not None and given and given == self._given:
            self._writer.move_to_next_step(*late_keys, position, [voice in struck for voice in VOICES])
            return
        self._writer.next_step(position)
        if given:
            delay = KEY_GRACE * self._tempo / 60 if given == self._given else 0.0
            yield from self._harmonise(beat + delay, given)
        else:
            self._given = given
            yield from self._stop(beat)

    def _play_melody(self, lines: Mapping[str, Line], window: Window) -> Iterator[Action]:
        """Play the known melody itself, unquantised, and the rest of a note that began before the melody led."""
        for voice, line in lines.items():
            start, note = window.start, line.sounding(window.start)
            if note is not None and note.onset < start - EPSILON and not self._sounding.note_at(start, voice):
                remaining = note.onset + note.duration - start
                yield self._sounding.play(start, voice, note.pitch, note.velocity, remaining)
            for note in line.between(window.start, window.end):
                yield self._sounding.play(note.onset, voice, note.pitch, note.velocity, note.duration)

    def _step_with_melody(self, frame: int, beat: float, lines: Mapping[str, Line], window: Window) -> Iterator[Action]:
        """Play the next 16th of the best harmonisation of a known melody."""
        ahead = self._ahead
        if ahead is None or lines is not self._lines or not 0 <= frame - ahead.frame <= STEPS_PER_BAR:
            made = self._anticipated.get(self._start(self._seed, frame, window))
            self._anticipated.clear()  # `made` changes as the music goes on
            ahead = self._ahead = made or ParticleFilter(self._model, PARTICLES, self._random, frame)
            self._random = ahead.random
            self._lines = lines
        while ahead.frame <= frame:
            if ahead.frontier == ahead.frame:
                self._extend(ahead, lines, window)
            step = ahead.next_step()
        self._writer.continue_from(step)
        yield from self._play_harmony(step, frame, beat, lines)
        if ahead.frontier <= frame + LAG:
            self._extend(ahead, lines, window)

    def _play_harmony(self, step: ChoraleStep, frame: int, beat: float, lines: Mapping[str, Line]) -> Iterator[Action]:
        """Play the voices for which the melody has no note in this 16th."""
        if step.rests:
            yield from self._stop(beat, (voice for voice in VOICES if not self._sounding.has_duration(voice)))
            return
        melody = {voice: line.at(frame) for voice, line in lines.items()}
        velocity = max(note.velocity for note in melody.values())
        for index, voice in enumerate(VOICES):
            symbol, held = int(step.symbols[0, index]), bool(step.held[0, index])
            if symbol < REST and (voice not in melody or melody[voice].pitch is None):
                yield from self._move(beat, voice, symbol, velocity, strike=not held)

    def _extend(self, ahead: ParticleFilter, lines: Mapping[str, Line], window: Window) -> None:
        """Write the next BURST 16ths of all particles."""
        for _ in range(BURST):
            known, struck = np.full(len(VOICES), UNKNOWN), np.zeros(len(VOICES), dtype=np.bool_)
            position = _position(ahead.frontier, window)
            melody = {voice: line.at(ahead.frontier) for voice, line in lines.items()}
            rests = "soprano" in melody and melody["soprano"].pitch is None
            if rests or not any(line.continues_after(ahead.frontier * STEP) for line in lines.values()):
                ahead.extend_rest(position, self._lead.has_live_source)  # keys go on from the state
                continue
            for voice, note in melody.items():
                index = VOICES.index(voice)
                if note.pitch is not None:
                    pitch = fold(note.pitch + lines[voice].transposition, voice)
                    known[index], struck[index] = pitch - LOWEST, note.struck
                elif lines[voice].is_part:
                    known[index] = REST
            ahead.extend(known, struck, position, self.values["temperature"], self.values["top_p"])

    def _compose(self, beat: float, position: int) -> Iterator[Action]:
        """Compose a chorale: phrases of two bars, a fermata on the seventh beat of each; then a bar of rest."""
        if (place := self._composed) == 0 and position != 0:
            return
        self._composed = (place + 1) % (PHRASE_STEPS * PHRASES + FINAL_REST)
        if place >= PHRASE_STEPS * PHRASES:
            yield from self._stop(beat)
            return
        if place == 0:
            self._writer.restart(position)
        self._writer.next_step(position, FERMATA if place % PHRASE_STEPS in range(24, 28) else NO_FERMATA)
        if place < PHRASE_STEPS * PHRASES - 7:  # the last chord is held
            yield from self._write(beat, [UNKNOWN] * len(VOICES), 72)


def _position(frame: int, window: Window) -> int:
    """16ths since the bar line, modulo the model's bar."""
    return round(frame - window.bar_start / STEP) % max(1, round(window.meter / STEP)) % STEPS_PER_BAR

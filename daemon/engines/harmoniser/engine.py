"""Four-part harmony in the style of Bach's chorales, for keys as they are played or a melody whose future is known."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

from daemon import models
from daemon.encodings.chorale import LOWEST, RANGES, REST, UNKNOWN, VOICES, Hints, no_hints
from daemon.engines.base import SEEDS, Engine, Setting, Setup
from daemon.engines.harmoniser.causal_writer import CausalWriter
from daemon.engines.harmoniser.chord_limits import ChordLimits, planned_limits
from daemon.engines.harmoniser.composition import Composition, planned_step
from daemon.engines.harmoniser.given_melody import Lines, melody_notes
from daemon.engines.harmoniser.home import HeardHome
from daemon.engines.harmoniser.look_ahead import LookAhead, position_of
from daemon.engines.harmoniser.model import ChoraleModel
from daemon.engines.harmoniser.particle_filter import ChoraleStep
from daemon.engines.harmoniser.voice_leading import fold
from daemon.engines.options import option
from daemon.engines.shared.draw import Ints
from daemon.engines.shared.followed_plan import FollowedPlan
from daemon.engines.shared.grid import MAX_WINDOW, REPEAT_BEATS
from daemon.engines.shared.lead import KEY_GRACE, GivenKeys, LeadSelector, LiveSource
from daemon.engines.shared.line import EPSILON, HALF_STEP, STEP
from daemon.engines.shared.sounding_voices import SoundingVoices
from daemon.music.events import Action, MidiEvent, Window, is_note_on
from daemon.music.melody import Melodies
from daemon.music.plan import Plan

VELOCITY_FACTORS = {"soprano": 1.0, "alto": 0.85, "tenor": 0.85, "bass": 0.95}  # relative to the key's or melody's

MAX_GATHER = 80.0  # milliseconds
LET_GO = 0.020  # seconds for which a voice sounds on after its key: a key struck meanwhile ties its notes
OCTAVE = 12
MAX_OCTAVES = 24  # semitones by which the voices sound lower at most
WAIT = 1.0  # beats after the release of the leading key before a key takes over that was held before
REST_AFTER = 2.0  # beats after which the voices rest under held keys

LateKeys = tuple[Ints | None, Ints]  # symbols and held flags of a 16th before keys arrived in its second half


class Harmoniser(Engine):
    """Harmonises live keys from left to right (causal_writer.py), a known melody ahead of time (look_ahead.py), under
    the chords of a plan, if there is one (chord_limits.py)."""

    @dataclass(frozen=True)
    class Options:
        given: tuple[str, ...] = option(
            ("soprano",), "the voices that keys or melody lead; none: compose chorales", choices=(*VOICES, "none")
        )
        gather: float = option(30.0, "milliseconds within which keys are one chord, 0 to 80: each voice changes once")
        first_key: str = option(
            "at once", "when the first key of a chord is answered", choices=("at once", "with the chord")
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
    def mistakes(cls, setup: Setup[Options]) -> Iterable[tuple[str, str]]:
        if not 0 <= setup.options.gather <= MAX_GATHER:
            yield "gather", f"is {setup.options.gather:g}: give milliseconds from 0 to {MAX_GATHER:g}"

    @classmethod
    def gives_way(cls, options: Options) -> bool:
        """A melody makes room for keys, a chorale that is composed does not."""
        return any(voice in options.given for voice in VOICES)

    def __init__(self, setup: Setup[Options]) -> None:
        super().__init__(setup)
        self._given_voices = tuple(voice for voice in VOICES if voice in self.options.given)
        self._lead = LeadSelector(setup.listen, self._given_voices)
        self._plan = FollowedPlan(setup.listen)
        self._sounding = SoundingVoices()

    def prepare(self) -> None:
        model = ChoraleModel(models.load(self.setup.require_model("harmoniser"), engine="harmoniser"))
        self._writer = CausalWriter(model)
        self._look_ahead = LookAhead(model, self.values, self._plan)
        self._look_ahead.warm_up()
        self.reset({}, 0.0, 0)

    def reset(self, known: Melodies, beat: float, seed: int) -> None:
        self._lead.reset(known)
        self._plan.clear()
        self._sounding.clear()
        self._writer.reseed(seed & SEEDS)
        self._look_ahead.reset(seed, self._lead.has_live_source)
        self._composition = Composition()
        self._home = HeardHome()
        self._given: GivenKeys = {}  # the leading keys, as last harmonised
        self._frame: int | None = math.ceil(beat / STEP - EPSILON)  # number of the 16th that sounds or is next
        self._struck: set[str] = set()  # voices struck in `_frame`
        self._late_keys: LateKeys | None = None
        self._chord_start = -math.inf  # beat of the first key of the last chord
        self._waiting: float | None = None  # beat at which the leading key was released while others are held
        self._octaves = 0  # semitones by which the voices sound lower than they are written, under a low soprano
        self._bar, self._tempo = 4.0, 120.0  # beats per bar, beats per minute
        self._until = -math.inf  # end of the last window; −∞: no window yet, the transport is stopped
        self._window: Window | None = None  # the last one

    def anticipate(self, known: Melodies, beat: float, seed: int, window: Window) -> None:
        """Harmonise the beginning of a known melody."""
        lead, frame = LeadSelector(self.setup.listen, self._given_voices), math.ceil(window.start / STEP - EPSILON)
        lead.reset(known)
        if (lines := lead.melody_lines(max(frame * STEP, window.start))) is not None:
            self._look_ahead.anticipate(lines, frame, seed, window)

    # the plan

    def learn(self, source: str, plan: Plan) -> Iterator[Action]:
        """Follow a plan; one that gives the present 16th another chord rewrites that."""
        beat = (self._frame or 0) * STEP
        chord, lines, melody = self._plan.chord(beat), self._lead.melody_lines(beat), set(self._plan.melody)
        if not self._plan.learn(source, plan):
            return
        self._lead.plan(source, self._plan.melody)
        since = min([plan.beat, *(note.onset for note in plan.melody if note not in melody)])
        self._look_ahead.replan(math.ceil(since / STEP - EPSILON), lines, self._lead.melody_lines(beat))
        if self._window is not None and self._frame is not None and self._plan.chord(beat) != chord:
            yield from self._rewrite(self._frame, self._window)

    def _rewrite(self, frame: int, window: Window) -> Iterator[Action]:
        """Play the present 16th again under another chord. What is harmonised ahead changes only with the next 16th."""
        beat, position = max(frame * STEP, window.start), position_of(frame, window)
        if not self._given_voices and self._plan.has_chords:
            yield from self._compose(frame, self._plan.sounding(beat), position, again=True)
        elif self._given and self._lead.live_source(beat, self._bar) is not None:
            yield from self._harmonise(frame, self._plan.sounding(beat), self._given, same_chord=True)

    # keys

    def listen(self, event: MidiEvent) -> Iterator[Action]:
        if not self._given_voices or not self._lead.hear(event):
            return
        source = self._lead.live_source(event.beat, self._bar)
        given = source.leading if source else {}
        if given == self._given:
            return
        if source is not None and given:
            if is_note_on(event.message) or self._takes_over(source):
                self._waiting = None
                yield from self._answer(event.beat, given)
            else:
                yield from self._wait(event.beat, source)
            return
        self._given, self._waiting = {}, None
        if self.options.release == "at once" or self._until == -math.inf:  # the transport is stopped: no 16th follows
            yield from self._let_go(event.beat, VOICES)
        else:
            yield from self._stop(event.beat, [v for v in VOICES if self._sounding.is_queued(event.beat, v)])

    def _takes_over(self, source: LiveSource) -> bool:
        """Whether a key leads, after the release of another one, that was struck after that one, in a legato."""
        held = source.held.values()
        let_go = [key.onset for key in self._given.values() if key not in held]
        new = [key.onset for key in source.leading.values() if key not in self._given.values()]
        return bool(let_go and new) and max(new) > max(let_go) + self._beats(MAX_GATHER / 1000)

    def _wait(self, beat: float, source: LiveSource) -> Iterator[Action]:
        """The leading key was released: its voice ends, the others hold their notes until another key leads."""
        self._waiting = beat if self._waiting is None else self._waiting
        held = source.held.values()
        yield from self._let_go(beat, [voice for voice, key in self._given.items() if key not in held])

    def _still_waits(self, beat: float, given: GivenKeys) -> bool:
        """Whether the `given` keys do not lead yet. Keys far below the one that led never do: a left hand."""
        assert self._waiting is not None
        last = max(key.pitch for key in self._given.values())
        if max(key.pitch for key in given.values()) < last - OCTAVE or beat < self._waiting + WAIT - EPSILON:
            return True
        self._waiting = None
        return False

    def _held_beats(self, beat: float, given: GivenKeys) -> float:
        return beat - max((key.onset for key in given.values()), default=beat)

    def _let_go(self, beat: float, voices: Iterable[str]) -> Iterator[Action]:
        for voice in voices:
            yield from self._sounding.let_go(beat, voice, beat + self._beats(LET_GO))

    def _beats(self, seconds: float) -> float:
        return seconds * self._tempo / 60

    def _answer(self, beat: float, given: GivenKeys) -> Iterator[Action]:
        """Harmonise changed keys now; the present 16th is rewritten. Later keys of a chord change it once, when all of
        them are gathered."""
        gather = self._beats(self.options.gather / 1000)
        same_chord = bool(self._given) and beat - self._chord_start < gather
        if not same_chord:
            self._chord_start = beat
        if same_chord or self.options.first_key == "with the chord":
            beat = max(beat, self._chord_start + gather)
        self._look_ahead.stop()
        if self._frame is not None and beat > self._frame * STEP + HALF_STEP and self._late_keys is None:
            self._late_keys = (self._writer.symbols, self._writer.held)
        yield from self._harmonise(math.floor(beat / STEP + 0.5), beat, given, same_chord, struck=True)

    def _harmonise(
        self, frame: int, beat: float, given: GivenKeys, same_chord: bool = False, struck: bool = False
    ) -> Iterator[Action]:
        """Play 16th number `frame` under the `given` keys: first the voices that the keys lead, then the others.

        `same_chord`: the keys complete the chord that was harmonised last. `struck`: a key was struck.
        """
        before, self._given = self._given, given
        known = [UNKNOWN] * len(VOICES)
        for voice, key in given.items():
            known[VOICES.index(voice)] = self._written(key.pitch, voice) - LOWEST
            if before.get(voice) is not key:
                self._struck.add(voice)
                yield self._sounding.play(beat, voice, key.pitch, key.velocity)
        if self._plan.rests(frame * STEP):
            yield from self._stop(beat, [voice for voice in VOICES if voice not in given])
            return
        position = 0 if self._window is None else position_of(frame, self._window)
        limits = planned_limits(self._plan, frame, position, struck)
        yield from self._write(beat, known, max(key.velocity for key in given.values()), same_chord, limits)

    def _written(self, pitch: int, voice: str) -> int:
        """The pitch with which the model is told a key. Under a low soprano all voices sound lower than written, so that
        none sounds above it; as long as possible, by as many octaves as before."""
        if voice != VOICES[0]:
            return fold(pitch + self._octaves, voice)
        low, high = RANGES[voice]
        if not low <= pitch + self._octaves <= high:
            self._octaves = min(max(fold(pitch, voice) - pitch, 0), MAX_OCTAVES)
        return fold(pitch + self._octaves, voice)

    def _write(
        self, beat: float, known: list[int], velocity: int, same_chord: bool, limits: ChordLimits | None
    ) -> Iterator[Action]:
        """Write this 16th, and play the voices that are not `known`."""
        struck = [voice in self._struck or self._sounding.note_at(beat, voice) is None for voice in VOICES]
        temperature, top_p = self.values["temperature"], self.values["top_p"]
        for note in self._writer.write(known, struck, temperature, top_p, same_chord, limits):
            voice = VOICES[note.voice]
            strike = not note.held and not same_chord and voice not in self._struck
            yield from self._move(beat, voice, note.symbol, velocity, strike)

    def _move(self, beat: float, voice: str, symbol: int, velocity: int, strike: bool) -> Iterator[Action]:
        """Play a symbol in a voice, if the voice does not sound it already. `velocity`: that of the leading note."""
        softened = round(velocity * VELOCITY_FACTORS[voice])
        action = self._sounding.move(beat, voice, LOWEST + symbol - self._octaves, softened, strike)
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
            self._look_ahead.stop()
            self._frame = None
        self._until = max(window.start, window.end)
        self._bar, self._tempo, self._window = max(window.meter, STEP), window.tempo, window
        if self._given_voices and self._lead.live_source(window.start, self._bar) is None:
            yield from self._play_melody(self._lead.melody_lines(window.start) or {}, window)
        first = math.ceil(window.start / STEP - EPSILON)
        last = math.ceil(window.end / STEP - EPSILON)
        for frame in range(max(first, last - MAX_WINDOW), last):
            yield from self._step(frame, max(frame * STEP, window.start), window)
        if len(self._given_voices) == 1 and self._lead.has_live_source and not self._look_ahead.is_running:
            self._writer.precompute(VOICES.index(self._given_voices[0]))

    def _step(self, frame: int, beat: float, window: Window) -> Iterator[Action]:
        """Play 16th number `frame`, from `beat` on."""
        self._frame = frame
        struck, self._struck = self._struck, set()
        late_keys, self._late_keys = self._late_keys, None
        position, sounding = position_of(frame, window), self._plan.sounding(beat)
        if not self._given_voices:
            yield from self._compose(frame, sounding, position)
        elif (source := self._lead.live_source(beat, self._bar)) is not None:
            self._look_ahead.stop()
            if late_keys is not None and source.leading and source.leading == self._given:
                voices_struck = [voice in struck for voice in VOICES]
                self._writer.move_to_next_step(*late_keys, position, voices_struck, self._heard(source.leading))
            else:
                yield from self._step_with_keys(frame, sounding, position, source.leading)
        elif (lines := self._lead.melody_lines(beat)) is not None:
            self._given = {}
            yield from self._step_with_melody(frame, beat, lines, window)
        else:
            self._given = {}
            self._look_ahead.stop()
            self._writer.restart(position)
            yield from self._stop(beat)

    def _step_with_keys(self, frame: int, beat: float, position: int, given: GivenKeys) -> Iterator[Action]:
        """Play the next 16th under the held keys, or silence after them."""
        self._writer.next_step(position, self._heard(given))
        if given and self._waiting is not None and self._still_waits(beat, given):
            given = self._given
            rests = True
        else:
            rests = given == self._given and self._held_beats(beat, given) >= REST_AFTER - EPSILON
        if given and rests and planned_limits(self._plan, frame, position) is None:
            return
        if given:
            delay = KEY_GRACE * self._tempo / 60 if given == self._given else 0.0
            yield from self._harmonise(frame, beat + delay, given)
        else:
            self._given = given
            yield from self._stop(beat)

    def _heard(self, given: GivenKeys) -> Hints:
        """What the keys so far tell about the next 16th."""
        self._home.hear(key.pitch for key in given.values())
        hints = no_hints(1)
        hints.home[0] = self._home.key
        return hints

    def _play_melody(self, lines: Lines, window: Window) -> Iterator[Action]:
        plan = self._plan if lines is self._lead.planned else None
        return melody_notes(lines, window, self._sounding, plan)

    def _step_with_melody(self, frame: int, beat: float, lines: Lines, window: Window) -> Iterator[Action]:
        """Play the next 16th of the best harmonisation of a known melody."""
        step = self._look_ahead.step(frame, lines, window)
        self._writer.continue_from(step)
        yield from self._play_harmony(step, frame, self._plan.sounding(beat), lines)
        self._look_ahead.extend(frame, window)

    def _play_harmony(self, step: ChoraleStep, frame: int, beat: float, lines: Lines) -> Iterator[Action]:
        """Play the voices for which the melody has no note in this 16th."""
        if step.rests or self._plan.rests(frame * STEP):
            yield from self._stop(beat, (voice for voice in VOICES if not self._sounding.has_duration(voice)))
            return
        if self._plan.in_ending(frame * STEP):
            return
        melody = {voice: line.at(frame) for voice, line in lines.items()}
        soprano = melody.get(VOICES[0])
        if soprano is not None and soprano.pitch is not None:
            self._octaves = min(max(LOWEST + int(step.symbols[0, 0]) - soprano.pitch, 0), MAX_OCTAVES)
        velocity = max(note.velocity for note in melody.values())
        for index, voice in enumerate(VOICES):
            symbol, held = int(step.symbols[0, index]), bool(step.held[0, index])
            if symbol < REST and (voice not in melody or melody[voice].pitch is None):
                yield from self._move(beat, voice, symbol, velocity, strike=not held)

    def _compose(self, frame: int, beat: float, position: int, again: bool = False) -> Iterator[Action]:
        """Compose 16th number `frame`, which sounds at `beat`. `again`: it was composed before, without its chord."""
        if self._plan.has_chords:
            step = planned_step(self._plan, frame, self._bar)
        else:
            step = self._composition.next_step(position)
        if step is None:
            yield from self._stop(beat)
            return
        if step.begins or (again and self._writer.symbols is None):
            self._writer.restart(position)
        if not again:
            self._writer.next_step(position, step.hints)
        if step.moves:
            limits = planned_limits(self._plan, frame, position)
            yield from self._write(beat, [UNKNOWN] * len(VOICES), step.velocity, again, limits)

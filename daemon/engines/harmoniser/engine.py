"""Four-part harmony in the style of Bach's chorales, for keys as they are played or a melody whose future is known."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

from daemon import models
from daemon.encodings.chorale import LOWEST, REST, UNKNOWN, VOICES
from daemon.engines.base import SEEDS, Engine, Setting, Setup
from daemon.engines.harmoniser.causal_writer import CausalWriter
from daemon.engines.harmoniser.choir import Choir
from daemon.engines.harmoniser.chord_limits import ChordLimits, chord_begins, planned_limits
from daemon.engines.harmoniser.composition import Composition, planned_step
from daemon.engines.harmoniser.density import Density
from daemon.engines.harmoniser.given_melody import Lines, melody_notes
from daemon.engines.harmoniser.home import HeardHome
from daemon.engines.harmoniser.leading_keys import MAX_GATHER, LeadingKeys
from daemon.engines.harmoniser.look_ahead import LookAhead, position_of
from daemon.engines.harmoniser.model import ChoraleModel
from daemon.engines.harmoniser.particle_filter import ChoraleStep
from daemon.engines.harmoniser.place import HOLD_COST
from daemon.engines.options import option
from daemon.engines.shared.draw import Ints
from daemon.engines.shared.followed_plan import FollowedPlan
from daemon.engines.shared.grid import MAX_WINDOW, REPEAT_BEATS
from daemon.engines.shared.lead import KEY_GRACE, GivenKeys, LeadSelector
from daemon.engines.shared.line import EPSILON, HALF_STEP, STEP
from daemon.music.events import Action, MidiEvent, Window, is_note_on
from daemon.music.melody import Melodies
from daemon.music.plan import Plan

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
        density: str = option("every note", "when the other voices move", choices=tuple(each.value for each in Density))
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
        longest = 1000 * MAX_GATHER
        if not 0 <= setup.options.gather <= longest:
            yield "gather", f"is {setup.options.gather:g}: give milliseconds from 0 to {longest:g}"

    @classmethod
    def gives_way(cls, options: Options) -> bool:
        """A melody makes room for keys, a chorale that is composed does not."""
        return any(voice in options.given for voice in VOICES)

    def __init__(self, setup: Setup[Options]) -> None:
        super().__init__(setup)
        self._given_voices = tuple(voice for voice in VOICES if voice in self.options.given)
        self._lead = LeadSelector(setup.listen, self._given_voices)
        self._plan, self._density = FollowedPlan(setup.listen), Density(self.options.density)

    def prepare(self) -> None:
        model = ChoraleModel(models.load(self.setup.require_model("harmoniser"), engine="harmoniser"))
        self._writer = CausalWriter(model)
        self._look_ahead = LookAhead(model, self.values, self._plan, self._density)
        self._look_ahead.warm_up()
        self.reset({}, 0.0, 0)

    def reset(self, known: Melodies, beat: float, seed: int) -> None:
        self._lead.reset(known)
        self._plan.clear()
        self._writer.reseed(seed & SEEDS)
        self._look_ahead.reset(seed, self._lead.has_live_source)
        self._composition = Composition()
        self._home = HeardHome()
        self._keys, self._choir = LeadingKeys(), Choir()
        self._frame: int | None = math.ceil(beat / STEP - EPSILON)  # number of the 16th that sounds or is next
        self._late_keys: LateKeys | None = None
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
        elif self._keys.given and self._lead.live_source(beat, self._bar) is not None:
            yield from self._harmonise(frame, self._plan.sounding(beat), self._keys.given, same_chord=True)

    # keys

    def listen(self, event: MidiEvent) -> Iterator[Action]:
        if not self._given_voices or not self._lead.hear(event):
            return
        source = self._lead.live_source(event.beat, self._bar)
        given = source.leading if source else {}
        if given == self._keys.given:
            return
        if source is not None and given:
            if is_note_on(event.message) or self._keys.takes_over(source, self._tempo):
                self._keys.lead_now()
                yield from self._answer(event.beat, given)
            else:
                yield from self._choir.let_go(event.beat, self._tempo, self._keys.wait(event.beat, source))
            return
        self._keys.clear()
        if self.options.release == "at once" or self._until == -math.inf:  # the transport is stopped: no 16th follows
            yield from self._choir.let_go(event.beat, self._tempo)
        else:
            yield from self._choir.stop_queued(event.beat)

    def _answer(self, beat: float, given: GivenKeys) -> Iterator[Action]:
        """Harmonise changed keys now; the present 16th is rewritten. Later keys of a chord change it once, when all of
        them are gathered."""
        waits = self.options.first_key == "with the chord"
        beat, same_chord = self._keys.gathered(beat, self.options.gather / 1000 * self._tempo / 60, waits)
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
        before, self._keys.given = self._keys.given, given
        known = [UNKNOWN] * len(VOICES)
        for voice, key in given.items():
            known[VOICES.index(voice)] = self._choir.register.written(key.pitch, voice) - LOWEST
            if before.get(voice) is not key:
                yield self._choir.lead(beat, voice, key)
        if self._plan.rests(frame * STEP):
            yield from self._choir.stop(beat, [voice for voice in VOICES if voice not in given])
            return
        position = 0 if self._window is None else position_of(frame, self._window)
        limits = planned_limits(self._plan, frame, position, struck)
        moves = self._density.moves(position, not struck and self._keys.is_long(frame * STEP))
        keeps = not (moves or chord_begins(self._plan, frame) or self._choir.is_silent(beat, given))
        velocity = max(key.velocity for key in given.values())
        for note in self._writer.keep(known) if keeps else ():
            yield from self._choir.move(beat, VOICES[note.voice], note.symbol, velocity, strike=False)
        yield from self._write(beat, known, velocity, same_chord, limits)

    def _write(
        self, beat: float, known: list[int], velocity: int, same_chord: bool, limits: ChordLimits | None
    ) -> Iterator[Action]:
        """Write this 16th, and play the voices that are not `known`."""
        struck = self._choir.begins(beat)
        temperature, top_p = self.values["temperature"], self.values["top_p"]
        for note in self._writer.write(known, struck, temperature, top_p, same_chord, limits):
            voice = VOICES[note.voice]
            strike = not note.held and not same_chord and voice not in self._choir.struck
            yield from self._choir.move(beat, voice, note.symbol, velocity, strike)

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
        struck, self._choir.struck = self._choir.struck, set()
        late_keys, self._late_keys = self._late_keys, None
        position, sounding = position_of(frame, window), self._plan.sounding(beat)
        if not self._given_voices:
            yield from self._compose(frame, sounding, position)
        elif (source := self._lead.live_source(beat, self._bar)) is not None:
            self._look_ahead.stop()
            if late_keys is not None and source.leading and source.leading == self._keys.given:
                voices_struck = [voice in struck for voice in VOICES]
                self._writer.move_to_next_step(*late_keys, position, voices_struck, self._home.hints(source.leading))
            else:
                yield from self._step_with_keys(frame, sounding, position, source.leading)
        elif (lines := self._lead.melody_lines(beat)) is not None:
            self._keys.clear()
            yield from self._step_with_melody(frame, beat, lines, window)
        else:
            self._keys.clear()
            self._look_ahead.stop()
            self._writer.restart(position)
            yield from self._choir.stop(beat)

    def _step_with_keys(self, frame: int, beat: float, position: int, given: GivenKeys) -> Iterator[Action]:
        """Play the next 16th under the held keys, or silence after them."""
        hold_cost = HOLD_COST if self._keys.holds(beat, given) else 0.0
        self._writer.next_step(position, self._home.hints(given), hold_cost)
        given, rests = self._keys.at(beat, given)
        if rests and planned_limits(self._plan, frame, position) is None:
            return
        if given:
            delay = KEY_GRACE * self._tempo / 60 if given == self._keys.given else 0.0
            yield from self._harmonise(frame, beat + delay, given)
        else:
            self._keys.clear()
            yield from self._choir.stop(beat)

    def _play_melody(self, lines: Lines, window: Window) -> Iterator[Action]:
        plan = self._plan if lines is self._lead.planned else None
        return melody_notes(lines, window, self._choir.sounding, plan)

    def _step_with_melody(self, frame: int, beat: float, lines: Lines, window: Window) -> Iterator[Action]:
        """Play the next 16th of the best harmonisation of a known melody."""
        step = self._look_ahead.step(frame, lines, window)
        self._writer.continue_from(step)
        yield from self._play_harmony(step, frame, self._plan.sounding(beat), lines)
        self._look_ahead.extend(frame, window)

    def _play_harmony(self, step: ChoraleStep, frame: int, beat: float, lines: Lines) -> Iterator[Action]:
        """Play the voices for which the melody has no note in this 16th."""
        if step.rests or self._plan.rests(frame * STEP):
            yield from self._choir.stop(
                beat, (voice for voice in VOICES if not self._choir.sounding.has_duration(voice))
            )
            return
        if self._plan.in_ending(frame * STEP):
            return
        melody = {voice: line.at(frame) for voice, line in lines.items()}
        soprano = melody.get(VOICES[0])
        if soprano is not None and soprano.pitch is not None:
            self._choir.register.follow(int(step.symbols[0, 0]), soprano.pitch)
        velocity = max(note.velocity for note in melody.values())
        for index, voice in enumerate(VOICES):
            symbol, held = int(step.symbols[0, index]), bool(step.held[0, index])
            if symbol < REST and (voice not in melody or melody[voice].pitch is None):
                yield from self._choir.move(beat, voice, symbol, velocity, strike=not held)

    def _compose(self, frame: int, beat: float, position: int, again: bool = False) -> Iterator[Action]:
        """Compose 16th number `frame`, which sounds at `beat`. `again`: it was composed before, without its chord."""
        step = planned_step(self._plan, frame) if self._plan.has_chords else self._composition.next_step(position)
        if step is None:
            yield from self._choir.stop(beat)
            return
        if step.begins or (again and self._writer.symbols is None):
            self._writer.restart(position)
        if not again:
            self._writer.next_step(position, step.hints)
        if step.moves:
            limits = planned_limits(self._plan, frame, position)
            yield from self._write(beat, [UNKNOWN] * len(VOICES), step.velocity, again, limits)

"""The engine `drums`: continues a groove in time with the clock, as intensely as the players listened to play."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import ClassVar

import numpy as np

from daemon import models
from daemon.encodings.drums.hits import TICKS, Conditioning
from daemon.engines.base import SEEDS, Engine, Setting, Setup, turned_on
from daemon.engines.drums.drummer import DrawSettings, Drummer, PrimedState, prime
from daemon.engines.drums.dynamics import CROSS_STICK_BELOW, Intensity
from daemon.engines.drums.feels import FULLER, SOFTER, SOFTER_IN_BAND, groove_of, on_cymbal, own_swing, replaceable
from daemon.engines.drums.fills import Fills
from daemon.engines.drums.flams import CLOSEST, Flams
from daemon.engines.drums.intensity import IntensityFollower
from daemon.engines.drums.kit import HATS, KIT_VOICES, OPEN_HAT, PIECE_OF, PIECES, Kit, PlayableHits
from daemon.engines.drums.model import drums_model
from daemon.engines.drums.options import OF_GROOVE, DrumsOptions
from daemon.engines.drums.primer import NEAR, SHORTEST_BAR, Note, Primer, find_groove, groove_at_random, shipped_grooves
from daemon.engines.drums.swing import swung, unswung
from daemon.engines.shared.followed_plan import FollowedPlan
from daemon.engines.shared.grid import REPEAT_BEATS
from daemon.engines.shared.line import EPSILON, STEP
from daemon.errors import ModelError
from daemon.music.events import Action, MidiEvent, Play, Stop, Window
from daemon.music.feel import Feel
from daemon.music.melody import Melodies
from daemon.music.plan import BREAK, ENDING, Plan
from daemon.suggestions import suggestion

HARDEST = 20  # velocities over which strokes of 127 are spread, which stands for all harder ones in the data
MAX_LATENESS = 0.1  # beats; a hit that is later is left out
PHRASE = 8  # bars after which the drummer returns to its groove; without a return, the groove is lost within an hour
# Steps per unit of the requested loudness and density (hits per beat): equal requests need no model run.
REQUEST_STEPS = 16
LOUDNESS_DOUBLINGS, DENSITY_DOUBLINGS = 1.2, 2.0  # of what is requested, per unit; at 0.5 it is the groove's
FULL_CHANCE = 3.2  # probability that the next 16th does not stay empty, per unit of density above 0.5
QUIET = 1.0  # beats of silence after which no hit is left out


class Drums(Engine):
    """Plays the hits of a Drummer, one 16th at a time."""

    needs_model: ClassVar[bool] = True
    voices: ClassVar[tuple[str, ...]] = KIT_VOICES
    channel: ClassVar[int | None] = 10  # drums in General MIDI
    monophonic: ClassVar[bool] = False
    tolerance: ClassVar[float] = 0.05
    Options = DrumsOptions
    settings: ClassVar[tuple[Setting, ...]] = (
        Setting("intensity", 0.0, 1.0, 0.5, "how loud and dense the playing is; 0.5: as dense as the groove"),
        Setting("follow", 0.0, 1.0, 0.7, "how much the players listened to set the intensity, while they play"),
        Setting("fill_every", 0.0, 16.0, 8.0, "bars from fill to fill; 0: fills on demand only"),
        Setting("fill", 0.0, 1.0, 0.0, "turned up to 0.5 or more: a fill at once"),
        Setting("swing", 50.0, 75.0, 50.0, "onset of the second of two notes, in percent of both; 50: unchanged"),
        Setting("temperature", 0.0, 1.5, 0.9, "how freely hits are drawn; 0: always the most likely one"),
        Setting("top_p", 0.05, 1.0, 0.95, "only the likeliest hits that together have this probability are drawn"),
    )

    options: DrumsOptions

    def __init__(self, setup: Setup[DrumsOptions]) -> None:
        super().__init__(setup)
        self._swing_pair = TICKS if self.options.swing_of == "eighths" else TICKS // 2
        self._kit = Kit(self.options)
        self._plan = FollowedPlan(setup.listen)

    @classmethod
    def mistakes(cls, setup: Setup[DrumsOptions]) -> Iterator[tuple[str, str]]:
        yield from Kit(setup.options).mistakes()
        try:
            find_groove(setup.options.groove)
        except ModelError as error:
            yield "groove", str(error)
        style = setup.options.style
        if style != OF_GROOVE and setup.model is not None:
            try:
                styles = models.read_sidecar(setup.model).names("styles")
            except ModelError:
                return  # reported under `model:`
            if style not in styles:
                remedy = suggestion(style, styles) if styles else ": it has none, remove the option"
                yield "style", f"{style!r} is not a style of the model {setup.model.name}{remedy}"

    def prepare(self) -> None:
        path = self.setup.require_model("drums")
        if mistakes := [f"`{option}`: {problem}" for option, problem in self.mistakes(self.setup)]:
            raise ModelError(f"drums: {'; '.join(mistakes)}")
        self._groove = find_groove(self.options.groove)  # None: chosen at random
        shipped_grooves()
        artifact = models.load(path, engine="drums")
        self._model = drums_model(artifact)
        self._primed: dict[Primer, PrimedState] = {}
        self._bar = 4 * TICKS  # length of the present bar
        self.reset({}, 0.0, 0)
        for _ in self.generate(Window(0.0, 0.25, 0.0, 4.0, 120.0)):  # the first run of a model is slow
            pass
        self.reset({}, 0.0, 0)

    def reset(self, known: Melodies, beat: float, seed: int) -> None:
        self._random = np.random.default_rng(seed & SEEDS)
        self._draw = float(self._random.random())
        self._follower, self._fills = IntensityFollower(), Fills(self._random)
        self._flams = Flams(self._random)
        self._plan.clear()
        self._feel: Feel | None = None  # that is planned for the present window
        self._groove_feel: tuple[str, bool] | None = None  # name and meter of the feel whose groove is played
        self._struck: dict[int, tuple[float, bool]] = {}  # beat of the last hit of a piece, and whether it replaced one
        self._drummer: Drummer | None = None
        self._returned = 0  # tick of the last return to the groove
        self._zero = 0.0  # beat of the drummer's tick 0
        self._running = False  # whether a window was played; a setting changed before that is only restored
        self._hat_is_open = False
        self._last_onset = beat
        self._until = -math.inf  # end of the last window
        self._bar_start, self._bar_number, self._meter = beat, 0, math.inf  # beats; number from 0; beats per bar
        self._primed_for(self._bar)

    def control(self, name: str, value: float, beat: float) -> Iterable[Action | Plan]:
        if name == "fill" and self._running and turned_on(self.values[name], value):
            self._fills.request()
        return super().control(name, value, beat)

    def listen(self, event: MidiEvent) -> Iterator[Action]:
        if event.source in self.setup.listen and event.source != self._plan.source:
            self._follower.hear(event)
        return iter(())

    def learn(self, source: str, plan: Plan) -> Iterable[Action | Plan]:
        if self._plan.learn(source, plan):
            self._primed_for(self._bar, self._plan.feel(plan.beat))  # ahead, as this takes a while
        return ()

    def generate(self, window: Window) -> Iterator[Action]:
        if self._until - REPEAT_BEATS < window.start < self._until:  # requested again, in part or as a whole
            window = replace(window, start=min(self._until, window.end))
        elif not self._until <= window.start <= self._until + 2 * window.meter:  # a jump without a reset
            self._drummer = None
        if window.end <= window.start:
            return
        self._until, self._running, self._feel = window.end, True, self._plan.feel(window.start)
        self._intensity = self._intensity_at(window)
        drummer = self._drummer_at(window)
        drummer.swing = swing = self._swing
        line, number = self._tick(window.bar_start), self._count_bars(window)
        now, end = unswung(self._tick(window.start), *swing), self._tick(window.end)
        if self._plan_fills(window, now, line, number):
            drummer.discard_upcoming()
        return_at = line + self._bar if (number + 1) % PHRASE == 0 else None
        while True:
            if (note := drummer.upcoming) is None:
                fill = self._fills.covers(max(now, drummer.last + NEAR))
                note = drummer.draw(now, self._draw_settings(window, fill))
            if return_at is not None and self._returned < return_at - NEAR <= note.tick:
                self._returned = return_at
                drummer.return_to_groove(return_at)
            elif (accent := self._fills.accent) is not None and note.tick >= accent - NEAR:
                self._fills.accent = None
                drummer.queue_accent(accent, note, window.tempo, self._fills.accents_change)
            else:
                tick = swung(note.tick, *swing)
                onset = self._zero + tick / TICKS
                yield from self._first_stroke(note, onset, window)
                if tick >= end:
                    return
                yield from self._sound(note, onset, window)  # sent before the model runs
                drummer.strike(window.tempo)

    def _plan_fills(self, window: Window, now: int, line: int, number: int) -> bool:
        """Schedule the fill of this bar, if any; whether it was requested. Where sections are planned, fills lead from
        one to the next."""
        every, section = round(self.values["fill_every"]), self._plan.section(window.start)
        change = self._plan.next_section(window.start)
        tick = None if change is None or self._plan.ends_silently(change) else self._tick(change.onset)
        self._fills.plan_change(now, tick, self._bar, every > 0 and (section is None or section.name != BREAK))
        return self._fills.plan(now, line, self._bar, number, 0 if section is not None else every)

    def _count_bars(self, window: Window) -> int:
        """The bar's number, from 0; counted while playing, as earlier bars may have had another length."""
        if self._meter == math.inf or window.bar_start < self._bar_start:
            self._bar_number = round(window.bar_start / window.meter)
        else:
            self._bar_number += math.ceil((window.bar_start - self._bar_start) / self._meter - EPSILON)
        self._bar_start, self._meter = window.bar_start, window.meter
        return self._bar_number

    def _drummer_at(self, window: Window) -> Drummer:
        """The drummer of the last window; at the start, and if the bar changes, a new one that enters now."""
        bar, previous = max(round(window.meter * TICKS), SHORTEST_BAR), self._drummer
        feel = None if self._feel is None else (self._feel.name, self._feel.is_compound)
        keeps_groove = feel == self._groove_feel or window.start >= window.bar_start + STEP
        if previous is not None and keeps_groove and bar == self._bar and self._is_bar_line(window.bar_start):
            return previous
        primed, self._bar, self._groove_feel = self._primed_for(bar, self._feel), bar, feel
        self._primer, zero = primed.primer, window.bar_start - primed.primer.length / TICKS
        shift = round((self._zero - zero) * TICKS)
        playable = previous.playable.copy(shift) if previous else PlayableHits(self._kit.silent)
        self._loudness, self._density = self._primer.loudness, self._primer.density * TICKS
        self._fills.restart()
        self._returned, self._zero = 0, zero
        drummer = self._drummer = Drummer(self._model, primed, playable, self._random)
        drummer.swing = self._swing
        drummer.enter(self._tick(window.start) - drummer.origin, window.tempo)
        return drummer

    def _is_bar_line(self, beat: float) -> bool:
        return self._tick(beat) % self._bar in (0, 1, self._bar - 1)

    def _primed_for(self, bar: int, feel: Feel | None = None) -> PrimedState:
        """The model's state after the groove, in bars of `bar` ticks; computed once, as this takes a while."""
        groove = self._groove or (groove_of(feel.name, bar, feel.is_compound) if feel is not None else None)
        primer = (groove or groove_at_random(bar, self.options.style, self._draw)).fit(bar)
        if primer not in self._primed:
            self._primed[primer] = prime(self._model, primer)
        return self._primed[primer]

    def _tick(self, beat: float) -> int:
        """The drummer's tick at `beat`."""
        return round((beat - self._zero) * TICKS)

    @property
    def _swing(self) -> tuple[int, int, float, float]:
        if self._feel is not None:
            return self._bar, TICKS, self._feel.swing / 100, own_swing(self._primer)
        return self._bar, self._swing_pair, self.values["swing"] / 100, 0.5

    def _intensity_at(self, window: Window) -> Intensity:
        heard, weight = self._follower.heard(window.start, window.meter)
        own, softer = self.values["intensity"], 0.0
        if self._feel is not None:
            own = min(max(self._feel.energy + own - 0.5, 0.0), 1.0)
            softer = SOFTER.get(self._feel.name, SOFTER_IN_BAND)
        alone, share = Intensity(own - softer, max(own - softer / 2, 0.0)), self.values["follow"] * weight
        return Intensity(*(round(a + share * (b - a), 2) for a, b in zip(alone, heard, strict=True)))  # rarely changes

    def _draw_settings(self, window: Window, fill: bool) -> DrawSettings:
        style = self._primer.style if self.options.style == OF_GROOVE else self.options.style
        loudness = min(self._loudness * 2 ** (LOUDNESS_DOUBLINGS * (self._intensity.loudness - 0.5)), 1.0)
        density = self._density * 2 ** (DENSITY_DOUBLINGS * (self._intensity.density - 0.5))
        loudness, density = (round(value * REQUEST_STEPS) / REQUEST_STEPS for value in (loudness, density))
        conditioning = Conditioning(style, fill, loudness, density)
        dense = FULL_CHANCE * max(self._intensity.density - 0.5, 0.0) + FULLER * self._variation
        return DrawSettings(conditioning, dense, self.values["temperature"], self.values["top_p"], window.tempo)

    @property
    def _variation(self) -> int:
        return 0 if self._feel is None else self._feel.variation

    def _is_silent(self, onset: float) -> bool:
        """Whether a hit at `onset` is left out after the accent of a break or an ending."""
        place = onset + NEAR / TICKS  # a hit a little before a section belongs to that section
        section = self._plan.section(place)
        if section is None:
            return self._plan.is_over(place)
        if self._plan.ends_silently(section):
            return True
        return section.name in (BREAK, ENDING) and place > section.onset + 2 * NEAR / TICKS

    def _sound(self, note: Note, onset: float, window: Window) -> Iterator[Action]:
        softer = self._intensity.instrument(note)
        if self._kit.note(softer) is None:
            softer = note.instrument
        instrument = on_cymbal(softer, self._variation)
        piece, replaces = PIECES[PIECE_OF[instrument]], instrument != note.instrument
        pitch = None if self._is_silent(onset) else self._kit.note(instrument)
        omission = self._intensity.omission(note, self._primer.beat)
        omitted = self._random.random() < omission and onset < self._last_onset + QUIET
        # the drummer keeps the hits that it draws apart, not those that are struck on another piece
        last, replaced = self._struck.get(replaceable(instrument), (-math.inf, False))
        close = (replaces or replaced) and onset - last < piece.apart * window.tempo / 60
        if pitch is None or onset < window.start - MAX_LATENESS or omitted or close:
            return
        self._last_onset = onset
        onset = max(onset, window.start)
        if self._hat_is_open and instrument in HATS:
            yield Stop(onset, "hihat")
        self._hat_is_open = instrument == OPEN_HAT if instrument in HATS else self._hat_is_open
        self._struck[replaceable(instrument)] = onset, replaces
        yield Play(onset, pitch, self._velocity(note), piece.voice, piece.beats)

    def _first_stroke(self, note: Note, onset: float, window: Window) -> Iterator[Action]:
        """The first stroke of the next hit's flam, if it falls into the window; none in soft or sparse playing."""
        piece, second, pitch = PIECES[PIECE_OF[note.instrument]], window.tempo / 60, self._kit.note(note.instrument)
        soft = self._intensity.loudness < CROSS_STICK_BELOW or self._intensity.omission(note, self._primer.beat)
        if soft or pitch is None or self._is_silent(onset):
            return
        last = self._struck.get(replaceable(note.instrument), (-math.inf, False))[0]
        earliest = max(window.start, last + piece.apart * second)
        if first := self._flams.take(note, (onset - earliest) / second, (onset - window.end) / second):
            velocity = self._intensity.velocity(first.velocity)
            yield Play(onset - first.ahead * second, pitch, velocity, piece.voice, CLOSEST * second)

    def _velocity(self, note: Note) -> int:
        hardest = int(self._random.integers(HARDEST)) if note.velocity == 127 else 0
        return self._intensity.velocity(note.velocity - hardest)

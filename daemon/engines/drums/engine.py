"""A drummer: goes on from a groove, in time with the clock, as intensely as those whom it listens to."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import ClassVar

import numpy as np

from daemon import models
from daemon.encodings.drums.hits import TICKS, Conditioning
from daemon.engines.base import SEEDS, Option, Setting, Setup, turned_on
from daemon.engines.drums.drummer import DrawSettings, Drummer, PrimedState, on_quarter, prime
from daemon.engines.drums.fills import Fills
from daemon.engines.drums.intensity import IntensityFollower
from daemon.engines.drums.kit import HATS, KICK, OPEN_HAT, PIECE_OF, PIECES, VOICES, Kit, PlayableHits
from daemon.engines.drums.model import drums_model
from daemon.engines.drums.primer import (
    NEAR,
    RANDOM,
    SHORTEST_BAR,
    Note,
    Primer,
    find_groove,
    groove_at_random,
    shipped_grooves,
)
from daemon.engines.drums.swing import swung, unswung
from daemon.engines.shared.line import EPSILON
from daemon.errors import ModelError
from daemon.music.events import Action, MidiEvent, Play, Stop, Window
from daemon.music.melody import Melodies

LATE = 0.1  # beats by which a hit may come after its place rather than not at all
BACK = 16.0  # beats: what is asked for again lies less far back than this, else it is a jump
OF_GROOVE = "of the groove"
PHRASE = 8  # bars after which it goes back to the groove that it started from: else it would forget it in an hour
FINE = 16  # steps of loudness, and of density to a hit per beat: an old wish is answered without the net
SPAN = 1.2  # octaves of loudness, and of the density that is asked for, for each unit of intensity; 0.5: as the groove
DENSE = 1.2  # the chance that no 16th is left empty, for each unit of intensity above 0.5
QUIET = 1.0  # beats after which even a soft hit sounds
FAINT = 100.0  # the velocity of what is left out off the quarters, for each unit of intensity below 0.5


class Drums:
    """Writes 16th by 16th what its Drummer plays next."""

    needs_model: ClassVar[bool] = True
    voices: ClassVar[tuple[str, ...]] = VOICES
    channel: ClassVar[int] = 10  # of all voices, unless the configuration says otherwise: General MIDI's
    monophonic: ClassVar[bool] = False
    lead: ClassVar[float] = 0.03
    tolerance: ClassVar[float] = 0.05
    options: ClassVar[tuple[Option, ...]] = (
        Option("groove", RANDOM, "what it starts from: one that ships, a MIDI file, or random", file=True),
        Option("style", OF_GROOVE, "a style that the model knows, if not that of the groove"),
        Option("swing_of", "eighths", "the notes that the setting swing delays", ("eighths", "sixteenths")),
        *(Option(piece.name, float(piece.note), "its MIDI note, -1: not played") for piece in PIECES),
    )  # fmt: skip
    settings: ClassVar[tuple[Setting, ...]] = (
        Setting("intensity", 0.0, 1.0, 0.5, "how hard and densely it plays; 0.5: like the groove"),
        Setting("follow", 0.0, 1.0, 0.7, "how far those it listens to set the intensity instead, while they play"),
        Setting("fill_every", 0.0, 16.0, 8.0, "bars from fill to fill; 0: none but on demand"),
        Setting("fill", 0.0, 1.0, 0.0, "turned up to 0.5 or more: a fill, at once"),
        Setting("swing", 50.0, 75.0, 50.0, "where the second of two notes begins, in percent; 50: as it is played"),
        Setting("temperature", 0.0, 1.5, 0.9, "how free the playing is; 0: always the most likely"),
        Setting("top_p", 0.05, 1.0, 0.95, "only the likeliest hits that together have this probability are drawn"),
    )  # fmt: skip

    def __init__(self, setup: Setup) -> None:
        self._settings = {s.name: float(setup.settings.get(s.name, s.default)) for s in self.settings}
        self._groove = str(setup.options.get("groove", RANDOM))
        self._style = str(setup.options.get("style", OF_GROOVE))
        self._swing_of = TICKS if setup.options.get("swing_of", "eighths") == "eighths" else TICKS // 2
        self._kit = Kit(setup.options)
        self._setup, self._listen = setup, setup.listen

    @classmethod
    def mistakes(cls, setup: Setup) -> Iterator[tuple[str, str]]:
        yield from Kit(setup.options).mistakes()
        try:
            find_groove(str(setup.options.get("groove", RANDOM)))
        except ModelError as error:
            yield "groove", str(error)
        style = setup.options.get("style", OF_GROOVE)
        if style != OF_GROOVE and setup.model is not None:
            try:
                known = models.read_sidecar(setup.model).names("styles")
            except ModelError:
                return  # that is told where the model is named
            if style not in known:
                names = ", ".join(known) or "none: leave the line out"
                yield "style", f"{style!r} is none of the styles of {setup.model.name}: there are {names}"

    def prepare(self) -> None:
        path = self._setup.model
        if path is None:
            raise ModelError("the drummer has no model: name one under `model:`, for instance drums")
        if wrong := [f"`{option}`: {what}" for option, what in self.mistakes(self._setup)]:
            raise ModelError(f"drums: {'; '.join(wrong)}")
        self._chosen = find_groove(self._groove)
        shipped_grooves()
        artifact = models.load(path, engine="drums")
        self._model = drums_model(artifact)
        self._homes: dict[Primer, PrimedState] = {}
        self._bar = 4 * TICKS  # of the bar, as far as is known
        self.reset({}, 0.0, 0)
        for _ in self.generate(Window(0.0, 0.25, 0.0, 4.0, 120.0)):  # the first run of a model is slow
            pass
        self.reset({}, 0.0, 0)

    def reset(self, known: Melodies, beat: float, seed: int) -> None:
        self._random = np.random.default_rng(seed & SEEDS)
        self._draw = float(self._random.random())
        self._ear, self._fills = IntensityFollower(), Fills(self._random)
        self._drummer: Drummer | None = None
        self._went_home = 0  # tick where it last went back to its groove
        self._zero = 0.0  # beat at which the drummer's time begins
        self._running = False  # whether it has played since: before, settings are only put where they were
        self._open = False  # whether the hi-hat sounds open
        self._sounded = beat  # beat of the last hit
        self._until = -math.inf  # end of the last window
        self._line, self._number, self._meter = beat, 0, math.inf  # beat and number of the bar, from 0; beats in it
        self._home_in(self._bar)

    def control(self, name: str, value: float, beat: float) -> Iterable[Action]:
        before = self._settings.get(name, value)
        if name == "fill" and self._running and turned_on(before, value):
            self._fills.ask()
        if name in self._settings:
            self._settings[name] = value
        return ()

    def listen(self, event: MidiEvent) -> Iterator[Action]:
        if event.source in self._listen:
            self._ear.hear(event)
        return iter(())

    def generate(self, window: Window) -> Iterator[Action]:
        if self._until - BACK < window.start < self._until:  # asked for again, in part or as a whole
            window = replace(window, start=min(self._until, window.end))
        elif not self._until <= window.start <= self._until + 2 * window.meter:  # a jump that nobody told of
            self._drummer = None
        if window.end <= window.start:
            return
        self._until, self._running, self._intensity = window.end, True, self._intensity_at(window)
        drummer = self._come_in(window)
        drummer.swing = self._swing
        line, number = self._tick(window.bar_start), self._count(window)
        now, end = unswung(self._tick(window.start), *self._swing), self._tick(window.end)
        if self._fills.plan(now, line, self._bar, number, self._fill_every):
            drummer.think_again()
        home = line + self._bar if (number + 1) % PHRASE == 0 else None
        while True:
            if (note := drummer.ahead) is None:
                fill = self._fills.at(max(now, drummer.last + NEAR))
                note = drummer.draw(now, self._manner(window, fill))
            if home is not None and self._went_home < home - NEAR <= note.tick:
                self._went_home = home
                drummer.go_home(home)
            elif (landing := self._fills.landing) is not None and note.tick >= landing - NEAR:
                self._fills.landing = None
                drummer.land(landing, note, window.tempo)
            elif (tick := swung(note.tick, *self._swing)) < end:
                yield from self._sound(note, self._zero + tick / TICKS, window)  # sent before the model thinks on
                drummer.strike(window.tempo)
            else:
                return

    def _count(self, window: Window) -> int:
        """The number of the bar, from 0. As bars of another length may have gone before, it counts while it plays."""
        if self._meter == math.inf or window.bar_start < self._line:
            self._number = round(window.bar_start / window.meter)
        else:
            self._number += math.ceil((window.bar_start - self._line) / self._meter - EPSILON)
        self._line, self._meter = window.bar_start, window.meter
        return self._number

    def _come_in(self, window: Window) -> Drummer:
        """Whoever is playing; at the beginning, and where other bars begin, somebody who comes in now."""
        bar, before = max(round(window.meter * TICKS), SHORTEST_BAR), self._drummer
        if before is not None and bar == self._bar and self._tick(window.bar_start) % bar in (0, 1, bar - 1):
            return before
        home, self._bar = self._home_in(bar), bar
        self._primer, zero = home.primer, window.bar_start - home.primer.length / TICKS
        reach = before.reach.copy(round((self._zero - zero) * TICKS)) if before else PlayableHits(self._kit.silent)
        self._loudness, self._density = home.primer.loudness, home.primer.density * TICKS
        self._fills.begin()
        self._went_home, self._zero = 0, zero
        drummer = self._drummer = Drummer(self._model, home, reach, self._random)
        drummer.swing = self._swing
        drummer.come_in(self._tick(window.start) - drummer.origin, window.tempo)
        return drummer

    def _home_in(self, bar: int) -> PrimedState:
        """Made once for every groove and bar: it takes a while."""
        primer = (self._chosen or groove_at_random(bar, self._style, self._draw)).fit(bar)
        if primer not in self._homes:
            self._homes[primer] = prime(self._model, primer)
        return self._homes[primer]

    def _tick(self, beat: float) -> int:
        """In the drummer's time."""
        return round((beat - self._zero) * TICKS)

    @property
    def _swing(self) -> tuple[int, int, float]:
        return self._bar, self._swing_of, self._settings["swing"] / 100

    @property
    def _fill_every(self) -> int:
        return round(self._settings["fill_every"])

    def _intensity_at(self, window: Window) -> float:
        heard, counts = self._ear.intensity(window.start, window.meter)
        own = self._settings["intensity"]
        follows = self._settings["follow"] * counts
        return round(own + follows * (heard - own), 2)  # so that it stays the same for a while

    def _manner(self, window: Window, fill: bool = False) -> DrawSettings:
        style = self._primer.style if self._style == OF_GROOVE else self._style
        factor = _louder(self._intensity)
        loudness, density = min(self._loudness * factor, 1.0), self._density * factor
        wish = Conditioning(style, fill, round(loudness * FINE) / FINE, round(density * FINE) / FINE)
        dense = DENSE * max(self._intensity - 0.5, 0.0)
        return DrawSettings(wish, dense, self._settings["temperature"], self._settings["top_p"], window.tempo)

    def _sound(self, note: Note, onset: float, window: Window) -> Iterator[Action]:
        pitch, intensity = self._kit.note(note.instrument), self._intensity
        faint = note.velocity < FAINT * (0.5 - intensity) and note.instrument != KICK and not on_quarter(note.tick)
        if pitch is None or onset < window.start - LATE or (faint and onset < self._sounded + QUIET):
            return
        self._sounded = onset
        onset = max(onset, window.start)
        if self._open and note.instrument in HATS:
            yield Stop(onset, "hihat")
        self._open = note.instrument == OPEN_HAT if note.instrument in HATS else self._open
        piece, velocity = PIECES[PIECE_OF[note.instrument]], round(note.velocity * _louder(intensity))
        yield Play(onset, pitch, min(max(velocity, 1), 127), piece.voice, piece.beats)


def _louder(intensity: float) -> float:
    """Than the groove, as a factor."""
    return float(2 ** (SPAN * (intensity - 0.5)))

"""The engine `leadsheet`: leads a band through a song. It plans form, chords, melody and feel for all that listen, and
plays the melody; the other players follow the plans."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import replace
from random import Random
from typing import Any, ClassVar

from daemon.engines.base import SEEDS, Engine, Setting, Setup, turned_on
from daemon.engines.leadsheet.choruses import AS_WRITTEN
from daemon.engines.leadsheet.follower import Follower
from daemon.engines.leadsheet.form import Form
from daemon.engines.leadsheet.keys import Keys
from daemon.engines.leadsheet.options import COMPOSED, FOLLOW, KEYS, SHEET, LeaderOptions
from daemon.engines.leadsheet.score import Plans, chord_at, melody_between, since
from daemon.engines.shared.grid import REPEAT_BEATS
from daemon.errors import SongError
from daemon.music.events import Action, MidiEvent, Play, Window
from daemon.music.feel import STRAIGHT, Feel, sounding
from daemon.music.melody import Melodies, Note
from daemon.music.plan import EPSILON, Plan, PlannedChord
from daemon.music.tempo import next_sixteenth
from daemon.paths import find_file
from daemon.song.composer import Wishes
from daemon.song.content import song_from_json, song_to_json
from daemon.song.description import Song
from daemon.song.reader import read_song
from daemon.song.timing import Timing, timing_of

SONG = "song"  # the option
VARIATIONS = 4  # A to D
LOUDER = 0.6  # of the melody's velocity, per unit of energy
ACCENT, UNEVEN = 5.0, 3.0  # velocity, of notes on the bar line and less of those off the beat; standard deviation
SHORTER = 0.95  # of a note's duration, so that a repeated pitch is struck again
FEEL = ("swing", "energy", "variation")  # settings that the whole band follows
TRIGGERS = ("next", "break", "ending")
EARLY = 0.03  # seconds before a 16th at which a chord must be complete to count from there on
AUTOMATIC = 0.0  # as `variation` or `swing`


class Leader(Engine):
    """Its state is what it has planned (`Form`), which the stage tells it again when it starts anew."""

    voices: ClassVar[tuple[str, ...]] = ("melody",)
    plans: ClassVar[bool] = True
    Options = LeaderOptions
    settings: ClassVar[tuple[Setting, ...]] = (
        Setting("swing", 0.0, 75.0, AUTOMATIC, "percent of the beat before its second eighth; below 50: of the song"),
        Setting("energy", 0.0, 1.0, 0.5, "how loud and busy the band plays; 0.5: as the feel is written"),
        Setting("variation", 0.0, 4.0, AUTOMATIC, "1 to 4: A to D, each fuller; 0: one further in each chorus"),
        Setting("density", -1.0, 1.0, 0.0, "fewer or more notes in the melodies that are composed"),
        Setting("similarity", 0.0, 1.0, 0.0, "how much of its melody a chorus has from the one before"),
        Setting("blend", 0.0, 1.0, AS_WRITTEN, "the share of the second style of two; 0.5: as the song says"),
        Setting("next", 0.0, 1.0, 0.0, "turned up to 0.5 or more: the next section begins at the next bar line"),
        Setting("break", 0.0, 1.0, 0.0, "turned up to 0.5 or more: the band breaks off for the next bar"),
        Setting("ending", 0.0, 1.0, 0.0, "turned up to 0.5 or more: this chorus is the last one; again: this section"),
    )

    options: LeaderOptions
    _song: Song
    _form: Form

    @classmethod
    def mistakes(cls, setup: Setup[LeaderOptions]) -> Iterator[tuple[str, str]]:
        options = setup.options
        if options.harmony == FOLLOW and (options.melody, options.chords) != (KEYS, SHEET):
            yield "harmony", "the chords of the song follow a melody of yours: write `melody: keys` and `chords: sheet`"

    @classmethod
    def content(cls, option: str, file: str) -> Any:
        return song_to_json(_read(file))

    @classmethod
    def timing(cls, setup: Setup[LeaderOptions]) -> Timing | None:
        return timing_of(song_from_json(setup.contents[SONG])) if SONG in setup.contents else None  # else a mistake

    def prepare(self) -> None:
        self._song = _song_of(self.setup)
        self._form = Form(self._song)
        self._form.anticipate(0)  # the first composition is slow
        self.reset({}, 0.0, 0)

    def reset(self, known: Melodies, beat: float, seed: int) -> None:
        self._form.reset(seed & SEEDS)
        self._until = -math.inf  # end of the last window
        self._feel_turned = False  # since the last plan
        self._tempo = 120.0
        self._keys = Keys(self.options, self._song.key)
        self._follower = Follower(_symbols_of(self._song), self._song.key) if self.options.harmony == FOLLOW else None
        self._random = Random(seed)

    def listen(self, event: MidiEvent) -> Iterable[Action | Plan]:
        if event.source in self.setup.listen and self._follower is not None:
            self._follower.hear(event)
        if self.options.chords == SHEET or event.source not in self.setup.listen:
            return ()
        if not self._keys.hear(event, self._tempo) or not self._runs:
            return ()
        return self._announced(since(self._form.plans, next_sixteenth(event.beat + EARLY * self._tempo / 60)))

    def anticipate(self, known: Melodies, beat: float, seed: int, window: Window) -> None:
        self._form.anticipate(seed & SEEDS)

    def learn(self, source: str, plan: Plan) -> Iterable[Action | Plan]:
        if source not in self.setup.listen:  # its own, which the stage repeats after a reset
            self._form.recall(plan)
        return ()

    def control(self, name: str, value: float, beat: float) -> Iterable[Action | Plan]:
        before = self.values.get(name, value)
        super().control(name, value, beat)
        self._form.wishes = Wishes(self.values["density"], self.values["similarity"])
        self._form.blend = self.values["blend"]
        if not self._runs:
            return ()  # repeated after a reset
        if name in FEEL and value != before:
            self._feel_turned = True
        if name not in TRIGGERS or not turned_on(before, value):
            return ()
        beat = max(beat, self._until)  # the players may have played until then
        if name == "next":
            return self._announced(self._form.next_section(beat))
        return self._announced(self._form.break_off(beat) if name == "break" else self._form.end(beat))

    def generate(self, window: Window) -> Iterator[Action | Plan]:
        start, self._tempo = window.start, window.tempo
        self._form.tempo = window.tempo
        if self._until - REPEAT_BEATS < start < self._until:  # requested again, in part or as a whole
            start = self._until
        elif not self._until <= start <= self._until + REPEAT_BEATS:  # the first one, or a jump without a reset
            yield from self._announced(self._form.enter(start))
        if start >= window.end:
            return
        self._until = window.end
        yield from self._announced(self._form.extend(start))
        if self._follower is not None:
            planned = chord_at(self._form.plans, start)
            if planned is not None and self._follower.changes(planned, start):
                yield from self._announced(since(self._form.plans, start))
        if self._feel_turned and window.end % 1.0 < window.end - window.start:  # from the next beat on
            self._feel_turned = False
            yield from self._announced(since(self._form.plans, window.end))
        if self._plays_melody:
            for note in melody_between(self._form.plans, start, window.end):
                yield self._played(note)

    @property
    def _runs(self) -> bool:
        """Whether a window was requested since the last reset."""
        return self._until > -math.inf

    @property
    def _plays_melody(self) -> bool:
        return self.options.melody == COMPOSED and self.options.chords == SHEET

    def _announced(self, plans: Plans) -> list[Plan]:
        """The plans with the feel, and with the chords of the person who plays in place of the song's."""
        return [
            replace(
                plan,
                chords=self._chords(plan),
                melody=plan.melody if self._plays_melody else (),
                feel=self._feel(plan),
            )
            for plan in plans
        ]

    def _chords(self, plan: Plan) -> tuple[PlannedChord, ...]:
        if self.options.chords == KEYS and (chord := self._keys.chord) is not None:
            return (PlannedChord(plan.beat, plan.end - plan.beat, chord),)
        if self._follower is not None:
            return tuple(map(self._follower.in_place_of, plan.chords))
        return plan.chords

    def _feel(self, plan: Plan) -> Feel:
        feel, values = self._song.band_feel, self.values
        swing = values["swing"] if values["swing"] >= STRAIGHT else feel.swing
        if self._song.meter[1] > 4:
            swing = STRAIGHT  # beats in the middle of a pair of eighths would not be where the bar has them
        variation = round(values["variation"])
        chorus = max((section.chorus for section in plan.sections), default=0)
        number = variation - 1 if variation else min(max(chorus - 1, 0), VARIATIONS - 1)
        return replace(feel, swing=swing, energy=values["energy"], variation=number)

    def _played(self, note: Note) -> Play:
        swing = self._feel(self._form.plans[-1]).swing
        onset = sounding(note.onset, swing)
        duration = max(sounding(note.onset + note.duration, swing) - onset, 0.05)
        place = note.onset % self._song.bar  # introductions and choruses are whole bars long
        accent = ACCENT if place < EPSILON else -ACCENT if place % 1 > EPSILON else 0.0
        loudness = note.velocity * (1 + LOUDER * (self.values["energy"] - 0.5))
        velocity = round(loudness + accent + self._random.gauss(0, UNEVEN))
        return Play(onset, note.pitch, min(max(velocity, 1), 127), "melody", duration * SHORTER)


def _symbols_of(song: Song) -> set[str]:
    rules = (rule for section in song.sections for rule in section.chords if not rule.forbidden)
    return {symbol for rule in rules for symbol in rule.symbols}


def _read(file: str) -> Song:
    """Raises SongError."""
    try:
        return read_song(find_file(file))
    except ValueError as error:
        raise SongError([str(error)]) from None


def _song_of(setup: Setup[LeaderOptions]) -> Song:
    """As the options say. Raises SongError."""
    options = setup.options
    song = song_from_json(setup.contents[SONG]) if SONG in setup.contents else _read(options.song)
    seed = options.seed if options.seed >= 0 else song.seed
    return replace(song, choruses=options.choruses or song.choruses, seed=seed)

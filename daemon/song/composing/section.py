"""Composes one section of a song."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate

import numpy as np

from daemon.errors import SongError
from daemon.markov.conflicts import ImpossibleError
from daemon.markov.constraints import Constraint, Table
from daemon.markov.events import TICKS, MelodyEvent
from daemon.markov.layers import Layer, OnGrid, Span, chord_sampler, in_rhythm, near
from daemon.markov.max_order import Stop
from daemon.markov.model import MarkovModel
from daemon.markov.sampler import Sampler
from daemon.music.plan import PlannedChord
from daemon.song.composing.chords import CLOSING, chord_constraints, chord_events, chords_of, symbol_of, with_kept
from daemon.song.composing.melody import (
    Placed,
    given_events,
    known_melody,
    melody_constraints,
    notes_of,
    with_given,
    with_kept_notes,
)
from daemon.song.composing.models import Models
from daemon.song.composing.places import ticks_of
from daemon.song.description import Song, SongSection
from daemon.song.positions import Grid
from daemon.song.rules import blank
from daemon.song.sheet import SectionMusic, given_music
from daemon.song.styles.pieces import kind_of

# Nats from which the style bends: for each wish, and for each bar, as a range and what always holds (a cadence at the
# end, bars that begin with a chord) cost. Plain songs cost up to 1.5 in a bar, bars that no style has more than 2.
UNLIKELY, UNLIKELY_BAR = 4.6, 1.0
DENSITY = 0.7  # nats for each note, at density 1
CADENCE_BARS = 2  # in which a variation goes another way than its source
# Bars of a phrase, where the song gives none; bars that have the rhythm of the first phrase together, or not, and how
# often: four bars later a third of the bars of the styles' pieces have the same rhythm.
PHRASE, MOTIF, REPEATED = 4, 2, 0.5
# Tables of weights, and samplers of melodies, that are kept; of sections of more ticks one each: 0.4 GB of 1,024 bars.
KEPT, LONG = 4, 64 * 48
Chords = tuple[PlannedChord, ...]


@dataclass(frozen=True, slots=True)
class Drawn:
    """A section: its chords, its melody as events at their ticks, those of them that are given, its ticks. `sampled`:
    the melody before the given notes took their places."""

    chords: Chords
    placed: tuple[Placed, ...]
    fixed: frozenset[Placed]
    length: int
    sampled: tuple[MelodyEvent, ...] = ()

    @property
    def events(self) -> list[MelodyEvent]:
        return [event for _, event in self.placed]

    @property
    def given(self) -> list[bool]:
        """Of each event."""
        return [each in self.fixed for each in self.placed]

    def music(self, section: SongSection, home: int) -> SectionMusic:
        upbeat = (each for each in given_music(section).melody if each.onset < 0)
        return SectionMusic(self.chords, (*upbeat, *notes_of(self.placed, home)))


class SectionComposer:
    """`suiting(chords, density)`: the weights of melodies on the chords, with fewer (-1) or more (1) notes than in the
    style. `melodies(table)`: the sampler of melodies with such weights. `has_melody`: all is given, there is no such.
    `ends_anew`: a variation has a cadence that its source has not.

    Raises SongError for constraints that cannot be met, with their bars.
    """

    def __init__(self, song: Song, section: SongSection, models: Models, home: int) -> None:
        self._song, self.section, self._models, self._home = song, section, models, home
        self.length = ticks_of(section.bars * song.bar)
        self._span = Span(self.length, models.bar, models.beats)
        self.given = given_events(section, home)
        source = section.variation_of and song.section(section.variation_of).cadence
        self.ends_anew = bool(source) and section.cadence not in ("none", source)
        self.has_melody = blank(section.notes, section.bars * song.bar) is None
        has_chords = blank(section.chords, section.bars * song.bar) is None
        self._chords = None if has_chords else self._chord_sampler(section)
        kept = KEPT if self.length <= LONG else 1
        self.suiting = lru_cache(kept)(self._suiting)
        if not self.has_melody:
            self.melodies = lru_cache(kept)(self._melody_sampler(home).weighted)

    def chords(self, random: np.random.Generator) -> Chords:
        """The given ones; others as in the style, so that they suit the notes that are given."""
        return chords_of(self._song, self.section, () if self._chords is None else self._chords.sample(random))

    def chords_like(self, source: Chords, random: np.random.Generator) -> Chords:
        """Those of the section that this one varies; if it `ends_anew`, its last two bars are drawn given the chords
        before them."""
        if self._chords is None or not self.ends_anew:
            return source
        section = with_kept(self.section, source, (self.section.bars - CADENCE_BARS) * self._song.bar)
        return chords_of(self._song, section, self._chord_sampler(section).sample(random))

    def begun_as(self, source: Drawn) -> SectionComposer:
        """With the first bars of the section that this one begins as: without the last two, if that section is longer
        or has not the cadence of this one."""
        bars, first = self.section.same_bars, self._song.section(self.section.variation_of)
        is_shorter = bars < first.bars and self.section.cadence != "none"
        if bars == self.section.bars and (self.ends_anew or is_shorter):
            bars = max(bars - CADENCE_BARS, 0)
        until = bars * self._song.bar
        section = with_kept_notes(with_kept(self.section, source.chords, until), source.placed, self._home, until)
        return SectionComposer(self._song, section, self._models, self._home)

    def _suiting(self, chords: Chords, density: float = 0.0) -> Table:
        events = chord_events(chords, self._song.key.tonic, self.length)
        return self._models.weights.table(self._models.melody.events, events, self._span.strong, DENSITY * density)

    def near(self, source: Sequence[MelodyEvent], distance: float, suiting: Table) -> Table:
        """The weights of variations of `source` at an expected distance, with those of `suiting`."""
        return near(suiting, self.melodies, self._models.melody.events, source, distance)

    def draw(
        self,
        chords: Chords,
        weights: Table,
        random: np.random.Generator,
        stop: Stop | None = None,
        begun: Sequence[MelodyEvent] = (),
    ) -> Drawn:
        """A melody with these weights, and what is given. `stop`: ends one that will be rejected. `begun`: its first
        events."""
        sampled = self.melodies(weights).sample(random, None if self.given else stop, begun)
        return Drawn(chords, with_given(sampled, self.given), frozenset(self.given), self.length, sampled)

    def alike(
        self, melody: Drawn, weights: Table, random: np.random.Generator
    ) -> tuple[tuple[MelodyEvent, ...], Table] | None:
        """The first phrase of a melody, and weights of melodies that go on with the rhythm of that phrase in some of
        the bars, as pieces do; None: there are no other phrases."""
        bar = ticks_of(self._song.bar)
        phrases = self.section.phrases or (PHRASE,) * -(-self.section.bars // PHRASE)
        if len(phrases) == 1:
            return None
        first = bar * phrases[0]
        ends = list(accumulate(ticks for _, ticks in melody.sampled))
        begun = melody.sampled[: bisect_right(ends, first)]
        places = np.concatenate([np.arange(bar * bars) for bars in phrases])[: self.length]  # since the phrase began
        number = np.cumsum(places % (MOTIF * bar) == 0) - 1  # of the bars that repeat together
        repeats = random.random(number[-1] + 1) < REPEATED
        return begun, in_rhythm(weights, self._models.melody.events, melody.sampled, places % first, repeats[number])

    def _chord_sampler(self, section: SongSection) -> Sampler:
        song, model, harmony = self._song, self._models.chords, self._models.harmony
        known = known_melody(self.given, self.length) if self.given else ()
        return self._met(
            "chords",
            model,
            lambda edges: chord_constraints(song, section, model.events, edges),
            lambda layer: chord_sampler(layer, self._span, harmony, known),
        )

    def _melody_sampler(self, home: int) -> Sampler:
        song, section, model = self._song, self.section, self._models.melody
        grid = OnGrid(self.length)
        return self._met(
            "melody",
            model,
            lambda edges: (grid, *melody_constraints(song, section, home, model.events, edges)),
            lambda layer: layer.sampler(self._span),
        )

    def _met(
        self,
        name: str,
        model: MarkovModel,
        constraints: Callable[[bool], Iterable[Constraint]],
        compiled: Callable[[Layer], Sampler],
    ) -> Sampler:
        """With the constraints of all that is given; if these cannot be met, of its edges; the last resort is the freer
        model: what is given stays, also where no piece of the style has that. Raises SongError."""
        found: ImpossibleError | None = None
        for edges, freer in ((False, False), (True, False), (True, True)):
            layer = Layer(self._models.freer(name) if freer else model, tuple(constraints(edges)))
            try:
                return compiled(layer)
            except ImpossibleError as error:
                found = found or error
        assert found is not None
        raise self._impossible(found)

    def warnings(self, chords: Chords) -> Iterator[str]:
        """Of constraints so improbable that the style bends, for the chords and for melodies on these chords; of a
        cadence that given chords contradict."""
        models, span = self._models, self._span
        yield from self._open(chords)
        if self._chords is not None and not self.given:
            free = Layer(models.chords).sampler(span)
            yield from self._warning(free.log_mass - self._chords.log_mass, "chord sequences")
        if not self.has_melody:
            suiting = self.suiting(chords)
            free = Layer(models.melody).sampler(span, suiting)
            yield from self._warning(free.log_mass - self.melodies(suiting).log_mass, "melodies")

    def _open(self, chords: Chords) -> Iterator[str]:
        """If the cadence is not that of the last chord, which then is given."""
        song, cadence, last = self._song, self.section.cadence, chords[-1]
        if cadence != "none" and kind_of(last.symbol, song.key.tonic)[0] != CLOSING[cadence]:
            bar = Grid(song.meter, self.section.bars).at(last.onset)
            root = symbol_of((CLOSING[cadence], ""), song)
            yield (
                f"{song.file}: section {self.section.name}: cadence: {cadence}, but the given chords end with "
                f"{last.symbol} (bar {bar}): end them on {root}, leave the last bars blank, or write `cadence: none`"
            )

    def _warning(self, nats: float, what: str) -> Iterator[str]:
        section = self.section
        wishes = len(section.chords) + len(section.notes) + len(section.phrases) + (section.cadence != "none")
        if nats > UNLIKELY * max(wishes, 1) + UNLIKELY_BAR * section.bars:
            digits = round(nats / math.log(10))
            yield (
                f"{self._song.file}: section {section.name}: one of 10^{digits} {what} of the style meets what is "
                "given, so this section will hardly sound like the style: give less, or choose another style"
            )

    def _impossible(self, error: ImpossibleError) -> SongError:
        grid = Grid(self._song.meter, self.section.bars)
        names = list(dict.fromkeys(f"{each.name} ({grid.at(each.where / TICKS)})" for each in error.conflict))
        where = f"{self._song.file}: section {self.section.name}, bar {grid.at(error.tick / TICKS)}"
        if not names:
            return SongError([f"{where}: the style has no music of this length: choose another meter"])
        together = " together" if len(names) > 1 else ""
        remedy = "change or delete one of them" if len(names) > 1 else "change or delete this"
        return SongError([f"{where}: the style cannot meet{together}: {', '.join(names)}: {remedy}"])

"""Composes one section of a song."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from daemon.errors import SongError
from daemon.markov.conflicts import ImpossibleError
from daemon.markov.constraints import Table
from daemon.markov.events import REST as SILENCE
from daemon.markov.events import TICKS, MelodyEvent
from daemon.markov.layers import Layer, Span, chord_sampler, on_grid
from daemon.markov.sampler import Sampler
from daemon.markov.variation import distance_weights, tuned
from daemon.music.plan import PlannedChord
from daemon.song.composing.chords import chord_constraints, chord_events, chords_of
from daemon.song.composing.melody import given_events, known_melody, melody_constraints
from daemon.song.composing.models import Models
from daemon.song.composing.places import ticks_of
from daemon.song.description import Song, SongSection
from daemon.song.positions import Grid
from daemon.song.rules import blank

UNLIKELY = 4.6  # nats that each wish costs on average, from which the style bends
DENSITY = 0.7  # nats for each note, at density 1
USUAL_STRENGTH, TOLERANCE = 0.1, 0.02  # of variations: λ by tick, near distance 0; of the expected distance
KEPT = 4  # samplers of melodies, by their chords
Events = tuple[MelodyEvent, ...]


class SectionComposer:
    """Raises SongError for constraints that cannot be met, with their bars."""

    def __init__(self, song: Song, section: SongSection, models: Models, home: int) -> None:
        self._song, self.section, self._models, self._home = song, section, models, home
        self._span = Span(ticks_of(section.bars * song.bar), models.bar, models.beats)
        self.given = given_events(section, home)
        notes, chords = models.melody.events, models.chords.events
        grid = on_grid(models.melody, self._span)
        self._layers = [
            Layer(models.melody, (grid, *melody_constraints(song, section, home, notes, edges)))
            for edges in (False, True)
        ]
        self._chord_layers = [
            Layer(models.chords, tuple(chord_constraints(song, section, chords, edges))) for edges in (False, True)
        ]
        self._samplers: dict[tuple[tuple[PlannedChord, ...], float], Sampler] = {}
        self._before: tuple[Layer, Sampler] | None = None
        length = section.bars * song.bar
        self._has_melody = blank(section.notes, length) is None
        self._chords = None if blank(section.chords, length) is None else self._chord_sampler()

    @property
    def length(self) -> int:
        """In ticks."""
        return self._span.length

    def chords(self, random: np.random.Generator) -> tuple[PlannedChord, ...]:
        """The given ones; others as in the style, so that they suit the notes that are given."""
        return chords_of(self._song, self.section, () if self._chords is None else self._chords.sample(random))

    def melodies(self, chords: Sequence[PlannedChord], density: float = 0.0) -> Sampler | None:
        """On the chords, with fewer (-1) or more (1) notes than in the style; None if the whole melody is given."""
        if self._has_melody:
            return None
        known = tuple(chords), density
        if known not in self._samplers:
            sampler = self._sampler(self._suiting(chords, density))
            while len(self._samplers) >= KEPT:
                self._samplers.pop(next(iter(self._samplers)))
            self._samplers[known] = sampler
        return self._samplers[known]

    def variations(
        self, chords: Sequence[PlannedChord], source: Events, distance: float | None = None, density: float = 0.0
    ) -> Sampler | None:
        """Of `source`, at an expected distance, or the section's, on the chords; None if the whole melody is given."""
        if self._has_melody:
            return None
        suiting, costs = self._suiting(chords, density), distance_weights(self._models.melody.events, source)

        def sampler(weight: float) -> Sampler:
            return self._sampler(suiting, Table(-weight * costs, "the varied section"))

        wanted = self.section.distance if distance is None else distance
        usual = self._span.length * USUAL_STRENGTH * (1 - wanted)
        return sampler(tuned(lambda weight: sampler(weight).log_mass, wanted, usual, TOLERANCE).weight)

    def _sampler(self, *weights: Table) -> Sampler:
        """Of melodies. What the one before has in common is not computed again."""

        def compiled(layer: Layer) -> Sampler:
            if self._before is None or self._before[0].model is not layer.model:
                return layer.sampler(self._span, *weights)
            return self._before[1].revised((*layer.constraints, *weights))

        self._before = self._met("melody", self._layers, compiled)
        return self._before[1]

    def _suiting(self, chords: Sequence[PlannedChord], density: float = 0.0) -> Table:
        table = self._models.suiting.table(chord_events(chords, self._song.key.tonic, self._span.length))
        if not density:
            return table
        are_notes = np.array([pitch != SILENCE for pitch, _ in self._models.melody.events])
        return Table(table.logs + DENSITY * density * are_notes, table.name)

    def _chord_sampler(self) -> Sampler:
        notes = known_melody(self.given, self._span.length) if self.given else ()
        harmony = self._models.harmony
        return self._met("chords", self._chord_layers, lambda each: chord_sampler(each, self._span, harmony, notes))[1]

    def warnings(self) -> Iterator[str]:
        """Of constraints so improbable that the style bends, for the chords and for the melodies sampled last."""
        if self._chords is not None and not self.given:
            yield from self._warning(self._chord_layers[0], self._chords, [], "chord sequences")
        for (chords, density), sampler in list(self._samplers.items())[-1:]:
            yield from self._warning(self._layers[0], sampler, [self._suiting(chords, density)], "melodies")

    def _warning(self, layer: Layer, sampler: Sampler, soft: Sequence[Table], what: str) -> Iterator[str]:
        nats = Layer(layer.model).sampler(self._span, *soft).log_mass - sampler.log_mass
        section = self.section
        wishes = len(section.chords) + len(section.notes) + len(section.phrases) + (section.cadence != "none")
        if nats > UNLIKELY * max(wishes, 1):
            digits = round(nats / math.log(10))
            yield (
                f"{self._song.file}: section {self.section.name}: one of 10^{digits} {what} of the style meets what is "
                "given, so this section will hardly sound like the style: give less, or choose another style"
            )

    def _met(self, name: str, layers: list[Layer], compiled: Callable[[Layer], Sampler]) -> tuple[Layer, Sampler]:
        """Of the first of the layers that can be met, which is then the only one. The last resort is the freer model:
        what is given stays, also where no piece of the style has that. Raises SongError."""
        found: ImpossibleError | None = None
        for layer in [*layers, None]:
            tried = layer or replace(layers[-1], model=self._models.freer(name))
            try:
                sampler = compiled(tried)
            except ImpossibleError as error:
                found = found or error
            else:
                layers[:] = [tried]
                return tried, sampler
        assert found is not None
        raise self._impossible(found)

    def _impossible(self, error: ImpossibleError) -> SongError:
        grid = Grid(self._song.meter, self.section.bars)
        names = list(dict.fromkeys(f"{each.name} ({grid.at(each.where / TICKS)})" for each in error.conflict))
        where = f"{self._song.file}: section {self.section.name}, bar {grid.at(error.tick / TICKS)}"
        if not names:
            return SongError([f"{where}: the style has no music of this length: choose another meter"])
        together = " together" if len(names) > 1 else ""
        remedy = "change or delete one of them" if len(names) > 1 else "change or delete this"
        return SongError([f"{where}: the style cannot meet{together}: {', '.join(names)}: {remedy}"])

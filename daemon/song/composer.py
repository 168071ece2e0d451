"""Composes lead sheets from a song: its chords and its melody where they are blank.

The distribution. Each section that is no variation is drawn by itself, chords first (daemon.markov.layers), then the
melody on the chords (daemon.song.composing.weights), as pieces of the style begin, conditioned on what the song gives,
forbids and asks for; a variation is drawn on the chords of the section that it varies (daemon.markov.variation). All
repetitions of a section are the same. Choruses of which `max_order` composed notes in a row are in the styles' pieces,
in any key, are drawn again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from daemon.errors import SongError
from daemon.markov.events import MelodyEvent
from daemon.markov.max_order import CopyIndex
from daemon.markov.sampler import Sampler
from daemon.music.leadsheet import LeadSheet
from daemon.music.plan import Plan, PlannedChord
from daemon.song.arrangement import part_of
from daemon.song.composing.melody import Placed, home_of, known_melody, notes_of, placed_notes, with_given
from daemon.song.composing.models import Models, load_styles
from daemon.song.composing.section import SectionComposer
from daemon.song.description import Song, SongSection
from daemon.song.form import sections_of
from daemon.song.sheet import SectionMusic, given_music, lead_sheet

MOST_TRIES = 2000  # melodies of a section
MOST_TICKS = MOST_TRIES * 64 * 48  # of all these melodies: 64 bars of 4/4 each; the longer, the fewer are no copies
RARE, ASSESSED = 0.02, 200  # the share of melodies that are no copies, below which the style bends; of how many
MOST_CHORUSES = 50  # whose sections are no copies, but the seams between them are

Chords = tuple[PlannedChord, ...]


@dataclass(frozen=True, slots=True)
class Drawn:
    """A section: its chords, its melody as events at their ticks, those of them that are given, its ticks."""

    chords: Chords
    placed: tuple[Placed, ...]
    given: frozenset[Placed]
    length: int

    @property
    def events(self) -> list[tuple[MelodyEvent, bool]]:
        """Each event, and whether it is given."""
        return [(each[1], each in self.given) for each in self.placed]

    def music(self, section: SongSection, home: int) -> SectionMusic:
        upbeat = (each for each in given_music(section).melody if each.onset < 0)
        return SectionMusic(self.chords, (*upbeat, *notes_of(self.placed, home)))


@dataclass(frozen=True, slots=True)
class Wishes:
    """For one chorus. `density`: fewer (-1) or more (1) notes than the style has; `similarity`: how much of its melody
    a chorus has from the one that is given, from 0 (nothing but the style) to 1 (everything)."""

    density: float = 0.0
    similarity: float = 0.0


class Composer:
    """Compiles what a song asks for once; each chorus is then a quick sample.

    Raises SongError for an unknown style, and for constraints that cannot be met, with the smallest conflicting set
    found and its bars.
    """

    def __init__(self, song: Song) -> None:
        self.song = song
        self._sections: dict[str, SectionComposer] = {}
        self._copies: CopyIndex | None = None
        if song.style:
            self._compile(Models(song, load_styles(song)))

    def _compile(self, models: Models) -> None:
        song = self.song
        self._copies, self._home = models.copies, home_of(song, models.melody.events)
        problems, random = [], np.random.default_rng(0)
        for section in song.sections:
            try:
                composer = SectionComposer(song, section, models, self._home)
                if not section.variation_of:
                    composer.melodies(composer.chords(random))
                self._sections[section.name] = composer
            except SongError as error:
                problems += error.problems
        if problems:
            raise SongError(problems)
        self._usual = self._drawn(random, {})  # compiles what each chorus needs

    def compose(
        self, random: np.random.Generator, like: LeadSheet | None = None, wishes: Wishes = Wishes()
    ) -> LeadSheet:
        """One chorus, with the chords of `like`, an earlier one. Without a style each chorus is the same.

        Raises SongError if all melodies that were tried are copies.
        """
        song = self.song
        if not self._sections:
            return lead_sheet(song, {section.name: given_music(section) for section in song.sections})
        known = {} if like is None else self._known(like)
        for _ in range(MOST_CHORUSES):
            drawn = self._drawn(random, known, wishes)
            if not self._is_copy([each for name in song.form for each in drawn[name].events]):
                music = {name: each.music(self._sections[name].section, self._home) for name, each in drawn.items()}
                return lead_sheet(song, music)
        raise self._too_strict("choruses", MOST_CHORUSES)

    def warnings(self) -> list[str]:
        """A line about each section whose constraints, or max_order, are so improbable that the style bends. Takes as
        long as compiling."""
        return [
            *(warning for section in self._sections.values() for warning in section.warnings()),
            *(warning for section in self._sections.values() for warning in self._rare(section)),
        ]

    def _rare(self, composer: SectionComposer) -> Iterator[str]:
        """If nearly all melodies of a section are copies."""
        chords = self._usual[composer.section.name].chords
        melodies = composer.melodies(chords)
        if self._copies is None or melodies is None:
            return
        given, random, accepted = frozenset(composer.given), np.random.default_rng(0), 0
        for _ in range(ASSESSED):
            placed = with_given(melodies.sample(random), composer.given)
            accepted += not self._is_copy(Drawn(chords, placed, given, composer.length).events)
        if accepted < RARE * ASSESSED:
            order = self._copies.max_order
            yield (
                f"{self.song.file}: section {composer.section.name}: {accepted} of {ASSESSED} melodies have no {order} "
                "notes in a row of the style's pieces, so these will hardly sound like the style: raise max_order"
            )

    def _drawn(
        self, random: np.random.Generator, known: Mapping[str, Drawn], wishes: Wishes = Wishes()
    ) -> dict[str, Drawn]:
        """All sections; `known`: those of an earlier chorus, with the same chords."""
        drawn: dict[str, Drawn] = {}
        for composer in sorted(self._sections.values(), key=lambda each: bool(each.section.variation_of)):
            section, varied = composer.section, drawn.get(composer.section.variation_of)
            if section.name in known and wishes.similarity == 1:
                drawn[section.name] = known[section.name]
                continue
            if section.name in known:
                own = known[section.name].chords
            elif varied is not None and section.chords == self.song.section(section.variation_of).chords:
                own = varied.chords
            else:
                own = composer.chords(random)
            if varied is not None and varied.length == composer.length:
                source = known_melody(varied.placed, varied.length)
                if not section.distance:
                    drawn[section.name] = Drawn(own, with_given(source, composer.given), varied.given, varied.length)
                    continue
                melodies = composer.variations(own, source)
            elif wishes.similarity and section.name in known:
                source = known_melody(known[section.name].placed, composer.length)
                melodies = composer.variations(own, source, 1 - wishes.similarity, wishes.density)
            else:
                melodies = composer.melodies(own, wishes.density)
            drawn[section.name] = self._accepted(composer, own, melodies, random)
        return drawn

    def _accepted(
        self, composer: SectionComposer, chords: Chords, melodies: Sampler | None, random: np.random.Generator
    ) -> Drawn:
        """The section with the first melody that is no copy."""
        given = frozenset(composer.given)
        tries = max(min(MOST_TRIES, MOST_TICKS // composer.length), 1)
        for _ in range(tries):
            events = () if melodies is None else melodies.sample(random)
            drawn = Drawn(chords, with_given(events, composer.given), given, composer.length)
            if melodies is None or not self._is_copy(drawn.events):
                return drawn
        raise self._too_strict("melodies", tries)

    def _is_copy(self, events: Sequence[tuple[MelodyEvent, bool]]) -> bool:
        """Whether `max_order` events in a row, not all of which are given, are in the styles' pieces."""
        if self._copies is None:
            return False
        reach, at = self._copies.max_order - 1, 0
        for is_given, run in groupby(events, key=lambda each: each[1]):
            end = at + len(list(run))
            around = [event for event, _ in events[max(at - reach, 0) : end + reach]]
            if not is_given and self._copies.copies(around):
                return True
            at = end
        return False

    def _too_strict(self, what: str, tries: int) -> SongError:
        order = self.song.max_order
        remedy = f"raise max_order, or choose an order below {self.song.order}" if self.song.order > 1 else "raise it"
        copied = f"{tries:,} {what} had {order} notes in a row of the style's pieces"
        return SongError([f"{self.song.file}: max_order: {copied}: {remedy}"])

    def _known(self, sheet: LeadSheet) -> dict[str, Drawn]:
        """The sections of an earlier chorus."""
        found: dict[str, Drawn] = {}
        for section in sections_of(self.song):
            end, composer = section.onset + section.duration, self._sections[section.name]
            part = part_of(Plan(0.0, sheet.chords, (), sheet.melody), section.onset, end).moved(-section.onset)
            placed = placed_notes(part.melody, self._home, composer.length)
            found.setdefault(section.name, Drawn(part.chords, placed, frozenset(composer.given), composer.length))
        return found

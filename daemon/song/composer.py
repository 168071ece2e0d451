"""Composes lead sheets from a song: its chords and its melody where they are blank. docs/songs.md states the
distribution; daemon.markov.layers, daemon.markov.max_order have its functions.

Sections that are no variations are drawn first, then variations, each with its chords first; melodies of sections
without copies, on other chords if none is found; then choruses, whose seams between sections may have copies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from daemon.errors import SongError
from daemon.markov.events import MelodyEvent
from daemon.markov.max_order import CopyError, CopyIndex, MelodyT, Stop, without_copies
from daemon.music.leadsheet import LeadSheet
from daemon.music.plan import Plan
from daemon.song.arrangement import part_of
from daemon.song.composing.melody import home_of, known_melody, placed_notes, with_given
from daemon.song.composing.models import Models, load_styles
from daemon.song.composing.section import Chords, Drawn, SectionComposer
from daemon.song.description import Song
from daemon.song.form import sections_of
from daemon.song.rules import blank
from daemon.song.sheet import given_music, lead_sheet

MOST_TRIES = 2000  # melodies of a section
MOST_CHORDS = 8  # draws of chords, where no melody is found on them; for each there are as many fewer tries
MOST_TICKS = MOST_TRIES * 64 * 48  # of all these melodies: 64 bars of 4/4 each; the longer, the fewer are no copies
RARE, ASSESSED = 0.02, 200  # the share of melodies that are no copies, below which the style bends; of how many
MOST_CHORUSES = 50  # whose sections are no copies, but the seams between them are


@dataclass(frozen=True, slots=True)
class Chorus:
    """The sections by name; the events of the whole form, and which of these are given."""

    sections: Mapping[str, Drawn]
    events: list[MelodyEvent]
    given: list[bool]


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
        song, problems, random = self.song, [], np.random.default_rng(0)
        self._copies, self._home = models.copies, home_of(song, models.melody.events)
        blanks = (blank(section.chords, section.bars * song.bar) for section in song.sections)
        self._draws = 1 if all(each is None for each in blanks) else MOST_CHORDS
        self._usual: dict[str, Chords] = {}  # for warnings
        for section in song.sections:
            try:
                composer = self._sections[section.name] = SectionComposer(song, section, models, self._home)
                self._usual[section.name] = self._usual_chords(composer, random)
            except SongError as error:
                problems += error.problems
        if problems:
            raise SongError(problems)

    def _usual_chords(self, composer: SectionComposer, random: np.random.Generator) -> Chords:
        """With a melody on them, unless the section is a variation. Where all melodies are copies and the song gives no
        `max_order`, more is allowed. Raises SongError."""
        if composer.section.variation_of:
            return composer.chords(random)
        try:
            return self._again(lambda: self._section(composer, composer.chords(random), random)).chords
        except CopyError as error:
            if self.song.has_max_order or self._copies is None:
                raise self._error(error) from None
            self._copies = CopyIndex(self._copies.pieces, error.enough)
            return self._usual_chords(composer, random)

    def compose(
        self, random: np.random.Generator, like: LeadSheet | None = None, wishes: Wishes = Wishes()
    ) -> LeadSheet:
        """One chorus, with the chords of `like`, an earlier one. Without a style each chorus is the same.

        Raises SongError if all melodies that were tried are copies.
        """
        song = self.song
        if not self._sections:
            return lead_sheet(song, {section.name: given_music(section) for section in song.sections})
        if like is not None and wishes.similarity == 1:
            return like
        known = {} if like is None else self._known(like)
        try:
            drawn = self._without_copies(
                lambda _: self._again(lambda: self._chorus(random, known, wishes)), MOST_CHORUSES
            ).sections
        except CopyError as error:
            raise self._error(error) from None
        return lead_sheet(
            song, {name: each.music(self._sections[name].section, self._home) for name, each in drawn.items()}
        )

    def warnings(self) -> list[str]:
        """A line about each section whose constraints, or max_order, are so improbable that the style bends. Takes as
        long as compiling."""
        sections = self._sections.values()
        return [
            *(warning for section in sections for warning in section.warnings(self._usual[section.section.name])),
            *self._allowed(),
            *(warning for section in sections for warning in self._rare(section)),
        ]

    def _allowed(self) -> Iterator[str]:
        """If more was allowed than the usual `max_order`."""
        if self._copies is not None and self._copies.max_order > self.song.max_order:
            yield (
                f"{self.song.file}: style: has too few pieces in this mode and meter: up to "
                f"{self._copies.max_order - 1} notes in a row may be those of a piece: choose other styles, or give "
                "`max_order` to forbid that"
            )

    def _rare(self, composer: SectionComposer) -> Iterator[str]:
        """If nearly all melodies of a section are copies."""
        if self._copies is None or composer.has_melody:
            return
        chords, copies, random = self._usual[composer.section.name], self._copies, np.random.default_rng(0)
        weights = composer.suiting(chords)
        drawn = (composer.draw(chords, weights, random, copies.ends_with_copy) for _ in range(ASSESSED))
        accepted = sum(not copies.copies(each.events, each.given) for each in drawn)
        if accepted < RARE * ASSESSED:
            order = copies.max_order
            yield (
                f"{self.song.file}: section {composer.section.name}: {accepted} of {ASSESSED} melodies have no {order} "
                "notes in a row of the style's pieces, so these will hardly sound like the style: raise max_order"
            )

    def _chorus(self, random: np.random.Generator, known: Mapping[str, Drawn], wishes: Wishes) -> Chorus:
        """`known`: the sections of an earlier chorus, with the same chords."""
        drawn: dict[str, Drawn] = {}
        for composer in sorted(self._sections.values(), key=lambda each: bool(each.section.variation_of)):
            section, varied = composer.section, drawn.get(composer.section.variation_of)
            before = known.get(section.name)
            if varied is not None and section.same_bars:
                composer, varied = composer.begun_as(varied), None
            if before is not None:
                chords = before.chords
            elif varied is not None and section.chords == self.song.section(section.variation_of).chords:
                chords = composer.chords_like(varied.chords, random)
            else:
                chords = composer.chords(random)
            source, distance = None, 0.0
            if varied is not None and varied.length == composer.length:
                source, distance = varied, section.distance
            elif before is not None and wishes.similarity:
                source, distance = before, 1 - wishes.similarity
            drawn[section.name] = self._section(composer, chords, random, source, distance, wishes.density)
        form = [drawn[name] for name in self.song.form]
        return Chorus(drawn, [e for part in form for e in part.events], [g for part in form for g in part.given])

    def _section(
        self,
        composer: SectionComposer,
        chords: Chords,
        random: np.random.Generator,
        source: Drawn | None = None,
        distance: float = 0.0,
        density: float = 0.0,
    ) -> Drawn:
        """The first melody on the chords that is no copy; a variation of `source`, if there is one.

        Raises CopyError.
        """
        if composer.has_melody:
            return Drawn(chords, composer.given, frozenset(composer.given), composer.length)
        weights = composer.suiting(chords, density)
        if source is not None:
            melody = known_melody(source.placed, composer.length)
            if not distance and not composer.ends_anew:
                fixed = source.fixed | frozenset(composer.given)
                return Drawn(chords, with_given(melody, composer.given), fixed, composer.length)
            weights = composer.near(melody, distance, weights)
        tries = max(min(MOST_TRIES, MOST_TICKS // composer.length) // self._draws, 1)
        first = self._without_copies(lambda stop: composer.draw(chords, weights, random, stop), tries)
        if source is not None or (alike := composer.alike(first, weights, random)) is None:
            return first
        begun, weights = alike
        tries = max(tries // MOST_CHORDS, 1)
        with suppress(CopyError):
            return self._without_copies(lambda stop: composer.draw(chords, weights, random, stop, begun), tries)
        return first

    def _without_copies(self, draw: Callable[[Stop | None], MelodyT], most_tries: int) -> MelodyT:
        """Raises CopyError."""
        return draw(None) if self._copies is None else without_copies(draw, self._copies, most_tries)[0]

    def _again(self, draw: Callable[[], MelodyT]) -> MelodyT:
        """With other chords, until a melody is found in each section. Raises CopyError."""
        for _ in range(self._draws - 1):
            with suppress(CopyError):
                return draw()
        return draw()

    def _error(self, error: CopyError) -> SongError:
        return SongError([f"{self.song.file}: max_order: {error}"])

    def _known(self, sheet: LeadSheet) -> dict[str, Drawn]:
        """The sections of an earlier chorus."""
        found: dict[str, Drawn] = {}
        for section in sections_of(self.song):
            end, composer = section.onset + section.duration, self._sections[section.name]
            part = part_of(Plan(0.0, sheet.chords, (), sheet.melody), section.onset, end).moved(-section.onset)
            placed = placed_notes(part.melody, self._home, composer.length)
            found.setdefault(section.name, Drawn(part.chords, placed, frozenset(composer.given), composer.length))
        return found

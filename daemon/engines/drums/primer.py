"""Primers: the first bars of a groove, from a MIDI file, fitted to the bars of the song. The drummer continues one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from itertools import accumulate
from pathlib import Path
from statistics import median

from daemon.encodings.drums.files import read_groove
from daemon.encodings.drums.hits import TICKS
from daemon.engines.drums.kit import KICK
from daemon.engines.drums.options import RANDOM
from daemon.errors import MelodyError, ModelError
from daemon.paths import find_file, resources
from daemon.suggestions import nearest

MAX_BARS = 2  # of a file that are used
MAX_HITS = 160  # in these bars: the model runs once for each of them before the drummer starts
SHORTEST_BAR = TICKS // 4
NEAR = 40  # ticks: a hit at most this far from a bar line or quarter belongs to that line or quarter
LATENESS = 8  # ticks, before or after the beat
# The styles of the Groove MIDI Dataset, by shipped groove; another groove has none.
STYLES = {
    "ballad": "rock", "bossa": "latin", "disco": "dance", "five": "rock", "funk": "funk", "hiphop": "hiphop",
    "reggae": "reggae", "rock": "rock", "shuffle": "rock", "six_eight": "rock", "soul": "soul", "swing": "jazz",
    "three": "rock", "waltz": "jazz",
}  # fmt: skip

BEATS = {"six_eight": TICKS * 3 // 2}  # ticks of a beat, by shipped groove; of other grooves a quarter


@dataclass(frozen=True, slots=True)
class Note:
    """`tick` since the primer's first bar line; `instrument` of the model; `velocity` 1..127."""

    tick: int
    instrument: int
    velocity: int


@dataclass(frozen=True, slots=True)
class Primer:
    """`bar` and `length` in ticks; `length` is a whole number of bars, and all notes lie within it, in order."""

    name: str
    bar: int
    length: int
    notes: tuple[Note, ...]
    tempo: float = 120.0  # beats per minute

    @property
    def beat(self) -> int:
        """In ticks."""
        beat = BEATS.get(self.name, TICKS)
        return beat if self.bar % beat == 0 else TICKS

    @property
    def style(self) -> str | None:
        return STYLES.get(self.name)

    def fit(self, bar: int) -> Primer:
        """The primer in bars of `bar` ticks: shorter bars lack their end, longer ones repeat from the first beat.

        A note a little before a bar line belongs to the bar that follows. If no note is left, the primer is a kick on
        the first beat.
        """
        if bar == self.bar:
            return self
        count, notes = self.length // self.bar, []
        for note in self.notes:
            number, place = divmod(note.tick + NEAR, self.bar)
            for begin in range(0, bar, self.bar):
                if begin + place < bar:
                    tick = (number % count * bar + begin + place - NEAR) % (count * bar)
                    notes.append(Note(tick, note.instrument, note.velocity))
        notes = sorted(notes, key=in_order) or [Note(0, KICK, round(127 * self.loudness))]
        return Primer(self.name, bar, count * bar, tuple(notes), self.tempo)

    def between(self, start: int, end: int) -> Iterator[Note]:
        """The notes with start ≤ tick < end, if the primer is repeated for ever."""
        repeat = start // self.length * self.length  # first tick of the repetition
        while repeat < end:
            for note in self.notes:
                if start <= repeat + note.tick < end:
                    yield Note(repeat + note.tick, note.instrument, note.velocity)
            repeat += self.length

    @property
    def density(self) -> float:
        """Hits per tick."""
        return len(self.notes) / self.length

    @property
    def loudness(self) -> float:
        """Mean velocity, 0 … 1."""
        return sum(note.velocity for note in self.notes) / len(self.notes) / 127


def in_order(note: Note) -> tuple[int, int]:
    """The key that sorts notes by tick, then by instrument."""
    return note.tick, note.instrument


def read(path: Path) -> Primer:
    """The first bars of a file.

    Raises MelodyError if the file is no MIDI file, has no drums, too many hits, or bars that are too short.
    """
    groove = read_groove(path)
    _, bar = groove.bar_at(groove.start)
    if bar < SHORTEST_BAR:
        raise MelodyError(f"{path}: its time signature has bars shorter than a 16th: correct the time signature")
    ticks = accumulate(hit.gap for hit in groove.hits)
    notes = [Note(tick, hit.instrument, hit.velocity) for tick, hit in zip(ticks, groove.hits, strict=True)]
    bars = min(notes[-1].tick // bar + 1, MAX_BARS)
    notes = [note for note in notes if note.tick < bars * bar]
    if len(notes) > MAX_HITS:
        raise MelodyError(f"{path}: {len(notes)} hits in its first {bars} bars: remove some, {MAX_HITS} are possible")
    return Primer(path.stem, bar, bars * bar, tuple(notes), groove.tempo_map.bpm_at(groove.start / TICKS))


def _on_time(primer: Primer) -> Primer:
    """Moved so that the notes near the beats are LATENESS ticks from these in the median at most. Some drummers of the
    data set are 30 ticks ahead of their metronome throughout."""
    beat, notes = primer.beat, primer.notes
    near = [(note.tick + beat // 2) % beat - beat // 2 for note in notes]
    late = median([ticks for ticks in near if abs(ticks) <= TICKS // 8] or [0])
    if not (shift := round(min(max(late, -LATENESS), LATENESS) - late)):
        return primer
    moved = (replace(note, tick=(note.tick + shift) % primer.length) for note in notes)
    return replace(primer, notes=tuple(sorted(moved, key=in_order)))


@cache
def shipped_grooves() -> dict[str, Primer]:
    """The grooves that ship with jamd, by name."""
    return {path.stem: _on_time(read(path)) for path in sorted((resources() / "grooves").glob("*.mid"))}


def find_groove(name_or_path: str) -> Primer | None:
    """A shipped groove by its name, or one of the user's by the path of its MIDI file; None for RANDOM.

    Raises ModelError.
    """
    if name_or_path == RANDOM:
        return None
    if (shipped := shipped_grooves().get(name_or_path)) is not None:
        return shipped
    try:
        return read(find_file(name_or_path))
    except (MelodyError, ValueError) as error:
        names = (RANDOM, *shipped_grooves())
        near = nearest(name_or_path, names)
        meant = f" (did you mean {near!r}?)" if near else ""
        raise ModelError(f"{error}; or choose one of {', '.join(names)}{meant}") from None


def groove_at_random(bar: int, style: str | None, draw: float) -> Primer:
    """A shipped groove chosen by `draw` in [0, 1): of this bar and style if possible, else of the bar, else any."""
    grooves = list(shipped_grooves().values())
    of_bar = [primer for primer in grooves if primer.bar == bar] or grooves
    of_style = [primer for primer in of_bar if primer.style == style] or of_bar
    return of_style[int(draw * len(of_style))]

"""A song: what is given, what is forbidden and how its parts follow each other, from which lead sheets are composed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from daemon.json_decoding import Limits
from daemon.music.feel import FEELS, STRAIGHT, Feel
from daemon.music.leadsheet import Key

REST = -1  # in the place of a pitch
CADENCES = ("full", "half", "none")
ENDINGS = ("chord", "tag", "none")
MAX_BARS = 1024  # of a chorus
MAX_METER = 32  # beats of a bar
MAX_BAR = 16  # quarter notes of a bar; longer ones take minutes to compose, and no style has such bars
MAX_CHORUSES = 1000
MAX_RITARDANDO = 4  # bars
RITARDANDI = {"ballad": 2, "folk": 2, "waltz": 2, "swing": 1, "blues": 1}  # bars, by feel; others end in time
ENDLESS = 0  # choruses, until the ending is asked for

Pitch = Annotated[int, Limits(REST, 127)]
Bars = Annotated[int, Limits(1, MAX_BARS)]


@dataclass(frozen=True, slots=True)
class ChordRule:
    """A chord begins at `onset`, in beats from the section's first bar line, and is one of `symbols`.

    With a `duration` the chord lasts exactly so many beats, else as long as may be. `forbidden`: none of `symbols`
    sounds from `onset` on for `duration` beats.
    """

    onset: float
    duration: float
    symbols: tuple[str, ...]
    forbidden: bool = False


@dataclass(frozen=True, slots=True)
class NoteRule:
    """As ChordRule, for the melody. `pitches` are MIDI numbers or REST, ascending. A rest that is given may follow
    another; an `onset` before 0 is an upbeat."""

    onset: float
    duration: float
    pitches: tuple[Pitch, ...]
    forbidden: bool = False


@dataclass(frozen=True, slots=True)
class SongSection:
    """A part of the form. `cadence`: one of CADENCES. `phrases`: their lengths in bars, which add up to `bars`; ()
    is none. `variation_of`: the section whose melody this one varies, or ""; `distance`: 0 (the same) to 1 (free).
    With `same_bars` so many of its first bars are those of that section, and nothing else is varied: as under a repeat
    sign, up to the endings."""

    name: str
    bars: Bars
    chords: tuple[ChordRule, ...] = ()
    notes: tuple[NoteRule, ...] = ()
    cadence: str = "none"
    phrases: tuple[int, ...] = ()
    variation_of: str = ""
    distance: float = 0.0
    same_bars: Annotated[int, Limits(0, MAX_BARS)] = 0


@dataclass(frozen=True, slots=True)
class StyleFiles:
    """The two files of a style as they were when a song was read, compressed (zlib), in base64. `sha256`: of the card;
    of a large style there is nothing else."""

    path: str
    sha256: str
    card: str = ""
    data: str = ""


@dataclass(frozen=True, slots=True)
class KeptStyle:
    """A style by the name that a song gives it; `background`: the style to which it backs off."""

    name: str
    files: StyleFiles
    background: StyleFiles | None = None


@dataclass(frozen=True, slots=True)
class Song:
    """`form`: names of `sections` in the order of one chorus. `style`: names of styles and their weights; () is none,
    then nothing is composed. `has_max_order`: whether the song gives `max_order`; else more is allowed where a style
    has too few pieces. `has_melody`: whether there is one, given or composed. `swing`: in percent; None: that of the
    feel. `intro`, `count_in`: in bars; without a number, the clock's count-in. `choruses`: ENDLESS, or how many.
    `ending`: one of ENDINGS. `ritardando`: bars before the last chord in which the tempo slows down. `seed`: None:
    that of the band. `range`: lowest and highest pitch of the melody. `file`: as messages name the song.
    `kept_styles`: see `daemon/song/content.py`; other styles are read from their files.
    """

    title: str
    key: Key
    meter: tuple[Annotated[int, Limits(1, MAX_METER)], Annotated[int, Limits(1, 16)]]
    bpm: Annotated[float, Limits(1, 1000)]
    form: tuple[str, ...]
    sections: tuple[SongSection, ...]
    composer: str = ""
    feel: str = "swing"
    swing: float | None = None
    style: tuple[tuple[str, Annotated[float, Limits(1e-9, 1)]], ...] = ()
    order: Annotated[int, Limits(1, 4)] = 2
    max_order: Annotated[int, Limits(0, 100)] = 8
    has_max_order: bool = True
    has_melody: bool = False
    range: tuple[Pitch, Pitch] = (0, 127)
    count_in: int | None = None
    intro: Annotated[int, Limits(0, MAX_BARS)] = 0
    choruses: int = ENDLESS
    ending: str = "chord"
    ritardando: Annotated[int, Limits(0, MAX_RITARDANDO)] = 0
    seed: int | None = None
    file: str = ""
    kept_styles: tuple[KeptStyle, ...] = ()

    @property
    def beat(self) -> float:
        """A beat of the meter, in quarter notes."""
        return 4 / self.meter[1]

    @property
    def bar(self) -> float:
        """The length of a bar in quarter notes."""
        return self.meter[0] * self.beat

    @property
    def bars(self) -> int:
        """Of one chorus."""
        return sum(self.section(name).bars for name in self.form)

    @property
    def length(self) -> float:
        """Of one chorus, in beats."""
        return self.bars * self.bar

    @property
    def band_feel(self) -> Feel:
        swing = FEELS.get(self.feel, STRAIGHT) if self.swing is None else self.swing
        beats, unit = self.meter
        return Feel(self.feel, swing, is_compound=unit == 8 and beats > 3 and beats % 3 == 0)

    def section(self, name: str) -> SongSection:
        return next(section for section in self.sections if section.name == name)

"""The content of a Standard MIDI File, as `midi_file` reads it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from daemon.music.tempo import TempoMap


@dataclass(slots=True)
class MidiTrack:
    """Notes, note-offs and control changes with their ticks, in order; `end` is the tick of the last event of any kind.

    `tempi`: (tick, microseconds per quarter note); `meters`: (tick, time signature); `keys`: (tick, sharps or, below 0,
    flats, whether minor); `texts`: (tick, kind of meta event, text) of texts, lyrics and markers.
    """

    name: str = ""
    messages: list[tuple[int, bytes]] = field(default_factory=list)
    tempi: list[tuple[int, int]] = field(default_factory=list)
    meters: list[tuple[int, tuple[int, int]]] = field(default_factory=list)
    keys: list[tuple[int, int, bool]] = field(default_factory=list)
    texts: list[tuple[int, int, str]] = field(default_factory=list)
    end: int = 0

    @property
    def size(self) -> int:
        """The number of entries of all kinds."""
        return len(self.messages) + len(self.tempi) + len(self.meters) + len(self.keys) + len(self.texts)


@dataclass(frozen=True, slots=True)
class MidiFile:
    """`division`: ticks per quarter note; `warning`: one line on the parts passed over or corrected, or ""."""

    path: Path
    division: float
    tracks: Sequence[MidiTrack]
    warning: str = ""

    @property
    def tempi(self) -> list[tuple[int, int]]:
        """(tick, microseconds per quarter note); 120 per minute up to the first. Repeated ones are left out."""
        tempi = sorted({0: 500_000, **{tick: tempo for track in self.tracks for tick, tempo in track.tempi}}.items())
        return tempi[:1] + [after for before, after in pairwise(tempi) if after[1] != before[1]]

    @property
    def meters(self) -> list[tuple[int, tuple[int, int]]]:
        """(tick, time signature); 4/4 up to the first. One repeated at a bar line is left out: it changes nothing."""
        meters = sorted({0: (4, 4), **{tick: meter for track in self.tracks for tick, meter in track.meters}}.items())
        return meters[:1] + [after for before, after in pairwise(meters) if not self._repeats(before, after)]

    def _repeats(self, before: tuple[int, tuple[int, int]], after: tuple[int, tuple[int, int]]) -> bool:
        beats, unit = before[1]
        return before[1] == after[1] and (after[0] - before[0]) * unit % (self.division * 4 * beats) == 0

    @property
    def tempo_map(self) -> TempoMap:
        return TempoMap(
            tuple((tick / self.division, 60e6 / tempo) for tick, tempo in self.tempi),
            tuple((tick / self.division, beats * 4 / unit) for tick, (beats, unit) in self.meters),
        )

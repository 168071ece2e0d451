"""What a known melody tells the model in advance: the home key, where phrases and the piece end, the next notes."""

from __future__ import annotations

from bisect import bisect_right
from statistics import median

import numpy as np

from daemon.encodings.chorale import (
    COMING,
    DISTANCE_BOUNDS,
    DISTANCE_UNKNOWN,
    FERMATA,
    FERMATA_UNKNOWN,
    LOWEST,
    NO_FERMATA,
    REST,
    STEPS_PER_BEAT,
    UNKNOWN,
    Hints,
    distance_class,
)
from daemon.engines.harmoniser.given_melody import Lines
from daemon.engines.harmoniser.home import known_home
from daemon.engines.harmoniser.voice_leading import fold
from daemon.engines.shared.line import STEP, Line

LONG = 8  # 16ths of the last note of a phrase, at least, if no rest follows
SHORTEST_REST = 2  # 16ths of a rest that ends a phrase
LONGEST_HOLD = 16  # 16ths from the beginning of a long note in which the chord is to stay
SHORTEST_PHRASE = 8  # 16ths from the end of a phrase to the next one's, at least


class MelodyHints:
    """The hints of each 16th of some lines; those about the soprano's notes only if the soprano is given."""

    def __init__(self, lines: Lines) -> None:
        line = lines.get("soprano") or next(iter(lines.values()))
        self._tells_notes = "soprano" in lines
        self._period = None if line.period is None else max(round(line.period / STEP), 1)
        self._spans = [(round(n.onset / STEP), max(round((n.onset + n.duration) / STEP), round(n.onset / STEP) + 1))
                       for n in line.notes]  # fmt: skip
        self._of_beats = {first for first, last in self._spans if last - first >= STEPS_PER_BEAT}
        self._pitches = [note.pitch for note in line.notes]
        self._find_events(line)
        self._find_ends()
        self._find_long()
        durations = np.zeros(12)
        for note in line.notes:
            durations[note.pitch % 12] += note.duration
        last = (lines.get("bass") or line).notes[-1]
        self.home = known_home(durations, last.pitch % 12)

    def _find_events(self, line: Line) -> None:
        """Notes and rests: the 16th in which each begins, and its symbol."""
        self._onsets: list[int] = []
        self._symbols: list[int] = []
        for number, (note, (first, last)) in enumerate(zip(line.notes, self._spans, strict=True)):
            self._onsets.append(first)
            self._symbols.append(fold(note.pitch + line.transposition, "soprano") - LOWEST)
            following = self._following(number)
            if following is None or following > last:
                self._onsets.append(last)
                self._symbols.append(REST)

    def _following(self, number: int) -> int | None:
        """The 16th in which the note after note `number` begins."""
        if number + 1 < len(self._spans):
            return self._spans[number + 1][0]
        return None if self._period is None else self._spans[0][0] + self._period

    def _find_ends(self) -> None:
        """The first and last 16ths of the last notes of phrases."""
        lengths = [last - first for first, last in self._spans]
        least = max(LONG, 2 * median(lengths))
        self._ends: list[tuple[int, int]] = []
        for number, (first, last) in enumerate(self._spans):
            following = self._following(number)
            is_last = number + 1 == len(self._spans)
            rests = following is None or following - last >= SHORTEST_REST
            long = last - first >= least or (rests and last - first >= median(lengths))
            apart = not self._ends or first - self._ends[-1][1] >= SHORTEST_PHRASE
            if is_last or (long and apart):
                self._ends.append((first, last))

    def _find_long(self) -> None:
        """The 16ths after the first one of each long note; notes of one pitch without a gap are one."""
        merged: list[tuple[int, int, int]] = []  # pitch, first and last 16th
        for (first, last), pitch in zip(self._spans, self._pitches, strict=True):
            if merged and merged[-1][0] == pitch and first <= merged[-1][2]:
                first = merged.pop()[1]
            merged.append((pitch, first, last))
        least = max(LONG, 2 * median(last - first for _, first, last in merged))
        self._long = {
            place
            for _, first, last in merged
            if last - first >= least
            for place in range(first + 1, min(last, first + LONGEST_HOLD))
        }

    def holds(self, frame: int) -> bool:
        """Whether the chord is to stay in 16th number `frame`: a long note of the soprano goes on."""
        return self._tells_notes and self._place(frame) in self._long

    def begins_long(self, frame: int) -> bool:
        """Whether a note of at least a beat begins in 16th number `frame`."""
        return self._place(frame) in self._of_beats

    def _place(self, frame: int) -> int:
        """16th number `frame` within the first playing of the lines."""
        return frame if self._period is None else frame - max(frame // self._period, 0) * self._period

    def at(self, frame: int) -> Hints:
        """The hints of 16th number `frame`."""
        place = self._place(frame)
        piece = self._spans[-1][0] - place
        number = bisect_right(self._ends, place, key=lambda end: end[1] - 1)
        phrase = self._ends[min(number, len(self._ends) - 1)][0] - place
        knows_phrase = max(phrase, 0) <= DISTANCE_BOUNDS[-1]
        ends = [int(distance_class(max(distance, 0))) for distance in (phrase, piece)]
        if not knows_phrase:
            ends[0] = DISTANCE_UNKNOWN
        fermata = FERMATA_UNKNOWN if not knows_phrase else FERMATA if phrase <= 0 else NO_FERMATA
        coming, coming_in = (
            self._coming(place) if self._tells_notes else ([UNKNOWN] * COMING, [DISTANCE_UNKNOWN] * COMING)
        )
        return Hints(
            np.array([fermata]), np.array([self.home]), np.array([ends]), np.array([coming]), np.array([coming_in])
        )

    def _coming(self, place: int) -> tuple[list[int], list[int]]:
        first, count = bisect_right(self._onsets, place), len(self._onsets)
        coming, coming_in = [], []
        for number in range(first, first + COMING):
            if number < count or self._period is not None:
                onset = self._onsets[number % count] + number // count * (self._period or 0)
                coming.append(self._symbols[number % count])
            else:  # after the end it rests
                onset = max(self._onsets[-1], place + 1)
                coming.append(REST)
            coming_in.append(int(distance_class(onset - place)))
        return coming, coming_in

"""MaxOrder (Papadopoulos, Roy, Pachet, AAAI 2014): no run of L events of a melody is a run of the corpus, in any key.

Runs are compared by their intervals and durations, so that a copy in another key, or an octave higher, is a copy.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from daemon.errors import JamdError
from daemon.markov.automaton import Automaton
from daemon.markov.events import REST, MelodyEvent

MOST_TRIES = 2000
_REST_STEP = 1023  # in place of the interval; intervals are less
_LONGEST = 1 << 20  # ticks: durations of events are less


@dataclass(frozen=True, slots=True)
class Copy:
    """The longest run that a melody has in common with a corpus: `length` events, from the event `at` of the melody and
    from the event `source` of the piece `piece` on, `semitones` higher than there."""

    length: int
    at: int = 0
    piece: int = 0
    source: int = 0
    semitones: int = 0


class CopyIndex:
    """All runs of `max_order` events of a corpus, up to transposition. Memory: about 200 bytes per event."""

    def __init__(self, pieces: Iterable[Sequence[MelodyEvent]], max_order: int) -> None:
        if max_order < 2:
            raise ValueError(f"max_order is {max_order}, and every single note is in the corpus: choose 2 or more")
        self.max_order = max_order
        self.pieces = tuple(pieces)
        self._runs = frozenset(run for piece in self.pieces for run in _runs(*_columns(piece), max_order))

    def copies(self, melody: Sequence[MelodyEvent]) -> bool:
        """Whether a run of `max_order` events of the melody is in the corpus."""
        return not self._runs.isdisjoint(_runs(*_columns(melody), self.max_order))


class CopyError(JamdError):
    """All samples are copies of the corpus."""

    exit_code = 2


class Samples(Protocol):
    """A sampler of melodies."""

    def sample(self, random: np.random.Generator) -> tuple[Any, ...]: ...


@dataclass(frozen=True, slots=True)
class Accepted:
    """The first sample without a copy: `events`, and the number of samples drawn until then."""

    events: tuple[MelodyEvent, ...]
    tries: int


def without_copies(
    sampler: Samples, index: CopyIndex, random: np.random.Generator, most_tries: int = MOST_TRIES
) -> Accepted:
    """Draw until a sample is no copy: exactly the sampler's distribution, given that there is none.

    Raises CopyError after `most_tries` samples, which says which max_order is possible.
    """
    for tries in range(1, most_tries + 1):
        if not index.copies(events := sampler.sample(random)):
            return Accepted(events, tries)
    shortest = min(longest_copy(sampler.sample(random), index.pieces).length for _ in range(10))
    raise CopyError(
        f"max_order {index.max_order}: all of {most_tries} melodies repeat {index.max_order} notes of the corpus: "
        f"set max_order to {max(shortest, index.max_order) + 1} or more, a lower order, or a blend of styles"
    )


def longest_copy(melody: Sequence[MelodyEvent], pieces: Iterable[Sequence[MelodyEvent]]) -> Copy:
    """Compares each event of the melody with each of the corpus: 0.1 s for 50 events and 40,000."""
    pieces = list(pieces)
    starts = np.cumsum([1, *(len(piece) + 1 for piece in pieces)])
    gap = [(REST, 0)]  # before and after each piece: no event lasts 0 ticks
    pitches, durations = _columns([*gap, *(event for piece in pieces for event in (*piece, *gap))])
    silent, never = pitches == REST, np.int32(_REST_STEP)
    # Of the common run that ends with each event of the corpus: its length, how many rests are at its end, and its
    # transposition, which rests alone do not have.
    length, rests, shift = np.zeros_like(pitches), np.zeros_like(pitches), np.full_like(pitches, never)
    longest = Copy(0)
    for at, (pitch, duration) in enumerate(melody):
        length, rests, shift = (np.roll(values, 1) for values in (length, rests, shift))
        if pitch == REST:
            rests += 1
        else:
            moved = pitch - pitches
            length = np.where((shift == never) | (shift == moved), length, rests)
            rests, shift = np.zeros_like(rests), moved
        same = (durations == duration) & (silent == (pitch == REST))
        length, rests, shift = (length + 1) * same, rests * same, np.where(same, shift, never)
        end = int(length.argmax())
        if (size := int(length[end])) > longest.length:
            piece = int(np.searchsorted(starts, end, side="right")) - 1
            semitones = 0 if shift[end] == never else int(shift[end])
            longest = Copy(size, at + 1 - size, piece, end + 1 - size - int(starts[piece]), semitones)
    return longest


def _columns(melody: Sequence[MelodyEvent]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Pitches and durations."""
    table = np.array(melody, np.int32).reshape(-1, 2)
    return table[:, 0], table[:, 1]


def _runs(pitches: NDArray[np.int32], durations: NDArray[np.int32], length: int) -> list[bytes]:
    """Each run of `length` events, with its pitches relative to its first note, as bytes."""
    if len(pitches) < length:
        return []
    windows = np.lib.stride_tricks.sliding_window_view(pitches, length)
    sounding = windows != REST
    first = windows[np.arange(len(windows)), sounding.argmax(axis=1)]
    steps = np.where(sounding, windows - first[:, None], _REST_STEP)
    rows = steps * _LONGEST + np.lib.stride_tricks.sliding_window_view(durations, length)
    rows = np.ascontiguousarray(rows, np.int32)
    return [row.tobytes() for row in rows]


def automaton_without_copies(pieces: Iterable[Sequence[MelodyEvent]], max_order: int) -> Automaton:
    """Accepts the melodies of which no run of `max_order` events is in the corpus (as Aho and Corasick, CACM 1975).

    A state is the longest run at the end of what was read that begins a run of the corpus. With a model there are about
    as many states as the corpus has events, times `max_order`: for small corpora where rejection accepts too little.
    """
    runs = {shape for piece in pieces for shape in _shapes(piece, max_order)}
    beginnings = {run[:length] for run in runs for length in range(1, max_order)}

    def step(state: tuple[MelodyEvent, ...], event: MelodyEvent) -> tuple[MelodyEvent, ...] | None:
        read = (*state, event)
        if _shape(read) in runs:
            return None
        while read and _shape(read) not in beginnings:
            read = read[1:]
        return read

    return Automaton((), step)


def _shapes(piece: Sequence[MelodyEvent], length: int) -> list[tuple[MelodyEvent, ...]]:
    return [_shape(piece[at : at + length]) for at in range(len(piece) - length + 1)]


def _shape(run: Sequence[MelodyEvent]) -> tuple[MelodyEvent, ...]:
    """The run with its pitches relative to its first note."""
    first = next((pitch for pitch, _ in run if pitch != REST), 0)
    return tuple((pitch if pitch == REST else pitch - first, duration) for pitch, duration in run)

"""MaxOrder (Papadopoulos, Roy, Pachet, AAAI 2014): no run of L events of a melody is a run of the corpus, in any key.

Runs are compared by their intervals and durations, so that a copy in another key, or an octave higher, is a copy. A
melody with a copy is rejected. An automaton of the melodies without copies takes too much: in the product with a model
of order 2, 32,000 edges for a corpus of 180 events, 590,000 for one of 630, and styles have 20,000 events with their
background.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from struct import pack
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from daemon.errors import InputError
from daemon.markov.events import REST, MelodyEvent

# Samples; the part of a sample: if none gets so far without a copy, the share without one is about 1 of 100,000.
ASSESSED, HOPELESS = 100, 0.4
COMPARED = 25  # samples, one of which at least has no copy with the max_order that an error names
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


class Melody(Protocol):
    """Of what is drawn. `given`: whether each event is given, or nothing if none is."""

    @property
    def events(self) -> Sequence[MelodyEvent]: ...
    @property
    def given(self) -> Sequence[bool]: ...


MelodyT = TypeVar("MelodyT", bound=Melody)


class CopyIndex:
    """All runs of `max_order` events of a corpus, up to transposition. Memory: about 200 bytes per event."""

    def __init__(self, pieces: Iterable[Sequence[MelodyEvent]], max_order: int) -> None:
        if max_order < 2:
            raise ValueError(f"max_order is {max_order}, and every single note is in the corpus: choose 2 or more")
        self.max_order = max_order
        self.pieces = tuple(pieces)
        self._runs = frozenset(run for piece in self.pieces for run in _runs(*_columns(piece), max_order))

    def before_copy(self, melody: Sequence[MelodyEvent], given: Sequence[bool] = ()) -> int | None:
        """After how many events of the melody its first run of `max_order` events ends that is in the corpus; None if
        none is. A run of which all events are given is no copy."""
        copied = np.array([run in self._runs for run in _runs(*_columns(melody), self.max_order)], bool)
        if any(given) and len(copied):
            copied &= ~np.lib.stride_tricks.sliding_window_view(np.array(given, bool), self.max_order).all(axis=1)
        return int(copied.argmax()) + self.max_order if copied.any() else None

    def copies(self, melody: Sequence[MelodyEvent], given: Sequence[bool] = ()) -> bool:
        return self.before_copy(melody, given) is not None

    def ends_with_copy(self, melody: Sequence[MelodyEvent]) -> bool:
        """Whether the latest `max_order` events are in the corpus."""
        run = melody[-self.max_order :]
        first = next((pitch for pitch, _ in run if pitch != REST), 0)
        steps = ((_REST_STEP if pitch == REST else pitch - first) * _LONGEST + ticks for pitch, ticks in run)
        return len(run) == self.max_order and pack(f"={self.max_order}i", *steps) in self._runs


class CopyError(InputError):
    """All samples are copies of the corpus. `enough`: the smallest max_order that would do."""

    def __init__(self, message: str, enough: int) -> None:
        super().__init__(message)
        self.enough = enough


Stop = Callable[[Sequence[MelodyEvent]], bool]


def without_copies(draw: Callable[[Stop | None], MelodyT], index: CopyIndex, most_tries: int) -> tuple[MelodyT, int]:
    """The first sample without a copy, and how many were drawn until then: exactly the distribution of `draw`, given
    that there is no copy. `draw(stop)` may end a sample as soon as `stop(events)`: it has a copy.

    Raises CopyError after `most_tries` samples, or where there is no hope, with the smallest max_order that would do.
    """
    farthest = 0  # tick without a copy
    for tries in range(1, most_tries + 1):
        sample = draw(index.ends_with_copy)
        if (copied := index.before_copy(sample.events, sample.given)) is None:
            return sample, tries
        farthest = max(farthest, sum(ticks for _, ticks in sample.events[:copied]))
        if tries == ASSESSED and farthest < HOPELESS * sum(ticks for _, ticks in draw(None).events):
            break
    samples, longer = [draw(None) for _ in range(COMPARED)], index
    while longer is index or all(longer.copies(sample.events, sample.given) for sample in samples):
        longer = CopyIndex(index.pieces, longer.max_order + 1)
    raise CopyError(
        f"all of {tries:,} melodies have {index.max_order} notes in a row of the style's pieces: "
        f"set max_order to {longer.max_order} or more, or choose a lower order or other styles",
        longer.max_order,
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

"""Musical checks: figures in which a model's music is compared with real music.

Pitch-class entropy, scale consistency, groove consistency and empty-beat rate are muspy's (Dong et al., "MusPy: A
toolkit for symbolic music generation", ISMIR 2020, after Mogren 2016, Wu and Yang 2020, and Dong et al. 2018), to the
letter, at a resolution of four steps a beat. Onsets and durations are in beats from a bar line; the grid is of 16ths.
A figure that is not defined for a piece is NaN, as in muspy.
"""

import math
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from daemon.encodings.melody.events import STEPS_PER_BEAT, step_of
from daemon.errors import JamdError
from daemon.music.melody import Note

MAJOR = frozenset((0, 2, 4, 5, 7, 9, 11))  # natural minor has the same notes


class NoPieces(JamdError):
    """There is no piece to compare."""

    exit_code = 2


def pitch_class_entropy(notes: Sequence[Note]) -> float:
    """−Σ p·log₂ p over the pitch classes, in bits: 0 for one class, 3.58 for twelve equal ones."""
    counts = Counter(note.pitch % 12 for note in notes)
    return -sum(n / len(notes) * math.log2(n / len(notes)) for n in counts.values()) + 0.0


def scale_consistency(notes: Sequence[Note]) -> float:
    """The largest share of notes that lie in one major or natural minor scale."""
    return max(sum((note.pitch - root) % 12 in MAJOR for note in notes) for root in range(12)) / len(notes)


def groove_consistency(notes: Sequence[Note], meter: float) -> float:
    """1 − the mean difference of adjacent bars: the share of 16ths with an onset in one of the two only.

    The last bar is that in which the last note ends, even if the note ends as the bar begins. NaN for a single bar.
    """
    bar = step_of(meter)
    bars = max(step_of(note.onset + note.duration) for note in notes) // bar + 1
    if bars < 2:
        return math.nan
    grid = np.zeros((bars, bar), bool)
    for note in notes:
        grid[divmod(step(note), bar)] = True
    return 1 - float((grid[:-1] != grid[1:]).mean())


def empty_beat_rate(notes: Sequence[Note]) -> float:
    """The share of beats in which nothing sounds. A note counts in the beat in which it ends, even if it ends as the
    beat begins; the last beat is that in which the last note ends. NaN for a piece without length.
    """
    spans = [(step(note), step_of(note.onset + note.duration)) for note in notes]
    length = max(end for _, end in spans)
    if length < 1:
        return math.nan
    heard = np.zeros(length // STEPS_PER_BEAT + 1, bool)
    for start, end in spans:
        heard[start // STEPS_PER_BEAT : end // STEPS_PER_BEAT + 1] = True
    return 1 - float(heard.mean())


def note_density(notes: Sequence[Note]) -> float:
    """Notes per beat, up to the end of the last note."""
    return len(notes) / max(note.onset + note.duration for note in notes)


def repetition(notes: Sequence[Note], beats: float) -> float:
    """The share of notes after the first `beats` with an onset of the same pitch `beats` earlier."""
    back = round(beats * STEPS_PER_BEAT)
    places = {(step(note), note.pitch) for note in notes}
    later = [(place, pitch) for place, pitch in places if place >= back]
    return sum((place - back, pitch) in places for place, pitch in later) / len(later) if later else 0.0


def step(note: Note) -> int:
    """The 16th that the note begins in."""
    return step_of(note.onset)


def melody_tokens(notes: Sequence[Note]) -> list[int]:
    """A number for each note but the first: interval and distance in 16ths from the note before. Alike in all keys."""
    return [
        (after.pitch - note.pitch + 128) * 1024 + min(step(after) - step(note), 1023) for note, after in pairwise(notes)
    ]


def drum_tokens(notes: Sequence[Note]) -> list[int]:
    """A number for each hit but the first: the drum, and the distance in 16ths from the hit before."""
    return [after.pitch * 1024 + min(step(after) - step(note), 1023) for note, after in pairwise(notes)]


class Corpus:
    """Pieces as rows of tokens, in which copied passages are found."""

    def __init__(self, rows: Iterable[Sequence[int]]) -> None:
        gap = -1  # between rows: numbers that no piece has
        flat: list[int] = []
        for row in rows:
            flat += [*row, gap]
            gap -= 1
        self._tokens = np.array(flat, dtype=np.int64)
        self._known: dict[int, NDArray[np.uint64]] = {}

    def longest_copy(self, tokens: Sequence[int]) -> int:
        """Length of the longest passage of a piece, in tokens, that is in the corpus."""
        row = np.array(tokens, dtype=np.int64)
        least, beyond = 0, 4
        while beyond <= len(row) and self._has_one_of(row, beyond):
            least, beyond = beyond, 2 * beyond
        beyond = min(beyond, len(row) + 1)
        while beyond - least > 1:
            length = (least + beyond) // 2
            if self._has_one_of(row, length):
                least = length
            else:
                beyond = length
        return least

    def _has_one_of(self, row: NDArray[np.int64], length: int) -> bool:
        """Whether any passage of `length` tokens is in the corpus."""
        if length not in self._known:
            self._known[length] = np.sort(hashes(self._tokens, length))
        known, wanted = self._known[length], hashes(row, length)
        if not len(known):
            return False
        places = np.searchsorted(known, wanted).clip(max=len(known) - 1)
        return bool((known[places] == wanted).any())


FACTOR = 0x100000001B3  # odd, so that it has an inverse modulo 2⁶⁴


def hashes(tokens: NDArray[np.int64], length: int) -> NDArray[np.uint64]:
    """A 64-bit hash of each passage of `length` tokens: a polynomial of the tokens (Karp and Rabin 1987). Different
    passages have the same hash once in 10¹⁹."""
    if len(tokens) < length:
        return np.zeros(0, np.uint64)
    mixed = tokens.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(32)
    sums = np.append(np.uint64(0), (mixed * powers(FACTOR, len(tokens))).cumsum(dtype=np.uint64))
    back = powers(pow(FACTOR, -1, 1 << 64), len(tokens) - length + 1)
    return (sums[length:] - sums[:-length]) * back


def powers(factor: int, count: int) -> NDArray[np.uint64]:
    """1, factor, factor², … modulo 2⁶⁴."""
    row = np.full(count, factor, dtype=np.uint64)
    row[:1] = 1
    return row.cumprod(dtype=np.uint64)


def figures(notes: Sequence[Note], meter: float, pitched: bool = True) -> dict[str, float]:
    """All figures of one piece that need no corpus; without `pitched`, for drums, those of pitches are left out."""
    found = {"pitch_class_entropy": pitch_class_entropy(notes), "scale_consistency": scale_consistency(notes)}
    return {
        **(found if pitched else {}),
        "groove_consistency": groove_consistency(notes, meter),
        "empty_beat_rate": empty_beat_rate(notes),
        "note_density": note_density(notes),
        "repetition_1_bar": repetition(notes, meter),
        "repetition_2_bars": repetition(notes, 2 * meter),
    }


def means(rows: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """The mean of each figure over the pieces for which it is defined. Raises NoPieces if there are no pieces."""
    listed = list(rows)
    if not listed:
        raise NoPieces("there is no piece to compare: choose more of them, or shorter ones")
    found = {name: [row[name] for row in listed if not math.isnan(row[name])] for name in listed[0]}
    return {name: float(np.mean(values)) if values else math.nan for name, values in found.items()}


def table(columns: Mapping[str, Mapping[str, float]]) -> str:
    """A Markdown table: a line for each figure, a column for each source of music."""
    names = next(iter(columns.values()))
    lines = [f"| | {' | '.join(columns)} |", f"|---|{'---|' * len(columns)}"]
    lines += [f"| {name} | {' | '.join(f'{column[name]:.3g}' for column in columns.values())} |" for name in names]
    return "\n".join(lines)


def failures(real: Mapping[str, float], model: Mapping[str, float], limits: Mapping[str, float]) -> list[str]:
    """A line for each figure of a model that is not defined, or farther from that of real music than its limit."""
    return [
        f"{name}: {model[name]:.3f}, real music has {real[name]:.3f}: they may differ by {limit}"
        for name, limit in limits.items()
        if not abs(model[name] - real[name]) <= limit
    ]


def report(columns: Mapping[str, Mapping[str, float]], real: str, model: str, limits: Mapping[str, float]) -> int:
    """Print the table, and on stderr the failures of one model's column. Exit code 1 if there are any."""
    print(table(columns))
    found = failures(columns[real], columns[model], limits)
    for line in found:
        print(f"{model}: {line}", file=sys.stderr)
    return 1 if found else 0

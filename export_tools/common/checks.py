"""Musical checks: figures that compare a model's music with real music.

Pitch-class entropy, scale consistency, groove consistency and empty-beat rate are exactly those of muspy (Dong et al.,
"MusPy: A toolkit for symbolic music generation", ISMIR 2020, after Mogren 2016, Wu and Yang 2020, and Dong et al. 2018)
at a resolution of four steps a beat. Onsets and durations are in beats from a bar line, on a grid of 16ths. A figure
that is not defined for a piece is NaN, as in muspy.
"""

import math
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from daemon.encodings.melody.events import MAJOR, STEPS_PER_BEAT, step_of
from daemon.errors import InputError
from daemon.music.melody import Note


class NoPieces(InputError):
    """There is no piece to compare."""


def pitch_class_entropy(notes: Sequence[Note]) -> float:
    """−Σ p·log₂ p over the pitch classes, in bits: 0 for one class, 3.58 for twelve equal ones."""
    counts = Counter(note.pitch % 12 for note in notes)
    return -sum(n / len(notes) * math.log2(n / len(notes)) for n in counts.values()) + 0.0


def scale_consistency(notes: Sequence[Note]) -> float:
    """The largest share of notes that lie in one major scale, or in the natural minor scale of the same notes."""
    return max(sum((note.pitch - root) % 12 in MAJOR for note in notes) for root in range(12)) / len(notes)


def groove_consistency(notes: Sequence[Note], meter: float) -> float:
    """1 − the mean difference of adjacent bars, which is the share of 16ths with an onset in only one of the two.

    The last bar is the one in which the last note ends, even if the note ends as the bar begins. NaN for a single bar.
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
    """The share of beats in which nothing sounds.

    A note sounds in the beat in which the note ends, even if it ends as the beat begins; the last beat is the one in
    which the last note ends. NaN for a piece without length.
    """
    spans = [(step(note), step_of(note.onset + note.duration)) for note in notes]
    length = max(end for _, end in spans)
    if length < 1:
        return math.nan
    sounding = np.zeros(length // STEPS_PER_BEAT + 1, bool)
    for start, end in spans:
        sounding[start // STEPS_PER_BEAT : end // STEPS_PER_BEAT + 1] = True
    return 1 - float(sounding.mean())


def note_density(notes: Sequence[Note]) -> float:
    """Notes per beat, up to the end of the last note."""
    return len(notes) / max(note.onset + note.duration for note in notes)


def repetition(notes: Sequence[Note], beats: float) -> float:
    """Of the notes after the first `beats`, the share with an onset of the same pitch `beats` earlier."""
    distance = round(beats * STEPS_PER_BEAT)
    onsets = {(step(note), note.pitch) for note in notes}
    later = [(onset, pitch) for onset, pitch in onsets if onset >= distance]
    return sum((onset - distance, pitch) in onsets for onset, pitch in later) / len(later) if later else 0.0


def step(note: Note) -> int:
    """Number of the 16th of the note's onset."""
    return step_of(note.onset)


def melody_tokens(notes: Sequence[Note]) -> list[int]:
    """A number for each note after the first: interval and distance in 16ths from the note before; equal in any key."""
    return [
        (after.pitch - note.pitch + 128) * 1024 + min(step(after) - step(note), 1023) for note, after in pairwise(notes)
    ]


def drum_tokens(notes: Sequence[Note]) -> list[int]:
    """A number for each hit after the first: the drum, and the distance in 16ths from the hit before."""
    return [after.pitch * 1024 + min(step(after) - step(note), 1023) for note, after in pairwise(notes)]


class Corpus:
    """Pieces, as rows of tokens, in which copied passages are searched for."""

    def __init__(self, rows: Iterable[Sequence[int]]) -> None:
        separator = -1  # after each row: a number that occurs only once, so that no passage spans two rows
        flat: list[int] = []
        for row in rows:
            flat += [*row, separator]
            separator -= 1
        self._tokens = np.array(flat, dtype=np.int64)
        self._hashes: dict[int, NDArray[np.uint64]] = {}  # sorted, of all passages of a length

    def longest_copy(self, tokens: Sequence[int]) -> int:
        """Length, in tokens, of the longest passage of a piece that is in the corpus."""
        row = np.array(tokens, dtype=np.int64)
        found, not_found = 0, 4  # lengths
        while not_found <= len(row) and self._has_passage(row, not_found):
            found, not_found = not_found, 2 * not_found
        not_found = min(not_found, len(row) + 1)
        while not_found - found > 1:
            length = (found + not_found) // 2
            if self._has_passage(row, length):
                found = length
            else:
                not_found = length
        return found

    def _has_passage(self, row: NDArray[np.int64], length: int) -> bool:
        """Whether any passage of `length` tokens of a row is in the corpus."""
        if length not in self._hashes:
            self._hashes[length] = np.sort(hashes(self._tokens, length))
        known, searched = self._hashes[length], hashes(row, length)
        if not len(known):
            return False
        places = np.searchsorted(known, searched).clip(max=len(known) - 1)
        return bool((known[places] == searched).any())


HASH_FACTOR = 0x100000001B3  # odd, so that it has an inverse modulo 2⁶⁴


def hashes(tokens: NDArray[np.int64], length: int) -> NDArray[np.uint64]:
    """A 64-bit hash of each passage of `length` tokens: a polynomial of the tokens (Karp and Rabin 1987). Two different
    passages have the same hash with a probability of 10⁻¹⁹."""
    if len(tokens) < length:
        return np.zeros(0, np.uint64)
    mixed = tokens.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(32)
    sums = np.append(np.uint64(0), (mixed * powers(HASH_FACTOR, len(tokens))).cumsum(dtype=np.uint64))
    inverses = powers(pow(HASH_FACTOR, -1, 1 << 64), len(tokens) - length + 1)
    return (sums[length:] - sums[:-length]) * inverses


def powers(factor: int, count: int) -> NDArray[np.uint64]:
    """1, factor, factor², … modulo 2⁶⁴."""
    row = np.full(count, factor, dtype=np.uint64)
    row[:1] = 1
    return row.cumprod(dtype=np.uint64)


def figures(notes: Sequence[Note], meter: float, pitched: bool = True) -> dict[str, float]:
    """All figures of one piece that need no corpus. `pitched`: include those of pitches, which drums do not have."""
    of_pitches = {"pitch_class_entropy": pitch_class_entropy(notes), "scale_consistency": scale_consistency(notes)}
    return {
        **(of_pitches if pitched else {}),
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
    defined = {name: [row[name] for row in listed if not math.isnan(row[name])] for name in listed[0]}
    return {name: float(np.mean(values)) if values else math.nan for name, values in defined.items()}


def table(columns: Mapping[str, Mapping[str, float]]) -> str:
    """A Markdown table with a row for each figure and a column for each source of music."""
    names = next(iter(columns.values()))
    lines = [f"| | {' | '.join(columns)} |", f"|---|{'---|' * len(columns)}"]
    lines += [f"| {name} | {' | '.join(f'{column[name]:.3g}' for column in columns.values())} |" for name in names]
    return "\n".join(lines)


def failures(real: Mapping[str, float], model: Mapping[str, float], limits: Mapping[str, float]) -> list[str]:
    """A line for each figure of a model that is undefined or differs from real music's by more than its limit."""
    return [
        f"{name}: {model[name]:.3f}, real music has {real[name]:.3f}: they may differ by {limit}"
        for name, limit in limits.items()
        if not abs(model[name] - real[name]) <= limit
    ]


def report(columns: Mapping[str, Mapping[str, float]], real: str, model: str, limits: Mapping[str, float]) -> int:
    """Print the table, and on stderr the failures of the column `model` compared with the column `real`. Returns the
    exit code: 1 if there are failures."""
    print(table(columns))
    failed = failures(columns[real], columns[model], limits)
    for line in failed:
        print(f"{model}: {line}", file=sys.stderr)
    return 1 if failed else 0

"""How notes and rests are written: pieces with a note value, tied together, and triplets.

Positions are in ticks of the bar; a quarter note has 24, so that triplets and 32nds are whole numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

TICKS = 24
_BEAMS = {"eighth": 1, "16th": 2, "32nd": 3}
VALUES = {  # of ticks: type and dots
    96: ("whole", 0), 72: ("half", 1), 48: ("half", 0), 36: ("quarter", 1), 24: ("quarter", 0), 18: ("eighth", 1),
    12: ("eighth", 0), 9: ("16th", 1), 6: ("16th", 0), 3: ("32nd", 0), 144: ("whole", 1), 192: ("breve", 0),
}  # fmt: skip
_TRIPLET_VALUES = {
    32: ("half", 0),
    16: ("quarter", 0),
    12: ("eighth", 1),
    8: ("eighth", 0),
    4: ("16th", 0),
    2: ("32nd", 0),
}


@dataclass(frozen=True, slots=True)
class Piece:
    """`pitch`: None for a rest. `type`, `dots`: the note value; of three in the time of two, where `is_triplet`.
    `begins`, `ends`: a bracket of a triplet. `continues`, `is_continued`: tied to the piece before, to the next."""

    start: int
    duration: int
    pitch: int | None
    type: str
    dots: int
    is_triplet: bool = False
    begins: bool = False
    ends: bool = False
    continues: bool = False
    is_continued: bool = False


def beams_of(pieces: Sequence[Piece], meter: tuple[int, int]) -> list[list[str]]:
    """For each piece the beams that join it to its neighbours, as MusicXML names them: of eighths, 16ths and 32nds."""
    beats, unit = meter
    pulse = 3 * TICKS // 2 if is_compound(meter) else TICKS
    found: list[list[str]] = [[] for _ in pieces]
    groups: dict[int, list[int]] = {}
    for number, piece in enumerate(pieces):
        if piece.pitch is not None and piece.type in _BEAMS:
            groups.setdefault(piece.start // pulse, []).append(number)
    if pulse == TICKS and beats * 4 // unit % 2 == 0:  # two beats of eighths are one group
        for beat in [beat for beat in groups if beat % 2 == 0 and beat + 1 in groups]:
            both = groups[beat] + groups[beat + 1]
            if all(_is_eighth(pieces[each]) for each in both):
                groups[beat] = both
                del groups[beat + 1]
    for group in (run for numbers in groups.values() for run in _runs(numbers)):
        for level in range(1, 4):
            for run in _runs([each for each in group if _BEAMS[pieces[each].type] >= level]):
                if len(run) > 1:
                    for each in run:
                        found[each].append("begin" if each == run[0] else "end" if each == run[-1] else "continue")
                elif len(group) > 1:
                    found[run[0]].append("forward hook" if run[0] == group[0] else "backward hook")
    return found


def _is_eighth(piece: Piece) -> bool:
    return piece.type == "eighth" and not piece.dots and not piece.is_triplet


def _runs(numbers: list[int]) -> list[list[int]]:
    """Parts of consecutive numbers."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and runs[-1][-1] == number - 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return runs


def quantised(beat: float) -> int:
    """The nearest tick that can be written: of triplet 32nds, or of 32nds."""
    exact = beat * TICKS
    return min((round(exact / 2) * 2, round(exact / 3) * 3), key=lambda tick: abs(tick - exact))


def pieces_of(notes: Iterable[tuple[int, int, int | None]], meter: tuple[int, int]) -> list[Piece]:
    """The notes and rests (start, end, pitch) of a bar, which follow each other without a gap, as pieces."""
    notes = list(notes)
    triplets = list(_triplets({start for start, _, _ in notes} | {end for _, end, _ in notes}))
    notes = [(_snapped(start, triplets), _snapped(end, triplets), pitch) for start, end, pitch in notes]
    pieces: list[Piece] = []
    for start, end, pitch in notes:
        written: list[Piece] = []
        for first, last, cell in _cut(start, end, triplets):
            values = _in_triplet(first, last) if cell else _plain(first, last, meter, pitch is None)
            for at, until, (type, dots) in values:
                begins, ends = (cell is not None and at == cell[0]), (cell is not None and until == cell[1])
                written.append(Piece(at, until - at, pitch, type, dots, cell is not None, begins, ends))
        if pitch is not None:
            written = [
                replace(piece, continues=number > 0, is_continued=number < len(written) - 1)
                for number, piece in enumerate(written)
            ]
        pieces += written
    return pieces


def _snapped(tick: int, triplets: list[tuple[int, int]]) -> int:
    """On the grid of triplet 32nds, within a triplet."""
    return tick + tick % 2 if any(start < tick < end for start, end in triplets) else tick


def _triplets(boundaries: set[int]) -> Iterator[tuple[int, int]]:
    """The beats, or pairs of beats, that are divided by three: those with a boundary off the grid of 32nds."""
    odd = {boundary // TICKS for boundary in boundaries if boundary % 3}
    done: set[int] = set()
    for beat in sorted(odd):
        if beat in done:
            continue
        start, end = beat * TICKS, (beat + 1) * TICKS
        pair = beat // 2 * 2 * TICKS
        within = {boundary - pair for boundary in boundaries if pair < boundary < pair + 2 * TICKS}
        if within == {16, 32} or (len(within) == 1 and within <= {16, 32} and pair + 2 * TICKS in boundaries):
            start, end = pair, pair + 2 * TICKS  # quarter notes, three in the time of two
            done |= {beat, beat + 1} if beat % 2 == 0 else {beat}
        yield start, end


def _cut(start: int, end: int, triplets: list[tuple[int, int]]) -> Iterator[tuple[int, int, tuple[int, int] | None]]:
    """[start, end) cut at the borders of triplets; the triplet that each part lies in."""
    at = start
    for cell in triplets:
        if cell[1] <= at or cell[0] >= end:
            continue
        if at < cell[0]:
            yield at, cell[0], None
            at = cell[0]
        until = min(end, cell[1])
        is_whole = (at, until) == cell
        yield at, until, None if is_whole else cell
        at = until
    if at < end:
        yield at, end, None


def _in_triplet(start: int, end: int) -> Iterator[tuple[int, int, tuple[str, int]]]:
    while start < end:
        length = next(length for length in _TRIPLET_VALUES if length <= end - start)
        yield start, start + length, _TRIPLET_VALUES[length]
        start += length


def _plain(start: int, end: int, meter: tuple[int, int], is_rest: bool) -> list[tuple[int, int, tuple[str, int]]]:
    """Split where a player counts: a value goes over the middle of a bar only from beat to beat, over a beat only from
    eighth to eighth, and so on; a rest only from one middle to the next, from beat to beat, and so on."""
    found: list[tuple[int, int, tuple[str, int]]] = []
    waiting = [(start, end)]
    while waiting:
        first, last = waiting.pop()
        at = _split(first, last, meter, is_rest)
        if at is None:
            found.append((first, last, VALUES[last - first]))
        else:
            waiting += [(at, last), (first, at)]
    return found


def _split(start: int, end: int, meter: tuple[int, int], is_rest: bool) -> int | None:
    """Where [start, end) has to be split; None if one value can be written."""
    has_value = end - start in VALUES and not (is_rest and VALUES[end - start][1] and not is_compound(meter))
    for unit, least in _levels(meter):
        least = unit if is_rest else least
        inside = range(start // unit * unit + unit, end, unit)
        if not inside:
            continue
        if has_value and start % least == 0 and end % least == 0:
            return None
        return inside[0] if len(inside) == 1 or start % unit else inside[-1]
    return None


def is_compound(meter: tuple[int, int]) -> bool:
    """Whether beats are of three parts, as in 6/8."""
    return meter[1] >= 8 and meter[0] % 3 == 0


def _levels(meter: tuple[int, int]) -> list[tuple[int, int]]:
    """From the strongest places of the bar to the weakest: (distance between them, what a value that goes over one has
    to begin and end on)."""
    beats, unit = meter
    length = beats * 4 * TICKS // unit
    if is_compound(meter):
        whole = [(72, 36)] if length % 72 == 0 and length > 72 else []
        return [*whole, (36, 36), (12, 6), (6, 3), (3, 3)]
    half = [(48, 24)] if length % 48 == 0 else []
    return [*half, (24, 12), (12, 6), (6, 3), (3, 3)]

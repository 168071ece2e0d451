"""How songs that are composed in the shipped styles differ from the styles' pieces, as a Markdown table.

    python -m export_tools.leadsheets.composed [NAME …] [--count N]

Songs of 16 bars in C major with phrases of four bars, in the meter that most pieces of the style have; the pieces are
those in major and in that meter. The counts share no code with the composer.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from daemon.music.chords import chord_of
from daemon.music.leadsheet import LeadSheet
from daemon.song.composer import Composer
from daemon.song.reader import read_song
from daemon.song.styles.pieces import QUALITIES, Piece
from daemon.song.styles.style_file import find_style, load_style, shipped_styles
from export_tools.common import command
from export_tools.common.files import write

SONG = "key: C\nmeter: {}/{}\nstyle: {}\nbars: 16\nphrases: 4\n"
QUARTER = 12  # ticks
PERIOD = 4  # bars after which the rhythm is compared
HEAD = (
    "| | on quarter notes, % | notes a bar | of chords, % of time | repeated, % | steps, % | over a fifth, % "
    "| rhythm of four bars before, % |\n|---|---|---|---|---|---|---|---|"
)
Notes = list[tuple[int, int, int]]  # onset and length in ticks, from the first bar line on; pitch above the tonic
Chords = list[tuple[int, int, frozenset[int]]]  # onset, length, pitch classes above the tonic


def of_piece(piece: Piece) -> tuple[Notes, Chords]:
    notes, at = [], piece.start
    for pitch, ticks in piece.melody:
        if pitch > -100 and at >= 0:  # a rest is far below
            notes.append((at, ticks, pitch))
        at += ticks
    chords, at = [], 0
    for root, quality, ticks in piece.chords:
        chords.append((at, ticks, frozenset((root + each) % 12 for each in QUALITIES[quality])))
        at += ticks
    return notes, chords


def of_sheet(sheet: LeadSheet) -> tuple[Notes, Chords]:
    notes = [(round(n.onset * QUARTER), round(n.duration * QUARTER), n.pitch) for n in sheet.melody]
    return notes, [
        (round(c.onset * QUARTER), round(c.duration * QUARTER), frozenset(chord_of(c.symbol).pitch_classes))
        for c in sheet.chords
    ]


def figures(music: Iterable[tuple[Notes, Chords]], bar: int) -> list[float]:
    """The columns of HEAD. `bar` in ticks."""
    on_quarters, moves, alike = list[bool](), list[int](), list[bool]()
    count = bars = inside = time = 0
    for notes, chords in music:
        count, bars = count + len(notes), bars + max((onset + ticks for onset, ticks, _ in notes), default=0) / bar
        on_quarters += [onset % QUARTER == 0 for onset, _, _ in notes]
        moves += [abs(after[2] - before[2]) for before, after in pairwise(notes)]
        for onset, ticks, pitch in notes:
            for begin, length, tones in chords:
                if tones and (common := min(onset + ticks, begin + length) - max(onset, begin)) > 0:
                    time, inside = time + common, inside + common * (pitch % 12 in tones)
        alike += _alike(notes, bar)
    sizes = np.array(moves)
    shares = (np.mean(sizes == 0), np.mean((sizes > 0) & (sizes <= 2)), np.mean(sizes > 7))
    percent = [np.mean(on_quarters), inside / max(time, 1), *shares, np.mean(alike)]
    found = [float(100 * share) for share in percent]
    return [found[0], count / max(bars, 1), *found[1:]]


def _alike(notes: Sequence[tuple[int, int, int]], bar: int) -> list[bool]:
    """Of each bar with two notes or more, whether notes begin at the same places PERIOD bars later."""
    places: dict[int, list[int]] = {}
    for onset, _, _ in notes:
        places.setdefault(onset // bar, []).append(onset % bar)
    last = max(places, default=0) - PERIOD
    return [own == places.get(n + PERIOD) for n, own in places.items() if len(own) > 1 and n <= last]


def compare(names: Sequence[str], count: int) -> int:
    print(HEAD)
    for name in names:
        pieces = [piece for piece in load_style(find_style(name)).pieces if piece.mode == "major"]
        ((beats, unit), _), *_ = Counter(piece.meter for piece in pieces).most_common()
        chosen = [of_piece(piece) for piece in pieces if piece.meter == (beats, unit)]
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "song.yaml"
            write(path, SONG.format(beats, unit, name).encode())
            composer = Composer(read_song(path))
        songs = [of_sheet(composer.compose(np.random.default_rng(seed))) for seed in range(count)]
        bar = beats * 4 * QUARTER // unit
        for side, music in (("", songs), (", pieces", chosen)):
            values = " | ".join(f"{value:.1f}" for value in figures(music, bar))
            print(f"| {name}{side} | {values} |", flush=True)
    return 0


def main(arguments: list[str] | None = None) -> int:
    parser = command.parser(__doc__)
    parser.add_argument("styles", nargs="*", metavar="NAME", default=shipped_styles())
    parser.add_argument("--count", type=command.positive_integer, default=60, help="songs of each style")
    args = parser.parse_args(arguments)
    return command.exit_code(lambda: compare(args.styles, args.count))


if __name__ == "__main__":
    sys.exit(main())

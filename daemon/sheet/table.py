"""The table of several sheets of a song, by how they differ from each other and from the pieces of their styles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from daemon.markov.max_order import longest_copy
from daemon.music.leadsheet import LeadSheet
from daemon.music.note_names import name_of_pitch
from daemon.sheet.differences import by_difference
from daemon.song.composing.models import load_styles
from daemon.song.description import Song
from daemon.song.styles.pieces import piece_of

HEAD = "  seed  notes  range    melody  chords  other than in  longest copy"


def table(song: Song, seeds: Sequence[int], sheets: Sequence[LeadSheet]) -> Iterator[str]:
    """A line for each sheet."""
    copies = _Copies(song)
    yield HEAD
    for difference in by_difference(sheets):
        sheet = sheets[difference.index]
        pitches = [note.pitch for note in sheet.melody]
        reach = f"{name_of_pitch(min(pitches))}–{name_of_pitch(max(pitches))}" if pitches else "–"
        shares, other = f"{'':14}", ""
        if difference.nearest is not None:
            shares, other = f"{difference.melody:6.0%}  {difference.chords:6.0%}", str(seeds[difference.nearest])
        row = f"{seeds[difference.index]:6}  {len(pitches):5}  {reach:7}  {shares}  {other:13}  {copies.of(sheet)}"
        yield row.rstrip()


class _Copies:
    """The pieces of a song's styles, and what a melody has in common with one, in any key."""

    def __init__(self, song: Song) -> None:
        styles = [style for style, _ in load_styles(song)]
        styles += [style.background for style in styles if style.background is not None]
        self._pieces = [piece for style in styles for piece in style.pieces]

    def of(self, sheet: LeadSheet) -> str:
        """So many notes and rests in a row, and the piece; "" without a melody or a style."""
        if not self._pieces or not sheet.melody:
            return ""
        copy = longest_copy(piece_of(sheet, sheet.key).melody, (piece.melody for piece in self._pieces))
        return f"{copy.length} of {self._pieces[copy.piece].title}" if copy.length else "none"

"""The table of several sheets: difference, range, and the longest copy of a piece of the song's style."""

from __future__ import annotations

from dataclasses import replace

from daemon.markov.events import REST, TICKS
from daemon.music.leadsheet import Key, LeadSheet
from daemon.music.melody import Note
from daemon.music.plan import PlannedChord, Section
from daemon.sheet.table import HEAD, table
from daemon.song.description import Song, SongSection
from daemon.song.styles.style_file import find_style, load_style

SONG = Song("T", Key(2), (4, 4), 120.0, ("A",), (SongSection("A", 4),), style=(("foster", 1.0),), file="song.yaml")


def sheet(*pitches: int) -> LeadSheet:
    notes = tuple(Note(float(n), 1.0, pitch, 90) for n, pitch in enumerate(pitches))
    return LeadSheet("T", Key(2), (4, 4), 120.0, 16.0, (PlannedChord(0.0, 16.0, "D"),), (Section(0, 16, "A"),), notes)


def test_the_longest_copy_names_the_piece() -> None:
    piece = next(piece for piece in load_style(find_style("foster")).pieces if piece.meter == (4, 4))
    notes, tick = [], piece.start
    for pitch, ticks in piece.melody[:20]:
        if pitch != REST:
            notes.append(Note(tick / TICKS, ticks / TICKS, 65 + pitch, 90))
        tick += ticks
    length = -(-tick // (4 * TICKS)) * 4.0
    own = replace(sheet(), melody=tuple(notes), length=length, chords=(PlannedChord(0.0, length, "D"),))
    other = replace(sheet(*range(40, 56)), length=length, chords=own.chords)
    head, first, second = table(SONG, [7, 8], [own, other])
    assert head == HEAD
    assert int(first.split()[3]) >= 19 and first.endswith(f" of {piece.title}")
    assert second.split()[:3] == ["8", "16", "E2–G3"] and second.split()[4:6] == ["0%", "7"]
    assert int(second.split()[3].rstrip("%")) > 90
    assert int(second.split()[6]) < 10


def test_without_a_style_or_a_melody_there_is_no_copy() -> None:
    assert list(table(replace(SONG, style=()), [1], [sheet(60, 62)]))[1].split() == ["1", "2", "C4–D4"]
    assert list(table(SONG, [1], [sheet()]))[1].split() == ["1", "0", "–"]

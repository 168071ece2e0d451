"""The form of a song: its sections in order, each at its beats."""

from __future__ import annotations

import re
from itertools import accumulate

from daemon.music.plan import Section
from daemon.song.description import Song
from daemon.song.positions import Grid

_LETTER = re.compile(r"[A-Z]['’]*|.")


def names_in(form: str) -> tuple[str, ...]:
    """The sections in a form: of AABA or AA'BA the letters, of a text with spaces the words."""
    text = form.replace("’", "'").replace(",", " ").strip()
    words = text.split()
    if len(words) == 1 and text.isascii() and text.replace("'", "").isupper():
        words = _LETTER.findall(text)
    return tuple(words)


def sections_of(song: Song) -> tuple[Section, ...]:
    """The sections of one chorus."""
    lengths = [song.section(name).bars * song.bar for name in song.form]
    onsets = [0.0, *accumulate(lengths)]
    return tuple(Section(onset, length, name) for onset, length, name in zip(onsets, lengths, song.form, strict=False))


def place_of(song: Song, beat: float) -> str:
    """Where a beat of the chorus lies, as messages name it: "A' 3.2"; of a song without sections just "3.2"."""
    sections = [section for section in sections_of(song) if section.onset <= max(beat, 0.0) + 1e-6]
    if len(song.form) == 1:
        return Grid(song.meter, song.bars).at(beat)
    last = sections[-1]
    number = len([each for each in sections if each.name == last.name])
    again = f" (number {number})" if song.form.count(last.name) > 1 else ""
    return f"{last.name}{again} {Grid(song.meter, song.section(last.name).bars).at(beat - last.onset)}"

"""The form of a song: its sections in order, each at its beats."""

from __future__ import annotations

import re
from itertools import accumulate

from daemon.music.plan import Section
from daemon.song.description import Song

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

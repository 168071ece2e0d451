"""Composes lead sheets from a song."""

from __future__ import annotations

import numpy as np

from daemon.errors import SongError
from daemon.music.leadsheet import LeadSheet
from daemon.song.description import Song
from daemon.song.sheet import given_music, lead_sheet


class Composer:
    """Compiles what a song asks for once; each chorus is then a quick sample.

    Raises SongError for an unknown style, and for constraints that cannot be met together.
    """

    def __init__(self, song: Song) -> None:
        self.song = song
        for name, _ in song.style:
            raise SongError([f"{song.file}: style: there is no style {name!r}: delete this line, and give all chords"])

    def compose(self, random: np.random.Generator) -> LeadSheet:
        """One chorus. A song without a style gives the same one each time."""
        return lead_sheet(self.song, {section.name: given_music(section) for section in self.song.sections})

"""The lead sheets whose statistics may be shipped: titles.json, checked by hand, with the year of each author's death.

The rule: a tune is traditional or has composers, and every known author of the work, composers and lyricists, died
before 1948. The index of the data set names some authors only, so it is not enough. When in doubt a title is left out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from daemon.song.styles.style import Source

DIED_BEFORE = 1948
_FILE = Path(__file__).with_name("titles.json")


@dataclass(frozen=True, slots=True)
class Title:
    """`music`, `words`: the authors, and the year of the death of each. `traditional`: the tune is."""

    title: str
    genre: str
    traditional: bool = False
    music: Mapping[str, int] = field(default_factory=dict)
    words: Mapping[str, int] = field(default_factory=dict)

    @property
    def may_be_shipped(self) -> bool:
        has_origin = self.traditional or bool(self.music)
        return has_origin and all(died < DIED_BEFORE for died in [*self.music.values(), *self.words.values()])

    def source(self, file: str) -> Source:
        return Source(self.title, file, self.traditional, self.music, self.words)


def titles() -> dict[str, Title]:
    """By the name of the file, without its suffix."""
    return {name: Title(**about) for name, about in json.loads(_FILE.read_text(encoding="utf-8")).items()}

"""Options of the engine `leadsheet`."""

from __future__ import annotations

from dataclasses import dataclass

from daemon.engines.options import option

SHEET, COMPOSED, KEYS = "sheet", "composed", "keys"  # as `chords` and `melody`

STAY, FOLLOW = "stay", "follow"  # as `harmony`


@dataclass(frozen=True)
class LeaderOptions:
    """The fields from `split` on are for `chords: keys`."""

    song: str = option("songs/blues.yaml", "the song: a description, a MusicXML sheet or a chord chart", file=True)
    choruses: int = option(0, "how many choruses, then the ending; 0: as the song says")
    seed: int = option(-1, "of what is composed; -1: as the song says, else that of the band")
    chords: str = option(SHEET, "what sets the chords: the song, or your left hand", choices=(SHEET, KEYS))
    melody: str = option(COMPOSED, "who plays the melody: the leader, or you", choices=(COMPOSED, KEYS))
    harmony: str = option(STAY, "under a melody of yours the chords stay, or follow it", choices=(STAY, FOLLOW))
    split: int = option(60, "the lowest key of the right hand; 0: the lowest cluster is the left hand")
    hold: bool = option(True, "a chord lasts after its keys are released, until the next one")
    rootless: bool = option(False, "you leave the roots to a bass: E G B D is Cmaj9, not Em7")

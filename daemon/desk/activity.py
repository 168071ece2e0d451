"""What jamd has heard and played since its start: for the log once a minute, and in a sentence at the end."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from daemon.entries import Entry, Heard, MelodyPlayed, Sent
from daemon.errors import printable_name
from daemon.music.events import is_note_on

MINUTE = 60.0


class Activity:
    """Counts the notes in the journal's entries; the time counts from `start` on."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._heard: Counter[str] = Counter()  # notes by input
        self._played: Counter[str] = Counter()  # notes by player
        self._melodies: Counter[str] = Counter()  # notes by fixed melody
        self._reported: Counter[str] = Counter()
        self.start()

    def start(self) -> None:
        """jamd is ready: the time begins."""
        self._began = self._clock()
        self._next_report = self._began + MINUTE

    def follow(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            match entry:
                case Sent() if is_note_on(entry.message):
                    self._played[entry.player] += 1
                case Heard() if is_note_on(entry.message):
                    self._heard[entry.source] += 1
                case MelodyPlayed() if is_note_on(entry.message):
                    self._melodies[entry.source] += 1

    def minute(self) -> str:
        """Once a minute, and if there were any: the notes since the last time, by source or player."""
        if self._clock() < self._next_report:
            return ""
        self._next_report = self._clock() + MINUTE
        total = self._heard + self._played + self._melodies
        new, self._reported = total - self._reported, total
        notes = ", ".join(f"{name} {count}" for name, count in sorted(new.items()))
        return f"notes in the last minute: {notes}" if notes else ""

    def summary(self, directory: Path | None, files: Sequence[Path], complete: bool) -> str:
        """How long, how many notes, and the MIDI files in the folder of the recordings (None: recording is off)."""
        notes = [_notes(self._heard, "heard"), _notes(self._played, "played")]
        where = "recording is off" if directory is None else "nothing to record"
        if files:
            where = f"recorded in {printable_name(str(files[-1]))}"
            if earlier := len(files) - 1:
                where += f" and {earlier} earlier file{'s' if earlier > 1 else ''} there"
        elif not complete:
            where = "the recording is not complete"
        return f"jamd ran for {_duration(self._clock() - self._began)}: {' and '.join(notes)}; {where}"


def _notes(counts: Counter[str], done: str) -> str:
    total = counts.total()
    text = f"{total:,} note{'s' if total > 1 else ''} {done}" if total else f"no notes {done}"
    names = ", ".join(f"{name} {count:,}" for name, count in counts.most_common())
    return f"{text} ({names})" if len(counts) > 1 else text


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [(hours, "h"), (minutes, "min"), (rest, "s")]
    return " ".join(f"{value} {unit}" for value, unit in parts if value) or "0 s"

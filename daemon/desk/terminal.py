"""The live line on the terminal: sounding notes and chords by player."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from daemon.commands import Panic
from daemon.entries import (
    Commanded,
    Entry,
    Heard,
    MelodyPlayed,
    PortLost,
    Reconfigured,
    Sent,
    Started,
    StateSaved,
    Stopped,
    TempoChanged,
)
from daemon.music.events import ends_notes, is_note_off, is_note_on

UPDATE_INTERVAL = 0.1  # seconds between two updates of the line
_NOTE_NAMES = ("C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B")
_CHORDS = {
    (0, 4, 7): "",
    (0, 3, 7): "m",
    (0, 3, 6): "dim",
    (0, 4, 8): "aug",
    (0, 5, 7): "sus4",
    (0, 4, 7, 10): "7",
    (0, 4, 7, 11): "maj7",
    (0, 3, 7, 10): "m7",
    (0, 3, 6, 10): "m7♭5",
    (0, 3, 6, 9): "dim7",
}


def note_name(pitch: int) -> str:
    """C4 is middle C, 60."""
    return f"{_NOTE_NAMES[pitch % 12]}{pitch // 12 - 1}"


def chord_name(pitches: Iterable[int]) -> str:
    """Root and quality of the chord, or an empty string. If several roots fit, the lowest sounding pitch decides."""
    low_first = sorted(pitches)
    classes = {pitch % 12 for pitch in low_first}
    for root in dict.fromkeys(pitch % 12 for pitch in low_first):
        quality = _CHORDS.get(tuple(sorted((c - root) % 12 for c in classes)))
        if quality is not None:
            return _NOTE_NAMES[root] + quality
    return ""


@dataclass(frozen=True, slots=True)
class Terminal:
    """Shows the line: `write` must not block; `is_free`: everything written so far has been output."""

    write: Callable[[str], object]
    is_free: Callable[[], bool]


class View:
    """Follows the journal's entries: keeps one line on a terminal up to date."""

    def __init__(self, terminal: Terminal | None) -> None:
        self.live = terminal is not None
        self._terminal = terminal
        self._sounding: dict[tuple[str, str], list[int]] = {}  # (source or player, voice) → pitches
        self._bpm = 0.0
        self._stopped = False
        self._shown = ""
        self._pending: asyncio.TimerHandle | None = None

    def follow(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            match entry:
                case Sent():
                    self._note((entry.player, entry.voice), entry.message)
                case Heard() | MelodyPlayed():
                    self._note((entry.source, ""), entry.message)
                case Started() | Stopped() | StateSaved() | Reconfigured() | Commanded(command=Panic()):
                    self._sounding = {key: [] for key in self._sounding}
                    if isinstance(entry, Started | Stopped):
                        self._stopped = isinstance(entry, Stopped)
                case PortLost():
                    self._sounding[entry.port, ""] = []
                case TempoChanged():
                    self._bpm = entry.bpm
        if self.live and self._pending is None:
            self._pending = asyncio.get_running_loop().call_later(UPDATE_INTERVAL, self._draw)

    def line(self) -> str:
        """The sounding notes, by source or player and voice, with the chord."""
        parts = []
        for name in dict.fromkeys(name for name, _ in self._sounding):
            voices = {voice: pitches for (owner, voice), pitches in self._sounding.items() if owner == name and pitches}
            if voices:
                notes = "  ".join(
                    f"{voice} {' '.join(map(note_name, sorted(pitches)))}".strip() for voice, pitches in voices.items()
                )
                chord = chord_name(pitch for pitches in voices.values() for pitch in pitches)
                parts.append(f"{name}: {notes}" + (f"  ({chord})" if chord else ""))
        return " │ ".join(parts) or (f"stopped ({self._bpm:.0f} bpm)" if self._stopped else "")

    def clear(self) -> None:
        """Erase the line to make room for other output; the next update draws it again."""
        if self._shown and self._terminal is not None:
            self._terminal.write("\r" + " " * len(self._shown) + "\r")
            self._shown = ""

    def close(self) -> None:
        if self._pending is not None:
            self._pending.cancel()
        self.clear()
        self.live = False

    def _note(self, key: tuple[str, str], message: bytes) -> None:
        pitches = self._sounding.setdefault(key, [])
        if is_note_on(message):
            pitches.append(message[1])
        elif is_note_off(message) and message[1] in pitches:
            pitches.remove(message[1])
        elif ends_notes(message):
            pitches.clear()

    def _draw(self) -> None:
        self._pending = None
        if self._terminal is None or not self._terminal.is_free():
            return  # the update after the next entry shows this state too
        text = self.line()[: shutil.get_terminal_size().columns - 1]
        self._terminal.write("\r" + text.ljust(len(self._shown)))
        self._shown = text

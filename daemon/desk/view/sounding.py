"""What sounds, who leads, and in which key: followed in the journal's entries."""

from __future__ import annotations

from collections.abc import Iterable

from daemon.commands import Panic, TapBeat
from daemon.desk.view.names import Key, drum
from daemon.entries import (
    Commanded,
    Entry,
    Heard,
    MelodyPlayed,
    PortLost,
    Reconfigured,
    Sent,
    StageStarted,
    Started,
    StateSaved,
    Stopped,
    TempoChanged,
)
from daemon.music.events import channel_of, ends_notes, is_note_off, is_note_on
from daemon.music.general_midi import DRUM_CHANNEL
from daemon.music.tempo import Tempo

HIT_SHOWN = 0.25  # seconds that a drum is shown at least
SAME_BEAT = 0.01  # beats by which the clock may seem to jump, by rounding
TAPPED = 2.0  # seconds after a tap in which a new tempo is the tapped one


class Sounding:
    """Notes by source or player and voice; `notice` is the last thing a person did, with its time in seconds."""

    def __init__(self) -> None:
        self.key = Key()
        self.tempo = Tempo(0.0, 0.0, 0.0)
        self.notice, self.noticed_at = "", 0.0
        self.tapped_at = -TAPPED
        self._notes: dict[tuple[str, str], list[int]] = {}  # (source or player, voice) → pitches
        self._hits: dict[tuple[str, str], dict[int, float]] = {}  # the same of channel 10 → pitch: seconds it is shown
        self._struck_at = -TAPPED  # when the last key was
        self._released: dict[str, float] = {}  # input → the beat of the last release of all keys

    def follow(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            match entry:
                case Sent():
                    self._hear(entry.player, entry.voice, entry.message, entry.seconds)
                case Heard():
                    if is_note_on(entry.message):
                        self._struck_at = entry.seconds
                    self._hear(entry.source, "", entry.message, entry.seconds)
                    if not self.pitches(entry.source):
                        self._released[entry.source] = self.tempo.beat_at(entry.seconds)
                case MelodyPlayed():
                    self._hear(entry.source, "", entry.message, entry.seconds)
                case PortLost():
                    self._notes.pop((entry.port, ""), None)
                case TempoChanged():
                    moved = abs(self.tempo.beat_at(entry.seconds) - entry.beat) > SAME_BEAT
                    if moved and self.tempo.bpm == entry.bpm and entry.seconds == self._struck_at:
                        self.tell("your key sets the beat", entry.seconds)
                    self.tempo = Tempo(entry.beat, entry.seconds, entry.bpm)
                case Commanded(command=TapBeat()):
                    self.tapped_at = entry.seconds
                case (
                    Started() | Stopped() | StateSaved() | Reconfigured() | StageStarted() | Commanded(command=Panic())
                ):
                    self._notes.clear()
                    if isinstance(entry, Commanded):
                        self.tell("panic: everything is silenced", entry.seconds)

    def tell(self, notice: str, seconds: float) -> None:
        self.notice, self.noticed_at = notice, seconds

    def pitches(self, owner: str) -> list[int]:
        """The sounding pitches of a source or player, drums left out."""
        return [pitch for (name, _), pitches in self._notes.items() if name == owner for pitch in pitches]

    def text(self, owner: str, voice: str, now: float) -> str:
        """The notes or drums of a voice."""
        hits = [drum(pitch) for pitch, until in self._hits.get((owner, voice), {}).items() if until > now]
        notes = [self.key.note(pitch) for pitch in sorted(set(self._notes.get((owner, voice), ())))]
        return ", ".join(dict.fromkeys(hits)) or " ".join(notes)

    def has_hits(self, now: float) -> bool:
        """Whether drums are shown that will disappear by themselves."""
        return any(until > now for hits in self._hits.values() for until in hits.values())

    def leads(self, source: str, now: float, bar: float) -> bool:
        """Whether keys of input `source` are held, or were less than a bar (in beats) ago."""
        released = self._released.get(source)
        return bool(self.pitches(source)) or (released is not None and self.tempo.beat_at(now) < released + bar)

    def _hear(self, owner: str, voice: str, message: bytes, now: float) -> None:
        pitches = self._notes.setdefault((owner, voice), [])
        if is_note_on(message) and channel_of(message) == DRUM_CHANNEL:
            self._hits.setdefault((owner, voice), {})[message[1]] = now + HIT_SHOWN
        elif is_note_on(message):
            pitches.append(message[1])
            self.key.hear(message[1])
        elif is_note_off(message) and message[1] in pitches:
            pitches.remove(message[1])
        elif ends_notes(message):
            pitches.clear()

"""Who leads the choir: keys while they are held and one bar after, in the order of `listen`; else a melody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from daemon.engines.shared.line import Line, lines, share_out
from daemon.music.events import (
    ALL_NOTES_OFF,
    ALL_SOUND_OFF,
    CONTROL_CHANGE,
    SUSTAIN,
    MidiEvent,
    channel_of,
    is_note_off,
    is_note_on,
)
from daemon.music.melody import Melodies

GRACE = 0.015  # seconds that what moves on a 16th under a held key waits: a key may come or go there, which changes it


@dataclass(frozen=True, slots=True, eq=False)
class Key:
    """A key as it was struck, at `onset` in beats. Two strokes are never equal, even of one key."""

    pitch: int
    velocity: int
    onset: float


Given = Mapping[str, Key]  # voice → the key that leads it; empty: silence


@dataclass(slots=True)
class Keys:
    """One live source: the keys held, the pedal, and what they give the choir."""

    given: tuple[str, ...]
    held: dict[tuple[int, int], Key] = field(default_factory=dict)  # (channel, pitch)
    pedals: set[int] = field(default_factory=set)
    leading: Given = field(default_factory=dict)
    released: float | None = None  # beat of the last release of all

    def hear(self, event: MidiEvent) -> None:
        message, channel = event.message, channel_of(event.message) or 0
        if is_note_on(message):
            self.held.pop((channel, message[1]), None)
            self.held[channel, message[1]] = Key(message[1], message[2], event.beat)
            self._lead(event.beat)
        elif is_note_off(message):
            if self.held.pop((channel, message[1]), None) and not self.pedals:
                self._lead(event.beat)
        elif len(message) == 3 and message[0] & 0xF0 == CONTROL_CHANGE:
            self._turn(message[1], message[2], channel, event.beat)

    def _turn(self, number: int, value: int, channel: int, beat: float) -> None:
        if number == SUSTAIN and value >= 64:
            self.pedals.add(channel)
        elif number == SUSTAIN and channel in self.pedals:
            self.pedals.discard(channel)
            if not self.pedals:
                self._lead(beat)
        elif number in (ALL_SOUND_OFF, ALL_NOTES_OFF):
            self.held = {at: key for at, key in self.held.items() if at[0] != channel}
            if number == ALL_SOUND_OFF:
                self.pedals.discard(channel)
            if not self.pedals:
                self._lead(beat)

    def _lead(self, beat: float) -> None:
        leading = share_out(list(self.held.values()), self.given)
        if self.leading and not leading:
            self.released = beat
        self.leading = leading


class Lead:
    """Which of those listened to leads at a beat, and with which keys or line."""

    def __init__(self, listen: Sequence[str], given: tuple[str, ...]) -> None:
        self._listen, self._given = tuple(listen), given
        self.reset({})

    def reset(self, known: Melodies) -> None:
        self._keys = {name: Keys(self._given) for name in self._listen if name not in known}
        self._lines: dict[str, dict[str, Line]] = {
            name: lines(known[name], self._given) for name in self._listen if name in known and self._given
        }

    @property
    def listens(self) -> bool:
        """Whether there is a live source."""
        return bool(self._keys)

    def hear(self, event: MidiEvent) -> bool:
        """Take in an event; whether it came from someone who is listened to and whose future is not known."""
        keys = self._keys.get(event.source)
        if keys is not None:
            keys.hear(event)
        return keys is not None

    def keys(self, beat: float, bar: float) -> Keys | None:
        """The live source that leads at `beat`: it gives notes, or did so less than a bar (in beats) ago."""
        for keys in self._keys.values():
            if keys.leading or (keys.released is not None and beat < keys.released + bar):
                return keys
        return None

    def lines(self, beat: float) -> dict[str, Line] | None:
        """The lines of the first known melody that has not ended by `beat`, one for each voice it gives."""
        for voices in self._lines.values():
            if any(line.goes_on(beat) for line in voices.values()):
                return voices
        return None

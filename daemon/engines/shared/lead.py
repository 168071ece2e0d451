"""The source that leads the given voices: live keys while held and for one bar after, in the order of `listen`; else a
known melody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from daemon.engines.shared.line import Line, assign_voices, melody_lines
from daemon.music.events import (
    CONTROL_CHANGE,
    SUSTAIN,
    MidiEvent,
    channel_of,
    ends_notes,
    is_note_off,
    is_note_on,
    lifts_pedals,
)
from daemon.music.melody import Melodies, Melody, Note

CHORD_SPREAD = 0.020  # keys struck within this time are one chord
KEY_GRACE = 0.015  # seconds that a note on a 16th under a held key is delayed: a key on that 16th may change the note


@dataclass(frozen=True, slots=True, eq=False)
class Key:
    """A key as struck at `onset` in beats. Compared by identity: two strokes of one key differ."""

    pitch: int
    velocity: int
    onset: float


GivenKeys = Mapping[str, Key]  # voice → the key that leads the voice; empty: silence


@dataclass(slots=True)
class LiveSource:
    """Keys and pedals of one live source, and the keys that lead the `given` voices."""

    given: tuple[str, ...]
    held: dict[tuple[int, int], Key] = field(default_factory=dict)  # (channel, pitch)
    pedals: set[int] = field(default_factory=set)  # channels whose sustain pedal is down
    leading: GivenKeys = field(default_factory=dict)
    released: float | None = None  # beat of the last release of all keys and pedals

    def hear(self, event: MidiEvent) -> None:
        message, channel = event.message, channel_of(event.message) or 0
        if is_note_on(message):
            self.held.pop((channel, message[1]), None)
            self.held[channel, message[1]] = Key(message[1], message[2], event.beat)
            self._update_leading(event.beat)
        elif is_note_off(message):
            if self.held.pop((channel, message[1]), None) and not self.pedals:
                self._update_leading(event.beat)
        elif len(message) == 3 and message[0] & 0xF0 == CONTROL_CHANGE:
            self._hear_controller(message, channel, event.beat)

    def _hear_controller(self, message: bytes, channel: int, beat: float) -> None:
        if message[1] == SUSTAIN and message[2] >= 64:
            self.pedals.add(channel)
            return
        if ends_notes(message):
            self.held = {place: key for place, key in self.held.items() if place[0] != channel}
        if message[1] == SUSTAIN or lifts_pedals(message):
            self.pedals.discard(channel)
        if not self.pedals:
            self._update_leading(beat)

    def _update_leading(self, beat: float) -> None:
        leading = assign_voices(list(self.held.values()), self.given)
        if self.leading and not leading:
            self.released = beat
        self.leading = leading


class LeadSelector:
    """Selects the source under `listen` that leads the `given` voices at a beat."""

    def __init__(self, listen: Sequence[str], given: tuple[str, ...]) -> None:
        self._listen, self._given = tuple(listen), given
        self._made: dict[str, tuple[Melody, dict[str, Line]]] = {}  # by name, because lines of many notes take seconds
        self.reset({})

    def reset(self, known: Melodies) -> None:
        self.planned: dict[str, Line] | None = None  # the lines that a player has planned
        self._live = {name: LiveSource(self._given) for name in self._listen if name not in known}
        self._melodies = {name: self._lines(known[name]) for name in self._listen if name in known and self._given}

    def plan(self, source: str, notes: Sequence[Note]) -> None:
        """`source`, a player, has planned the melody `notes`, of which no two sound at once: from now on the source is
        no live one. The melody leads the first given voice."""
        if self._given and (notes or source in self._melodies):
            self._live.pop(source, None)
            self.planned = {self._given[0]: Line(notes, None, self._given[0], True)}
            lines = {**self._melodies, source: self.planned}
            self._melodies = {name: lines[name] for name in self._listen if name in lines}

    def _lines(self, melody: Melody) -> dict[str, Line]:
        if melody.name not in self._made or self._made[melody.name][0] is not melody:
            self._made[melody.name] = melody, melody_lines(melody, self._given)
        return self._made[melody.name][1]

    @property
    def has_live_source(self) -> bool:
        return bool(self._live)

    def hear(self, event: MidiEvent) -> bool:
        """Process an event of a live source. False if the event's source is a known melody or not listened to."""
        source = self._live.get(event.source)
        if source is not None:
            source.hear(event)
        return source is not None

    def live_source(self, beat: float, bar: float) -> LiveSource | None:
        """The first live source with leading keys at `beat`, or less than a bar (in beats) after their release."""
        for source in self._live.values():
            if source.leading or (source.released is not None and beat < source.released + bar):
                return source
        return None

    def melody_lines(self, beat: float) -> dict[str, Line] | None:
        """The lines, by given voice, of the first known melody that has not ended by `beat`."""
        for lines in self._melodies.values():
            if any(line.continues_after(beat) for line in lines.values()):
                return lines
        return None

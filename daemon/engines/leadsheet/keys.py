"""The keys of the person who plays: the chord of the left hand, the melody of the right."""

from __future__ import annotations

from daemon.engines.leadsheet.options import LeaderOptions
from daemon.music.events import (
    CONTROL_CHANGE,
    SUSTAIN,
    MidiEvent,
    is_note_off,
    is_note_on,
)
from daemon.music.leadsheet import Key
from daemon.music.left_hand import CHORD_SPREAD, LeftHand


class Keys:
    """`chord`: the symbol that counts; None: none was played, or it is over."""

    def __init__(self, options: LeaderOptions, key: Key) -> None:
        self._hand = LeftHand(options.split or None, options.hold, options.rootless, key)
        self._pedal = False
        self._under_pedal: set[int] = set()  # released keys that the pedal holds

    @property
    def chord(self) -> str | None:
        return self._hand.chord

    def hear(self, event: MidiEvent, tempo: float) -> bool:
        """Whether another chord counts from now on. `tempo`: in beats per minute."""
        message, before = event.message, self.chord
        if is_note_on(message):
            self._under_pedal.discard(message[1])
            self._release_under_pedal()
            self._hand = self._hand.pressed(message[1], event.beat, CHORD_SPREAD * tempo / 60)
        elif is_note_off(message) and self._pedal:
            self._under_pedal.add(message[1])
        elif is_note_off(message):
            self._hand = self._hand.released(message[1])
        elif len(message) == 3 and message[0] & 0xF0 == CONTROL_CHANGE and message[1] == SUSTAIN:
            self._pedal = message[2] >= 64
            if not self._pedal:
                self._release_under_pedal()
        return self.chord != before

    def _release_under_pedal(self) -> None:
        for pitch in sorted(self._under_pedal):
            self._hand = self._hand.released(pitch)
        self._under_pedal.clear()

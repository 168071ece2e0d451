"""Monitors an output of jamd: which notes sound there, from the messages alone."""

from __future__ import annotations

from daemon.music.events import is_note_off, is_note_on

ALL_SOUND_OFF, ALL_NOTES_OFF = 120, 123


class OutputMonitor:
    """The sounding notes of one output, and what is wrong with its messages.

    After `disconnect` the state of the notes that sound is unknown. A new note-on of one of them is no fault then, but
    the note still has to end. Its note-off may have been lost with a server that died, so All Notes Off and All Sound
    Off end such a note too; no other one.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._sounding: dict[tuple[int, int], bool] = {}  # (channel 0–15, pitch) → whether that is certain
        self.faults: list[str] = []
        self.log: list[str] = []

    def receive(self, message: bytes, moment: float = 0.0) -> None:
        """`moment` (seconds) is for the `log`."""
        if not message or message[0] >= 0xF0:
            return
        self.log.append(f"{moment:.3f} {message.hex(' ')}")
        channel, key = message[0] & 15, (message[0] & 15, message[1])
        if is_note_on(message):
            if self._sounding.get(key):
                self.faults.append(f"{self._name}: {message.hex(' ')} while it sounds, at {moment:.3f} s")
            self._sounding[key] = True
        elif is_note_off(message):
            self._sounding.pop(key, None)
        elif message[0] & 0xF0 == 0xB0 and message[1] in (ALL_SOUND_OFF, ALL_NOTES_OFF):
            self._sounding = {k: certain for k, certain in self._sounding.items() if certain or k[0] != channel}

    def disconnect(self) -> None:
        """The receiver was unplugged: notes may end without its knowledge."""
        self.log.append("unplugged")
        self._sounding = dict.fromkeys(self._sounding, False)

    def left_sounding(self) -> list[str]:
        return [
            f"{self._name}: channel {channel + 1}, pitch {pitch} is left sounding{'' if certain else ' since a cut'}"
            for (channel, pitch), certain in sorted(self._sounding.items())
        ]

"""Whoever hears an output of jamd, and what sounds there by its own account."""

from __future__ import annotations

from daemon.music.events import is_note_off, is_note_on

ALL_SOUND_OFF, ALL_NOTES_OFF = 120, 123


class Hearing:
    """One output's ledger, from what was heard of it.

    Whoever is unplugged does not know what becomes of the notes that sound: `cut`. A new note-on of one of them is no
    fault then, but it still has to end. A note-off may have been lost with a server that died, so All Notes Off and All
    Sound Off end such a note too; no other one.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._sounding: dict[tuple[int, int], bool] = {}  # (channel 0–15, pitch) → whether it was heard since the cut
        self.faults: list[str] = []
        self.heard: list[str] = []

    def hear(self, message: bytes, moment: float = 0.0) -> None:
        """`moment` (seconds) is for who reads what was `heard`."""
        if not message or message[0] >= 0xF0:
            return
        self.heard.append(f"{moment:.3f} {message.hex(' ')}")
        channel, key = message[0] & 15, (message[0] & 15, message[1])
        if is_note_on(message):
            if self._sounding.get(key):
                self.faults.append(f"{self._name}: {message.hex(' ')} while it sounds, at {moment:.3f} s")
            self._sounding[key] = True
        elif is_note_off(message):
            self._sounding.pop(key, None)
        elif message[0] & 0xF0 == 0xB0 and message[1] in (ALL_SOUND_OFF, ALL_NOTES_OFF):
            self._sounding = {k: sure for k, sure in self._sounding.items() if sure or k[0] != channel}

    def cut(self) -> None:
        """What sounds has its end somewhere else."""
        self.heard.append("unplugged")
        self._sounding = dict.fromkeys(self._sounding, False)

    def left(self) -> list[str]:
        return [
            f"{self._name}: channel {channel + 1}, pitch {pitch} is left sounding{'' if sure else ', since a cut'}"
            for (channel, pitch), sure in sorted(self._sounding.items())
        ]

"""Which messages of an output's sounds (programs, volumes, pans) are still to be sent."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from daemon.music.events import is_note_on
from daemon.music.sound import Sound


class PendingSounds:
    """The sounds of an output's channels, and the messages that are due before a channel's next note.

    They are sent while the channel is silent, or at the latest right before its next note: a receiver may cut the note
    that sounds at a program change.
    """

    def __init__(self) -> None:
        self._sounds: dict[int, Sound] = {}  # by channel
        self._pending: dict[int, list[bytes]] = {}  # by channel

    def change(self, sounds: Iterable[Sound]) -> bool:
        """Other sounds: only what differs is pending. Returns whether anything is."""
        before, self._sounds = self._sounds, {sound.channel: sound for sound in sounds}
        waiting, self._pending = self._pending, {}
        for channel, sound in self._sounds.items():
            if messages := sound.messages(None if channel in waiting else before.get(channel)):
                self._pending[channel] = messages
        return bool(self._pending)

    def repeat(self) -> bool:
        """All sounds are pending again. Returns whether there are any."""
        self._pending = {channel: sound.messages() for channel, sound in self._sounds.items()}
        return bool(self._pending)

    def before(self, message: bytes) -> Sequence[bytes]:
        """What is to be sent before `message`; no longer pending."""
        if self._pending and is_note_on(message):
            return self._pending.pop((message[0] & 15) + 1, ())
        return ()

    def of_silent(self, sounding: Collection[int]) -> list[bytes]:
        """What is to be sent now, all but that of the channels `sounding`; no longer pending."""
        silent = [channel for channel in self._pending if channel not in sounding]
        return [message for channel in silent for message in self._pending.pop(channel)]

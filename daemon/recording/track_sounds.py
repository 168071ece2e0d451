"""The sounds of the tracks of a recording: at the beginning, and where a reload changed them."""

from __future__ import annotations

from collections.abc import Iterator

from daemon.music.sound import Sound, of_channels
from daemon.spec import StageSpec


class TrackSounds:
    """The messages that make a player's or a melody's track sound as the outputs did: (seconds, message) by name."""

    def __init__(self) -> None:
        self.messages: dict[str, list[tuple[float, bytes]]] = {}
        self._sounds: dict[str, dict[int, Sound]] = {}  # by name and channel

    def take(self, seconds: float, spec: StageSpec) -> None:
        """From `seconds` on the outputs have the sounds of `spec`."""
        before, self._sounds = self._sounds, dict(_by_track(spec))
        for name, sounds in self._sounds.items():
            for channel, sound in sounds.items():
                messages = sound.messages(before.get(name, {}).get(channel))
                self.messages.setdefault(name, []).extend((seconds, message) for message in messages)


def _by_track(spec: StageSpec) -> Iterator[tuple[str, dict[int, Sound]]]:
    ports = {port.name: port.sounds for port in spec.ports}
    for player in spec.players:
        yield player.name, of_channels(ports.get(player.port, ()), player.channels.values())
    for melody in spec.melodies:
        outputs = [of_channels(ports.get(output, ()), [melody.channel]) for output in melody.thru]
        yield melody.melody.name, {channel: sound for sounds in outputs for channel, sound in sounds.items()}

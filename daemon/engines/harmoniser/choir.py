"""The four voices as they sound: their notes, which of them were struck in the present 16th, and their register."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from daemon.encodings.chorale import LOWEST, VOICES
from daemon.engines.harmoniser.register import Register
from daemon.engines.shared.lead import Key
from daemon.engines.shared.sounding_voices import SoundingVoices
from daemon.music.events import Action, Play

VELOCITY_FACTORS = {"soprano": 1.0, "alto": 0.85, "tenor": 0.85, "bass": 0.95}  # relative to the key's or melody's
LET_GO = 0.020  # seconds for which a voice sounds on after its key: a key struck meanwhile ties its notes


class Choir:
    """`struck`: the voices struck in the present 16th."""

    def __init__(self) -> None:
        self.sounding, self.register = SoundingVoices(), Register()
        self.struck: set[str] = set()

    def lead(self, beat: float, voice: str, key: Key) -> Play:
        """Play a key in the voice that it leads, as it was struck."""
        self.struck.add(voice)
        return self.sounding.play(beat, voice, key.pitch, key.velocity)

    def begins(self, beat: float) -> list[bool]:
        """Whether each voice is struck in the present 16th, or must be, because it is silent."""
        return [voice in self.struck or self.sounding.note_at(beat, voice) is None for voice in VOICES]

    def move(self, beat: float, voice: str, symbol: int, velocity: int, strike: bool) -> Iterator[Action]:
        """Play a symbol in a voice, if the voice does not sound it already. `velocity`: that of the leading note."""
        softened = round(velocity * VELOCITY_FACTORS[voice])
        action = self.sounding.move(beat, voice, LOWEST + symbol - self.register.lower, softened, strike)
        if action is not None:
            self.struck.add(voice)
            yield action

    def is_silent(self, beat: float, given: Collection[str]) -> bool:
        """Whether a voice that is not `given` is silent."""
        return any(self.sounding.note_at(beat, voice) is None for voice in VOICES if voice not in given)

    def stop(self, beat: float, voices: Iterable[str] = VOICES) -> Iterator[Action]:
        for voice in voices:
            yield from self.sounding.stop(beat, voice)

    def stop_queued(self, beat: float) -> Iterator[Action]:
        """Stop the voices whose notes begin after `beat`."""
        yield from self.stop(beat, [voice for voice in VOICES if self.sounding.is_queued(beat, voice)])

    def let_go(self, beat: float, tempo: float, voices: Iterable[str] = VOICES) -> Iterator[Action]:
        """End voices whose keys were released."""
        for voice in voices:
            yield from self.sounding.let_go(beat, voice, beat + LET_GO * tempo / 60)

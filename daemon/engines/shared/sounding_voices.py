"""What the choir sings at the moment, so that only what changes is sent."""

from __future__ import annotations

from daemon.engines.shared.line import EPSILON
from daemon.music.events import Action, Play, Stop


class SoundingVoices:
    """Voices that sing one note each."""

    def __init__(self) -> None:
        self._singing: dict[str, Play] = {}

    def silence(self) -> None:
        """Forget what sounds, without a word."""
        self._singing.clear()

    def play(self, beat: float, voice: str, pitch: int, velocity: int, duration: float | None = None) -> Play:
        """Strike a note, whatever sounds."""
        action = Play(beat, min(max(pitch, 0), 127), min(max(velocity, 1), 127), voice, duration)
        self._singing[voice] = action
        return action

    def move(self, beat: float, voice: str, pitch: int, velocity: int, strike: bool) -> Play | None:
        """Bring a voice to `pitch`: nothing to do if it sings that already, unless it is to be struck again.
        What is queued for later is brought forward."""
        now = self.sings(beat, voice)
        if now is not None and now.pitch == pitch and not self.waits(beat, voice) and not strike:
            return None
        return self.play(beat, voice, pitch, velocity)

    def sings(self, beat: float, voice: str) -> Play | None:
        """What the voice sings at `beat`, or is about to."""
        now = self._singing.get(voice)
        if now is None or (now.duration is not None and now.onset + now.duration <= beat + EPSILON):
            return None
        return now

    def waits(self, beat: float, voice: str) -> bool:
        """Whether its note is only about to sound."""
        now = self.sings(beat, voice)
        return now is not None and now.onset > beat + EPSILON

    def ends_by_itself(self, voice: str) -> bool:
        """Whether the voice's last note was given a duration."""
        return voice in self._singing and self._singing[voice].duration is not None

    def stop(self, beat: float, voice: str) -> list[Action]:
        """End what a voice sings, if anything."""
        now = self.sings(beat, voice)
        self._singing.pop(voice, None)
        return [] if now is None else [Stop(beat, voice)]

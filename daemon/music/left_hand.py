"""The left hand of a keyboard: which of the held keys it plays, and the chord that they are."""

from __future__ import annotations

from dataclasses import dataclass, replace

from daemon.music.chord_recognition import recognise
from daemon.music.leadsheet import Key

CHORD_SPREAD = 0.05  # seconds: a key that follows the one before within this time belongs to the same chord
REACH = 16  # semitones, a tenth: what one hand spans
GAP = 7  # semitones: a wider gap may part the hands
SURE = 3  # keys that are a chord without any others


@dataclass(frozen=True, slots=True)
class HeldKey:
    """`together`: whether another key was struck within CHORD_SPREAD."""

    pitch: int
    beat: float
    together: bool = False


@dataclass(frozen=True, slots=True)
class LeftHand:
    """A value: every key makes another one. `spread`, where it is asked for, is CHORD_SPREAD in beats.

    `split`: keys below this pitch are the left hand; None: the lowest cluster, that is the keys within a tenth of the
    lowest one, up to a wide gap, without single later keys above, which are a melody. `holds`: the chord stands after
    its keys were released; otherwise there is none then. `key` and `rootless`: see `recognise`. `chord`: the symbol of
    the last keys that were one (keys that are no chord change nothing), `chord_before`: of those before them.
    """

    split: int | None = None
    holds: bool = True
    rootless: bool = False
    key: Key | None = None
    held: tuple[HeldKey, ...] = ()  # from the lowest
    chord: str | None = None
    chord_before: str | None = None
    began: float = 0.0  # beat of the first key of the last chord
    struck: float = 0.0  # beat of its last key

    @property
    def keys(self) -> tuple[HeldKey, ...]:
        """The held keys of the left hand, from the lowest."""
        if self.split is not None:
            return tuple(key for key in self.held if key.pitch < self.split)
        left: list[HeldKey] = []
        for key in self.held:
            wide = bool(left) and key.pitch - left[-1].pitch > GAP and (len(left) >= SURE or not key.together)
            if wide or (left and key.pitch > left[0].pitch + REACH):
                break
            left.append(key)
        while len(left) > SURE and not left[-1].together:
            left.pop()
        return tuple(left)

    def is_right(self, pitch: int) -> bool:
        """Whether the held key `pitch` is one of the right hand, the melody's."""
        return any(key.pitch == pitch for key in self.held) and all(key.pitch != pitch for key in self.keys)

    def pressed(self, pitch: int, beat: float, spread: float) -> LeftHand:
        others = [key for key in self.held if key.pitch != pitch]
        together = any(beat - key.beat <= spread for key in others)
        others = [replace(key, together=True) if beat - key.beat <= spread else key for key in others]
        held = sorted([*others, HeldKey(pitch, beat, together)], key=lambda key: key.pitch)
        after = replace(self, held=tuple(held))
        if after.is_right(pitch):
            return after
        if beat - self.struck > spread:
            after = replace(after, began=beat, chord_before=self.chord)
        return replace(after, struck=beat)._recognised()

    def released(self, pitch: int) -> LeftHand:
        """The chord stands when its keys are released one by one; a key of the chord before, which was held longer
        than it, is taken out of it."""
        gone = next((key for key in self.held if key.pitch == pitch), None)
        if gone is None:
            return self
        was_right = self.is_right(pitch)
        after = replace(self, held=tuple(key for key in self.held if key is not gone))
        if not was_right and gone.beat < self.began and any(key.beat >= self.began for key in after.keys):
            after = after._recognised()
        return after if self.holds or after.keys else replace(after, chord=None)

    def _recognised(self) -> LeftHand:
        chord = recognise([key.pitch for key in self.keys], self.key, self.rootless)
        return replace(self, chord=chord or self.chord_before)

"""Which of the held keys lead as time goes on: chords gathered, keys let go one after the other, a left hand, rest."""

from __future__ import annotations

import math

from daemon.encodings.chorale import STEPS_PER_BEAT
from daemon.engines.shared.lead import GivenKeys, LiveSource
from daemon.engines.shared.line import EPSILON, STEP

MAX_GATHER = 0.080  # seconds within which keys may be one chord
WAIT = 1.0  # beats after the release of the leading key before a key takes over that was held before
HOLD_AFTER = 0.75  # beats under the same pitches after which a consonant chord stays, if it can
REST_AFTER = 2.0  # beats after which the voices rest under held keys
OCTAVE = 12


class LeadingKeys:
    """`given`: the leading keys, as last harmonised."""

    def __init__(self) -> None:
        self.given: GivenKeys = {}
        self._waiting: float | None = None  # beat at which the leading key was released while others are held
        self._chord_start = -math.inf  # beat of the first key of the last chord
        self._pitches: set[int] = set()  # of the keys that led in the last 16th
        self._since = 0.0  # beat from which they led

    def clear(self) -> None:
        """No key leads."""
        self.given, self._waiting = {}, None

    def lead_now(self) -> None:
        """Keys lead that were struck now, or in a legato."""
        self._waiting = None

    def gathered(self, beat: float, gather: float, waits: bool) -> tuple[float, bool]:
        """When keys struck at `beat` are answered, and whether they complete the last chord. `gather`: beats within
        which keys are one chord; `waits`: its first key is answered with the others."""
        same_chord = bool(self.given) and beat - self._chord_start < gather
        if not same_chord:
            self._chord_start = beat
        return (max(beat, self._chord_start + gather) if same_chord or waits else beat), same_chord

    def takes_over(self, source: LiveSource, tempo: float) -> bool:
        """Whether a key leads, after the release of another one, that was struck after that one, in a legato."""
        held = source.held.values()
        let_go = [key.onset for key in self.given.values() if key not in held]
        new = [key.onset for key in source.leading.values() if key not in self.given.values()]
        return bool(let_go and new) and max(new) > max(let_go) + MAX_GATHER * tempo / 60

    def wait(self, beat: float, source: LiveSource) -> list[str]:
        """The leading key was released: until another key leads, the voices hold. Returns the voices that end."""
        self._waiting = beat if self._waiting is None else self._waiting
        held = source.held.values()
        return [voice for voice, key in self.given.items() if key not in held]

    def holds(self, beat: float, given: GivenKeys) -> bool:
        """Whether the keys `given` at `beat` have the same pitches for so long that the chord is to stay."""
        pitches = {key.pitch for key in given.values()}
        if pitches != self._pitches:
            self._pitches, self._since = pitches, max([beat - STEP, *(key.onset for key in given.values())])
        return beat - self._since >= HOLD_AFTER - EPSILON

    def is_long(self, beat: float) -> bool:
        """Whether the keys are found to be long in the 16th at `beat`: they have led for a beat."""
        return bool(self._pitches) and math.floor(self._since / STEP + 0.5) + STEPS_PER_BEAT == round(beat / STEP)

    def at(self, beat: float, given: GivenKeys) -> tuple[GivenKeys, bool]:
        """The keys that lead at `beat` while those `given` are the outermost ones, and whether the voices rest."""
        if given and self._waiting is not None:
            last = max(key.pitch for key in self.given.values())
            is_left_hand = max(key.pitch for key in given.values()) < last - OCTAVE
            if is_left_hand or beat < self._waiting + WAIT - EPSILON:
                return self.given, True
            self._waiting = None
        held = beat - max((key.onset for key in given.values()), default=beat)
        return given, bool(given) and given == self.given and held >= REST_AFTER - EPSILON

"""The key of what is heard, and the notes that belong to it."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from daemon.encodings.melody.events import MAJOR

Bools = NDArray[np.bool_]

ANY, FOLLOW = -1, 0  # values of the setting `key`; 1–12 are the major keys on C … B, 13–24 the minor ones
MINOR = (0, 2, 3, 5, 7, 8, 10, 11)  # with both sevenths
# How well each pitch class fits the tonic's key: probe-tone ratings (Krumhansl and Kessler 1982)
MAJOR_PROFILE = (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88)
MINOR_PROFILE = (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)
FADE = 0.5 ** (1 / 64)  # per 16th of sound: what was heard four bars ago weighs half
EARLIER = 0.25  # what was heard in earlier phrases weighs
SHARE = 0.04  # of the time: a note that is heard so often belongs to the key, whatever the key is
OPEN = 1.0  # nats
DECIDES = 0.05  # what a perfect correlation with a profile is worth, beside the share of the time that fits the scale


def _rotations(values: tuple[float, ...]) -> NDArray[np.float64]:
    """(12, 12): row k is `values` as counted from pitch class k."""
    return np.array([np.roll(values, k) for k in range(12)])


def _scale(classes: tuple[int, ...]) -> tuple[float, ...]:
    return tuple(float(pitch_class in classes) for pitch_class in range(12))


SCALES = _rotations(_scale(MAJOR))
_PROFILES = np.stack([_rotations(MAJOR_PROFILE), np.roll(_rotations(MINOR_PROFILE), 3, axis=0)])  # relative keys
PROFILES = _PROFILES - _PROFILES.mean(axis=2, keepdims=True)
PROFILES /= np.linalg.norm(PROFILES, axis=2, keepdims=True)


@cache
def fixed(key: int) -> Bools:
    """(12,): the pitch classes of the key with that number, 1–24."""
    root, minor = (key - 1) % 12, key > 12
    return np.roll(np.array(_scale(MINOR if minor else MAJOR), dtype=np.bool_), root)


class KeyEstimator:
    """Follows the key of a line: the notes of the major scale (so also of a church mode, or of natural minor) that hold
    most of it, and what else is heard often."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._time = np.zeros(12)  # that each pitch class sounded, in 16ths, fading
        self._classes: Bools | None = None

    def begin(self) -> None:
        """A new phrase, which may be in another key."""
        self._time *= EARLIER
        self._classes = None

    def hear(self, pitch_class: int) -> None:
        """It sounded for a 16th."""
        self._time *= FADE
        self._time[pitch_class] += 1.0
        self._classes = None

    def classes(self, key: int) -> Bools:
        """(12,): the pitch classes allowed by the setting `key`. All, if nothing was heard."""
        if key > FOLLOW:
            return fixed(key)
        if key < FOLLOW or not self._time.any():
            return np.ones(12, dtype=np.bool_)
        if self._classes is None:
            share = self._time / self._time.sum()
            self._classes = (SCALES[self._signature(share)] > 0) | (share >= SHARE)
        return self._classes

    def sure(self, key: int) -> Bools:
        """(12,): the pitch classes of all the keys that it may be, while fewer than three were heard."""
        heard = self._time > 0
        possible = SCALES[SCALES @ heard == heard.sum()]
        if key != FOLLOW or not 0 < heard.sum() < 3 or not len(possible):
            return np.ones(12, dtype=np.bool_)
        common: Bools = (possible > 0).all(axis=0)
        return common

    def home(self, key: int) -> NDArray[np.float64]:
        """(12,): nats by which a line would rather not end on each pitch class: none for the tonic, OPEN for the other
        notes of its triad, infinite for the rest. `key` as above; with any note allowed, too, it is the key heard."""
        root, minor = (key - 1) % 12, key > 12
        if key <= FOLLOW:
            minor, root = np.unravel_index((PROFILES @ self._time).argmax(), PROFILES.shape[:2])
            root = (root + 9) % 12 if minor else root
        costs = np.full(12, np.inf)
        costs[[root, (root + (3 if minor else 4)) % 12, (root + 7) % 12]] = 0.0, OPEN, OPEN
        return costs

    def _signature(self, share: NDArray[np.float64]) -> int:
        """The tonic of the major scale that the notes belong to."""
        spread = share - share.mean()
        fits = (PROFILES @ spread).max(axis=0) / max(float(np.linalg.norm(spread)), 1e-9)
        return int((SCALES @ share + DECIDES * fits).argmax())

"""The key of what is heard, and the pitch classes that belong to it."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from daemon.encodings.melody.events import MAJOR
from daemon.music.key_profiles import MAJOR_PROFILE, MINOR_PROFILE

Bools = NDArray[np.bool_]

ANY_NOTE, ESTIMATED = -1, 0  # values of the setting `key`; 1–12: major keys on C … B, 13–24: minor keys on C … B
MINOR = (0, 2, 3, 5, 7, 8, 10, 11)  # semitones above the tonic, with both sevenths
DECAY = 0.5 ** (1 / 64)  # of durations per sounding 16th: notes of four bars ago count half
EARLIER_PHRASES = 0.25  # weight of durations in earlier phrases
IN_KEY_SHARE = 0.04  # share of the time from which on a pitch class belongs to the key, whatever the scale
TRIAD_COST = 5.0  # nats for ending on the third or fifth of the tonic's triad
PROFILE_WEIGHT = 0.05  # of a perfect correlation with a profile, against the share of the time that lies in the scale

# Nats by which the root of the share of the time of each pitch class, in semitones above a tonic, favours that tonic:
# a row for major and a row for minor keys and modes, fitted to the last notes of tunes
TONIC_WEIGHTS = (
    (4.8, -2.1, 0.8, 0.7, 2.2, 0.3, -3.7, 3.0, -1.9, -1.2, -2.0, 0.6),
    (1.3, -0.5, 0.7, 0.8, -1.2, 0.5, -1.1, -0.5, -0.9, -1.2, 1.6, -1.0),
)


def _rotations(values: tuple[float, ...]) -> NDArray[np.float64]:
    """(12, 12): row k is `values` as counted from pitch class k."""
    return np.array([np.roll(values, k) for k in range(12)])


def _scale(classes: tuple[int, ...]) -> tuple[float, ...]:
    return tuple(float(pitch_class in classes) for pitch_class in range(12))


SCALES = _rotations(_scale(MAJOR))
_PROFILES = np.stack([_rotations(MAJOR_PROFILE), np.roll(_rotations(MINOR_PROFILE), 3, axis=0)])  # relative keys
PROFILES = _PROFILES - _PROFILES.mean(axis=2, keepdims=True)
TONICS = np.stack([_rotations(weights) for weights in TONIC_WEIGHTS])
PROFILES /= np.linalg.norm(PROFILES, axis=2, keepdims=True)


@cache
def pitch_classes_of(key: int) -> Bools:
    """(12,): the pitch classes of a fixed key, 1–24."""
    root, minor = (key - 1) % 12, key > 12
    return np.roll(np.array(_scale(MINOR if minor else MAJOR), dtype=np.bool_), root)


class KeyEstimator:
    """Estimates the key of a line: the major scale (so also its church modes and its natural minor) that contains most
    of the line, and the other pitch classes that are heard often."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._durations = np.zeros(12)  # of each pitch class, in 16ths, decaying
        self._classes: Bools | None = None

    def begin_phrase(self) -> None:
        """A new phrase may be in another key: what was heard before counts less."""
        self._durations *= EARLIER_PHRASES
        self._classes = None

    def hear(self, pitch_class: int) -> None:
        """Count one 16th in which `pitch_class` sounded."""
        self._durations *= DECAY
        self._durations[pitch_class] += 1.0
        self._classes = None

    def pitch_classes(self, key: int) -> Bools:
        """(12,): the pitch classes allowed by the setting `key`; all if nothing was heard."""
        if key > ESTIMATED:
            return pitch_classes_of(key)
        if key < ESTIMATED or not self._durations.any():
            return np.ones(12, dtype=np.bool_)
        if self._classes is None:
            share = self._durations / self._durations.sum()
            self._classes = (SCALES[self._best_scale(share)] > 0) | (share >= IN_KEY_SHARE)
        return self._classes

    def certain(self, key: int) -> Bools:
        """(12,): the pitch classes common to all major scales that contain what was heard, while that is one or two
        pitch classes; else all. All, too, with any `key` but ESTIMATED."""
        heard = self._durations > 0
        possible = SCALES[SCALES @ heard == heard.sum()]
        if key != ESTIMATED or not 0 < heard.sum() < 3 or not len(possible):
            return np.ones(12, dtype=np.bool_)
        common: Bools = (possible > 0).all(axis=0)
        return common

    def ending_costs(self, key: int) -> NDArray[np.float64]:
        """(12,): nats that each pitch class costs as the last note of a line: 0 for the tonic, TRIAD_COST for the other
        notes of its triad, infinite for the rest. With ANY_NOTE the tonic is that of the estimated key."""
        root, minor = (key - 1) % 12, key > 12
        if key <= ESTIMATED:
            shares = np.sqrt(self._durations / max(float(self._durations.sum()), 1e-9))
            root = int(np.logaddexp.reduce(TONICS @ shares, axis=0).argmax())
            minor = self._durations[(root + 3) % 12] > self._durations[(root + 4) % 12]
        costs = np.full(12, np.inf)
        costs[[root, (root + (3 if minor else 4)) % 12, (root + 7) % 12]] = 0.0, TRIAD_COST, TRIAD_COST
        return costs

    def _best_scale(self, share: NDArray[np.float64]) -> int:
        """The tonic of the major scale that fits the shares (12,) of the time best."""
        spread = share - share.mean()
        fits = (PROFILES @ spread).max(axis=0) / max(float(np.linalg.norm(spread)), 1e-9)
        return int((SCALES @ share + PROFILE_WEIGHT * fits).argmax())

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

# Nats by which a pitch class favours a tonic, in semitones above that tonic: for major, then for minor keys and modes,
# the factors of the root of the pitch class's share of the time, of the first note, and of the last note.
# export_tools/melody/tonic.py fits them to the last notes of tunes.
TONIC_WEIGHTS = (
    (
        (4.4, -2.6, 1.1, -0.8, 2.9, 0.6, -4.7, 3.1, -2.6, -0.4, -3.8, 0.2),
        (0.6, -0.4, -0.9, 1.4, 0.1, -0.5, -0.9, 0.4, -0.6, -0.8, -0.4, -0.8),
        (0.2, -0.8, 0.1, -0.6, -0.2, 0.3, -0.8, 0.2, -0.8, 0.0, -0.4, -0.3),
    ),
    (
        (2.4, -1.5, 1.0, 0.7, -2.0, 0.4, -1.7, 1.4, -2.1, -1.3, 1.7, 0.0),
        (0.3, 1.3, -0.5, 0.2, 0.0, -0.1, -0.6, 0.2, 0.8, 0.0, 0.3, 0.7),
        (1.3, 0.2, 0.4, 0.5, -0.6, 0.4, -0.6, 0.1, 0.3, -0.4, 0.7, 0.3),
    ),
)

# Nats by which a note of a beat is likelier to be the tonic when a pitch class, in semitones above the tonic, sounds
# one or two 16ths before, and three or four 16ths before; from the same tunes.
APPROACHES = (
    (0.36, -0.70, 0.06, -0.52, -0.13, -2.51, -3.31, -0.37, -0.89, -0.67, -0.42, 0.60),
    (0.32, -1.11, 0.08, -0.23, 0.09, -0.70, -0.72, -0.27, -0.65, 0.00, -0.94, -0.19),
)
APPROACH_WEIGHT = 2.0  # at 1, an answer leaps to its last note more often than tunes do


def _rotations(values: tuple[float, ...]) -> NDArray[np.float64]:
    """(12, 12): row k is `values` as counted from pitch class k."""
    return np.array([np.roll(values, k) for k in range(12)])


def _scale(classes: tuple[int, ...]) -> tuple[float, ...]:
    return tuple(float(pitch_class in classes) for pitch_class in range(12))


SCALES = _rotations(_scale(MAJOR))
_PROFILES = np.stack([_rotations(MAJOR_PROFILE), np.roll(_rotations(MINOR_PROFILE), 3, axis=0)])  # relative keys
PROFILES = _PROFILES - _PROFILES.mean(axis=2, keepdims=True)
TONICS = np.stack([np.hstack([_rotations(weights) for weights in mode]) for mode in TONIC_WEIGHTS])  # (2, 12, 36)
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
        self._first = self._last = np.zeros(12)  # one-hot: the first pitch class of the phrase, and the last one heard
        self._classes: Bools | None = None

    def begin_phrase(self) -> None:
        """A new phrase may be in another key: what was heard before counts less."""
        self._durations *= EARLIER_PHRASES
        self._first = np.zeros(12)
        self._classes = None

    def hear(self, pitch_class: int) -> None:
        """Count one 16th in which `pitch_class` sounded."""
        self._durations *= DECAY
        self._durations[pitch_class] += 1.0
        self._last = np.eye(12)[pitch_class]
        self._first = self._first if self._first.any() else self._last
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
            heard = np.concatenate([shares, self._first, self._last])
            root = int(np.logaddexp.reduce(TONICS @ heard, axis=0).argmax())
            minor = self._durations[(root + 3) % 12] > self._durations[(root + 4) % 12]
        costs = np.full(12, np.inf)
        costs[[root, (root + (3 if minor else 4)) % 12, (root + 7) % 12]] = 0.0, TRIAD_COST, TRIAD_COST
        return costs

    def approach(self, key: int, left: int) -> NDArray[np.float64]:
        """(12,): nats by which each pitch class, `left` 16ths (1 to 4) before the last note, leads to the tonic."""
        nats = APPROACH_WEIGHT * np.array(APPROACHES[(left - 1) // 2])
        return np.roll(nats, int(self.ending_costs(key).argmin()))

    def _best_scale(self, share: NDArray[np.float64]) -> int:
        """The tonic of the major scale that fits the shares (12,) of the time best."""
        spread = share - share.mean()
        fits = (PROFILES @ spread).max(axis=0) / max(float(np.linalg.norm(spread)), 1e-9)
        return int((SCALES @ share + PROFILE_WEIGHT * fits).argmax())

"""Draws the next event of a line from the model's probabilities, among the pitches that the settings allow."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from daemon.encodings.melody.events import EVENTS, FIRST_PITCH, HIGHEST, LOWEST, NO_EVENT, NOTE_OFF_EVENT, Floats
from daemon.engines.melody.copy_tracker import CopyTracker
from daemon.engines.melody.key import KeyEstimator
from daemon.engines.shared.draw import choose

Bools = NDArray[np.bool_]

MIDI_PITCHES = np.arange(LOWEST, HIGHEST + 1)  # MIDI, of the events from FIRST_PITCH on
NEUTRAL_VELOCITY = 80  # with the setting `velocity` at 0; else the musician's distance from this value counts


class EventSampler:
    """`settings` is the engine's own mapping of values, which change while the engine plays."""

    def __init__(self, settings: Mapping[str, float]) -> None:
        self._settings = settings
        self.key, self.copies = KeyEstimator(), CopyTracker()
        self._random = np.random.default_rng(0)
        self._range_and_key: tuple[float, float, bytes] | None = None  # for which `_playable` was computed
        self._playable: Bools

    def reset(self, seed: int) -> None:
        self.key.reset()
        self.copies.reset()
        self._random = np.random.default_rng(seed)

    def happens(self, probability: float) -> bool:
        return bool(self._random.random() < probability)

    def allowed(self) -> Bools:
        """(36,): the pitches in the range and the key that do not copy more notes in a row than is allowed."""
        allowed = self.in_range_and_key().copy()
        allowed[self.copies.exceeding(round(self._settings["copy"])) - FIRST_PITCH] = False
        return allowed

    def in_range_and_key(self) -> Bools:
        """(36,): the pitches in the range and the key; all pitches of the range if none of them is in the key."""
        classes = self.key.pitch_classes(round(self._settings["key"]))
        wanted = (self._settings["low"], self._settings["high"], classes.tobytes())
        if wanted != self._range_and_key:
            low, high = sorted(wanted[:2])
            in_range: Bools = (round(low) <= MIDI_PITCHES) & (round(high) >= MIDI_PITCHES)
            in_key = in_range & classes[MIDI_PITCHES % 12]
            self._range_and_key, self._playable = wanted, in_key if in_key.any() else in_range
        return self._playable

    def draw(
        self, log_probs: Floats, pitches: Bools, hold: bool, end: bool, cost: Floats | None = None, bonus: float = 0.0
    ) -> int:
        """The next event: a note of `pitches` (36,), no event if the line may `hold`, a note-off if its note may `end`;
        a note-off if none of these is allowed.

        `cost` (36,): nats subtracted from the log probability of each note; `bonus`: nats by which all notes gain
        against no event and note-off.
        """
        mask = np.empty((1, EVENTS), dtype=np.bool_)
        mask[0, NO_EVENT], mask[0, NOTE_OFF_EVENT], mask[0, FIRST_PITCH:] = hold, end, pitches
        if not mask.any():
            return NOTE_OFF_EVENT
        scores = log_probs[None].copy()
        scores[0, :FIRST_PITCH] -= self._settings["density"] + bonus
        if cost is not None:
            scores[0, FIRST_PITCH:] -= cost
        temperature, top_p = self._settings["temperature"], self._settings["top_p"]
        drawn, _, _ = choose(scores, mask, temperature, top_p, self._random.random(1))
        return int(drawn[0])

    def certainly_in_key(self) -> Bools:
        """(36,): the pitches that are in the key even if little was heard (KeyEstimator.certain)."""
        return self.key.certain(round(self._settings["key"]))[MIDI_PITCHES % 12]

    def ending_costs(self) -> Floats:
        """(36,): nats that each pitch costs as the last one (KeyEstimator.ending_costs)."""
        return self.key.ending_costs(round(self._settings["key"]))[MIDI_PITCHES % 12]

    def velocity(self, heard: int) -> int:
        """The velocity of a note that answers or accompanies one of velocity `heard`."""
        return round(NEUTRAL_VELOCITY + self._settings["velocity"] * (heard - NEUTRAL_VELOCITY))

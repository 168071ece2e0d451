"""Draws the next event of a line from the model's probabilities, among the pitches that the settings allow."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from daemon.encodings.melody.events import (
    EVENTS,
    FIRST_PITCH,
    HIGHEST,
    LOWEST,
    NO_EVENT,
    NOTE_OFF_EVENT,
    Floats,
    pitch_of,
)
from daemon.engines.melody.copy_tracker import CopyTracker
from daemon.engines.melody.key import ESTIMATED, KeyEstimator
from daemon.engines.melody.motif import Motif
from daemon.engines.shared.draw import choose
from daemon.engines.shared.followed_plan import Harmony

Bools = NDArray[np.bool_]

MIDI_PITCHES = np.arange(LOWEST, HIGHEST + 1)  # MIDI, of the events from FIRST_PITCH on
NON_CHORD_COST = 1.5  # nats that a note outside of the planned chord costs on a weak beat
CHORD_COST = 1.0  # nats for ending on another note of the planned chord than its root
NEUTRAL_VELOCITY = 80  # with the setting `velocity` at 0; else the musician's distance from this value counts


class EventSampler:
    """`settings` is the engine's own mapping of values, which change while the engine plays.

    Of the present 16th, if a chord is planned: `harmony`; whether it is a `strong` beat, on which only notes of the
    chord are allowed, or any beat (`on_beat`); whether the band is `silent`.
    """

    def __init__(self, settings: Mapping[str, float]) -> None:
        self._settings = settings
        self.key, self.copies, self.motif = KeyEstimator(), CopyTracker(), Motif()
        self._random = np.random.default_rng(0)
        self.follow(None)
        self._range_and_key: tuple[float, float, bytes] | None = None  # for which `_playable` was computed
        self._playable: Bools

    def follow(
        self, harmony: Harmony | None, strong: bool = False, on_beat: bool = False, silent: bool = False
    ) -> None:
        """Take what is planned for the present 16th."""
        self.harmony, self._strong, self._on_beat, self.silent = harmony, strong, on_beat, silent

    def relax(self) -> None:
        """Allow the scale of the planned chord in the present 16th, also on a strong beat."""
        self._strong = False

    def reset(self, seed: int) -> None:
        self.follow(None)
        self.key.reset()
        self.copies.reset()
        self.motif.reset()
        self._random = np.random.default_rng(seed)

    def happens(self, probability: float) -> bool:
        return bool(self._random.random() < probability)

    def allowed(self) -> Bools:
        """(36,): the pitches in the range and the key that do not copy more notes in a row than is allowed."""
        allowed = self.in_range_and_key().copy()
        allowed[self.copies.exceeding(round(self._settings["copy"])) - FIRST_PITCH] = False
        return allowed

    def in_range_and_key(self) -> Bools:
        """(36,): the pitches in the range and the key, or the planned chord or its scale; all pitches of the range if
        none of them is."""
        classes = self._pitch_classes()
        wanted = (self._settings["low"], self._settings["high"], classes.tobytes())
        if wanted != self._range_and_key:
            low, high = sorted(wanted[:2])
            in_range: Bools = (round(low) <= MIDI_PITCHES) & (round(high) >= MIDI_PITCHES)
            in_key = in_range & classes[MIDI_PITCHES % 12]
            self._range_and_key, self._playable = wanted, in_key if in_key.any() else in_range
        return self._playable

    def _pitch_classes(self) -> Bools:
        """(12,): those of the key. On a strong beat those of the planned chord; else its scale is the estimated key."""
        key = round(self._settings["key"])
        if self.harmony is None or (key != ESTIMATED and not self._strong):
            return self.key.pitch_classes(key)
        return _mask(self.harmony.tones if self._strong else self.harmony.scale)

    def fitted(self, event: int) -> int:
        """A note, or the nearest one that the planned chord allows instead."""
        if self.harmony is None or (possible := self.in_range_and_key())[event - FIRST_PITCH]:
            return event
        numbers = np.flatnonzero(possible)
        return int(numbers[np.abs(numbers + FIRST_PITCH - event).argmin()]) + FIRST_PITCH

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
        if self.harmony is not None and self._on_beat:
            scores[0, FIRST_PITCH:] -= NON_CHORD_COST * ~_mask(self.harmony.tones)[MIDI_PITCHES % 12]
        temperature, top_p = self._settings["temperature"], self._settings["top_p"]
        drawn, _, _ = choose(scores, mask, temperature, top_p, self._random.random(1))
        return int(drawn[0])

    def scale(self) -> Bools:
        """(36,): the pitches of the key, or of the planned chord's scale, in any range."""
        if self.harmony is not None and round(self._settings["key"]) == ESTIMATED:
            return _mask(self.harmony.scale)[MIDI_PITCHES % 12]
        return self.key.pitch_classes(round(self._settings["key"]))[MIDI_PITCHES % 12]

    def with_motif(self, log_probs: Floats, pitches: Bools) -> Floats:
        """`log_probs` (38,) with those of the notes that continue the motif raised, and those of the others lowered, so
        that a note of `pitches` is as likely as before."""
        favoured = log_probs.copy()
        favoured[FIRST_PITCH:] += self.motif.favours(self.scale())
        if pitches.any():
            before, after = (np.logaddexp.reduce(each[FIRST_PITCH:][pitches]) for each in (log_probs, favoured))
            favoured[FIRST_PITCH:] += before - after
        return favoured

    def certainly_in_key(self) -> Bools:
        """(36,): the pitches that are in the key even if little was heard (KeyEstimator.certain); all under a planned
        chord."""
        if self.harmony is not None:
            return np.ones(len(MIDI_PITCHES), dtype=np.bool_)
        return self.key.certain(round(self._settings["key"]))[MIDI_PITCHES % 12]

    def ending_costs(self) -> Floats:
        """(36,): nats that each pitch costs as the last one (KeyEstimator.ending_costs): under a planned chord the root
        nothing, the other notes of the chord CHORD_COST."""
        if self.harmony is not None:
            costs = np.where(_mask(self.harmony.tones), CHORD_COST, np.inf)
            costs[self.harmony.chord.root] = 0.0
            return np.asarray(costs[MIDI_PITCHES % 12])
        return self.key.ending_costs(round(self._settings["key"]))[MIDI_PITCHES % 12]

    def towards_end(self, log_probs: Floats, sounding: int | None, left: int) -> Floats:
        """`log_probs` (38,) for a line that ends on the tonic `left` 16ths later: what an event leaves sounding counts
        by how often it leads there (KeyEstimator.approach)."""
        weighted = log_probs.copy()
        if self.harmony is not None:  # the chords lead home
            return weighted
        approach = self.key.approach(round(self._settings["key"]), left)
        weighted[FIRST_PITCH:] += approach[MIDI_PITCHES % 12]
        if sounding is not None:
            weighted[NO_EVENT] += approach[pitch_of(sounding) % 12]
        return weighted

    def velocity(self, heard: int) -> int:
        """The velocity of a note that answers or accompanies one of velocity `heard`."""
        return round(NEUTRAL_VELOCITY + self._settings["velocity"] * (heard - NEUTRAL_VELOCITY))


@lru_cache(maxsize=256)
def _mask(pitch_classes: frozenset[int]) -> Bools:
    """(12,): whether each pitch class is one of these."""
    return np.array([pitch_class in pitch_classes for pitch_class in range(12)])

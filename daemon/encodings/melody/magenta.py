"""The encodings of Magenta's basic, lookback and attention RNN (Apache-2.0; `note_seq`'s encoder_decoder.py and
melody_encoder_decoder.py define them): the graph's input for the next 16th, and the meaning of its labels.

Before the first event there is no input. A bar line is assumed every 16 steps, whatever the meter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from daemon.encodings.melody.events import (
    EVENTS,
    FIRST_PITCH,
    LOWEST,
    NO_EVENT,
    NOTE_OFF_EVENT,
    PITCHES,
    Events,
    major_keys,
    pitch_class_counts,
    transposed,
    transposition_to_c,
)

STEPS_PER_BAR = 16
LOOKBACKS = (STEPS_PER_BAR, 2 * STEPS_PER_BAR)
Feeds = dict[str, NDArray[np.generic]]


@dataclass(frozen=True, slots=True)
class MagentaHistory:
    """`recent`: the last 33 events, transposed by `transpose`, the newest last; `count`: the number of all events.

    Only the attention encoding uses the rest. `sounding`: event whose note sounds; `attack`: whether the last event,
    apart from note-offs, struck a note; `direction` of the melody: 1 up, −1 down; `last_notes`: the last three
    different notes, as events; `pitch_class_counts` (12,): how often each pitch class was struck.
    """

    transpose: int
    recent: tuple[int, ...] = ()
    count: int = 0
    sounding: int | None = None
    attack: bool = False
    direction: int = 0
    last_notes: tuple[int, ...] = ()
    pitch_class_counts: tuple[int, ...] = (0,) * 12


class BasicEncoding:
    """Input: the last event, one of 38."""

    inputs = EVENTS
    labels = EVENTS

    def transposition(self, events: Sequence[int]) -> int:
        """Semitones by which the model hears these events transposed: to C major."""
        return transposition_to_c(events)

    def start(self, meter: float, position: float, transpose: int = 0) -> MagentaHistory:
        """The history before the first event. Meter and position have no effect."""
        return MagentaHistory(transpose)

    def observe(self, history: MagentaHistory, event: int, position: float) -> MagentaHistory:
        """The history after `event` in the next 16th."""
        event = transposed(event, history.transpose)
        recent = (*history.recent[-LOOKBACKS[-1] :], event)
        return replace(history, recent=recent, count=history.count + 1)

    def feeds(self, history: MagentaHistory) -> Feeds | None:
        """The graph's input for the next 16th, as a batch of one; None before the first event."""
        if not history.count:
            return None
        x = np.zeros((1, self.inputs), np.float32)
        self._fill(history, x[0])
        return {"x": x}

    def _fill(self, history: MagentaHistory, x: NDArray[np.float32]) -> None:
        x[history.recent[-1]] = 1

    def events(self, history: MagentaHistory) -> Events:
        """(labels,): the event that each label means, not transposed."""
        return np.array([transposed(event, -history.transpose) for event in range(EVENTS)])

    def label(self, history: MagentaHistory, event: int) -> int:
        """The label for `event` in training."""
        return transposed(event, history.transpose)


class LookbackEncoding(BasicEncoding):
    """Input: also the events one and two bars before the next one, a binary counter of steps, and whether the last
    event equals the one a bar or two bars before it.

    Two more labels mean "the event of one bar ago" and "the event of two bars ago". In training, where several labels
    mean one event, two bars ago takes precedence over one bar ago, and that over the event itself.
    """

    inputs = 3 * EVENTS + 5 + 2
    labels = EVENTS + len(LOOKBACKS)

    def _fill(self, history: MagentaHistory, x: NDArray[np.float32]) -> None:
        recent = history.recent
        x[recent[-1]] = 1
        for number, distance in enumerate(LOOKBACKS, 1):
            x[number * EVENTS + (recent[-distance] if history.count >= distance else NO_EVENT)] = 1
        x[3 * EVENTS : 3 * EVENTS + 5] = binary_counter(history.count, 5)
        x[3 * EVENTS + 5 :] = repeats(history)

    def events(self, history: MagentaHistory) -> Events:
        """(labels,): the event that each label means, not transposed; NO_EVENT for a bar before the first one."""
        again = [history.recent[-d] if history.count >= d else NO_EVENT for d in LOOKBACKS]
        return np.array([transposed(event, -history.transpose) for event in (*range(EVENTS), *again)])

    def label(self, history: MagentaHistory, event: int) -> int:
        """The label for `event` in training."""
        event = transposed(event, history.transpose)
        if event == NO_EVENT and history.count < LOOKBACKS[-1]:
            return self.labels - 1
        for number, distance in reversed(list(enumerate(LOOKBACKS))):
            if history.count >= distance and history.recent[-distance] == event:
                return EVENTS + number
        return event


class AttentionEncoding(LookbackEncoding):
    """Input: the event that sounds instead of the last one, its attack, the direction of the melody, repeats, a binary
    counter, bar lines, and the likeliest major keys of the melody and of its last three notes."""

    inputs = PITCHES + 2 + 1 + 1 + len(LOOKBACKS) + 7 + 1 + 12 + 12

    def observe(self, history: MagentaHistory, event: int, position: float) -> MagentaHistory:
        """The history after `event` in the next 16th."""
        after = super().observe(history, event, position)
        event = after.recent[-1]
        if event == NO_EVENT:
            return replace(after, attack=False)
        if event == NOTE_OFF_EVENT:
            return replace(after, sounding=None)
        direction, counts = after.direction, list(after.pitch_class_counts)
        if after.last_notes and event != after.last_notes[-1]:
            direction = 1 if event > after.last_notes[-1] else -1
        last_notes = (*(e for e in after.last_notes if e != event), event)[-3:]
        counts[(event - FIRST_PITCH + LOWEST) % 12] += 1
        return replace(
            after, sounding=event, attack=True, direction=direction, last_notes=last_notes,
            pitch_class_counts=tuple(counts),
        )  # fmt: skip

    def _fill(self, history: MagentaHistory, x: NDArray[np.float32]) -> None:
        if history.sounding is None:
            x[PITCHES + 1] = 1
        else:
            x[history.sounding - FIRST_PITCH] = x[PITCHES] = 1
        x[38] = history.attack
        x[39] = history.direction
        x[40:42] = repeats(history)
        x[42:49] = binary_counter(history.count, 7)
        x[49] = history.count % STEPS_PER_BAR == 0
        for first, counts in ((50, np.array(history.pitch_class_counts)), (62, pitch_class_counts(history.last_notes))):
            keys = major_keys(counts)
            x[first : first + 12] = keys == keys.max()


def binary_counter(step: int, bits: int) -> list[int]:
    """The binary digits of the number of the step as ±1, the lowest first."""
    return [1 if step >> bit & 1 else -1 for bit in range(bits)]


def repeats(history: MagentaHistory) -> list[bool]:
    """Whether the last event equals the one a bar before it, and the one two bars before it."""
    recent = history.recent
    return [history.count > distance and recent[-1] == recent[-1 - distance] for distance in LOOKBACKS]

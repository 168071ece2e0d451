"""The encodings of Magenta's basic, lookback and attention RNN (Apache-2.0; `note_seq`'s encoder_decoder.py and
melody_encoder_decoder.py define them): the input before the next 16th, and the meaning of the labels.

They have no input for the first event. Every 16th step is a bar line, whatever the meter.
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
    NOTE_OFF,
    PITCHES,
    Events,
    major_keys,
    pitch_classes,
    transposed,
    transposition,
)

BAR = 16  # steps
LOOKBACKS = (BAR, 2 * BAR)
Feeds = dict[str, NDArray[np.generic]]


@dataclass(frozen=True, slots=True)
class MagentaHistory:
    """`recent`: the last 33 events, transposed by `transpose`, the newest last; `count` of all events.

    For the attention encoding also the event that sounds, or None, whether it was just struck, the direction of the
    melody (1 up, −1 down), the last three different events with pitches, and how often each pitch class was struck
    (12,).
    """

    transpose: int
    recent: tuple[int, ...] = ()
    count: int = 0
    sounding: int | None = None
    attack: bool = False
    direction: int = 0
    last: tuple[int, ...] = ()
    classes: tuple[int, ...] = (0,) * 12


class Basic:
    """The last event, one of 38."""

    inputs = EVENTS
    labels = EVENTS

    def transposition(self, events: Sequence[int]) -> int:
        """Semitones by which the model wants these events transposed: to C major."""
        return transposition(events)

    def start(self, meter: float, position: float, transpose: int = 0) -> MagentaHistory:
        """Nothing heard yet. Meter and position have no effect."""
        return MagentaHistory(transpose)

    def observe(self, history: MagentaHistory, event: int, position: float) -> MagentaHistory:
        """`event` fell in the 16th that was to come."""
        event = transposed(event, history.transpose)
        recent = (*history.recent[-LOOKBACKS[-1] :], event)
        return replace(history, recent=recent, count=history.count + 1)

    def feeds(self, history: MagentaHistory) -> Feeds | None:
        """The graph's input for the 16th to come, a row of one; None before anything was heard."""
        if not history.count:
            return None
        x = np.zeros((1, self.inputs), np.float32)
        self.fill(history, x[0])
        return {"x": x}

    def fill(self, history: MagentaHistory, x: NDArray[np.float32]) -> None:
        x[history.recent[-1]] = 1

    def events(self, history: MagentaHistory) -> Events:
        """(labels,): the event that each label means, as it sounds."""
        return np.array([transposed(event, -history.transpose) for event in range(EVENTS)])

    def label(self, history: MagentaHistory, event: int) -> int:
        """The label that the net is trained to give for `event`."""
        return transposed(event, history.transpose)


class Lookback(Basic):
    """Also the events one and two bars before the next one, a counter of steps, and whether the last event repeats one.

    Two labels mean "as one bar ago" and "as two bars ago"; the second goes before the first, and both before the event.
    """

    inputs = 3 * EVENTS + 5 + 2
    labels = EVENTS + len(LOOKBACKS)

    def fill(self, history: MagentaHistory, x: NDArray[np.float32]) -> None:
        recent = history.recent
        x[recent[-1]] = 1
        for number, distance in enumerate(LOOKBACKS, 1):
            x[number * EVENTS + (recent[-distance] if history.count >= distance else NO_EVENT)] = 1
        x[3 * EVENTS : 3 * EVENTS + 5] = counter(history.count, 5)
        x[3 * EVENTS + 5 :] = repeats(history)

    def events(self, history: MagentaHistory) -> Events:
        """(labels,): the event that each label means, as it sounds; no event for a bar ago that does not exist."""
        again = [history.recent[-d] if history.count >= d else NO_EVENT for d in LOOKBACKS]
        return np.array([transposed(event, -history.transpose) for event in (*range(EVENTS), *again)])

    def label(self, history: MagentaHistory, event: int) -> int:
        """The label that the net is trained to give for `event`."""
        event = transposed(event, history.transpose)
        if event == NO_EVENT and history.count < LOOKBACKS[-1]:
            return self.labels - 1
        for number, distance in reversed(list(enumerate(LOOKBACKS))):
            if history.count >= distance and history.recent[-distance] == event:
                return EVENTS + number
        return event


class Attention(Lookback):
    """The event that sounds rather than the last one, the keys of the melody, and those of its last three notes."""

    inputs = PITCHES + 2 + 1 + 1 + len(LOOKBACKS) + 7 + 1 + 12 + 12

    def observe(self, history: MagentaHistory, event: int, position: float) -> MagentaHistory:
        """`event` fell in the 16th that was to come."""
        after = super().observe(history, event, position)
        event = after.recent[-1]
        if event == NO_EVENT:
            return replace(after, attack=False)
        if event == NOTE_OFF:
            return replace(after, sounding=None)
        direction, classes = after.direction, list(after.classes)
        if after.last and event != after.last[-1]:
            direction = 1 if event > after.last[-1] else -1
        last = (*(e for e in after.last if e != event), event)[-3:]
        classes[(event - FIRST_PITCH + LOWEST) % 12] += 1
        return replace(
            after, sounding=event, attack=True, direction=direction, last=last, classes=tuple(classes)
        )  # fmt: skip

    def fill(self, history: MagentaHistory, x: NDArray[np.float32]) -> None:
        if history.sounding is None:
            x[PITCHES + 1] = 1
        else:
            x[history.sounding - FIRST_PITCH] = x[PITCHES] = 1
        x[38] = history.attack
        x[39] = history.direction
        x[40:42] = repeats(history)
        x[42:49] = counter(history.count, 7)
        x[49] = history.count % BAR == 0
        for first, classes in ((50, np.array(history.classes)), (62, pitch_classes(history.last))):
            keys = major_keys(classes)
            x[first : first + 12] = keys == keys.max()


def counter(step: int, bits: int) -> list[int]:
    """The number of the step as binary digits of ±1, the lowest first."""
    return [1 if step >> bit & 1 else -1 for bit in range(bits)]


def repeats(history: MagentaHistory) -> list[bool]:
    """Whether the last event equals the one a bar, and the one two bars before it."""
    recent = history.recent
    return [history.count > distance and recent[-1] == recent[-1 - distance] for distance in LOOKBACKS]

"""jamd's own encoding of melodies: the bar as it is, what stood there one to sixteen bars ago, and what followed the
longest passages that equal the present one (prediction by partial matching), in events or in intervals.

Everything is numbered and looked up in one table, so that the net's input costs a few rows. `clues` are what the net's
output is built from: the last pitch, the key, and the candidates for the next event.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from daemon.encodings.melody_events import (
    EVENTS,
    FIRST_PITCH,
    LOWEST,
    NOTE_OFF,
    PITCHES,
    Events,
    major_keys,
    step_of,
)

MEMORY = 1024  # steps that it remembers
BARS_BACK = (1, 2, 4, 8, 16)
CANDIDATES = len(BARS_BACK) + 4
NOTHING = EVENTS  # in the place of an event: none is known
NO_PITCH = PITCHES  # in the place of a pitch, 0..35
NO_KEY = 12
LONGEST_BAR = 32  # steps; longer bars are counted round
LONGEST_PAUSE = 17  # steps since an onset
BARS = 64  # counted; later ones are one and the same
INTERVALS = 2 * PITCHES  # 0 = one of both is no pitch; 1..71 = −35..35 semitones
LENGTHS = 8  # of matches, in steps: 0, 1, 2, 4, 8, 16, 32, 64 and more
LENGTH_CLASS: Events = np.array([0, *(int(np.log2(n)) + 1 for n in range(1, 64)), 7], dtype=np.int64)
KINDS = 4  # of candidates: no event, note-off, a pitch, nothing
RELATIVE = 3 + INTERVALS  # a candidate: no event, note-off, nothing, a pitch as interval from the last one

# What a step is described by, in this order: `History.row`.
COLUMNS = (
    "last", "pitch", "pitch2", "pitch3", "pitch4", "pause", "length", "length2", "sounds", "position", "bar_steps",
    "bar", "key",
)  # fmt: skip
COLUMN = {name: number for number, name in enumerate(COLUMNS)}
ROW = len(COLUMNS) + 2 * CANDIDATES  # then the candidates, then their lengths

SIZES = (
    EVENTS + 1, PITCHES + 1, INTERVALS, INTERVALS, INTERVALS, LONGEST_PAUSE + 1, (LONGEST_PAUSE + 1) ** 2,
    LONGEST_BAR * 3, (LONGEST_BAR + 1) * LONGEST_BAR, LONGEST_BAR * (LONGEST_PAUSE + 1), BARS + 1, 13 * 13, 13,
    *(RELATIVE,) * CANDIDATES, *(KINDS * LENGTHS,) * CANDIDATES,
)  # fmt: skip
STARTS: Events = np.array([0, *np.cumsum(SIZES)[:-1]], dtype=np.int64)
TABLE = sum(SIZES)
CLUES = 2 + CANDIDATES


@dataclass(frozen=True, slots=True)
class History:
    """What was heard, the newest last, at most 1024 steps of it.

    `events` (n,); `tokens` (n,): the same with intervals for pitches; `pitches` (n,): the pitch before each event;
    `same`, `alike` (n,): how many steps before each were the same (in intervals: alike) as those before the next one.
    `row`: the next step, described (COLUMNS, candidates, their lengths).
    """

    bar_steps: int
    steps: int
    first: int
    events: NDArray[np.int16]
    tokens: NDArray[np.int16]
    pitches: NDArray[np.int16]
    same: NDArray[np.int16]
    alike: NDArray[np.int16]
    last: tuple[int, int, int, int]
    pause: int
    lengths: tuple[int, int]
    sounds: int
    classes: Events
    row: Events


class Jamd:
    labels = EVENTS

    def transposition(self, events: Sequence[int]) -> int:
        """Semitones by which it wants to hear these events: none."""
        return 0

    def start(self, meter: float, position: float, transpose: int = 0) -> History:
        """Nothing heard yet; `meter` in beats per bar, `position` of the first step in beats since its bar line."""
        none = np.zeros(0, np.int16)
        bar_steps = max(1, step_of(meter))
        history = History(
            bar_steps, 0, step_of(position), none, none, none, none, none, (NO_PITCH,) * 4, LONGEST_PAUSE,
            (LONGEST_PAUSE, LONGEST_PAUSE), 2, np.zeros(12, np.int64), np.zeros(ROW, np.int64),
        )  # fmt: skip
        return replace(history, row=describe(history, NOTHING, step_of(position)))

    def heard(self, history: History, event: int, position: float) -> History:
        """`event` fell in the 16th that was to come; `position` of the next one in beats since its bar line."""
        last, pause, lengths = history.last, min(history.pause + 1, LONGEST_PAUSE), history.lengths
        sounds, classes, token = history.sounds, history.classes, event
        if event >= FIRST_PITCH:
            pitch = event - FIRST_PITCH
            token = FIRST_PITCH + (pitch - last[0] + PITCHES if last[0] != NO_PITCH else 0)
            last, lengths, pause, sounds = (pitch, *last[:3]), (pause, lengths[0]), 0, 1
            classes = classes.copy()
            classes[(pitch + LOWEST) % 12] += 1
        elif event == NOTE_OFF:
            sounds = 0
        keep = slice(max(0, len(history.events) + 1 - MEMORY), None)
        after = replace(
            history,
            steps=history.steps + 1,
            events=np.append(history.events, np.int16(event))[keep],
            tokens=np.append(history.tokens, np.int16(token))[keep],
            pitches=np.append(history.pitches, np.int16(history.last[0]))[keep],
            same=matches(history.same, history.events, event)[keep],
            alike=matches(history.alike, history.tokens, token)[keep],
            last=last,
            pause=pause,
            lengths=lengths,
            sounds=sounds,
            classes=classes,
        )
        return replace(after, row=describe(after, event, step_of(position)))

    def feeds(self, history: History) -> dict[str, NDArray[Any]]:
        """The graph's input for the 16th to come, a row of one."""
        return features(history.row[None])

    def events(self, history: History) -> Events:
        """(labels,): the event that each label means."""
        return np.arange(EVENTS)


def matches(before: NDArray[np.int16], events: NDArray[np.int16], event: int) -> NDArray[np.int16]:
    """Lengths (n + 1,) of the matches after `event`, from those (n,) before it."""
    after = np.zeros(len(before) + 1, np.int16)
    np.multiply(before + 1, events == event, out=after[1:])
    return after


def describe(history: History, last: int, position: int) -> Events:
    """The next step as a row (ROW,)."""
    bar = (history.first + history.steps) // history.bar_steps + (history.first == 0)  # a pick-up is bar 0
    key = int(major_keys(history.classes).argmax()) if history.classes.any() else NO_KEY
    row = [
        last, *history.last, history.pause, *history.lengths, history.sounds, position % LONGEST_BAR,
        min(history.bar_steps, LONGEST_BAR), min(bar, BARS), key,
    ]  # fmt: skip
    candidates, lengths = [], []
    for candidate, length in _candidates(history):
        candidates.append(candidate)
        lengths.append(length)
    return np.array([*row, *candidates, *lengths])


def _candidates(history: History) -> list[tuple[int, int]]:
    """What may come next, and how many steps before it were the same: one to sixteen bars ago, after the longest match,
    the longest in the same place of the bar, the longest that was followed by something else, the longest in intervals.
    """
    events, same, alike, bar = history.events, history.same, history.alike, history.bar_steps
    heard = len(events)
    found = []
    for bars in BARS_BACK:
        distance = bars * bar
        found.append((int(events[-distance]), int(same[-distance])) if distance <= heard else (NOTHING, 0))
    if not heard:
        return found + [(NOTHING, 0)] * 4
    longest = _longest(same)
    found.append(_candidate(int(events[longest]), int(same[longest])))
    placed = same[-bar::-bar]
    index = -bar * (int(placed.argmax()) + 1) if len(placed) else 0
    found.append(_candidate(int(events[index]), int(same[index])) if len(placed) else (NOTHING, 0))
    others = np.where(events != events[longest], same, 0)
    other = _longest(others)
    found.append(_candidate(int(events[other]), int(others[other])))
    index = _longest(alike)
    event = int(events[index])
    if event >= FIRST_PITCH:
        moved = event - FIRST_PITCH + history.last[0] - int(history.pitches[index])
        known = NO_PITCH not in (history.last[0], history.pitches[index]) and 0 <= moved < PITCHES
        event = moved + FIRST_PITCH if known else NOTHING
    found.append(_candidate(event, int(alike[index])))
    return found


def _longest(lengths: NDArray[np.int16]) -> int:
    """Where the longest of the matches is; of several, the latest."""
    return len(lengths) - 1 - int(lengths[::-1].argmax())


def _candidate(event: int, length: int) -> tuple[int, int]:
    return (event, length) if length else (NOTHING, 0)


def features(rows: Events) -> dict[str, Events]:
    """Rows (n, ROW) → what the net reads: `features` (n, 31), numbers in one table of 6,000, and `clues` (n, 11)."""
    columns = {name: rows[:, number] for name, number in COLUMN.items()}
    candidates = rows[:, len(COLUMNS) : len(COLUMNS) + CANDIDATES]
    lengths = LENGTH_CLASS[np.minimum(rows[:, len(COLUMNS) + CANDIDATES :], 64)]
    pitch, key, position = columns["pitch"], columns["key"], columns["position"]
    degree = np.where((pitch == NO_PITCH) | (key == NO_KEY), 12, (pitch + LOWEST - key) % 12)
    kinds = np.where(candidates == NOTHING, 3, np.minimum(candidates, FIRST_PITCH))
    relative = interval(candidates - FIRST_PITCH, pitch[:, None]) + 3
    relative = np.where(kinds == 2, relative, np.where(kinds == 3, 2, candidates))
    pause = LONGEST_PAUSE + 1
    single = [
        columns["last"], pitch, *(interval(pitch, columns[name]) for name in ("pitch2", "pitch3", "pitch4")),
        columns["pause"], columns["length"] * pause + columns["length2"], position * 3 + columns["sounds"],
        columns["bar_steps"] * LONGEST_BAR + position, position * pause + columns["pause"], columns["bar"],
        key * 13 + degree, degree,
    ]  # fmt: skip
    numbers = np.concatenate([np.stack(single, 1), relative, kinds * LENGTHS + lengths], 1)
    return {"features": numbers + STARTS, "clues": np.concatenate([pitch[:, None], key[:, None], candidates], 1)}


def interval(upper: Events, lower: Events) -> Events:
    """Class of the interval between pitches 0..35: 0 where one is none."""
    known = (upper >= 0) & (upper < PITCHES) & (lower < PITCHES)
    result: Events = np.where(known, upper - lower + PITCHES, 0)
    return result


def golden(name: str, shape: Sequence[int], rng: np.random.Generator) -> Events:
    """The golden input of this name: each column uniform over its values."""
    sizes: Mapping[str, Sequence[int]] = {
        "features": SIZES,
        "clues": (PITCHES + 1, NO_KEY + 1, *(EVENTS + 1,) * CANDIDATES),
    }
    drawn = rng.integers(0, sizes[name], shape)
    return drawn + STARTS if name == "features" else drawn

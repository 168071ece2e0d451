"""jamd's own encoding of melodies: the bar as it is, what stood there one to sixteen bars ago, and what followed the
longest passages that equal the present one (prediction by partial matching), in events or in intervals.

Everything is numbered and looked up in one table, so that the net's input costs a few rows. `clues` are what the net's
output is built from: the last pitch, the key, and the candidates for the next event.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from daemon.encodings.melody_events import EVENTS, FIRST_PITCH, IN_KEY, LOWEST, NOTE_OFF, PITCHES, Events, step_of

MEMORY = 1024  # steps that it remembers
BARS_BACK = (1, 2, 4, 8, 16)
CANDIDATES = len(BARS_BACK) + 4
NOTHING = EVENTS  # in the place of an event: none is known
NO_PITCH = PITCHES  # in the place of a pitch, 0..35
NO_KEY = 12
LONGEST_BAR = 32  # steps; longer bars are counted round
PAUSES = 18  # steps since an onset; 17 and more are one
BARS = 64  # counted; later ones are one
INTERVALS = 2 * PITCHES  # 0 = one of both is no pitch; 1..71 = −35..35 semitones
SOUNDS = 3  # whether something sounds: no, yes, not yet
LENGTHS = 8  # of matches, in steps: 0, 1, 2, 4, 8, 16, 32, 64 and more
KINDS = 4  # of candidates: no event, note-off, a pitch, nothing
RELATIVE = 3 + INTERVALS  # a candidate: no event, note-off, nothing, a pitch as interval from the last one

SIZES = (  # of the features of a step, in the order of `number`
    EVENTS + 1, PITCHES + 1, (NO_KEY + 1) * 13, 13, INTERVALS, INTERVALS, INTERVALS, PAUSES, PAUSES * PAUSES,
    LONGEST_BAR * SOUNDS, LONGEST_BAR * (LONGEST_BAR + 1), LONGEST_BAR * PAUSES, BARS + 1,
    *(RELATIVE, KINDS * LENGTHS) * CANDIDATES,
)  # fmt: skip
STARTS = tuple(sum(SIZES[:n]) for n in range(len(SIZES)))
TABLE = sum(SIZES)
CLUE_SIZES = (PITCHES + 1, NO_KEY + 1, *(EVENTS + 1,) * CANDIDATES)
EVENT, TOKEN, BEFORE, SAME, ALIKE = range(5)  # rows of History.past


@dataclass(frozen=True, slots=True)
class History:
    """What was heard, and the next step in numbers.

    `past` (5, n): the last steps, newest first, 1024 at most. By row: event; the same with an interval for a pitch; the
    pitch before it; how many steps before it equal (in intervals: resemble) those before the step to come.
    `last`: the last four pitches, newest first; `pause`, `lengths`: steps since the last onset, and between the two
    before it; `keys` (12,): how many notes lie in each major key. `features`, `clues`: the net's input.
    """

    bar_steps: int
    step: int  # since the bar line before the first
    pick_up: bool
    past: NDArray[np.int16]
    last: tuple[int, int, int, int]
    pause: int
    lengths: tuple[int, int]
    sounds: int
    keys: Events
    features: list[int]
    clues: list[int]


class Jamd:
    labels = EVENTS

    def transposition(self, events: Sequence[int]) -> int:
        """Semitones by which it wants to hear these events: none."""
        return 0

    def start(self, meter: float, position: float, transpose: int = 0) -> History:
        """Nothing heard yet; `meter` in beats per bar, `position` of the first step in beats since its bar line."""
        bar_steps, place = max(1, step_of(meter)), step_of(position)
        return _history(
            bar_steps, place, place > 0, np.zeros((5, 0), np.int16), NOTHING, place, (NO_PITCH,) * 4, PAUSES - 1,
            (PAUSES - 1, PAUSES - 1), SOUNDS - 1, np.zeros(12, np.int64),
        )  # fmt: skip

    def heard(self, history: History, event: int, position: float) -> History:
        """`event` fell in the 16th that was to come; `position` of the next one in beats since its bar line."""
        last, pause, lengths = history.last, min(history.pause + 1, PAUSES - 1), history.lengths
        sounds, keys, token = history.sounds, history.keys, event
        if event >= FIRST_PITCH:
            pitch = event - FIRST_PITCH
            token = FIRST_PITCH + interval(pitch, last[0])
            last, lengths, pause, sounds = (pitch, *last[:3]), (pause, lengths[0]), 0, 1
            keys = keys + IN_KEY[(pitch + LOWEST) % 12]
        elif event == NOTE_OFF:
            sounds = 0
        past = _recorded(history.past, event, token, history.last[0])
        return _history(
            history.bar_steps, history.step + 1, history.pick_up, past, event, step_of(position), last, pause, lengths,
            sounds, keys,
        )  # fmt: skip

    def feeds(self, history: History) -> dict[str, NDArray[Any]]:
        """The graph's input for the 16th to come, a row of one."""
        return {"features": np.array([history.features]), "clues": np.array([history.clues])}

    def events(self, history: History) -> Events:
        """(labels,): the event that each label means."""
        return ALL


ALL: Events = np.arange(EVENTS)


def _recorded(past: NDArray[np.int16], event: int, token: int, before: int) -> NDArray[np.int16]:
    """`past` after one more step."""
    kept = min(past.shape[1], MEMORY - 1)
    old, new = past[:, :kept], np.zeros((5, kept + 1), np.int16)
    new[:SAME, 0] = event, token, before
    new[:SAME, 1:] = old[:SAME]
    np.multiply(old[SAME] + 1, old[EVENT] == event, out=new[SAME, :kept])
    np.multiply(old[ALIKE] + 1, old[TOKEN] == token, out=new[ALIKE, :kept])
    return new


def _history(
    bar_steps: int, step: int, pick_up: bool, past: NDArray[np.int16], event: int, place: int,
    last: tuple[int, int, int, int], pause: int, lengths: tuple[int, int], sounds: int, keys: Events,
) -> History:  # fmt: skip
    """With the numbers of the step to come, which stands `place` steps after its bar line; `event` came before it."""
    bar = step // bar_steps + (not pick_up)  # a pick-up is bar 0
    key = int(keys.argmax()) if last[0] != NO_PITCH else NO_KEY
    candidates = _candidates(past, bar_steps, last[0])
    features = number(event, last, key, pause, lengths, sounds, place, bar_steps, bar, candidates)
    clues = [last[0], key, *(candidate for candidate, _ in candidates)]
    return History(bar_steps, step, pick_up, past, last, pause, lengths, sounds, keys, features, clues)


def _candidates(past: NDArray[np.int16], bar: int, pitch: int) -> list[tuple[int, int]]:
    """What may come next, and how many steps before it were the same: one to sixteen bars ago, after the longest match,
    the longest in the same place of the bar, the longest that was followed by something else, the longest in intervals.
    Of matches of one length, the latest."""
    events, _, before, same, alike = past
    heard = len(events)
    found = []
    for bars in BARS_BACK:
        distance = bars * bar
        known = distance <= heard
        found.append((int(events[distance - 1]), int(same[distance - 1])) if known else (NOTHING, 0))
    if not heard:
        return found + [(NOTHING, 0)] * 4
    index = int(same.argmax())
    likely = int(events[index])
    found.append(_if_any(likely, int(same[index])))
    index = (int(same[bar - 1 :: bar].argmax()) + 1) * bar - 1 if bar <= heard else 0
    found.append(_if_any(int(events[index]), int(same[index])) if bar <= heard else (NOTHING, 0))
    others = same * (events != likely)
    index = int(others.argmax())
    found.append(_if_any(int(events[index]), int(others[index])))
    index = int(alike.argmax())
    found.append(_if_any(_moved(int(events[index]), int(before[index]), pitch), int(alike[index])))
    return found


def _if_any(event: int, length: int) -> tuple[int, int]:
    return (event, length) if length else (NOTHING, 0)


def _moved(event: int, before: int, pitch: int) -> int:
    """The event that follows `pitch` as this one followed the pitch `before`."""
    if event < FIRST_PITCH:
        return event
    moved = event + pitch - before
    return moved if NO_PITCH not in (pitch, before) and FIRST_PITCH <= moved < EVENTS else NOTHING


def interval(upper: int, lower: int) -> int:
    """Class of the interval between pitches 0..35."""
    return upper - lower + PITCHES if upper != NO_PITCH and lower != NO_PITCH else 0


def number(
    event: int, last: tuple[int, int, int, int], key: int, pause: int, lengths: tuple[int, int], sounds: int,
    place: int, bar_steps: int, bar: int, candidates: Sequence[tuple[int, int]],
) -> list[int]:  # fmt: skip
    """The features of a step: rows of the table."""
    pitch, *others = last
    degree = (pitch + LOWEST - key) % 12 if key != NO_KEY else 12
    place %= LONGEST_BAR
    values = [
        event, pitch, key * 13 + degree, degree, *(interval(pitch, other) for other in others), pause,
        lengths[0] * PAUSES + lengths[1], place * SOUNDS + sounds, min(bar_steps, LONGEST_BAR) * LONGEST_BAR + place,
        place * PAUSES + pause, min(bar, BARS),
    ]  # fmt: skip
    for candidate, length in candidates:
        if candidate == NOTHING:
            values += (2, 3 * LENGTHS)
        elif candidate < FIRST_PITCH:
            values += (candidate, candidate * LENGTHS + min(length.bit_length(), 7))
        else:
            values += (3 + interval(candidate - FIRST_PITCH, pitch), 2 * LENGTHS + min(length.bit_length(), 7))
    return [start + value for start, value in zip(STARTS, values, strict=True)]


def transposed_features(semitones: int) -> Events:
    """(TABLE,): what each feature becomes when the melody is transposed; its pitches must stay within 48..83."""
    table = np.arange(TABLE)
    keys = np.arange(SIZES[2]).reshape(NO_KEY + 1, 13)
    turned = np.concatenate([np.roll(keys[:NO_KEY], -semitones % 12, 0), keys[NO_KEY:]]).ravel()
    for number, values in enumerate((transposed_events(semitones), transposed_pitches(semitones), turned)):
        table[STARTS[number] : STARTS[number] + len(values)] = values + STARTS[number]
    return table


def transposed_events(semitones: int) -> Events:
    """(39,): what each event becomes, and NOTHING."""
    return np.concatenate([np.arange(FIRST_PITCH), transposed_pitches(semitones) + FIRST_PITCH])


def transposed_pitches(semitones: int) -> Events:
    """(37,): what each pitch becomes, and NO_PITCH."""
    moved = np.clip(np.arange(PITCHES) + semitones, 0, PITCHES - 1)
    return np.append(moved, NO_PITCH)


def golden(name: str, shape: Sequence[int], rng: np.random.Generator) -> Events:
    """The golden input of this name: each column uniform over its values."""
    drawn: Events = rng.integers(0, SIZES if name == "features" else CLUE_SIZES, shape)
    return drawn + np.array(STARTS) if name == "features" else drawn

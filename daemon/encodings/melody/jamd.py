"""jamd's own encoding of melodies: the place in the bar, in any meter, the events one to sixteen bars ago, and those
that followed the longest passages that equal the present one (prediction by partial matching), in events or intervals.

All features are rows of one table, so that the net's input costs a few rows. The net's output is built from `clues`:
the last pitch, the key, and the candidates for the next event.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import add
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from daemon.encodings.melody.events import ALL, EVENTS, FIRST_PITCH, IN_KEY, LOWEST, NOTE_OFF, PITCHES, Events, step_of

MEMORY = 1024  # steps that the history keeps
BARS_BACK = (1, 2, 4, 8, 16)
CANDIDATES = len(BARS_BACK) + 4
NOTHING = EVENTS  # in the place of an event: no step
NO_PITCH = PITCHES  # in the place of a pitch, 0..35
NO_KEY = 12
LONGEST_BAR = 32  # steps; places of longer bars are counted modulo this
PAUSES = 18  # steps since an onset; 17 and more are one
BARS = 64  # counted; later ones are one
INTERVALS = 2 * PITCHES  # 0 = one of the two is no pitch; 1..71 = −35..35 semitones
SOUNDS = 3  # whether a note sounds: no, yes, none yet
LENGTHS = 8  # of matches, in steps: 0, 1, 2, 4, 8, 16, 32, 64 and more
KINDS = 4  # of candidates: no event, note-off, a pitch, nothing
RELATIVE = 3 + INTERVALS  # a candidate: no event, note-off, nothing, a pitch as interval from the last one

SIZES = (  # of the features of a step, in the order of `_features`
    EVENTS + 1, PITCHES + 1, (NO_KEY + 1) * 13, 13, INTERVALS, INTERVALS, INTERVALS, PAUSES, PAUSES * PAUSES,
    LONGEST_BAR * SOUNDS, LONGEST_BAR * (LONGEST_BAR + 1), LONGEST_BAR * PAUSES, BARS + 1,
    *(RELATIVE, KINDS * LENGTHS) * CANDIDATES,
)  # fmt: skip
STARTS = tuple(sum(SIZES[:n]) for n in range(len(SIZES)))
TABLE = sum(SIZES)
CLUE_SIZES = (PITCHES + 1, NO_KEY + 1, *(EVENTS + 1,) * CANDIDATES)
NOTES_IN_KEY = tuple(map(tuple, IN_KEY.tolist()))  # by pitch class: 1 for each major key that it lies in

SAME, ALIKE = range(2)  # rows of Past.matches
TOKENS = NOTHING + 1 + INTERVALS  # an event, NOTHING, or in a pitch's place an interval
EQUALS = tuple(bytes(255 * (number == n) for number in range(256)) for n in range(TOKENS))  # tables for `_mask`
OTHERS = tuple(bytes(255 * (number != n) for number in range(256)) for n in range(EVENTS + 1))
ONCE = tuple(bytes([number]) for number in range(TOKENS))
TWICE = tuple(bytes([number, number]) for number in range(TOKENS))
ONE = np.int16(1)


def interval(upper: int, lower: int) -> int:
    """Class of the interval between pitches 0..35."""
    return upper - lower + PITCHES if upper != NO_PITCH and lower != NO_PITCH else 0


INTERVAL = tuple(tuple(interval(upper, lower) for lower in range(PITCHES + 1)) for upper in range(PITCHES + 1))
RELATIVES = tuple(  # by last pitch, of each event and NOTHING
    (0, 1, *(3 + interval(pitch, last) for pitch in range(PITCHES)), 2) for last in range(PITCHES + 1)
)
KIND = (0, LENGTHS, *(2 * LENGTHS,) * PITCHES, 3 * LENGTHS)  # of each event and NOTHING


class Past(NamedTuple):
    """The steps heard so far. What reaches back does so for 1024 steps, the newest first.

    `events`, and `tokens`, which are the same with an interval for a pitch: each number twice, so that `_mask` fits
    int16; `pitches`: the last pitch before each; NOTHING where no step was. `matches` (2, 1024): how many steps before
    each equal those before the step to come, and how many resemble them (in intervals). `last`: the last four pitches,
    newest first; `pause`, `lengths`: steps since the last onset, and between the two before it; `keys`: how many notes
    lie in each of the 12 major keys.

    A named tuple, which is made and read faster than a dataclass.
    """

    bar_steps: int
    step: int  # since the bar line before the first
    pick_up: bool
    events: bytes
    tokens: bytes
    pitches: bytes
    matches: NDArray[np.int16]
    last: tuple[int, int, int, int]
    pause: int
    lengths: tuple[int, int]
    sounds: int
    keys: tuple[int, ...]


class JamdHistory(NamedTuple):
    """The past, and the net's input for the step to come: `features` and `clues`."""

    past: Past
    features: list[int]
    clues: list[int]


class JamdEncoding:
    labels = EVENTS

    def transposition(self, events: Sequence[int]) -> int:
        """Semitones by which the model wants these events transposed: none."""
        return 0

    def start(self, meter: float, position: float, transpose: int = 0) -> JamdHistory:
        """Nothing heard yet; `meter` in beats per bar, `position` of the first step in beats since its bar line."""
        bar_steps, place = max(1, step_of(meter)), step_of(position)
        past = Past(
            bar_steps, place, place > 0, TWICE[NOTHING] * MEMORY, TWICE[NOTHING] * MEMORY, ONCE[NOTHING] * MEMORY,
            np.zeros((2, MEMORY), np.int16), (NO_PITCH,) * 4, PAUSES - 1, (PAUSES - 1, PAUSES - 1), SOUNDS - 1,
            (0,) * 12,
        )  # fmt: skip
        return _history(past, NOTHING, place)

    def observe(self, history: JamdHistory, event: int, position: float) -> JamdHistory:
        """`event` fell in the 16th that was to come; `position` of the next one in beats since its bar line."""
        (
            bar_steps, step, pick_up, events, tokens, pitches, matches, last, pause, lengths, sounds, keys
        ) = history.past  # fmt: skip
        before, token, step = last[0], event, step + 1
        pause = min(pause + 1, PAUSES - 1)
        if event >= FIRST_PITCH:
            pitch = event - FIRST_PITCH
            token = NOTHING + 1 + INTERVAL[pitch][before]
            last, lengths, pause, sounds = (pitch, *last[:3]), (pause, lengths[0]), 0, 1
            keys = tuple(map(add, keys, NOTES_IN_KEY[(pitch + LOWEST) % 12]))
        elif event == NOTE_OFF:
            sounds = 0
        matches = matches + ONE
        matches[SAME] &= _mask(events, EQUALS[event])
        matches[ALIKE] &= _mask(tokens, EQUALS[token])
        matches[:, -1] = 0
        past = Past(
            bar_steps, step, pick_up, TWICE[event] + events[:-2], TWICE[token] + tokens[:-2],
            ONCE[before] + pitches[:-1], matches, last, pause, lengths, sounds, keys,
        )  # fmt: skip
        return _history(past, event, step_of(position))

    def feeds(self, history: JamdHistory) -> dict[str, NDArray[Any]]:
        """The graph's input for the 16th to come, a row of one."""
        return {"features": np.array([history.features]), "clues": np.array([history.clues])}

    def events(self, history: JamdHistory) -> Events:
        """(labels,): the event that each label means."""
        return ALL


def _history(past: Past, event: int, place: int) -> JamdHistory:
    """`event`: the last one; `place`: steps from the bar line to the step to come."""
    pitch = past.last[0]
    key = past.keys.index(max(past.keys)) if pitch != NO_PITCH else NO_KEY
    candidates = _candidates(past, pitch)
    clues = [pitch, key, *[candidate for candidate, _ in candidates]]
    return JamdHistory(past, _features(past, event, place, key, candidates), clues)


def _mask(row: bytes, table: bytes) -> NDArray[np.int16]:
    """(1024,): −1 or 0, by the table's entry for each number of the row."""
    return np.frombuffer(row.translate(table), np.int16)


def _candidates(past: Past, pitch: int) -> list[tuple[int, int]]:
    """Candidates for the next event, and how many steps before each equal the present ones: one to sixteen bars ago,
    after the longest match, the longest in the same place of the bar, the longest that was followed by something else,
    the longest in intervals. Of matches of one length, the latest."""
    events, pitches, matches, bar = past.events, past.pitches, past.matches, past.bar_steps
    same, alike = matches[SAME], matches[ALIKE]
    found = [
        (events[2 * bars * bar - 1], same.item(bars * bar - 1)) if bars * bar <= MEMORY else (NOTHING, 0)
        for bars in BARS_BACK
    ]
    index = int(same.argmax())
    likely = events[2 * index]
    found.append(_if_any(likely, same.item(index)))
    index = (int(same[bar - 1 :: bar].argmax()) + 1) * bar - 1 if bar <= MEMORY else -1
    found.append(_if_any(events[2 * index], same.item(index)))
    others = same & _mask(events, OTHERS[likely])
    index = int(others.argmax())
    found.append(_if_any(events[2 * index], others.item(index)))
    index = int(alike.argmax())
    found.append(_if_any(_moved(events[2 * index], pitches[index], pitch), alike.item(index)))
    return found


def _if_any(event: int, length: int) -> tuple[int, int]:
    return (event, length) if length and event != NOTHING else (NOTHING, 0)


def _moved(event: int, before: int, pitch: int) -> int:
    """The event that follows `pitch` as this one followed the pitch `before`."""
    if event < FIRST_PITCH:
        return event
    moved = event + pitch - before
    return moved if NO_PITCH not in (pitch, before) and FIRST_PITCH <= moved < EVENTS else NOTHING


def _features(past: Past, event: int, place: int, key: int, candidates: Sequence[tuple[int, int]]) -> list[int]:
    """The features of the step to come: rows of the table."""
    bar_steps, pause, lengths = past.bar_steps, past.pause, past.lengths
    pitch, second, third, fourth = past.last
    bar = past.step // bar_steps + (not past.pick_up)  # a pick-up is bar 0
    degree = (pitch + LOWEST - key) % 12 if key != NO_KEY else 12
    place %= LONGEST_BAR
    intervals, relative = INTERVAL[pitch], RELATIVES[pitch]
    values = [
        event, pitch, key * 13 + degree, degree, intervals[second], intervals[third], intervals[fourth], pause,
        lengths[0] * PAUSES + lengths[1], place * SOUNDS + past.sounds,
        min(bar_steps, LONGEST_BAR) * LONGEST_BAR + place, place * PAUSES + pause, min(bar, BARS),
    ]  # fmt: skip
    for candidate, length in candidates:
        values += relative[candidate], KIND[candidate] + min(length.bit_length(), 7)
    return list(map(add, STARTS, values))


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

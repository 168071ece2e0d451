"""jamd's own encoding of melodies: the place in the bar, in any meter, the events one to sixteen bars ago, and the
events that followed earlier passages equal to the present one, in events or in intervals: the longest such passages, as
in prediction by partial matching.

Each feature selects a row of one table; the net's input is the sum of a few rows. The net's output is built from
`clues`: the last pitch, the key, and the candidates for the next event.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import add
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from daemon.encodings.melody.events import (
    ALL_EVENTS,
    EVENTS,
    FIRST_PITCH,
    IN_KEY,
    LOWEST,
    NOTE_OFF_EVENT,
    PITCHES,
    Events,
    step_of,
)

HISTORY_STEPS = 1024  # steps that the history keeps
BARS_BACK = (1, 2, 4, 8, 16)
CANDIDATES = len(BARS_BACK) + 4
NO_STEP = EVENTS  # in the place of an event, where there is no step
NO_PITCH = PITCHES  # in the place of a pitch 0..35
NO_KEY = 12  # in the place of a tonic 0..11
LONGEST_BAR = 32  # steps; places of longer bars are counted modulo this
PAUSE_CLASSES = 18  # of steps since an onset: 0..16, 17 and more
LAST_BAR = 64  # number of a bar; later bars have the same number
INTERVAL_CLASSES = 2 * PITCHES  # 0: one of the two is no pitch; 1..71: −35..35 semitones
SOUNDING_CLASSES = 3  # whether a note sounds: no, yes, none yet
LENGTH_CLASSES = 8  # of matches, in steps from 0, 1, 2, 4, 8, 16, 32, 64 on
CANDIDATE_KINDS = 4  # no event, note-off, a pitch, no step
RELATIVE_CLASSES = 3 + INTERVAL_CLASSES  # no event, note-off, no step, or the interval from the last pitch

FEATURE_SIZES = (  # numbers of values of the features of a step, in the order of `_features`
    EVENTS + 1, PITCHES + 1, (NO_KEY + 1) * 13, 13, INTERVAL_CLASSES, INTERVAL_CLASSES, INTERVAL_CLASSES,
    PAUSE_CLASSES, PAUSE_CLASSES * PAUSE_CLASSES, LONGEST_BAR * SOUNDING_CLASSES,
    LONGEST_BAR * (LONGEST_BAR + 1), LONGEST_BAR * PAUSE_CLASSES, LAST_BAR + 1,
    *(RELATIVE_CLASSES, CANDIDATE_KINDS * LENGTH_CLASSES) * CANDIDATES,
)  # fmt: skip
FEATURE_STARTS = tuple(sum(FEATURE_SIZES[:n]) for n in range(len(FEATURE_SIZES)))
TABLE_ROWS = sum(FEATURE_SIZES)
CLUE_SIZES = (PITCHES + 1, NO_KEY + 1, *(EVENTS + 1,) * CANDIDATES)
KEYS_OF_PITCH_CLASS = tuple(map(tuple, IN_KEY.tolist()))  # by pitch class: 1 for each major key that contains it

EVENT_MATCH, INTERVAL_MATCH = range(2)  # rows of Past.matches
TOKENS = NO_STEP + 1 + INTERVAL_CLASSES  # no event, note-off, NO_STEP, or a pitch as interval from the pitch before
EQUAL_TO = tuple(bytes(255 * (number == n) for number in range(256)) for n in range(TOKENS))  # tables for `_mask`
DIFFERENT_FROM = tuple(bytes(255 * (number != n) for number in range(256)) for n in range(EVENTS + 1))
BYTE = tuple(bytes([number]) for number in range(TOKENS))
TWO_BYTES = tuple(bytes([number, number]) for number in range(TOKENS))
ONE_STEP = np.int16(1)


def interval(upper: int, lower: int) -> int:
    """Class of the interval between two pitches 0..35 or NO_PITCH."""
    return upper - lower + PITCHES if upper != NO_PITCH and lower != NO_PITCH else 0


INTERVAL_CLASS = tuple(tuple(interval(upper, lower) for lower in range(PITCHES + 1)) for upper in range(PITCHES + 1))
RELATIVE_CLASS = tuple(  # by last pitch: of each event and NO_STEP
    (0, 1, *(3 + interval(pitch, last) for pitch in range(PITCHES)), 2) for last in range(PITCHES + 1)
)
# Of each event and NO_STEP: its kind × LENGTH_CLASSES
KIND_START = (0, LENGTH_CLASSES, *(2 * LENGTH_CLASSES,) * PITCHES, 3 * LENGTH_CLASSES)


class Past(NamedTuple):
    """The steps heard so far. Histories go back 1024 steps, the newest first; before the first step they hold NO_STEP.

    `events`, and `tokens`, which hold intervals instead of pitches: each number is stored twice, so that `_mask` can be
    read as int16. `pitches`: the last pitch before each step. `matches` (2, 1024): how many of the steps before each
    step equal, in a row, those before the next step; in events and in tokens. `last_pitches`: the last four, newest
    first; `pause`: steps since the last onset; `lengths`: steps between the last three onsets, the latest first;
    `key_counts`: how many notes lie in each of the 12 major keys.

    A named tuple, because it is created and read faster than a dataclass.
    """

    bar_steps: int
    step: int  # the next one, counted from the bar line before the first one
    pick_up: bool  # whether the melody began within a bar
    events: bytes
    tokens: bytes
    pitches: bytes
    matches: NDArray[np.int16]
    last_pitches: tuple[int, int, int, int]
    pause: int
    lengths: tuple[int, int]
    sounding: int  # class
    key_counts: tuple[int, ...]


class JamdHistory(NamedTuple):
    """The past, and the net's input for the next step: `features` and `clues`."""

    past: Past
    features: list[int]
    clues: list[int]


class JamdEncoding:
    """Labels are the events themselves."""

    labels = EVENTS

    def transposition(self, events: Sequence[int]) -> int:
        """Semitones by which the model hears these events transposed: 0."""
        return 0

    def start(self, meter: float, position: float, transpose: int = 0) -> JamdHistory:
        """The history before the first step. `meter` in beats per bar; `position` of the first step in beats since its
        bar line."""
        bar_steps, place = max(1, step_of(meter)), step_of(position)
        past = Past(
            bar_steps, place, place > 0, TWO_BYTES[NO_STEP] * HISTORY_STEPS, TWO_BYTES[NO_STEP] * HISTORY_STEPS,
            BYTE[NO_STEP] * HISTORY_STEPS, np.zeros((2, HISTORY_STEPS), np.int16), (NO_PITCH,) * 4, PAUSE_CLASSES - 1,
            (PAUSE_CLASSES - 1,) * 2, SOUNDING_CLASSES - 1, (0,) * 12,
        )  # fmt: skip
        return _history(past, NO_STEP, place)

    def observe(self, history: JamdHistory, event: int, position: float) -> JamdHistory:
        """The history after `event` in the next step; `position` of the step after that in beats since its bar line."""
        (
            bar_steps, step, pick_up, events, tokens, pitches, matches, last, pause, lengths, sounding, key_counts
        ) = history.past  # fmt: skip
        before, token, step = last[0], event, step + 1
        pause = min(pause + 1, PAUSE_CLASSES - 1)
        if event >= FIRST_PITCH:
            pitch = event - FIRST_PITCH
            token = NO_STEP + 1 + INTERVAL_CLASS[pitch][before]
            last, lengths, pause, sounding = (pitch, *last[:3]), (pause, lengths[0]), 0, 1
            key_counts = tuple(map(add, key_counts, KEYS_OF_PITCH_CLASS[(pitch + LOWEST) % 12]))
        elif event == NOTE_OFF_EVENT:
            sounding = 0
        matches = matches + ONE_STEP
        matches[EVENT_MATCH] &= _mask(events, EQUAL_TO[event])
        matches[INTERVAL_MATCH] &= _mask(tokens, EQUAL_TO[token])
        matches[:, -1] = 0
        past = Past(
            bar_steps, step, pick_up, TWO_BYTES[event] + events[:-2], TWO_BYTES[token] + tokens[:-2],
            BYTE[before] + pitches[:-1], matches, last, pause, lengths, sounding, key_counts,
        )  # fmt: skip
        return _history(past, event, step_of(position))

    def feeds(self, history: JamdHistory) -> dict[str, NDArray[Any]]:
        """The graph's input for the next step, as a batch of one."""
        return {"features": np.array([history.features]), "clues": np.array([history.clues])}

    def events(self, history: JamdHistory) -> Events:
        """(labels,): the event that each label means."""
        return ALL_EVENTS


def _history(past: Past, event: int, place: int) -> JamdHistory:
    """`event`: the last one; `place`: steps from the bar line to the next step."""
    pitch = past.last_pitches[0]
    key = past.key_counts.index(max(past.key_counts)) if pitch != NO_PITCH else NO_KEY
    candidates = _candidates(past, pitch)
    clues = [pitch, key, *[candidate for candidate, _ in candidates]]
    return JamdHistory(past, _features(past, event, place, key, candidates), clues)


def _mask(row: bytes, table: bytes) -> NDArray[np.int16]:
    """(1024,): −1 or 0, by the table's entry, 255 or 0, for each number of the row."""
    return np.frombuffer(row.translate(table), np.int16)


def _candidates(past: Past, pitch: int) -> list[tuple[int, int]]:
    """Candidates for the next event, each with the length of its match: how many of the steps before the
    candidate equal, in a row, the last steps.

    Candidates are the events one to sixteen bars ago, and those after the longest match, the longest at the same place
    in the bar, the longest that another event followed, and the longest in intervals. Of equally long matches, the
    latest counts.
    """
    events, pitches, matches, bar = past.events, past.pitches, past.matches, past.bar_steps
    same, alike = matches[EVENT_MATCH], matches[INTERVAL_MATCH]
    found = [
        (events[2 * bars * bar - 1], same.item(bars * bar - 1)) if bars * bar <= HISTORY_STEPS else (NO_STEP, 0)
        for bars in BARS_BACK
    ]
    index = int(same.argmax())
    likely = events[2 * index]
    found.append(_if_matched(likely, same.item(index)))
    index = (int(same[bar - 1 :: bar].argmax()) + 1) * bar - 1 if bar <= HISTORY_STEPS else -1
    found.append(_if_matched(events[2 * index], same.item(index)))
    others = same & _mask(events, DIFFERENT_FROM[likely])
    index = int(others.argmax())
    found.append(_if_matched(events[2 * index], others.item(index)))
    index = int(alike.argmax())
    found.append(_if_matched(_transposed(events[2 * index], pitches[index], pitch), alike.item(index)))
    return found


def _if_matched(event: int, length: int) -> tuple[int, int]:
    return (event, length) if length and event != NO_STEP else (NO_STEP, 0)


def _transposed(event: int, before: int, pitch: int) -> int:
    """The event that follows `pitch` at the interval at which `event` followed the pitch `before`."""
    if event < FIRST_PITCH:
        return event
    moved = event + pitch - before
    return moved if NO_PITCH not in (pitch, before) and FIRST_PITCH <= moved < EVENTS else NO_STEP


def _features(past: Past, event: int, place: int, key: int, candidates: Sequence[tuple[int, int]]) -> list[int]:
    """The features of the next step: numbers of rows of the table."""
    bar_steps, pause, lengths = past.bar_steps, past.pause, past.lengths
    pitch, second, third, fourth = past.last_pitches
    bar = past.step // bar_steps + (not past.pick_up)  # a pick-up is bar 0
    degree = (pitch + LOWEST - key) % 12 if key != NO_KEY else 12
    place %= LONGEST_BAR
    intervals, relative = INTERVAL_CLASS[pitch], RELATIVE_CLASS[pitch]
    values = [
        event, pitch, key * 13 + degree, degree, intervals[second], intervals[third], intervals[fourth], pause,
        lengths[0] * PAUSE_CLASSES + lengths[1], place * SOUNDING_CLASSES + past.sounding,
        min(bar_steps, LONGEST_BAR) * LONGEST_BAR + place, place * PAUSE_CLASSES + pause, min(bar, LAST_BAR),
    ]  # fmt: skip
    for candidate, length in candidates:
        values += relative[candidate], KIND_START[candidate] + min(length.bit_length(), 7)
    return list(map(add, FEATURE_STARTS, values))


def transposed_features(semitones: int) -> Events:
    """(TABLE_ROWS,): the feature that each feature becomes in the transposed melody, which must stay within 48..83."""
    table = np.arange(TABLE_ROWS)
    keys = np.arange(FEATURE_SIZES[2]).reshape(NO_KEY + 1, 13)
    transposed_keys = np.concatenate([np.roll(keys[:NO_KEY], -semitones % 12, 0), keys[NO_KEY:]]).ravel()
    for number, values in enumerate((transposed_events(semitones), transposed_pitches(semitones), transposed_keys)):
        table[FEATURE_STARTS[number] : FEATURE_STARTS[number] + len(values)] = values + FEATURE_STARTS[number]
    return table


def transposed_events(semitones: int) -> Events:
    """(39,): the transposed event of each event and NO_STEP."""
    return np.concatenate([np.arange(FIRST_PITCH), transposed_pitches(semitones) + FIRST_PITCH])


def transposed_pitches(semitones: int) -> Events:
    """(37,): the transposed pitch of each pitch and NO_PITCH."""
    moved = np.clip(np.arange(PITCHES) + semitones, 0, PITCHES - 1)
    return np.append(moved, NO_PITCH)

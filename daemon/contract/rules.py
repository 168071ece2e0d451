"""The rules for engines, in the order of docs/engines.md. Each function says how a record breaks its rule, or None.

Rule 3 compares two records.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Protocol

from daemon.contract.record import Record, Step
from daemon.errors import ModelError
from daemon.music.events import MidiEvent, Play, Stop, is_note_off, is_note_on
from daemon.performance.players import ANSWER_TIMEOUT
from daemon.player.failure import InvalidAnswer
from daemon.wire import Control, Generate, Listen

EARLY = 1e-9  # beats: rounding
MANY_WINDOWS = 64  # whose median time counts
MOST_SHOWN = 300  # characters of an answer
HELD_BEATS = 16.0  # that a note may go on after the last key, if no other note of its voice follows


class Ended(Protocol):
    """The record of an engine of any kind, with the error that ended the session, if one did."""

    error: BaseException | None


def in_time(record: Record) -> str | None:
    """Every call ends within 0.7 s, and half of the windows within `lead`."""
    if record.too_long:
        return f"this call took {record.steps[-1].seconds:.2f} s: the player counts as hung after {ANSWER_TIMEOUT} s"
    windows = [step.seconds for step in record.steps if isinstance(step.call, Generate)]
    lead = record.engine.lead
    if len(windows) >= MANY_WINDOWS and (typical := median(windows)) > lead:
        return (
            f"generate takes {typical * 1000:.1f} ms at the median, but `lead` is {lead * 1000:g} ms: "
            "raise `lead`, or compute less"
        )
    return None


def well_formed(record: Record) -> str | None:
    """Actions have valid values and a voice of the engine; none begins before the window or the heard event."""
    if record.error is not None and isinstance(record.error.__cause__, InvalidAnswer):
        return f"{record.error.__cause__}"
    return next(filter(None, (_wrong_action(step, record) for step in record.steps)), None)


def _wrong_action(step: Step, record: Record) -> str | None:
    match step.call:
        case Generate(window):
            earliest, name = window.start, "the window's start"
        case Listen(MidiEvent(earliest)):
            name = "the beat of what was heard"
        case Control(_, _, earliest):
            name = "the beat of the control"
        case _:
            earliest, name = float("-inf"), ""
    for item in step.answer:
        if not isinstance(item, Play | Stop):
            continue
        if item.onset < earliest - EARLY:
            return f"{item}: the onset lies before {earliest}, {name}"
        if item.voice not in record.engine.voices:
            return f"{item}: {item.voice!r} is not one of the engine's voices, {', '.join(record.engine.voices)}"
        if isinstance(item, Play) and item.duration is not None and item.duration <= 0:
            return f"{item}: the duration is {item.duration}: give one above 0, or None"
    return None


def repeatable(first: Record, second: Record) -> str | None:
    """The same calls with the same seed give the same actions, whatever was played before."""
    at = first_difference(first.answers, second.answers)
    return None if at is None else difference(first.answers[at], second.answers[at])


def first_difference(answers: Sequence[object], others: Sequence[object]) -> int | None:
    """The number of the first answer that is not the same."""
    pairs = enumerate(zip(answers, others, strict=False))
    return next((number for number, (one, other) in pairs if one != other), None)


def difference(one: object, other: object) -> str:
    once, again = (str(answer)[:MOST_SHOWN] if answer else "nothing" for answer in (one, other))
    return f"the same calls gave {once} once and {again} another time"


def ends_notes(record: Record) -> str | None:
    """A note without a duration ends after the last key and pedal are up."""
    held: set[tuple[str, int]] = set()
    open_notes: dict[str, list[Play]] = defaultdict(list)
    released, beat = 0.0, 0.0
    for step in record.steps:
        match step.call:
            case Generate(window):
                beat = window.start
            case Listen(event):
                released = event.beat
                _follow_keys(event, held)
        for item in step.answer:
            if not isinstance(item, Play | Stop) or item.voice not in record.engine.voices:
                continue
            if record.engine.monophonic or isinstance(item, Stop):
                open_notes[item.voice].clear()
            if isinstance(item, Play) and item.duration is None:
                open_notes[item.voice].append(item)
    if held or beat < released + 2 * HELD_BEATS:
        return None
    hanging = [note for notes in open_notes.values() for note in notes if note.onset < beat - HELD_BEATS]
    if not hanging:
        return None
    return f"{hanging[0]} still sounds at beat {beat}; the last key was released at {released}: yield a Stop"


def _follow_keys(event: MidiEvent, held: set[tuple[str, int]]) -> None:
    """`held`: (source, pitch), and (source, -1) for a pedal."""
    if is_note_on(event.message):
        held.add((event.source, event.message[1]))
    elif is_note_off(event.message):
        held.discard((event.source, event.message[1]))
    elif event.message[2] >= 64:
        held.add((event.source, -1))
    else:
        held.discard((event.source, -1))


def takes_anything(record: Record) -> str | None:
    """No input is an error: any keys, note-offs without note-ons, windows skipped, repeated or of any length."""
    error = record.error
    if error is None or isinstance(error, SystemExit) or isinstance(error.__cause__, InvalidAnswer | ModelError):
        return None
    return str(error)


def raises_model_errors_in_prepare_only(record: Ended) -> str | None:
    """ModelError is raised by `prepare` only, and nothing ends the process."""
    error = record.error
    if isinstance(error, SystemExit):
        return "the engine ends the process (SystemExit): raise nothing, and the player plays on"
    return str(error) if error is not None and isinstance(error.__cause__, ModelError) else None


RULES: Mapping[int, Callable[..., str | None]] = {
    1: in_time,
    2: well_formed,
    3: repeatable,
    4: ends_notes,
    5: takes_anything,
    6: raises_model_errors_in_prepare_only,
}
OF_ONE_RECORD = {number: rule for number, rule in RULES.items() if rule is not repeatable}


def text_of(number: int, rules: Mapping[int, Callable[..., str | None]] = RULES) -> str:
    """The rule in one line."""
    return (rules[number].__doc__ or "").strip()

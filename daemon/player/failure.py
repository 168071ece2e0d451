"""What an engine did wrong: an exception, or an answer that the stage would refuse."""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Iterator
from typing import Any

from daemon.engines.traces import described
from daemon.errors import JamdError
from daemon.music.events import SUSTAIN, Play, Stop, is_beat, is_note_on
from daemon.music.plan import Plan, plan_from_json, plan_to_json
from daemon.music.tempo import TempoMap
from daemon.wire import Anticipate, Call, Control, Generate, Learn, Listen, Ping, PlayMessage, Reset

TRACE_LINES = 5
_CALLERS = ("daemon.player.", "daemon.instrument.", "daemon.contract.")  # modules that call engines


class EngineFailure(JamdError):
    """An engine failed in `work`: a call, or what a text says. The cause is its exception."""

    exit_code = 1

    def __init__(self, engine: type[Any], work: Call | str, problem: str) -> None:
        self._engine, self._work, self._problem = engine, work, problem
        super().__init__(self._text("", None))

    def of(self, player: str, tempo_map: TempoMap | None = None) -> EngineFailure:
        """The same with the player's name and, where a tempo map is given, bar and beat."""
        named = EngineFailure(self._engine, self._work, self._problem)
        named.args = (self._text(player, tempo_map),)
        named.__cause__ = self.__cause__
        return named

    def _text(self, player: str, tempo_map: TempoMap | None) -> str:
        work = self._work if isinstance(self._work, str) else _work_of(self._work) + _beat_of(self._work, tempo_map)
        return f"{player and f'{player}: '}the engine {self._engine.__name__} failed {work}: {self._problem}"


def failure(engine: type[Any], work: Call | str, error: BaseException) -> EngineFailure:
    """The failure of which `error` is the cause."""
    problem = f"it yielded {error}" if isinstance(error, InvalidAnswer) else described(error, engine.__module__)
    made = EngineFailure(engine, work, problem)
    made.__cause__ = error
    return made


@contextlib.contextmanager
def named(player: str, tempo_map: TempoMap | None = None) -> Iterator[None]:
    """A failure in the block is one of `player`, of any band member."""
    try:
        yield
    except EngineFailure as error:
        raise error.of(player, tempo_map) from error.__cause__


@contextlib.contextmanager
def guarded(engine: type[Any], work: Call | str) -> Iterator[None]:
    """What the engine raises in the block, but for a JamdError, is an EngineFailure."""
    try:
        yield
    except JamdError:
        raise
    except Exception as error:
        raise failure(engine, work, error) from error


def trace_of(error: BaseException | None) -> str:
    """The innermost lines of the traceback of `error`, or of its cause, that belong to the engine; "" if none does."""
    if error is None:
        return ""
    cause = error.__cause__ or error
    trace = cause.__traceback__
    while trace is not None and trace.tb_frame.f_globals.get("__name__", "").startswith(_CALLERS):
        trace = trace.tb_next
    lines = traceback.format_exception(type(cause), cause, trace, limit=-TRACE_LINES)
    return "" if trace is None else "".join(lines).rstrip()


class InvalidAnswer(Exception):
    """An engine yielded what is neither an action nor a plan."""


def items_of(answer: Any) -> Iterator[Any]:
    """What an engine's method returned, item by item. Raises InvalidAnswer."""
    if answer is None:
        raise InvalidAnswer("None: yield actions, or return an empty tuple")
    for item in answer:
        if (problem := answer_problem(item)) is not None:
            raise InvalidAnswer(f"{repr(item)[:200]}: {problem}")
        yield item


def answer_problem(item: Any) -> str | None:
    """Why the stage would refuse an item of an engine's answer. numpy's numbers do not travel as JSON."""
    match item:
        case Play(onset, pitch, velocity, voice, duration, tied):
            if not (isinstance(pitch, int) and 0 <= pitch <= 127):
                return f"the pitch is {pitch!r}: give an int from 0 to 127"
            if not (isinstance(velocity, int) and 1 <= velocity <= 127):
                return f"the velocity is {velocity!r}: give an int from 1 to 127"
            if not (duration is None or is_beat(duration)):
                return f"the duration is {duration!r}: give a number of beats, or None"
            if not isinstance(tied, bool):
                return f"tied is {tied!r}: give True or False"
        case Stop(onset, voice):
            pass
        case Plan():
            try:
                plan_from_json(plan_to_json(item))
            except ValueError as error:
                return str(error)
            return None
        case _:
            return "neither a Play, a Stop nor a Plan: yield one of them"
    if not is_beat(onset):
        return f"the onset is {onset!r}: give a number of beats"
    return None if isinstance(voice, str) else f"the voice is {voice!r}: give the name of a voice"


def _work_of(call: Call) -> str:
    match call:
        case Listen(event):
            return f"in listen({_shown(event.message)} from {event.source!r})"
        case Generate():
            return "in generate"
        case Control(name, value):
            return f"in control({name!r}, {value:g})"
        case Learn(source):
            return f"in learn(a plan of {source!r})"
        case Reset():
            return "in reset"
        case Anticipate():
            return "in anticipate"
        case Ping():
            return "when idle"
        case PlayMessage(message=message):
            return f"in play({message.hex(' ')})"


def _beat_of(call: Call, tempo_map: TempoMap | None) -> str:
    match call:
        case Listen(event):
            beat = event.beat
        case Generate(window) | Anticipate(_, window):
            beat = window.start
        case Control(_, _, beat) | Reset(beat):
            pass
        case _:
            return ""
    if tempo_map is None:
        return f" at beat {beat:.10g}"
    bar, place = tempo_map.place_of(beat)
    return f" at bar {bar}, beat {place:.4g}"


def _shown(message: bytes) -> str:
    if message[0] & 0xF0 == 0xB0:
        return f"{'sustain pedal' if message[1] == SUSTAIN else f'CC {message[1]}'} {message[2]}"
    return f"note-o{'n' if is_note_on(message) else 'ff'} {message[1]}"

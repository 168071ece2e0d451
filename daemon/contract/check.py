"""Every rule, checked on one engine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from daemon.contract.calls import (
    TUNE,
    Session,
    Settings,
    abridged,
    anticipated,
    as_code,
    extremes,
    noise,
    phrase,
    planned,
    song,
    without_keys,
)
from daemon.contract.record import Record, play
from daemon.contract.rules import OF_ONE_RECORD, ends_notes, first_difference, in_time, repeatable
from daemon.contract.subject import Subject, variants
from daemon.contract.violations import Violation, shortest
from daemon.engines.base import Engine
from daemon.errors import ModelError
from daemon.player.failure import EngineFailure, failure, trace_of
from daemon.player.host import create
from daemon.wire import Call, Generate, Listen


@dataclass(slots=True)
class Tally:
    """What was checked."""

    calls: int = 0
    actions: int = 0
    seconds: dict[type[Call], list[float]] = field(default_factory=lambda: {Listen: [], Generate: []})
    cut_short: bool = False

    def add(self, record: Record) -> None:
        self.calls += len(record.steps)
        self.actions += sum(len(step.answer) for step in record.steps)
        self.cut_short |= not record.complete
        for step in record.steps:
            if type(step.call) in self.seconds:
                self.seconds[type(step.call)].append(step.seconds)


def _sessions(settings: Settings, seeds: int) -> Iterator[Session]:
    for number in range(seeds):
        yield noise(settings, number)
        yield noise(settings, number, (TUNE,))
    yield phrase(settings)
    yield phrase(settings, pedal=True)
    yield planned(settings, seeds)


def reference(settings: Settings) -> Session:
    """The session that is repeated."""
    return noise(settings, 1, (TUNE,), 144)


class Checker:
    """Checks subjects and keeps the first violation of each rule. `watch` gets the session's name and the call before
    each call."""

    def __init__(self, watch: Callable[[str, Call], object] = lambda session, call: None) -> None:
        self.violations: dict[int, Violation] = {}
        self.tally = Tally()
        self._watch = watch

    def check(self, subject: Subject, seeds: int = 3) -> None:
        """Every rule. Raises JamdError if the engine cannot be made."""
        settings = subject.settings
        self._check_without_model(subject)
        if not self._check_sessions(subject, [extremes(settings), *_sessions(settings, seeds), song(settings, 1)]):
            return
        for session in (reference(settings), song(settings, 1), planned(settings, 1)):
            if 3 not in self.violations:
                self._check_repeats(subject, session)

    def check_variant(self, subject: Subject, seeds: int = 1) -> None:
        """What may differ where only options or settings differ: rules 1, 2 and 4 to 6. Raises JamdError."""
        self._check_sessions(subject, _sessions(subject.settings, seeds))

    def _check_sessions(self, subject: Subject, sessions: Iterable[Session]) -> bool:
        """Whether the engine could be made."""
        try:
            engine = subject.make()
        except EngineFailure as error:
            self.violations.setdefault(6, Violation(6, str(error), subject.name, (), trace_of(error)))
            self.tally.cut_short = True
            return False
        for session in sessions:
            record = self.play(engine, subject, session)
            for number, rule in OF_ONE_RECORD.items():
                if number not in self.violations and (problem := rule(record)) is not None:
                    self._add_violation(number, problem, subject, session, record)
            if not record.complete:
                engine = subject.make()
        return True

    def play(self, engine: Engine, subject: Subject, session: Session) -> Record:
        name = name_of(subject, session)
        record = play(engine, session.melodies, session.calls, lambda call: self._watch(name, call))
        self.tally.add(record)
        return record

    def _check_without_model(self, subject: Subject) -> None:
        """Rule 6: without the model that it needs, `prepare` raises ModelError."""
        if not subject.engine.needs_model or 6 in self.violations:
            return
        problem, trace = "prepare raises nothing without a model", ""
        try:
            create(subject.engine, replace(subject.setup, model=None)).prepare()
        except ModelError:
            return
        except Exception as error:
            problem = str(failure(subject.engine, "in prepare, without a model", error))
            trace = trace_of(error)
        problem += "; `self.setup.require_model(NAME)` raises ModelError"
        self.violations[6] = Violation(6, problem, subject.name, (), trace)

    def _check_repeats(self, subject: Subject, session: Session) -> None:
        """Rule 3: on the same engine after another session, and on a new one whose first window is computed ahead."""
        engine = subject.make()
        first = self.play(engine, subject, session)
        self.play(engine, subject, noise(subject.settings, 2))
        again = self.play(engine, subject, session)
        ahead = self.play(subject.make(), subject, anticipated(session))
        ahead.steps = ahead.steps[1:]
        for other, when in ((again, "after another session"), (ahead, "on a new engine, after `anticipate`")):
            if first.complete and other.complete and (at := first_difference(first.answers, other.answers)) is not None:
                problem = f"{repeatable(first, other)}, {when}"
                calls = abridged([as_code(call) for call in session.calls[: at + 1]], 1)
                self.violations[3] = Violation(3, problem, name_of(subject, session), calls)
                return

    def _add_violation(self, number: int, problem: str, subject: Subject, session: Session, record: Record) -> None:
        """Keep the violation with the fewest calls that show it, unless it is gone when the calls are repeated."""
        calls = record.calls

        def again(calls: Sequence[Call]) -> Record:
            name = name_of(subject, session)
            return play(subject.make(), session.melodies, calls, lambda call: self._watch(name, call))

        if number == 1:
            if in_time(again(calls)) is None:
                return  # the machine was busy
            calls = [*calls[:1], *calls[1:][-1:]] if record.too_long else calls[:1]
        elif number == 4 and ends_notes(again(without_keys(session).calls)):
            return  # the note sounds for ever, with keys or without
        else:
            calls = shortest(calls, lambda shorter: OF_ONE_RECORD[number](again(shorter)) is not None, kept=1)
            problem = OF_ONE_RECORD[number](again(calls)) or problem
        self.violations[number] = Violation(
            number, problem, name_of(subject, session), tuple(map(as_code, calls)), trace_of(record.error)
        )


def name_of(subject: Subject, session: Session) -> str:
    """The session as reports name it."""
    known = " with a known melody" if session.known else ""
    return f"{session.name}{known}{f', {subject.name}' if subject.name else ''}"


def result(subject: Subject, reference_only: bool, watch: Callable[[str, str], object]) -> dict[str, Any]:
    """The report of a check, also with every choice of every option and the settings at both ends. `watch` gets the
    session and each call as Python. Raises JamdError if the engine cannot be made."""
    checker = Checker(lambda session, call: watch(session, as_code(call)))
    if not reference_only:
        checker.check(subject)
        for variant in list(variants(subject))[1:]:
            checker.check_variant(variant)
    session = reference(subject.settings)
    again = checker.play(subject.make(), subject, session) if not checker.violations else None
    tally = checker.tally
    times = ", ".join(
        f"{call.__name__.lower()} {percentile(seconds) * 1000:.1f} ms" for call, seconds in tally.seconds.items()
    )
    return {
        "summary": f"{tally.calls:,} calls, {tally.actions:,} actions",
        "times": f"{times} at the 99th percentile; `lead` is {subject.engine.lead * 1000:g} ms",
        "cut_short": tally.cut_short,
        "violations": [checker.violations[number] for number in sorted(checker.violations)],
        "session": name_of(subject, session),
        "reference": [[as_code(step.call), repr(step.answer)] for step in again.steps] if again else [],
    }


def percentile(seconds: list[float]) -> float:
    """The 99th."""
    return sorted(seconds)[len(seconds) * 99 // 100] if seconds else 0.0

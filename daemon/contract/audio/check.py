"""Every rule, checked on one audio engine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, cast

from daemon.audio.clock import RATE
from daemon.contract.audio.record import Record, play
from daemon.contract.audio.rules import OF_ONE_RECORD, block_seconds, gathers_memory, in_time, repeatable
from daemon.contract.audio.sessions import (
    BLOCK,
    Session,
    Step,
    as_code,
    beginning,
    chord,
    ended,
    extremes,
    noise,
    phrase,
)
from daemon.contract.calls import abridged
from daemon.contract.check import percentile
from daemon.contract.subject import Subject, variants
from daemon.contract.violations import Violation, shortest
from daemon.engines.audio import AudioEngine
from daemon.music.events import ALL_NOTES_OFF, ALL_SOUND_OFF
from daemon.player.failure import EngineFailure, trace_of

OTHER_RATE = 44_100
MOST_SHOWN = 30  # calls


def at_band_rate(subject: Subject, rate: int = RATE) -> Subject:
    """The subject at the rate that a band of `rate` asks for."""
    engine = cast(type[AudioEngine], subject.engine)
    return replace(subject, setup=replace(subject.setup, rate=engine.own_rate or rate))


def reference(subject: Subject) -> Session:
    """The session that is repeated."""
    return noise(subject.settings, 1, subject.setup.rate)


class AudioChecker:
    """Checks subjects and keeps the first violation of each rule. `watch` gets the session's name and the step before
    each step."""

    def __init__(self, watch: Callable[[str, Step], object] = lambda session, step: None) -> None:
        self.violations: dict[int, Violation] = {}
        self.calls = self.frames = 0
        self.cut_short = False
        self.seconds: list[float] = []  # for 256 frames of a chord
        self._watch = watch

    def check(self, subject: Subject) -> None:
        """Every rule, with every choice of every option and the settings at both ends. Raises JamdError if the engine
        cannot be made."""
        subject = at_band_rate(subject)
        rate, settings = subject.setup.rate, subject.settings
        ends = [ended(rate, ALL_SOUND_OFF), ended(rate, ALL_NOTES_OFF), phrase(rate, pedal=True)]
        sessions = [beginning(), chord(), phrase(rate), *ends, extremes(settings, rate), reference(subject)]
        if not self._check_sessions(subject, sessions):
            return
        if 3 not in self.violations:
            self._check_repeats(subject)
        if not self.violations and (problem := gathers_memory(self._make(subject))) is not None:
            self.violations[1] = Violation(1, problem, subject.name)
        others = list(variants(subject))[1:]
        if (other := at_band_rate(subject, OTHER_RATE)) != subject:
            others.append(replace(other, name=f"at {OTHER_RATE:,} frames per second"))
        for variant in others:
            rate = variant.setup.rate
            self._check_sessions(variant, [beginning(), chord(), phrase(rate), noise(variant.settings, 2, rate)])

    def play(self, engine: AudioEngine, subject: Subject, session: Session) -> Record:
        name = _name_of(subject, session)
        record = play(engine, session, session.steps, lambda step: self._watch(name, step))
        self.calls += len(record.steps)
        self.frames += sum(map(len, record.blocks))
        self.cut_short |= not record.complete
        if session.is_music:
            self.seconds += block_seconds(record)
        return record

    def _check_sessions(self, subject: Subject, sessions: Iterable[Session]) -> bool:
        """Whether the engine could be made."""
        try:
            engine = self._make(subject)
        except EngineFailure as error:
            self.violations.setdefault(6, Violation(6, str(error), subject.name, (), trace_of(error)))
            self.cut_short = True
            return False
        for session in sessions:
            record = self.play(engine, subject, session)
            for number, rule in OF_ONE_RECORD.items():
                if number not in self.violations and (problem := rule(record)) is not None:
                    self._add_violation(number, problem, subject, record)
            if self.violations or not record.complete:
                engine = self._make(subject)  # a failure may leave the old one in a wrong state
        return True

    def _check_repeats(self, subject: Subject) -> None:
        session = reference(subject)
        first, again = (self.play(self._make(subject), subject, session) for _ in range(2))
        if (problem := repeatable(first, again)) is not None:
            self.violations[3] = Violation(3, problem, _name_of(subject, session))

    def _add_violation(self, number: int, problem: str, subject: Subject, record: Record) -> None:
        """Keep the violation with the fewest calls that show it, unless it is gone when the calls are repeated."""
        session, steps = record.session, record.steps

        def again(steps: Sequence[Step]) -> Record:
            name = _name_of(subject, session)
            return play(self._make(subject), session, steps, lambda step: self._watch(name, step))

        if number == 1:
            if in_time(again(steps)) is None:
                return  # the machine was busy
            shown = abridged([as_code(step) for step in steps], 1)
        else:
            rule = OF_ONE_RECORD[number]
            steps = shortest(steps, lambda shorter: rule(again(shorter)) is not None)
            problem = rule(again(steps)) or problem
            shown = tuple(_joined(steps))
            shown = shown if len(shown) <= MOST_SHOWN else abridged(shown, MOST_SHOWN)
        self.violations[number] = Violation(number, problem, _name_of(subject, session), shown, trace_of(record.error))

    def _make(self, subject: Subject) -> AudioEngine:
        return cast(AudioEngine, subject.make())


def _joined(steps: Sequence[Step]) -> Iterator[str]:
    """The calls as Python; of equal ones in a row the first, and how many follow."""
    place = 0
    while place < len(steps):
        end = place + 1
        while end < len(steps) and steps[end] == steps[place]:
            end += 1
        yield as_code(steps[place])
        if end > place + 1:
            yield f"# {end - place - 1} more such calls"
        place = end


def _name_of(subject: Subject, session: Session) -> str:
    return f"{session.name}, {subject.name}" if subject.name else session.name


def audio_result(subject: Subject, reference_only: bool, watch: Callable[[str, str], object]) -> dict[str, Any]:
    """See daemon.contract.check.result."""
    subject = at_band_rate(subject)
    checker = AudioChecker(lambda session, step: watch(session, as_code(step)))
    if not reference_only:
        checker.check(subject)
    session = reference(subject)
    again = checker.play(cast(AudioEngine, subject.make()), subject, session) if not checker.violations else None
    return {
        "summary": f"{checker.calls:,} calls, {checker.frames:,} frames",
        "times": f"{percentile(checker.seconds) * 1000:.1f} ms at the 99th percentile for {BLOCK} frames of a chord",
        "cut_short": checker.cut_short,
        "violations": [checker.violations[number] for number in sorted(checker.violations)],
        "session": _name_of(subject, session),
        "reference": again.answers() if again else [],
    }

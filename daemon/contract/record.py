"""What an engine did in a session."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from daemon.engines.base import Engine
from daemon.errors import JamdError
from daemon.music.melody import Melodies
from daemon.performance.players import ANSWER_TIMEOUT
from daemon.player.host import Host
from daemon.wire import Answer, Call, Generate


@dataclass(frozen=True, slots=True)
class Step:
    """A call, the engine's answer, and how long that took."""

    call: Call
    answer: tuple[Answer, ...]
    seconds: float


@dataclass(slots=True)
class Record:
    """The calls of a session up to its end, or up to the call that failed with `error` or took too long."""

    engine: Engine
    steps: list[Step] = field(default_factory=list)
    error: BaseException | None = None

    @property
    def calls(self) -> list[Call]:
        return [step.call for step in self.steps]

    @property
    def answers(self) -> list[tuple[Answer, ...]]:
        return [step.answer for step in self.steps]

    @property
    def too_long(self) -> bool:
        return bool(self.steps) and self.steps[-1].seconds > ANSWER_TIMEOUT

    @property
    def complete(self) -> bool:
        return self.error is None and not self.too_long


Watch = Callable[[Call], object]  # gets every call before the engine does


def play(engine: Engine, known: Melodies, calls: Sequence[Call], watch: Watch = lambda call: None) -> Record:
    """Let the engine answer the calls."""
    host, record = Host(engine, known), Record(engine)
    for call in calls:
        watch(call)
        answer: list[Answer] = []
        begun = time.perf_counter()
        try:
            answer.extend(host.handle(call))  # keeps what came before an exception
            if isinstance(call, Generate):  # `jamd render` asks after every window
                host.owes(call.window.start)
        except (JamdError, SystemExit) as error:
            record.error = error
        record.steps.append(Step(call, tuple(answer), time.perf_counter() - begun))
        if not record.complete:
            break
    return record

"""When a child process counts as hung, and when one that ended is started again."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

RESTART_PAUSES = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0)  # seconds before the first, second … restart in a row
STEADY_TIME = 10.0  # seconds of running after which the next failure counts as the first


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """The desk sends `["ping", N]`, to be answered with a `pong`, and kills a process that is silent for `limit`.

    Between pings it asks `["alive"]` every `step` seconds, which is answered with the same and costs less than a ping.
    """

    interval: float  # seconds between pings; shortened to half of systemd's watchdog time
    limit: float  # seconds without an answer, once the process is ready
    limit_at_start: float  # … before that
    limit_at_work: float  # … after `busy`, until the process is ready again, and after the desk itself stood still
    step: float  # seconds between two questions


@dataclass(frozen=True, slots=True)
class RestartPolicy:
    """Part of a process kind: when its process is started again, and what the log says about that.

    In the texts, `{name}` is the process's name, `{reason}` how it ended and `{when}` "now" or "in 4 s".
    """

    ended: str  # logged when the process ended and will be restarted
    after_refusal: bool  # a process that refuses to start is retried, as after a crash; else only a reload retries
    pauses: tuple[float, ...] = RESTART_PAUSES  # the last one applies to every further restart
    steady: float = STEADY_TIME


@dataclass(eq=False)
class Backoff:
    """The pause before each restart of one process."""

    policy: RestartPolicy
    clock: Callable[[], float] = time.monotonic
    failures: int = 0
    started: float = 0.0

    def start(self) -> None:
        """Call at every start of the process."""
        self.started = self.clock()

    def pause(self) -> float:
        """Seconds to wait before the next start. Call once per failure."""
        steady = self.clock() - self.started > self.policy.steady
        self.failures = 1 if steady else self.failures + 1
        return self.policy.pauses[min(self.failures, len(self.policy.pauses)) - 1]

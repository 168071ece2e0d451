"""The processes that a measurement or a test starts end with it, however it ends."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Iterator
from types import FrameType

from daemon.realtime import die_with_parent

# As `preexec_fn` of a new process: Linux kills the process with this one. Elsewhere a killed measurement leaves it.
END_WITH_PARENT = die_with_parent if sys.platform == "linux" else None


@contextlib.contextmanager
def orderly_end() -> Iterator[None]:
    """Within the block, SIGTERM and SIGHUP raise SystemExit, so that what was begun is ended in order."""

    def end(number: int, _frame: FrameType | None) -> None:
        for other in before:
            signal.signal(other, signal.SIG_IGN)  # a further one must not interrupt that
        sys.exit(128 + number)

    numbers = [number for name in ("SIGTERM", "SIGHUP") if (number := getattr(signal, name, None)) is not None]
    before = {number: signal.signal(number, end) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
